//! Outcomes: what was decided, as facts that need nothing else to be applied.
//!
//! One input record leads to one [`Step`](crate::Step): the reply first, then what follows from it. Variant
//! and field numbers are part of the log and never change their meaning.

use arrayvec::{ArrayString, ArrayVec};
use minicbor::{Decode, Encode};

use crate::codec;
use crate::coupon::CouponOutcome;
use crate::definition::{HOLD_SEATS_MAX, HOLD_SECTIONS_MAX, PerformanceDefinition};
use crate::ids::{
    AccountId, HoldId, IntentId, OrderId, PaymentId, PerformanceId, SeatNumber, SectionNumber,
};
use crate::inventory::{ChannelUse, InventoryOutcome};
use crate::message::Message;
use crate::money::Money;
use crate::points::PointsOutcome;
use crate::reductions::{Reductions, ReservingOrder};
use crate::refund::RefundOutcome;
use crate::refusal::{Refusal, RefusalCode};
use crate::scaling::ScalingOutcome;
use crate::settlement::SettlementOutcome;
use crate::ticket::TicketOutcome;
use crate::time::Timestamp;
use crate::waiting_room::WaitingRoomOutcome;

pub use crate::effect::EffectName;

/// Longest code of a payment provider that is kept.
pub const PROVIDER_CODE_BYTES_MAX: usize = 64;

/// A provider's code, cut at [`PROVIDER_CODE_BYTES_MAX`].
pub type ProviderCode = ArrayString<PROVIDER_CODE_BYTES_MAX>;

/// What a hold, an order or its tickets are for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Places {
    /// Numbered seats, in the order in which they were asked for or found.
    #[n(0)]
    #[cbor(with = "codec::list")]
    pub seats: ArrayVec<SeatNumber, { HOLD_SEATS_MAX as usize }>,
    /// Places of general admission.
    #[n(1)]
    #[cbor(with = "codec::list")]
    pub quantities: ArrayVec<PlaceQuantity, HOLD_SECTIONS_MAX>,
    /// Which of them are a channel's.
    #[n(10)]
    pub channel: Option<ChannelUse>,
}

/// Places in one general-admission section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PlaceQuantity {
    /// The section.
    #[n(0)]
    pub section: SectionNumber,
    /// How many.
    #[n(1)]
    pub quantity: u16,
}

impl Places {
    /// Seats and places together.
    #[must_use]
    pub fn count(&self) -> u32 {
        let standing: u32 = self.quantities.iter().map(|place| u32::from(place.quantity)).sum();
        self.seats.len() as u32 + standing
    }
}

/// How the seats of a hold lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Seating {
    /// As the buyer named them.
    #[n(1)]
    AsAsked,
    /// Side by side in one row, leaving no single seat alone.
    #[n(2)]
    Adjacent,
    /// Side by side in one row; a single seat is left alone.
    #[n(3)]
    AdjacentLeavingOrphan,
    /// Not side by side: nothing better was left.
    #[n(4)]
    Split,
    /// All of a table, which may be larger than the party.
    #[n(50)]
    Table,
}

/// Why an order ended without a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CancelReason {
    /// The buyer gave it up.
    #[n(1)]
    ByBuyer,
    /// It was not paid in time.
    #[n(2)]
    Expired,
    /// The performance was cancelled.
    #[n(40)]
    PerformanceCancelled,
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RefundReason {
    /// The buyer cancelled a confirmed order.
    #[n(1)]
    OrderCancelled,
    /// The money came when the order was dead and its seats were gone.
    #[n(2)]
    LateCapture,
    /// The order was paid already.
    #[n(3)]
    DuplicateCapture,
    /// The provider took another amount than the order's total.
    #[n(4)]
    AmountMismatch,
    /// The performance was cancelled.
    #[n(40)]
    PerformanceCancelled,
    /// The buyer gave some of the tickets back.
    #[n(41)]
    TicketsRefunded,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// The intent was refused; nothing changed.
    #[n(1)]
    Refused {
        /// Why.
        #[n(0)]
        refusal: Refusal,
    },
    /// The intent is one that was decided before; its outcomes stand.
    #[n(2)]
    Repeated {
        /// The intent that was decided.
        #[n(0)]
        original: IntentId,
    },
    /// A performance exists now.
    #[n(3)]
    PerformanceCreated {
        /// All of it.
        #[n(0)]
        definition: Box<PerformanceDefinition>,
    },
    /// The sale is open.
    #[n(4)]
    SaleOpened {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
    },
    /// The sale is closed.
    #[n(5)]
    SaleClosed {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
    },
    /// A buyer holds places.
    #[n(6)]
    Held {
        /// The hold.
        #[n(0)]
        hold: HoldId,
        /// Of which performance.
        #[n(1)]
        performance: PerformanceId,
        /// Who holds.
        #[n(2)]
        account: AccountId,
        /// What is held.
        #[n(3)]
        places: Places,
        /// What ordering it would cost.
        #[n(4)]
        total: Money,
        /// When it ends by itself.
        #[n(5)]
        expires_at: Timestamp,
        /// How the seats lie.
        #[n(6)]
        seating: Seating,
    },
    /// A hold lasts longer.
    #[n(7)]
    HoldRenewed {
        /// Which.
        #[n(0)]
        hold: HoldId,
        /// When it ends by itself now.
        #[n(1)]
        expires_at: Timestamp,
        /// Renewals that are left.
        #[n(2)]
        renewals_left: u8,
    },
    /// The buyer gave the hold back; its places are free.
    #[n(8)]
    HoldReleased {
        /// Which.
        #[n(0)]
        hold: HoldId,
    },
    /// The hold's time ran out; its places are free.
    #[n(9)]
    HoldExpired {
        /// Which.
        #[n(0)]
        hold: HoldId,
        /// Whose it was.
        #[n(1)]
        account: AccountId,
    },
    /// A hold has become an order that waits for its payment.
    #[n(10)]
    OrderPlaced {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// The hold that it came from.
        #[n(1)]
        hold: HoldId,
        /// Of which performance.
        #[n(2)]
        performance: PerformanceId,
        /// Whose.
        #[n(3)]
        account: AccountId,
        /// What is to be paid.
        #[n(4)]
        total: Money,
        /// Until when.
        #[n(5)]
        pay_by: Timestamp,
        /// How the total came to be less than the price; absent when it is the price.
        #[n(6)]
        reductions: Option<Box<Reductions>>,
    },
    /// Effect: the payment executor shall take the money.
    #[n(11)]
    PaymentRequested {
        /// The attempt.
        #[n(0)]
        payment: PaymentId,
        /// For which order.
        #[n(1)]
        order: OrderId,
        /// How much.
        #[n(2)]
        amount: Money,
        /// The provider's name for the authenticated payment.
        #[n(3)]
        payment_key: Box<str>,
    },
    /// The provider took the money.
    #[n(12)]
    PaymentCaptured {
        /// The attempt.
        #[n(0)]
        payment: PaymentId,
        /// For which order.
        #[n(1)]
        order: OrderId,
        /// How much.
        #[n(2)]
        amount: Money,
    },
    /// The provider took nothing; the order can be paid again until its time runs out.
    #[n(13)]
    PaymentDeclined {
        /// The attempt.
        #[n(0)]
        payment: PaymentId,
        /// For which order.
        #[n(1)]
        order: OrderId,
        /// The provider's code.
        #[n(2)]
        #[cbor(with = "codec::text")]
        code: ProviderCode,
    },
    /// The order is paid: one ticket for each place, numbered in the order of `places` (seats
    /// first, then section by section).
    #[n(14)]
    OrderConfirmed {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// The attempt that paid it; an order that costs nothing has none.
        #[n(1)]
        payment: Option<PaymentId>,
        /// Of which performance.
        #[n(2)]
        performance: PerformanceId,
        /// Whose.
        #[n(3)]
        account: AccountId,
        /// What was sold.
        #[n(4)]
        places: Places,
        /// The order was dead when the money came, and its places were still free.
        #[n(5)]
        reseated: bool,
        /// The points that it earned.
        #[n(6)]
        earned: Option<Money>,
    },
    /// The order ended; its places are free.
    #[n(15)]
    OrderCancelled {
        /// Which.
        #[n(0)]
        order: OrderId,
        /// Whose it was.
        #[n(1)]
        account: AccountId,
        /// Why.
        #[n(2)]
        reason: CancelReason,
    },
    /// Effect: the payment executor shall give money back.
    #[n(16)]
    RefundRequested {
        /// The refund's own name: that of this outcome.
        #[n(0)]
        refund: EffectName,
        /// The payment to give back.
        #[n(1)]
        payment: PaymentId,
        /// Of which order.
        #[n(2)]
        order: OrderId,
        /// How much.
        #[n(3)]
        amount: Money,
        /// The provider's name for the payment.
        #[n(4)]
        payment_key: Box<str>,
        /// Why.
        #[n(5)]
        reason: RefundReason,
    },
    /// The provider gave the money back.
    #[n(17)]
    PaymentRefunded {
        /// Which refund.
        #[n(0)]
        refund: EffectName,
        /// Of which payment.
        #[n(1)]
        payment: PaymentId,
        /// Of which order.
        #[n(2)]
        order: OrderId,
        /// How much.
        #[n(3)]
        amount: Money,
    },
    /// The provider refuses to give the money back: somebody must act.
    #[n(18)]
    RefundFailed {
        /// Which refund.
        #[n(0)]
        refund: EffectName,
        /// Of which payment.
        #[n(1)]
        payment: PaymentId,
        /// Of which order.
        #[n(2)]
        order: OrderId,
        /// The provider's code.
        #[n(3)]
        #[cbor(with = "codec::text")]
        code: ProviderCode,
    },
    /// About a waiting room.
    #[n(20)]
    WaitingRoom(#[n(0)] WaitingRoomOutcome),
    /// Something about coupons.
    #[n(30)]
    Coupon(#[n(0)] CouponOutcome),
    /// Something about points.
    #[n(31)]
    Points(#[n(0)] PointsOutcome),
    /// Effect: the runtime shall bring a message to another key.
    #[n(32)]
    MessageSent {
        /// The message, which knows where it goes.
        #[n(0)]
        message: Message,
    },
    /// A message of another key has come; what follows from it, follows.
    #[n(33)]
    MessageReceived {
        /// The outcome that sent it.
        #[n(0)]
        from: EffectName,
    },
    /// An order waits for a coupon or for points of another key, and its hold with it.
    #[n(34)]
    OrderReserving(#[n(0)] ReservingOrder),
    /// An order that waited will not be placed. Its hold lives on.
    #[n(35)]
    OrderNotPlaced {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// Its hold.
        #[n(1)]
        hold: HoldId,
        /// Whose they are.
        #[n(2)]
        account: AccountId,
        /// Why.
        #[n(3)]
        reason: RefusalCode,
        /// When the hold ends by itself now.
        #[n(4)]
        hold_expires_at: Timestamp,
    },
    /// About tables, companion seats and channels.
    #[n(50)]
    Inventory(#[n(0)] InventoryOutcome),
    /// Something about tickets.
    #[n(60)]
    Ticket(#[n(0)] TicketOutcome),
    /// Something about refunds.
    #[n(40)]
    Refund(#[n(0)] RefundOutcome),
    /// About settlement.
    #[n(70)]
    Settlement(#[n(0)] SettlementOutcome),
    /// About slots that move.
    #[n(80)]
    Scaling(#[n(0)] ScalingOutcome),
}
