//! Tickets after the sale: rules, offers, and scans at gates.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Row, readable_id};
use crate::postgres::columns::{Moment, ScanKind, TransferState};

/// What may be done with the tickets of a performance.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct TicketRulesRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) transfers_max: i32,
    pub(in crate::postgres) transfers_close_before_ms: i64,
    pub(in crate::postgres) offer_ttl_ms: i64,
    pub(in crate::postgres) reentry: bool,
    pub(in crate::postgres) admits_after_start_ms: i64,
    pub(in crate::postgres) changed_at: Moment,
}

/// An offer of a ticket, and what came of it.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct TransferRow {
    pub(in crate::postgres) transfer_id: i64,
    pub(in crate::postgres) order_id: i64,
    pub(in crate::postgres) number: i32,
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) from_account_id: Uuid,
    pub(in crate::postgres) to_account_id: Uuid,
    pub(in crate::postgres) state: TransferState,
    pub(in crate::postgres) generation: Option<i32>,
    pub(in crate::postgres) offered_at: Moment,
    pub(in crate::postgres) lapses_at: Moment,
    pub(in crate::postgres) ended_at: Option<Moment>,
}

/// A ticket that was shown at a gate.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct ScanRow {
    pub(in crate::postgres) scan_id: i64,
    pub(in crate::postgres) order_id: i64,
    pub(in crate::postgres) number: i32,
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) kind: ScanKind,
    pub(in crate::postgres) gate: String,
    pub(in crate::postgres) scanned_at: Moment,
    pub(in crate::postgres) entry: Option<i32>,
    pub(in crate::postgres) scan: Option<Uuid>,
    pub(in crate::postgres) recorded_at: Moment,
}

row!(
    TicketRulesRow,
    "ticket_rules",
    Uuid,
    |row| row.performance_id,
    |row| row.performance_id.to_string(),
    |_| true
);
row!(
    TransferRow,
    "ticket_transfers",
    i64,
    |row| row.transfer_id,
    |row| readable_id(row.transfer_id),
    |row| row.state != TransferState::Offered
);
row!(ScanRow, "ticket_scans", i64, |row| row.scan_id, |row| readable_id(row.scan_id), |_| true);
