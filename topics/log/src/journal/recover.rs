//! Makes a journal ready to be written: makes it when there is none, cuts a torn tail off and
//! makes durable what was found.
//!
//! Every step can be cut short by a crash and is taken again by the next open.

use std::sync::Arc;

use boxoffice_topics::{Genesis, LogId, PartitionId, Timestamp};
use bytes::Bytes;

use super::block::{self, BlockKind, Chain, Place};
use super::config::JournalConfig;
use super::disk::{Disk, DiskFile, write_all_at, write_zeros};
use super::inspect::{Inspection, Tail};
use super::segment::{self, FIRST_BLOCK, SegmentHeader, SegmentReader, file_name};
use crate::{LogError, Topic, TopicPartition};

/// A journal that is ready.
pub(crate) struct Recovered {
    pub(crate) inspection: Inspection,
    pub(crate) genesis: Genesis,
    pub(crate) tail: Tail,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) segment_length: u64,
    /// Segments that were made ahead: the one after the tail, when there is one.
    pub(crate) spare: Option<SegmentReader>,
}

/// Opens or makes the journal. The directory is locked.
pub(crate) fn recover(disk: &dyn Disk, config: &JournalConfig) -> Result<Recovered, LogError> {
    let names = disk.list().map_err(|error| LogError::io("list the journal", error))?;
    for name in names.iter().filter(|name| name.ends_with(".unfinished")) {
        disk.remove(name).map_err(|error| LogError::io(format!("remove {name}"), error))?;
    }
    let mut inspection = match Inspection::begin(disk)? {
        Some(inspection) => inspection,
        None => {
            make_log(disk, config)?;
            Inspection::begin(disk)?
                .ok_or_else(|| LogError::Mismatch(Arc::from("the new log vanished")))?
        }
    };
    if inspection.dealt != config.partitions.get() {
        return Err(LogError::Mismatch(Arc::from(format!(
            "the log was made with {} partitions, and {} were asked for",
            inspection.dealt, config.partitions
        ))));
    }
    let tail = inspection.walk(disk)?;
    let number = tail.location.segment;
    let segment = SegmentReader::open(disk, number)?;
    settle(&*segment.file, tail)
        .map_err(|error| LogError::io(format!("recover {}", file_name(number)), error))?;
    let spare = inspection
        .segments
        .contains(&(number + 1))
        .then(|| SegmentReader::open(disk, number + 1))
        .transpose()?;
    let genesis = inspection
        .genesis
        .ok_or_else(|| LogError::Mismatch(Arc::from("the log has no genesis record")))?;
    let SegmentReader { file, header, .. } = segment;
    Ok(Recovered { inspection, genesis, tail, file, segment_length: header.length, spare })
}

/// Cuts the torn tail off and makes the rest durable.
///
/// What may be in a cache only is written again before the sync: after a sync that failed in an
/// earlier process the system would hand it out from memory and sync nothing.
fn settle(file: &dyn DiskFile, tail: Tail) -> std::io::Result<()> {
    const PART_BYTES: u64 = 1 << 20;
    let end = tail.location.position;
    if tail.torn_to > end {
        tracing::warn!(
            segment = tail.location.segment,
            position = end,
            bytes = tail.torn_to - end,
            "cut off a torn tail"
        );
        write_zeros(file, end, tail.torn_to)?;
    }
    let mut part = vec![0; PART_BYTES.min(end - tail.durable_to) as usize];
    let mut position = tail.durable_to;
    while position < end {
        let bytes = &mut part[..PART_BYTES.min(end - position) as usize];
        file.read_at(bytes, position)?;
        write_all_at(file, bytes, position)?;
        position += bytes.len() as u64;
    }
    file.sync()
}

/// Makes a log: one segment that has the genesis records in its first block.
fn make_log(disk: &dyn Disk, config: &JournalConfig) -> Result<(), LogError> {
    let genesis = config.genesis.unwrap_or_else(random_genesis);
    let record = [Bytes::from(genesis.to_record())];
    let place = Place { log_id: genesis.log_id, segment: 0, position: FIRST_BLOCK };
    let mut first = Vec::new();
    block::begin(&mut first);
    for topic in Topic::ALL {
        for partition in (0..config.partitions.get()).filter_map(PartitionId::new) {
            block::push_frame(&mut first, TopicPartition { topic, partition }, 0, &record);
        }
    }
    block::finish(&mut first, BlockKind::Records, place, Chain::default(), FIRST_BLOCK);
    if first.len() as u64 > config.segment_bytes / 4 {
        return Err(LogError::Mismatch(Arc::from(format!(
            "a segment of {} bytes is too small for {} partitions",
            config.segment_bytes, config.partitions
        ))));
    }
    let header = SegmentHeader {
        log_id: genesis.log_id,
        partitions: config.partitions.get(),
        number: 0,
        length: config.segment_bytes,
    };
    match segment::make(disk, header, &first) {
        Ok(_) => Ok(()),
        Err(error) if is_full(&error) => Err(LogError::Full),
        Err(error) => Err(LogError::io("make the log", error)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the genesis record is stamped here")]
pub(crate) fn random_genesis() -> Genesis {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    Genesis {
        log_id: LogId::from_u128(uuid::Uuid::new_v4().as_u128()),
        created_at: Timestamp::from_millis(millis),
    }
}

/// Whether there may be room later.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}
