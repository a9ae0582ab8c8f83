//! Tickets that go back, in the naive model: what comes back is what the terms say, a ticket goes
//! back once, and of a performance that will not be shown nothing stays sold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::house::{Owner, Places, at};
use super::model::{Model, Step, millis, minor, text};
use super::orders::{Order, OrderState};
use super::terms::{Back, Kept, Moments, Share, Terms, split};

/// What performances say about tickets that go back.
#[derive(Debug, Default)]
pub(super) struct Refunds(BTreeMap<String, OfPerformance>);

#[derive(Debug, Default)]
struct OfPerformance {
    starts_ms: i64,
    /// Every version.
    terms: Vec<Terms>,
    is_cancelled: bool,
}

/// A ticket that went back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Returned {
    pub(super) number: u16,
    pub(super) share: Share,
    pub(super) back: Back,
}

impl Refunds {
    pub(super) fn created(&mut self, outcome: &Value) {
        let definition = &outcome["definition"];
        let terms = vec![Terms::of(&definition["refund_terms"])];
        let starts_ms = millis(&definition["starts_at"]);
        let of = OfPerformance { starts_ms, terms, is_cancelled: false };
        self.0.insert(text(outcome, "performance"), of);
    }

    pub(super) fn terms_set(&mut self, step: &Step, outcome: &Value, findings: &mut Findings) {
        let Some(of) = self.0.get_mut(&text(outcome, "performance")) else { return };
        let next = of.terms.len() as u64;
        findings.check(outcome["version"] == next, Invariant::RefundsByTerms, || {
            format!("{}: version {} follows {next} others", at(step), outcome["version"])
        });
        of.terms.push(Terms::of(&outcome["terms"]));
    }

    pub(super) fn cancelled(&mut self, outcome: &Value) {
        if let Some(of) = self.0.get_mut(&text(outcome, "performance")) {
            of.is_cancelled = true;
        }
    }

    /// Whether a performance will not be shown.
    pub(super) fn is_cancelled(&self, performance: &str) -> bool {
        self.0.get(performance).is_some_and(|of| of.is_cancelled)
    }

    /// The terms of now, and their number.
    pub(super) fn current(&self, performance: &str) -> (usize, Terms) {
        let terms = self.0.get(performance).map(|of| &of.terms);
        let last = terms.and_then(|terms| Some((terms.len() - 1, terms.last()?.clone())));
        last.unwrap_or_default()
    }

    /// By the terms of the order, or by those of now if they leave more; none when no ticket goes
    /// back any more.
    fn kept(&self, order: &Order, shares: &[Share], now_ms: i64) -> Option<Kept> {
        let Some(of) = self.0.get(&order.performance) else { return Some(Kept::default()) };
        let (booked_ms, starts_ms) = (order.confirmed_at_ms, of.starts_ms);
        let moments = Moments { booked_ms, starts_ms, now_ms };
        let worth = |kept: &Kept| -> i64 {
            shares.iter().map(|share| kept.of(share)).map(|back| back.money + back.points).sum()
        };
        let agreed = of.terms.get(order.terms).and_then(|terms| terms.kept(moments));
        let current = of.terms.last().and_then(|terms| terms.kept(moments));
        let (Some(agreed), Some(current)) = (agreed, current) else { return agreed.or(current) };
        Some(if worth(&current) > worth(&agreed) { current } else { agreed })
    }
}

impl Order {
    /// What each ticket has of the order, the first one's first.
    fn shares(&self) -> Vec<Share> {
        let discounts = split(self.discount_minor(), &self.prices);
        let paid = self.prices.iter().zip(&discounts).map(|(price, discount)| price - discount);
        let paid: Vec<i64> = paid.collect();
        let points = split(self.points_minor, &paid);
        let in_money: Vec<i64> = paid.iter().zip(&points).map(|(paid, it)| paid - it).collect();
        let costs: Vec<i64> = self.prices.iter().map(|price| i64::from(*price > 0)).collect();
        let (fees, earned) = (split(self.fee_minor, &costs), split(self.earned_minor, &in_money));
        let share = |index: usize| Share {
            price: self.prices[index],
            discount: discounts[index],
            points: points[index],
            fee: fees[index],
            earned: earned[index],
        };
        (0..self.prices.len()).map(share).collect()
    }

    /// Numbers of the tickets that did not go back.
    pub(super) fn numbers_left(&self) -> Vec<u16> {
        let all = 1..=self.prices.len() as u16;
        all.filter(|number| !self.is_back(*number)).collect()
    }

    /// Whether a ticket went back.
    pub(super) fn is_back(&self, number: u16) -> bool {
        self.returned.iter().any(|it| it.number == number)
    }

    /// The places of these tickets: seats first, then those who stand.
    pub(super) fn places_of(&self, numbers: &[u16]) -> Places {
        let seat = |number: &u16| self.places.seats.get(usize::from(*number) - 1).cloned();
        let seats: Vec<String> = numbers.iter().filter_map(seat).collect();
        Places { standing: (numbers.len() - seats.len()) as u32, seats }
    }
}

impl Model {
    /// Tickets go back that were named, and what comes back of each is told.
    pub(super) fn tickets_refunded(&mut self, step: &Step, outcome: &Value) {
        let id = text(outcome, "order");
        let Some(order) = self.orders.get(&id) else { return };
        let lines = outcome["tickets"].as_array().map_or(&[][..], Vec::as_slice);
        let number = |line: &Value| line["ticket"].as_u64().unwrap_or(0) as u16;
        let numbers: Vec<u16> = lines.iter().map(number).collect();
        let returned = self.returned(order, &numbers, step.now_ms);
        for (index, line) in lines.iter().enumerate() {
            let told = ["price", "discount", "booking_fee", "kept", "money", "points"]
                .map(|field| minor(&line[field]));
            let expected = returned.get(index).map(|Returned { share, back, .. }| {
                [share.price, share.discount, back.fee, back.kept, back.money, back.points]
            });
            self.findings.check(expected == Some(told), Invariant::RefundsByTerms, || {
                format!("{}: of order {id} come back {told:?}, not {expected:?}", at(step))
            });
        }
        let sum: i64 = returned.iter().map(|it| it.back.money).sum();
        let amount = minor(&outcome["amount"]);
        self.findings.check(amount == sum, Invariant::RefundsByTerms, || {
            format!("{}: {amount} comes back of order {id}, not {sum}", at(step))
        });
        self.take_back(step, &id, &numbers, returned);
    }

    /// What is left of a confirmed order goes back at once, and nothing of it is kept.
    pub(super) fn rest_refunded(&mut self, step: &Step, id: &str) {
        let Some(order) = self.orders.get(id) else { return };
        let numbers = order.numbers_left();
        let returned = self.returned(order, &numbers, step.now_ms);
        let in_full = returned.len() == numbers.len()
            && returned.iter().all(|it| it.back.money == it.share.money());
        self.findings.check(in_full, Invariant::RefundsByTerms, || {
            format!("{}: order {id} goes back in full, the terms say {returned:?}", at(step))
        });
        self.take_back(step, id, &numbers, returned);
    }

    /// What comes back of these tickets by the terms; all of it when there will be no show. Empty
    /// when nothing can go back.
    fn returned(&self, order: &Order, numbers: &[u16], now_ms: i64) -> Vec<Returned> {
        let shares = order.shares();
        let of = |number: &u16| shares.get(usize::from(number.checked_sub(1)?)).copied();
        let named: Option<Vec<Share>> = numbers.iter().map(of).collect();
        let kept = named.as_ref().and_then(|named| {
            let in_full = self.refunds.is_cancelled(&order.performance).then(Kept::default);
            in_full.or_else(|| self.refunds.kept(order, named, now_ms))
        });
        let (Some(named), Some(kept)) = (named, kept) else { return Vec::new() };
        let returned = numbers.iter().zip(named);
        returned
            .map(|(number, share)| Returned { number: *number, share, back: kept.of(&share) })
            .collect()
    }

    fn take_back(&mut self, step: &Step, id: &str, numbers: &[u16], returned: Vec<Returned>) {
        let Some(order) = self.orders.get_mut(id) else { return };
        let once = numbers.iter().collect::<BTreeSet<_>>().len() == numbers.len()
            && numbers.iter().all(|number| !order.is_back(*number));
        let is_live = order.state == OrderState::Confirmed;
        self.findings.check(once && is_live, Invariant::RefundedOnce, || {
            format!("{}: {numbers:?} of {id} go back, {:?} did before", at(step), order.returned)
        });
        let places = order.places_of(numbers);
        order.returned.extend(returned);
        if let Some(parties) = self.parties.get(&order.performance) {
            let stays = order.places_of(&order.numbers_left());
            parties.check(step, &stays, &mut self.findings);
        }
        let Some(house) = self.houses.get_mut(&order.performance) else { return };
        house.withdraw_tickets(&places);
        house.vacate(step, &places, &Owner::Ticket(id.to_owned()), &mut self.findings);
        for number in numbers {
            let ticket = format!("{id}.{number}");
            let holder = self.tickets.end(step, &ticket, &order.account, &mut self.findings);
            house.count_out(&holder, 1);
        }
    }

    /// What must be so when nothing is on its way.
    pub(super) fn settle_refunds(&mut self) {
        for (id, order) in &self.orders {
            if self.refunds.is_cancelled(&order.performance) {
                let ended = order.state == OrderState::Cancelled;
                self.findings.check(ended, Invariant::CancelledGivesBack, || {
                    format!("order {id} is {:?}, and there will be no show", order.state)
                });
            }
        }
        let Self { houses, refunds, findings, .. } = self;
        for (performance, house) in houses.iter().filter(|(id, _)| refunds.is_cancelled(id)) {
            let taken = house.taken();
            findings.check(taken == 0, Invariant::CancelledGivesBack, || {
                format!("{taken} places of {performance} are taken, and there will be no show")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::venue::{Shape, Venue};
    use super::*;

    const SEATS: [&str; 2] = ["VIP1-1-1", "VIP1-1-2"];
    const PRICE: i64 = 198_000;

    fn won(minor: i64) -> Value {
        json!({"minor": minor})
    }

    fn terms(basis_points: i64) -> Value {
        json!({"booking_fee_minor": 2_000, "ladder": {"utc_offset_minutes": 0,
            "steps": [{"days_before": 1, "basis_points": basis_points}]}})
    }

    /// Alice has two seats of a performance far away, of which a tenth is kept.
    fn model() -> Model {
        let mut model = Model::new(&Venue::of(Shape::Hall), &["p".to_owned()]);
        let total = 2 * PRICE + 4_000;
        say(
            &mut model,
            &json!([
                {"type": "performance_created", "performance": "p", "definition":
                    {"starts_at": "1970-02-01T00:00:00Z", "refund_terms": terms(1_000)}},
                {"type": "held", "hold": "h", "performance": "p", "seats": SEATS,
                    "total": won(2 * PRICE), "expires_at": "1970-01-01T00:00:05Z"},
                {"type": "order_placed", "order": "o", "hold": "h", "price": won(2 * PRICE),
                    "booking_fee": won(4_000), "total": won(total),
                    "pay_by": "1970-01-01T00:00:09Z"},
                {"type": "payment_requested", "payment": "y", "order": "o", "amount": won(total)},
                {"type": "payment_captured", "payment": "y", "order": "o", "amount": won(total)},
                {"type": "order_confirmed", "order": "o", "performance": "p", "tickets": [
                    {"seat": SEATS[0], "price": won(PRICE)},
                    {"seat": SEATS[1], "price": won(PRICE)}]},
            ]),
        );
        assert!(model.findings.is_clean(), "{:?}", model.findings);
        model
    }

    fn say(model: &mut Model, outcomes: &Value) {
        let outcomes = outcomes.as_array().expect("a list").clone();
        let account = "alice".to_owned();
        model.fold(&Step { now_ms: 1_000, account, outcomes, ..Step::default() });
    }

    /// A ticket goes back by the ladder, and so much of it is kept.
    fn refunded(number: u16, kept: i64) -> [Value; 3] {
        let money = PRICE + 2_000 - kept;
        let refund = format!("r{number}");
        [
            json!({"type": "tickets_refunded", "order": "o", "amount": won(money), "tickets": [
                {"ticket": number, "price": won(PRICE), "discount": won(0),
                 "booking_fee": won(2_000), "kept": won(kept), "money": won(money),
                 "points": won(0)}]}),
            json!({"type": "refund_requested", "refund": refund, "payment": "y", "order": "o",
                "amount": won(money)}),
            json!({"type": "payment_refunded", "refund": refund, "payment": "y", "order": "o",
                "amount": won(money)}),
        ]
    }

    fn cancelled(reason: &str) -> Value {
        json!({"type": "order_cancelled", "order": "o", "reason": reason})
    }

    fn called_off() -> Value {
        json!({"type": "performance_cancelled", "performance": "p"})
    }

    #[track_caller]
    fn broken(model: &Model, invariant: Invariant) {
        let broken: Vec<_> = model.findings.iter().map(|(it, _)| it).collect();
        assert_eq!(broken, [invariant], "{:?}", model.findings);
    }

    /// Nobody posts the money of these tables, so settlement is left out.
    fn settle(model: &mut Model) {
        let Model { orders, findings, .. } = model;
        orders.iter().for_each(|(id, order)| order.settle(id, findings));
        model.settle_refunds();
    }

    #[test]
    fn tickets_that_go_back_by_the_ladder_are_clean_and_their_places_free() {
        let mut model = model();
        say(&mut model, &json!(refunded(1, 19_800)));
        let order = &model.orders["o"];
        assert_eq!((order.tickets_minor(), order.kept_minor()), (PRICE + 2_000, 19_800));
        assert_eq!(model.houses["p"].owner(SEATS[0]), Some(&Owner::Nobody));
        assert_eq!(model.accounted().sold, 1);
        say(&mut model, &json!(refunded(2, 19_800)));
        say(&mut model, &json!([cancelled("by_buyer")]));
        settle(&mut model);
        assert!(model.findings.is_clean(), "{:?}", model.findings);
        assert_eq!(model.orders["o"].kept_minor(), 39_600);
    }

    #[test]
    fn more_or_less_than_the_ladder_keeps_is_found() {
        for kept in [19_799, 19_801] {
            let mut model = model();
            say(&mut model, &json!(refunded(1, kept)));
            broken(&model, Invariant::RefundsByTerms);
        }
        let mut in_full = model();
        say(&mut in_full, &json!([cancelled("by_buyer")]));
        broken(&in_full, Invariant::RefundsByTerms);
    }

    #[test]
    fn later_terms_count_only_when_they_leave_more() {
        for (basis_points, kept) in [(500, 9_900), (5_000, 19_800)] {
            let mut model = model();
            let set = json!({"type": "refund_terms_set", "performance": "p", "version": 1,
                "terms": terms(basis_points)});
            say(&mut model, &json!([set]));
            say(&mut model, &json!(refunded(1, kept)));
            settle(&mut model);
            assert!(model.findings.is_clean(), "{:?}", model.findings);
        }
    }

    #[test]
    fn a_ticket_that_goes_back_twice_is_found() {
        let mut model = model();
        let [told, _, _] = refunded(1, 19_800);
        say(&mut model, &json!([told]));
        say(&mut model, &json!([told]));
        assert!(model.findings.of(Invariant::RefundedOnce).is_some());
    }

    #[test]
    fn a_part_of_a_table_that_is_held_or_stays_is_found() {
        let venue = Venue::of(Shape::Hall).with_shapes();
        let price = 132_000;
        let held = |seats: u16| {
            let labels: Vec<String> = (1..=seats).map(|seat| format!("TABLES-1-{seat}")).collect();
            json!({"type": "held", "hold": "h", "performance": "p", "seats": labels,
                "total": won(i64::from(seats) * price), "expires_at": "1970-01-01T00:00:05Z"})
        };
        let mut part = Model::new(&venue, &["p".to_owned()]);
        say(&mut part, &json!([held(2)]));
        broken(&part, Invariant::TablesSoldWhole);
        let mut whole = Model::new(&venue, &["p".to_owned()]);
        let total = won(4 * price);
        let ticket = |seat: u16| json!({"seat": format!("TABLES-1-{seat}"), "price": won(price)});
        let tickets: Vec<Value> = (1..=4).map(ticket).collect();
        say(
            &mut whole,
            &json!([
                held(4),
                {"type": "order_placed", "order": "o", "hold": "h", "total": total,
                    "pay_by": "1970-01-01T00:00:09Z"},
                {"type": "payment_requested", "payment": "y", "order": "o", "amount": total},
                {"type": "payment_captured", "payment": "y", "order": "o", "amount": total},
                {"type": "order_confirmed", "order": "o", "performance": "p", "tickets": tickets},
            ]),
        );
        assert!(whole.findings.is_clean(), "{:?}", whole.findings);
        let line = json!({"ticket": 1, "price": won(price), "discount": won(0),
            "booking_fee": won(0), "kept": won(0), "money": won(price), "points": won(0)});
        let one = json!({"type": "tickets_refunded", "order": "o", "amount": won(price),
            "tickets": [line]});
        say(&mut whole, &json!([one]));
        broken(&whole, Invariant::TablesSoldWhole);
    }

    #[test]
    fn more_money_back_than_was_taken_and_other_money_than_was_asked_are_found() {
        let mut model = model();
        let asked = |refund: &str, minor: i64| json!({"type": "refund_requested", "refund": refund, "payment": "y", "amount": won(minor)});
        say(&mut model, &json!([asked("r1", 400_000)]));
        assert!(model.findings.is_clean());
        say(&mut model, &json!([asked("r2", 1)]));
        broken(&model, Invariant::MoneyConserved);
        model.findings = Findings::default();
        let back = json!({"type": "payment_refunded", "refund": "r1", "payment": "y",
            "amount": won(399_999)});
        say(&mut model, &json!([back]));
        broken(&model, Invariant::MoneyConserved);
    }

    #[test]
    fn money_that_did_not_come_back_is_found() {
        let mut model = model();
        let [told, _, _] = refunded(1, 19_800);
        say(&mut model, &json!([told]));
        settle(&mut model);
        broken(&model, Invariant::MoneyForTickets);
    }

    #[test]
    fn a_performance_that_is_called_off_gives_everything_back() {
        let mut model = model();
        let total = 2 * PRICE + 4_000;
        let money =
            |kind: &str| json!({"type": kind, "refund": "r", "payment": "y", "amount": won(total)});
        say(&mut model, &json!([called_off()]));
        say(&mut model, &json!([cancelled("performance_cancelled"), money("refund_requested")]));
        say(&mut model, &json!([money("payment_refunded")]));
        settle(&mut model);
        assert!(model.findings.is_clean(), "{:?}", model.findings);
    }

    #[test]
    fn what_stays_sold_or_is_held_of_a_performance_that_is_called_off_is_found() {
        let mut sold = model();
        say(&mut sold, &json!([called_off()]));
        settle(&mut sold);
        broken(&sold, Invariant::CancelledGivesBack);
        let mut held = model();
        say(&mut held, &json!([called_off()]));
        let hold = json!({"type": "held", "hold": "h2", "performance": "p", "seats": ["VIP1-1-3"],
            "total": won(PRICE), "expires_at": "1970-01-01T00:00:05Z"});
        say(&mut held, &json!([hold]));
        broken(&held, Invariant::CancelledGivesBack);
        let mut kept = model();
        say(&mut kept, &json!([called_off()]));
        say(&mut kept, &json!(refunded(1, 19_800)));
        broken(&kept, Invariant::RefundsByTerms);
    }
}
