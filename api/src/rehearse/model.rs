//! A naive model of a sale: folds the outcomes as consumers read them, and finds what must
//! never be.
//!
//! It shares no code with the core that decided. It believes nothing: every fact is checked
//! against what the facts before it left behind.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::coupons::Coupons;
use super::findings::{Findings, Invariant};
use super::house::{Accounted, House, Owner, Places};
use super::line::Line;
use super::orders::Payment;
use super::post::Post;
use super::refunds::Refunds;
use super::settlements::Settlements;
use super::shapes::Parties;
use super::tickets::Tickets;
use super::venue::Venue;
use super::wallets::Wallets;

pub(super) use super::house::at;
pub(super) use super::orders::{Order, OrderState};

/// One step of the outcomes topic, and the intent that it answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    /// Partition and offset, for messages.
    pub(super) place: (u16, u64),
    /// The offset of the intent.
    pub(super) input: u64,
    /// The core's now in milliseconds.
    pub(super) now_ms: i64,
    /// Who asked.
    pub(super) account: String,
    /// What was asked.
    pub(super) intent: Value,
    pub(super) outcomes: Vec<Value>,
}

#[derive(Debug)]
pub(super) struct Hold {
    pub(super) performance: String,
    pub(super) account: String,
    pub(super) places: Places,
    pub(super) total_minor: i64,
    pub(super) expires_at_ms: i64,
    pub(super) live: bool,
    /// The order that waits for something before it takes the places over.
    pub(super) order: Option<String>,
}

/// The fold of the outcomes of the rehearsed performances.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) houses: BTreeMap<String, House>,
    pub(super) holds: HashMap<String, Hold>,
    pub(super) orders: HashMap<String, Order>,
    pub(super) payments: HashMap<String, Payment>,
    lines: BTreeMap<String, Line>,
    pub(super) coupons: Coupons,
    pub(super) wallets: Wallets,
    pub(super) refunds: Refunds,
    pub(super) tickets: Tickets,
    pub(super) parties: BTreeMap<String, Parties>,
    post: Post,
    pub(super) settlements: Settlements,
    /// What orders of a performance earn.
    pub(super) earned_basis_points: HashMap<String, i64>,
    /// Accounts that held something: theirs are the wallets that are judged.
    buyers: HashSet<String>,
    /// Replies that were refusals, by code.
    pub(super) refused: BTreeMap<String, u64>,
    /// Seats that were sold while somebody had a ticket for them.
    pub(super) double_sold: u64,
    pub(super) findings: Findings,
}

impl Model {
    pub(super) fn new(venue: &Venue, performances: &[String]) -> Self {
        let houses = performances.iter().map(|id| (id.clone(), House::new(venue))).collect();
        let lines = performances.iter().map(|id| (id.clone(), Line::default())).collect();
        let parties = || Parties::new(venue.shaped_rows());
        let parties = performances.iter().map(|id| (id.clone(), parties())).collect();
        Self {
            parties,
            houses,
            holds: HashMap::new(),
            orders: HashMap::new(),
            payments: HashMap::new(),
            lines,
            coupons: Coupons::default(),
            wallets: Wallets::default(),
            refunds: Refunds::default(),
            tickets: Tickets::default(),
            post: Post::default(),
            settlements: Settlements::default(),
            earned_basis_points: HashMap::new(),
            buyers: HashSet::new(),
            refused: BTreeMap::new(),
            double_sold: 0,
            findings: Findings::default(),
        }
    }

    /// Takes one step over.
    pub(super) fn fold(&mut self, step: &Step) {
        for (index, outcome) in step.outcomes.iter().enumerate() {
            match outcome["type"].as_str().unwrap_or_default() {
                "message_sent" => self.post.sent(step, index),
                "message_received" => self.post.received(outcome),
                kind => self.fold_outcome(step, kind, outcome),
            }
        }
    }

    fn fold_outcome(&mut self, step: &Step, kind: &str, outcome: &Value) {
        match kind {
            "refused" => {
                let code = text(outcome, "code");
                self.turned_away(step, &code);
                *self.refused.entry(code).or_default() += 1;
                self.coupons.fold(step, outcome, &mut self.findings);
            }
            "held" => self.held(step, outcome),
            "hold_renewed" => {
                if let Some(hold) = self.holds.get_mut(&text(outcome, "hold")) {
                    hold.expires_at_ms = millis(&outcome["expires_at"]);
                }
            }
            "hold_released" => self.end_hold(step, &text(outcome, "hold"), false),
            "hold_expired" => self.end_hold(step, &text(outcome, "hold"), true),
            "order_reserving" => self.order_reserving(step, outcome),
            "order_not_placed" => self.order_not_placed(step, outcome),
            "order_placed" => self.order_placed(step, outcome),
            "payment_requested" => self.payment_requested(step, outcome),
            "payment_captured" => self.payment_captured(step, outcome),
            "payment_declined" => self.payment_declined(step, &text(outcome, "payment")),
            "order_confirmed" => self.order_confirmed(step, outcome),
            "order_cancelled" => {
                self.order_cancelled(step, &text(outcome, "order"), &text(outcome, "reason"));
            }
            "refund_requested" => self.refund_requested(step, outcome),
            "payment_refunded" => self.payment_refunded(step, outcome),
            "refund_failed" => {
                let payment = text(outcome, "payment");
                self.findings.note(Invariant::MoneyConserved, || {
                    format!("{}: refund of payment {payment} failed", at(step))
                });
            }
            "tickets_refunded" => self.tickets_refunded(step, outcome),
            "performance_created" => self.refunds.created(outcome),
            "refund_terms_set" => self.refunds.terms_set(step, outcome, &mut self.findings),
            "performance_cancelled" => self.refunds.cancelled(outcome),
            _ => self.fold_extra(step, kind, outcome),
        }
    }

    /// Waiting rooms, coupons, points, tickets and settlement.
    fn fold_extra(&mut self, step: &Step, kind: &str, outcome: &Value) {
        let performance = text(outcome, "performance");
        match kind {
            "campaign_created" => {
                let performances = outcome["definition"]["performances"].as_array();
                let mut ids = performances.into_iter().flatten().filter_map(Value::as_str);
                if ids.any(|id| self.houses.contains_key(id)) {
                    self.coupons.campaign_created(outcome);
                }
            }
            "points_rule_set" => {
                let share = outcome["rule"]["earned_basis_points"].as_i64().unwrap_or(0);
                self.earned_basis_points.insert(performance, share);
            }
            "settlement_posted" => self.settlements.fold(step, outcome, &mut self.findings),
            _ if kind.starts_with("coupon_") => {
                self.coupons.fold(step, outcome, &mut self.findings);
            }
            _ if kind.starts_with("points_") => self.wallets.fold(step, outcome),
            _ if kind.starts_with("ticket_") => self.fold_ticket(step, kind, outcome),
            _ => {
                let bought = self.buyers_in(step, &performance);
                if let Some(line) = self.lines.get_mut(&performance) {
                    line.fold(step, outcome, &bought, &mut self.findings);
                }
            }
        }
    }

    /// Whose orders of a performance a step confirms.
    fn buyers_in(&self, step: &Step, performance: &str) -> Vec<String> {
        let confirmed = step
            .outcomes
            .iter()
            .filter(|it| it["type"] == "order_confirmed" && it["performance"] == performance);
        let order = |outcome: &Value| self.orders.get(outcome["order"].as_str()?);
        confirmed.filter_map(order).map(|order| order.account.clone()).collect()
    }

    fn held(&mut self, step: &Step, outcome: &Value) {
        let performance = text(outcome, "performance");
        let Some(house) = self.houses.get_mut(&performance) else { return };
        let id = text(outcome, "hold");
        let shown = !self.refunds.is_cancelled(&performance);
        self.findings.check(shown, Invariant::CancelledGivesBack, || {
            format!("{}: hold {id}, and there will be no show", at(step))
        });
        if let Some(line) = self.lines.get(&performance).filter(|line| line.is_on()) {
            let may_hold = line.may_hold(&step.account, step.now_ms);
            self.findings.check(may_hold, Invariant::HoldsNeedAdmission, || {
                format!("{}: {} holds {id} and is not inside", at(step), step.account)
            });
        }
        self.buyers.insert(step.account.clone());
        let hold = Hold {
            performance,
            account: step.account.clone(),
            places: Places::of(outcome),
            total_minor: minor(&outcome["total"]),
            expires_at_ms: millis(&outcome["expires_at"]),
            live: true,
            order: None,
        };
        let expected = house.price(&hold.places);
        self.findings.check(expected == Some(hold.total_minor), Invariant::MoneyConserved, || {
            format!("{}: hold {id} costs {}, not {expected:?}", at(step), hold.total_minor)
        });
        house.occupy(step, &hold.places, &Owner::Hold(id.clone()), &mut self.findings);
        house.count_in(step, &hold.account, hold.places.count(), &mut self.findings);
        if let Some(parties) = self.parties.get_mut(&hold.performance) {
            parties.check(step, &hold.places, &mut self.findings);
            parties.fan_comes(step, &id, &hold.places, &mut self.findings);
        }
        let twice = self.holds.insert(id.clone(), hold).is_some();
        self.findings
            .check(!twice, Invariant::OneReplyEach, || format!("{}: hold {id} again", at(step)));
    }

    fn end_hold(&mut self, step: &Step, id: &str, by_time: bool) {
        let Some(hold) = self.holds.get_mut(id) else { return };
        self.findings.check(hold.live, Invariant::PlaceHasOneOwner, || {
            format!("{}: hold {id} ends a second time", at(step))
        });
        self.findings.check(hold.order.is_none(), Invariant::HoldsKeepTheirTime, || {
            format!("{}: hold {id} ends while order {:?} waits", at(step), hold.order)
        });
        self.findings.check(
            !by_time
                || step.now_ms >= hold.expires_at_ms
                || self.refunds.is_cancelled(&hold.performance),
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
        self.parties.get_mut(&hold.performance).into_iter().for_each(|it| it.fan_goes(id));
        if let Some(house) = self.houses.get_mut(&hold.performance) {
            let owner = Owner::Hold(id.to_owned());
            house.vacate(step, &hold.places, &owner, &mut self.findings);
            house.count_out(&hold.account, hold.places.count());
        }
    }

    /// What has not ended yet: live holds, orders that wait, payments and refunds without a
    /// result, messages on their way, coupons and points that are kept.
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
            .chain(self.post.open_ends())
            .chain(self.coupons.open_ends())
            .chain(self.wallets.open_ends())
            .collect()
    }

    /// Payments and refunds without a result.
    pub(super) fn unknown_payments(&self) -> impl Iterator<Item = String> {
        let unknown = self.payments.iter().filter(|(_, payment)| payment.is_unknown());
        unknown.map(|(id, payment)| format!("payment {id} of order {} is unknown", payment.order()))
    }

    /// Checks what must hold when the house is quiet. Everything was read from these offsets on.
    pub(super) fn settle(&mut self, begins: &BTreeMap<u16, u64>) {
        let findings = &mut self.findings;
        let open = |payment: &&Payment| payment.is_unknown();
        let known = self.payments.len() - self.payments.values().filter(open).count();
        findings.held(Invariant::PaymentsKnown, known as u64);
        findings.held(Invariant::HoldsEnd, (self.holds.len() + self.orders.len()) as u64);
        self.orders.iter().for_each(|(id, order)| order.settle(id, findings));
        self.coupons.settle(&self.orders, findings);
        self.wallets.settle(self.buyers.iter(), &self.orders, findings);
        self.post.settle(begins, findings);
        self.settlements.settle(&self.orders, findings);
        self.settle_refunds();
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

/// A text in an outcome.
pub(super) fn text(outcome: &Value, field: &str) -> String {
    outcome[field].as_str().unwrap_or_default().to_owned()
}

/// Money in minor units.
pub(super) fn minor(money: &Value) -> i64 {
    money["minor"].as_i64().unwrap_or(-1)
}

/// A moment in milliseconds.
pub(super) fn millis(time: &Value) -> i64 {
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
        Step {
            place: (0, offset),
            input: offset,
            now_ms: 1_000,
            account: account.to_owned(),
            intent: Value::Null,
            outcomes,
        }
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

    #[test]
    fn a_hold_without_admission_is_found() {
        let rules = json!({"admissions_per_minute": 60, "active_buyers_max": 1,
            "session_seconds": 10, "grace_seconds": 10});
        let of_room = |kind: &str, more: Value| {
            let mut outcome = more;
            (outcome["type"], outcome["performance"]) = (json!(kind), json!("p"));
            json!([outcome])
        };
        let mut model = model();
        let set = of_room("waiting_room_set", json!({"rules": rules}));
        model.fold(&step(1, "promoter", set));
        for (offset, number, account) in [(2, 0, "alice"), (3, 1, "bob")] {
            let joined = json!({"number": number, "account": account});
            model.fold(&step(offset, account, of_room("waiting_room_joined", joined)));
        }
        let admitted = json!({"number": 0, "session_ends_at": "1970-01-01T00:00:11Z"});
        model.fold(&step(4, "", of_room("admitted", admitted)));
        model.fold(&step(5, "alice", held("h1", SEAT)));
        assert!(model.findings.is_clean(), "{:?}", model.findings);
        model.fold(&step(6, "bob", held("h2", "VIP1-1-2")));
        assert!(model.findings.of(Invariant::HoldsNeedAdmission).is_some());
        // Whoever buys goes out, and the outcome does not say who that is.
        model.fold(&step(7, "alice", placed("o", "h1")));
        model.fold(&step(8, "alice", requested("o")));
        let mut sold = captured_and_confirmed("o", SEAT, 198_000);
        sold[1]["performance"] = json!("p");
        let ended = of_room("session_ended", json!({"reason": "bought"}))[0].take();
        sold.as_array_mut().expect("a list").push(ended);
        model.findings = Findings::default();
        model.fold(&step(9, "", sold));
        model.fold(&step(10, "alice", held("h3", "VIP1-1-3")));
        assert!(model.findings.of(Invariant::HoldsNeedAdmission).is_some());
        assert_eq!(model.findings.iter().count(), 1, "{:?}", model.findings);
    }

    #[test]
    fn coupons_points_and_messages_on_their_way_are_open() {
        let mut model = model();
        let created = json!({"type": "campaign_created", "campaign": "c", "definition": {
            "performances": ["p"], "quantity": 1, "account_limit": 1}});
        let issued = json!({"type": "coupon_issued", "campaign": "c", "coupon": "k", "number": 1});
        let reserved = json!({"type": "coupon_reserved", "coupon": "k", "order": "o"});
        let points = json!({"type": "points_reserved", "order": "o", "amount": {"minor": 1}});
        model.fold(&step(1, "alice", json!([created, issued, reserved, points])));
        model.fold(&step(2, "alice", json!([{"type": "message_sent"}])));
        assert_eq!(model.open_ends().len(), 3, "{:?}", model.open_ends());
        model.settle(&BTreeMap::new());
        assert!(model.findings.of(Invariant::MessagesReceivedOnce).is_some());
    }
}
