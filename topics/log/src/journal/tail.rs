//! What the writer shares with readers and waiters: the end of every partition, what of it is
//! durable, and the newest records.
//!
//! Only the writer changes anything here. Readers of old records go to the disk, so that a slow
//! one costs no memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use boxoffice_topics::Genesis;
use boxoffice_topics::partition::PARTITIONS_MAX;
use bytes::Bytes;
use tokio::sync::watch;

use super::disk::Disk;
use super::index::Index;
use super::inspect::index_of;
use super::segment::Location;
use crate::{LogError, TopicPartition};

/// Records in one answer of a reader: enough to work in bulk, little enough to answer soon.
const TAKE_RECORDS_MAX: usize = 4_096;
/// Bytes in one answer of a reader.
const TAKE_BYTES_MAX: usize = 1 << 20;

/// Why a log that did not fail accepts nothing more.
pub(crate) const CLOSED: &str = "the log is closed";

/// Everything that is shared.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) genesis: Genesis,
    /// Partitions that the log was made with.
    pub(crate) dealt: u16,
    partitions: AtomicU16,
    /// By [`index_of`]. Partitions come and never go.
    states: Box<[OnceLock<Box<PartitionState>>]>,
    stopped: OnceLock<Arc<str>>,
}

impl Shared {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        genesis: Genesis,
        dealt: u16,
        found: impl ExactSizeIterator<Item = (u64, Index)>,
    ) -> Self {
        let partitions = AtomicU16::new((found.len() / 2) as u16);
        let found = found.map(|(end, index)| OnceLock::from(PartitionState::new(end, index)));
        let later = std::iter::repeat_with(OnceLock::new);
        let states = found.chain(later).take(2 * usize::from(PARTITIONS_MAX)).collect();
        Self { disk, genesis, dealt, partitions, states, stopped: OnceLock::new() }
    }

    /// Partitions that the log has by now.
    pub(crate) fn partitions(&self) -> u16 {
        self.partitions.load(Ordering::Acquire)
    }

    /// Shows partitions that have their genesis records.
    pub(crate) fn show_partitions(&self, partitions: u16) {
        self.partitions.fetch_max(partitions, Ordering::AcqRel);
    }

    pub(crate) fn index_of(&self, of: TopicPartition) -> Result<usize, LogError> {
        let partitions = self.partitions();
        index_of(of, partitions).ok_or_else(|| {
            LogError::Mismatch(Arc::from(format!("there is no {of}: {partitions} partitions")))
        })
    }

    pub(crate) fn state(&self, index: usize) -> &PartitionState {
        self.states[index].get_or_init(|| PartitionState::new(0, Index::default()))
    }

    /// Nothing is accepted, acknowledged or made durable from now on. The first reason stays.
    pub(crate) fn stop(&self, reason: Arc<str>) {
        if self.stopped.set(reason).is_ok() {
            for state in self.states.iter().filter_map(OnceLock::get) {
                state.written.send_modify(|_| ());
                state.durable.send_modify(|_| ());
            }
        }
    }

    pub(crate) fn stopped(&self) -> Option<LogError> {
        self.stopped.get().map(|reason| LogError::Stopped(Arc::clone(reason)))
    }

    /// The error for a caller whose writer is gone.
    pub(crate) fn gone(&self) -> LogError {
        self.stopped().unwrap_or_else(|| LogError::Stopped(Arc::from(CLOSED)))
    }
}

/// One partition of one topic.
pub(crate) struct PartitionState {
    recent: Mutex<Recent>,
    /// The offset after the last record that readers see.
    pub(crate) written: watch::Sender<u64>,
    /// The offset after the last durable record.
    pub(crate) durable: watch::Sender<u64>,
    /// The offset that will be durable after a sync that is certain to be tried.
    promised: AtomicU64,
}

impl PartitionState {
    fn new(end: u64, index: Index) -> Box<Self> {
        Box::new(Self {
            recent: Mutex::new(Recent { batches: VecDeque::new(), end, index }),
            written: watch::Sender::new(end),
            durable: watch::Sender::new(end),
            promised: AtomicU64::new(end),
        })
    }

    pub(crate) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn promise(&self, end: u64) {
        self.promised.store(end, Ordering::Release);
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised.load(Ordering::Acquire)
    }
}

/// The newest records of a partition, and where the others are.
pub(crate) struct Recent {
    batches: VecDeque<(u64, Vec<Bytes>)>,
    end: u64,
    index: Index,
}

/// What a reader finds.
pub(crate) enum Found {
    /// These, next.
    Records(Vec<Bytes>),
    /// Nothing yet.
    Nothing,
    /// Those before `until` are on disk only, in or after the block at `near`.
    OnDisk { until: u64, near: Option<Location> },
}

impl Recent {
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Adds an append that was written as a frame of the block at `location`.
    pub(crate) fn push(&mut self, records: Vec<Bytes>, location: Location) {
        self.index.note(self.end, location);
        let first = self.end;
        self.end += records.len() as u64;
        self.batches.push_back((first, records));
    }

    /// Forgets the oldest append.
    pub(crate) fn forget_oldest(&mut self) {
        self.batches.pop_front();
    }

    /// What a reader finds at an offset, looking no further than `limit`.
    pub(crate) fn find(&self, offset: u64, limit: u64) -> Found {
        let limit = limit.min(self.end);
        if offset >= limit {
            return Found::Nothing;
        }
        let kept = self.batches.front().map_or(self.end, |(first, _)| *first);
        if offset < kept {
            return Found::OnDisk { until: kept.min(limit), near: self.index.near(offset) };
        }
        let start = self.batches.partition_point(|(first, _)| *first <= offset) - 1;
        let skipped = (offset - self.batches[start].0) as usize;
        let wanted = (limit - offset).min(TAKE_RECORDS_MAX as u64) as usize;
        let mut bytes = 0;
        let records = self.batches.range(start..).flat_map(|(_, records)| records).skip(skipped);
        let records = records.take(wanted).take_while(|record| {
            // At least one record, however large.
            let first = bytes == 0;
            bytes += record.len().max(1);
            first || bytes <= TAKE_BYTES_MAX
        });
        Found::Records(records.cloned().collect())
    }
}
