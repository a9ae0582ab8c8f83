//! How an order comes to cost other than its places, and what it waits for until it does.

use minicbor::{Decode, Encode};

use crate::coupon::Discount;
use crate::ids::{AccountId, HoldId, OrderId, PerformanceId};
use crate::money::Money;
use crate::time::Timestamp;

/// What stands between the price of the places and the total of the order:
/// total = price - discount - points + booking fee. Settlement needs no more than this.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reductions {
    /// What the places cost.
    #[n(0)]
    pub price: Money,
    /// What a coupon takes off.
    #[n(1)]
    pub discount: Option<Discount>,
    /// What points pay.
    #[n(2)]
    pub points: Option<Money>,
    /// What the booking costs beside the places.
    #[n(3)]
    pub booking_fee: Option<Money>,
}

impl Reductions {
    /// What is to be paid in money.
    #[must_use]
    pub fn total(&self) -> Money {
        let discount = self.discount.map_or(0, |discount| discount.amount.minor);
        let points = self.points.map_or(0, |points| points.minor);
        let booking_fee = self.booking_fee.map_or(0, |fee| fee.minor);
        Money { minor: self.price.minor - discount - points + booking_fee, ..self.price }
    }

    /// Whether a coupon or points pay a part of the price.
    #[must_use]
    pub const fn reduces(&self) -> bool {
        self.discount.is_some() || self.points.is_some()
    }
}

/// An order that is not placed yet, because it asked another key for something.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReservingOrder {
    /// The order.
    #[n(0)]
    pub order: OrderId,
    /// The hold that it comes from, which cannot end meanwhile.
    #[n(1)]
    pub hold: HoldId,
    /// Of which performance.
    #[n(2)]
    pub performance: PerformanceId,
    /// Whose.
    #[n(3)]
    pub account: AccountId,
    /// What the places cost.
    #[n(4)]
    pub price: Money,
    /// The discount that is asked for, or that it has already.
    #[n(5)]
    pub discount: Option<Discount>,
    /// Another coupon, or none, will do as well: the buyer named none.
    #[n(6)]
    pub any_coupon: bool,
    /// What it waits for.
    #[n(7)]
    pub awaits: Awaited,
    /// Until when.
    #[n(8)]
    pub deadline: Timestamp,
    /// The points that the buyer wants to spend at most, in minor units.
    #[n(9)]
    pub points_wanted_minor: i64,
    /// The points that it waits for.
    #[n(10)]
    pub points: Option<Money>,
    /// Since when it waits, for whatever it asked for first.
    #[n(11)]
    pub since: Timestamp,
}

/// What an order waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Awaited {
    /// The campaign's answer.
    #[n(1)]
    Coupon,
    /// The wallet's answer.
    #[n(2)]
    Points,
}
