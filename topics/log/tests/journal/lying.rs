//! Disks that are broken on purpose. Whoever checks what a crash has left must find each of them
//! out; a check that finds nothing here would find nothing in the journal either.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use boxoffice_log::LogError;
use boxoffice_log::journal::Journal;
use boxoffice_log::journal::disk::simulated::SimulatedDisk;
use boxoffice_log::journal::disk::{Disk, DiskFile, DiskLock};

use crate::support::config;

/// What the disk does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A sync of a file succeeds and makes nothing durable.
    Sync,
    /// A sync of the directory succeeds and makes no name durable.
    SyncDirectory,
    /// Every seventh write succeeds and is written nowhere.
    Write,
    /// Writes and syncs that fail say that they succeeded.
    Success,
}

/// Opens a log on a disk that lies about what it does to the disk below it.
pub(crate) fn open_lying(disk: &SimulatedDisk, lie: Lie) -> Result<Journal, LogError> {
    let lying = LyingDisk { disk: disk.clone(), lie, writes: Arc::default() };
    Journal::open_on(Arc::new(lying), &config())
}

struct LyingDisk {
    disk: SimulatedDisk,
    lie: Lie,
    writes: Arc<AtomicU64>,
}

struct LyingFile {
    file: Arc<dyn DiskFile>,
    lie: Lie,
    writes: Arc<AtomicU64>,
}

impl LyingDisk {
    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(LyingFile { file, lie: self.lie, writes: Arc::clone(&self.writes) })
    }
}

impl Disk for LyingDisk {
    fn lock(&self) -> io::Result<Option<DiskLock>> {
        self.disk.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(name).map(|file| self.file(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(name).map(|file| self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        if self.lie == Lie::SyncDirectory { Ok(()) } else { self.disk.sync_directory() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path(name)
    }
}

impl DiskFile for LyingFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        self.file.reserve(length)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.file.read_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let number = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        match self.lie {
            Lie::Write if number.is_multiple_of(7) => Ok(bytes.len()),
            Lie::Success => self.file.write_at(bytes, position).or(Ok(bytes.len())),
            _ => self.file.write_at(bytes, position),
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self.lie {
            Lie::Sync => Ok(()),
            Lie::Success => self.file.sync().or(Ok(())),
            _ => self.file.sync(),
        }
    }
}
