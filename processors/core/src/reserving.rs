//! Orders that ask other keys for something before they are placed.
//!
//! ```text
//! hold -> reserving -> placed
//!            |
//!            +-> not placed: the hold lives on
//! ```
//! An order asks for one thing at a time, and each question has its deadline in log time. While
//! it waits, the hold keeps the places and cannot end. Whoever named a coupon gets it or no order,
//! because they were told a price; whoever did not gets the next best coupon, or none. An answer
//! that nobody waits for any more is given back, so the other key needs no deadline of its own.

use boxoffice_topics::coupon::Discount;
use boxoffice_topics::reductions::{Awaited, ReservingOrder};
use boxoffice_topics::{
    AccountId, CouponId, CouponOutcome, Message, Money, OrderId, Outcome, Reductions, Refusal,
    RefusalCode, Timestamp,
};
use minicbor::{Decode, Encode};

use crate::coupon::{Offer, best_offer};
use crate::decide::Asked;
use crate::hold::Hold;
use crate::order::{Taken, place};
use crate::settle::{Fate, Settled};
use crate::state::State;
use crate::timers::Due;

/// How long an order waits for one answer, in milliseconds. Answers take two syncs of the disk;
/// a buyer who watches a spinner gives up at about this time.
pub(crate) const ANSWER_WITHIN_MS: u32 = 10_000;
/// Coupons of other keys that one order asks for, one after another.
pub(crate) const TRIES_MAX: u32 = 4;

/// An order that waits, with what it has asked for in vain.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Reserving {
    #[n(0)]
    pub(crate) order: ReservingOrder,
    #[n(1)]
    tried: Vec<CouponId>,
}

/// What is known of an order on its way from its hold.
#[derive(Clone, Copy)]
pub(crate) struct Way<'s> {
    pub(crate) order: OrderId,
    pub(crate) hold: &'s Hold,
    /// The buyer named no coupon.
    pub(crate) any_coupon: bool,
    /// The points that are spent at most, in minor units.
    pub(crate) points_wanted_minor: i64,
    /// Since when it waits.
    pub(crate) since: Timestamp,
    /// Coupons that were asked for in vain.
    pub(crate) tried: &'s [CouponId],
}

impl Way<'_> {
    /// The best coupon that was not asked for in vain.
    fn next_offer(&self, asked: &Asked<'_>, is_wanted: impl Fn(&Offer) -> bool) -> Option<Offer> {
        // The one that was asked for last is not among those that were tried yet.
        let asked_for = u32::try_from(self.tried.len()).unwrap_or(u32::MAX).saturating_add(1);
        let may_ask = asked_for < TRIES_MAX;
        best_offer(asked, self.hold, |offer| {
            let is_tried = self.tried.contains(&offer.discount.coupon);
            !is_tried && (offer.is_local || may_ask) && is_wanted(offer)
        })
    }

    /// What the order costs with a discount.
    fn less(&self, discount: Option<&Discount>) -> Money {
        let off = discount.map_or(0, |discount| discount.amount.minor);
        Money { minor: self.hold.total.minor.saturating_sub(off), ..self.hold.total }
    }

    /// The order waits for its points, or, without any, for its coupon.
    fn waits(
        &self,
        asked: &Asked<'_>,
        discount: Option<Discount>,
        points: Option<Money>,
    ) -> Outcome {
        let &Self { order, hold, any_coupon, points_wanted_minor, since, .. } = self;
        Outcome::OrderReserving(ReservingOrder {
            order,
            hold: hold.id,
            performance: hold.performance,
            account: hold.account,
            price: hold.total,
            discount,
            any_coupon,
            awaits: if points.is_some() { Awaited::Points } else { Awaited::Coupon },
            deadline: asked.now.plus_millis(ANSWER_WITHIN_MS),
            points_wanted_minor,
            points,
            since,
        })
    }
}

/// Pushes the placing of an order, or the first question that it has to ask.
pub(crate) fn go_on(
    asked: &Asked<'_>,
    way: &Way<'_>,
    offer: Option<Offer>,
    outcomes: &mut Vec<Outcome>,
) {
    match offer {
        Some(Offer { discount, is_local: false, .. }) => {
            outcomes.push(way.waits(asked, Some(discount), None));
            let (coupon, order, account) = (discount.coupon, way.order, way.hold.account);
            let message = Message::ReserveCoupon { coupon, order, account };
            outcomes.push(Outcome::MessageSent { message });
        }
        Some(Offer { discount, .. }) => has_coupon(asked, way, Some(discount), outcomes),
        None => has_coupon(asked, way, None, outcomes),
    }
}

/// The order has the coupon that it takes, or takes none: how many points are left to spend is
/// known only now.
fn has_coupon(
    asked: &Asked<'_>,
    way: &Way<'_>,
    discount: Option<Discount>,
    outcomes: &mut Vec<Outcome>,
) {
    let price = way.less(discount.as_ref());
    let price_of_places = way.hold.total;
    let settled = Reductions { price: price_of_places, discount, points: None, booking_fee: None };
    let amount = Money { minor: way.points_wanted_minor.min(price.minor), ..price };
    if amount.minor == 0 {
        return place(asked, way, &settled, Taken::Now, outcomes);
    }
    let (order, account) = (way.order, way.hold.account);
    outcomes.push(way.waits(asked, discount, Some(amount)));
    let performance = way.hold.performance;
    Settled { order, performance, account, reductions: Some(&settled) }.push(
        asked,
        Fate::Placed,
        outcomes,
    );
    let message = Message::ReservePoints { account, order, amount };
    outcomes.push(Outcome::MessageSent { message });
}

/// The wallet keeps the points for the order.
pub(crate) fn points_reserved(
    asked: &Asked<'_>,
    order: OrderId,
    account: AccountId,
    outcomes: &mut Vec<Outcome>,
) {
    match waiting(asked, order, Awaited::Points) {
        Some((reserving, way)) => {
            let ReservingOrder { price, discount, points, .. } = reserving.order;
            let reductions = Reductions { price, discount, points, booking_fee: None };
            place(asked, &way, &reductions, Taken::Before, outcomes);
        }
        None => {
            let message = Message::ReleasePoints { account, order };
            outcomes.push(Outcome::MessageSent { message });
        }
    }
}

/// The wallet has not enough: the buyer agreed to no other price.
pub(crate) fn points_refused(
    asked: &Asked<'_>,
    order: OrderId,
    code: RefusalCode,
    outcomes: &mut Vec<Outcome>,
) {
    if let Some((reserving, way)) = waiting(asked, order, Awaited::Points) {
        outcomes.push(not_placed(asked, &way, code));
        release(asked, reserving, outcomes);
    }
}

/// The campaign keeps a use for the order.
pub(crate) fn coupon_reserved(
    asked: &Asked<'_>,
    order: OrderId,
    coupon: CouponId,
    outcomes: &mut Vec<Outcome>,
) {
    match waiting(asked, order, Awaited::Coupon) {
        Some((reserving, way)) if reserving.asks_for(coupon) => {
            has_coupon(asked, &way, reserving.order.discount, outcomes);
        }
        Some(_) | None => {
            let message = Message::ReleaseCoupon { coupon, order };
            outcomes.push(Outcome::MessageSent { message });
        }
    }
}

/// The campaign keeps nothing for the order.
pub(crate) fn coupon_refused(
    asked: &Asked<'_>,
    order: OrderId,
    coupon: CouponId,
    code: RefusalCode,
    outcomes: &mut Vec<Outcome>,
) {
    let Some((reserving, way)) = waiting(asked, order, Awaited::Coupon) else { return };
    if !reserving.asks_for(coupon) {
        return;
    }
    if way.any_coupon {
        let next = way.next_offer(asked, |offer| offer.discount.coupon != coupon);
        go_on(asked, &way, next, outcomes);
    } else {
        outcomes.push(not_placed(asked, &way, code));
    }
}

/// The answer did not come in time. A buyer is not kept waiting for a second coupon elsewhere:
/// what is left are the coupons of the performance itself.
pub(crate) fn time_out(asked: &Asked<'_>, order: OrderId, outcomes: &mut Vec<Outcome>) {
    let Some((reserving, way)) = find(asked, order) else { return };
    if reserving.order.awaits == Awaited::Coupon && way.any_coupon {
        let next = way.next_offer(asked, |offer| {
            offer.is_local && has_use_left(asked, offer.discount.coupon, outcomes)
        });
        return go_on(asked, &way, next, outcomes);
    }
    outcomes.push(not_placed(asked, &way, RefusalCode::ReservationTimedOut));
    release(asked, reserving, outcomes);
}

/// Whether a coupon has a use that no order takes in this step: one tick may end the waiting of
/// several orders, and they see the same state.
fn has_use_left(asked: &Asked<'_>, coupon: CouponId, outcomes: &[Outcome]) -> bool {
    let is_taken = |outcome: &&Outcome| {
        matches!(outcome, Outcome::Coupon(CouponOutcome::Reserved { coupon: taken, .. })
            if *taken == coupon)
    };
    let uses_left = asked.state.coupon(coupon).map_or(0, |coupon| coupon.uses_left);
    outcomes.iter().filter(is_taken).count() < usize::from(uses_left)
}

/// The buyer gives up an order that waits.
pub(crate) fn give_up(
    asked: &Asked<'_>,
    order: OrderId,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let (reserving, way) = find(asked, order).ok_or(RefusalCode::OrderUnknown)?;
    if reserving.order.account != asked.account {
        return Err(RefusalCode::OrderOwnedByAnother.into());
    }
    outcomes.push(not_placed(asked, &way, RefusalCode::OrderGivenUp));
    release(asked, reserving, outcomes);
    Ok(())
}

/// Pushes that an order waits no longer, because its performance was cancelled.
pub(crate) fn call_off(asked: &Asked<'_>, order: OrderId, outcomes: &mut Vec<Outcome>) {
    let Some((reserving, way)) = find(asked, order) else { return };
    outcomes.push(not_placed(asked, &way, RefusalCode::PerformanceCancelled));
    release(asked, reserving, outcomes);
}

/// Lets go of what the order has already. What it still waits for is given back when it comes.
fn release(asked: &Asked<'_>, reserving: &Reserving, outcomes: &mut Vec<Outcome>) {
    let ReservingOrder { order, performance, account, price, discount, .. } = reserving.order;
    if reserving.order.awaits == Awaited::Points {
        let has = Reductions { price, discount, points: None, booking_fee: None };
        let settled = Settled { order, performance, account, reductions: Some(&has) };
        settled.push(asked, Fate::Died, outcomes);
    }
}

/// The hold's time stood still while the order waited. It gets no more than that, and that not
/// without end, or a buyer could keep places for ever with orders that are refused.
fn not_placed(asked: &Asked<'_>, way: &Way<'_>, reason: RefusalCode) -> Outcome {
    let &Way { order, hold, since, .. } = way;
    let hold_expires_at = hold.expires_after_waiting(since, asked.now);
    let (hold, account) = (hold.id, hold.account);
    Outcome::OrderNotPlaced { order, hold, account, reason, hold_expires_at }
}

fn waiting<'s>(
    asked: &Asked<'s>,
    order: OrderId,
    what: Awaited,
) -> Option<(&'s Reserving, Way<'s>)> {
    find(asked, order).filter(|(reserving, _)| reserving.order.awaits == what)
}

fn find<'s>(asked: &Asked<'s>, order: OrderId) -> Option<(&'s Reserving, Way<'s>)> {
    let reserving = asked.state.reserving.get(order)?;
    let Some(hold) = asked.state.hold(reserving.order.hold) else {
        unreachable!("INV-4: a hold that is being ordered does not end")
    };
    let ReservingOrder { any_coupon, points_wanted_minor, since, .. } = reserving.order;
    let tried = &reserving.tried;
    Some((reserving, Way { order, hold, any_coupon, points_wanted_minor, since, tried }))
}

impl Reserving {
    fn asks_for(&self, coupon: CouponId) -> bool {
        self.order.discount.is_some_and(|discount| discount.coupon == coupon)
    }
}

impl State {
    /// An order that waits for a coupon or for points.
    #[must_use]
    pub fn reserving_order(&self, id: OrderId) -> Option<&ReservingOrder> {
        self.reserving.get(id).map(|reserving| &reserving.order)
    }

    pub(crate) fn reserve(&mut self, order: ReservingOrder) {
        let (id, hold, deadline) = (order.order, order.hold, order.deadline);
        match self.reserving.get_mut(id) {
            Some(reserving) => {
                let before = reserving.order.discount.map(|discount| discount.coupon);
                if before != order.discount.map(|discount| discount.coupon) {
                    reserving.tried.extend(before);
                }
                reserving.order = order;
            }
            None => self.reserving.insert(id, Reserving { order, tried: Vec::new() }),
        }
        self.hold_mut(hold).order = Some(id);
        self.timers.arm(ANSWER_WITHIN_MS, deadline, Due::Reserving(id));
    }

    pub(crate) fn restore_reserving(&mut self, reserving: Reserving) {
        let ReservingOrder { order, deadline, .. } = reserving.order;
        self.timers.arm(ANSWER_WITHIN_MS, deadline, Due::Reserving(order));
        self.reserving.insert(order, reserving);
    }
}

#[cfg(test)]
mod tests;
