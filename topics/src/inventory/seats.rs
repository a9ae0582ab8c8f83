//! Many seats in few words.

use minicbor::{Decode, Encode};

use crate::ids::{SeatNumber, SectionNumber};

/// Seats with numbers side by side. A row and a section are one range each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct SeatRange {
    /// The first of them.
    #[n(0)]
    pub first: SeatNumber,
    /// How many, at least one.
    #[n(1)]
    pub seats: u32,
}

/// Places in one section of general admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SectionPlaces {
    /// The section.
    #[n(0)]
    pub section: SectionNumber,
    /// How many, at least one.
    #[n(1)]
    pub quantity: u32,
}

impl SeatRange {
    /// The number after the last of them.
    #[must_use]
    pub const fn end(self) -> u32 {
        self.first.0.saturating_add(self.seats)
    }

    /// Each of them, ascending.
    pub fn iter(self) -> impl Iterator<Item = SeatNumber> {
        (self.first.0..self.end()).map(SeatNumber)
    }
}
