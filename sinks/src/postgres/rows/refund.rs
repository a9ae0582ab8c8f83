//! Refunds: terms, tickets that went back, and performances that are not shown.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Row, readable_id};
use crate::postgres::columns::{CurrencyCode, Moment};

/// The terms under which orders of a performance were confirmed.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct RefundTermsRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) version: i32,
    pub(in crate::postgres) booking_fee_minor: i64,
    pub(in crate::postgres) utc_offset_minutes: Option<i32>,
    pub(in crate::postgres) free_within_days: Option<i32>,
    pub(in crate::postgres) free_days_before: Option<i32>,
    pub(in crate::postgres) days_before: Vec<i32>,
    pub(in crate::postgres) basis_points: Vec<i32>,
    pub(in crate::postgres) fixed_minor: Vec<Option<i64>>,
    pub(in crate::postgres) set_at: Moment,
}

/// A ticket that went back.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct TicketRefundRow {
    pub(in crate::postgres) order_id: i64,
    pub(in crate::postgres) number: i32,
    pub(in crate::postgres) version: Option<i32>,
    pub(in crate::postgres) currency: CurrencyCode,
    pub(in crate::postgres) price_minor: i64,
    pub(in crate::postgres) discount_minor: i64,
    pub(in crate::postgres) booking_fee_minor: i64,
    pub(in crate::postgres) kept_minor: i64,
    pub(in crate::postgres) money_minor: i64,
    pub(in crate::postgres) points_minor: i64,
    pub(in crate::postgres) earned_minor: i64,
    pub(in crate::postgres) refunded_at: Moment,
}

/// A performance that is not shown.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct PerformanceCancellationRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) cancelled_at: Moment,
}

row!(
    RefundTermsRow,
    "refund_terms",
    (Uuid, i32),
    |row| (row.performance_id, row.version),
    |row| format!("{} {}", row.performance_id, row.version),
    |_| true
);
row!(
    TicketRefundRow,
    "ticket_refunds",
    (i64, i32),
    |row| (row.order_id, row.number),
    |row| format!("{}.{}", readable_id(row.order_id), row.number),
    |_| true
);
row!(
    PerformanceCancellationRow,
    "performance_cancellations",
    Uuid,
    |row| row.performance_id,
    |row| row.performance_id.to_string(),
    |_| true
);
