//! Sends frames to one partition, one at a time.

use std::time::Duration;

use fluvio::{
    DeliverySemantic, Fluvio, Isolation, RecordKey, RetryPolicy, TopicProducerConfigBuilder,
    TopicProducerPool,
};

use super::config::FluvioConfig;
use super::connect::{Away, connect, within};
use crate::TopicPartition;

/// Bytes of records in the largest append: two of them fit into a segment.
pub(super) const APPEND_BYTES_MAX: u64 = 8 << 20;
/// Bytes of the largest request: the largest append, its lengths, and what the client puts around.
pub(super) const REQUEST_BYTES_MAX: usize = APPEND_BYTES_MAX as usize + (64 << 10);
/// Batches that the client queues. One is ever in it; a full queue would spin.
pub(super) const CLIENT_QUEUE_BATCHES: usize = 16;
/// How long making a producer may take.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// A client with a producer for one partition. It is thrown away after its first error.
pub(super) struct Sender {
    producer: TopicProducerPool,
    partition: u32,
    timeout: Duration,
    _client: Fluvio,
}

impl Sender {
    pub(super) async fn open(config: &FluvioConfig, to: TopicPartition) -> Result<Self, Away> {
        let client = connect(config).await?;
        let partition = u32::from(to.partition.number());
        // The client never tries again by itself: that would write twice.
        let once = RetryPolicy { max_retries: 0, ..RetryPolicy::default() };
        let settings = TopicProducerConfigBuilder::default()
            .linger(Duration::ZERO)
            .batch_size(REQUEST_BYTES_MAX)
            .max_request_size(REQUEST_BYTES_MAX)
            .batch_queue_size(CLIENT_QUEUE_BATCHES)
            .isolation(Isolation::ReadUncommitted)
            .timeout(config.write_timeout)
            .delivery_semantic(DeliverySemantic::AtLeastOnce(once))
            .set_specific_partitioner(partition)
            .build()
            .map_err(|error| error.to_string())?;
        let opening = client.topic_producer_with_config(config.topic_name(to.topic), settings);
        let producer = within(OPEN_TIMEOUT, "open a producer", opening).await?;
        Ok(Self { producer, partition, timeout: config.write_timeout, _client: client })
    }

    /// Sends a frame and returns where it is in the topic. After an error it is unknown whether
    /// it is there or comes there later.
    pub(super) async fn send(&self, frame: Vec<u8>) -> Result<u64, Away> {
        let sending = async {
            let output = self.producer.send(RecordKey::NULL, frame).await;
            let output = output.map_err(|error| format!("{error:#}"))?;
            output.wait().await.map_err(|error| error.to_string())
        };
        let written = within(self.timeout, "write", sending).await?;
        if written.partition_id() != self.partition {
            return Err(format!("partition {} took the write", written.partition_id()));
        }
        u64::try_from(written.offset()).map_err(|error| error.to_string())
    }
}
