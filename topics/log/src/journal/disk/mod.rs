//! The disk as the journal sees it: one directory of files, written at positions and synced.
//!
//! Everything the journal asks of an operating system goes through here, so that a test can tear
//! it. Nothing here knows what the bytes mean.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

mod file_system;
pub mod simulated;

pub use file_system::{FileSystem, create_directory};

/// Keeps everybody else out of the directory until it is dropped.
pub type DiskLock = Box<dyn Send>;

/// One directory.
pub trait Disk: Send + Sync {
    /// Takes the directory for this journal alone; `None` when somebody else has it.
    ///
    /// # Errors
    /// When the operating system cannot say.
    fn lock(&self) -> io::Result<Option<DiskLock>>;

    /// The names of the files.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes an empty file, or empties the one that has the name.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// When there is none, or the operating system refuses.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name. Durable after [`Disk::sync_directory`].
    ///
    /// # Errors
    /// When the operating system refuses.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_directory`].
    ///
    /// # Errors
    /// When the operating system refuses.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every change of names durable.
    ///
    /// # Errors
    /// When the disk fails.
    fn sync_directory(&self) -> io::Result<()>;

    /// How messages name a file.
    fn path(&self, name: &str) -> PathBuf;
}

/// One file.
pub trait DiskFile: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn length(&self) -> io::Result<u64>;

    /// Sets room aside, so that writing below `length` does not find the disk full.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when there is not that much room.
    fn reserve(&self, length: u64) -> io::Result<()>;

    /// Fills the buffer from a position.
    ///
    /// # Errors
    /// When the file ends first, or the disk fails.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()>;

    /// Writes at a position and returns how many bytes were taken.
    ///
    /// # Errors
    /// When the disk fails; an unknown part of the bytes may be written then.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize>;

    /// Makes written bytes durable, and what is needed to find them.
    ///
    /// # Errors
    /// When the disk fails; nothing is known of what was written since the last sync then.
    fn sync(&self) -> io::Result<()>;
}

/// Writes all the bytes, in as many parts as the disk wants.
pub(crate) fn write_all_at(
    file: &dyn DiskFile,
    mut bytes: &[u8],
    mut position: u64,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                bytes = &bytes[taken..];
                position += taken as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes zeros over a range, with a sync after each part so that the disk's queue stays short
/// for others.
pub(crate) fn write_zeros(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    const PART_BYTES: u64 = 1 << 20;
    let zeros = vec![0; PART_BYTES.min(to.saturating_sub(from)) as usize];
    let mut position = from;
    while position < to {
        let part = PART_BYTES.min(to - position);
        write_all_at(file, &zeros[..part as usize], position)?;
        file.sync()?;
        position += part;
    }
    Ok(())
}
