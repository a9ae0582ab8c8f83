//! Settlement: fees, and every movement of money.

use sqlx::FromRow;
use uuid::Uuid;

use super::Row;
use crate::postgres::columns::{CurrencyCode, Moment};

/// The fees under which orders of a performance were sold.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct SettlementTermsRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) version: i32,
    pub(in crate::postgres) provider_fee_basis_points: i32,
    pub(in crate::postgres) provider_keeps_fee: bool,
    pub(in crate::postgres) platform_fee_basis_points: i32,
    pub(in crate::postgres) fee_vat_basis_points: i32,
    pub(in crate::postgres) set_at: Moment,
}

/// One line of a posting.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct SettlementLineRow {
    pub(in crate::postgres) partition: i32,
    pub(in crate::postgres) step_offset: i64,
    pub(in crate::postgres) outcome_index: i32,
    pub(in crate::postgres) line: i32,
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) order_id: i64,
    pub(in crate::postgres) kind: String,
    pub(in crate::postgres) account: String,
    pub(in crate::postgres) currency: CurrencyCode,
    pub(in crate::postgres) amount_minor: i64,
    pub(in crate::postgres) posted_at: Moment,
}

row!(
    SettlementTermsRow,
    "settlement_terms",
    (Uuid, i32),
    |row| (row.performance_id, row.version),
    |row| format!("{} {}", row.performance_id, row.version),
    |_| true
);
row!(
    SettlementLineRow,
    "settlement_lines",
    (i32, i64, i32, i32),
    |row| (row.partition, row.step_offset, row.outcome_index, row.line),
    |row| format!("{}-{}-{}.{}", row.partition, row.step_offset, row.outcome_index, row.line),
    |_| true
);
