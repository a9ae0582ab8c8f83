//! Nights of rooms: each is a general-admission section whose places are the units of one type.

use minicbor::{Decode, Encode};

use crate::definition::{
    DefinitionInvalid, HOLD_SECTIONS_MAX, Section, SectionKind, check_code, check_count,
    check_unique, invalid,
};
use crate::time::Timestamp;

/// Nights of one stay: a hold has a section for each.
pub const STAY_NIGHTS_MAX: u16 = HOLD_SECTIONS_MAX as u16;
/// Room types in one performance: a year of nights of five of them are as many sections as fit.
pub const ROOM_TYPES_MAX: usize = 64;
/// Bytes of a room type's code: with `_` and six digits of a date it is a section's code.
pub const ROOM_TYPE_CODE_BYTES_MAX: usize = 9;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// A calendar date, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Date(#[n(0)] pub i32);

impl Date {
    /// The date that many days later.
    #[must_use]
    pub const fn plus(self, days: u16) -> Self {
        Self(self.0.saturating_add(days as i32))
    }

    /// How many days it is after another; `None` when it is before, or out of reach.
    #[must_use]
    pub fn days_after(self, other: Self) -> Option<u16> {
        self.0.checked_sub(other.0).and_then(|days| u16::try_from(days).ok())
    }

    /// Its first moment in UTC.
    #[must_use]
    pub const fn starts_at(self) -> Timestamp {
        Timestamp::from_millis((self.0 as i64).saturating_mul(DAY_MS))
    }
}

/// What is sold by the night.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Stays {
    /// The types of room.
    #[n(0)]
    pub room_types: Vec<RoomType>,
    /// Until when a night can be bought: minutes after its date begins in UTC, up to two days
    /// before or after.
    #[n(1)]
    pub closes_minutes: i16,
}

/// Rooms of one type. Their nights are sections side by side.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RoomType {
    /// Short name, unique in the performance.
    #[n(0)]
    pub code: String,
    /// Index of the section of the first night.
    #[n(1)]
    pub first_section: u16,
    /// The first night.
    #[n(2)]
    pub first_night: Date,
    /// How many nights.
    #[n(3)]
    pub nights: u16,
}

impl Stays {
    /// The moment from which a night cannot be bought any more.
    #[must_use]
    pub const fn closes_at(&self, night: Date) -> Timestamp {
        let minutes = self.closes_minutes as i64;
        Timestamp::from_millis(night.starts_at().as_millis().saturating_add(minutes * 60_000))
    }

    pub(super) fn check(&self, field: &str, sections: &[Section]) -> Result<(), DefinitionInvalid> {
        const TWO_DAYS: i16 = 2 * 24 * 60;
        check_count(&format!("{field}.room_types"), self.room_types.len(), 1, ROOM_TYPES_MAX)?;
        if !(-TWO_DAYS..=TWO_DAYS).contains(&self.closes_minutes) {
            return invalid(
                format!("{field}.closes_minutes"),
                format!("must be {} to {TWO_DAYS}", -TWO_DAYS),
            );
        }
        let codes = self.room_types.iter().map(|room| &*room.code);
        check_unique(&format!("{field}.room_types"), codes)?;
        for (index, room) in self.room_types.iter().enumerate() {
            room.check(&format!("{field}.room_types[{index}]"), sections)?;
        }
        self.check_apart(field)
    }

    /// No night is a night of two types.
    fn check_apart(&self, field: &str) -> Result<(), DefinitionInvalid> {
        let mut ranges: Vec<_> = self.room_types.iter().map(RoomType::sections).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        if ranges.windows(2).all(|pair| pair[0].end <= pair[1].start) {
            Ok(())
        } else {
            invalid(format!("{field}.room_types"), "must have nights of their own")
        }
    }
}

impl RoomType {
    /// Indexes of the sections that are its nights.
    #[must_use]
    pub fn sections(&self) -> std::ops::Range<usize> {
        let first = usize::from(self.first_section);
        first..first + usize::from(self.nights)
    }

    fn check(&self, field: &str, sections: &[Section]) -> Result<(), DefinitionInvalid> {
        check_code(&format!("{field}.code"), &self.code)?;
        check_count(&format!("{field}.code"), self.code.len(), 1, ROOM_TYPE_CODE_BYTES_MAX)?;
        check_count(&format!("{field}.nights"), self.nights.into(), 1, sections.len())?;
        let nights = sections.get(self.sections());
        let counted = nights.is_some_and(|nights| {
            let is_counted = |kind: &_| matches!(kind, SectionKind::GeneralAdmission { .. });
            nights.iter().all(|night| is_counted(&night.kind))
        });
        if counted {
            Ok(())
        } else {
            invalid(format!("{field}.first_section"), "must be sections of general admission")
        }
    }
}
