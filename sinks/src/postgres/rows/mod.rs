//! The rows of the projection, exactly as the database has them. The migration says what each
//! column means.

use std::fmt::Debug;

use boxoffice_topics::IntentId;
use sqlx::FromRow;
use uuid::Uuid;

pub(super) use self::coupon::{CampaignRow, CampaignTermsRow, CouponRow, CouponUseRow};
pub(super) use self::inventory::{
    AllotmentRow, ChannelHoldRow, ChannelRow, CompanionReleaseRow, NightRow, ShapedSeatRow,
};
pub(super) use self::points::{PointsEntryRow, PointsLotRow, PointsUseRow};
pub(super) use self::refund::{PerformanceCancellationRow, RefundTermsRow, TicketRefundRow};
pub(super) use self::settlement::{SettlementLineRow, SettlementTermsRow};
pub(super) use self::ticket::{ScanRow, TicketRulesRow, TransferRow};
pub(super) use self::waiting_room::{TurnRow, WaitingRoomRow};
use super::columns::{
    CancelReasonWord, CurrencyCode, HoldState, IssuerWord, Moment, OrderState, PaymentState,
    RefundReasonWord, RefundState, SaleSwitch, SeatingWord,
};

/// What a row's table needs to know of it.
macro_rules! row {
    ($row:ident, $table:literal, $key:ty, $of:expr, $readable:expr, $settled:expr) => {
        impl Row for $row {
            type Key = $key;

            const TABLE: &'static str = $table;

            fn key(&self) -> $key {
                let of: fn(&Self) -> $key = $of;
                of(self)
            }

            fn readable_key(&self) -> String {
                let readable: fn(&Self) -> String = $readable;
                readable(self)
            }

            fn is_settled(&self) -> bool {
                let settled: fn(&Self) -> bool = $settled;
                settled(self)
            }
        }
    };
}

mod coupon;
mod inventory;
mod points;
mod refund;
mod settlement;
mod ticket;
mod waiting_room;

/// A row that changes after it was written.
pub(super) trait Row: Clone + Debug + PartialEq {
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
pub(super) struct PerformanceRow {
    pub(super) performance_id: Uuid,
    pub(super) partition: i32,
    pub(super) name: String,
    pub(super) venue: String,
    pub(super) starts_at: Moment,
    pub(super) currency: CurrencyCode,
    pub(super) sale_opens_at: Option<Moment>,
    pub(super) sale_closes_at: Option<Moment>,
    pub(super) hold_ttl_ms: i64,
    pub(super) hold_renewals_max: i32,
    pub(super) payment_window_ms: i64,
    pub(super) account_seats_max: i32,
    pub(super) sale_switch: SaleSwitch,
    pub(super) sale_switched_at: Option<Moment>,
    pub(super) created_at: Moment,
    pub(super) definition: Vec<u8>,
    pub(super) points_earned_basis_points: Option<i32>,
    pub(super) points_earned_days: Option<i32>,
    pub(super) points_restored_days: Option<i32>,
}

/// What seats cost.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct PriceLevelRow {
    pub(super) performance_id: Uuid,
    pub(super) price_level: i32,
    pub(super) code: String,
    pub(super) price_minor: i64,
}

/// A part of the house.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct SectionRow {
    pub(super) performance_id: Uuid,
    pub(super) section: i32,
    pub(super) code: String,
    pub(super) capacity: Option<i64>,
    pub(super) price_level: Option<i32>,
}

/// A seat.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct SeatRow {
    pub(super) performance_id: Uuid,
    pub(super) seat: i32,
    pub(super) label: String,
    pub(super) section: i32,
    pub(super) row: String,
    pub(super) number: i32,
    pub(super) price_level: i32,
    pub(super) accessible: bool,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct HoldRow {
    pub(super) hold_id: i64,
    pub(super) performance_id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) state: HoldState,
    pub(super) seats: Vec<i32>,
    pub(super) sections: Vec<i32>,
    pub(super) quantities: Vec<i32>,
    pub(super) seating: SeatingWord,
    pub(super) total_minor: i64,
    pub(super) currency: CurrencyCode,
    pub(super) held_at: Moment,
    pub(super) expires_at: Moment,
    pub(super) ended_at: Option<Moment>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct OrderRow {
    pub(super) order_id: i64,
    pub(super) hold_id: i64,
    pub(super) performance_id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) state: OrderState,
    pub(super) total_minor: Option<i64>,
    pub(super) currency: CurrencyCode,
    pub(super) payment_id: Option<i64>,
    pub(super) placed_at: Option<Moment>,
    pub(super) pay_by: Option<Moment>,
    pub(super) confirmed_at: Option<Moment>,
    pub(super) reseated: bool,
    pub(super) cancelled_at: Option<Moment>,
    pub(super) cancel_reason: Option<CancelReasonWord>,
    pub(super) price_minor: Option<i64>,
    pub(super) discount_minor: Option<i64>,
    pub(super) coupon_id: Option<i64>,
    pub(super) campaign_id: Option<i64>,
    pub(super) issuer: Option<IssuerWord>,
    pub(super) points_minor: Option<i64>,
    pub(super) earned_minor: Option<i64>,
    pub(super) reserving_since: Option<Moment>,
    pub(super) not_placed_at: Option<Moment>,
    pub(super) not_placed_reason: Option<String>,
    pub(super) booking_fee_minor: Option<i64>,
    pub(super) refunds_left: i32,
}

/// An attempt to pay an order.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct PaymentRow {
    pub(super) payment_id: i64,
    pub(super) order_id: i64,
    pub(super) state: PaymentState,
    pub(super) amount_minor: i64,
    pub(super) currency: CurrencyCode,
    pub(super) payment_key: String,
    pub(super) captured_minor: Option<i64>,
    pub(super) captured_currency: Option<CurrencyCode>,
    pub(super) decline_code: Option<String>,
    pub(super) requested_at: Moment,
    pub(super) settled_at: Option<Moment>,
}

/// Money on its way back.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct RefundRow {
    pub(super) refund: String,
    pub(super) payment_id: i64,
    pub(super) order_id: i64,
    pub(super) state: RefundState,
    pub(super) reason: RefundReasonWord,
    pub(super) amount_minor: i64,
    pub(super) currency: CurrencyCode,
    pub(super) failure_code: Option<String>,
    pub(super) requested_at: Moment,
    pub(super) settled_at: Option<Moment>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(super) struct TicketRow {
    pub(super) order_id: i64,
    pub(super) number: i32,
    pub(super) performance_id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) section: i32,
    pub(super) seat: Option<i32>,
    pub(super) place: String,
    pub(super) price_level: i32,
    pub(super) price_minor: i64,
    pub(super) currency: CurrencyCode,
    pub(super) issued_at: Moment,
    pub(super) voided_at: Option<Moment>,
}

row!(
    PerformanceRow,
    "performances",
    Uuid,
    |row| row.performance_id,
    |row| row.performance_id.to_string(),
    |_| false
);
row!(
    PriceLevelRow,
    "price_levels",
    (Uuid, i32),
    |row| (row.performance_id, row.price_level),
    |row| format!("{} {}", row.performance_id, row.price_level),
    |_| true
);
row!(
    SectionRow,
    "sections",
    (Uuid, i32),
    |row| (row.performance_id, row.section),
    |row| format!("{} {}", row.performance_id, row.section),
    |_| true
);
row!(
    SeatRow,
    "seats",
    (Uuid, i32),
    |row| (row.performance_id, row.seat),
    |row| format!("{} {}", row.performance_id, row.seat),
    |_| true
);
row!(HoldRow, "holds", i64, |row| row.hold_id, |row| readable_id(row.hold_id), |row| row.state
    != HoldState::Live);
row!(
    OrderRow,
    "orders",
    i64,
    |row| row.order_id,
    |row| readable_id(row.order_id),
    |row| !matches!(row.state, OrderState::Reserving | OrderState::Placed | OrderState::Paying)
);
row!(
    PaymentRow,
    "payments",
    i64,
    |row| row.payment_id,
    |row| readable_id(row.payment_id),
    |row| row.state != PaymentState::Requested
);
row!(RefundRow, "refunds", String, |row| row.refund.clone(), |row| row.refund.clone(), |row| row
    .state
    != RefundState::Requested);
row!(
    TicketRow,
    "tickets",
    (i64, i32),
    |row| (row.order_id, row.number),
    |row| format!("{}.{}", readable_id(row.order_id), row.number),
    |_| true
);
