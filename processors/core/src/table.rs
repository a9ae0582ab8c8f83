//! A table of things by id, dense in memory.
//!
//! Rows are reused, never moved, and found by a map from id to row. They lie in chunks, so that
//! growing copies nothing: one large vector would stop the partition for as long as it takes to
//! copy it. The map is never iterated; what has to be listed is listed from the rows, in an order
//! that callers sort.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Rows of one chunk: some hundred kilobytes.
const CHUNK_ROWS: usize = 1_024;

#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    row_of: FxHashMap<K, usize>,
    chunks: Vec<Vec<Option<V>>>,
    free: Vec<usize>,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new() -> Self {
        Self { row_of: FxHashMap::default(), chunks: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        let row = *self.row_of.get(&key)?;
        self.chunks.get(row / CHUNK_ROWS)?.get(row % CHUNK_ROWS)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let row = *self.row_of.get(&key)?;
        self.place(row)?.as_mut()
    }

    /// Adds a thing whose id is new.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let row = self.free.pop().unwrap_or_else(|| self.add_row());
        match self.place(row) {
            Some(place) => *place = Some(value),
            None => unreachable!("a free row exists"),
        }
        let before = self.row_of.insert(key, row);
        assert!(before.is_none(), "ids are new: they are places in the log");
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let row = self.row_of.remove(&key)?;
        self.free.push(row);
        self.place(row)?.take()
    }

    /// Takes out the rows that `key_of` names the key of.
    pub(crate) fn split_off(&mut self, key_of: impl Fn(&V) -> Option<K>) -> Self {
        let keys: Vec<K> = self.rows().filter_map(key_of).collect();
        let mut part = Self::new();
        for key in keys {
            if let Some(row) = self.remove(key) {
                part.insert(key, row);
            }
        }
        part
    }

    /// Takes in the rows of another table, which have other keys.
    pub(crate) fn absorb(&mut self, other: Self, key_of: impl Fn(&V) -> K) {
        for row in other.chunks.into_iter().flatten().flatten() {
            self.insert(key_of(&row), row);
        }
    }

    /// Everything, in the order of the rows: sort before it is seen.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &V> {
        self.chunks.iter().flatten().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.row_of.len()
    }

    fn place(&mut self, row: usize) -> Option<&mut Option<V>> {
        self.chunks.get_mut(row / CHUNK_ROWS)?.get_mut(row % CHUNK_ROWS)
    }

    /// Adds an empty row and returns its number. Every chunk but the last is full.
    fn add_row(&mut self) -> usize {
        let full = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK_ROWS);
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK_ROWS => {
                last.push(None);
                full.saturating_add(last.len()).saturating_sub(1)
            }
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK_ROWS);
                chunk.push(None);
                self.chunks.push(chunk);
                self.chunks.len().saturating_sub(1).saturating_mul(CHUNK_ROWS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_and_reused_over_many_chunks() {
        let mut table = Table::new();
        let many = CHUNK_ROWS as u64 * 3 + 7;
        (0..many).for_each(|key| table.insert(key, key * 2));
        assert!((0..many).all(|key| table.get(key) == Some(&(key * 2))));
        assert!((0..many).step_by(2).all(|key| table.remove(key) == Some(key * 2)));
        (many..many + many / 2).for_each(|key| table.insert(key, key * 2));
        assert_eq!(table.chunks.len(), 4);
        assert!((0..many).all(|key| table.get(key).is_some() == (key % 2 == 1)));
        assert_eq!(table.rows().count(), table.len());
    }
}
