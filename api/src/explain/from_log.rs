//! An explanation from the log alone: every step before the intent is applied again, so the state
//! in which it was decided is there, and no record is too old to be found.

use boxoffice_core::{State, apply};
use boxoffice_log::{Log, LogError, LogReader as _, TopicPartition};
use boxoffice_topics::envelope::{EnvelopeError, intent_from_record, step_from_record};
use boxoffice_topics::{IntentId, Offset, PartitionId, Step};

use super::{Decided, ExplanationJson, Finding, Search, Subject, asked_intent};

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

/// Explains an intent from the published steps of its partition.
///
/// # Errors
/// When the intent was not decided, or its partition cannot be read.
pub async fn from_log<L: Log>(log: &L, id: IntentId) -> Result<ExplanationJson, ExplainError> {
    let (partition, offset) = (id.partition(), id.offset());
    if partition.number() >= log.partitions() || offset == Offset::ZERO {
        return Err(ExplainError::Unknown(id));
    }
    let mut state = State::new(partition).into_replica();
    let mut decided = None;
    each_step(log, partition, offset, |step| {
        if step.offset == offset {
            decided = Some(step);
        } else {
            apply(&mut state, &step);
        }
    })
    .await?;
    let decided = decided.filter(|step| step.intent == Some(id));
    let step = decided.ok_or(ExplainError::Unknown(id))?;
    if let Some(to) = step.answered_in() {
        let origin = step.forwarded_from().unwrap_or(id);
        let answered = find_answer(log, origin, to).await?.ok_or(ExplainError::Unknown(id))?;
        return Box::pin(from_log(log, answered)).await;
    }
    let mut reader = log.read(TopicPartition::intents(partition), offset).await?;
    let batch = reader.next().await?;
    let (_, record) =
        batch.iter().find(|(at, _)| *at == offset).ok_or(ExplainError::Unknown(id))?;
    let (_, intent) = intent_from_record(record)?;
    let intent = asked_intent(&intent)?;
    let decided = Decided { id, intent: &intent, step: &step };
    let subject = decided.subject(&state);
    let search = match &subject {
        Some(subject) => search(log, partition, offset, subject).await?,
        None => Search::Nothing,
    };
    Ok(decided.explain(subject.as_ref(), &search))
}

/// The name under which an intent was decided that was forwarded to a partition.
async fn find_answer<L: Log>(
    log: &L,
    origin: IntentId,
    to: PartitionId,
) -> Result<Option<IntentId>, ExplainError> {
    let end = log.end(TopicPartition::outcomes(to)).await?;
    let mut found = None;
    each_step(log, to, end, |step| {
        if step.forwarded_from() == Some(origin) {
            found = step.intent;
        }
    })
    .await?;
    Ok(found)
}

/// The last step before an offset that is about a subject.
async fn search<L: Log>(
    log: &L,
    partition: PartitionId,
    before: Offset,
    subject: &Subject,
) -> Result<Search, ExplainError> {
    let mut found = Search::Nothing;
    each_step(log, partition, before, |step| {
        if step.offset < before
            && let Some(finding) = Finding::in_step(&step, subject)
        {
            found = Search::Found(finding);
        }
    })
    .await?;
    Ok(found)
}

/// Reads the published steps of a partition up to an offset and including it.
async fn each_step<L: Log>(
    log: &L,
    partition: PartitionId,
    last: Offset,
    mut take: impl FnMut(Step),
) -> Result<(), ExplainError> {
    let outcomes = TopicPartition::outcomes(partition);
    let end = log.end(outcomes).await?.min(last.next());
    let mut next = Offset::ZERO.next();
    let mut reader = log.read(outcomes, next).await?;
    while next < end {
        for (offset, record) in reader.next().await?.iter().filter(|(at, _)| *at < end) {
            take(step_from_record(record)?.1);
            next = offset.next();
        }
    }
    Ok(())
}
