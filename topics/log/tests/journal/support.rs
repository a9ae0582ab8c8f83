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
    try_read_from(log, of, first).await.unwrap()
}

/// Every record from an offset to the end, or what is wrong with them.
pub(crate) async fn try_read_from(
    log: &impl Log,
    of: TopicPartition,
    first: u64,
) -> Result<Vec<Bytes>, String> {
    let text = |error: LogError| format!("{of}: {error}");
    let end = log.end(of).await.map_err(text)?;
    let mut reader = log.read(of, Offset::new(first)).await.map_err(text)?;
    let mut records = Vec::new();
    let mut next = Offset::new(first);
    while next < end {
        let batch = reader.next().await.map_err(text)?;
        if batch.first != next {
            return Err(format!("{of}: {} where {next} should be", batch.first));
        }
        next = batch.end();
        records.extend(batch.records);
    }
    Ok(records)
}

/// The partition holds its genesis record and then `record(1)`, `record(2)` and so on.
pub(crate) async fn assert_in_order(log: &impl Log, of: TopicPartition) -> u64 {
    in_order(log, of).await.unwrap()
}

/// How many records a partition has, when they are its genesis record and then `record(1)`,
/// `record(2)` and so on.
pub(crate) async fn in_order(log: &impl Log, of: TopicPartition) -> Result<u64, String> {
    let records = try_read_from(log, of, 0).await?;
    if records.first().is_none_or(|first| *first != GENESIS.to_record()) {
        return Err(format!("{of} does not begin with its genesis record"));
    }
    for (number, found) in (0u64..).zip(&records).skip(1) {
        if *found != record(of, number) {
            return Err(format!("offset {number} of {of} is another record"));
        }
    }
    Ok(records.len() as u64)
}
