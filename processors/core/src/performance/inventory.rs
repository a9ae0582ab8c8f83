//! Who has what: one owner for each seat, one bit for each free seat, one count for each
//! general-admission section.

use std::ops::Range;

use boxoffice_topics::inventory::SeatRange;
use boxoffice_topics::{HoldId, OrderId, Places, SeatNumber, SectionNumber};

use super::layout::{Layout, RowLayout, bit, bits};
use crate::channels::of_channel;

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
    /// Set aside for a channel, and not taken.
    aside: u32,
}

impl Count {
    fn check(&self) {
        let given = self.taken.saturating_add(self.aside);
        assert!(given <= self.capacity, "INV-2: a section is oversold");
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Inventory {
    owners: Vec<Owner>,
    /// Free seats of each row, one bit each.
    free: Vec<u128>,
    /// Seats of each row that are set aside, whoever has them.
    aside: Vec<u128>,
    /// Seats of each row that the search gives to everybody: free ones, and none that is set
    /// aside, accessible, kept for a companion, or of a table.
    open: Vec<u128>,
    /// The longest run of open seats side by side in each row, so that the search for seats
    /// passes over full rows at a byte each.
    longest_run: Vec<u8>,
    /// Whether companion seats go with accessible seats only.
    keeps_companions: bool,
    /// One for each section; without meaning where seats are numbered.
    counts: Vec<Count>,
}

impl Inventory {
    pub(crate) fn of(layout: &Layout) -> Self {
        let free: Vec<_> = layout.rows().iter().map(|row| bits(row.seats)).collect();
        let count = |index| {
            let general = layout.general_admission(SectionNumber(index));
            Count { capacity: general.map_or(0, |general| general.capacity), ..Count::default() }
        };
        let sections = u16::try_from(layout.sections()).unwrap_or(u16::MAX);
        let mut inventory = Self {
            owners: vec![Owner::Nobody; layout.seat_count()],
            aside: vec![0; free.len()],
            open: vec![0; free.len()],
            longest_run: vec![0; free.len()],
            keeps_companions: layout.rows().iter().any(|row| row.companions != 0),
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

    /// Seats of a row that the search gives to everybody.
    pub(crate) fn open_bits(&self, row: usize) -> u128 {
        self.open.get(row).copied().unwrap_or(0)
    }

    /// Free seats of a row for whoever may have these of those that are set aside.
    pub(crate) fn free_for(&self, row: usize, of_channel: u128) -> u128 {
        self.free_bits(row) & (!self.aside_bits(row) | of_channel)
    }

    /// What the search gives of a row to whoever may have these of those that are set aside.
    pub(crate) fn open_for(&self, index: usize, row: &RowLayout, of_channel: u128) -> u128 {
        if row.table.is_some() {
            return 0;
        }
        self.free_for(index, of_channel) & !row.accessible & !self.kept_companions(row)
    }

    /// Companion seats of a row that go with accessible seats only.
    pub(crate) fn kept_companions(&self, row: &RowLayout) -> u128 {
        if self.keeps_companions { row.companions } else { 0 }
    }

    pub(crate) const fn keeps_companions(&self) -> bool {
        self.keeps_companions
    }

    fn aside_bits(&self, row: usize) -> u128 {
        self.aside.get(row).copied().unwrap_or(0)
    }

    pub(crate) fn is_set_aside(&self, layout: &Layout, seat: SeatNumber) -> bool {
        let row = layout.row_index_of(seat);
        let bits = row.map(|row| (self.aside_bits(row), layout.rows().get(row)));
        bits.is_some_and(|(aside, row)| row.is_some_and(|row| aside & row.bit(seat) != 0))
    }

    /// Whether nobody has any seat of a range, and none is set aside.
    pub(crate) fn all_free(&self, layout: &Layout, range: SeatRange) -> bool {
        let mut rows = layout.rows_within(range);
        rows.all(|(index, row)| row.bits_within(range) & !self.free_for(index, 0) == 0)
    }

    pub(crate) fn set_seats_aside(&mut self, layout: &Layout, range: SeatRange) {
        self.mark(layout, range, |aside, seats| {
            assert!(*aside & seats == 0, "INV-50: a seat is set aside twice");
            *aside |= seats;
        });
    }

    pub(crate) fn release_seats(&mut self, layout: &Layout, range: SeatRange) {
        self.mark(layout, range, |aside, seats| *aside &= !seats);
    }

    /// Changes what is set aside, row by row.
    fn mark(&mut self, layout: &Layout, range: SeatRange, change: impl Fn(&mut u128, u128)) {
        for (index, row) in layout.rows_within(range) {
            if let Some(aside) = self.aside.get_mut(index) {
                change(aside, row.bits_within(range));
            }
            self.measure_row(layout, index);
        }
    }

    pub(crate) fn set_places_aside(&mut self, section: SectionNumber, quantity: u32) {
        let count = self.count(section);
        count.aside = count.aside.saturating_add(quantity);
        count.check();
    }

    pub(crate) fn release_places(&mut self, section: SectionNumber, quantity: u32) {
        let count = self.count(section);
        let aside = count.aside.checked_sub(quantity);
        assert!(aside.is_some(), "INV-51: a section releases more than is set aside");
        count.aside = aside.unwrap_or(0);
    }

    /// Companion seats are seats like any other from now on.
    pub(crate) fn release_companions(&mut self, layout: &Layout) {
        self.keeps_companions = false;
        for row in 0..layout.rows().len() {
            self.measure_row(layout, row);
        }
    }

    pub(crate) fn longest_runs(&self, rows: Range<usize>) -> &[u8] {
        self.longest_run.get(rows).unwrap_or(&[])
    }

    pub(crate) fn free_seats(&self, rows: Range<usize>) -> u32 {
        let free = self.free.get(rows.clone()).unwrap_or(&[]);
        let aside = self.aside.get(rows).unwrap_or(&[]);
        free.iter().zip(aside).map(|(free, aside)| (free & !aside).count_ones()).sum()
    }

    pub(crate) fn remaining_places(&self, section: SectionNumber) -> u32 {
        let count = self.counts.get(usize::from(section.0)).copied().unwrap_or_default();
        count.capacity.saturating_sub(count.taken).saturating_sub(count.aside)
    }

    pub(crate) fn take(&mut self, layout: &Layout, places: &Places, owner: Owner) {
        self.pass_on(places, Owner::Nobody, owner);
        self.flip(layout, places);
        for place in places.channel.iter().flat_map(|of| of_channel(places, *of)) {
            self.release_places(place.section, place.quantity.into());
        }
        for place in &places.quantities {
            let count = self.count(place.section);
            count.taken = count.taken.saturating_add(place.quantity.into());
            count.check();
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
        let now_open = layout.rows().get(row).map_or(0, |of_row| self.open_for(row, of_row, 0));
        if let (Some(open), Some(longest)) = (self.open.get_mut(row), self.longest_run.get_mut(row))
        {
            *open = now_open;
            *longest = longest_run(now_open);
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
