//! Inventory of other shapes as promoters write it: tables, companion seats, nights of rooms.

use boxoffice_topics::definition::SECTIONS_MAX;
use boxoffice_topics::inventory::{
    Date, ROOM_TYPE_CODE_BYTES_MAX, ROOM_TYPES_MAX, RoomType, RowSold, Stays,
};
use boxoffice_topics::{PerformanceDefinition, Row, Section, SectionKind};
use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::bounded;
use super::values::Parsed;
use crate::http::problem::Problem;

/// Spans of nights with prices of their own: one for each night that a room type can have.
const PRICE_SPANS_MAX: usize = SECTIONS_MAX;
/// Minutes of a day: nights can be bought until their date ends in UTC, when nothing is said.
const CLOSES_MINUTES_DEFAULT: i16 = 24 * 60;

/// A row that is sold whole: all of its seats, or none.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TableJson {
    /// Seats that may stay empty when the best table is searched for a smaller party.
    #[serde(default)]
    #[schema(example = 1)]
    pub empty_seats_max: u16,
}

/// How a row is sold, for the log.
///
/// # Errors
/// 422 for a table with companion seats.
pub(super) fn sold(
    table: Option<TableJson>,
    companions: &[u16],
    path: &str,
) -> Result<Option<RowSold>, Problem> {
    match (table, companions) {
        (None, []) => Ok(None),
        (Some(TableJson { empty_seats_max }), []) => Ok(Some(RowSold::Whole { empty_seats_max })),
        (None, seats) => Ok(Some(RowSold::WithCompanions { seats: seats.to_vec() })),
        (Some(_), _) => {
            let detail = "a table is sold whole, so it has no companion seats";
            Err(Problem::invalid("definition_invalid", detail).path(path))
        }
    }
}

/// The table that a row is.
pub(super) fn table(row: &Row) -> Option<TableJson> {
    match row.sold {
        Some(RowSold::Whole { empty_seats_max }) => Some(TableJson { empty_seats_max }),
        Some(RowSold::WithCompanions { .. }) | None => None,
    }
}

/// Rooms that are sold by the night. Each night of a type becomes a general-admission section
/// with a code like `DELUXE_261224`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaysJson {
    /// The types of room.
    #[serde(deserialize_with = "bounded::<_, _, ROOM_TYPES_MAX>")]
    #[schema(max_items = 64)]
    pub room_types: Vec<RoomTypeJson>,
    /// Until when a night can be bought: minutes after its date begins in UTC, up to two days
    /// before or after. Until its date ends when absent.
    #[serde(default = "closes_minutes")]
    #[schema(default = 1_440, example = 540)]
    pub closes_minutes: i16,
}

const fn closes_minutes() -> i16 {
    CLOSES_MINUTES_DEFAULT
}

/// Rooms of one type.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomTypeJson {
    /// Short name, at most 9 bytes.
    #[schema(example = "DELUXE")]
    pub code: String,
    /// How many rooms there are.
    #[schema(example = 12)]
    pub units: u32,
    /// The first night.
    #[schema(value_type = String, format = Date)]
    pub first_night: Parsed<civil::Date>,
    /// The last night.
    #[schema(value_type = String, format = Date)]
    pub last_night: Parsed<civil::Date>,
    /// What a night costs.
    #[schema(example = "WEEKDAY")]
    pub price_level: String,
    /// Nights that cost something else. Of two spans that have a night the later one says it.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::<_, _, PRICE_SPANS_MAX>"
    )]
    pub prices: Vec<NightPricesJson>,
}

/// Nights at one price.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NightPricesJson {
    /// The first of them.
    #[schema(value_type = String, format = Date)]
    pub from: Parsed<civil::Date>,
    /// The last of them.
    #[schema(value_type = String, format = Date)]
    pub to: Parsed<civil::Date>,
    /// What each costs.
    #[schema(example = "WEEKEND")]
    pub price_level: String,
}

impl StaysJson {
    /// The nights as sections behind those that there are, and where they begin.
    ///
    /// # Errors
    /// 422 with the path of what no section can be made of.
    pub(super) fn expand(
        &self,
        sections: &mut Vec<Section>,
        level: impl Fn(&str, &str) -> Result<u16, Problem>,
    ) -> Result<Stays, Problem> {
        let mut room_types = Vec::with_capacity(self.room_types.len());
        for (index, room) in self.room_types.iter().enumerate() {
            let path = format!("stays.room_types[{index}]");
            let nights = room.nights(&path, SECTIONS_MAX.saturating_sub(sections.len()))?;
            room_types.push(RoomType {
                code: room.code.clone(),
                first_section: u16::try_from(sections.len()).unwrap_or(u16::MAX),
                first_night: date_of(room.first_night.0),
                nights,
            });
            room.add_nights(sections, nights, &path, &level)?;
        }
        Ok(Stays { room_types, closes_minutes: self.closes_minutes })
    }

    /// What was written of them.
    pub(super) fn of(definition: &PerformanceDefinition) -> Option<Self> {
        let stays = definition.shapes.as_deref()?.stays.as_ref()?;
        let room_types = stays.room_types.iter().map(|room| RoomTypeJson::of(room, definition));
        Some(Self { room_types: room_types.collect(), closes_minutes: stays.closes_minutes })
    }
}

impl RoomTypeJson {
    fn nights(&self, path: &str, most: usize) -> Result<u16, Problem> {
        let invalid = |field: &str, detail: String| {
            Problem::invalid("definition_invalid", detail).path(format!("{path}{field}"))
        };
        if !(1..=ROOM_TYPE_CODE_BYTES_MAX).contains(&self.code.len()) {
            let detail = format!("must be 1 to {ROOM_TYPE_CODE_BYTES_MAX} bytes");
            return Err(invalid(".code", detail));
        }
        let (first, last) = (date_of(self.first_night.0), date_of(self.last_night.0));
        let nights = last.days_after(first).and_then(|days| days.checked_add(1));
        match nights.filter(|nights| first.0 >= 0 && usize::from(*nights) <= most) {
            Some(nights) => Ok(nights),
            None => Err(invalid(
                ".last_night",
                format!("must be 1 to {most} nights from 1970 on: {SECTIONS_MAX} sections in all"),
            )),
        }
    }

    fn add_nights(
        &self,
        sections: &mut Vec<Section>,
        nights: u16,
        path: &str,
        level: impl Fn(&str, &str) -> Result<u16, Problem>,
    ) -> Result<(), Problem> {
        let usual = level(&self.price_level, &format!("{path}.price_level"))?;
        let mut levels = vec![usual; nights.into()];
        let first = date_of(self.first_night.0);
        for (index, span) in self.prices.iter().enumerate() {
            let path = format!("{path}.prices[{index}]");
            let price_level = level(&span.price_level, &format!("{path}.price_level"))?;
            let bounds =
                (date_of(span.from.0).days_after(first), date_of(span.to.0).days_after(first));
            let nights = match bounds {
                (Some(from), Some(to)) => levels.get_mut(usize::from(from)..=usize::from(to)),
                _ => None,
            };
            let Some(nights) = nights.filter(|nights| !nights.is_empty()) else {
                let detail = "must be nights of the room type, the first one first";
                return Err(Problem::invalid("definition_invalid", detail).path(path));
            };
            nights.fill(price_level);
        }
        sections.extend((0..).zip(levels).map(|(night, price_level)| Section {
            code: section_code(&self.code, first.plus(night)),
            kind: SectionKind::GeneralAdmission { capacity: self.units, price_level },
        }));
        Ok(())
    }

    fn of(room: &RoomType, definition: &PerformanceDefinition) -> Self {
        let nights = definition.sections.get(room.sections()).unwrap_or(&[]);
        let night = |section: &Section| match section.kind {
            SectionKind::GeneralAdmission { capacity, price_level } => (capacity, price_level),
            SectionKind::Reserved { .. } => (0, 0),
        };
        let (units, usual) = nights.first().map_or((0, 0), night);
        let code = |level: u16| {
            let level = definition.price_levels.get(usize::from(level));
            level.map_or_else(String::new, |level| level.code.clone())
        };
        let mut prices: Vec<NightPricesJson> = Vec::new();
        let mut before = usual;
        for (index, (_, level)) in (0..).zip(nights.iter().map(night)) {
            let date = Parsed(civil_date(room.first_night.plus(index)));
            match prices.last_mut() {
                _ if level == usual => (),
                Some(span) if level == before => span.to = date,
                _ => {
                    prices.push(NightPricesJson { from: date, to: date, price_level: code(level) })
                }
            }
            before = level;
        }
        let last = room.nights.saturating_sub(1);
        Self {
            code: room.code.clone(),
            units,
            first_night: Parsed(civil_date(room.first_night)),
            last_night: Parsed(civil_date(room.first_night.plus(last))),
            price_level: code(usual),
            prices,
        }
    }
}

/// The code of the section that is a night: the type's, and the date as year, month and day.
fn section_code(room_type: &str, night: Date) -> String {
    let date = civil_date(night);
    let year = date.year().rem_euclid(100);
    format!("{room_type}_{year:02}{:02}{:02}", date.month(), date.day())
}

const EPOCH: civil::Date = civil::date(1970, 1, 1);

/// A date of the log.
pub(super) fn date_of(date: civil::Date) -> Date {
    let days = EPOCH.until(date).map_or(0, |span| span.get_days());
    Date(days)
}

/// A date as clients see it.
pub(super) fn civil_date(date: Date) -> civil::Date {
    let days = jiff::Span::new().try_days(date.0);
    days.and_then(|days| EPOCH.checked_add(days)).unwrap_or(EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_log_are_those_of_the_calendar() {
        for (text, days) in [("1970-01-01", 0), ("1969-12-31", -1), ("2026-12-24", 20_811)] {
            let date: civil::Date = text.parse().unwrap();
            assert_eq!(date_of(date), Date(days), "{text}");
            assert_eq!(civil_date(Date(days)).to_string(), text);
        }
        assert_eq!(section_code("DELUXE", Date(20_811)), "DELUXE_261224");
    }
}
