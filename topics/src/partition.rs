//! From a key to its slot, and from a slot to its partition.
//!
//! A key always falls into the same one of 4,096 slots, on every machine and in every version.
//! Slots, not keys, are mapped to partitions, so that partitions can be added without moving
//! every key.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;

use minicbor::{Decode, Encode};
use xxhash_rust::xxh3::xxh3_64;

use crate::ids::{AccountId, PartitionId, PerformanceId};

/// How many slots there are. Enough to spread 1,024 partitions evenly; few enough that the whole
/// map fits into one record. Never changes: slots are part of ids.
pub const SLOTS: u16 = 4_096;

/// How many partitions there can be: an id has 10 bits for its partition.
pub const PARTITIONS_MAX: u16 = 1_024;

/// One of the [`SLOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The first slot.
    pub const ZERO: Self = Self(0);

    /// The slot with this number, when there is one.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number < SLOTS { Some(Self(number)) } else { None }
    }

    /// The slot of a performance: the low 12 bits of the XXH3-64 of its 16 id bytes.
    #[must_use]
    pub fn of(performance: PerformanceId) -> Self {
        let hash = xxh3_64(&performance.to_bytes());
        Self((hash & u64::from(SLOTS - 1)) as u16)
    }

    /// The slot of an account's wallet: the low 12 bits of the XXH3-64 of its 16 id bytes.
    #[must_use]
    pub fn of_account(account: AccountId) -> Self {
        let hash = xxh3_64(&account.to_bytes());
        Self((hash & u64::from(SLOTS - 1)) as u16)
    }

    /// The partition that gets the slot when slots are dealt in turn to so many partitions.
    #[must_use]
    pub const fn dealt_to(self, partitions: NonZeroU16) -> PartitionId {
        PartitionId::new_unchecked(self.0 % partitions.get())
    }

    /// The number, below [`SLOTS`].
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl<C> Encode<C> for Slot {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u16(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Slot {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        Self::new(d.u16()?)
            .ok_or_else(|| minicbor::decode::Error::message("no such slot").at(position))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which partition owns each slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMap {
    partitions: NonZeroU16,
    /// Slots that another partition owns than the one that they were dealt to.
    moved: BTreeMap<Slot, PartitionId>,
}

impl PartitionMap {
    /// Slots dealt in turn to `partitions` partitions; `None` above [`PARTITIONS_MAX`].
    #[must_use]
    pub const fn dealt(partitions: NonZeroU16) -> Option<Self> {
        if partitions.get() <= PARTITIONS_MAX {
            Some(Self { partitions, moved: BTreeMap::new() })
        } else {
            None
        }
    }

    /// Over how many partitions the slots were dealt when the log was made.
    #[must_use]
    pub const fn dealt_over(&self) -> NonZeroU16 {
        self.partitions
    }

    /// The partition that owns the slot.
    #[must_use]
    pub fn partition_of(&self, slot: Slot) -> PartitionId {
        self.moved.get(&slot).copied().unwrap_or_else(|| slot.dealt_to(self.partitions))
    }

    /// Says which partition owns a slot.
    pub fn set(&mut self, slot: Slot, owner: PartitionId) {
        if owner == slot.dealt_to(self.partitions) {
            self.moved.remove(&slot);
        } else {
            self.moved.insert(slot, owner);
        }
    }

    /// Every partition that slots were dealt to, in order.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = PartitionId> + use<> {
        (0..self.partitions.get()).map(PartitionId::new_unchecked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These vectors are part of every id ever given out: a change here is a bug.
    #[test]
    fn slots_of_keys_are_pinned() {
        let slot = |n: u128| Slot::of(PerformanceId::from_u128(n)).number();
        assert_eq!([slot(0), slot(1), slot(2), slot(u128::MAX)], [2_408, 955, 671, 787]);
        let slot = |n: u128| Slot::of_account(AccountId::from_u128(n)).number();
        assert_eq!([slot(0), slot(1), slot(2), slot(u128::MAX)], [2_408, 955, 671, 787]);
    }

    #[test]
    fn every_partition_owns_slots() {
        let map = PartitionMap::dealt(NonZeroU16::new(64).unwrap()).unwrap();
        let owned = (0..SLOTS).map(|n| map.partition_of(Slot::new(n).unwrap())).fold(
            [0u32; 64],
            |mut owned, partition| {
                owned[usize::from(partition.number())] += 1;
                owned
            },
        );
        assert!(owned.iter().all(|&slots| slots == 64));
    }

    #[test]
    fn too_many_partitions_are_refused() {
        assert!(PartitionMap::dealt(NonZeroU16::new(PARTITIONS_MAX + 1).unwrap()).is_none());
        assert!(Slot::new(SLOTS).is_none());
    }
}
