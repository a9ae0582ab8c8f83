//! Where intents go just now: the map of slots of a process that runs while slots move.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::PartitionId;
use crate::partition::{PartitionMap, SLOTS, Slot};
use crate::scaling::MovingSlot;

/// The partition that gets the intents of each slot. Reading it is one load.
#[derive(Debug)]
pub struct Routes {
    /// The move by which each slot came to its partition, and in the last 16 bits the partition.
    owners: Box<[AtomicU64]>,
}

impl Routes {
    /// The routes of slots that have not moved since they were dealt.
    #[must_use]
    pub fn new(dealt: &PartitionMap) -> Self {
        let owner = |slot| AtomicU64::new(dealt.partition_of(slot).number().into());
        Self { owners: (0..SLOTS).filter_map(Slot::new).map(owner).collect() }
    }

    /// The partition that gets the intents of a slot. A moment later it may be another one: the
    /// old one forwards.
    #[must_use]
    pub fn partition_of(&self, slot: Slot) -> PartitionId {
        let owner = self.owners[usize::from(slot.number())].load(Ordering::Acquire);
        PartitionId::new_unchecked((owner & u64::from(u16::MAX)) as u16)
    }

    /// From now on the intents of a slot go to the partition that it has moved to, unless a later move
    /// is known already: arrivals in two partitions are seen in any order.
    pub fn switch(&self, moved: MovingSlot, to: PartitionId) {
        let owner = u64::from(moved.generation) << 16 | u64::from(to.number());
        self.owners[usize::from(moved.slot.number())].fetch_max(owner, Ordering::AcqRel);
    }

    /// The map as it is now.
    #[must_use]
    pub fn map(&self, dealt: &PartitionMap) -> PartitionMap {
        let mut map = dealt.clone();
        for slot in (0..SLOTS).filter_map(Slot::new) {
            map.set(slot, self.partition_of(slot));
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    #[test]
    fn a_switched_slot_goes_elsewhere_and_no_other() {
        let dealt = PartitionMap::dealt(NonZeroU16::new(4).unwrap()).unwrap();
        let routes = Routes::new(&dealt);
        let (slot, to) = (Slot::new(6).unwrap(), PartitionId::new(5).unwrap());
        routes.switch(MovingSlot { slot, generation: 2 }, to);
        // An earlier move that is seen late.
        routes.switch(MovingSlot { slot, generation: 1 }, PartitionId::new(7).unwrap());
        let map = routes.map(&dealt);
        for slot in (0..SLOTS).filter_map(Slot::new) {
            let owner = if slot.number() == 6 { 5 } else { slot.number() % 4 };
            assert_eq!(routes.partition_of(slot).number(), owner);
            assert_eq!(map.partition_of(slot).number(), owner);
        }
    }
}
