//! What a promoter says of a performance: its seats, prices and rules of sale.
//!
//! All of it is data in the log, because all of it changes decisions.

use minicbor::{Decode, Encode};

use crate::ids::PerformanceId;
use crate::inventory::{RowSold, Shapes, check_row_sold};
use crate::money::{Currency, Money};
use crate::refund::RefundTerms;
use crate::settlement::SettlementTerms;
use crate::time::Timestamp;

/// Seats in one performance: a stadium has about 100,000.
pub const SEATS_MAX: u32 = 200_000;
/// Sections in one performance; room-nights of a year for a few room types fit.
pub const SECTIONS_MAX: usize = 2_000;
/// Rows in one performance, so that the definition fits into one record.
pub const ROWS_MAX: usize = 4_000;
/// Seats in one row: the free seats of a row are the bits of one `u128`.
pub const ROW_SEATS_MAX: u16 = 128;
/// Places in one general-admission section.
pub const CAPACITY_MAX: u32 = 1_000_000;
/// Price levels in one performance.
pub const PRICE_LEVELS_MAX: usize = 64;
/// Bytes of a code or a row label: `section-row-seat` stays readable on a ticket.
pub const CODE_BYTES_MAX: usize = 16;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 200;
/// Seats (or general-admission places) that one hold can have.
pub const HOLD_SEATS_MAX: u16 = 16;
/// Sections of general admission in one hold: a stay of a fortnight holds a night in each.
pub const HOLD_SECTIONS_MAX: usize = 16;
/// The longest hold: a day.
pub const HOLD_TTL_MS_MAX: u32 = 86_400_000;

/// A performance as it is put on sale.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PerformanceDefinition {
    /// The key.
    #[n(0)]
    pub performance: PerformanceId,
    /// What is shown.
    #[n(1)]
    pub name: String,
    /// Where it is shown.
    #[n(2)]
    pub venue: String,
    /// When it begins.
    #[n(3)]
    pub starts_at: Timestamp,
    /// The currency of every price.
    #[n(4)]
    pub currency: Currency,
    /// What seats cost.
    #[n(5)]
    pub price_levels: Vec<PriceLevel>,
    /// The inventory.
    #[n(6)]
    pub sections: Vec<Section>,
    /// The rules of sale.
    #[n(7)]
    pub sale: SaleRules,
    /// What a booking costs beside its places, and what comes back when tickets go back. Without
    /// it nothing and everything.
    #[n(8)]
    pub refund_terms: Option<Box<RefundTerms>>,
    /// What only some performances have.
    #[n(10)]
    pub shapes: Option<Box<Shapes>>,
    /// The fees. Without them, as in logs from before there was settlement, the money of the
    /// performance is not accounted for.
    #[n(11)]
    pub settlement_terms: Option<SettlementTerms>,
}

/// One price.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PriceLevel {
    /// Short name, unique in the performance.
    #[n(0)]
    pub code: String,
    /// Price of one seat in minor units of the performance's currency.
    #[n(1)]
    pub price_minor: i64,
}

/// A part of the house that is sold in one way.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Section {
    /// Short name, unique in the performance: the first part of a seat's label.
    #[n(0)]
    pub code: String,
    /// Numbered seats, or a count.
    #[n(1)]
    pub kind: SectionKind,
}

/// How a section is sold.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SectionKind {
    /// Numbered seats in rows, the best row first.
    #[n(1)]
    Reserved {
        /// The rows, from the stage backwards.
        #[n(0)]
        rows: Vec<Row>,
    },
    /// A number of equal places.
    #[n(2)]
    GeneralAdmission {
        /// How many there are.
        #[n(0)]
        capacity: u32,
        /// Index of the price level.
        #[n(1)]
        price_level: u16,
    },
}

/// Seats side by side, numbered without a gap.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Row {
    /// Unique in its section: the second part of a seat's label.
    #[n(0)]
    pub label: String,
    /// The number of the leftmost seat: the third part of its label.
    #[n(1)]
    pub first_seat: u16,
    /// How many seats, at most [`ROW_SEATS_MAX`].
    #[n(2)]
    pub seats: u16,
    /// Index of the price level.
    #[n(3)]
    pub price_level: u16,
    /// Numbers of the accessible seats, ascending. Best-available search gives these only to who
    /// asks for them.
    #[n(4)]
    pub accessible: Vec<u16>,
    /// How it is sold, when not seat by seat.
    #[n(10)]
    pub sold: Option<RowSold>,
}

/// The rules of sale of one performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SaleRules {
    /// The sale opens by itself at this moment; without one it opens by an intent.
    #[n(0)]
    pub opens_at: Option<Timestamp>,
    /// The sale closes by itself at this moment.
    #[n(1)]
    pub closes_at: Option<Timestamp>,
    /// How long a hold lasts, in milliseconds.
    #[n(2)]
    pub hold_ttl_ms: u32,
    /// How often a hold may be renewed.
    #[n(3)]
    pub hold_renewals_max: u8,
    /// How long a placed order waits for its payment, in milliseconds.
    #[n(4)]
    pub payment_window_ms: u32,
    /// Seats that one account may hold and own together, over all its orders.
    #[n(5)]
    pub account_seats_max: u16,
}

impl PerformanceDefinition {
    /// Checks everything that the rest of the system relies on.
    ///
    /// # Errors
    /// Names the first field that is wrong, as a path from the definition's root.
    pub fn validate(&self) -> Result<(), DefinitionInvalid> {
        check_name("name", &self.name)?;
        check_name("venue", &self.venue)?;
        self.check_price_levels()?;
        self.check_sections()?;
        self.check_shapes()?;
        self.check_sale()?;
        self.check_refund_terms()?;
        self.check_settlement_terms()
    }

    /// How many numbered seats there are.
    #[must_use]
    pub fn seat_count(&self) -> u32 {
        self.sections.iter().flat_map(Section::rows).map(|row| u32::from(row.seats)).sum()
    }

    /// A price as money.
    #[must_use]
    pub fn price(&self, level: &PriceLevel) -> Money {
        Money::new(level.price_minor, self.currency)
    }

    fn check_refund_terms(&self) -> Result<(), DefinitionInvalid> {
        let Some(terms) = &self.refund_terms else { return Ok(()) };
        terms.validate().map_err(|DefinitionInvalid { field, reason }| DefinitionInvalid {
            field: format!("refund_terms.{field}"),
            reason,
        })
    }

    fn check_settlement_terms(&self) -> Result<(), DefinitionInvalid> {
        let Some(terms) = &self.settlement_terms else { return Ok(()) };
        terms.validate().map_err(|DefinitionInvalid { field, reason }| DefinitionInvalid {
            field: format!("settlement_terms.{field}"),
            reason,
        })
    }

    fn check_price_levels(&self) -> Result<(), DefinitionInvalid> {
        check_count("price_levels", self.price_levels.len(), 1, PRICE_LEVELS_MAX)?;
        for (index, level) in self.price_levels.iter().enumerate() {
            let field = || format!("price_levels[{index}]");
            check_code(&format!("{}.code", field()), &level.code)?;
            if !(0..=Money::MINOR_MAX).contains(&level.price_minor) {
                let limit = Money::MINOR_MAX;
                return invalid(
                    format!("{}.price_minor", field()),
                    format!("must be 0 to {limit}"),
                );
            }
        }
        check_unique("price_levels", self.price_levels.iter().map(|level| &*level.code))
    }

    fn check_sections(&self) -> Result<(), DefinitionInvalid> {
        check_count("sections", self.sections.len(), 1, SECTIONS_MAX)?;
        check_unique("sections", self.sections.iter().map(|section| &*section.code))?;
        for (index, section) in self.sections.iter().enumerate() {
            let field = format!("sections[{index}]");
            check_code(&format!("{field}.code"), &section.code)?;
            self.check_section(&field, section)?;
        }
        let rows = self.sections.iter().flat_map(Section::rows).count();
        check_count("sections[*].rows", rows, 0, ROWS_MAX)?;
        check_count("seats in all", self.seat_count() as usize, 0, SEATS_MAX as usize)
    }

    fn check_section(&self, field: &str, section: &Section) -> Result<(), DefinitionInvalid> {
        match &section.kind {
            SectionKind::GeneralAdmission { capacity, price_level } => {
                check_count(
                    &format!("{field}.capacity"),
                    *capacity as usize,
                    1,
                    CAPACITY_MAX as usize,
                )?;
                self.check_price_level(field, *price_level)
            }
            SectionKind::Reserved { rows } => {
                check_count(&format!("{field}.rows"), rows.len(), 1, ROWS_MAX)?;
                check_unique(&format!("{field}.rows"), rows.iter().map(|row| &*row.label))?;
                for (index, row) in rows.iter().enumerate() {
                    self.check_row(&format!("{field}.rows[{index}]"), row)?;
                }
                Ok(())
            }
        }
    }

    fn check_row(&self, field: &str, row: &Row) -> Result<(), DefinitionInvalid> {
        check_code(&format!("{field}.label"), &row.label)?;
        check_count(&format!("{field}.seats"), row.seats.into(), 1, ROW_SEATS_MAX.into())?;
        self.check_price_level(field, row.price_level)?;
        let Some(last) = row.first_seat.checked_add(row.seats - 1) else {
            return invalid(format!("{field}.first_seat"), "seat numbers must stay below 65,536");
        };
        let ascending = row.accessible.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = row.accessible.iter().all(|seat| (row.first_seat..=last).contains(seat));
        if ascending && inside {
            check_row_sold(field, row, last)
        } else {
            invalid(format!("{field}.accessible"), "must be seats of the row in ascending order")
        }
    }

    fn check_price_level(&self, field: &str, level: u16) -> Result<(), DefinitionInvalid> {
        if usize::from(level) < self.price_levels.len() {
            Ok(())
        } else {
            invalid(format!("{field}.price_level"), "must be one of the price levels")
        }
    }

    fn check_sale(&self) -> Result<(), DefinitionInvalid> {
        let sale = &self.sale;
        for (field, value) in
            [("hold_ttl_ms", sale.hold_ttl_ms), ("payment_window_ms", sale.payment_window_ms)]
        {
            check_count(&format!("sale.{field}"), value as usize, 1_000, HOLD_TTL_MS_MAX as usize)?;
        }
        check_count("sale.account_seats_max", sale.account_seats_max.into(), 1, 65_535)?;
        match (sale.opens_at, sale.closes_at) {
            (Some(opens), Some(closes)) if closes <= opens => {
                invalid("sale.closes_at", "must be after sale.opens_at")
            }
            _ => Ok(()),
        }
    }
}

impl Section {
    /// The rows of a reserved section; none in general admission.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        match &self.kind {
            SectionKind::Reserved { rows } => rows,
            SectionKind::GeneralAdmission { .. } => &[],
        }
    }
}

/// A definition that cannot be put on sale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DefinitionInvalid {
    /// Path of the field from the root of the definition.
    pub field: String,
    /// What it must be.
    pub reason: String,
}

pub(crate) fn invalid<T>(
    field: impl Into<String>,
    reason: impl Into<String>,
) -> Result<T, DefinitionInvalid> {
    Err(DefinitionInvalid { field: field.into(), reason: reason.into() })
}

pub(crate) fn check_count(
    field: &str,
    count: usize,
    min: usize,
    max: usize,
) -> Result<(), DefinitionInvalid> {
    if (min..=max).contains(&count) {
        Ok(())
    } else {
        invalid(field, format!("must be {min} to {max}, is {count}"))
    }
}

pub(crate) fn check_name(field: &str, name: &str) -> Result<(), DefinitionInvalid> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let reason = format!("must be 1 to {NAME_BYTES_MAX} bytes without control characters");
        return invalid(field, reason);
    }
    Ok(())
}

/// Codes are letters, digits and `_` of any script, so that `-` can join them into a label.
pub(crate) fn check_code(field: &str, code: &str) -> Result<(), DefinitionInvalid> {
    let legible = code.chars().all(|c| c.is_alphanumeric() || c == '_');
    if code.is_empty() || code.len() > CODE_BYTES_MAX || !legible {
        let reason = format!("must be 1 to {CODE_BYTES_MAX} bytes of letters, digits and `_`");
        return invalid(field, reason);
    }
    Ok(())
}

pub(crate) fn check_unique<'a>(
    field: &str,
    codes: impl Iterator<Item = &'a str>,
) -> Result<(), DefinitionInvalid> {
    let mut seen = std::collections::BTreeSet::new();
    for code in codes {
        if !seen.insert(code) {
            return invalid(field, format!("`{code}` appears twice"));
        }
    }
    Ok(())
}
