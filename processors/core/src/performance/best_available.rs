//! The best seats that are left.
//!
//! Rows are tried from the best to the worst, in the order of the definition. First side by
//! side so that no single seat is left alone, then side by side, then split over rows. Within a
//! row the seats nearest to its middle win; of two as near, the left.

use std::ops::Range;

use boxoffice_topics::outcome::Seating;
use boxoffice_topics::{Places, SeatNumber, SectionNumber};

use super::Performance;
use super::layout::{RowLayout, bit, bits};
use crate::channels::{Channel, take_seat};

/// Rows whose longest runs are compared in one vector instruction.
const ROWS_AT_A_GLANCE: usize = 32;

/// What a buyer would like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'c> {
    pub(crate) quantity: u16,
    pub(crate) section: Option<SectionNumber>,
    pub(crate) price_level: Option<u16>,
    /// Accessible seats and no others; otherwise none of them.
    pub(crate) accessible: bool,
    /// Whose places it may have that are set aside.
    pub(crate) channel: Option<&'c Channel>,
}

impl Performance {
    /// The best seats for a wish; `None` when there are not enough.
    pub(crate) fn best_available(&self, wish: Wish<'_>) -> Option<(Places, Seating)> {
        let (mut places, seating) = self.search(wish)?;
        if wish.channel.is_some() {
            for seat in places.seats.clone() {
                take_seat(&mut places, wish.channel, seat);
            }
        }
        Some((places, seating))
    }

    fn search(&self, wish: Wish<'_>) -> Option<(Places, Seating)> {
        if wish.accessible
            && wish.quantity > 1
            && let Some(found) = self.with_companions(wish)
        {
            return Some(found);
        }
        let mut with_orphan = None;
        for (index, row) in self.rows_with_run(wish) {
            let free = self.free_for(wish, index, row);
            match best_run(free, row.seats, wish.quantity) {
                Some((start, false)) => {
                    return Some((run(row, start, wish.quantity), Seating::Adjacent));
                }
                Some((start, true)) if with_orphan.is_none() => with_orphan = Some((row, start)),
                Some(_) | None => (),
            }
        }
        if let Some((row, start)) = with_orphan {
            return Some((run(row, start, wish.quantity), Seating::AdjacentLeavingOrphan));
        }
        if let Some(table) = self.smallest_table(wish) {
            return Some((table, Seating::Table));
        }
        self.split(wish).map(|places| (places, Seating::Split))
    }

    /// Rows that fit the wish and may have enough seats side by side.
    fn rows_with_run(&self, wish: Wish<'_>) -> impl Iterator<Item = (usize, &RowLayout)> {
        let range = self.range(wish);
        let runs = self.inventory.longest_runs(range.clone());
        let enough = match wish.channel {
            None if !wish.accessible => u8::try_from(wish.quantity).unwrap_or(u8::MAX),
            // The runs are of open seats.
            Some(_) | None => 0,
        };
        let blocks = range.step_by(ROWS_AT_A_GLANCE).zip(runs.chunks(ROWS_AT_A_GLANCE));
        blocks
            .filter(move |(_, runs)| runs.iter().fold(0, |most, run| most.max(*run)) >= enough)
            .flat_map(|(first, runs)| (first..).zip(runs))
            .filter(move |(_, longest)| **longest >= enough)
            .filter_map(|(index, _)| Some((index, self.layout.rows().get(index)?)))
            .filter(move |(_, row)| wish.price_level.is_none_or(|level| row.price_level == level))
    }

    pub(super) fn range(&self, wish: Wish<'_>) -> Range<usize> {
        match wish.section {
            Some(section) => self.layout.rows_of(section),
            None => 0..self.layout.rows().len(),
        }
    }

    fn free_for(&self, wish: Wish<'_>, index: usize, row: &RowLayout) -> u128 {
        match wish.channel {
            None if !wish.accessible => self.inventory.open_bits(index),
            _ if wish.accessible => self.accessible_alone(wish, index, row),
            channel => {
                let of_channel = channel.map_or(0, |channel| channel.seats().bits_of(row));
                self.inventory.open_for(index, row, of_channel)
            }
        }
    }

    /// Whatever seats are left, from the best row on.
    fn split(&self, wish: Wish<'_>) -> Option<Places> {
        let mut places = Places::default();
        let single = Wish { quantity: 1, ..wish };
        for (index, row) in self.rows_with_run(single) {
            let free = self.free_for(wish, index, row);
            for seat in (0..row.seats).filter(|seat| free & bit(*seat) != 0) {
                if places.seats.len() < usize::from(wish.quantity) {
                    places.seats.push(seat_at(row, seat));
                }
            }
            if places.seats.len() == usize::from(wish.quantity) {
                return Some(places);
            }
        }
        None
    }
}

pub(super) fn seat_at(row: &RowLayout, index: u16) -> SeatNumber {
    SeatNumber(row.first.0.saturating_add(index.into()))
}

fn run(row: &RowLayout, start: u16, quantity: u16) -> Places {
    let seats = (0..quantity).map(|index| seat_at(row, start.saturating_add(index)));
    Places { seats: seats.collect(), ..Places::default() }
}

/// Start of the best run of free seats, and whether it leaves an orphan.
fn best_run(free: u128, seats: u16, quantity: u16) -> Option<(u16, bool)> {
    let starts = (1..quantity).fold(free, |starts, shift| starts & (free >> shift));
    if starts == 0 {
        return None;
    }
    let last_start = seats.saturating_sub(quantity);
    let off_centre = |start: u16| (start.saturating_mul(2)).abs_diff(last_start);
    (0..=last_start)
        .filter(|start| starts & bit(*start) != 0)
        .map(|start| (leaves_orphan(free, start, quantity), off_centre(start), start))
        .min()
        .map(|(orphan, _, start)| (start, orphan))
}

/// Whether taking the run makes a free seat lonely that had company before.
fn leaves_orphan(free: u128, start: u16, quantity: u16) -> bool {
    let taken = bits(quantity).checked_shl(start.into()).unwrap_or(0);
    lonely(free & !taken) & !lonely(free) != 0
}

fn lonely(free: u128) -> u128 {
    free & !(free << 1) & !(free >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-` is free, `x` is taken; the first seat is on the left.
    #[track_caller]
    fn check(row: &str, quantity: u16, expect: Option<(u16, bool)>) {
        let free = (0..).zip(row.bytes()).filter(|(_, seat)| *seat == b'-');
        let free = free.fold(0, |bits, (index, _)| bits | bit(index));
        let seats = u16::try_from(row.len()).unwrap();
        assert_eq!(best_run(free, seats, quantity), expect, "{row} for {quantity}");
    }

    #[test]
    fn runs_lie_in_the_middle_and_leave_nobody_alone() {
        check("----------", 2, Some((4, false)));
        check("xxxxxxxxxx", 1, None);
        check("--x--x--x-", 2, Some((3, false)));
        check("---", 2, Some((0, true)));
        check("----", 3, Some((0, true)));
        check("----", 2, Some((0, false)));
        check("---x--", 2, Some((4, false)));
        check("x-x-x", 1, Some((1, false)));
        check("-----", 1, Some((2, false)));
        check("---", 1, Some((0, false)));
        check("-x-x-", 2, None);
    }

    #[test]
    fn a_full_width_row_works() {
        check(&"-".repeat(128), 16, Some((56, false)));
    }
}
