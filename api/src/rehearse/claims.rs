//! What buyers were told against what the log says: matched as both come in, and then forgotten.
//!
//! A crowd is told millions of things. Text is kept only while one side has said something that
//! the other has not said yet; of what was matched two hashes stay, which is enough to judge a
//! repetition. Knows nothing of what an intent means.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::ledger::{Place, Sent, Told};
use super::trace::{Decided, Trace};
use crate::http::auth::Names;

/// What was acknowledged, as far as it was compared with the log.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Acknowledged at places that were not read yet.
    early: Vec<Sent>,
    matched: HashMap<Place, Matched>,
    /// Where an intent was decided first, by the hash of what was sent.
    first: HashMap<u64, Place>,
    /// Intents that were acknowledged, by their keys.
    pub(super) acknowledged: u64,
    /// Acknowledged intents that are not in the log.
    pub(super) lost: u64,
    pub(super) findings: Findings,
}

/// An intent that was found in the log as it was sent, with the reply that the log has.
#[derive(Clone, Copy, Debug)]
struct Matched {
    sent: u64,
    told: u64,
}

impl Claims {
    /// Compares what was sent with what was read; what the log was not read for yet waits.
    pub(super) fn take(&mut self, sent: Vec<Sent>, trace: &mut Trace, names: Option<&Names>) {
        let waited = std::mem::take(&mut self.early);
        self.acknowledged +=
            sent.iter().filter(|intent| !intent.acknowledged.is_empty()).count() as u64;
        for intent in waited.into_iter().chain(sent) {
            if intent.acknowledged.iter().all(|place| trace.has_read(*place)) {
                self.judge(&intent, trace, names);
            } else {
                self.early.push(intent);
            }
        }
    }

    /// Judges what is left. Nothing more will be read.
    pub(super) fn settle(&mut self, trace: &mut Trace, names: Option<&Names>) {
        for intent in std::mem::take(&mut self.early) {
            self.judge(&intent, trace, names);
        }
    }

    fn judge(&mut self, intent: &Sent, trace: &mut Trace, names: Option<&Names>) {
        let sent = hash_of(&(&intent.subject, &intent.key, &intent.body));
        for place in &intent.acknowledged {
            // It may have been accepted in one partition, and decided in another.
            let place = trace.decided_at(*place);
            if let Some(matched) = self.matched.get(&place).copied() {
                self.judge_again(intent, sent, place, matched);
                continue;
            }
            let Some(decided) = trace.told.get(&place) else {
                self.lose(intent, place, "nothing");
                continue;
            };
            if !is_as_sent(decided, names, intent) {
                let instead = decided.body.clone();
                self.lose(intent, place, &instead);
                continue;
            }
            self.findings.held(Invariant::NothingLost, 1);
            self.check_told(trace, intent, place, decided.repeats);
            self.check_first(intent, sent, decided.repeats.unwrap_or(place));
            if let Some(reply) = &intent.reply {
                trace.told.remove(&place);
                self.matched.insert(place, Matched { sent, told: hash_of(reply) });
            }
        }
    }

    /// A place that was matched is acknowledged again: for the same intent, with the same reply.
    fn judge_again(&mut self, intent: &Sent, sent: u64, place: Place, matched: Matched) {
        if sent != matched.sent {
            return self.lose(intent, place, "another intent");
        }
        self.findings.held(Invariant::NothingLost, 1);
        let same = intent.reply.as_ref().is_none_or(|reply| hash_of(reply) == matched.told);
        self.findings.check(same || is_heartbeat(intent), Invariant::RepeatsAgree, || {
            format!("{place:?}: the buyer was told {:?}, and something else before", intent.reply)
        });
    }

    fn lose(&mut self, intent: &Sent, place: Place, instead: &str) {
        self.lost += 1;
        self.findings.note(Invariant::NothingLost, || {
            format!("{place:?}: {} was acknowledged, the log has {instead}", intent.body)
        });
    }

    /// The reply is what the log says of the intent, or of the one that it repeats.
    fn check_told(&mut self, trace: &Trace, intent: &Sent, place: Place, repeats: Option<Place>) {
        let Some(reply) = &intent.reply else { return };
        // A sign of life that was sent again is decided again, perhaps from inside.
        if is_heartbeat(intent) && intent.acknowledged.len() > 1 {
            return;
        }
        let original = repeats.unwrap_or(place);
        let matched = self.matched.get(&original);
        let decided = trace.told.get(&original);
        let same = match (matched, decided) {
            (Some(matched), _) => matched.told == hash_of(reply),
            (None, Some(decided)) => is_reply(reply, &decided.outcomes),
            (None, None) => false,
        };
        self.findings.check(same, Invariant::RepeatsAgree, || {
            let said = decided.map_or("something else", |decided| &decided.outcomes);
            format!("{original:?}: the buyer was told {reply:?}, the log says {said}")
        });
    }

    /// One key is decided once. Signs of life are not remembered by their keys: each is decided.
    fn check_first(&mut self, intent: &Sent, sent: u64, original: Place) {
        if is_heartbeat(intent) {
            return;
        }
        let first = *self.first.entry(sent).or_insert(original);
        self.findings.check(first == original, Invariant::RepeatsAgree, || {
            format!("key {} was decided at {first:?} and at {original:?}", intent.key)
        });
    }
}

fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// The intent is where it was acknowledged, unchanged.
fn is_as_sent(decided: &Decided, names: Option<&Names>, intent: &Sent) -> bool {
    let same_key = |names: &Names| {
        let account = names.account(&intent.subject);
        names.intent_key(account, &intent.key).to_bytes() == decided.key.to_be_bytes()
    };
    names.is_none_or(same_key) && says_the_same(&parse(&intent.body), &parse(&decided.body))
}

fn is_reply(reply: &Told, outcomes: &str) -> bool {
    let Value::Array(mut decided) = parse(outcomes) else { return false };
    // What keys and partitions tell each other, and what money was for, is nobody else's business.
    let inner = ["message_sent", "settlement_posted", "post_received"];
    decided.retain(|outcome| !inner.iter().any(|kind| outcome["type"] == *kind));
    match reply {
        Told::Refused(code) => decided
            .first()
            .is_some_and(|outcome| outcome["type"] == "refused" && outcome["code"] == **code),
        Told::Decided(told) => says_the_same(&parse(told), &Value::Array(decided)),
    }
}

fn is_heartbeat(intent: &Sent) -> bool {
    parse(&intent.body)["type"] == "heartbeat"
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
    use super::*;

    const PLACE: Place = Place { partition: 0, offset: 7 };
    const SECOND: Place = Place { offset: 8, ..PLACE };

    fn said() -> Value {
        json!({"type": "place_order", "hold": "1-0-6"})
    }

    fn placed(order: &str) -> Value {
        json!([{"type": "order_placed", "order": order}])
    }

    fn decided(body: &Value, outcomes: &Value, repeats: Option<Place>) -> Decided {
        let (body, outcomes) = (body.to_string().into(), outcomes.to_string().into());
        Decided { key: 0, body, outcomes, repeats }
    }

    /// One intent in the log, with one reply.
    fn trace() -> Trace {
        let mut trace = Trace::new(String::new(), &BTreeMap::from([(0, 9)]));
        trace.told.insert(PLACE, decided(&said(), &placed("1-0-7"), None));
        trace
    }

    fn sent(place: Place, order: &str) -> Sent {
        let Value::Array(outcomes) = placed(order) else { panic!("a list") };
        Sent {
            subject: "alice".into(),
            key: "k".into(),
            body: said().to_string().into(),
            acknowledged: vec![place],
            reply: Some(Told::from(&Reply::Decided(outcomes))),
        }
    }

    /// What is found when these come in one after the other.
    fn claims(mut trace: Trace, sent: &[Sent]) -> Claims {
        let mut claims = Claims::default();
        for intent in sent {
            claims.take(vec![intent.clone()], &mut trace, None);
        }
        claims.settle(&mut trace, None);
        claims
    }

    #[track_caller]
    fn broken(claims: &Claims, invariant: Invariant) {
        let broken: Vec<_> = claims.findings.iter().map(|(it, _)| it).collect();
        assert_eq!(broken, [invariant], "{:?}", claims.findings);
    }

    #[test]
    fn an_intent_that_is_where_it_was_acknowledged_is_clean_and_forgotten() {
        let mut trace = trace();
        let mut claims = Claims::default();
        claims.take(vec![sent(PLACE, "1-0-7")], &mut trace, None);
        assert!(claims.findings.is_clean(), "{:?}", claims.findings);
        assert_eq!((claims.acknowledged, claims.lost, trace.told.len()), (1, 0, 0));
    }

    #[test]
    fn what_was_not_read_yet_waits() {
        let mut trace = trace();
        let mut claims = Claims::default();
        let beyond = Place { offset: 9, ..PLACE };
        claims.take(vec![sent(beyond, "1-0-7")], &mut trace, None);
        assert!(claims.findings.is_clean());
        claims.settle(&mut trace, None);
        broken(&claims, Invariant::NothingLost);
    }

    #[test]
    fn a_lost_or_changed_intent_is_found() {
        let lost = claims(trace(), &[sent(SECOND, "1-0-7")]);
        assert_eq!(lost.lost, 1);
        broken(&lost, Invariant::NothingLost);
        let mut changed = sent(PLACE, "1-0-7");
        changed.body = json!({"type": "place_order", "hold": "1-0-5"}).to_string().into();
        broken(&claims(trace(), &[changed.clone()]), Invariant::NothingLost);
        broken(&claims(trace(), &[sent(PLACE, "1-0-7"), changed]), Invariant::NothingLost);
    }

    #[test]
    fn a_reply_that_the_log_does_not_know_is_found() {
        broken(&claims(trace(), &[sent(PLACE, "1-0-9")]), Invariant::RepeatsAgree);
        let second = [sent(PLACE, "1-0-7"), sent(PLACE, "1-0-9")];
        broken(&claims(trace(), &second), Invariant::RepeatsAgree);
    }

    #[test]
    fn a_repetition_has_the_reply_of_the_original() {
        let repeated = || {
            let mut trace = trace();
            let outcomes = json!([{"type": "repeated", "original": "1-0-7"}]);
            trace.told.insert(SECOND, decided(&said(), &outcomes, Some(PLACE)));
            trace
        };
        let (first, again) = (sent(PLACE, "1-0-7"), sent(SECOND, "1-0-7"));
        assert!(claims(repeated(), &[first.clone(), again.clone()]).findings.is_clean());
        assert!(claims(repeated(), &[again.clone(), first.clone()]).findings.is_clean());
        broken(&claims(repeated(), &[first, sent(SECOND, "1-0-9")]), Invariant::RepeatsAgree);
        broken(&claims(repeated(), &[sent(SECOND, "1-0-9")]), Invariant::RepeatsAgree);
    }

    #[test]
    fn a_key_that_was_decided_twice_is_found() {
        let mut trace = trace();
        trace.told.insert(SECOND, decided(&said(), &placed("1-0-7"), None));
        let claims = claims(trace, &[sent(PLACE, "1-0-7"), sent(SECOND, "1-0-7")]);
        broken(&claims, Invariant::RepeatsAgree);
    }

    #[test]
    fn signs_of_life_are_each_decided_and_messages_are_not_told() {
        let beat = json!({"type": "heartbeat"});
        let outcomes =
            json!([{"type": "order_placed", "order": "1-0-7"}, {"type": "message_sent"}]);
        let mut trace = trace();
        trace.told.insert(PLACE, decided(&beat, &placed("1-0-7"), None));
        trace.told.insert(SECOND, decided(&beat, &outcomes, None));
        let beats = [PLACE, SECOND].map(|place| {
            let body = beat.to_string().into();
            Sent { body, ..sent(place, "1-0-7") }
        });
        assert!(claims(trace, &beats).findings.is_clean());
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
}
