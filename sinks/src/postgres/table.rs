//! Rows of one table in memory: what has changed, and what is likely to change again.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use super::error::Error;
use super::rows::Row;

#[derive(Clone, Debug)]
struct Entry<R> {
    row: R,
    changed: bool,
}

/// Rows of one table in memory: those that changed and are not yet written, and those that are
/// likely to change again.
#[derive(Clone, Debug)]
pub(super) struct Table<R: Row> {
    entries: BTreeMap<R::Key, Entry<R>>,
    /// Keys that were loaded or changed since the last write.
    touched: Vec<R::Key>,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), touched: Vec::new() }
    }
}

impl<R: Row> Table<R> {
    /// Whether memory has the row.
    pub(super) fn contains(&self, key: &R::Key) -> bool {
        self.entries.contains_key(key)
    }

    /// Puts a new row in, or a new version of one.
    pub(super) fn put(&mut self, row: R) {
        let key = row.key();
        self.touched.push(key.clone());
        self.entries.insert(key, Entry { row, changed: true });
    }

    /// The row, to be changed.
    pub(super) fn change(&mut self, key: &R::Key) -> Result<&mut R, Error> {
        let missing = || Error::RowMissing { table: R::TABLE, key: format!("{key:?}") };
        let entry = self.entries.get_mut(key).ok_or_else(missing)?;
        if !entry.changed {
            entry.changed = true;
            self.touched.push(key.clone());
        }
        Ok(&mut entry.row)
    }

    /// Every row with a key in a range, to be changed.
    pub(super) fn change_range(
        &mut self,
        keys: impl RangeBounds<R::Key>,
    ) -> impl Iterator<Item = &mut R> {
        let touched = &mut self.touched;
        self.entries.range_mut(keys).map(|(key, entry)| {
            if !entry.changed {
                entry.changed = true;
                touched.push(key.clone());
            }
            &mut entry.row
        })
    }

    /// Keeps a row that was read, unless memory has a newer one.
    pub(super) fn load(&mut self, row: R) {
        let key = row.key();
        self.touched.push(key.clone());
        self.entries.entry(key).or_insert(Entry { row, changed: false });
    }

    /// Every row that has to be written, in order of its key.
    pub(super) fn changed(&self) -> Vec<&R> {
        let mut keys: Vec<_> = self.touched.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let entries = keys.into_iter().filter_map(|key| self.entries.get(key));
        entries.filter(|entry| entry.changed).map(|entry| &entry.row).collect()
    }

    /// Everything is written: forgets what is not likely to change again.
    pub(super) fn forget_settled(&mut self) {
        for key in self.touched.drain(..) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.changed = false;
                if entry.row.is_settled() {
                    self.entries.remove(&key);
                }
            }
        }
    }

    /// Every row in memory, in order of its key.
    pub(super) fn rows(&self) -> impl Iterator<Item = &R> {
        self.entries.values().map(|entry| &entry.row)
    }
}
