//! A naive model of a sale: folds the outcomes as consumers read them, and finds what must
//! never be.
//!
//! It shares no code with the core that decided. It believes nothing: every fact is checked
//! against what the facts before it left behind.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::house::{Accounted, House, Owner, Places, at};
use super::venue::Venue;

/// One step of the outcomes topic.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    /// Partition and offset, for messages.
    pub(super) place: (u16, u64),
    /// The core's now in milliseconds.
    pub(super) now_ms: i64,
    /// Who asked.
    pub(super) account: String,
    pub(super) outcomes: Vec<Value>,
}

#[derive(Debug)]
struct Hold {
    performance: String,
    account: String,
    places: Places,
    total_minor: i64,
    expires_at_ms: i64,
    live: bool,
}

/// States of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderState {
    Placed,
    Paying,
    Confirmed,
    Cancelled,
}

/// One order as the model sees it.
#[derive(Debug)]
pub(super) struct Order {
    performance: String,
    pub(super) account: String,
    places: Places,
    total_minor: i64,
    pay_by_ms: i64,
    pub(super) state: OrderState,
    pub(super) captured_minor: i64,
    pub(super) refunded_minor: i64,
}

impl Order {
    /// What its live tickets cost.
    pub(super) fn tickets_minor(&self) -> i64 {
        if self.state == OrderState::Confirmed { self.total_minor } else { 0 }
    }

    /// How many live tickets it has.
    pub(super) fn ticket_count(&self) -> u32 {
        if self.state == OrderState::Confirmed { self.places.count() } else { 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PaymentState {
    Requested,
    Captured,
    Declined,
}

#[derive(Debug)]
struct Payment {
    order: String,
    state: PaymentState,
    /// A refund was asked for and has no result yet.
    refund_pending: bool,
}

/// The fold of the outcomes of the rehearsed performances.
#[derive(Debug)]
pub(super) struct Model {
    houses: BTreeMap<String, House>,
    holds: HashMap<String, Hold>,
    pub(super) orders: HashMap<String, Order>,
    payments: HashMap<String, Payment>,
    /// Replies that were refusals, by code.
    pub(super) refused: BTreeMap<String, u64>,
    /// Seats that were sold while somebody had a ticket for them.
    pub(super) double_sold: u64,
    pub(super) findings: Findings,
}

impl Model {
    pub(super) fn new(venue: &Venue, performances: &[String]) -> Self {
        let houses = performances.iter().map(|id| (id.clone(), House::new(venue))).collect();
        Self {
            houses,
            holds: HashMap::new(),
            orders: HashMap::new(),
            payments: HashMap::new(),
            refused: BTreeMap::new(),
            double_sold: 0,
            findings: Findings::default(),
        }
    }

    /// Takes one step over.
    pub(super) fn fold(&mut self, step: &Step) {
        for outcome in &step.outcomes {
            self.fold_outcome(step, outcome);
        }
    }

    fn fold_outcome(&mut self, step: &Step, outcome: &Value) {
        let text = |field: &str| outcome[field].as_str().unwrap_or_default().to_owned();
        match outcome["type"].as_str().unwrap_or_default() {
            "refused" => *self.refused.entry(text("code")).or_default() += 1,
            "held" => self.held(step, outcome),
            "hold_renewed" => {
                if let Some(hold) = self.holds.get_mut(&text("hold")) {
                    hold.expires_at_ms = millis(&outcome["expires_at"]);
                }
            }
            "hold_released" => self.end_hold(step, &text("hold"), false),
            "hold_expired" => self.end_hold(step, &text("hold"), true),
            "order_placed" => self.order_placed(step, outcome),
            "payment_requested" => self.payment_requested(step, outcome),
            "payment_captured" => self.payment_captured(step, outcome),
            "payment_declined" => self.payment_declined(step, &text("payment")),
            "order_confirmed" => self.order_confirmed(step, outcome),
            "order_cancelled" => self.order_cancelled(step, &text("order"), &text("reason")),
            "refund_requested" => self.refund_requested(step, &text("payment")),
            "payment_refunded" => self.payment_refunded(step, outcome),
            "refund_failed" => {
                let payment = text("payment");
                self.findings.note(Invariant::MoneyConserved, || {
                    format!("{}: refund of payment {payment} failed", at(step))
                });
            }
            _ => (),
        }
    }

    fn held(&mut self, step: &Step, outcome: &Value) {
        let performance = outcome["performance"].as_str().unwrap_or_default();
        let Some(house) = self.houses.get_mut(performance) else { return };
        let id = outcome["hold"].as_str().unwrap_or_default().to_owned();
        let hold = Hold {
            performance: performance.to_owned(),
            account: step.account.clone(),
            places: Places::of(outcome),
            total_minor: minor(&outcome["total"]),
            expires_at_ms: millis(&outcome["expires_at"]),
            live: true,
        };
        let expected = house.price(&hold.places);
        self.findings.check(expected == Some(hold.total_minor), Invariant::MoneyConserved, || {
            format!("{}: hold {id} costs {}, not {expected:?}", at(step), hold.total_minor)
        });
        house.occupy(step, &hold.places, &Owner::Hold(id.clone()), &mut self.findings);
        house.count_in(step, &hold.account, hold.places.count(), &mut self.findings);
        let twice = self.holds.insert(id.clone(), hold).is_some();
        self.findings
            .check(!twice, Invariant::OneReplyEach, || format!("{}: hold {id} again", at(step)));
    }

    fn end_hold(&mut self, step: &Step, id: &str, by_time: bool) {
        let Some(hold) = self.holds.get_mut(id) else { return };
        self.findings.check(hold.live, Invariant::PlaceHasOneOwner, || {
            format!("{}: hold {id} ends a second time", at(step))
        });
        self.findings.check(
            !by_time || step.now_ms >= hold.expires_at_ms,
            Invariant::HoldsKeepTheirTime,
            || {
                format!(
                    "{}: hold {id} ends {} ms early",
                    at(step),
                    hold.expires_at_ms - step.now_ms
                )
            },
        );
        hold.live = false;
        if let Some(house) = self.houses.get_mut(&hold.performance) {
            let owner = Owner::Hold(id.to_owned());
            house.vacate(step, &hold.places, &owner, &mut self.findings);
            house.count_out(&hold.account, hold.places.count());
        }
    }

    fn order_placed(&mut self, step: &Step, outcome: &Value) {
        let id = outcome["order"].as_str().unwrap_or_default().to_owned();
        let hold_id = outcome["hold"].as_str().unwrap_or_default().to_owned();
        let Some(hold) = self.holds.get_mut(&hold_id) else { return };
        self.findings.check(hold.live, Invariant::PlaceHasOneOwner, || {
            format!("{}: order {id} from hold {hold_id}, which has ended", at(step))
        });
        let total_minor = minor(&outcome["total"]);
        self.findings.check(total_minor == hold.total_minor, Invariant::MoneyConserved, || {
            format!("{}: order {id} costs {total_minor}, its hold {}", at(step), hold.total_minor)
        });
        hold.live = false;
        let order = Order {
            performance: hold.performance.clone(),
            account: hold.account.clone(),
            places: hold.places.clone(),
            total_minor,
            pay_by_ms: millis(&outcome["pay_by"]),
            state: OrderState::Placed,
            captured_minor: 0,
            refunded_minor: 0,
        };
        if let Some(house) = self.houses.get_mut(&order.performance) {
            let (from, to) = (Owner::Hold(hold_id), Owner::Order(id.clone()));
            house.vacate(step, &order.places, &from, &mut self.findings);
            house.occupy(step, &order.places, &to, &mut self.findings);
        }
        self.orders.insert(id, order);
    }

    fn payment_requested(&mut self, step: &Step, outcome: &Value) {
        let order_id = outcome["order"].as_str().unwrap_or_default().to_owned();
        let Some(order) = self.orders.get_mut(&order_id) else { return };
        let amount = minor(&outcome["amount"]);
        let right = order.state == OrderState::Placed && amount == order.total_minor;
        self.findings.check(right, Invariant::MoneyConserved, || {
            format!("{}: {amount} asked for order {order_id}, which is {:?}", at(step), order.state)
        });
        order.state = OrderState::Paying;
        let id = outcome["payment"].as_str().unwrap_or_default().to_owned();
        let state = PaymentState::Requested;
        self.payments.insert(id, Payment { order: order_id, state, refund_pending: false });
    }

    fn payment_captured(&mut self, step: &Step, outcome: &Value) {
        let id = outcome["payment"].as_str().unwrap_or_default();
        let Some(payment) = self.payments.get_mut(id) else { return };
        self.findings.check(
            payment.state != PaymentState::Captured,
            Invariant::MoneyConserved,
            || format!("{}: payment {id} is captured twice", at(step)),
        );
        payment.state = PaymentState::Captured;
        if let Some(order) = self.orders.get_mut(&payment.order) {
            order.captured_minor += minor(&outcome["amount"]);
        }
    }

    fn payment_declined(&mut self, step: &Step, id: &str) {
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

    fn order_confirmed(&mut self, step: &Step, outcome: &Value) {
        let id = outcome["order"].as_str().unwrap_or_default().to_owned();
        let Some(order) = self.orders.get_mut(&id) else { return };
        let tickets = outcome["tickets"].as_array().map_or(&[][..], Vec::as_slice);
        let prices: i64 = tickets.iter().map(|ticket| minor(&ticket["price"])).sum();
        let right = tickets.len() == order.places.count() as usize && prices == order.total_minor;
        self.findings.check(right, Invariant::MoneyConserved, || {
            format!("{}: order {id} gets {} tickets for {prices}", at(step), tickets.len())
        });
        let paid = order.captured_minor - order.refunded_minor >= order.total_minor;
        self.findings.check(paid, Invariant::MoneyConserved, || {
            format!("{}: order {id} is confirmed without its money", at(step))
        });
        let Some(house) = self.houses.get_mut(&order.performance) else { return };
        if order.state == OrderState::Cancelled {
            house.count_in(step, &order.account, order.places.count(), &mut self.findings);
        } else {
            let owner = Owner::Order(id.clone());
            house.vacate(step, &order.places, &owner, &mut self.findings);
        }
        let sold_before = house.issue_tickets(&order.places);
        self.double_sold += sold_before;
        self.findings.check(sold_before == 0, Invariant::SeatSoldOnce, || {
            format!("{}: {sold_before} seats of order {id} were sold before", at(step))
        });
        let owner = Owner::Ticket(id.clone());
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

    fn order_cancelled(&mut self, step: &Step, id: &str, reason: &str) {
        let Some(order) = self.orders.get_mut(id) else { return };
        let owner = match order.state {
            OrderState::Placed | OrderState::Paying => Owner::Order(id.to_owned()),
            OrderState::Confirmed => Owner::Ticket(id.to_owned()),
            OrderState::Cancelled => Owner::Nobody,
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
        order.state = OrderState::Cancelled;
        if let Some(house) = self.houses.get_mut(&order.performance) {
            if had_tickets {
                house.withdraw_tickets(&order.places);
            }
            house.vacate(step, &order.places, &owner, &mut self.findings);
            house.count_out(&order.account, order.places.count());
        }
    }

    fn refund_requested(&mut self, step: &Step, id: &str) {
        let Some(payment) = self.payments.get_mut(id) else { return };
        let right = payment.state == PaymentState::Captured && !payment.refund_pending;
        self.findings.check(right, Invariant::MoneyConserved, || {
            format!("{}: refund of payment {id}, which is {:?}", at(step), payment.state)
        });
        payment.refund_pending = true;
    }

    fn payment_refunded(&mut self, step: &Step, outcome: &Value) {
        let id = outcome["payment"].as_str().unwrap_or_default();
        let Some(payment) = self.payments.get_mut(id) else { return };
        self.findings.check(payment.refund_pending, Invariant::MoneyConserved, || {
            format!("{}: payment {id} is refunded and nobody asked", at(step))
        });
        payment.refund_pending = false;
        if let Some(order) = self.orders.get_mut(&payment.order) {
            order.refunded_minor += minor(&outcome["amount"]);
        }
    }

    /// What has not ended yet: live holds, orders that wait, payments and refunds without a
    /// result.
    pub(super) fn open_ends(&self) -> Vec<String> {
        let holds = self.holds.iter().filter(|(_, hold)| hold.live);
        let orders = self
            .orders
            .iter()
            .filter(|(_, order)| matches!(order.state, OrderState::Placed | OrderState::Paying));
        holds
            .map(|(id, _)| format!("hold {id} is live"))
            .chain(orders.map(|(id, order)| format!("order {id} is {:?}", order.state)))
            .chain(self.unknown_payments())
            .collect()
    }

    /// Payments and refunds without a result.
    pub(super) fn unknown_payments(&self) -> impl Iterator<Item = String> {
        let unknown =
            |payment: &Payment| payment.state == PaymentState::Requested || payment.refund_pending;
        self.payments
            .iter()
            .filter(move |(_, payment)| unknown(payment))
            .map(|(id, payment)| format!("payment {id} of order {} is unknown", payment.order))
    }

    /// Every place of every house.
    pub(super) fn accounted(&self) -> Accounted {
        let mut sum = Accounted::default();
        self.houses.values().for_each(|house| house.account_for(&mut sum));
        sum
    }

    /// The houses by the ids of their performances.
    pub(super) fn houses(&self) -> impl Iterator<Item = (&str, &House)> {
        self.houses.iter().map(|(id, house)| (&**id, house))
    }
}

fn minor(money: &Value) -> i64 {
    money["minor"].as_i64().unwrap_or(-1)
}

fn millis(time: &Value) -> i64 {
    let time = time.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.map_or(i64::MAX, jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::super::venue::Shape;
    use super::*;

    const SEAT: &str = "VIP1-1-1";

    fn model() -> Model {
        Model::new(&Venue::of(Shape::Hall), &["p".to_owned()])
    }

    fn step(offset: u64, account: &str, outcomes: Value) -> Step {
        let Value::Array(outcomes) = outcomes else { panic!("a list") };
        Step { place: (0, offset), now_ms: 1_000, account: account.to_owned(), outcomes }
    }

    fn held(hold: &str, seat: &str) -> Value {
        json!([{
            "type": "held", "hold": hold, "performance": "p", "seats": [seat], "sections": [],
            "total": {"minor": 198_000, "currency": "KRW"}, "expires_at": "1970-01-01T00:00:05Z",
        }])
    }

    fn placed(order: &str, hold: &str) -> Value {
        json!([{
            "type": "order_placed", "order": order, "hold": hold,
            "total": {"minor": 198_000}, "pay_by": "1970-01-01T00:00:09Z",
        }])
    }

    fn requested(order: &str) -> Value {
        let payment = format!("pay-{order}");
        json!([{
            "type": "payment_requested", "payment": payment, "order": order,
            "amount": {"minor": 198_000},
        }])
    }

    fn captured_and_confirmed(order: &str, seat: &str, minor: i64) -> Value {
        let payment = format!("pay-{order}");
        json!([
            {"type": "payment_captured", "payment": payment, "order": order,
             "amount": {"minor": minor}},
            {"type": "order_confirmed", "order": order, "payment": payment,
             "tickets": [{"id": "1", "seat": seat, "price": {"minor": 198_000}}]},
        ])
    }

    fn sell(model: &mut Model, offset: u64, order: &str, account: &str) {
        let hold = format!("hold-{order}");
        model.fold(&step(offset, account, held(&hold, SEAT)));
        model.fold(&step(offset + 1, account, placed(order, &hold)));
        model.fold(&step(offset + 2, account, requested(order)));
        model.fold(&step(offset + 3, "", captured_and_confirmed(order, SEAT, 198_000)));
    }

    /// A model in which this order has one ticket, for the tests of others.
    pub(in super::super) fn model_with_one_sale(order: &str) -> Model {
        let mut model = model();
        sell(&mut model, 1, order, "alice");
        model
    }

    #[test]
    fn a_sale_by_the_rules_is_clean() {
        let mut model = model();
        sell(&mut model, 1, "o1", "alice");
        assert!(model.findings.is_clean(), "{:?}", model.findings);
        assert_eq!(model.open_ends(), Vec::<String>::new());
        assert_eq!((model.accounted().sold, model.accounted().held), (1, 0));
        assert_eq!(model.orders["o1"].tickets_minor(), 198_000);
    }

    #[test]
    fn a_double_sale_is_found() {
        let mut model = model();
        sell(&mut model, 1, "o1", "alice");
        sell(&mut model, 5, "o2", "bob");
        assert!(model.findings.of(Invariant::SeatSoldOnce).is_some());
        assert_eq!(model.double_sold, 1);
    }

    #[test]
    fn missing_money_is_found() {
        let mut model = model();
        model.fold(&step(1, "alice", held("h", SEAT)));
        model.fold(&step(2, "alice", placed("o", "h")));
        model.fold(&step(3, "alice", requested("o")));
        model.fold(&step(4, "", captured_and_confirmed("o", SEAT, 1)));
        assert!(model.findings.of(Invariant::MoneyConserved).is_some());
    }

    #[test]
    fn a_hold_that_ends_early_is_found() {
        let mut model = model();
        model.fold(&step(1, "alice", held("h", SEAT)));
        model.fold(&step(2, "", json!([{"type": "hold_expired", "hold": "h"}])));
        assert!(model.findings.of(Invariant::HoldsKeepTheirTime).is_some());
    }

    #[test]
    fn an_account_above_its_limit_is_found() {
        let mut model = model();
        for number in 0..5 {
            let seat = format!("VIP1-1-{}", 1 + number);
            model.fold(&step(number, "alice", held(&format!("h{number}"), &seat)));
        }
        assert!(model.findings.of(Invariant::AccountWithinLimit).is_some());
    }

    #[test]
    fn what_is_open_is_named() {
        let mut model = model();
        model.fold(&step(1, "alice", held("h", SEAT)));
        assert_eq!(model.open_ends(), ["hold h is live"]);
        model.fold(&step(2, "alice", placed("o", "h")));
        model.fold(&step(3, "alice", requested("o")));
        assert_eq!(model.open_ends().len(), 2);
    }
}
