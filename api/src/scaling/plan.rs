//! Which slots go where, so that every partition has as many as every other, with as few moves as
//! that takes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use boxoffice_topics::{PartitionId, Slot};

/// Slots that are to go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// From which partition.
    pub from: PartitionId,
    /// To which partition.
    pub to: PartitionId,
    /// Which, ascending.
    pub slots: Vec<Slot>,
}

/// Spreads slots over partitions 0 to `to`. Slots with performances are spread by themselves, and
/// go one by one, so that each waits for itself alone; the others of one pair go together.
#[must_use]
pub fn plan(owners: &[(Slot, PartitionId)], occupied: &BTreeSet<Slot>, to: u16) -> Vec<Wanted> {
    let (busy, idle): (Vec<_>, Vec<_>) =
        owners.iter().copied().partition(|(slot, _)| occupied.contains(slot));
    let alone = even(&busy, to);
    let alone = alone.into_iter().map(|(slot, from, to)| Wanted { from, to, slots: vec![slot] });
    let mut together: BTreeMap<_, Vec<Slot>> = BTreeMap::new();
    for (slot, from, to) in even(&idle, to) {
        together.entry((from, to)).or_default().push(slot);
    }
    let together = together.into_iter().map(|((from, to), mut slots)| {
        slots.sort_unstable();
        Wanted { from, to, slots }
    });
    alone.chain(together).collect()
}

/// The moves after which the numbers of slots of two partitions differ by one at most.
fn even(owners: &[(Slot, PartitionId)], to: u16) -> Vec<(Slot, PartitionId, PartitionId)> {
    let partitions = (0..to).filter_map(PartitionId::new);
    let mut slots_of: BTreeMap<PartitionId, Vec<Slot>> =
        partitions.map(|partition| (partition, Vec::new())).collect();
    for (slot, owner) in owners {
        slots_of.entry(*owner).or_default().push(*slot);
    }
    // Rounded down; what is left goes to those that have most, which need not give it away.
    let each = owners.len() / usize::from(to.max(1));
    let mut over = owners.len() % usize::from(to.max(1));
    let mut by_size: Vec<_> = slots_of.iter().map(|(owner, slots)| (*owner, slots.len())).collect();
    by_size.sort_unstable_by_key(|(owner, slots)| (Reverse(*slots), *owner));
    let mut share = BTreeMap::new();
    for (owner, _) in by_size.into_iter().filter(|(owner, _)| owner.number() < to) {
        share.insert(owner, each + usize::from(over > 0));
        over = over.saturating_sub(1);
    }
    let mut given = Vec::new();
    for (owner, slots) in &mut slots_of {
        let keeps = share.get(owner).copied().unwrap_or(0).min(slots.len());
        given.extend(slots.split_off(keeps).into_iter().map(|slot| (slot, *owner)));
    }
    let mut given = given.into_iter();
    let mut moves = Vec::new();
    for (owner, share) in share {
        let has = slots_of.get(&owner).map_or(0, Vec::len);
        let takes = given.by_ref().take(share.saturating_sub(has));
        moves.extend(takes.map(|(slot, from)| (slot, from, owner)));
    }
    moves
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::partition::SLOTS;

    use super::*;

    fn dealt(partitions: u16) -> Vec<(Slot, PartitionId)> {
        let slots = (0..SLOTS).filter_map(Slot::new);
        slots.map(|slot| (slot, PartitionId::new(slot.number() % partitions).unwrap())).collect()
    }

    fn carry_out(owners: &mut [(Slot, PartitionId)], moves: &[Wanted]) {
        for Wanted { from, to, slots } in moves {
            for slot in slots {
                let (_, owner) = &mut owners[usize::from(slot.number())];
                assert_eq!(owner, from);
                *owner = *to;
            }
        }
    }

    fn counts(owners: &[(Slot, PartitionId)], which: impl Fn(&Slot) -> bool) -> Vec<usize> {
        let mut counts = vec![0; 16];
        for (_, owner) in owners.iter().filter(|(slot, _)| which(slot)) {
            counts[usize::from(owner.number())] += 1;
        }
        counts
    }

    #[test]
    fn slots_are_spread_evenly_and_none_moves_without_need() {
        let occupied: BTreeSet<_> = (0..100).map(|n| Slot::new(n * 37).unwrap()).collect();
        let mut owners = dealt(4);
        for to in [8, 3, 16, 1, 5, 5] {
            let before = owners.clone();
            let moves = plan(&owners, &occupied, to);
            carry_out(&mut owners, &moves);
            let idle = |slot: &Slot| !occupied.contains(slot);
            for counts in [counts(&owners, |slot| occupied.contains(slot)), counts(&owners, idle)] {
                let (used, unused) = counts.split_at(usize::from(to));
                assert!(used.iter().max().unwrap() - used.iter().min().unwrap() <= 1);
                assert!(unused.iter().all(|count| *count == 0));
            }
            let moved = before.iter().zip(&owners).filter(|(one, other)| one != other).count();
            assert_eq!(moved, moves.iter().map(|wanted| wanted.slots.len()).sum::<usize>());
            // From four partitions to eight it is half of the slots, but for what is left over.
            assert!(to != 8 || moved.abs_diff(usize::from(SLOTS) / 2) <= 8, "{moved}");
            assert!(plan(&owners, &occupied, to).is_empty());
        }
    }

    #[test]
    fn slots_with_performances_go_alone() {
        let occupied: BTreeSet<_> = (0..8).map(|n| Slot::new(n).unwrap()).collect();
        let moves = plan(&dealt(4), &occupied, 8);
        let alone = moves.iter().filter(|wanted| occupied.contains(&wanted.slots[0]));
        assert!(alone.clone().all(|wanted| wanted.slots.len() == 1));
        assert_eq!(alone.count(), 4);
        assert!(moves.len() < 16, "the others go together");
    }
}
