//! Where intents go just now: the map of slots of a process that runs while slots move.

use std::sync::atomic::{AtomicU16, Ordering};

use crate::ids::PartitionId;
use crate::partition::{PartitionMap, SLOTS, Slot};

/// The partition that gets the intents of each slot. Reading it is one load.
#[derive(Debug)]
pub struct Routes {
    owners: Box<[AtomicU16]>,
}

impl Routes {
    /// The routes that a map has.
    #[must_use]
    pub fn new(map: &PartitionMap) -> Self {
        let owner = |slot| AtomicU16::new(map.partition_of(slot).number());
        Self { owners: (0..SLOTS).filter_map(Slot::new).map(owner).collect() }
    }

    /// The partition that gets the intents of a slot. A moment later it may be another one: the
    /// old one forwards.
    #[must_use]
    pub fn partition_of(&self, slot: Slot) -> PartitionId {
        let owner = self.owners[usize::from(slot.number())].load(Ordering::Acquire);
        PartitionId::new_unchecked(owner)
    }

    /// From now on the intents of a slot go to another partition, which has its state.
    pub fn switch(&self, slot: Slot, to: PartitionId) {
        self.owners[usize::from(slot.number())].store(to.number(), Ordering::Release);
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
        routes.switch(slot, to);
        let map = routes.map(&dealt);
        for slot in (0..SLOTS).filter_map(Slot::new) {
            let owner = if slot.number() == 6 { 5 } else { slot.number() % 4 };
            assert_eq!(routes.partition_of(slot).number(), owner);
            assert_eq!(map.partition_of(slot).number(), owner);
        }
    }
}
