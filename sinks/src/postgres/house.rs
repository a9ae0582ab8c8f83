//! A performance's definition, asked by number: labels and prices for tickets, and the rows of
//! its price levels, sections and seats.

use boxoffice_topics::codec::decode_whole;
use boxoffice_topics::{PerformanceDefinition, Row, SeatNumber, SectionKind, SectionNumber};
use uuid::Uuid;

use super::columns::{Moment, SeatShape};
use super::error::Error;
use super::rows::{NightRow, PerformanceRow, PriceLevelRow, SeatRow, SectionRow, ShapedSeatRow};

/// A row of seats, found by the number of its first seat.
#[derive(Clone, Copy, Debug)]
struct FirstSeat {
    seat: u32,
    section: u16,
    row: u16,
}

/// A definition with an index of its seats.
#[derive(Clone, Debug)]
pub(super) struct House {
    definition: PerformanceDefinition,
    first_seats: Vec<FirstSeat>,
}

/// What a ticket says of its place.
pub(super) struct Place {
    pub(super) section: i32,
    pub(super) seat: Option<i32>,
    pub(super) label: String,
    pub(super) price_level: i32,
    pub(super) price_minor: i64,
}

impl House {
    pub(super) fn new(definition: PerformanceDefinition) -> Self {
        let mut first_seats = Vec::new();
        let mut seat = 0;
        for (section, rows) in (0..).zip(definition.sections.iter().map(|section| section.rows())) {
            for (index, row) in (0..).zip(rows) {
                first_seats.push(FirstSeat { seat, section, row: index });
                seat += u32::from(row.seats);
            }
        }
        Self { definition, first_seats }
    }

    /// The house of a performance that was read back.
    pub(super) fn of(row: &PerformanceRow) -> Result<Self, Error> {
        decode_whole(&row.definition).map(Self::new).map_err(|error| Error::DefinitionMalformed {
            performance: row.performance_id,
            reason: error.to_string(),
        })
    }

    pub(super) fn seat(&self, seat: SeatNumber) -> Option<Place> {
        let after = self.first_seats.partition_point(|first| first.seat <= seat.0);
        let first = self.first_seats.get(after.checked_sub(1)?)?;
        let section = self.definition.sections.get(usize::from(first.section))?;
        let row = section.rows().get(usize::from(first.row))?;
        let number = number_in(row, seat.0 - first.seat)?;
        Some(Place {
            section: first.section.into(),
            seat: Some(integer(seat.0)),
            label: format!("{}-{}-{number}", section.code, row.label),
            price_level: row.price_level.into(),
            price_minor: self.price(row.price_level)?,
        })
    }

    pub(super) fn general_admission(&self, number: SectionNumber) -> Option<Place> {
        let section = self.definition.sections.get(usize::from(number.0))?;
        let SectionKind::GeneralAdmission { price_level, .. } = section.kind else { return None };
        Some(Place {
            section: number.0.into(),
            seat: None,
            label: section.code.clone(),
            price_level: price_level.into(),
            price_minor: self.price(price_level)?,
        })
    }

    fn price(&self, level: u16) -> Option<i64> {
        self.definition.price_levels.get(usize::from(level)).map(|level| level.price_minor)
    }

    fn performance_id(&self) -> Uuid {
        Uuid::from_u128(self.definition.performance.as_u128())
    }

    pub(super) fn price_level_rows(&self) -> impl Iterator<Item = PriceLevelRow> {
        (0..).zip(&self.definition.price_levels).map(|(price_level, level)| PriceLevelRow {
            performance_id: self.performance_id(),
            price_level,
            code: level.code.clone(),
            price_minor: level.price_minor,
        })
    }

    pub(super) fn section_rows(&self) -> impl Iterator<Item = SectionRow> {
        (0..).zip(&self.definition.sections).map(|(number, section)| {
            let (capacity, price_level) = match section.kind {
                SectionKind::Reserved { .. } => (None, None),
                SectionKind::GeneralAdmission { capacity, price_level } => {
                    (Some(capacity.into()), Some(price_level.into()))
                }
            };
            SectionRow {
                performance_id: self.performance_id(),
                section: number,
                code: section.code.clone(),
                capacity,
                price_level,
            }
        })
    }

    /// Seats of tables, and companion seats.
    pub(super) fn shaped_seat_rows(&self) -> impl Iterator<Item = ShapedSeatRow> {
        self.first_seats.iter().flat_map(move |first| {
            let row = &self.definition.sections[usize::from(first.section)].rows()
                [usize::from(first.row)];
            (0..u32::from(row.seats)).filter_map(move |index| {
                let is_companion = row.companions().binary_search(&number_in(row, index)?).is_ok();
                let shape = match row.is_table() {
                    true => SeatShape::Table,
                    false if is_companion => SeatShape::Companion,
                    false => return None,
                };
                let (performance_id, seat) = (self.performance_id(), integer(first.seat + index));
                Some(ShapedSeatRow { performance_id, seat, shape })
            })
        })
    }

    pub(super) fn night_rows(&self) -> impl Iterator<Item = NightRow> {
        let stays = self.definition.shapes.as_deref().and_then(|shapes| shapes.stays.as_ref());
        let mut rooms: Vec<_> = stays.iter().flat_map(|stays| &stays.room_types).collect();
        rooms.sort_unstable_by_key(|room| room.first_section);
        rooms.into_iter().flat_map(move |room| {
            (0..room.nights).map(move |night| NightRow {
                performance_id: self.performance_id(),
                section: i32::from(room.first_section) + i32::from(night),
                room_type: room.code.clone(),
                night: Moment(room.first_night.plus(night).starts_at()),
            })
        })
    }

    pub(super) fn seat_rows(&self) -> impl Iterator<Item = SeatRow> {
        self.first_seats.iter().flat_map(move |first| {
            let section = &self.definition.sections[usize::from(first.section)];
            let row = &section.rows()[usize::from(first.row)];
            (0..u32::from(row.seats)).filter_map(move |index| {
                let number = number_in(row, index)?;
                Some(SeatRow {
                    performance_id: self.performance_id(),
                    seat: integer(first.seat + index),
                    label: format!("{}-{}-{number}", section.code, row.label),
                    section: first.section.into(),
                    row: row.label.clone(),
                    number: number.into(),
                    price_level: row.price_level.into(),
                    accessible: row.accessible.binary_search(&number).is_ok(),
                })
            })
        })
    }
}

fn number_in(row: &Row, index: u32) -> Option<u16> {
    let inside = index < u32::from(row.seats);
    inside.then(|| u16::try_from(u32::from(row.first_seat) + index).ok()).flatten()
}

/// Seats of a definition that passed its checks fit easily.
fn integer(seat: u32) -> i32 {
    i32::try_from(seat).unwrap_or(i32::MAX)
}
