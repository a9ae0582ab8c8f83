//! Writes to one result topic: one batch in flight in each partition, and nothing after a batch
//! whose fate is unknown.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use boxoffice_topics::PartitionId;
use fluvio::{
    DeliverySemantic, Fluvio, Isolation, Partitioner, PartitionerConfig, ProduceOutput, RecordKey,
    RetryPolicy, TopicProducerConfigBuilder, TopicProducerPool,
};

use super::ResultTopic;
use crate::LogError;
use crate::fluvio::config::FluvioConfig;
use crate::fluvio::connect::{Away, connect, within};
use crate::fluvio::sender::{CLIENT_QUEUE_BATCHES, OPEN_TIMEOUT, REQUEST_BYTES_MAX};

/// How long the client would gather records by itself. It is never waited for: a batch is sent when
/// all of it is there, so that it cannot be parted into one that fails and one that does not.
const LINGER: Duration = Duration::from_secs(3_600);

/// Records for one partition, in their order. They have 8 MiB at most.
pub type PartitionRecords = (PartitionId, Vec<Vec<u8>>);

/// A client with a producer for one topic. It is thrown away after its first error.
pub struct ResultWriter {
    topic: ResultTopic,
    producer: TopicProducerPool,
    partition: Arc<AtomicU32>,
    timeout: Duration,
    _client: Fluvio,
}

impl fmt::Debug for ResultWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultWriter").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Sends every record where it was last told to.
struct Told(Arc<AtomicU32>);

impl Partitioner for Told {
    fn partition(&self, _: &PartitionerConfig, _key: Option<&[u8]>, _value: &[u8]) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResultWriter {
    /// Connects to the cluster.
    ///
    /// # Errors
    /// [`LogError::Away`] when it does not answer.
    pub async fn open(config: &FluvioConfig, topic: ResultTopic) -> Result<Self, LogError> {
        Self::try_open(config, topic).await.map_err(away)
    }

    /// Appends a batch to each of these partitions and returns where the last record of each is in
    /// the topic. After an error it is unknown which of them are there or come there later, and
    /// this writer is good for nothing more.
    ///
    /// # Errors
    /// [`LogError::Away`] when not all of it was acknowledged.
    pub async fn write(&self, records: Vec<PartitionRecords>) -> Result<Vec<u64>, LogError> {
        within(self.timeout, "write results", self.send(records)).await.map_err(away)
    }

    async fn try_open(config: &FluvioConfig, topic: ResultTopic) -> Result<Self, Away> {
        let client = connect(config).await?;
        let partition = Arc::new(AtomicU32::new(0));
        // The client never tries again by itself: what it did not deliver must not come later.
        let once = RetryPolicy { max_retries: 0, ..RetryPolicy::default() };
        let settings = TopicProducerConfigBuilder::default()
            .linger(LINGER)
            .batch_size(REQUEST_BYTES_MAX)
            .max_request_size(REQUEST_BYTES_MAX)
            .batch_queue_size(CLIENT_QUEUE_BATCHES)
            .isolation(Isolation::ReadUncommitted)
            .timeout(config.write_timeout)
            .delivery_semantic(DeliverySemantic::AtLeastOnce(once))
            .partitioner(Arc::new(Told(Arc::clone(&partition))))
            .build()
            .map_err(|error| error.to_string())?;
        let opening = client.topic_producer_with_config(topic.name_in(config), settings);
        let producer = within(OPEN_TIMEOUT, "open a producer", opening).await?;
        Ok(Self { topic, producer, partition, timeout: config.write_timeout, _client: client })
    }

    async fn send(&self, records: Vec<PartitionRecords>) -> Result<Vec<u64>, Away> {
        let mut batches = Vec::new();
        for (partition, records) in records {
            batches.push(self.gather(partition, records).await?);
        }
        self.producer.flush().await.map_err(|error| format!("{error:#}"))?;
        let mut lasts = Vec::new();
        for batch in batches {
            lasts.push(batch.last().await?);
        }
        Ok(lasts)
    }

    async fn gather(&self, to: PartitionId, records: Vec<Vec<u8>>) -> Result<Batch, Away> {
        self.partition.store(u32::from(to.number()), Ordering::Relaxed);
        let mut outputs = Vec::with_capacity(records.len());
        for record in records {
            let output = self.producer.send(RecordKey::NULL, record).await;
            outputs.push(output.map_err(|error| format!("{error:#}"))?);
        }
        Ok(Batch { partition: to, outputs })
    }
}

/// What was given to the client for one partition.
struct Batch {
    partition: PartitionId,
    outputs: Vec<ProduceOutput>,
}

impl Batch {
    /// Where the last record is, when all of them were acknowledged side by side.
    async fn last(self) -> Result<u64, Away> {
        let mut last = None;
        for output in self.outputs {
            let written = output.wait().await.map_err(|error| error.to_string())?;
            let offset = u64::try_from(written.offset()).map_err(|error| error.to_string())?;
            let is_next = last.is_none_or(|last: u64| last + 1 == offset);
            if written.partition_id() != u32::from(self.partition.number()) || !is_next {
                return Err(format!("the batch of partition {} was parted", self.partition));
            }
            last = Some(offset);
        }
        last.ok_or_else(|| "nothing was to be written".to_owned())
    }
}

fn away(reason: String) -> LogError {
    LogError::Away(Arc::from(reason))
}
