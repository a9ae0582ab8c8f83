//! Snapshots: where they are kept, and which ones there are.
//!
//! The last two are kept: if the newer one is damaged, the older one and the log lead to the same
//! state. They are in a folder when one process has the log to itself, and in the shared database
//! when several have it.

mod bytes;
mod directory;
mod postgres;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boxoffice_core::State;
use boxoffice_topics::envelope::ChainHash;
use boxoffice_topics::{LogId, PartitionId};

use self::bytes::Unfit;
use self::postgres::{Rows, Shelf};
use crate::database::{DatabaseError, SharedDatabase};

/// Snapshots of one partition that are kept.
const KEPT: usize = 2;

/// A snapshot that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] directory::Refused),
    /// The database refused or was away.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// It is not a snapshot of the partition that was asked for.
    #[error("{place}: {reason}")]
    Unfit {
        /// Which one.
        place: Place,
        /// What is wrong.
        reason: Unfit,
    },
    /// It was made from another log.
    #[error("{}: it is of log {found}", .path.display())]
    OtherLog {
        /// The file.
        path: PathBuf,
        /// Its log.
        found: LogId,
    },
}

/// A state with the chained hash that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) state: State,
    pub(crate) chain: ChainHash,
}

impl Snapshot {
    /// The state before the first step.
    pub(crate) fn of_nothing(log_id: LogId, partition: PartitionId) -> Self {
        Self { state: State::new(partition), chain: ChainHash::of_log(log_id) }
    }
}

/// Where one snapshot is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A file.
    File(PathBuf),
    /// Rows of the database.
    Rows(Rows),
}

impl Place {
    pub(crate) async fn load(
        &self,
        log_id: LogId,
        partition: PartitionId,
    ) -> Result<Snapshot, CheckpointError> {
        let bytes = match self.clone() {
            Self::File(path) => blocking(move || directory::load(&path)).await?,
            Self::Rows(rows) => rows.load().await?,
        };
        let decoded = blocking(move || bytes::decode(&bytes, log_id, partition)).await;
        decoded.map_err(|reason| match (self.clone(), reason) {
            (Self::File(path), Unfit::OtherLog(found)) => CheckpointError::OtherLog { path, found },
            (place, reason) => CheckpointError::Unfit { place, reason },
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Rows(rows) => rows.fmt(f),
        }
    }
}

/// The snapshots of every partition.
#[derive(Clone, Debug)]
pub struct Checkpoints(Store);

#[derive(Clone, Debug)]
enum Store {
    Directory(Arc<Path>),
    Postgres(SharedDatabase),
}

impl Checkpoints {
    /// Snapshots in this folder, which is made when the first one is written.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(Store::Directory(directory.into().into()))
    }

    /// Snapshots in the database that the processes of a log share.
    #[must_use]
    pub fn in_postgres(database: &SharedDatabase) -> Self {
        Self(Store::Postgres(database.clone()))
    }

    /// The snapshots that are there, the newest first. A store that cannot be read has none.
    pub(crate) async fn newest_first(&self, log_id: LogId, partition: PartitionId) -> Vec<Place> {
        match &self.0 {
            Store::Directory(directory) => {
                let folder = folder(directory, partition);
                let paths = blocking(move || directory::newest_first(&folder)).await;
                paths.into_iter().map(Place::File).collect()
            }
            Store::Postgres(database) => {
                let found = Shelf::new(database, log_id, partition).newest_first().await;
                let rows = found.unwrap_or_else(|error| {
                    tracing::warn!(%partition, %error, "snapshots passed over");
                    Vec::new()
                });
                rows.into_iter().map(Place::Rows).collect()
            }
        }
    }

    /// Writes a snapshot and forgets all but the last two. Returns when it is durable.
    pub(crate) async fn save(
        &self,
        log_id: LogId,
        snapshot: Snapshot,
    ) -> Result<(), CheckpointError> {
        let partition = snapshot.state.partition();
        let next_offset = snapshot.state.next_offset().number();
        let encode = move || bytes::encode(log_id, &snapshot);
        match &self.0 {
            Store::Directory(directory) => {
                let folder = folder(directory, partition);
                let save = move || directory::save(&folder, next_offset, &encode());
                Ok(blocking(save).await?)
            }
            Store::Postgres(database) => {
                let bytes = blocking(encode).await;
                let shelf = Shelf::new(database, log_id, partition);
                Ok(shelf.save(next_offset, &bytes).await?)
            }
        }
    }
}

fn folder(directory: &Path, partition: PartitionId) -> PathBuf {
    directory.join(partition.to_string())
}

/// Runs on a thread that may wait for the disk. A panic goes on in the caller.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
