//! Logs that are opened on simulated disks, and records that can be told apart.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_log::journal::disk::simulated::SimulatedDisk;
use boxoffice_log::journal::{Journal, JournalConfig};
use boxoffice_log::{Log, LogError, LogReader, TopicPartition};
use boxoffice_topics::{Genesis, LogId, Offset, PartitionId, Timestamp};
use bytes::Bytes;

pub(crate) const PARTITIONS: NonZeroU16 = NonZeroU16::new(3).expect("not zero");

pub(crate) const GENESIS: Genesis =
    Genesis { log_id: LogId::from_u128(0xb0c5), created_at: Timestamp::from_millis(1_000) };

/// Small segments, so that every test goes through several.
pub(crate) fn config() -> JournalConfig {
    JournalConfig {
        segment_bytes: 32 * 1024,
        full_retry: Duration::ZERO,
        genesis: Some(GENESIS),
        ..JournalConfig::new("nowhere", PARTITIONS)
    }
}

pub(crate) fn open(disk: &SimulatedDisk) -> Result<Journal, LogError> {
    Journal::open_on(Arc::new(disk.clone()), &config())
}

pub(crate) fn intents(partition: u16) -> TopicPartition {
    TopicPartition::intents(PartitionId::new(partition).expect("a partition"))
}

pub(crate) fn outcomes(partition: u16) -> TopicPartition {
    TopicPartition::outcomes(PartitionId::new(partition).expect("a partition"))
}

/// A record that names its place; its length depends on the number.
pub(crate) fn record(of: TopicPartition, number: u64) -> Bytes {
    let mut bytes = format!("{of} {number} ").into_bytes();
    bytes.resize(bytes.len() + (number as usize * 37) % 300, b'x');
    Bytes::from(bytes)
}

/// Every record from an offset to the end.
pub(crate) async fn read_from(log: &impl Log, of: TopicPartition, first: u64) -> Vec<Bytes> {
    let end = log.end(of).await.expect("an end");
    let mut reader = log.read(of, Offset::new(first)).await.expect("a reader");
    let mut records = Vec::new();
    let mut next = Offset::new(first);
    while next < end {
        let batch = reader.next().await.expect("records");
        assert_eq!(batch.first, next, "no gap and nothing twice");
        next = batch.end();
        records.extend(batch.records);
    }
    records
}

/// The partition holds its genesis record and then `record(1)`, `record(2)` and so on.
pub(crate) async fn assert_in_order(log: &impl Log, of: TopicPartition) -> u64 {
    let records = read_from(log, of, 0).await;
    assert_eq!(records[0], GENESIS.to_record());
    for (number, found) in (0u64..).zip(&records).skip(1) {
        assert_eq!(*found, record(of, number), "offset {number} of {of}");
    }
    records.len() as u64
}
