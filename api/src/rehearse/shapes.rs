//! Inventory of other shapes: tables that are sold whole, companion seats beside accessible ones,
//! and rows that are set aside for those who have a code. What is promised of each is checked at
//! every hold and at every ticket that goes back.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::findings::{Findings, Invariant};
use super::house::{Places, at};
use super::model::Step;
use super::population::Wish;
use super::venue::{ACCOUNT_SEATS_MAX, Row};

/// Tables have as many seats as one account may have.
const TABLE_SEATS: u16 = ACCOUNT_SEATS_MAX;
const TABLES: u16 = 30;
const TABLE_SECTION: &str = "TABLES";

const COMPANION_SECTION: &str = "RAMP";
const COMPANION_ROWS: u16 = 8;
const COMPANION_ROW_SEATS: u16 = 12;
const ACCESSIBLE: [u16; 2] = [3, 10];
const COMPANIONS: [u16; 4] = [2, 4, 9, 11];

const FAN_SECTION: &str = "FANS";
const FAN_ROWS: u16 = 6;
const FAN_ROW_SEATS: u16 = 20;
/// The channel that the fans' rows are set aside for.
const CHANNEL: &str = "FANCLUB";
/// What fans know.
const FAN_CODE: &str = "open sesame";
/// Holds and orders of fans at a time: fewer than there are seats, so that some are turned away.
const FAN_USES_MAX: u32 = 25;

/// Index of the price level of all of these.
const LEVEL: usize = 2;

/// How a row is sold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sold {
    #[default]
    SeatBySeat,
    /// All of it, or nothing.
    Whole,
    /// These seats go with an accessible one.
    WithCompanions(Vec<u16>),
    /// To those who have a code.
    SetAside,
}

/// The rows of other shapes.
pub(super) fn rows() -> Vec<Row> {
    let row = |section: &str, number: u16, seats: u16, accessible: &[u16], sold: Sold| Row {
        section: section.to_owned(),
        label: (number + 1).to_string(),
        first_seat: 1,
        seats,
        level: LEVEL,
        accessible: accessible.to_vec(),
        depth: number,
        sold,
    };
    let tables = (0..TABLES).map(|it| row(TABLE_SECTION, it, TABLE_SEATS, &[], Sold::Whole));
    let ramps = (0..COMPANION_ROWS).map(|it| {
        let companions = Sold::WithCompanions(COMPANIONS.to_vec());
        row(COMPANION_SECTION, it, COMPANION_ROW_SEATS, &ACCESSIBLE, companions)
    });
    let fans = (0..FAN_ROWS).map(|it| row(FAN_SECTION, it, FAN_ROW_SEATS, &[], Sold::SetAside));
    tables.chain(ramps).chain(fans).collect()
}

/// The intents that set rows aside, in their order.
pub(super) fn set_aside(performance: &str) -> [Value; 2] {
    [
        json!({"type": "set_channel", "performance": performance, "channel": CHANNEL,
            "code": FAN_CODE, "uses_max": FAN_USES_MAX}),
        json!({"type": "set_aside", "performance": performance, "channel": CHANNEL,
            "what": {"sections": [FAN_SECTION]}}),
    ]
}

/// What a few people want before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShapeWish {
    /// Some seats of a table, which nobody gets.
    PartOfTable(u16),
    WholeTable(u16),
    /// A companion seat and nobody to accompany, which nobody gets.
    CompanionAlone(u16),
    WithCompanion(u16),
    /// Two seats beside each other, with the code.
    Fan(u16, u16),
    /// The same without the code.
    NoFan(u16, u16),
    /// The same with another code.
    WrongCode(u16, u16),
}

/// What somebody wants of other shapes; most people want none of it.
pub(super) fn wish(rng: &mut StdRng) -> Option<ShapeWish> {
    let table = rng.random_range(1..=TABLES);
    let ramp = rng.random_range(1..=COMPANION_ROWS);
    let (row, seat) = (rng.random_range(1..=FAN_ROWS), rng.random_range(1..FAN_ROW_SEATS));
    Some(match rng.random_range(0..100) {
        0 | 1 => ShapeWish::PartOfTable(table),
        2..=4 => ShapeWish::WholeTable(table),
        5 | 6 => ShapeWish::CompanionAlone(ramp),
        7..=9 => ShapeWish::WithCompanion(ramp),
        10..=14 => ShapeWish::Fan(row, seat),
        15 | 16 => ShapeWish::NoFan(row, seat),
        17 => ShapeWish::WrongCode(row, seat),
        _ => return None,
    })
}

impl ShapeWish {
    /// The wish, the code, and the refusal that it always gets, when nobody has the seats.
    pub(super) fn parts(self) -> (Wish, Option<&'static str>, Option<&'static str>) {
        let seats = |section: &str, row: u16, seats: &[u16]| {
            let label = |seat: &u16| format!("{section}-{row}-{seat}");
            Wish::Seats(seats.iter().map(label).collect())
        };
        match self {
            Self::PartOfTable(table) => {
                (seats(TABLE_SECTION, table, &[1, 2]), None, Some("table_sold_whole"))
            }
            Self::WholeTable(table) => (seats(TABLE_SECTION, table, &[1, 2, 3, 4]), None, None),
            Self::CompanionAlone(row) => {
                let refusal = "companion_needs_accessible_seat";
                (seats(COMPANION_SECTION, row, &[2]), None, Some(refusal))
            }
            Self::WithCompanion(row) => (seats(COMPANION_SECTION, row, &[2, 3]), None, None),
            Self::Fan(row, seat) => {
                (seats(FAN_SECTION, row, &[seat, seat + 1]), Some(FAN_CODE), None)
            }
            Self::NoFan(row, seat) => {
                (seats(FAN_SECTION, row, &[seat, seat + 1]), None, Some("seat_not_for_sale"))
            }
            Self::WrongCode(row, seat) => {
                let refusal = Some("channel_code_wrong");
                (seats(FAN_SECTION, row, &[seat, seat + 1]), Some("sesame"), refusal)
            }
        }
    }
}

/// A refusal that fans get when too many of them are in.
pub(super) const TOO_MANY_FANS: &str = "channel_uses_exhausted";

/// What stays of an order must be something that could have been bought.
pub(super) const PARTIES_STAY: [&str; 2] = ["table_sold_whole", "companion_needs_accessible_seat"];

/// The rows of other shapes, as the model sees them.
#[derive(Debug, Default)]
pub(super) struct Parties {
    /// Rows by section and label.
    rows: BTreeMap<(String, String), Row>,
    /// Holds and orders that have places of the channel, by the offset that they came from.
    fans: BTreeSet<String>,
}

impl Parties {
    pub(super) fn new(rows: Vec<Row>) -> Self {
        let key = |row: &Row| (row.section.clone(), row.label.clone());
        Self { rows: rows.into_iter().map(|row| (key(&row), row)).collect(), fans: BTreeSet::new() }
    }

    /// Whether a seat is set aside for those who have a code.
    pub(super) fn is_set_aside(seat: &str) -> bool {
        seat.strip_prefix(FAN_SECTION).is_some_and(|rest| rest.starts_with('-'))
    }

    /// Somebody has these places together, or still has them.
    pub(super) fn check(&self, step: &Step, places: &Places, findings: &mut Findings) {
        let mut of_row: BTreeMap<(&str, &str), BTreeSet<u16>> = BTreeMap::new();
        for label in &places.seats {
            let mut parts = label.rsplitn(3, '-');
            let seat = parts.next().and_then(|seat| seat.parse().ok());
            if let (Some(seat), Some(row), Some(section)) = (seat, parts.next(), parts.next()) {
                of_row.entry((section, row)).or_default().insert(seat);
            }
        }
        for ((section, label), seats) in of_row {
            let Some(row) = self.rows.get(&(section.to_owned(), label.to_owned())) else {
                continue;
            };
            let (invariant, right) = match &row.sold {
                Sold::Whole => (Invariant::TablesSoldWhole, seats.len() == usize::from(row.seats)),
                Sold::WithCompanions(companions) => {
                    let goes = |seat: &u16| accompanies(*seat, companions, row, &seats);
                    (Invariant::CompanionsAccompany, seats.iter().all(goes))
                }
                Sold::SeatBySeat | Sold::SetAside => continue,
            };
            findings.check(right, invariant, || {
                format!("{}: {seats:?} of row {section}-{label} together", at(step))
            });
        }
    }

    /// A hold or an order has places of the channel from now on.
    pub(super) fn fan_comes(
        &mut self,
        step: &Step,
        id: &str,
        places: &Places,
        findings: &mut Findings,
    ) {
        if places.seats.iter().any(|seat| Self::is_set_aside(seat)) {
            self.fans.insert(id.to_owned());
            let fans = self.fans.len();
            findings.check(fans <= FAN_USES_MAX as usize, Invariant::ChannelWithinUses, || {
                format!("{}: {fans} holds and orders of {FAN_USES_MAX} by the code", at(step))
            });
        }
    }

    /// A hold or an order has nothing any more.
    pub(super) fn fan_goes(&mut self, id: &str) {
        self.fans.remove(id);
    }
}

/// A companion seat has an accessible one beside it, with companions between them at most.
fn accompanies(seat: u16, companions: &[u16], row: &Row, seats: &BTreeSet<u16>) -> bool {
    if !companions.contains(&seat) {
        return true;
    }
    let reaches = |accessible: &u16| {
        let between = seat.min(*accessible)..=seat.max(*accessible);
        seats.contains(accessible)
            && between
                .clone()
                .all(|it| it == *accessible || (companions.contains(&it) && seats.contains(&it)))
    };
    row.accessible.iter().any(reaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(seats: &[&str]) -> Findings {
        let mut findings = Findings::default();
        let seats = seats.iter().map(|seat| (*seat).to_owned()).collect();
        let places = Places { seats, standing: 0 };
        Parties::new(rows()).check(&Step::default(), &places, &mut findings);
        findings
    }

    #[test]
    fn tables_are_whole() {
        let whole = ["TABLES-2-1", "TABLES-2-2", "TABLES-2-3", "TABLES-2-4", "VIP1-1-1"];
        assert!(findings(&whole).is_clean());
        assert_eq!(findings(&whole).checked(Invariant::TablesSoldWhole), 1);
        assert!(findings(&whole[1..]).of(Invariant::TablesSoldWhole).is_some());
    }

    #[test]
    fn companions_accompany() {
        assert!(findings(&["RAMP-1-2", "RAMP-1-3"]).is_clean());
        assert!(findings(&["RAMP-1-1", "RAMP-1-3"]).is_clean());
        for alone in [&["RAMP-1-2"][..], &["RAMP-1-2", "RAMP-2-3"], &["RAMP-1-9", "RAMP-1-3"]] {
            assert!(findings(alone).of(Invariant::CompanionsAccompany).is_some(), "{alone:?}");
        }
    }

    #[test]
    fn a_fan_too_many_is_found() {
        let mut parties = Parties::new(rows());
        let mut findings = Findings::default();
        let places = Places { seats: vec!["FANS-1-1".to_owned()], standing: 0 };
        for number in 0..FAN_USES_MAX {
            parties.fan_comes(&Step::default(), &number.to_string(), &places, &mut findings);
        }
        assert!(findings.is_clean());
        parties.fan_goes("0");
        parties.fan_comes(&Step::default(), "x", &places, &mut findings);
        assert!(findings.is_clean());
        parties.fan_comes(&Step::default(), "y", &places, &mut findings);
        assert!(findings.of(Invariant::ChannelWithinUses).is_some());
    }
}
