//! Parties that sit in a way of their own: at a table, or around an accessible seat.

use boxoffice_topics::outcome::Seating;
use boxoffice_topics::{Places, Refusal, RefusalCode, Timestamp};

use super::Performance;
use super::best_available::{Wish, seat_at};
use super::layout::{RowLayout, bit, bits};

impl Performance {
    /// Checks that places have tables whole, and companion seats with an accessible seat.
    pub(crate) fn check_parties(&self, places: &Places) -> Result<(), Refusal> {
        if self.layout.is_plain() {
            return Ok(());
        }
        for (item, seat) in places.seats.iter().enumerate() {
            let Some(row) = self.layout.row_of(*seat) else { continue };
            let wanted = row.bits_of(&places.seats);
            if row.table.is_some() && wanted != bits(row.seats) {
                return Err(RefusalCode::TableSoldWhole.at_item(item));
            }
            let companion = self.inventory.kept_companions(row) & row.bit(*seat);
            if companion & !beside(wanted & row.accessible, row.companions) != 0 {
                return Err(RefusalCode::CompanionNeedsAccessibleSeat.at_item(item));
            }
        }
        Ok(())
    }

    /// When companion seats become seats like any other, if they are kept until then.
    pub(crate) fn companions_released_at(&self) -> Option<Timestamp> {
        let shapes = self.definition.shapes.as_deref();
        shapes?.companions_released_at.filter(|_| self.inventory.keeps_companions())
    }

    pub(crate) fn has_released_companions(&self) -> bool {
        let has_some = self.layout.rows().iter().any(|row| row.companions != 0);
        has_some && !self.inventory.keeps_companions()
    }

    pub(crate) fn release_companions(&mut self) {
        self.inventory.release_companions(&self.layout);
    }

    /// The first accessible seat with enough companion seats beside it.
    pub(super) fn with_companions(&self, wish: Wish<'_>) -> Option<(Places, Seating)> {
        let companions = wish.quantity.saturating_sub(1);
        self.rows_of_wish(wish).filter(|(_, row)| row.companions != 0).find_map(|(index, row)| {
            let free = self.free_for_wish(wish, index, row);
            let accessible = (0..row.seats).filter(|seat| free & row.accessible & bit(*seat) != 0);
            let mut parties = accessible.filter_map(|seat| party(row, free, seat, companions));
            parties.next().map(|seats| seated(row, &seats))
        })
    }

    /// The smallest table that fits; of two as small, the better one.
    pub(super) fn smallest_table(&self, wish: Wish<'_>) -> Option<Places> {
        if self.layout.is_plain() {
            return None;
        }
        let fits = |row: &RowLayout| {
            let empty = row.seats.checked_sub(wish.quantity);
            row.table.is_some_and(|most| empty.is_some_and(|empty| empty <= most))
                && (row.accessible != 0) == wish.accessible
        };
        let tables = self.rows_of_wish(wish).filter(|(index, row)| {
            fits(row) && self.free_for_wish(wish, *index, row) == bits(row.seats)
        });
        let (_, row) = tables.min_by_key(|(_, row)| row.seats)?;
        let seats = (0..row.seats).map(|seat| seat_at(row, seat)).collect();
        Some(Places { seats, ..Places::default() })
    }

    /// Free accessible seats of a row, for one person each.
    pub(super) fn accessible_alone(&self, wish: Wish<'_>, index: usize, row: &RowLayout) -> u128 {
        // A party sits with its companions: an accessible seat for each would keep out those who
        // need one.
        let is_for_parties = wish.quantity > 1 && row.companions != 0;
        if row.table.is_some() || is_for_parties {
            return 0;
        }
        self.free_for_wish(wish, index, row) & row.accessible
    }

    fn rows_of_wish(&self, wish: Wish<'_>) -> impl Iterator<Item = (usize, &RowLayout)> {
        let rows =
            self.range(wish).filter_map(|index| Some((index, self.layout.rows().get(index)?)));
        rows.filter(move |(_, row)| wish.price_level.is_none_or(|level| row.price_level == level))
    }

    fn free_for_wish(&self, wish: Wish<'_>, index: usize, row: &RowLayout) -> u128 {
        let of_channel = wish.channel.map_or(0, |channel| channel.seats().bits_of(row));
        self.inventory.free_for(index, of_channel)
    }
}

/// An accessible seat and the companion seats nearest to it, ascending.
fn party(row: &RowLayout, free: u128, accessible: u16, companions: u16) -> Option<Vec<u16>> {
    let around = beside(bit(accessible), row.companions) & free;
    let mut seats: Vec<_> = (0..row.seats).filter(|seat| around & bit(*seat) != 0).collect();
    seats.sort_by_key(|seat| seat.abs_diff(accessible));
    seats.truncate(companions.into());
    let is_whole = seats.len() == usize::from(companions);
    seats.push(accessible);
    seats.sort_unstable();
    is_whole.then_some(seats)
}

fn seated(row: &RowLayout, seats: &[u16]) -> (Places, Seating) {
    let is_adjacent =
        seats.windows(2).all(|pair| matches!(pair, [one, next] if one.abs_diff(*next) == 1));
    let seating = if is_adjacent { Seating::Adjacent } else { Seating::Split };
    let seats = seats.iter().map(|seat| seat_at(row, *seat)).collect();
    (Places { seats, ..Places::default() }, seating)
}

/// The companion seats that stand beside some seats, in a row without a gap.
fn beside(seats: u128, companions: u128) -> u128 {
    let mut reached = seats;
    loop {
        let further = reached | ((reached << 1 | reached >> 1) & companions);
        if further == reached {
            return reached & companions;
        }
        reached = further;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companions_stand_beside_without_a_gap() {
        assert_eq!(beside(0b0001_0000, 0b0110_1100), 0b0110_1100);
        assert_eq!(beside(0b0001_0000, 0b1100_0110), 0);
        assert_eq!(beside(0, u128::MAX), 0);
        assert_eq!(beside(1, !1), !1);
    }
}
