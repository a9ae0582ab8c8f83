//! From what is on disk to a state that can go on: the newest snapshot that fits, then every
//! later intent decided again.
//!
//! What is published already is compared; what is missing is published. The outcomes topic may
//! be shorter than the intents topic, because steps are written without a sync of their own. It
//! is never longer: a step is published only after its intent is durable.

use boxoffice_core::State;
use boxoffice_log::{Durability, Log, TopicPartition};
use boxoffice_topics::envelope::{ChainHash, step_header_from_record};
use boxoffice_topics::{Offset, PartitionId};
use bytes::Bytes;

use crate::checkpoint::{CheckpointError, Checkpoints, Place, Snapshot};
use crate::decider::Decider;
use crate::error::Error;
use crate::records::{Records, check_genesis, expect_offset, take_append};

/// Steps that are published in one batch.
const PUBLISH_RECORDS_MAX: usize = 4_096;
/// Records between two reports of progress: often enough for a bar, too seldom to cost.
const PROGRESS_RECORDS: u64 = 4_096;

/// How far recovery or a replay has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Of which partition.
    pub partition: PartitionId,
    /// The offset that is decided next.
    pub next: Offset,
    /// The offset at which it is done.
    pub end: Offset,
}

impl Progress {
    /// Tells `report` now and then, and at the end.
    pub(crate) fn tell(self, report: &mut impl FnMut(Self)) {
        if self.next == self.end || self.next.number().is_multiple_of(PROGRESS_RECORDS) {
            report(self);
        }
    }
}

/// A partition that can go on.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Everything that is known. Its next offset is the end of both topics.
    pub state: State,
    /// The chained hash of every step so far.
    pub chain: ChainHash,
    /// The next offset of the snapshot that it began with.
    pub snapshot: Option<Offset>,
    /// Intents that were decided again.
    pub decided: u64,
    /// Steps that had to be published.
    pub published: u64,
    /// Intents that could not be read.
    pub quarantined: u64,
}

impl Recovered {
    /// The offset of the next intent.
    #[must_use]
    pub fn next(&self) -> Offset {
        self.state.next_offset()
    }
}

/// Recovers a partition. Nobody else may append to it meanwhile.
///
/// # Errors
/// When the log has failed, has lost intents, or when an intent now leads to another outcome
/// than the one that is published.
pub async fn recover<L: Log>(
    log: &L,
    partition: PartitionId,
    checkpoints: &Checkpoints,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Recovered, Error> {
    let (intents, outcomes) =
        (TopicPartition::intents(partition), TopicPartition::outcomes(partition));
    check_genesis(log, intents).await?;
    check_genesis(log, outcomes).await?;
    // Before the ends: the owner of before may be writing its last one, which these must not miss.
    let places = checkpoints.newest_first(log.log_id(), partition).await;
    let (end, outcomes_end) = (log.end(intents).await?, log.end(outcomes).await?);
    if outcomes_end > end {
        return Err(Error::OutcomesAhead { partition, outcomes_end, intents_end: end });
    }
    log.wait_durable(intents, end).await?;
    let ends = Ends { intents: end, outcomes: outcomes_end };
    let found = newest_snapshot(log, partition, &places, ends).await?;
    let snapshot = found.as_ref().map(|snapshot| snapshot.state.next_offset());
    let begin = found.unwrap_or_else(|| Snapshot::of_nothing(log.log_id(), partition));
    let mut decider = Decider::new(log.log_id(), begin.state, begin.chain);
    let first = decider.next_offset();
    let mut asked = Records::open(log, intents, first).await?;
    let mut published = Records::open(log, outcomes, first).await?;
    let mut missing = Vec::new();
    while decider.next_offset() < end {
        let (offset, record) = asked.next().await?;
        let step = decider.advance(offset, &record)?;
        if offset < outcomes_end {
            let (_, record) = published.next().await?;
            decider.compare(&record)?;
        } else {
            missing.push(step);
        }
        if missing.len() == PUBLISH_RECORDS_MAX {
            publish(log, outcomes, offset, &mut missing).await?;
        }
        Progress { partition, next: decider.next_offset(), end }.tell(&mut progress);
    }
    publish(log, outcomes, last_before(end), &mut missing).await?;
    let decided = end.number() - first.number();
    let published = end.number() - first.max(outcomes_end).number();
    let quarantined = decider.quarantined();
    tracing::info!(%partition, next = %end, decided, published, "partition recovered");
    let (state, chain) = decider.into_parts();
    Ok(Recovered { state, chain, snapshot, decided, published, quarantined })
}

/// Where the topics end.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) intents: Offset,
    pub(crate) outcomes: Offset,
}

/// The newest of these snapshots that fits the log. They were there before the ends.
pub(crate) async fn newest_snapshot<L: Log>(
    log: &L,
    partition: PartitionId,
    places: &[Place],
    ends: Ends,
) -> Result<Option<Snapshot>, Error> {
    let log_id = log.log_id();
    for place in places {
        let snapshot = match place.load(log_id, partition).await {
            Ok(snapshot) => snapshot,
            // A log that was replaced knows nothing of what was sold.
            Err(CheckpointError::OtherLog { path, found }) => {
                return Err(Error::SnapshotOfOtherLog { path, expected: log_id, found });
            }
            Err(error) => {
                tracing::warn!(%partition, %error, "snapshot passed over");
                continue;
            }
        };
        let next = snapshot.state.next_offset();
        if next > ends.intents {
            return Err(Error::SnapshotAhead {
                partition,
                snapshot: next,
                intents_end: ends.intents,
            });
        }
        if follows_from_published(log, &snapshot, ends.outcomes).await? {
            return Ok(Some(snapshot));
        }
        tracing::warn!(%partition, snapshot = %next, outcomes_end = %ends.outcomes,
            "snapshot passed over: the published outcomes do not lead to it");
    }
    Ok(None)
}

/// Whether every step before the snapshot is published, and the last one with the snapshot's
/// hash. Steps that were lost must be decided again, for which an older state is needed.
async fn follows_from_published<L: Log>(
    log: &L,
    snapshot: &Snapshot,
    outcomes_end: Offset,
) -> Result<bool, Error> {
    let next = snapshot.state.next_offset();
    if next > outcomes_end {
        return Ok(false);
    }
    if next == Offset::ZERO.next() {
        return Ok(snapshot.chain == ChainHash::of_log(log.log_id()));
    }
    let topic = TopicPartition::outcomes(snapshot.state.partition());
    let (_, record) = Records::open(log, topic, last_before(next)).await?.next().await?;
    Ok(step_header_from_record(&record).is_ok_and(|header| header.chain == snapshot.chain))
}

fn last_before(end: Offset) -> Offset {
    Offset::new(end.number().saturating_sub(1))
}

/// Appends steps, the last of which is the one of `last`.
async fn publish<L: Log>(
    log: &L,
    outcomes: TopicPartition,
    last: Offset,
    steps: &mut Vec<Bytes>,
) -> Result<(), Error> {
    let mut expected = Offset::new(last.next().number() - steps.len() as u64);
    while !steps.is_empty() {
        let some = take_append(steps);
        let next = expected.plus(some.len() as u64);
        let found = log.append(outcomes, some, Durability::Written).await?;
        expect_offset(outcomes, expected, found)?;
        expected = next;
    }
    Ok(())
}
