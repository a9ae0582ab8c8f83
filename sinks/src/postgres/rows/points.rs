//! Points: what lies in wallets, and every movement.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Row, readable_id};
use crate::postgres::columns::{
    CurrencyCode, Moment, PointsMove, PointsSourceWord, PointsUseState,
};

/// Points that came together.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct PointsLotRow {
    pub(in crate::postgres) lot_id: i64,
    pub(in crate::postgres) account_id: Uuid,
    pub(in crate::postgres) source: PointsSourceWord,
    pub(in crate::postgres) order_id: Option<i64>,
    pub(in crate::postgres) currency: CurrencyCode,
    pub(in crate::postgres) amount_minor: i64,
    pub(in crate::postgres) free_minor: i64,
    pub(in crate::postgres) reserved_minor: i64,
    pub(in crate::postgres) spent_minor: i64,
    pub(in crate::postgres) taken_back_minor: i64,
    pub(in crate::postgres) expired_minor: i64,
    pub(in crate::postgres) debt_paid_minor: i64,
    pub(in crate::postgres) expires_at: Moment,
    pub(in crate::postgres) credited_at: Moment,
}

/// Points of one lot that an order asked for.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct PointsUseRow {
    pub(in crate::postgres) order_id: i64,
    pub(in crate::postgres) number: i32,
    pub(in crate::postgres) lot_id: i64,
    pub(in crate::postgres) amount_minor: i64,
    pub(in crate::postgres) state: PointsUseState,
    pub(in crate::postgres) reserved_at: Moment,
    pub(in crate::postgres) settled_at: Option<Moment>,
}

/// One movement in one wallet.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct PointsEntryRow {
    pub(in crate::postgres) account_id: Uuid,
    pub(in crate::postgres) partition: i32,
    pub(in crate::postgres) step_offset: i64,
    pub(in crate::postgres) outcome_index: i32,
    pub(in crate::postgres) kind: PointsMove,
    pub(in crate::postgres) order_id: Option<i64>,
    pub(in crate::postgres) lot_id: Option<i64>,
    pub(in crate::postgres) currency: CurrencyCode,
    pub(in crate::postgres) amount_minor: i64,
    pub(in crate::postgres) free_minor: i64,
    pub(in crate::postgres) reserved_minor: i64,
    pub(in crate::postgres) owed_minor: i64,
    pub(in crate::postgres) booked_at: Moment,
}

row!(
    PointsLotRow,
    "points_lots",
    i64,
    |row| row.lot_id,
    |row| readable_id(row.lot_id),
    // A lot is kept for months; memory needs it only while an order has a part of it.
    |row| row.reserved_minor == 0
);
row!(
    PointsUseRow,
    "points_uses",
    (i64, i32),
    |row| (row.order_id, row.number),
    |row| format!("{}.{}", readable_id(row.order_id), row.number),
    |row| row.state != PointsUseState::Reserved
);
row!(
    PointsEntryRow,
    "points_ledger",
    (Uuid, i32, i64, i32),
    |row| (row.account_id, row.partition, row.step_offset, row.outcome_index),
    |row| format!("{} {}-{}-{}", row.account_id, row.partition, row.step_offset, row.outcome_index),
    |_| true
);
