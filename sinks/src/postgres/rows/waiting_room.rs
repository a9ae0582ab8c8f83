//! Waiting rooms and the turns in them.

use sqlx::FromRow;
use uuid::Uuid;

use super::Row;
use crate::postgres::columns::{Moment, TurnState};

/// The waiting room of a performance.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct WaitingRoomRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) is_on: bool,
    pub(in crate::postgres) admissions_per_minute: i64,
    pub(in crate::postgres) active_buyers_max: i64,
    pub(in crate::postgres) session_ms: i64,
    pub(in crate::postgres) grace_ms: i64,
    pub(in crate::postgres) commitment: Option<String>,
    pub(in crate::postgres) closes_before_ms: Option<i64>,
    pub(in crate::postgres) draw_within_ms: Option<i64>,
    pub(in crate::postgres) entries_closed_at: Option<Moment>,
    pub(in crate::postgres) entrants: Option<i64>,
    pub(in crate::postgres) digest: Option<String>,
    pub(in crate::postgres) draw_by: Option<Moment>,
    pub(in crate::postgres) drawn_at: Option<Moment>,
    pub(in crate::postgres) seed: Option<String>,
    pub(in crate::postgres) joins: i64,
    pub(in crate::postgres) changed_at: Moment,
}

/// The turn of a place in the line.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct TurnRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) account_id: Uuid,
    pub(in crate::postgres) number: i64,
    pub(in crate::postgres) state: TurnState,
    pub(in crate::postgres) called_at: Moment,
    pub(in crate::postgres) session_ends_at: Option<Moment>,
    pub(in crate::postgres) ended_at: Option<Moment>,
}

row!(
    WaitingRoomRow,
    "waiting_rooms",
    Uuid,
    |row| row.performance_id,
    |row| row.performance_id.to_string(),
    |_| false
);
row!(
    TurnRow,
    "turns",
    (Uuid, Uuid, i64),
    |row| (row.performance_id, row.account_id, row.number),
    |row| format!("{} {} {}", row.performance_id, row.account_id, row.number),
    |row| row.state != TurnState::Inside
);
