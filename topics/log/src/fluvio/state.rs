//! What the writers of a log share with its readers: whoever has read or written furthest tells.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use super::config::FluvioConfig;
use super::follower::Cursor;
use crate::LogError;

/// Records between two entries of the index: a reader goes over so many at most before the first
/// that it wants, which takes some milliseconds.
const INDEX_DISTANCE: u64 = 4_096;

/// Why a log accepts nothing when nothing is wrong.
const CLOSED: &str = "the log is closed";

/// The state of a log that is open.
pub(super) struct Shared {
    pub(super) config: Arc<FluvioConfig>,
    /// The name of this process as a writer.
    pub(super) session: u128,
    stopped: OnceLock<Arc<str>>,
    pub(super) stop: watch::Sender<bool>,
}

/// One partition of one topic.
pub(super) struct PartitionState {
    /// The offset after the last record that was acknowledged to this process, or read by it:
    /// what can be read was acknowledged.
    pub(super) end: watch::Sender<u64>,
    /// The same in the offsets of Fluvio.
    pub(super) written: watch::Sender<u64>,
    index: Mutex<Vec<Cursor>>,
}

impl PartitionState {
    pub(super) fn new() -> Self {
        Self {
            end: watch::Sender::new(0),
            written: watch::Sender::new(0),
            index: Mutex::new(vec![Cursor::default()]),
        }
    }

    fn index(&self) -> MutexGuard<'_, Vec<Cursor>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how far the partition is known. Somebody else may know it further.
    pub(super) fn publish(&self, cursor: &Cursor) {
        self.note(cursor);
        raise(&self.written, cursor.position);
        raise(&self.end, cursor.fold.next);
    }

    /// Keeps a place to read from, when it is far enough after the last.
    fn note(&self, cursor: &Cursor) {
        let mut index = self.index();
        let far = |last: &Cursor| {
            cursor.position.saturating_sub(last.position) >= INDEX_DISTANCE
                || cursor.fold.next.saturating_sub(last.fold.next) >= INDEX_DISTANCE
        };
        if index.last().is_none_or(far) {
            index.push(cursor.clone());
        }
    }

    /// The last place that is not after an offset.
    pub(super) fn near(&self, offset: u64) -> Cursor {
        let index = self.index();
        let after = index.partition_point(|cursor| cursor.fold.next <= offset);
        index.get(after.saturating_sub(1)).cloned().unwrap_or_default()
    }
}

/// Sets a number that only grows.
pub(super) fn raise(known: &watch::Sender<u64>, to: u64) {
    known.send_if_modified(|known| {
        let further = to > *known;
        *known = to.max(*known);
        further
    });
}

impl Shared {
    pub(super) fn new(config: Arc<FluvioConfig>) -> Self {
        let session = uuid::Uuid::new_v4().as_u128();
        Self { config, session, stopped: OnceLock::new(), stop: watch::Sender::new(false) }
    }

    /// Nothing is accepted or acknowledged from now on. The first reason stays.
    pub(super) fn stop(&self, reason: &LogError) {
        if self.stopped.set(Arc::from(reason.to_string())).is_ok() {
            tracing::error!(%reason, "the log stopped");
            self.stop.send_replace(true);
        }
    }

    /// Nothing is accepted from now on, and nothing is wrong.
    pub(super) fn close(&self) {
        if self.stopped.set(Arc::from(CLOSED)).is_ok() {
            self.stop.send_replace(true);
        }
    }

    /// The error for whoever asks when the log has stopped.
    pub(super) fn stopped(&self) -> Option<LogError> {
        self.stopped.get().map(|reason| LogError::Stopped(Arc::clone(reason)))
    }

    pub(super) fn check(&self) -> Result<(), LogError> {
        self.stopped().map_or(Ok(()), Err)
    }

    /// The error for a caller whose writer is gone.
    pub(super) fn gone(&self) -> LogError {
        self.stopped().unwrap_or_else(|| LogError::Stopped(Arc::from(CLOSED)))
    }
}
