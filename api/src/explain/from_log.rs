//! An explanation from the log alone: every step before the intent is applied again, so the state
//! in which it was decided is there, and no record is too old to be found.

use std::num::NonZeroU16;
use std::ops::ControlFlow;

use boxoffice_core::{State, apply};
use boxoffice_log::{Log, LogError, LogReader as _, TopicPartition};
use boxoffice_topics::envelope::{EnvelopeError, intent_from_record, step_from_record};
use boxoffice_topics::{IntentId, Offset, PartitionId, PartitionMap, Step};
use bytes::Bytes;

use super::{Decided, Evidence, ExplanationJson, Finding, Search, Waited, asked_intent};

/// The first step of a partition comes after the record that begins its log.
const FIRST: Offset = Offset::new(1);

/// An intent that cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// It is not there.
    #[error("the log has no decided intent {0}")]
    Unknown(IntentId),
    /// The log cannot be read.
    #[error("log: {0}")]
    Log(#[from] LogError),
    /// A record is not what it should be.
    #[error("record: {0}")]
    Record(#[from] EnvelopeError),
}

/// Explains an intent from the published steps of its partition, and of its account's wallet. Tells
/// the watcher how many steps were read, each time that one was.
///
/// # Errors
/// When the intent was not decided, or a partition cannot be read.
pub async fn from_log<L: Log>(
    log: &L,
    id: IntentId,
    watch: impl FnMut(u64),
) -> Result<ExplanationJson, ExplainError> {
    let (partition, offset) = (id.partition(), id.offset());
    if partition.number() >= log.partitions() || offset == Offset::ZERO {
        return Err(ExplainError::Unknown(id));
    }
    let mut reading = Reading { log, watch, steps: 0 };
    let mut state = State::new(partition).into_replica();
    let mut decided = None;
    reading
        .each_step(partition, FIRST, |step| {
            if step.offset < offset {
                apply(&mut state, &step);
                return ControlFlow::Continue(());
            }
            decided = Some(step);
            ControlFlow::Break(())
        })
        .await?;
    let decided = decided.filter(|step| step.offset == offset && step.intent == Some(id));
    let step = decided.ok_or(ExplainError::Unknown(id))?;
    if let Some(to) = step.answered_in() {
        let origin = step.forwarded_from().unwrap_or(id);
        let answered = reading.find_answer(origin, to).await?.ok_or(ExplainError::Unknown(id))?;
        let Reading { log, watch, .. } = reading;
        return Box::pin(from_log(log, answered, watch)).await;
    }
    let record = read_intent(log, id).await?;
    let (_, intent) = intent_from_record(&record)?;
    let intent = asked_intent(&intent)?;
    let decided = Decided { id, intent: &intent, step: &step };
    let mut evidence = Evidence {
        subject: decided.subject(&state),
        search: Search::Nothing,
        tally: decided.tally(&state),
        waited: decided.waits(),
    };
    reading.look_back(&mut evidence, partition, offset).await?;
    if let Some(waited) = &mut evidence.waited {
        reading.follow(waited, partition, offset).await?;
    }
    Ok(decided.explain(&evidence))
}

async fn read_intent<L: Log>(log: &L, id: IntentId) -> Result<Bytes, ExplainError> {
    let intents = TopicPartition::intents(id.partition());
    let mut reader = log.read(intents, id.offset()).await?;
    let batch = reader.next().await?;
    let record = batch.iter().find(|(at, _)| *at == id.offset());
    let (_, record) = record.ok_or(ExplainError::Unknown(id))?;
    Ok(Bytes::copy_from_slice(record))
}

/// Reads a log for one explanation.
struct Reading<'l, L, W> {
    log: &'l L,
    watch: W,
    steps: u64,
}

impl<L: Log, W: FnMut(u64)> Reading<'_, L, W> {
    /// Looks for what stood in the way, in the steps before an offset.
    async fn look_back(
        &mut self,
        evidence: &mut Evidence,
        partition: PartitionId,
        before: Offset,
    ) -> Result<(), ExplainError> {
        let Evidence { subject, search, tally, .. } = evidence;
        if subject.is_none() && tally.is_none() {
            return Ok(());
        }
        self.each_step(partition, FIRST, |step| {
            if step.offset >= before {
                return ControlFlow::Break(());
            }
            let finding = subject.as_ref().and_then(|subject| Finding::in_step(&step, subject));
            if let Some(finding) = finding {
                *search = Search::Found(finding);
            }
            if let Some(tally) = tally {
                tally.fold(&step);
            }
            ControlFlow::Continue(())
        })
        .await?;
        if let Some(tally) = tally {
            tally.complete();
        }
        Ok(())
    }

    /// Follows an order to its end, and into the wallet that refused it.
    async fn follow(
        &mut self,
        waited: &mut Waited,
        partition: PartitionId,
        from: Offset,
    ) -> Result<(), ExplainError> {
        self.each_step(partition, from, |step| {
            if waited.follow(&step) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        let Some(mut tale) = waited.wallet_to_look_into() else { return Ok(()) };
        let partitions = NonZeroU16::new(self.log.dealt());
        let map = partitions.and_then(PartitionMap::dealt);
        let Some(map) = map else { return Ok(()) };
        let home = map.partition_of(tale.slot());
        self.each_step(home, FIRST, |step| {
            if tale.fold(&step) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        tale.complete();
        waited.looked_into(home, tale);
        Ok(())
    }

    /// The name under which an intent was decided that was forwarded to a partition.
    async fn find_answer(
        &mut self,
        origin: IntentId,
        to: PartitionId,
    ) -> Result<Option<IntentId>, ExplainError> {
        let mut found = None;
        self.each_step(to, FIRST, |step| {
            if step.forwarded_from() != Some(origin) {
                return ControlFlow::Continue(());
            }
            found = step.intent;
            ControlFlow::Break(())
        })
        .await?;
        Ok(found)
    }

    /// Reads the published steps of a partition from an offset on, until nobody wants more.
    async fn each_step(
        &mut self,
        partition: PartitionId,
        from: Offset,
        mut take: impl FnMut(Step) -> ControlFlow<()>,
    ) -> Result<(), ExplainError> {
        let outcomes = TopicPartition::outcomes(partition);
        let end = self.log.end(outcomes).await?;
        let mut next = from;
        let mut reader = self.log.read(outcomes, next).await?;
        while next < end {
            for (offset, record) in reader.next().await?.iter().filter(|(at, _)| *at < end) {
                self.steps += 1;
                (self.watch)(self.steps);
                if take(step_from_record(record)?.1).is_break() {
                    return Ok(());
                }
                next = offset.next();
            }
        }
        Ok(())
    }
}
