//! The rows of the projection, exactly as the database has them, and the tables of them that are
//! kept in memory.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::RangeBounds;

use boxoffice_topics::IntentId;
use sqlx::FromRow;
use uuid::Uuid;

use super::columns::{
    CancelReasonWord, CurrencyCode, HoldState, Moment, OrderState, PaymentState, RefundReasonWord,
    RefundState, SaleSwitch, SeatingWord,
};
use super::error::Error;

/// A row that changes after it was written.
pub trait Row: Clone + Debug + PartialEq {
    /// What names the row.
    type Key: Clone + Debug + Ord;

    /// The name of its table.
    const TABLE: &'static str;

    /// The row's name.
    fn key(&self) -> Self::Key;

    /// The row's name as people read it.
    fn readable_key(&self) -> String;

    /// Whether the row seldom changes from here on, so that memory need not keep it.
    fn is_settled(&self) -> bool;
}

/// An id as people read it.
pub(super) fn readable_id(packed: i64) -> String {
    IntentId::from_packed(packed).map_or_else(|| packed.to_string(), |id| id.to_string())
}

/// A performance.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct PerformanceRow {
    pub performance_id: Uuid,
    pub partition: i32,
    pub name: String,
    pub venue: String,
    pub starts_at: Moment,
    pub currency: CurrencyCode,
    pub sale_opens_at: Option<Moment>,
    pub sale_closes_at: Option<Moment>,
    pub hold_ttl_ms: i64,
    pub hold_renewals_max: i32,
    pub payment_window_ms: i64,
    pub account_seats_max: i32,
    pub sale_switch: SaleSwitch,
    pub sale_switched_at: Option<Moment>,
    pub created_at: Moment,
    pub definition: Vec<u8>,
}

/// What seats cost.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct PriceLevelRow {
    pub performance_id: Uuid,
    pub price_level: i32,
    pub code: String,
    pub price_minor: i64,
}

/// A part of the house.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct SectionRow {
    pub performance_id: Uuid,
    pub section: i32,
    pub code: String,
    pub capacity: Option<i64>,
    pub price_level: Option<i32>,
}

/// A seat.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct SeatRow {
    pub performance_id: Uuid,
    pub seat: i32,
    pub label: String,
    pub section: i32,
    pub row: String,
    pub number: i32,
    pub price_level: i32,
    pub accessible: bool,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct HoldRow {
    pub hold_id: i64,
    pub performance_id: Uuid,
    pub account_id: Uuid,
    pub state: HoldState,
    pub seats: Vec<i32>,
    pub sections: Vec<i32>,
    pub quantities: Vec<i32>,
    pub seating: SeatingWord,
    pub total_minor: i64,
    pub currency: CurrencyCode,
    pub held_at: Moment,
    pub expires_at: Moment,
    pub ended_at: Option<Moment>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct OrderRow {
    pub order_id: i64,
    pub hold_id: i64,
    pub performance_id: Uuid,
    pub account_id: Uuid,
    pub state: OrderState,
    pub total_minor: i64,
    pub currency: CurrencyCode,
    pub payment_id: Option<i64>,
    pub placed_at: Moment,
    pub pay_by: Moment,
    pub confirmed_at: Option<Moment>,
    pub reseated: bool,
    pub cancelled_at: Option<Moment>,
    pub cancel_reason: Option<CancelReasonWord>,
}

/// An attempt to pay an order.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct PaymentRow {
    pub payment_id: i64,
    pub order_id: i64,
    pub state: PaymentState,
    pub amount_minor: i64,
    pub currency: CurrencyCode,
    pub payment_key: String,
    pub captured_minor: Option<i64>,
    pub captured_currency: Option<CurrencyCode>,
    pub decline_code: Option<String>,
    pub requested_at: Moment,
    pub settled_at: Option<Moment>,
}

/// Money on its way back.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct RefundRow {
    pub refund: String,
    pub payment_id: i64,
    pub order_id: i64,
    pub state: RefundState,
    pub reason: RefundReasonWord,
    pub amount_minor: i64,
    pub currency: CurrencyCode,
    pub failure_code: Option<String>,
    pub requested_at: Moment,
    pub settled_at: Option<Moment>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, FromRow)]
#[expect(missing_docs, reason = "the migration says what each column means")]
pub struct TicketRow {
    pub order_id: i64,
    pub number: i32,
    pub performance_id: Uuid,
    pub account_id: Uuid,
    pub section: i32,
    pub seat: Option<i32>,
    pub place: String,
    pub price_level: i32,
    pub price_minor: i64,
    pub currency: CurrencyCode,
    pub issued_at: Moment,
    pub voided_at: Option<Moment>,
}

macro_rules! row {
    ($row:ident, $table:literal, $key:ty, |$this:ident| $of:expr, $readable:expr, $settled:expr) => {
        impl Row for $row {
            type Key = $key;

            const TABLE: &'static str = $table;

            fn key(&self) -> $key {
                let $this = self;
                $of
            }

            fn readable_key(&self) -> String {
                let $this = self;
                $readable
            }

            fn is_settled(&self) -> bool {
                let $this = self;
                $settled
            }
        }
    };
}

row!(
    PerformanceRow,
    "performances",
    Uuid,
    |row| row.performance_id,
    row.performance_id.to_string(),
    false
);
row!(
    PriceLevelRow,
    "price_levels",
    (Uuid, i32),
    |row| (row.performance_id, row.price_level),
    format!("{} {}", row.performance_id, row.price_level),
    true
);
row!(
    SectionRow,
    "sections",
    (Uuid, i32),
    |row| (row.performance_id, row.section),
    format!("{} {}", row.performance_id, row.section),
    true
);
row!(
    SeatRow,
    "seats",
    (Uuid, i32),
    |row| (row.performance_id, row.seat),
    format!("{} {}", row.performance_id, row.seat),
    true
);
row!(
    HoldRow,
    "holds",
    i64,
    |row| row.hold_id,
    readable_id(row.hold_id),
    row.state != HoldState::Live
);
row!(
    OrderRow,
    "orders",
    i64,
    |row| row.order_id,
    readable_id(row.order_id),
    !matches!(row.state, OrderState::Placed | OrderState::Paying)
);
row!(
    PaymentRow,
    "payments",
    i64,
    |row| row.payment_id,
    readable_id(row.payment_id),
    row.state != PaymentState::Requested
);
row!(
    RefundRow,
    "refunds",
    String,
    |row| row.refund.clone(),
    row.refund.clone(),
    row.state != RefundState::Requested
);
row!(
    TicketRow,
    "tickets",
    (i64, i32),
    |row| (row.order_id, row.number),
    format!("{}.{}", readable_id(row.order_id), row.number),
    true
);

#[derive(Clone, Debug)]
struct Entry<R> {
    row: R,
    changed: bool,
}

/// Rows of one table in memory: those that changed and are not yet written, and those that are
/// likely to change again.
#[derive(Clone, Debug)]
pub struct Table<R: Row> {
    entries: BTreeMap<R::Key, Entry<R>>,
    /// Keys that were loaded or changed since the last write.
    touched: Vec<R::Key>,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), touched: Vec::new() }
    }
}

impl<R: Row> Table<R> {
    /// Whether memory has the row.
    #[must_use]
    pub fn contains(&self, key: &R::Key) -> bool {
        self.entries.contains_key(key)
    }

    /// Puts a new row in, or a new version of one.
    pub(super) fn put(&mut self, row: R) {
        let key = row.key();
        self.touched.push(key.clone());
        self.entries.insert(key, Entry { row, changed: true });
    }

    /// The row, to be changed.
    pub(super) fn change(&mut self, key: &R::Key) -> Result<&mut R, Error> {
        let missing = || Error::RowMissing { table: R::TABLE, key: format!("{key:?}") };
        let entry = self.entries.get_mut(key).ok_or_else(missing)?;
        if !entry.changed {
            entry.changed = true;
            self.touched.push(key.clone());
        }
        Ok(&mut entry.row)
    }

    /// Every row with a key in a range, to be changed.
    pub(super) fn change_range(&mut self, keys: impl RangeBounds<R::Key>) -> impl Iterator<Item = &mut R> {
        let touched = &mut self.touched;
        self.entries.range_mut(keys).map(|(key, entry)| {
            if !entry.changed {
                entry.changed = true;
                touched.push(key.clone());
            }
            &mut entry.row
        })
    }

    /// Keeps a row that was read, unless memory has a newer one.
    pub(super) fn load(&mut self, row: R) {
        let key = row.key();
        self.touched.push(key.clone());
        self.entries.entry(key).or_insert(Entry { row, changed: false });
    }

    /// Every row that has to be written, in order of its key.
    #[must_use]
    pub fn changed(&self) -> Vec<&R> {
        let mut keys: Vec<_> = self.touched.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let entries = keys.into_iter().filter_map(|key| self.entries.get(key));
        entries.filter(|entry| entry.changed).map(|entry| &entry.row).collect()
    }

    /// Everything is written: forgets what is not likely to change again.
    pub(super) fn forget_settled(&mut self) {
        for key in self.touched.drain(..) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.changed = false;
                if entry.row.is_settled() {
                    self.entries.remove(&key);
                }
            }
        }
    }

    /// Every row in memory, in order of its key.
    pub fn rows(&self) -> impl Iterator<Item = &R> {
        self.entries.values().map(|entry| &entry.row)
    }
}
