//! Who has what: one owner for each seat, one bit for each free seat, one count for each
//! general-admission section.

use std::ops::Range;

use boxoffice_topics::{HoldId, OrderId, Places, SeatNumber, SectionNumber};

use super::layout::{Layout, bit, bits};

/// Who has a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Nobody,
    Hold(HoldId),
    UnpaidOrder(OrderId),
    PaidOrder(OrderId),
}

/// Places of a section that is sold by count.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    capacity: u32,
    taken: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Inventory {
    owners: Vec<Owner>,
    /// Free seats of each row, one bit each.
    free: Vec<u128>,
    /// The longest run of free seats side by side in each row that are not accessible, so that
    /// the search for seats passes over full rows at a byte each.
    longest_run: Vec<u8>,
    /// One for each section; without meaning where seats are numbered.
    counts: Vec<Count>,
}

impl Inventory {
    pub(crate) fn of(layout: &Layout) -> Self {
        let free: Vec<_> = layout.rows().iter().map(|row| bits(row.seats)).collect();
        let count = |index| {
            let general = layout.general_admission(SectionNumber(index));
            Count { capacity: general.map_or(0, |general| general.capacity), taken: 0 }
        };
        let sections = u16::try_from(layout.sections()).unwrap_or(u16::MAX);
        let mut inventory = Self {
            owners: vec![Owner::Nobody; layout.seat_count()],
            longest_run: vec![0; free.len()],
            free,
            counts: (0..sections).map(count).collect(),
        };
        for row in 0..layout.rows().len() {
            inventory.measure_row(layout, row);
        }
        inventory
    }

    pub(crate) fn owner(&self, seat: SeatNumber) -> Option<Owner> {
        self.owners.get(usize::try_from(seat.0).ok()?).copied()
    }

    pub(crate) fn free_bits(&self, row: usize) -> u128 {
        self.free.get(row).copied().unwrap_or(0)
    }

    pub(crate) fn longest_runs(&self, rows: Range<usize>) -> &[u8] {
        self.longest_run.get(rows).unwrap_or(&[])
    }

    pub(crate) fn free_seats(&self, rows: Range<usize>) -> u32 {
        let free = self.free.get(rows).unwrap_or(&[]);
        free.iter().map(|bits| bits.count_ones()).sum()
    }

    pub(crate) fn remaining_places(&self, section: SectionNumber) -> u32 {
        let count = self.counts.get(usize::from(section.0)).copied().unwrap_or_default();
        count.capacity.saturating_sub(count.taken)
    }

    pub(crate) fn take(&mut self, layout: &Layout, places: &Places, owner: Owner) {
        self.pass_on(places, Owner::Nobody, owner);
        self.flip(layout, places);
        for place in &places.quantities {
            let count = self.count(place.section);
            count.taken = count.taken.saturating_add(place.quantity.into());
            assert!(count.taken <= count.capacity, "INV-2: a section is oversold");
        }
    }

    pub(crate) fn give_back(&mut self, layout: &Layout, places: &Places, owner: Owner) {
        self.pass_on(places, owner, Owner::Nobody);
        self.flip(layout, places);
        for place in &places.quantities {
            let count = self.count(place.section);
            let taken = count.taken.checked_sub(place.quantity.into());
            assert!(taken.is_some(), "INV-2: a section gets back more than it gave");
            count.taken = taken.unwrap_or(0);
        }
    }

    /// Changes the owner of numbered seats. Counts have no owners.
    pub(crate) fn pass_on(&mut self, places: &Places, from: Owner, to: Owner) {
        for seat in &places.seats {
            let owner = usize::try_from(seat.0).ok().and_then(|seat| self.owners.get_mut(seat));
            assert!(owner.as_deref() == Some(&from), "INV-1: {seat:?} is not {from:?}'s");
            if let Some(owner) = owner {
                *owner = to;
            }
        }
    }

    fn flip(&mut self, layout: &Layout, places: &Places) {
        for seat in &places.seats {
            let Some(row) = layout.row_index_of(*seat) else { continue };
            let first = layout.rows().get(row).map_or(0, |row| row.first.0);
            let index = u16::try_from(seat.0.saturating_sub(first)).unwrap_or(u16::MAX);
            if let Some(free) = self.free.get_mut(row) {
                *free ^= bit(index);
            }
            self.measure_row(layout, row);
        }
    }

    fn measure_row(&mut self, layout: &Layout, row: usize) {
        let accessible = layout.rows().get(row).map_or(0, |row| row.accessible);
        let run = longest_run(self.free_bits(row) & !accessible);
        if let Some(longest) = self.longest_run.get_mut(row) {
            *longest = run;
        }
    }

    fn count(&mut self, section: SectionNumber) -> &mut Count {
        self.counts
            .get_mut(usize::from(section.0))
            .unwrap_or_else(|| unreachable!("outcomes name sections that exist"))
    }
}

/// Length of the longest run of ones.
fn longest_run(mut bits: u128) -> u8 {
    let mut length: u8 = 0;
    while bits != 0 {
        bits &= bits << 1;
        length = length.saturating_add(1);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::longest_run;

    #[test]
    fn the_longest_run_is_measured() {
        assert_eq!(longest_run(0), 0);
        assert_eq!(longest_run(0b1011_0111), 3);
        assert_eq!(longest_run(u128::MAX), 128);
    }
}
