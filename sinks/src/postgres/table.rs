//! Rows of one table in memory: what has changed, and what is likely to change again.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use super::error::Error;
use super::rows::Row;

#[derive(Clone, Debug)]
struct Entry<R> {
    row: R,
    changed: bool,
    /// Whether the database has never seen it.
    is_new: bool,
}

/// What has to be written of one table, each part in order of its key.
pub(super) struct Changes<'t, R> {
    /// Rows that the database has never seen.
    pub(super) new: Vec<&'t R>,
    /// New versions of rows that it has.
    pub(super) changed: Vec<&'t R>,
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

    /// The row, when memory has it.
    pub(super) fn get(&self, key: &R::Key) -> Option<&R> {
        self.entries.get(key).map(|entry| &entry.row)
    }

    /// Every row in memory with a key in a range.
    pub(super) fn range(&self, keys: impl RangeBounds<R::Key>) -> impl Iterator<Item = &R> {
        self.entries.range(keys).map(|(_, entry)| &entry.row)
    }

    /// Puts a new row in, or a new version of one.
    pub(super) fn put(&mut self, row: R) {
        let key = row.key();
        self.touched.push(key.clone());
        let is_new = self.entries.get(&key).is_none_or(|before| before.is_new);
        self.entries.insert(key, Entry { row, changed: true, is_new });
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
        self.entries.entry(key).or_insert(Entry { row, changed: false, is_new: false });
    }

    /// Every row that has to be written, in order of its key.
    pub(super) fn changed(&self) -> Vec<&R> {
        self.changed_entries().map(|entry| &entry.row).collect()
    }

    /// Every row that has to be written, where new rows are put once in their life.
    pub(super) fn changes(&self) -> Changes<'_, R> {
        let mut changes = Changes { new: Vec::new(), changed: Vec::new() };
        for entry in self.changed_entries() {
            let rows = if entry.is_new { &mut changes.new } else { &mut changes.changed };
            rows.push(&entry.row);
        }
        changes
    }

    fn changed_entries(&self) -> impl Iterator<Item = &Entry<R>> {
        let mut keys: Vec<_> = self.touched.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().filter_map(|key| self.entries.get(key)).filter(|entry| entry.changed)
    }

    /// Everything is written: forgets what is not likely to change again.
    pub(super) fn forget_settled(&mut self) {
        for key in self.touched.drain(..) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.changed = false;
                entry.is_new = false;
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
