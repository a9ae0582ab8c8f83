//! Orders and payments in the naive model: every transition, and every sum.

use std::collections::BTreeMap;

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::house::{Owner, Places, at};
use super::model::{Model, Step, millis, minor, text};
use super::refunds::Returned;

/// What a share in basis points is of.
const BASIS_POINTS: i64 = 10_000;

/// States of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OrderState {
    #[default]
    Placed,
    Paying,
    Confirmed,
    Cancelled,
}

/// One order as the model sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) performance: String,
    pub(super) account: String,
    pub(super) places: Places,
    /// What the places cost.
    pub(super) price_minor: i64,
    /// The coupon, and what it takes off.
    pub(super) discount: Option<(String, i64)>,
    pub(super) points_minor: i64,
    /// What the booking costs beside the places.
    pub(super) fee_minor: i64,
    /// What is to be paid in money.
    pub(super) total_minor: i64,
    pub(super) pay_by_ms: i64,
    pub(super) state: OrderState,
    /// It had tickets, at least for a while.
    pub(super) was_confirmed: bool,
    pub(super) confirmed_at_ms: i64,
    /// The number of the refund terms under which it was confirmed.
    pub(super) terms: usize,
    /// What each of its tickets cost.
    pub(super) prices: Vec<i64>,
    /// Tickets that went back.
    pub(super) returned: Vec<Returned>,
    /// The points that it earned.
    pub(super) earned_minor: i64,
    /// Payments that were captured.
    pub(super) captures: u64,
    pub(super) captured_minor: i64,
    pub(super) refunded_minor: i64,
}

impl Order {
    /// What was paid in money for its live tickets.
    pub(super) fn tickets_minor(&self) -> i64 {
        let back: i64 = self.returned.iter().map(|it| it.share.money()).sum();
        if self.state == OrderState::Confirmed { self.total_minor - back } else { 0 }
    }

    /// What is kept in money of tickets that went back.
    pub(super) fn kept_minor(&self) -> i64 {
        self.returned.iter().map(|it| it.share.money() - it.back.money).sum()
    }

    /// What the coupon takes off all of it.
    pub(super) fn discount_minor(&self) -> i64 {
        self.discount.as_ref().map_or(0, |(_, amount_minor)| *amount_minor)
    }

    /// What coupon and points take off its live tickets.
    pub(super) fn reductions_minor(&self) -> (i64, i64) {
        if self.state != OrderState::Confirmed {
            return (0, 0);
        }
        let of_back = |part: fn(&Returned) -> i64| self.returned.iter().map(part).sum::<i64>();
        let points = self.points_minor - of_back(|it| it.share.points);
        (self.discount_minor() - of_back(|it| it.share.discount), points)
    }

    /// The points that came back, and the earned ones that were taken back.
    pub(super) fn points_back(&self) -> (i64, i64) {
        let sum = |part: fn(&Returned) -> i64| self.returned.iter().map(part).sum();
        (sum(|it| it.back.points), sum(|it| it.share.earned))
    }

    /// The points that pay for it, if something is so.
    pub(super) fn points_if(&self, is_so: bool) -> i64 {
        if is_so { self.points_minor } else { 0 }
    }

    /// No money without tickets, and no tickets without money, when nothing is on its way.
    pub(super) fn settle(&self, id: &str, findings: &mut Findings) {
        let kept = self.captured_minor - self.refunded_minor;
        let right = match self.state {
            OrderState::Confirmed => kept == self.tickets_minor() + self.kept_minor(),
            OrderState::Cancelled => kept == self.kept_minor(),
            OrderState::Placed | OrderState::Paying => false,
        };
        findings.check(right, Invariant::MoneyForTickets, || {
            format!(
                "order {id} is {:?} at rest, and {kept} of {} is paid",
                self.state, self.total_minor
            )
        });
    }

    /// price - discount - points + booking fee = total, and nothing of it is below zero.
    fn adds_up(&self) -> bool {
        let discount = self.discount_minor();
        let Self { price_minor, points_minor, fee_minor, total_minor, .. } = *self;
        let parts = [price_minor, discount, points_minor, price_minor - discount - points_minor];
        parts.iter().all(|part| *part >= 0)
            && price_minor - discount - points_minor + fee_minor == total_minor
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PaymentState {
    Requested,
    Captured,
    Declined,
}

#[derive(Debug)]
pub(super) struct Payment {
    order: String,
    state: PaymentState,
    captured_minor: i64,
    /// What all of its refunds are, whether they have a result or not.
    given_back_minor: i64,
    /// Refunds without a result, by their names.
    refunds: BTreeMap<String, i64>,
}

impl Payment {
    /// Whether it, or its refund, has no result.
    pub(super) fn is_unknown(&self) -> bool {
        self.state == PaymentState::Requested || !self.refunds.is_empty()
    }

    /// The order that it pays.
    pub(super) fn order(&self) -> &str {
        &self.order
    }
}

impl Model {
    /// An order waits for a coupon or for points; meanwhile the time of its hold stands still.
    pub(super) fn order_reserving(&mut self, step: &Step, outcome: &Value) {
        let (id, hold_id) = (text(outcome, "order"), text(outcome, "hold"));
        let Some(hold) = self.holds.get_mut(&hold_id) else { return };
        let alone = hold.order.as_ref().is_none_or(|order| *order == id);
        self.findings.check(hold.live && alone, Invariant::PlaceHasOneOwner, || {
            format!("{}: order {id} waits with hold {hold_id}: {hold:?}", at(step))
        });
        hold.order = Some(id);
    }

    pub(super) fn order_not_placed(&mut self, step: &Step, outcome: &Value) {
        let (id, hold_id) = (text(outcome, "order"), text(outcome, "hold"));
        let Some(hold) = self.holds.get_mut(&hold_id) else { return };
        let waited = hold.order.take().is_some_and(|order| order == id);
        self.findings.check(waited && hold.live, Invariant::PlaceHasOneOwner, || {
            format!("{}: order {id} did not wait with hold {hold_id}", at(step))
        });
        let expires_at_ms = millis(&outcome["hold_expires_at"]);
        let longer = expires_at_ms >= hold.expires_at_ms;
        self.findings.check(longer, Invariant::HoldsKeepTheirTime, || {
            format!("{}: hold {hold_id} lost time by waiting", at(step))
        });
        hold.expires_at_ms = expires_at_ms;
    }

    pub(super) fn order_placed(&mut self, step: &Step, outcome: &Value) {
        let (id, hold_id) = (text(outcome, "order"), text(outcome, "hold"));
        let Some(hold) = self.holds.get_mut(&hold_id) else { return };
        let alone = hold.order.take().is_none_or(|order| order == id);
        self.findings.check(hold.live && alone, Invariant::PlaceHasOneOwner, || {
            format!("{}: order {id} from hold {hold_id}, which is not its own: {hold:?}", at(step))
        });
        hold.live = false;
        let total_minor = minor(&outcome["total"]);
        let discount = outcome.get("discount").map(|it| (text(it, "coupon"), minor(&it["amount"])));
        let order = Order {
            performance: hold.performance.clone(),
            account: hold.account.clone(),
            places: hold.places.clone(),
            price_minor: outcome.get("price").map_or(total_minor, minor),
            discount,
            points_minor: outcome.get("points").map_or(0, minor),
            fee_minor: outcome.get("booking_fee").map_or(0, minor),
            total_minor,
            pay_by_ms: millis(&outcome["pay_by"]),
            ..Order::default()
        };
        let right = order.price_minor == hold.total_minor && order.adds_up();
        self.findings.check(right, Invariant::MoneyConserved, || {
            format!("{}: {order:?} from a hold of {}", at(step), hold.total_minor)
        });
        let (_, terms) = self.refunds.current(&order.performance);
        let expected = terms.fee_minor * i64::from(order.places.count());
        self.findings.check(order.fee_minor == expected, Invariant::MoneyConserved, || {
            format!("{}: the booking of {id} costs {}, not {expected}", at(step), order.fee_minor)
        });
        if let Some(house) = self.houses.get_mut(&order.performance) {
            let (from, to) = (Owner::Hold(hold_id), Owner::Order(id.clone()));
            house.vacate(step, &order.places, &from, &mut self.findings);
            house.occupy(step, &order.places, &to, &mut self.findings);
        }
        if let Some(parties) = self.parties.get_mut(&order.performance) {
            parties.fan_goes(&text(outcome, "hold"));
            parties.fan_comes(step, &id, &order.places, &mut self.findings);
        }
        self.orders.insert(id, order);
    }

    pub(super) fn payment_requested(&mut self, step: &Step, outcome: &Value) {
        let order_id = text(outcome, "order");
        let Some(order) = self.orders.get_mut(&order_id) else { return };
        let amount = minor(&outcome["amount"]);
        let right = order.state == OrderState::Placed && amount == order.total_minor;
        self.findings.check(right, Invariant::MoneyConserved, || {
            format!("{}: {amount} asked for order {order_id}, which is {:?}", at(step), order.state)
        });
        order.state = OrderState::Paying;
        let id = text(outcome, "payment");
        let payment = Payment {
            order: order_id,
            state: PaymentState::Requested,
            captured_minor: 0,
            given_back_minor: 0,
            refunds: BTreeMap::new(),
        };
        self.payments.insert(id, payment);
    }

    pub(super) fn payment_captured(&mut self, step: &Step, outcome: &Value) {
        let id = outcome["payment"].as_str().unwrap_or_default();
        let Some(payment) = self.payments.get_mut(id) else { return };
        self.findings.check(
            payment.state != PaymentState::Captured,
            Invariant::MoneyConserved,
            || format!("{}: payment {id} is captured twice", at(step)),
        );
        payment.state = PaymentState::Captured;
        payment.captured_minor = minor(&outcome["amount"]);
        if let Some(order) = self.orders.get_mut(&payment.order) {
            order.captures += 1;
            order.captured_minor += minor(&outcome["amount"]);
        }
    }

    pub(super) fn payment_declined(&mut self, step: &Step, id: &str) {
        let Some(payment) = self.payments.get_mut(id) else { return };
        self.findings.check(
            payment.state == PaymentState::Requested,
            Invariant::MoneyConserved,
            || format!("{}: payment {id} is declined after it was {:?}", at(step), payment.state),
        );
        payment.state = PaymentState::Declined;
        if let Some(order) = self.orders.get_mut(&payment.order)
            && order.state == OrderState::Paying
        {
            order.state = OrderState::Placed;
            // The buyer gets time to pay again: how much is the core's business.
            order.pay_by_ms = order.pay_by_ms.max(step.now_ms);
        }
    }

    pub(super) fn order_confirmed(&mut self, step: &Step, outcome: &Value) {
        let id = text(outcome, "order");
        let Some(order) = self.orders.get_mut(&id) else { return };
        let tickets = outcome["tickets"].as_array().map_or(&[][..], Vec::as_slice);
        let prices: i64 = tickets.iter().map(|ticket| minor(&ticket["price"])).sum();
        let right = tickets.len() == order.places.count() as usize && prices == order.price_minor;
        self.findings.check(right, Invariant::MoneyConserved, || {
            format!("{}: order {id} gets {} tickets for {prices}", at(step), tickets.len())
        });
        let paid = order.captured_minor - order.refunded_minor >= order.total_minor;
        self.findings.check(paid, Invariant::MoneyConserved, || {
            format!("{}: order {id} is confirmed without its money", at(step))
        });
        order.was_confirmed = true;
        order.confirmed_at_ms = step.now_ms;
        (order.terms, _) = self.refunds.current(&order.performance);
        order.prices = tickets.iter().map(|ticket| minor(&ticket["price"])).collect();
        order.earned_minor = outcome.get("earned").map_or(0, minor);
        // Rounded down: nobody earns a part of a point.
        let share = self.earned_basis_points.get(&order.performance).copied().unwrap_or(0);
        let expected = (order.total_minor - order.fee_minor) * share / BASIS_POINTS;
        self.findings.check(order.earned_minor == expected, Invariant::PointsBalance, || {
            format!("{}: order {id} earns {}, not {expected}", at(step), order.earned_minor)
        });
        self.seat(step, &id, tickets);
    }

    /// The places of a confirmed order go to its tickets.
    fn seat(&mut self, step: &Step, id: &str, tickets: &[Value]) {
        let Some(order) = self.orders.get_mut(id) else { return };
        let Some(house) = self.houses.get_mut(&order.performance) else { return };
        if order.state == OrderState::Cancelled {
            let full_price = order.total_minor == order.price_minor + order.fee_minor;
            self.findings.check(full_price, Invariant::MoneyConserved, || {
                format!("{}: order {id} comes back, its coupon or points do not", at(step))
            });
            house.count_in(step, &order.account, order.places.count(), &mut self.findings);
            if let Some(parties) = self.parties.get_mut(&order.performance) {
                parties.fan_comes(step, id, &order.places, &mut self.findings);
            }
        } else {
            let owner = Owner::Order(id.to_owned());
            house.vacate(step, &order.places, &owner, &mut self.findings);
        }
        let sold_before = house.issue_tickets(&order.places);
        self.double_sold += sold_before;
        self.findings.check(sold_before == 0, Invariant::SeatSoldOnce, || {
            format!("{}: {sold_before} seats of order {id} were sold before", at(step))
        });
        let owner = Owner::Ticket(id.to_owned());
        house.occupy(step, &order.places, &owner, &mut self.findings);
        order.state = OrderState::Confirmed;
        for ticket in tickets {
            let seat = ticket["seat"].as_str();
            let named = seat.is_none_or(|seat| order.places.seats.iter().any(|own| own == seat));
            self.findings.check(named, Invariant::SeatSoldOnce, || {
                format!("{}: order {id} gets a ticket for {seat:?}, not its seat", at(step))
            });
        }
    }

    pub(super) fn order_cancelled(&mut self, step: &Step, id: &str, reason: &str) {
        let Some(order) = self.orders.get_mut(id) else { return };
        let owner = match order.state {
            OrderState::Cancelled => Owner::Nobody,
            _ => Owner::Order(id.to_owned()),
        };
        let allowed = match order.state {
            OrderState::Placed => true,
            OrderState::Confirmed => reason != "expired",
            OrderState::Paying | OrderState::Cancelled => false,
        };
        self.findings.check(allowed, Invariant::HoldsKeepTheirTime, || {
            format!("{}: order {id} is cancelled ({reason}) while {:?}", at(step), order.state)
        });
        let early = reason == "expired" && step.now_ms < order.pay_by_ms;
        self.findings.check(!early, Invariant::HoldsKeepTheirTime, || {
            format!("{}: order {id} ends {} ms early", at(step), order.pay_by_ms - step.now_ms)
        });
        let had_tickets = order.state == OrderState::Confirmed;
        self.parties.get_mut(&order.performance).into_iter().for_each(|it| it.fan_goes(id));
        let (performance, is_left) = (order.performance.clone(), !order.numbers_left().is_empty());
        if had_tickets && is_left {
            self.rest_refunded(step, id);
        }
        let Some(order) = self.orders.get_mut(id) else { return };
        order.state = OrderState::Cancelled;
        if had_tickets {
            return;
        }
        if let Some(house) = self.houses.get_mut(&performance) {
            house.vacate(step, &order.places, &owner, &mut self.findings);
            house.count_out(&order.account, order.places.count());
        }
    }

    pub(super) fn refund_requested(&mut self, step: &Step, outcome: &Value) {
        let id = outcome["payment"].as_str().unwrap_or_default();
        let Some(payment) = self.payments.get_mut(id) else { return };
        let (refund, amount) = (text(outcome, "refund"), minor(&outcome["amount"]));
        payment.given_back_minor += amount;
        let once = payment.refunds.insert(refund, amount).is_none();
        let enough = amount > 0 && payment.given_back_minor <= payment.captured_minor;
        self.findings.check(once && enough, Invariant::MoneyConserved, || {
            format!("{}: {amount} of payment {id} is to go back: {payment:?}", at(step))
        });
    }

    pub(super) fn payment_refunded(&mut self, step: &Step, outcome: &Value) {
        let id = outcome["payment"].as_str().unwrap_or_default();
        let Some(payment) = self.payments.get_mut(id) else { return };
        let (refund, amount) = (text(outcome, "refund"), minor(&outcome["amount"]));
        let asked = payment.refunds.remove(&refund);
        self.findings.check(asked == Some(amount), Invariant::MoneyConserved, || {
            format!("{}: {amount} of payment {id} went back, {asked:?} was to", at(step))
        });
        if let Some(order) = self.orders.get_mut(&payment.order) {
            order.refunded_minor += amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::venue::{Shape, Venue};
    use super::*;

    const PRICE: i64 = 198_000;

    /// Alice holds a seat until second 5.
    fn model() -> Model {
        let mut model = Model::new(&Venue::of(Shape::Hall), &["p".to_owned()]);
        let rule = json!({"type": "points_rule_set", "performance": "p",
            "rule": {"earned_basis_points": 100}});
        say(&mut model, 0, &[rule]);
        let held = json!({"type": "held", "hold": "h", "performance": "p", "seats": ["VIP1-1-1"],
            "total": won(PRICE), "expires_at": "1970-01-01T00:00:05Z"});
        say(&mut model, 1_000, &[held]);
        model
    }

    fn won(minor: i64) -> Value {
        json!({"minor": minor})
    }

    fn say(model: &mut Model, now_ms: i64, outcomes: &[Value]) {
        let outcomes = outcomes.to_vec();
        model.fold(&Step { now_ms, account: "alice".to_owned(), outcomes, ..Step::default() });
    }

    fn reserving() -> Value {
        json!({"type": "order_reserving", "order": "o", "hold": "h"})
    }

    fn placed(discount: i64, points: i64, total: i64) -> Value {
        json!({"type": "order_placed", "order": "o", "hold": "h", "price": won(PRICE),
            "discount": {"coupon": "k", "amount": won(discount)}, "points": won(points),
            "total": won(total), "pay_by": "1970-01-01T00:00:09Z"})
    }

    fn confirmed(earned: i64) -> Value {
        json!({"type": "order_confirmed", "order": "o", "performance": "p", "earned": won(earned),
            "tickets": [{"seat": "VIP1-1-1", "price": won(PRICE)}]})
    }

    fn paid(minor: i64) -> [Value; 2] {
        let payment =
            |kind: &str| json!({"type": kind, "payment": "y", "order": "o", "amount": won(minor)});
        [payment("payment_requested"), payment("payment_captured")]
    }

    #[track_caller]
    fn broken(model: &Model, invariant: Invariant) {
        let broken: Vec<_> = model.findings.iter().map(|(it, _)| it).collect();
        assert_eq!(broken, [invariant], "{:?}", model.findings);
    }

    #[test]
    fn a_reduced_order_by_the_rules_is_clean() {
        let mut model = model();
        say(&mut model, 2_000, &[reserving()]);
        say(&mut model, 6_000, &[reserving(), placed(90_000, 8_000, 100_000)]);
        say(&mut model, 6_000, &paid(100_000));
        say(&mut model, 6_000, &[confirmed(1_000)]);
        let order = &model.orders["o"];
        assert_eq!((order.tickets_minor(), order.reductions_minor()), (100_000, (90_000, 8_000)));
        let mut findings = std::mem::take(&mut model.findings);
        order.settle("o", &mut findings);
        assert!(findings.is_clean(), "{findings:?}");
    }

    #[test]
    fn a_total_that_is_not_what_is_left_of_the_price_is_found() {
        for (discount, points, total) in
            [(90_000, 8_000, 100_001), (PRICE, 1, -1), (-1, 1, PRICE), (0, 0, PRICE - 1)]
        {
            let mut model = model();
            say(&mut model, 2_000, &[placed(discount, points, total)]);
            broken(&model, Invariant::MoneyConserved);
        }
    }

    #[test]
    fn points_that_an_order_does_not_earn_are_found() {
        for earned in [999, 1_001] {
            let mut model = model();
            say(&mut model, 2_000, &[placed(98_000, 0, 100_000)]);
            say(&mut model, 2_000, &paid(100_000));
            say(&mut model, 2_000, &[confirmed(earned)]);
            broken(&model, Invariant::PointsBalance);
        }
    }

    #[test]
    fn a_hold_that_ends_or_loses_time_while_its_order_waits_is_found() {
        let mut ended = model();
        say(&mut ended, 2_000, &[reserving()]);
        say(&mut ended, 6_000, &[json!({"type": "hold_expired", "hold": "h"})]);
        broken(&ended, Invariant::HoldsKeepTheirTime);
        let not_placed = |until: &str| json!({"type": "order_not_placed", "order": "o", "hold": "h", "hold_expires_at": until});
        let mut shorter = model();
        say(&mut shorter, 2_000, &[reserving(), not_placed("1970-01-01T00:00:04Z")]);
        broken(&shorter, Invariant::HoldsKeepTheirTime);
        let mut early = model();
        say(&mut early, 2_000, &[reserving(), not_placed("1970-01-01T00:00:07Z")]);
        say(&mut early, 6_000, &[json!({"type": "hold_expired", "hold": "h"})]);
        broken(&early, Invariant::HoldsKeepTheirTime);
    }

    #[test]
    fn two_orders_that_wait_with_one_hold_are_found() {
        let other = json!({"type": "order_reserving", "order": "o2", "hold": "h"});
        let mut waiting = model();
        say(&mut waiting, 2_000, &[reserving(), other]);
        broken(&waiting, Invariant::PlaceHasOneOwner);
        let mut not_waiting = model();
        say(
            &mut not_waiting,
            2_000,
            &[json!({"type": "order_not_placed", "order": "o", "hold": "h",
            "hold_expires_at": "1970-01-01T00:00:05Z"})],
        );
        broken(&not_waiting, Invariant::PlaceHasOneOwner);
    }

    #[test]
    fn a_reduced_order_that_comes_back_is_found() {
        let mut model = model();
        say(&mut model, 2_000, &[placed(98_000, 0, 100_000)]);
        say(&mut model, 2_000, &paid(100_000));
        say(&mut model, 2_000, &[json!({"type": "payment_declined", "payment": "y"})]);
        model.findings = Findings::default();
        let cancelled = json!({"type": "order_cancelled", "order": "o", "reason": "by_buyer"});
        say(&mut model, 2_000, &[cancelled, confirmed(1_000)]);
        broken(&model, Invariant::MoneyConserved);
    }

    #[test]
    fn money_without_tickets_and_tickets_without_money_are_found() {
        let order = |state, captured_minor, refunded_minor| Order {
            state,
            total_minor: 10,
            captured_minor,
            refunded_minor,
            ..Order::default()
        };
        let right = |order: Order| {
            let mut findings = Findings::default();
            order.settle("o", &mut findings);
            findings.of(Invariant::MoneyForTickets).is_none()
        };
        assert!(right(order(OrderState::Confirmed, 20, 10)));
        assert!(right(order(OrderState::Cancelled, 10, 10)));
        assert!(!right(order(OrderState::Confirmed, 10, 10)));
        assert!(!right(order(OrderState::Cancelled, 10, 0)));
        assert!(!right(order(OrderState::Placed, 0, 0)));
    }
}
