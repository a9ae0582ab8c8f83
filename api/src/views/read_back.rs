//! Steps that have left memory, read back from the outcomes topic.

use boxoffice_log::{Log, LogError, LogReader, TopicPartition};
use boxoffice_topics::envelope::{EnvelopeError, step_from_record};
use boxoffice_topics::{Offset, PartitionId, Step};

/// A step that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The record is not a step.
    #[error("step at {offset} of partition {partition}: {error}")]
    Record {
        /// The partition.
        partition: PartitionId,
        /// The offset.
        offset: Offset,
        /// What is wrong with it.
        error: EnvelopeError,
    },
}

/// The released step at this place. Waits when its record is still on the way to the topic.
///
/// # Errors
/// When the log fails, or holds something else there.
pub async fn read_step<L: Log>(
    log: &L,
    partition: PartitionId,
    offset: Offset,
) -> Result<Step, ReadBackError> {
    let mut reader = log.read(TopicPartition::outcomes(partition), offset).await?;
    let batch = reader.next().await?;
    let damaged = |error| ReadBackError::Record { partition, offset, error };
    let record = batch.records.first().ok_or_else(|| {
        LogError::Stopped(std::sync::Arc::from("a batch without records was read"))
    })?;
    let (_, step) = step_from_record(record).map_err(damaged)?;
    Ok(step)
}
