//! A real directory.
//!
//! What is written in whole sectors goes past the page cache: the journal reads its newest records
//! from its own memory, so pages in the cache would only push out those of others, and filling a
//! segment with zeros would touch every page twice.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::{Disk, DiskFile, DiskLock};
use crate::journal::block::SECTOR_BYTES;

/// A directory of the operating system.
#[derive(Debug)]
pub struct FileSystem {
    dir: PathBuf,
}

impl FileSystem {
    /// A directory, which is made when there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        if !dir.is_dir() {
            fs::create_dir_all(&dir)?;
            // A directory that is lost in a power cut takes its files along.
            for made in dir.ancestors().skip(1).take_while(|path| !path.as_os_str().is_empty()) {
                File::open(made)?.sync_all()?;
            }
        }
        Ok(Self { dir })
    }

    /// A directory that exists.
    ///
    /// # Errors
    /// When it does not.
    pub fn existing(dir: impl AsRef<Path>) -> io::Result<Self> {
        let dir = dir.as_ref().to_owned();
        fs::read_dir(&dir)?;
        Ok(Self { dir })
    }
}

impl Disk for FileSystem {
    fn lock(&self) -> io::Result<Option<DiskLock>> {
        let dir = File::open(&self.dir)?;
        match dir.try_lock() {
            Ok(()) => Ok(Some(Box::new(dir))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.dir.join(name);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(Arc::new(RealFile { file, direct: Direct::open(&path) }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.dir.join(name);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            // Reading a log that one may not write, as `verify` does.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path),
            opened => opened,
        };
        Ok(Arc::new(RealFile { file: file?, direct: Direct::open(&path) }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.dir.join(from), self.dir.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.dir.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

struct RealFile {
    file: File,
    direct: Option<Direct>,
}

impl DiskFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::empty(), 0, length) {
            // Some file systems cannot; writing zeros finds out there.
            Err(Errno::OPNOTSUPP) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let direct = self.direct.as_ref().and_then(|direct| direct.write_at(bytes, position));
        direct.unwrap_or_else(|| self.file.write_at(bytes, position))
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The same file, past the page cache.
struct Direct {
    file: File,
    /// The disk's sectors are larger than ours.
    refused: AtomicBool,
    /// Where bytes are aligned that are not.
    aligned: Mutex<Vec<u8>>,
}

impl Direct {
    /// `None` where the file system cannot, or may not be written.
    #[cfg(target_os = "linux")]
    fn open(path: &Path) -> Option<Self> {
        use std::os::unix::fs::OpenOptionsExt;

        let direct = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).ok()?;
        let file = OpenOptions::new().write(true).custom_flags(direct).open(path).ok()?;
        Some(Self { file, refused: AtomicBool::new(false), aligned: Mutex::default() })
    }

    #[cfg(not(target_os = "linux"))]
    fn open(_: &Path) -> Option<Self> {
        None
    }

    /// Writes whole sectors; `None` for anything else.
    fn write_at(&self, bytes: &[u8], position: u64) -> Option<io::Result<usize>> {
        let whole = bytes.len().is_multiple_of(SECTOR_BYTES)
            && position.is_multiple_of(SECTOR_BYTES as u64);
        if !whole || self.refused.load(Ordering::Relaxed) {
            return None;
        }
        let written = if bytes.as_ptr().align_offset(SECTOR_BYTES) == 0 {
            self.file.write_at(bytes, position)
        } else {
            self.write_aligned(bytes, position)
        };
        if written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput) {
            self.refused.store(true, Ordering::Relaxed);
            return None;
        }
        Some(written)
    }

    fn write_aligned(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let mut aligned = self.aligned.lock().unwrap_or_else(PoisonError::into_inner);
        let room = bytes.len() + SECTOR_BYTES;
        if aligned.len() < room {
            aligned.resize(room, 0);
        }
        let start = aligned.as_ptr().align_offset(SECTOR_BYTES);
        let place = &mut aligned[start..start + bytes.len()];
        place.copy_from_slice(bytes);
        self.file.write_at(place, position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_sectors_and_single_bytes_are_read_back_alike() {
        let dir = tempfile::tempdir().unwrap();
        let disk = FileSystem::existing(dir.path()).unwrap();
        let file = disk.create("file").unwrap();
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(4 * SECTOR_BYTES + 1).collect();
        let (mut want, mut got) = (vec![0; 8 * SECTOR_BYTES], vec![0; 8 * SECTOR_BYTES]);
        file.write_at(&want, 0).unwrap();
        // A start that is aligned and one that is not, whole sectors and not.
        for (start, length, position) in [
            (0, 2 * SECTOR_BYTES, SECTOR_BYTES),
            (1, 3 * SECTOR_BYTES, 4 * SECTOR_BYTES),
            (0, 7, 3),
            (1, SECTOR_BYTES, 2 * SECTOR_BYTES + 1),
            (1, 4 * SECTOR_BYTES, 0),
        ] {
            let part = &bytes[start..start + length];
            assert_eq!(file.write_at(part, position as u64).unwrap(), length);
            want[position..position + length].copy_from_slice(part);
            file.read_at(&mut got, 0).unwrap();
            assert!(got == want, "after {length} bytes at {position}");
        }
        file.sync().unwrap();
    }
}
