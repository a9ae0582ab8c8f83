//! The house that is rehearsed: sections, rows, prices, and which seats everybody wants.
//!
//! Knows the shape of a performance's definition in JSON, and nothing of buyers.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::settlements;
use super::shapes::{self, Sold};

/// A house of real shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// An arena: about 15,000 seats in four price levels, and a standing floor for 2,000.
    Arena,
    /// A concert hall: about 1,350 seats in four price levels, and standing room for 200.
    Hall,
}

/// What a place costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct PriceLevel {
    pub(super) code: &'static str,
    pub(super) price_minor: i64,
}

const PRICE_LEVELS: [PriceLevel; 4] = [
    PriceLevel { code: "VIP", price_minor: 198_000 },
    PriceLevel { code: "R", price_minor: 165_000 },
    PriceLevel { code: "S", price_minor: 132_000 },
    PriceLevel { code: "A", price_minor: 99_000 },
];

/// Index of the price level of those who stand.
const STANDING_LEVEL: usize = 1;

/// The currency of every price.
pub(super) const CURRENCY: &str = "KRW";

/// The sections of one price level, whose rows grow by a seat every few rows.
struct Block {
    sections: u16,
    rows: u16,
    front_row_seats: u16,
    rows_per_growth: u16,
}

const fn block(sections: u16, rows: u16, front_row_seats: u16, rows_per_growth: u16) -> Block {
    Block { sections, rows, front_row_seats, rows_per_growth }
}

/// 980 + 3,600 + 5,300 + 5,200 seats.
const ARENA: [Block; 4] =
    [block(4, 10, 20, 1), block(8, 18, 21, 2), block(10, 20, 22, 2), block(10, 21, 20, 2)];

/// 123 + 400 + 492 + 340 seats.
const HALL: [Block; 4] =
    [block(1, 6, 18, 1), block(2, 10, 18, 2), block(2, 12, 18, 2), block(2, 10, 15, 2)];

/// A row of seats.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) section: String,
    pub(super) label: String,
    pub(super) first_seat: u16,
    pub(super) seats: u16,
    pub(super) level: usize,
    pub(super) accessible: Vec<u16>,
    /// Places from the stage: rows of the same depth are wanted alike.
    pub(super) depth: u16,
    pub(super) sold: Sold,
}

impl Row {
    /// Label of the seat with this index from the left.
    pub(super) fn label_of(&self, index: u16) -> String {
        format!("{}-{}-{}", self.section, self.label, self.first_seat + index)
    }

    fn to_json(&self) -> Value {
        let mut row = json!({
            "label": self.label, "first_seat": self.first_seat, "seats": self.seats,
            "price_level": PRICE_LEVELS[self.level].code, "accessible": self.accessible,
        });
        match &self.sold {
            Sold::Whole => row["table"] = json!({"empty_seats_max": 1}),
            Sold::WithCompanions(seats) => row["companions"] = json!(seats),
            Sold::SeatBySeat | Sold::SetAside => (),
        }
        row
    }
}

/// A section where people stand.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) section: &'static str,
    pub(super) capacity: u32,
    pub(super) price_minor: i64,
}

/// How long buyers have.
#[derive(Clone, Copy, Debug)]
pub(super) struct SaleTimes {
    pub(super) hold_ttl_seconds: u32,
    pub(super) payment_window_seconds: u32,
}

/// Seats that one account may have.
pub(super) const ACCOUNT_SEATS_MAX: u16 = 4;

/// A house.
#[derive(Debug)]
pub(super) struct Venue {
    pub(super) rows: Vec<Row>,
    pub(super) standing: Standing,
    /// Every seat as (row, index in the row), the most wanted first.
    by_popularity: Vec<(u32, u16)>,
}

impl Venue {
    pub(super) fn of(shape: Shape) -> Self {
        let (blocks, capacity) = match shape {
            Shape::Arena => (&ARENA, 2_000),
            Shape::Hall => (&HALL, 200),
        };
        let rows: Vec<Row> =
            (0..).zip(blocks).flat_map(|(level, block)| rows_of(level, block)).collect();
        let by_popularity = by_popularity(&rows);
        let price_minor = PRICE_LEVELS[STANDING_LEVEL].price_minor;
        let standing = Standing { section: "FLOOR", capacity, price_minor };
        Self { rows, standing, by_popularity }
    }

    /// The same house with rows of other shapes beside it.
    pub(super) fn with_shapes(mut self) -> Self {
        self.rows.extend(shapes::rows());
        self
    }

    /// The rows that are not sold seat by seat.
    pub(super) fn shaped_rows(&self) -> Vec<Row> {
        self.rows.iter().filter(|row| row.sold != Sold::SeatBySeat).cloned().collect()
    }

    /// Every seat's label and price.
    pub(super) fn seats(&self) -> impl Iterator<Item = (String, i64)> {
        self.rows.iter().flat_map(|row| {
            let price = PRICE_LEVELS[row.level].price_minor;
            (0..row.seats).map(move |index| (row.label_of(index), price))
        })
    }

    /// Labels of up to `quantity` seats side by side, at and after the seat with this popularity
    /// from zero (the most wanted) to one.
    pub(super) fn seats_at_popularity(&self, popularity: f64, quantity: u16) -> Vec<String> {
        let last = self.by_popularity.len() - 1;
        // Rank as a power of the number of seats: each tenfold step back is wanted by as many
        // buyers as the one before it, which is what Zipf's law says of the front rows.
        let rank = (self.by_popularity.len() as f64).powf(popularity.clamp(0.0, 1.0)) - 1.0;
        let (row, index) = self.by_popularity[(rank as usize).min(last)];
        let row = &self.rows[row as usize];
        let start = index.min(row.seats.saturating_sub(quantity));
        (start..row.seats.min(start + quantity)).map(|index| row.label_of(index)).collect()
    }

    /// Codes of the price levels, the dearest first.
    pub(super) fn price_level_codes() -> impl ExactSizeIterator<Item = &'static str> {
        PRICE_LEVELS.iter().map(|level| level.code)
    }

    /// The intent that puts this house on sale.
    pub(super) fn create_performance(
        &self,
        performance: &str,
        starts_at: &str,
        times: SaleTimes,
    ) -> Value {
        let mut sections: Vec<Value> = self
            .rows
            .chunk_by(|left, right| left.section == right.section)
            .map(|rows| {
                let rows_json: Vec<Value> = rows.iter().map(Row::to_json).collect();
                json!({"code": rows[0].section, "kind": "reserved", "rows": rows_json})
            })
            .collect();
        sections.push(json!({
            "code": self.standing.section, "kind": "general_admission",
            "capacity": self.standing.capacity, "price_level": PRICE_LEVELS[STANDING_LEVEL].code,
        }));
        let levels: Vec<Value> = PRICE_LEVELS
            .iter()
            .map(|level| json!({"code": level.code, "price_minor": level.price_minor}))
            .collect();
        json!({
            "type": "create_performance", "performance": performance,
            "name": "Dress rehearsal", "venue": "Rehearsal house", "starts_at": starts_at,
            "currency": CURRENCY, "price_levels": levels, "sections": sections,
            "settlement_terms": settlements::terms(),
            "sale": {
                "hold_ttl_seconds": times.hold_ttl_seconds, "hold_renewals_max": 1,
                "payment_window_seconds": times.payment_window_seconds,
                "account_seats_max": ACCOUNT_SEATS_MAX,
            },
        })
    }
}

fn rows_of(level: usize, block: &Block) -> Vec<Row> {
    let code = PRICE_LEVELS[level].code;
    let row = |section: u16, row: u16| {
        let seats = block.front_row_seats + row / block.rows_per_growth;
        // Seats of neighbouring sections are numbered on, as in houses with long rows.
        let first_seat = 1 + (section % 2) * 100;
        let back = row + 1 == block.rows;
        let accessible =
            if back { vec![first_seat, first_seat + 1, first_seat + seats - 1] } else { vec![] };
        Row {
            section: format!("{code}{}", section + 1),
            label: (row + 1).to_string(),
            first_seat,
            seats,
            level,
            accessible,
            depth: row,
            sold: Sold::SeatBySeat,
        }
    };
    (0..block.sections)
        .flat_map(|section| (0..block.rows).map(move |index| row(section, index)))
        .collect()
}

/// The dearest level first, then nearest to the stage, then nearest to the middle of the row.
fn by_popularity(rows: &[Row]) -> Vec<(u32, u16)> {
    let mut seats: Vec<(u32, u16)> = (0..)
        .zip(rows)
        .flat_map(|(number, row)| (0..row.seats).map(move |index| (number, index)))
        .collect();
    seats.sort_by_key(|(number, index)| {
        let row = &rows[*number as usize];
        (row.level, row.depth, (2 * index).abs_diff(row.seats - 1), *number)
    });
    seats
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn seat_count(venue: &Venue) -> usize {
        venue.seats().count()
    }

    #[test]
    fn houses_have_the_promised_places() {
        let arena = Venue::of(Shape::Arena);
        assert_eq!((seat_count(&arena), arena.standing.capacity), (15_080, 2_000));
        let hall = Venue::of(Shape::Hall);
        assert_eq!((seat_count(&hall), hall.standing.capacity), (1_355, 200));
    }

    #[test]
    fn rows_differ_in_width_and_have_accessible_seats() {
        let arena = Venue::of(Shape::Arena);
        let widths: BTreeSet<u16> = arena.rows.iter().map(|row| row.seats).collect();
        assert!(widths.len() > 8, "{widths:?}");
        let accessible: usize = arena.rows.iter().map(|row| row.accessible.len()).sum();
        assert_eq!(accessible, 3 * 32);
        let levels: BTreeSet<usize> = arena.rows.iter().map(|row| row.level).collect();
        assert_eq!(levels.len(), 4);
    }

    #[test]
    fn labels_are_unique() {
        let arena = Venue::of(Shape::Arena);
        let labels: BTreeSet<String> = arena.seats().map(|(label, _)| label).collect();
        assert_eq!(labels.len(), seat_count(&arena));
    }

    #[test]
    fn the_most_wanted_seats_are_in_the_middle_of_the_front_rows() {
        let arena = Venue::of(Shape::Arena);
        assert_eq!(arena.seats_at_popularity(0.0, 2), ["VIP1-1-10", "VIP1-1-11"]);
        assert_eq!(arena.seats_at_popularity(1.0, 4).len(), 4);
    }
}
