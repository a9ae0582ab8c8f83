//! Orders: from placed to confirmed, or back.
//!
//! An order that needs something of another key is [reserving](crate::reserving) before this.
//!
//! ```text
//! placed -> paying -> confirmed -> cancelled -> refunded
//!   |  ^      |                        ^
//!   |  +------+ declined               |
//!   +----------------------------------+ by the buyer, or not paid in time
//! ```
//! What comes back of a confirmed order, and how it loses tickets: see [`crate::refund`].
//!
//! Money that comes for a cancelled order confirms it again when its places are free, or is
//! given back: see [`crate::payment`].

use boxoffice_topics::coupon::CouponChoice;
use boxoffice_topics::outcome::CancelReason;
use boxoffice_topics::{
    AccountId, HoldId, Money, Offset, OrderId, Outcome, PaymentId, PerformanceId, Places,
    Reductions, Refusal, RefusalCode, Timestamp,
};
use minicbor::{Decode, Encode};

use crate::coupon::{best_offer, named_offer};
use crate::decide::Asked;
use crate::hold::{HoldEnd, live_hold};
use crate::performance::Owner;
use crate::refund::{self, Remnant, Sold};
use crate::reserving::{self, Way};
use crate::settle::{Fate, Settled};
use crate::state::State;
use crate::timers::Due;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OrderState {
    /// Waits for its payment.
    #[n(0)]
    Placed,
    /// The result of an attempt to pay it is unknown.
    #[n(1)]
    Paying,
    /// Paid: it has tickets.
    #[n(2)]
    Confirmed,
    /// Over, without places.
    #[n(3)]
    Cancelled,
    /// Over, and its money went back.
    #[n(4)]
    Refunded,
}

/// An order.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Order {
    /// Its id.
    #[n(0)]
    pub id: OrderId,
    /// The hold that it came from.
    #[n(1)]
    pub hold: HoldId,
    /// Of which performance.
    #[n(2)]
    pub performance: PerformanceId,
    /// Whose.
    #[n(3)]
    pub account: AccountId,
    /// What is ordered.
    #[n(4)]
    pub places: Places,
    /// What is to be paid for it.
    #[n(5)]
    pub total: Money,
    /// Until when it waits for its payment.
    #[n(6)]
    pub pay_by: Timestamp,
    /// Where it stands.
    #[n(7)]
    pub state: OrderState,
    /// The latest attempt to pay it, or the one that did.
    #[n(8)]
    pub payment: Option<PaymentId>,
    /// Why it ended.
    #[n(9)]
    pub cancelled: Option<CancelReason>,
    /// The order that the account placed before this one.
    #[n(10)]
    pub(crate) previous: Option<OrderId>,
    /// The latest attempt to pay it, whether or not it did.
    #[n(11)]
    pub(crate) last_attempt: Option<PaymentId>,
    /// Why the total is less than the price.
    #[n(12)]
    pub reductions: Option<Box<Reductions>>,
    /// The points that it earned.
    #[n(13)]
    pub earned: Option<Money>,
    /// When and how it was confirmed, and which tickets went back since.
    #[n(40)]
    pub(crate) sold: Option<Box<Sold>>,
}

/// What an order costs, and until when it can be paid.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) total: Money,
    pub(crate) pay_by: Timestamp,
    pub(crate) reductions: Option<Box<Reductions>>,
}

impl Order {
    /// Whether it ends when its time runs out.
    pub(crate) fn waits_for_payment(&self) -> bool {
        self.state == OrderState::Placed
    }

    /// Who has its places.
    pub(crate) fn owner(&self) -> Option<Owner> {
        match self.state {
            OrderState::Placed | OrderState::Paying => Some(Owner::UnpaidOrder(self.id)),
            OrderState::Confirmed => Some(Owner::PaidOrder(self.id)),
            OrderState::Cancelled | OrderState::Refunded => None,
        }
    }
}

/// Pushes the order, or that it waits for something that another key has.
pub(crate) fn place_order(
    asked: &Asked<'_>,
    hold: HoldId,
    coupon: CouponChoice,
    points_wanted_minor: i64,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let hold = live_hold(asked, hold)?;
    refund::check_not_cancelled(asked, hold.performance)?;
    if points_wanted_minor < 0 {
        return Err(RefusalCode::PointsInvalid.into());
    }
    let offer = match coupon {
        CouponChoice::Best => best_offer(asked, hold, |_| true),
        CouponChoice::Named(coupon) => Some(named_offer(asked, hold, coupon)?),
        CouponChoice::Nothing => None,
    };
    let (order, any_coupon) = (OrderId(asked.intent()), coupon == CouponChoice::Best);
    let since = asked.now;
    let way = Way { order, hold, any_coupon, points_wanted_minor, since, tried: &[] };
    reserving::go_on(asked, &way, offer, outcomes);
    Ok(())
}

/// Whether an order has its coupon already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Before,
    Now,
}

/// Pushes the order, and its confirmation when there is nothing to pay.
pub(crate) fn place(
    asked: &Asked<'_>,
    way: &Way<'_>,
    reductions: &Reductions,
    coupon: Taken,
    outcomes: &mut Vec<Outcome>,
) {
    let &Way { order, hold, .. } = way;
    let (performance, account) = (hold.performance, hold.account);
    let sale = asked.state.performance(performance).map(|show| show.definition().sale);
    let window_ms = sale.map_or(0, |sale| sale.payment_window_ms);
    let booking_fee = refund::booking_fee(asked, hold);
    let reductions = &Reductions { booking_fee, ..reductions.clone() };
    let total = reductions.total();
    let is_price = booking_fee.is_none() && !reductions.reduces();
    outcomes.push(Outcome::OrderPlaced {
        order,
        hold: hold.id,
        performance,
        account,
        total,
        pay_by: asked.now.plus_millis(window_ms),
        reductions: (!is_price).then(|| Box::new(reductions.clone())),
    });
    let settled = Settled { order, performance, account, reductions: Some(reductions) };
    if coupon == Taken::Now {
        settled.push(asked, Fate::Placed, outcomes);
    }
    if total.minor == 0 {
        let places = hold.places.clone();
        let (payment, reseated, earned) = (None, false, None);
        outcomes.push(Outcome::OrderConfirmed {
            order,
            payment,
            performance,
            account,
            places,
            reseated,
            earned,
        });
        settled.push(asked, Fate::Confirmed, outcomes);
    }
}

/// Pushes the cancellation, and the refund when the order was paid.
pub(crate) fn cancel_order(
    asked: &Asked<'_>,
    order: OrderId,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    if asked.state.reserving.get(order).is_some() {
        return reserving::give_up(asked, order, outcomes);
    }
    let order = own_order(asked, order)?;
    match order.state {
        OrderState::Placed => {
            die(asked, order, CancelReason::ByBuyer, outcomes);
            Ok(())
        }
        OrderState::Paying => Err(RefusalCode::PaymentInProgress.into()),
        OrderState::Cancelled => Err(RefusalCode::OrderAlreadyCancelled.into()),
        OrderState::Refunded => Err(RefusalCode::OrderAlreadyRefunded.into()),
        OrderState::Confirmed => refund::give_all_back(asked, order, outcomes),
    }
}

/// Pushes the end of an order that is not paid.
pub(crate) fn die(
    asked: &Asked<'_>,
    order: &Order,
    reason: CancelReason,
    outcomes: &mut Vec<Outcome>,
) {
    let (id, account) = (order.id, order.account);
    outcomes.push(Outcome::OrderCancelled { order: id, account, reason });
    Settled::of(order).push(asked, Fate::Died, outcomes);
}

/// The asker's own order.
pub(crate) fn own_order<'s>(asked: &Asked<'s>, id: OrderId) -> Result<&'s Order, Refusal> {
    if asked.state.reserving.get(id).is_some_and(|waits| waits.order.account == asked.account) {
        return Err(RefusalCode::OrderReserving.into());
    }
    let order = asked.state.order(id).ok_or(RefusalCode::OrderUnknown)?;
    if order.account == asked.account {
        Ok(order)
    } else {
        Err(RefusalCode::OrderOwnedByAnother.into())
    }
}

impl State {
    /// Turns a hold into an order.
    pub(crate) fn add_order(&mut self, id: OrderId, hold: HoldId, bill: Bill, at: Offset) {
        let Bill { total, pay_by, reductions } = bill;
        self.reserving.remove(id);
        let hold = self.end_hold(hold, HoldEnd::Ordered(id));
        let performance = self.performance_mut(hold.performance);
        performance.pass_on(&hold.places, Owner::Hold(hold.id), Owner::UnpaidOrder(id), at);
        let window_ms = performance.definition().sale.payment_window_ms;
        self.timers.arm(window_ms, pay_by, Due::Order(id));
        let order = Order {
            id,
            hold: hold.id,
            performance: hold.performance,
            account: hold.account,
            places: hold.places,
            total,
            pay_by,
            state: OrderState::Placed,
            payment: None,
            cancelled: None,
            previous: self.last_order_of.insert(hold.account, id),
            last_attempt: None,
            reductions,
            earned: None,
            sold: None,
        };
        self.orders.insert(id, order);
        self.must_end(hold.performance, Remnant::Order(id));
    }

    /// Sells the places of an order, which may have been dead.
    pub(crate) fn confirm_order(
        &mut self,
        id: OrderId,
        payment: Option<PaymentId>,
        earned: Option<Money>,
        at: Offset,
    ) {
        let sold = self.sold_now(id);
        let order = self.order_mut(id);
        order.sold = Some(Box::new(sold));
        order.earned = earned;
        let before = order.owner();
        order.state = OrderState::Confirmed;
        order.payment = payment;
        order.cancelled = None;
        let (performance, account) = (order.performance, order.account);
        let places = order.places.clone();
        let performance = self.performance_mut(performance);
        match before {
            Some(owner) => performance.pass_on(&places, owner, Owner::PaidOrder(id), at),
            None => performance.occupy(account, &places, Owner::PaidOrder(id), at),
        }
    }

    /// Ends an order and frees its places.
    pub(crate) fn cancel_order(&mut self, id: OrderId, reason: CancelReason, at: Offset) {
        self.take_tickets_back(id, |_| true);
        let order = self.order_mut(id);
        assert!(order.state != OrderState::Paying, "INV-4: order {id} ends, payment unknown");
        let owner = order.owner().unwrap_or_else(|| panic!("INV-4: order {id} ends twice"));
        order.state = OrderState::Cancelled;
        order.cancelled = Some(reason);
        let (performance, account) = (order.performance, order.account);
        let places = order.places_left();
        self.performance_mut(performance).vacate(account, &places, owner, at);
        self.has_ended(performance, Remnant::Order(id));
    }

    /// Lets an order wait for another attempt: until its deadline, and long enough to try again.
    pub(crate) fn await_payment(&mut self, id: OrderId) {
        let retry_by = self.now.plus_millis(RETRY_AFTER_DECLINE_MS);
        let order = self.order_mut(id);
        order.state = OrderState::Placed;
        order.pay_by = order.pay_by.max(retry_by);
        let deadline = order.pay_by;
        self.timers.arm(RETRY_AFTER_DECLINE_MS, deadline, Due::Order(id));
    }
}

/// How long an order is kept at least after a declined payment, in milliseconds: the time to
/// reach for another card.
pub(crate) const RETRY_AFTER_DECLINE_MS: u32 = 30_000;
