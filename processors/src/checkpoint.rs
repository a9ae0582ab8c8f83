//! Snapshots on disk: written beside the last one, made durable, then given their name.
//!
//! ```text
//!   0  magic "BXSNAP"   6  format version 1 (u16)     8  partition (u64)
//!  16  log id           32  next offset (u64)         40  chained hash
//!  72  body length (u64)   80  BLAKE3 of bytes 0..80 and of the body
//! 112  body: the state, as the core encodes it
//! ```
//!
//! Numbers are little endian. The last two are kept: if the newer one is damaged, the older one
//! and the log lead to the same state.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boxoffice_core::{SnapshotError, State};
use boxoffice_topics::envelope::ChainHash;
use boxoffice_topics::{LogId, PartitionId};

const MAGIC: &[u8; 6] = b"BXSNAP";
const VERSION: u16 = 1;
const DIGEST_AT: usize = 80;
const BODY_AT: usize = 112;
/// Snapshots of one partition that are kept.
const KEPT: usize = 2;
const EXTENSION: &str = "snapshot";
const UNFINISHED: &str = "unfinished";

/// A snapshot that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// The operating system refused.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Its bytes are not what was written, or a newer program wrote them.
    #[error("{}: {reason}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// It was made from another log.
    #[error("{}: it is of log {found}", .path.display())]
    OtherLog {
        /// The file.
        path: PathBuf,
        /// Its log.
        found: LogId,
    },
    /// Its body is not a state.
    #[error("{}: {error}", .path.display())]
    Body {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: SnapshotError,
    },
}

/// A state with the chained hash that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) state: State,
    pub(crate) chain: ChainHash,
}

/// The folder of the snapshots of every partition.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    directory: Arc<Path>,
}

impl Checkpoints {
    /// Snapshots in this folder, which is made when the first one is written.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into().into() }
    }

    /// The snapshots that are there, the newest first. A folder that cannot be read has none.
    pub(crate) async fn newest_first(&self, partition: PartitionId) -> Vec<PathBuf> {
        let folder = self.folder(partition);
        blocking(move || list_newest_first(&folder)).await
    }

    pub(crate) async fn load(
        &self,
        path: &Path,
        log_id: LogId,
        partition: PartitionId,
    ) -> Result<Snapshot, CheckpointError> {
        let path = path.to_owned();
        blocking(move || load(path, log_id, partition)).await
    }

    /// Writes a snapshot and forgets all but the last two. Returns when it is durable.
    pub(crate) async fn save(
        &self,
        log_id: LogId,
        snapshot: Snapshot,
    ) -> Result<(), CheckpointError> {
        let folder = self.folder(snapshot.state.partition());
        blocking(move || save(&folder, log_id, &snapshot)).await
    }

    fn folder(&self, partition: PartitionId) -> PathBuf {
        self.directory.join(partition.to_string())
    }
}

/// Runs on a thread that may wait for the disk. A panic goes on in the caller.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CheckpointError {
    let path = path.to_owned();
    move |error| CheckpointError::Io { path, error }
}

fn list_newest_first(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .collect();
    // Names are offsets of one width: the order of the names is the order of the log.
    paths.sort_unstable_by(|one, other| other.cmp(one));
    paths
}

fn prefix(log_id: LogId, snapshot: &Snapshot, body: &[u8]) -> [u8; DIGEST_AT] {
    let mut prefix = [0; DIGEST_AT];
    prefix[..6].copy_from_slice(MAGIC);
    prefix[6..8].copy_from_slice(&VERSION.to_le_bytes());
    let partition = u64::from(snapshot.state.partition().number());
    prefix[8..16].copy_from_slice(&partition.to_le_bytes());
    prefix[16..32].copy_from_slice(&log_id.to_bytes());
    prefix[32..40].copy_from_slice(&snapshot.state.next_offset().number().to_le_bytes());
    prefix[40..72].copy_from_slice(snapshot.chain.as_bytes());
    prefix[72..80].copy_from_slice(&(body.len() as u64).to_le_bytes());
    prefix
}

fn digest(prefix: &[u8], body: &[u8]) -> [u8; 32] {
    blake3::Hasher::new().update(prefix).update(body).finalize().into()
}

fn save(folder: &Path, log_id: LogId, snapshot: &Snapshot) -> Result<(), CheckpointError> {
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let name = format!("{:020}", snapshot.state.next_offset().number());
    let unfinished = folder.join(&name).with_extension(UNFINISHED);
    let finished = folder.join(&name).with_extension(EXTENSION);
    let body = snapshot.state.to_snapshot();
    let prefix = prefix(log_id, snapshot, &body);
    let digest = digest(&prefix, &body);
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(&prefix)?;
        file.write_all(&digest)?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&unfinished, &finished)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(failed(&finished))?;
    forget_old(folder);
    Ok(())
}

/// What cannot be removed only takes room, and the next snapshot tries again.
fn forget_old(folder: &Path) {
    for path in list_newest_first(folder).into_iter().skip(KEPT) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "old snapshot stays");
        }
    }
}

fn load(path: PathBuf, log_id: LogId, partition: PartitionId) -> Result<Snapshot, CheckpointError> {
    let bytes = fs::read(&path).map_err(failed(&path))?;
    let unfit = |reason| CheckpointError::Unfit { path: path.clone(), reason };
    if bytes.len() < BODY_AT || bytes[..6] != *MAGIC {
        return Err(unfit("not a snapshot"));
    }
    if bytes[6..8] != VERSION.to_le_bytes() {
        return Err(unfit("its format is of another version"));
    }
    let (prefix, body) = (&bytes[..DIGEST_AT], &bytes[BODY_AT..]);
    if bytes[DIGEST_AT..BODY_AT] != digest(prefix, body) {
        return Err(unfit("its bytes were changed"));
    }
    if prefix[8..16] != u64::from(partition.number()).to_le_bytes() {
        return Err(unfit("it is of another partition"));
    }
    let mut found = [0; 16];
    found.copy_from_slice(&prefix[16..32]);
    let found = LogId::from_bytes(found);
    if found != log_id {
        return Err(CheckpointError::OtherLog { path, found });
    }
    let state = State::from_snapshot(body)
        .map_err(|error| CheckpointError::Body { path: path.clone(), error })?;
    if prefix[32..40] != state.next_offset().number().to_le_bytes() {
        return Err(unfit("its offset is not the offset of its state"));
    }
    let mut chain = [0; 32];
    chain.copy_from_slice(&prefix[40..72]);
    Ok(Snapshot { state, chain: ChainHash::from_bytes(chain) })
}
