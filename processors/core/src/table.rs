//! A table of things by id, dense in memory.
//!
//! Rows are reused, never moved, and found by a map from id to row. The map is never iterated;
//! what has to be listed is listed from the rows, in an order that callers sort.

use std::hash::Hash;

use rustc_hash::FxHashMap;

#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    row_of: FxHashMap<K, u32>,
    rows: Vec<Option<V>>,
    free: Vec<u32>,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new() -> Self {
        Self { row_of: FxHashMap::default(), rows: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        let row = *self.row_of.get(&key)?;
        self.rows.get(usize::try_from(row).ok()?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let row = *self.row_of.get(&key)?;
        self.rows.get_mut(usize::try_from(row).ok()?)?.as_mut()
    }

    /// Adds a thing whose id is new.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let row = match self.free.pop() {
            Some(row) => {
                let place = usize::try_from(row).ok().and_then(|row| self.rows.get_mut(row));
                assert!(place.is_some(), "a free row exists");
                if let Some(place) = place {
                    *place = Some(value);
                }
                row
            }
            None => {
                self.rows.push(Some(value));
                let last = self.rows.len().saturating_sub(1);
                u32::try_from(last).unwrap_or_else(|_| unreachable!("fewer rows than 2^32"))
            }
        };
        let before = self.row_of.insert(key, row);
        assert!(before.is_none(), "ids are new: they are places in the log");
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let row = self.row_of.remove(&key)?;
        self.free.push(row);
        self.rows.get_mut(usize::try_from(row).ok()?)?.take()
    }

    /// Everything, in the order of the rows: sort before it is seen.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &V> {
        self.rows.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.row_of.len()
    }
}
