//! Snapshots in a folder: written beside the last one, made durable, then given their name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::KEPT;

const EXTENSION: &str = "snapshot";
const UNFINISHED: &str = "unfinished";

/// A file that the operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .path.display())]
pub(crate) struct Refused {
    path: PathBuf,
    error: io::Error,
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> Refused {
    let path = path.to_owned();
    move |error| Refused { path, error }
}

/// The snapshots of a partition. A folder that cannot be read has none.
pub(super) fn newest_first(folder: &Path) -> Vec<PathBuf> {
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

pub(super) fn save(folder: &Path, next_offset: u64, bytes: &[u8]) -> Result<(), Refused> {
    fs::create_dir_all(folder).map_err(refused(folder))?;
    let name = format!("{next_offset:020}");
    let unfinished = folder.join(&name).with_extension(UNFINISHED);
    let finished = folder.join(&name).with_extension(EXTENSION);
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, &finished)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(refused(&finished))?;
    forget_old(folder);
    Ok(())
}

/// What cannot be removed only takes room, and the next snapshot tries again.
fn forget_old(folder: &Path) {
    for path in newest_first(folder).into_iter().skip(KEPT) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "old snapshot stays");
        }
    }
}

pub(super) fn load(path: &Path) -> Result<Vec<u8>, Refused> {
    fs::read(path).map_err(refused(path))
}
