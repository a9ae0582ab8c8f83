//! Everything decided again from the first intent, against what was published.

use boxoffice_core::State;
use boxoffice_log::{Durability, Log, TopicPartition};
use boxoffice_topics::envelope::{ChainHash, step_from_record};
use boxoffice_topics::{Offset, PartitionId};

use crate::decider::Decider;
use crate::error::Error;
use crate::records::{Records, check_genesis};
use crate::recover::Progress;

/// What a replay of one partition found.
#[derive(Clone, Debug)]
pub struct ReplayReport {
    /// Of which partition.
    pub partition: PartitionId,
    /// Intents that were decided again.
    pub records: u64,
    /// Intents whose step is not published: a crash took it, and the next start publishes it.
    pub unpublished: u64,
    /// Intents that could not be read.
    pub quarantined: u64,
    /// Where the outcomes differ first. Nothing after it is compared: every later hash differs.
    pub first_difference: Option<Difference>,
    /// The chained hash after the last record.
    pub chain: ChainHash,
    /// The state after the last record.
    pub state: State,
}

impl ReplayReport {
    /// Whether every published outcome was decided again to the same bytes.
    #[must_use]
    pub const fn is_identical(&self) -> bool {
        self.first_difference.is_none()
    }
}

/// Two steps that should be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Place of the input.
    pub offset: Offset,
    /// Why they are not the same.
    pub reason: String,
    /// The published step, or why it cannot be read.
    pub published: String,
    /// The step as it is decided now.
    pub decided: String,
}

/// Decides every intent of a partition again, without snapshots, and compares every published
/// step. Nothing is written.
///
/// # Errors
/// When the log cannot be read. A difference is a finding, not an error.
pub async fn verify<L: Log>(
    log: &L,
    partition: PartitionId,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<ReplayReport, Error> {
    let (intents, outcomes) =
        (TopicPartition::intents(partition), TopicPartition::outcomes(partition));
    check_genesis(log, intents).await?;
    check_genesis(log, outcomes).await?;
    // The outcomes first: a log that is in use meanwhile publishes only what it has been asked.
    // An append of nothing finds the end, also when others write there.
    let outcomes_end = log.end(outcomes).await?;
    let end = log.append(intents, Vec::new(), Durability::Written).await?;
    let log_id = log.log_id();
    let mut decider = Decider::new(log_id, State::new(partition), ChainHash::of_log(log_id));
    let first = decider.next_offset();
    let mut asked = Records::open(log, intents, first).await?;
    let mut published = Records::open(log, outcomes, first).await?;
    let mut first_difference = None;
    while decider.next_offset() < end && first_difference.is_none() {
        let (offset, record) = asked.next().await?;
        decider.advance(offset, &record)?;
        if offset < outcomes_end {
            let (_, record) = published.next().await?;
            first_difference = difference(&decider, offset, &record);
        }
        Progress { partition, next: decider.next_offset(), end }.tell(&mut progress);
    }
    if first_difference.is_none() && outcomes_end > end {
        let (offset, record) = published.next().await?;
        let reason = "there is no such intent".to_owned();
        let (published, decided) = (show(&record), "nothing".to_owned());
        first_difference = Some(Difference { offset, reason, published, decided });
    }
    let records = decider.next_offset().number() - first.number();
    let unpublished = decider.next_offset().number().saturating_sub(outcomes_end.number());
    let quarantined = decider.quarantined();
    let (state, chain) = decider.into_parts();
    Ok(ReplayReport {
        partition,
        records,
        unpublished,
        quarantined,
        first_difference,
        chain,
        state,
    })
}

fn difference(decider: &Decider, offset: Offset, published: &[u8]) -> Option<Difference> {
    let reason = decider.compare(published).err()?.to_string();
    let decided = format!("{:?}", decider.step());
    Some(Difference { offset, reason, published: show(published), decided })
}

fn show(published: &[u8]) -> String {
    match step_from_record(published) {
        Ok((_, step)) => format!("{step:?}"),
        Err(error) => error.to_string(),
    }
}
