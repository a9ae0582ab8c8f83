//! Outcomes as clients read them: one union, whose documents are spelled room by room.

mod coupon;
mod inventory;
mod points;
mod refund;
mod sale;
mod scaling;
mod settlement;
mod ticket;
mod waiting_room;

use boxoffice_topics::Outcome;
use serde::Serialize;
use utoipa::ToSchema;

pub use self::coupon::CouponOutcomeJson;
pub use self::inventory::{InventoryOutcomeJson, MovedJson, SeatRangeJson, SectionPlacesOut};
pub use self::points::PointsOutcomeJson;
pub use self::refund::RefundOutcomeJson;
pub use self::sale::SaleOutcomeJson;
pub(super) use self::sale::cancel_name;
pub use self::scaling::ScalingOutcomeJson;
pub use self::settlement::{PostingJson, PostingLineJson, SettlementOutcomeJson};
pub use self::ticket::TicketOutcomeJson;
pub use self::waiting_room::WaitingRoomOutcomeJson;
use super::scene::Scene;

/// One fact. Its `type` says which.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OutcomeJson {
    /// About performances, holds, orders and money.
    Sale(SaleOutcomeJson),
    /// About a waiting room.
    WaitingRoom(WaitingRoomOutcomeJson),
    /// About campaigns and coupons.
    Coupon(CouponOutcomeJson),
    /// About points.
    Points(PointsOutcomeJson),
    /// About channels and companion seats.
    Inventory(InventoryOutcomeJson),
    /// About tickets.
    Ticket(TicketOutcomeJson),
    /// About refunds.
    Refund(RefundOutcomeJson),
    /// About settlement.
    Settlement(SettlementOutcomeJson),
    /// About slots that move.
    Scaling(ScalingOutcomeJson),
}

impl OutcomeJson {
    /// An outcome in its scene.
    #[must_use]
    pub fn of(outcome: &Outcome, scene: Scene<'_>) -> Self {
        match outcome {
            Outcome::WaitingRoom(outcome) => Self::WaitingRoom(outcome.into()),
            Outcome::Coupon(outcome) => Self::Coupon(outcome.into()),
            Outcome::Points(outcome) => Self::Points(outcome.into()),
            Outcome::Inventory(outcome) => {
                Self::Inventory(InventoryOutcomeJson::of(outcome, scene))
            }
            Outcome::Ticket(outcome) => Self::Ticket(outcome.into()),
            Outcome::Refund(outcome) => Self::Refund(outcome.into()),
            Outcome::Settlement(outcome) => Self::Settlement(outcome.into()),
            Outcome::Scaling(outcome) => Self::Scaling(outcome.into()),
            _ => Self::Sale(SaleOutcomeJson::of(outcome, scene)),
        }
    }
}
