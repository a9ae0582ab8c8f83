//! The most recent things of an endless series, found by key: the oldest make room.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// An index with more entries grows to its full size at once: each doubling would look at every
/// key again.
const SMALL: usize = 1 << 12;

/// Something that is remembered by its key.
pub(crate) trait Keyed {
    type Key: Copy + Eq + Hash;

    fn key(&self) -> Self::Key;
}

/// Entries in the order in which they came, with an index that keeps positions only.
#[derive(Clone, Debug)]
pub(crate) struct Window<E> {
    entries: VecDeque<E>,
    /// Position of the oldest entry; positions wrap.
    first: u32,
    positions: HashTable<u32>,
    capacity: usize,
}

impl<E: Keyed> Window<E> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), first: 0, positions: HashTable::new(), capacity }
    }

    pub(crate) fn get(&self, key: E::Key) -> Option<&E> {
        let position = *self.positions.find(hash(key), |&at| self.key_at(at) == Some(key))?;
        self.at(position)
    }

    /// Remembers an entry whose key is not there. A window without room remembers nothing.
    pub(crate) fn push(&mut self, entry: E) {
        if self.capacity == 0 {
            return;
        }
        while self.entries.len() >= self.capacity {
            self.forget_oldest();
        }
        let key = entry.key();
        let length = u32::try_from(self.entries.len())
            .unwrap_or_else(|_| unreachable!("capacities are below 2^32"));
        self.entries.push_back(entry);
        let Self { entries, first, positions, capacity } = self;
        let hash_at =
            |&at: &u32| entries.get(index_of(*first, at)).map_or(0, |entry| hash(entry.key()));
        if positions.len() == positions.capacity() && positions.len() >= SMALL {
            positions.reserve(*capacity - positions.len(), hash_at);
        }
        positions.insert_unique(hash(key), first.wrapping_add(length), hash_at);
    }

    pub(crate) fn oldest(&self) -> Option<&E> {
        self.entries.front()
    }

    pub(crate) fn forget_oldest(&mut self) {
        let Some(oldest) = self.entries.front() else { return };
        let position = self.first;
        if let Ok(found) = self.positions.find_entry(hash(oldest.key()), |&at| at == position) {
            found.remove();
        }
        self.entries.pop_front();
        self.first = self.first.wrapping_add(1);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &E> {
        self.entries.iter()
    }

    fn at(&self, position: u32) -> Option<&E> {
        self.entries.get(index_of(self.first, position))
    }

    fn key_at(&self, position: u32) -> Option<E::Key> {
        self.at(position).map(Keyed::key)
    }
}

fn index_of(first: u32, position: u32) -> usize {
    usize::try_from(position.wrapping_sub(first)).unwrap_or(usize::MAX)
}

fn hash<K: Hash>(key: K) -> u64 {
    FxBuildHasher.hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Keyed for u64 {
        type Key = u64;

        fn key(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn the_oldest_make_room_and_the_rest_are_found() {
        let mut window = Window::new(100);
        for number in 0..1_000_u64 {
            window.push(number);
        }
        assert!((0..900).all(|number| window.get(number).is_none()));
        assert!((900..1_000).all(|number| window.get(number) == Some(&number)));
        assert_eq!(window.iter().len(), 100);
    }

    #[test]
    fn a_window_without_room_remembers_nothing() {
        let mut window = Window::new(0);
        window.push(7_u64);
        assert!(window.get(7).is_none() && window.oldest().is_none());
    }
}
