//! Intents: what somebody asks of a partition, exactly as it was asked.
//!
//! Variant and field numbers are part of the log and never change their meaning. Texts are
//! borrowed from the record, so decoding an intent allocates nothing (a definition excepted).

use arrayvec::ArrayVec;
use minicbor::{Decode, Encode};

use crate::codec;
use crate::coupon::{CouponChoice, CouponIntent};
use crate::definition::{HOLD_SEATS_MAX, HOLD_SECTIONS_MAX, PerformanceDefinition};
use crate::ids::{CodeHash, HoldId, OrderId, PaymentId, PerformanceId};
use crate::inventory::{Date, InventoryIntent};
use crate::message::Message;
use crate::money::Money;
use crate::outcome::EffectName;
use crate::partition::Slot;
use crate::points::PointsIntent;
use crate::refund::RefundIntent;
use crate::scaling::ScalingIntent;
use crate::settlement::SettlementIntent;
use crate::ticket::TicketIntent;
use crate::waiting_room::WaitingRoomIntent;

/// Labels of seats, as `section-row-seat`.
pub type SeatLabels<'a> = ArrayVec<&'a str, { HOLD_SEATS_MAX as usize }>;

/// Sections of general admission with a number of places in each.
pub type SectionQuantities<'a> = ArrayVec<SectionQuantity<'a>, HOLD_SECTIONS_MAX>;

/// A number of places in one section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SectionQuantity<'a> {
    /// Code of the section.
    #[b(0)]
    pub section: &'a str,
    /// How many places.
    #[n(1)]
    pub quantity: u16,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Intent<'a> {
    /// A promoter puts a performance into the house.
    #[n(1)]
    CreatePerformance {
        /// All of it.
        #[n(0)]
        definition: Box<PerformanceDefinition>,
    },
    /// A promoter opens the sale now, whatever the schedule says.
    #[n(2)]
    OpenSale {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
    },
    /// A promoter closes the sale now. Holds that exist may still be ordered and paid.
    #[n(3)]
    CloseSale {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
    },
    /// A buyer wants these seats, all of them or none.
    #[n(4)]
    HoldSeats {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The seats.
        #[b(1)]
        #[cbor(with = "codec::list")]
        seats: SeatLabels<'a>,
        /// Hash of the code of a channel.
        #[n(10)]
        code: Option<CodeHash>,
    },
    /// A buyer wants the best seats that are left.
    #[n(5)]
    HoldBestAvailable {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// How many seats.
        #[n(1)]
        quantity: u16,
        /// Only in this section.
        #[b(2)]
        section: Option<&'a str>,
        /// Only at this price level.
        #[b(3)]
        price_level: Option<&'a str>,
        /// Accessible seats; where they have companion seats, one and its companions.
        #[n(4)]
        accessible: bool,
        /// Hash of the code of a channel.
        #[n(10)]
        code: Option<CodeHash>,
    },
    /// A buyer wants places in general-admission sections, all of them or none.
    #[n(6)]
    HoldGeneralAdmission {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Where, and how many.
        #[b(1)]
        #[cbor(with = "codec::list")]
        sections: SectionQuantities<'a>,
        /// Hash of the code of a channel.
        #[n(10)]
        code: Option<CodeHash>,
    },
    /// A buyer wants the hold to last its full length again.
    #[n(7)]
    RenewHold {
        /// Which hold.
        #[n(0)]
        hold: HoldId,
    },
    /// A buyer gives the hold back.
    #[n(8)]
    ReleaseHold {
        /// Which hold.
        #[n(0)]
        hold: HoldId,
    },
    /// A buyer orders what is held. The total is computed by the core.
    #[n(9)]
    PlaceOrder {
        /// Which hold.
        #[n(0)]
        hold: HoldId,
        /// Which coupon it takes; the best one when nothing is said.
        #[n(1)]
        coupon: Option<CouponChoice>,
        /// The points that are spent on it at most, in minor units; none when nothing is said.
        #[n(2)]
        points_minor: Option<i64>,
    },
    /// A buyer has authenticated a payment with the provider and wants it taken.
    #[n(10)]
    PayOrder {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// What the buyer believes the order costs.
        #[n(1)]
        amount: Money,
        /// The provider's name for the authenticated payment.
        #[b(2)]
        payment_key: &'a str,
    },
    /// A buyer gives the order up. A confirmed order is refunded by its terms.
    #[n(11)]
    CancelOrder {
        /// Which order.
        #[n(0)]
        order: OrderId,
    },
    /// The payment executor knows what became of an attempt.
    #[n(12)]
    RecordPaymentResult {
        /// Which attempt.
        #[n(0)]
        payment: PaymentId,
        /// What became of it.
        #[b(1)]
        result: PaymentResult<'a>,
    },
    /// The payment executor knows what became of a refund.
    #[n(13)]
    RecordRefundResult {
        /// Of which payment.
        #[n(0)]
        payment: PaymentId,
        /// Which refund.
        #[n(1)]
        refund: EffectName,
        /// What became of it.
        #[b(2)]
        result: RefundResult<'a>,
    },
    /// Time has passed: whatever is due happens now.
    #[n(14)]
    Tick,
    /// About a waiting room.
    #[n(20)]
    WaitingRoom(#[n(0)] WaitingRoomIntent),
    /// Something about coupons.
    #[n(30)]
    Coupon(#[b(0)] CouponIntent<'a>),
    /// Something about points.
    #[n(31)]
    Points(#[n(0)] PointsIntent),
    /// The runtime brings a message of another key.
    #[n(32)]
    Deliver {
        /// The outcome that sent it.
        #[n(0)]
        from: EffectName,
        /// The message.
        #[n(1)]
        message: Message,
    },
    /// About tables, companion seats and channels.
    #[n(50)]
    Inventory(#[b(0)] InventoryIntent<'a>),
    /// A buyer wants rooms for some nights, each of them or none.
    #[n(51)]
    HoldStay {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Code of the type of room.
        #[b(1)]
        room_type: &'a str,
        /// The first night.
        #[n(2)]
        from: Date,
        /// How many nights.
        #[n(3)]
        nights: u16,
        /// How many rooms, each night.
        #[n(4)]
        rooms: u16,
        /// Hash of the code of a channel.
        #[n(5)]
        code: Option<CodeHash>,
    },
    /// Something about tickets.
    #[n(60)]
    Ticket(#[b(0)] TicketIntent<'a>),
    /// Something about refunds.
    #[n(40)]
    Refund(#[b(0)] RefundIntent<'a>),
    /// Something about settlement.
    #[n(70)]
    Settlement(#[n(0)] SettlementIntent),
    /// About slots that move.
    #[n(80)]
    Scaling(#[n(0)] ScalingIntent),
}

/// What the provider did about an attempt to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PaymentResult<'a> {
    /// The provider took the money.
    #[n(1)]
    Captured {
        /// How much.
        #[n(0)]
        amount: Money,
    },
    /// The provider took nothing, and will not.
    #[n(2)]
    Declined {
        /// The provider's code.
        #[b(0)]
        code: &'a str,
    },
}

/// What the provider did about a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RefundResult<'a> {
    /// The provider gave the money back.
    #[n(1)]
    Refunded {
        /// How much.
        #[n(0)]
        amount: Money,
    },
    /// The provider will not, whatever we ask: somebody must act.
    #[n(2)]
    Failed {
        /// The provider's code.
        #[b(0)]
        code: &'a str,
    },
}

impl Intent<'_> {
    /// The slot of the intent's key; `None` for a tick, which belongs to a partition.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        match self {
            Self::CreatePerformance { definition } => Some(Slot::of(definition.performance)),
            Self::OpenSale { performance }
            | Self::CloseSale { performance }
            | Self::HoldSeats { performance, .. }
            | Self::HoldBestAvailable { performance, .. }
            | Self::HoldGeneralAdmission { performance, .. }
            | Self::HoldStay { performance, .. } => Some(Slot::of(*performance)),
            Self::RenewHold { hold }
            | Self::ReleaseHold { hold }
            | Self::PlaceOrder { hold, .. } => Some(hold.0.slot()),
            Self::PayOrder { order, .. } | Self::CancelOrder { order } => Some(order.0.slot()),
            Self::RecordPaymentResult { payment, .. }
            | Self::RecordRefundResult { payment, .. } => Some(payment.0.slot()),
            Self::WaitingRoom(intent) => Some(Slot::of(intent.performance())),
            Self::Tick => None,
            Self::Inventory(intent) => Some(Slot::of(intent.performance())),
            Self::Coupon(intent) => Some(intent.slot()),
            Self::Points(intent) => Some(intent.slot()),
            Self::Deliver { message, .. } => Some(message.slot()),
            Self::Ticket(intent) => Some(intent.slot()),
            Self::Refund(intent) => Some(intent.slot()),
            Self::Settlement(intent) => Some(intent.slot()),
            Self::Scaling(intent) => Some(intent.slot()),
        }
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreatePerformance { .. } => "create_performance",
            Self::OpenSale { .. } => "open_sale",
            Self::CloseSale { .. } => "close_sale",
            Self::HoldSeats { .. } => "hold_seats",
            Self::HoldBestAvailable { .. } => "hold_best_available",
            Self::HoldGeneralAdmission { .. } => "hold_general_admission",
            Self::RenewHold { .. } => "renew_hold",
            Self::ReleaseHold { .. } => "release_hold",
            Self::PlaceOrder { .. } => "place_order",
            Self::PayOrder { .. } => "pay_order",
            Self::CancelOrder { .. } => "cancel_order",
            Self::RecordPaymentResult { .. } => "record_payment_result",
            Self::RecordRefundResult { .. } => "record_refund_result",
            Self::Tick => "tick",
            Self::HoldStay { .. } => "hold_stay",
            Self::Inventory(intent) => intent.name(),
            Self::Coupon(intent) => intent.name(),
            Self::Points(intent) => intent.name(),
            Self::Deliver { .. } => "deliver",
            Self::WaitingRoom(intent) => intent.name(),
            Self::Ticket(intent) => intent.name(),
            Self::Refund(intent) => intent.name(),
            Self::Settlement(intent) => intent.name(),
            Self::Scaling(intent) => intent.name(),
        }
    }
}
