//! The audit: what the buyers were told, what the log says, what the provider booked and what
//! the views show must be one story.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::books::{Books, Money};
use super::client::{Client, GaveUp};
use super::coupons::CouponCount;
use super::findings::{Findings, Invariant};
use super::house::{Accounted, House, Owner};
use super::ledger::{Place, Sent, Told};
use super::model::Model;
use super::shop::Shop;
use super::trace::{Asker, Trace};
use super::wallets::PointsCount;
use crate::http::auth::{Names, Role};

/// Buyers whose tickets are looked at through their own eyes.
const BUYERS_ASKED_MAX: u32 = 200;

/// What an audit found out.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// Intents in the log, without ticks and what keys tell each other.
    pub(super) accepted: u64,
    /// Intents that were acknowledged to a buyer or promoter, by their keys.
    pub(super) acknowledged: u64,
    /// Intents that have a reply.
    pub(super) replies: u64,
    /// Refusals by code.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) sold_seats: u64,
    pub(super) double_sold: u64,
    /// Acknowledged intents that are not in the log.
    pub(super) lost: u64,
    pub(super) places: Accounted,
    pub(super) money: Money,
    pub(super) coupons: CouponCount,
    pub(super) points: PointsCount,
    pub(super) findings: Findings,
}

/// Compares everything with everything. The trace must be complete.
pub(super) async fn audit(
    shop: &Shop,
    names: Option<&Names>,
    mut trace: Trace,
    mut model: Model,
    books: &Books,
    sent: &[Sent],
    buyers: u32,
) -> Result<Audit, GaveUp> {
    model.settle(trace.begins());
    let mut audit = Audit {
        findings: std::mem::take(&mut model.findings),
        refused: std::mem::take(&mut model.refused),
        double_sold: model.double_sold,
        places: model.accounted(),
        coupons: model.coupons.count(),
        points: model.wallets.count(&model.orders),
        ..Audit::default()
    };
    audit.findings.absorb(std::mem::take(&mut trace.findings));
    audit.sold_seats = audit.places.sold;
    audit.check_replies(&trace);
    audit.check_sent(&trace, names, sent);
    audit.check_ends(&model);
    audit.money = books.check(&model, &mut audit.findings);
    audit.check_availability(shop, &model).await?;
    audit.check_tickets(shop, names, &model, buyers).await?;
    audit.check_settlements(shop, &model).await?;
    Ok(audit)
}

impl Audit {
    /// One step for each intent, and a reply in each step.
    fn check_replies(&mut self, trace: &Trace) {
        for (place, recorded) in &trace.intents {
            let step = trace.steps.get(place);
            let replied = step.is_some_and(|step| !step.is_empty);
            if recorded.asker == Asker::Nobody {
                continue;
            }
            if recorded.asker == Asker::Somebody {
                self.accepted += 1;
                self.replies += u64::from(replied);
            }
            self.findings.check(replied, Invariant::OneReplyEach, || {
                format!("{} at {place:?} has no reply", recorded.body)
            });
        }
        for _ in 0..trace.second_replies {
            self.findings
                .note(Invariant::OneReplyEach, || "an intent has a second reply".to_owned());
        }
    }

    /// What buyers were told is what the log says.
    fn check_sent(&mut self, trace: &Trace, names: Option<&Names>, sent: &[Sent]) {
        let mut originals: HashMap<(&str, &str), Place> = HashMap::new();
        for intent in sent {
            if !intent.acknowledged.is_empty() {
                self.acknowledged += 1;
            }
            for place in &intent.acknowledged {
                if !self.is_in_log(trace, names, intent, *place) {
                    self.lost += 1;
                    continue;
                }
                let Some(original) = original_of(trace, *place) else { continue };
                self.check_told(trace, intent, original);
                // Signs of life are not remembered by their keys: each is decided.
                if is_heartbeat(intent) {
                    continue;
                }
                let first = originals.entry((&intent.key, &intent.body)).or_insert(original);
                let same = *first == original;
                self.findings.check(same, Invariant::RepeatsAgree, || {
                    format!("key {} was decided at {first:?} and at {original:?}", intent.key)
                });
            }
        }
    }

    /// The intent is where it was acknowledged, unchanged.
    fn is_in_log(
        &mut self,
        trace: &Trace,
        names: Option<&Names>,
        intent: &Sent,
        place: Place,
    ) -> bool {
        let recorded = trace.intents.get(&place);
        let same_key = |names: &Names, key: u128| {
            let account = names.account(&intent.subject);
            names.intent_key(account, &intent.key).to_bytes() == key.to_be_bytes()
        };
        let found = recorded.is_some_and(|recorded| {
            names.is_none_or(|names| same_key(names, recorded.key))
                && says_the_same(&parse(&intent.body), &parse(&recorded.body))
        });
        self.findings.check(found, Invariant::NothingLost, || {
            let instead = recorded.map_or("nothing", |recorded| &recorded.body);
            format!("{place:?}: {} was acknowledged, the log has {instead}", intent.body)
        });
        found
    }

    fn check_told(&mut self, trace: &Trace, intent: &Sent, original: Place) {
        let (Some(reply), Some(step)) = (&intent.reply, trace.steps.get(&original)) else { return };
        let Value::Array(mut decided) = parse(&step.outcomes) else { return };
        // What keys tell each other, and what money was for, is nobody else's business.
        let is_inner = |kind: &Value| kind == "message_sent" || kind == "settlement_posted";
        decided.retain(|outcome| !is_inner(&outcome["type"]));
        let same = match reply {
            Told::Refused(code) => decided
                .first()
                .is_some_and(|outcome| outcome["type"] == "refused" && outcome["code"] == **code),
            Told::Decided(told) => says_the_same(&parse(told), &Value::Array(decided)),
        };
        // A sign of life that was sent again is decided again, perhaps from inside.
        if is_heartbeat(intent) && intent.acknowledged.len() > 1 {
            return;
        }
        self.findings.check(same, Invariant::RepeatsAgree, || {
            format!("{original:?}: the buyer was told {reply:?}, the log says {}", step.outcomes)
        });
    }

    /// Nothing is open when the house is quiet.
    fn check_ends(&mut self, model: &Model) {
        for payment in model.unknown_payments() {
            self.findings.note(Invariant::PaymentsKnown, || payment);
        }
        for open in model.open_ends() {
            self.findings.note(Invariant::HoldsEnd, || open);
        }
    }

    async fn check_availability(&mut self, shop: &Shop, model: &Model) -> Result<(), GaveUp> {
        let subject = format!("rehearsal-{}-auditor", shop.run);
        let Ok(token) = shop.client.token(Role::Buyer, &subject) else { return Ok(()) };
        for (performance, house) in model.houses() {
            let path = format!("/v1/performances/{performance}/availability");
            let seen = shop.client.get(&token, &path).await?;
            self.check_house(shop, house, &seen);
        }
        Ok(())
    }

    fn check_house(&mut self, shop: &Shop, house: &House, seen: &Value) {
        let sections = seen["sections"].as_array().map_or(&[][..], Vec::as_slice);
        let section = |code: &str| sections.iter().find(|section| section["code"] == code);
        let standing = section(house.standing_section()).and_then(|it| it["remaining"].as_u64());
        let expected = u64::from(house.standing_remaining());
        self.findings.check(standing == Some(expected), Invariant::AvailabilityAgrees, || {
            format!("{expected} standing places are left, the map says {standing:?}")
        });
        for row in &shop.venue.rows {
            let rows = section(&row.section).and_then(|section| section["rows"].as_array());
            let seen = rows.and_then(|rows| rows.iter().find(|seen| seen["label"] == row.label));
            let letters = seen.and_then(|row| row["seats"].as_str()).unwrap_or_default();
            let expected: String =
                (0..row.seats).map(|index| letter(house, &row.label_of(index))).collect();
            self.findings.check(letters == expected, Invariant::AvailabilityAgrees, || {
                let (section, label) = (&row.section, &row.label);
                format!("{section}-{label}: the log gives {expected}, the map shows {letters}")
            });
        }
    }

    /// Finance looks at the settlement of every performance.
    async fn check_settlements(&mut self, shop: &Shop, model: &Model) -> Result<(), GaveUp> {
        let subject = format!("rehearsal-{}-finance", shop.run);
        let Ok(token) = shop.client.token(Role::Operator, &subject) else { return Ok(()) };
        for (performance, _) in model.houses() {
            let path = format!("/v1/settlements?performance={performance}&limit=1");
            let shown = shop.client.get(&token, &path).await?;
            model.settlements.check_shown(performance, &shown, &mut self.findings);
        }
        Ok(())
    }

    /// Some buyers look at their tickets.
    async fn check_tickets(
        &mut self,
        shop: &Shop,
        names: Option<&Names>,
        model: &Model,
        buyers: u32,
    ) -> Result<(), GaveUp> {
        let Some(names) = names else { return Ok(()) };
        let mut tickets_of: HashMap<&str, u64> = HashMap::new();
        for order in model.orders.values() {
            *tickets_of.entry(&order.account).or_default() += u64::from(order.ticket_count());
        }
        let coupons_of = model.coupons.free_of();
        let stride = (buyers / BUYERS_ASKED_MAX).max(1);
        for number in (0..buyers).step_by(stride as usize) {
            let subject = shop.subject(number);
            let Ok(token) = shop.client.token(Role::Buyer, &subject) else { continue };
            let seen = count_tickets(&shop.client, &token).await?;
            let account = names.account(&subject).to_string();
            let expected = tickets_of.get(account.as_str()).copied().unwrap_or(0);
            self.findings.check(seen == expected, Invariant::TicketsAgree, || {
                format!("buyer {number} sees {seen} tickets, the log gave {expected}")
            });
            if shop.extras.points || shop.extras.coupons {
                let seen = wallet(&shop.client, &token).await?;
                let (free, owed) = model.wallets.balance(&account);
                let coupons = coupons_of.get(account.as_str()).copied().unwrap_or(0);
                let expected = (free, owed, coupons);
                self.findings.check(seen == expected, Invariant::WalletsAgree, || {
                    format!("buyer {number} sees {seen:?}, the log gave {expected:?}")
                });
            }
        }
        Ok(())
    }
}

async fn count_tickets(client: &Client, token: &str) -> Result<u64, GaveUp> {
    let page = client.get(token, "/v1/me/tickets").await?;
    Ok(page["tickets"].as_array().map_or(0, Vec::len) as u64)
}

/// Points that can be spent, points that are owed, and how many coupons there are.
async fn wallet(client: &Client, token: &str) -> Result<(i64, i64, u64), GaveUp> {
    let points = client.get(token, "/v1/me/points").await?;
    let of_currency = points["balances"].as_array().into_iter().flatten();
    let (mut free, mut owed) = (0, 0);
    for balance in of_currency {
        free += balance["balance"]["minor"].as_i64().unwrap_or(0);
        owed += balance["owed_minor"].as_i64().unwrap_or(0);
    }
    let coupons = client.get(token, "/v1/me/coupons").await?;
    Ok((free, owed, coupons["coupons"].as_array().map_or(0, Vec::len) as u64))
}

fn is_heartbeat(intent: &Sent) -> bool {
    parse(&intent.body)["type"] == "heartbeat"
}

fn letter(house: &House, seat: &str) -> char {
    match house.owner(seat) {
        Some(Owner::Nobody) => 'f',
        Some(Owner::Hold(_) | Owner::Order(_)) => 'h',
        Some(Owner::Ticket(_)) | None => 's',
    }
}

/// Follows a repetition to the intent whose outcomes stand.
fn original_of(trace: &Trace, place: Place) -> Option<Place> {
    let step = trace.steps.get(&place)?;
    Some(step.repeats.unwrap_or(place))
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What is said and never shown again: secrets, and who is meant by a subject.
const NOT_SHOWN: [&str; 4] = ["payment_key", "seed", "code", "subject"];

/// Whether everything that was said is also in the record. The record may say more: defaults,
/// and what the log adds. A definition is kept under its own name there, what is for one
/// performance under a list of one, an empty list may be left out, and secrets are not shown.
fn says_the_same(said: &Value, recorded: &Value) -> bool {
    match (said, recorded) {
        (Value::Object(said), Value::Object(fields)) => said.iter().all(|(name, value)| {
            let inner = fields.get("definition").and_then(|definition| definition.get(name));
            let listed = || fields.get("performances").filter(|_| name == "performance")?.get(0);
            let omitted =
                NOT_SHOWN.contains(&name.as_str()) || value.as_array().is_some_and(Vec::is_empty);
            let field = fields.get(name).or(inner).or_else(listed);
            field.map_or(omitted, |field| says_the_same(value, field))
        }),
        (Value::Array(said), Value::Array(items)) => {
            said.len() == items.len()
                && said.iter().zip(items).all(|(said, item)| says_the_same(said, item))
        }
        // Times have many spellings, and the log keeps milliseconds.
        (Value::String(said), Value::String(text)) if said != text => {
            let parsed = |text: &str| text.parse::<jiff::Timestamp>().ok();
            let time = |text: &str| parsed(text).map(jiff::Timestamp::as_millisecond);
            time(said).is_some() && time(said) == time(text)
        }
        _ => said == recorded,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::ledger::Reply;
    use super::super::trace::{Decided, Recorded};
    use super::*;

    const PLACE: Place = Place { partition: 0, offset: 7 };

    fn said() -> Value {
        json!({"type": "place_order", "hold": "1-0-6"})
    }

    /// One intent in the log, with one reply.
    fn trace() -> Trace {
        let mut trace = Trace::new(String::new(), &BTreeMap::from([(0, 1)]));
        let body = said().to_string().into();
        let recorded = Recorded { asker: Asker::Somebody, key: 0, body };
        trace.intents.insert(PLACE, recorded);
        let outcomes = json!([{"type": "order_placed", "order": "1-0-7"}]).to_string().into();
        trace.steps.insert(PLACE, Decided { outcomes, repeats: None, is_empty: false });
        trace
    }

    fn sent(place: Place, order: &str) -> Sent {
        Sent {
            subject: "alice".into(),
            key: "k".into(),
            body: said().to_string().into(),
            acknowledged: vec![place],
            reply: Some(Told::from(&Reply::Decided(vec![
                json!({"type": "order_placed", "order": order}),
            ]))),
        }
    }

    fn audit(trace: &Trace, sent: &[Sent]) -> Audit {
        let mut audit = Audit::default();
        audit.check_replies(trace);
        audit.check_sent(trace, None, sent);
        audit
    }

    #[test]
    fn an_intent_that_is_where_it_was_acknowledged_is_clean() {
        let audit = audit(&trace(), &[sent(PLACE, "1-0-7")]);
        assert!(audit.findings.is_clean(), "{:?}", audit.findings);
        assert_eq!((audit.accepted, audit.replies, audit.lost), (1, 1, 0));
    }

    #[test]
    fn a_lost_intent_is_found() {
        let audit = audit(&trace(), &[sent(Place { offset: 8, ..PLACE }, "1-0-8")]);
        assert_eq!(audit.lost, 1);
        assert!(audit.findings.of(Invariant::NothingLost).is_some());
    }

    #[test]
    fn a_reply_that_the_log_does_not_know_is_found() {
        let audit = audit(&trace(), &[sent(PLACE, "1-0-9")]);
        assert!(audit.findings.of(Invariant::RepeatsAgree).is_some());
    }

    #[test]
    fn an_intent_without_a_reply_is_found() {
        let mut trace = trace();
        trace.steps.clear();
        let audit = audit(&trace, &[]);
        assert_eq!((audit.accepted, audit.replies), (1, 0));
        assert!(audit.findings.of(Invariant::OneReplyEach).is_some());
    }

    #[test]
    fn a_key_that_was_decided_twice_is_found() {
        let mut trace = trace();
        let second = Place { offset: 8, ..PLACE };
        let body = said().to_string().into();
        let recorded = Recorded { asker: Asker::Somebody, key: 0, body };
        trace.intents.insert(second, recorded);
        let outcomes = json!([{"type": "order_placed", "order": "1-0-7"}]).to_string().into();
        trace.steps.insert(second, Decided { outcomes, repeats: None, is_empty: false });
        let audit = audit(&trace, &[sent(PLACE, "1-0-7"), sent(second, "1-0-7")]);
        assert!(audit.findings.of(Invariant::RepeatsAgree).is_some());
    }

    #[test]
    fn a_record_may_say_more_but_nothing_else() {
        let said = json!({"type": "hold_seats", "seats": ["A-1-1"]});
        let more = json!({"type": "hold_seats", "seats": ["A-1-1"], "performance": "p"});
        let other = json!({"type": "hold_seats", "seats": ["A-1-2"]});
        assert!(says_the_same(&said, &more));
        assert!(!says_the_same(&said, &other));
        assert!(!says_the_same(&said, &Value::Null));
    }

    #[test]
    fn a_record_shows_no_secrets_and_lists_what_it_is_for() {
        let said = json!({"definition": {"performance": "p", "code": null, "quantity": 3}});
        let record = |performance: &str| json!({"definition": {"performances": [performance], "quantity": 3}});
        assert!(says_the_same(&said, &record("p")));
        assert!(!says_the_same(&said, &record("q")));
        assert!(says_the_same(&json!({"seed": "07"}), &json!({})));
        assert!(!says_the_same(&json!({"quantity": 3}), &json!({})));
    }

    #[test]
    fn signs_of_life_are_each_decided_and_messages_are_not_told() {
        let mut trace = trace();
        let mut beat = sent(PLACE, "1-0-7");
        beat.body = json!({"type": "heartbeat"}).to_string().into();
        let second = Place { offset: 8, ..PLACE };
        for place in [PLACE, second] {
            let recorded = Recorded { asker: Asker::Somebody, key: 0, body: beat.body.clone() };
            trace.intents.insert(place, recorded);
        }
        let outcomes =
            json!([{"type": "order_placed", "order": "1-0-7"}, {"type": "message_sent"}]);
        let outcomes: Box<str> = outcomes.to_string().into();
        trace.steps.insert(second, Decided { outcomes, repeats: None, is_empty: false });
        let mut again = beat.clone();
        again.acknowledged = vec![second];
        assert!(audit(&trace, &[beat.clone(), again.clone()]).findings.is_clean());
        beat.body = said().to_string().into();
        assert!(!audit(&trace, &[beat, again]).findings.is_clean());
    }
}
