//! Channels with what is set aside for them, and inventory of other shapes.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Row, readable_id};
use crate::postgres::columns::{AllotmentKind, Moment, SeatShape};

/// A channel of a performance.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct ChannelRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) channel: i32,
    pub(in crate::postgres) name: String,
    pub(in crate::postgres) uses_max: Option<i64>,
    pub(in crate::postgres) releases_at: Option<Moment>,
    pub(in crate::postgres) released_at: Option<Moment>,
    pub(in crate::postgres) created_at: Moment,
    pub(in crate::postgres) changed_at: Moment,
}

/// Places that were set aside or released together.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct AllotmentRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) channel: i32,
    pub(in crate::postgres) step_offset: i64,
    pub(in crate::postgres) outcome_index: i32,
    pub(in crate::postgres) number: i32,
    pub(in crate::postgres) kind: AllotmentKind,
    pub(in crate::postgres) first_seat: Option<i32>,
    pub(in crate::postgres) section: Option<i32>,
    pub(in crate::postgres) quantity: i64,
    pub(in crate::postgres) moved_at: Moment,
}

/// A hold that has places of a channel.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct ChannelHoldRow {
    pub(in crate::postgres) hold_id: i64,
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) channel: i32,
}

/// The end of what companion seats are kept for.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct CompanionReleaseRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) released_at: Moment,
}

/// A seat that is not sold alone.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct ShapedSeatRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) seat: i32,
    pub(in crate::postgres) shape: SeatShape,
}

/// A section that is a night.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct NightRow {
    pub(in crate::postgres) performance_id: Uuid,
    pub(in crate::postgres) section: i32,
    pub(in crate::postgres) room_type: String,
    pub(in crate::postgres) night: Moment,
}

row!(
    ChannelRow,
    "channels",
    (Uuid, i32),
    |row| (row.performance_id, row.channel),
    |row| format!("{} {}", row.performance_id, row.channel),
    |_| false
);
row!(
    AllotmentRow,
    "allotments",
    (Uuid, i32, i64, i32, i32),
    |row| (row.performance_id, row.channel, row.step_offset, row.outcome_index, row.number),
    |row| {
        let AllotmentRow { performance_id, channel, step_offset, outcome_index, number, .. } = row;
        format!("{performance_id} {channel} {step_offset} {outcome_index} {number}")
    },
    |_| true
);
row!(
    ChannelHoldRow,
    "channel_holds",
    i64,
    |row| row.hold_id,
    |row| readable_id(row.hold_id),
    |_| true
);
row!(
    CompanionReleaseRow,
    "companion_releases",
    Uuid,
    |row| row.performance_id,
    |row| row.performance_id.to_string(),
    |_| true
);
row!(
    ShapedSeatRow,
    "shaped_seats",
    (Uuid, i32),
    |row| (row.performance_id, row.seat),
    |row| format!("{} {}", row.performance_id, row.seat),
    |_| true
);
row!(
    NightRow,
    "nights",
    (Uuid, i32),
    |row| (row.performance_id, row.section),
    |row| format!("{} {}", row.performance_id, row.section),
    |_| true
);
