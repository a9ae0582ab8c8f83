//! Inventory of other shapes: tables, companion seats, nights of rooms, and what is set aside.
//!
//! Variant and field numbers are part of the log and never change their meaning.

mod channel;
mod seats;
mod stay;

use minicbor::{Decode, Encode};

pub use self::channel::{
    CHANNEL_CODE_BYTES_MAX, CHANNEL_RANGES_MAX, CHANNELS_MAX, ChannelNumber, ChannelRules,
    ChannelUse, SELECTORS_MAX, Selector,
};
pub use self::seats::{SeatRange, SectionPlaces};
pub use self::stay::{
    Date, ROOM_TYPE_CODE_BYTES_MAX, ROOM_TYPES_MAX, RoomType, STAY_NIGHTS_MAX, Stays,
};
use crate::definition::{
    DefinitionInvalid, HOLD_SEATS_MAX, PerformanceDefinition, Row, check_code, check_count, invalid,
};
use crate::ids::PerformanceId;
use crate::time::Timestamp;

/// What only some performances have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Shapes {
    /// From then on companion seats are seats like any other; without a moment, when a promoter
    /// says so.
    #[n(0)]
    pub companions_released_at: Option<Timestamp>,
    /// General-admission sections that are the nights of rooms.
    #[n(1)]
    pub stays: Option<Stays>,
}

/// How a row is sold that is not sold seat by seat.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RowSold {
    /// A table: all of its seats together, or none of them.
    #[n(1)]
    Whole {
        /// Seats that may stay empty when the best table is searched for a smaller party.
        #[n(0)]
        empty_seats_max: u16,
    },
    /// Some of its seats go with the accessible seats beside them.
    #[n(2)]
    WithCompanions {
        /// Numbers of the companion seats, ascending.
        #[n(0)]
        seats: Vec<u16>,
    },
}

impl Row {
    /// Numbers of the companion seats, ascending.
    #[must_use]
    pub fn companions(&self) -> &[u16] {
        match &self.sold {
            Some(RowSold::WithCompanions { seats }) => seats,
            Some(RowSold::Whole { .. }) | None => &[],
        }
    }

    /// Whether all of its seats are sold together, or none.
    #[must_use]
    pub fn is_table(&self) -> bool {
        matches!(self.sold, Some(RowSold::Whole { .. }))
    }
}

/// What somebody asks about the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum InventoryIntent<'a> {
    /// A promoter makes a channel, or changes its rules.
    #[n(1)]
    SetChannel {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Its short name.
        #[b(1)]
        channel: &'a str,
        /// The rules from now on.
        #[n(2)]
        rules: ChannelRules,
    },
    /// A promoter sets places aside for a channel, all of them or none.
    #[n(2)]
    SetAside {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// For which channel.
        #[b(1)]
        channel: &'a str,
        /// What: free places only.
        #[b(2)]
        items: Vec<Selector<'a>>,
    },
    /// A promoter gives some of it back to everybody, all of these or none.
    #[n(3)]
    Release {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Of which channel.
        #[b(1)]
        channel: &'a str,
        /// What. A section means all that the channel has there.
        #[b(2)]
        items: Vec<Selector<'a>>,
    },
    /// A promoter gives all of it back to everybody.
    #[n(4)]
    ReleaseAll {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Of which channel.
        #[b(1)]
        channel: &'a str,
    },
    /// A promoter sells companion seats like any other from now on.
    #[n(5)]
    ReleaseCompanions {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
    },
}

impl InventoryIntent<'_> {
    /// Which performance it is about.
    #[must_use]
    pub const fn performance(&self) -> PerformanceId {
        match self {
            Self::SetChannel { performance, .. }
            | Self::SetAside { performance, .. }
            | Self::Release { performance, .. }
            | Self::ReleaseAll { performance, .. }
            | Self::ReleaseCompanions { performance } => *performance,
        }
    }

    /// Checks everything that the rest of the system relies on.
    ///
    /// # Errors
    /// Names the first field that is wrong, as a path from the root of the intent.
    pub fn validate(&self) -> Result<(), DefinitionInvalid> {
        match self {
            Self::SetChannel { channel, rules, .. } => {
                check_code("channel", channel)?;
                match rules.uses_max {
                    Some(0) => invalid("uses_max", "must be at least 1"),
                    Some(_) | None => Ok(()),
                }
            }
            Self::SetAside { channel, items, .. } | Self::Release { channel, items, .. } => {
                check_code("channel", channel)?;
                check_count("items", items.len(), 1, SELECTORS_MAX)
            }
            Self::ReleaseAll { channel, .. } => check_code("channel", channel),
            Self::ReleaseCompanions { .. } => Ok(()),
        }
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetChannel { .. } => "set_channel",
            Self::SetAside { .. } => "set_aside",
            Self::Release { .. } | Self::ReleaseAll { .. } => "release_channel",
            Self::ReleaseCompanions { .. } => "release_companions",
        }
    }
}

/// One fact about the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum InventoryOutcome {
    /// A channel exists, or has other rules.
    #[n(1)]
    ChannelSet {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Which channel.
        #[n(1)]
        channel: ChannelNumber,
        /// Its short name.
        #[n(2)]
        code: String,
        /// The rules from now on.
        #[n(3)]
        rules: ChannelRules,
    },
    /// Places are set aside for a channel.
    #[n(2)]
    SetAside {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// For which channel.
        #[n(1)]
        channel: ChannelNumber,
        /// Numbered seats, ascending.
        #[n(2)]
        seats: Vec<SeatRange>,
        /// Places of general admission.
        #[n(3)]
        places: Vec<SectionPlaces>,
    },
    /// Places are no longer set aside. Those of a hold or an order stay its own.
    #[n(3)]
    Released {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Of which channel.
        #[n(1)]
        channel: ChannelNumber,
        /// Numbered seats, ascending.
        #[n(2)]
        seats: Vec<SeatRange>,
        /// Places of general admission.
        #[n(3)]
        places: Vec<SectionPlaces>,
        /// Whether it was all that was left: what comes back later is everybody's too.
        #[n(4)]
        is_all: bool,
    },
    /// Companion seats are seats like any other.
    #[n(4)]
    CompanionsReleased {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
    },
}

impl PerformanceDefinition {
    /// Checks what only some performances have.
    pub(crate) fn check_shapes(&self) -> Result<(), DefinitionInvalid> {
        let stays = self.shapes.as_ref().and_then(|shapes| shapes.stays.as_ref());
        stays.map_or(Ok(()), |stays| stays.check("shapes.stays", &self.sections))
    }
}

/// Checks how a row is sold.
pub(crate) fn check_row_sold(field: &str, row: &Row, last: u16) -> Result<(), DefinitionInvalid> {
    match &row.sold {
        None => Ok(()),
        Some(RowSold::Whole { empty_seats_max }) => {
            let seats = row.seats.into();
            check_count(&format!("{field}.seats"), seats, 1, HOLD_SEATS_MAX.into())?;
            check_count(
                &format!("{field}.table.empty_seats_max"),
                (*empty_seats_max).into(),
                0,
                seats - 1,
            )
        }
        Some(RowSold::WithCompanions { seats }) => {
            let ascending = seats.windows(2).all(|pair| pair[0] < pair[1]);
            let inside = seats.iter().all(|seat| (row.first_seat..=last).contains(seat));
            let apart = seats.iter().all(|seat| row.accessible.binary_search(seat).is_err());
            if !seats.is_empty() && ascending && inside && apart {
                return Ok(());
            }
            let reason = "must be seats of the row in ascending order, none of them accessible";
            invalid(format!("{field}.companions"), reason)
        }
    }
}
