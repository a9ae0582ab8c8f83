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
    let outcomes = TopicPartition::outcomes(partition);
    // Steps are released before they are published: its record and others before it may still
    // be on their way.
    let end = log.end(outcomes).await?;
    let mut reader = log.read(outcomes, offset.min(end)).await?;
    loop {
        let batch = reader.next().await?;
        if let Some((_, record)) = batch.iter().find(|(at, _)| *at == offset) {
            let damaged = |error| ReadBackError::Record { partition, offset, error };
            return step_from_record(record).map(|(_, step)| step).map_err(damaged);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use boxoffice_log::Durability;
    use boxoffice_log::memory::MemoryLog;
    use boxoffice_topics::envelope::{ChainHash, step_to_record};
    use boxoffice_topics::{Genesis, LogId, Timestamp};

    use super::*;

    #[tokio::test]
    async fn a_step_is_waited_for_when_it_and_others_before_it_are_not_published_yet() {
        let log_id = LogId::from_u128(1);
        let genesis = Genesis { log_id, created_at: Timestamp::from_millis(1) };
        let log = MemoryLog::new(NonZeroU16::MIN, genesis);
        let partition = PartitionId::new(0).unwrap();
        let reading = tokio::spawn({
            let log = log.clone();
            async move { read_step(&log, partition, Offset::new(3)).await }
        });
        for number in 1..=4 {
            tokio::task::yield_now().await;
            let step = Step { offset: Offset::new(number), ..Step::default() };
            let chain = ChainHash::of_log(log_id);
            let (record, _) = step_to_record(log_id, 0, chain, &step, &mut Vec::new());
            let outcomes = TopicPartition::outcomes(partition);
            log.append(outcomes, vec![record.into()], Durability::Written).await.unwrap();
        }
        assert_eq!(reading.await.unwrap().unwrap().offset, Offset::new(3));
    }
}
