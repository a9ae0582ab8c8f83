//! A disk in memory that a test can tear: it keeps what was synced apart from what was only
//! written, fails where it is told to, and comes back from a crash with any part of what was not
//! synced.
//!
//! What it assumes of a real disk: a sector of 512 bytes is written whole or not at all, a sync
//! that succeeds covers everything written before it, and names change in the order in which
//! they were changed. What it does not assume: that anything unsynced survives, or is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, DiskLock};

const SECTOR_BYTES: usize = 512;

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk fails. Half of a write is written; a sync that fails loses what it should have
    /// kept, and the next one says nothing of it.
    Io,
    /// There is no room. Half of a write is written.
    Full,
    /// A write takes half of the bytes and succeeds. Other operations are not disturbed.
    Short,
}

/// A directory in memory. Clones share it.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    name_changes: Vec<NameChange>,
    /// Bytes of all files, at most.
    capacity: Option<u64>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    locked: bool,
    syncs_held: bool,
    syncs_waiting: usize,
}

#[derive(Clone, Default)]
struct File {
    /// What readers see.
    bytes: Vec<u8>,
    /// What is on the disk for certain.
    synced: Vec<u8>,
    /// Sectors that differ, or may.
    unsynced: BTreeSet<usize>,
}

#[derive(Clone)]
enum NameChange {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, file) => {
                names.insert(name, file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Self::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

/// SplitMix64: enough to choose sectors, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

impl SimulatedDisk {
    /// An empty disk without limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk as it may be found after a loss of power now: everything synced, and a part of
    /// the rest that the seed chooses. This disk goes on as if nothing had happened.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut random = Random(seed);
        let mut names = state.durable_names.clone();
        let kept = random.below(state.name_changes.len() + 1);
        for change in state.name_changes[..kept].iter().cloned() {
            change.apply(&mut names);
        }
        // From nothing to everything, so that extremes are seen too.
        let chance = random.below(5);
        let files = state.files.iter().map(|file| file.crash(chance, &mut random)).collect();
        Self::with(State { files, durable_names: names.clone(), names, ..State::default() })
    }

    fn with(state: State) -> Self {
        Self { inner: Arc::new(Inner { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    /// A copy of the disk as readers see it, with everything synced: what a killed process leaves.
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = self.state();
        let files = state.files.iter().map(|file| File::settled(file.bytes.clone())).collect();
        let names = state.names.clone();
        Self::with(State { files, durable_names: names.clone(), names, ..State::default() })
    }

    /// The bytes of a file.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        Some(state.files[*state.names.get(name)?].bytes.clone())
    }

    /// Puts a file there, or replaces it, synced.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        let file = state.files.len();
        state.files.push(File::settled(bytes));
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
    }

    /// How many operations that change something there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Disturbs the operation with this number, counted from zero; `None` disturbs none.
    pub fn disturb(&self, fault: Option<(u64, Fault)>) {
        self.state().fault = fault;
    }

    /// Limits the bytes of all files together.
    pub fn limit(&self, capacity: Option<u64>) {
        self.state().capacity = capacity;
    }

    /// Lets every sync wait until [`SimulatedDisk::let_syncs_go`].
    pub fn hold_syncs(&self) {
        self.state().syncs_held = true;
    }

    /// Ends [`SimulatedDisk::hold_syncs`].
    pub fn let_syncs_go(&self) {
        self.state().syncs_held = false;
        self.inner.changed.notify_all();
    }

    /// Blocks until a sync waits.
    pub fn wait_for_held_sync(&self) {
        let mut state = self.state();
        while state.syncs_waiting == 0 {
            state = self.inner.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// Counts an operation and says what goes wrong with it.
    fn begin(&mut self) -> Option<Fault> {
        let number = self.operations;
        self.operations += 1;
        self.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault)
    }

    /// An operation that is whole or does not happen.
    fn whole(&mut self) -> io::Result<()> {
        match self.begin() {
            Some(Fault::Io) => Err(io_error()),
            Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Short) | None => Ok(()),
        }
    }

    fn has_room(&self, more: u64) -> bool {
        // A file that was removed takes no room.
        let used =
            self.names.values().map(|file| self.files[*file].bytes.len() as u64).sum::<u64>();
        self.capacity.is_none_or(|capacity| used + more <= capacity)
    }
}

fn io_error() -> io::Error {
    io::Error::other("simulated failure of the disk")
}

impl File {
    fn settled(bytes: Vec<u8>) -> Self {
        Self { synced: bytes.clone(), bytes, unsynced: BTreeSet::new() }
    }

    fn crash(&self, chance: usize, random: &mut Random) -> Self {
        let mut bytes = self.synced.clone();
        if self.bytes.len() > bytes.len() && random.below(2) == 0 {
            bytes.resize(self.bytes.len(), 0);
        }
        for sector in &self.unsynced {
            let range = sector_range(*sector, self.bytes.len());
            if random.below(4) < chance && range.end <= bytes.len() {
                bytes[range.clone()].copy_from_slice(&self.bytes[range]);
            }
        }
        Self::settled(bytes)
    }

    fn write(&mut self, bytes: &[u8], position: usize) {
        let end = position + bytes.len();
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        self.bytes[position..end].copy_from_slice(bytes);
        self.unsynced.extend(position / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    fn sync(&mut self) {
        self.synced.resize(self.bytes.len(), 0);
        for sector in std::mem::take(&mut self.unsynced) {
            let range = sector_range(sector, self.bytes.len());
            self.synced[range.clone()].copy_from_slice(&self.bytes[range]);
        }
    }
}

fn sector_range(sector: usize, length: usize) -> std::ops::Range<usize> {
    let start = sector * SECTOR_BYTES;
    start.min(length)..(start + SECTOR_BYTES).min(length)
}

struct Lock(SimulatedDisk);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

impl Disk for SimulatedDisk {
    fn lock(&self) -> io::Result<Option<DiskLock>> {
        let taken = std::mem::replace(&mut self.state().locked, true);
        Ok((!taken).then(|| Box::new(Lock(self.clone())) as DiskLock))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.whole()?;
        let file = state.files.len();
        state.files.push(File::default());
        let change = NameChange::Create(name.to_owned(), file);
        change.clone().apply(&mut state.names);
        state.name_changes.push(change);
        Ok(Arc::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        let file = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.whole()?;
        let change = NameChange::Rename(from.to_owned(), to.to_owned());
        change.clone().apply(&mut state.names);
        state.name_changes.push(change);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.whole()?;
        let change = NameChange::Remove(name.to_owned());
        change.clone().apply(&mut state.names);
        state.name_changes.push(change);
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        state.whole()?;
        state.name_changes.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("simulated").join(name)
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.file].bytes.len() as u64)
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.whole()?;
        let more = length.saturating_sub(state.files[self.file].bytes.len() as u64);
        if state.has_room(more) { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        let state = self.disk.state();
        let position = position as usize;
        let bytes = state.files[self.file].bytes.get(position..position + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        let fault = state.begin();
        let end = position + bytes.len() as u64;
        let more = end.saturating_sub(state.files[self.file].bytes.len() as u64);
        let full = fault == Some(Fault::Full) || !state.has_room(more);
        let halved = full || fault.is_some();
        let taken = if halved && bytes.len() > 1 { bytes.len() / 2 } else { bytes.len() };
        state.files[self.file].write(&bytes[..taken], position as usize);
        match fault {
            Some(Fault::Io) => Err(io_error()),
            _ if full => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(taken),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.syncs_waiting += 1;
        self.disk.inner.changed.notify_all();
        while state.syncs_held {
            state = self.disk.inner.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.syncs_waiting -= 1;
        if let Err(error) = state.whole() {
            // The system believes that these pages are clean now.
            state.files[self.file].unsynced.clear();
            return Err(error);
        }
        state.files[self.file].sync();
        Ok(())
    }
}
