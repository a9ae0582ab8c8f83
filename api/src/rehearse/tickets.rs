//! Tickets in the naive model: who holds one, by which code it admits, and how often.
//!
//! A ticket that nothing happened to is its buyer's and has no row here.

use std::collections::HashMap;

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::house::at;
use super::model::{Model, Order, OrderState, Step, millis, text};

/// What happened to the tickets, by their ids.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    of: HashMap<String, Ticket>,
    /// How often a ticket of a performance may change hands.
    transfers_max: HashMap<String, u64>,
    /// First entries of each performance.
    admitted: HashMap<String, u64>,
    /// Tickets that have changed hands.
    pub(super) transferred: u64,
}

#[derive(Debug, Default)]
struct Ticket {
    /// None while it is its buyer's.
    holder: Option<String>,
    /// How often it has changed hands.
    generation: u64,
    offer: Option<Offer>,
    entries: u64,
}

#[derive(Debug)]
struct Offer {
    transfer: String,
    to: String,
    lapses_at_ms: i64,
}

impl Tickets {
    /// Takes the rules of a performance over.
    pub(super) fn rules_set(&mut self, outcome: &Value) {
        let most = outcome["rules"]["transfers_max"].as_u64().unwrap_or(0);
        self.transfers_max.insert(text(outcome, "performance"), most);
    }

    /// A ticket is no more; returns who had it. Its buyer gives back only what is the buyer's and
    /// unused; what ends otherwise was taken back before.
    pub(super) fn end(
        &mut self,
        step: &Step,
        id: &str,
        buyer: &str,
        findings: &mut Findings,
    ) -> String {
        let Some(ticket) = self.of.get_mut(id) else { return buyer.to_owned() };
        let holder = ticket.holder.take().unwrap_or_else(|| buyer.to_owned());
        let is_own = holder == buyer && ticket.entries == 0 && ticket.offer.is_none();
        let by_buyer = step.account == buyer;
        findings.check(is_own || !by_buyer, Invariant::TicketHasOneHolder, || {
            format!("{}: {id} goes back, and is {holder}'s: {ticket:?}", at(step))
        });
        ticket.generation += 1;
        ticket.offer = None;
        holder
    }

    /// Tickets that were received from others, by their holders.
    pub(super) fn received_by(&self) -> HashMap<&str, u64> {
        let mut received: HashMap<&str, u64> = HashMap::new();
        for holder in self.of.values().filter_map(|ticket| ticket.holder.as_deref()) {
            *received.entry(holder).or_default() += 1;
        }
        received
    }

    /// Who holds a ticket that is not its buyer's any more.
    pub(super) fn is_given_away(&self, id: &str) -> bool {
        self.of.get(id).is_some_and(|ticket| ticket.holder.is_some())
    }

    /// First entries of a performance.
    pub(super) fn admitted(&self, performance: &str) -> u64 {
        self.admitted.get(performance).copied().unwrap_or(0)
    }

    /// First entries of all performances.
    pub(super) fn admitted_in_all(&self) -> u64 {
        self.admitted.values().sum()
    }
}

impl Model {
    /// Live tickets that buyers still have themselves.
    pub(super) fn tickets_of(&self) -> HashMap<&str, u64> {
        let mut tickets_of: HashMap<&str, u64> = HashMap::new();
        for (id, order) in &self.orders {
            if order.state == OrderState::Confirmed {
                let left = order.numbers_left().into_iter();
                let own = left.filter(|it| !self.tickets.is_given_away(&format!("{id}.{it}")));
                *tickets_of.entry(&order.account).or_default() += own.count() as u64;
            }
        }
        tickets_of
    }

    /// Takes one outcome about a ticket over.
    pub(super) fn fold_ticket(&mut self, step: &Step, kind: &str, outcome: &Value) {
        if kind == "ticket_rules_set" {
            return self.tickets.rules_set(outcome);
        }
        let id = text(outcome, "ticket");
        let Some((order, is_live)) = self.order_of(&id) else { return };
        let (buyer, performance) = (order.account.clone(), order.performance.clone());
        let ticket = self.tickets.of.entry(id.clone()).or_default();
        let findings = &mut self.findings;
        match kind {
            "ticket_offered" => {
                let most = self.tickets.transfers_max.get(&performance).copied().unwrap_or(0);
                let holder = ticket.holder.as_ref().unwrap_or(&buyer);
                let right = *holder == step.account && is_live;
                let free = ticket.offer.is_none() && ticket.generation < most;
                findings.check(right && free, Invariant::TicketHasOneHolder, || {
                    format!("{}: {} offers {id}: {ticket:?}", at(step), step.account)
                });
                let (transfer, to) = (text(outcome, "transfer"), text(&step.intent, "to"));
                let lapses_at_ms = millis(&outcome["lapses_at"]);
                ticket.offer = Some(Offer { transfer, to, lapses_at_ms });
            }
            "ticket_transferred" => self.transferred(step, &id, &buyer, outcome, is_live),
            "ticket_offer_ended" => {
                let offer = ticket.offer.take();
                let same = offer.as_ref().is_some_and(|it| it.transfer == outcome["transfer"]);
                let lapsed = outcome["reason"] == "lapsed";
                let early = offer.as_ref().is_some_and(|it| step.now_ms < it.lapses_at_ms);
                findings.check(same && !(lapsed && early), Invariant::TicketHasOneHolder, || {
                    format!("{}: offer of {id} ends: {offer:?}", at(step))
                });
            }
            "ticket_checked_in" => self.checked_in(step, &id, &performance, is_live),
            "ticket_used_again" => {
                findings.check(ticket.entries > 0, Invariant::TurnedAwayRightly, || {
                    format!("{}: {id} is used again, and never was", at(step))
                });
            }
            _ => (),
        }
    }

    fn order_of(&self, ticket: &str) -> Option<(&Order, bool)> {
        let (order, number) = ticket.rsplit_once('.')?;
        let order = self.orders.get(order)?;
        let number: u16 = number.parse().ok()?;
        let exists = (1..=order.places.count()).contains(&number.into());
        let is_live = order.state == OrderState::Confirmed && exists && !order.is_back(number);
        Some((order, is_live))
    }

    fn transferred(&mut self, step: &Step, id: &str, buyer: &str, outcome: &Value, is_live: bool) {
        let Some(ticket) = self.tickets.of.get_mut(id) else { return };
        let offer = ticket.offer.take();
        let accepted = offer
            .as_ref()
            .is_some_and(|offer| offer.transfer == outcome["transfer"] && offer.to == step.account);
        let counts = outcome["generation"] == ticket.generation + 1;
        self.findings.check(accepted && counts && is_live, Invariant::TicketHasOneHolder, || {
            format!("{}: {} takes {id}, offered as {offer:?}", at(step), step.account)
        });
        ticket.generation += 1;
        let before = ticket.holder.replace(step.account.clone());
        self.tickets.transferred += 1;
        if let Some(house) = self.houses.get_mut(&text(outcome, "performance")) {
            house.count_out(before.as_deref().unwrap_or(buyer), 1);
            house.count_in(step, &step.account, 1, &mut self.findings);
        }
    }

    fn checked_in(&mut self, step: &Step, id: &str, performance: &str, is_live: bool) {
        let Some(ticket) = self.tickets.of.get_mut(id) else { return };
        ticket.entries += 1;
        ticket.offer = None;
        let here = step.intent["performance"] == performance;
        let once = ticket.entries == 1 && is_live && here;
        self.findings.check(once, Invariant::TicketAdmitsOnce, || {
            format!("{}: {id} admits, live: {is_live}, {ticket:?}", at(step))
        });
        let code = &step.intent["generation"];
        let latest = *code == ticket.generation;
        self.findings.check(latest, Invariant::TicketByLatestCode, || {
            format!("{}: {id} admits by code {code}: {ticket:?}", at(step))
        });
        *self.tickets.admitted.entry(performance.to_owned()).or_default() += 1;
    }

    /// Nobody is turned away at the door who has a live ticket, its latest code and has not come in.
    pub(super) fn turned_away(&mut self, step: &Step, code: &str) {
        if step.intent["type"] != "check_in" {
            return;
        }
        let id = text(&step.intent, "ticket");
        let Some((_, is_live)) = self.order_of(&id) else { return };
        let ticket = self.tickets.of.get(&id);
        let generation = ticket.map_or(0, |ticket| ticket.generation);
        let right = match code {
            "ticket_void" => !is_live,
            "ticket_replaced" => step.intent["generation"].as_u64() != Some(generation),
            "ticket_already_used" => ticket.is_some_and(|ticket| ticket.entries > 0),
            _ => false,
        };
        self.findings.check(right, Invariant::TurnedAwayRightly, || {
            format!("{}: {code} for {id}, live: {is_live}, {ticket:?}", at(step))
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model::tests::model_with_one_sale;
    use super::*;

    const TICKET: &str = "o.1";

    /// Alice has one ticket, which may change hands once.
    fn model() -> Model {
        let mut model = model_with_one_sale("o");
        let rules = json!({"type": "ticket_rules_set", "performance": "p",
            "rules": {"transfers_max": 1}});
        say(&mut model, "promoter", &Value::Null, &[rules]);
        model
    }

    fn say(model: &mut Model, account: &str, intent: &Value, outcomes: &[Value]) {
        let (account, intent) = (account.to_owned(), intent.clone());
        let outcomes = outcomes.to_vec();
        model.fold(&Step { now_ms: 2_000, account, intent, outcomes, ..Step::default() });
    }

    fn about(kind: &str) -> Value {
        json!({"type": kind, "ticket": TICKET, "performance": "p", "transfer": "t",
            "generation": 1, "lapses_at": "1970-01-01T00:00:09Z"})
    }

    fn offer(model: &mut Model, from: &str) {
        say(model, from, &json!({"to": "bob"}), &[about("ticket_offered")]);
    }

    fn accept(model: &mut Model, account: &str) {
        say(model, account, &Value::Null, &[about("ticket_transferred")]);
    }

    fn check_in(model: &mut Model, generation: u64, outcome: &Value) {
        let intent = json!({"type": "check_in", "ticket": TICKET, "performance": "p",
            "generation": generation});
        say(model, "gate", &intent, std::slice::from_ref(outcome));
    }

    fn refused(code: &str) -> Value {
        json!({"type": "refused", "code": code})
    }

    #[track_caller]
    fn broken(model: &Model, invariant: Invariant) {
        let broken: Vec<_> = model.findings.iter().map(|(it, _)| it).collect();
        assert_eq!(broken, [invariant], "{:?}", model.findings);
    }

    #[test]
    fn a_ticket_that_changes_hands_and_admits_by_the_rules_is_clean() {
        let mut model = model();
        offer(&mut model, "alice");
        accept(&mut model, "bob");
        check_in(&mut model, 0, &refused("ticket_replaced"));
        check_in(&mut model, 1, &about("ticket_checked_in"));
        check_in(&mut model, 1, &refused("ticket_already_used"));
        say(&mut model, "gate", &Value::Null, &[about("ticket_used_again")]);
        assert!(model.findings.is_clean(), "{:?}", model.findings);
        assert_eq!(model.tickets.received_by(), HashMap::from([("bob", 1)]));
        assert_eq!((model.tickets.admitted("p"), model.tickets.transferred), (1, 1));
    }

    #[test]
    fn a_second_entry_or_one_without_a_live_ticket_is_found() {
        let mut twice = model();
        check_in(&mut twice, 0, &about("ticket_checked_in"));
        check_in(&mut twice, 0, &about("ticket_checked_in"));
        broken(&twice, Invariant::TicketAdmitsOnce);
        let mut void = model();
        let cancelled = json!({"type": "order_cancelled", "order": "o", "reason": "by_buyer"});
        say(&mut void, "alice", &Value::Null, &[cancelled]);
        void.findings = Findings::default();
        check_in(&mut void, 0, &about("ticket_checked_in"));
        broken(&void, Invariant::TicketAdmitsOnce);
    }

    #[test]
    fn an_entry_by_the_code_of_before_is_found() {
        let mut model = model();
        offer(&mut model, "alice");
        accept(&mut model, "bob");
        check_in(&mut model, 0, &about("ticket_checked_in"));
        broken(&model, Invariant::TicketByLatestCode);
    }

    #[test]
    fn whoever_is_turned_away_with_a_good_ticket_is_found() {
        for code in ["ticket_void", "ticket_replaced", "ticket_already_used", "ticket_unknown"] {
            let mut model = model();
            check_in(&mut model, 0, &refused(code));
            broken(&model, Invariant::TurnedAwayRightly);
        }
    }

    #[test]
    fn a_ticket_that_is_offered_or_taken_by_somebody_else_is_found() {
        let mut offered = model();
        offer(&mut offered, "carol");
        broken(&offered, Invariant::TicketHasOneHolder);
        let mut taken = model();
        offer(&mut taken, "alice");
        accept(&mut taken, "carol");
        broken(&taken, Invariant::TicketHasOneHolder);
        let mut too_often = model();
        offer(&mut too_often, "alice");
        accept(&mut too_often, "bob");
        offer(&mut too_often, "bob");
        broken(&too_often, Invariant::TicketHasOneHolder);
        let mut early = model();
        offer(&mut early, "alice");
        let mut lapsed = about("ticket_offer_ended");
        lapsed["reason"] = json!("lapsed");
        say(&mut early, "", &Value::Null, &[lapsed]);
        broken(&early, Invariant::TicketHasOneHolder);
    }

    #[test]
    fn a_given_ticket_that_its_buyer_gives_back_is_found() {
        let mut model = model();
        offer(&mut model, "alice");
        accept(&mut model, "bob");
        let cancelled = json!({"type": "order_cancelled", "order": "o", "reason": "by_buyer"});
        say(&mut model, "alice", &Value::Null, &[cancelled]);
        broken(&model, Invariant::TicketHasOneHolder);
    }

    #[test]
    fn a_ticket_above_the_limit_of_who_takes_it_is_found() {
        let mut model = model();
        let house = model.houses.get_mut("p").expect("a house");
        house.count_in(&Step::default(), "bob", 4, &mut Findings::default());
        offer(&mut model, "alice");
        accept(&mut model, "bob");
        broken(&model, Invariant::AccountWithinLimit);
    }
}
