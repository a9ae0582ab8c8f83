//! The log of a rehearsal, read over HTTP as any consumer may read it.
//!
//! Follows both topics of the partitions that carry something of the rehearsal, checks that
//! offsets are dense, that time goes on and that every intent has one reply, and gives the model
//! each step together with its intent. What somebody is told is kept until it is matched with
//! what they say. Decides nothing itself.
//!
//! Slots move while it reads, to partitions that were not there before. What one partition posts to
//! another is received after it was posted, so the steps of a slot come in their order, and an
//! intent that was sent on gets its reply from where it was decided.

use std::collections::{BTreeMap, HashMap, VecDeque};

use reqwest::StatusCode;
use serde_json::Value;

use super::client::{Client, GaveUp};
use super::findings::{Findings, Invariant};
use super::ledger::Place;
use super::model::{Model, Step, millis, text as text_of};
use super::post;
use super::posts::Posts;
use super::slots::Slots;

/// Records of one page.
const PAGE_RECORDS: usize = 1_000;

/// An intent that was read before its step.
#[derive(Debug, Default)]
struct Asked {
    asker: Asker,
    key: u128,
    is_told: bool,
    intent: Value,
}

/// An intent and its step as the log has them.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) key: u128,
    /// The intent's body, as JSON text.
    pub(super) body: Box<str>,
    /// The outcomes, as JSON text.
    pub(super) outcomes: Box<str>,
    /// The place of the intent whose outcomes stand, when this one repeats it.
    pub(super) repeats: Option<Place>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asker {
    /// The clock, or nobody: there may be nothing to say.
    #[default]
    Nobody,
    /// Another key, or another partition.
    Key,
    /// A person, or the payment provider.
    Somebody,
}

impl Asker {
    fn of(intent: &Value) -> Self {
        match kind(intent) {
            "" | "tick" => Self::Nobody,
            "deliver" | FORWARDED | "bring_slots" | "move_slots" => Self::Key,
            _ => Self::Somebody,
        }
    }
}

/// The type of an intent that comes from another partition, and of the outcome that sends it on.
const FORWARDED: &str = "forwarded";

/// Both topics, as far as they were read.
#[derive(Debug)]
pub(super) struct Trace {
    token: String,
    begins: BTreeMap<u16, u64>,
    next_intent: BTreeMap<u16, u64>,
    next_step: BTreeMap<u16, u64>,
    /// Up to which intent of each partition the steps were read.
    decided_to: BTreeMap<u16, u64>,
    /// The time of the last step of each partition.
    now_ms: BTreeMap<u16, i64>,
    /// Intents whose steps were not read yet.
    undecided: HashMap<Place, Asked>,
    /// Steps that were read and not taken: the first one receives what was not read yet.
    waiting: BTreeMap<u16, VecDeque<Value>>,
    /// Intents that were sent on, by the places where they were accepted.
    sent_on: HashMap<Place, Asked>,
    /// Where those were decided that have a reply.
    answered_at: HashMap<Place, Place>,
    slots: Slots,
    posts: Posts,
    /// What accounts were told, until somebody says so.
    pub(super) told: HashMap<Place, Decided>,
    /// Intents of people and of the provider.
    pub(super) accepted: u64,
    /// Those of them that have a reply.
    pub(super) replies: u64,
    pub(super) findings: Findings,
}

impl Trace {
    /// Reads each of these partitions from its offset on.
    pub(super) fn new(token: String, from: &BTreeMap<u16, u64>) -> Self {
        Self {
            token,
            begins: from.clone(),
            next_intent: from.clone(),
            next_step: from.clone(),
            decided_to: from.clone(),
            now_ms: BTreeMap::new(),
            undecided: HashMap::new(),
            waiting: BTreeMap::new(),
            sent_on: HashMap::new(),
            answered_at: HashMap::new(),
            slots: Slots::default(),
            posts: Posts::default(),
            told: HashMap::new(),
            accepted: 0,
            replies: 0,
            findings: Findings::default(),
        }
    }

    /// The operator's token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The first offset that was read of each partition.
    pub(super) fn begins(&self) -> &BTreeMap<u16, u64> {
        &self.begins
    }

    /// Whether the intent at a place was read, and what was decided, wherever that was.
    pub(super) fn has_read(&self, place: Place) -> bool {
        self.has_taken(place) && !self.sent_on.contains_key(&place)
    }

    /// Where the intent was decided that was accepted at a place.
    pub(super) fn decided_at(&self, place: Place) -> Place {
        self.answered_at.get(&place).copied().unwrap_or(place)
    }

    fn has_taken(&self, place: Place) -> bool {
        self.decided_to.get(&place.partition).is_some_and(|end| place.offset < *end)
    }

    /// Judges what is left open. Nothing more will be read.
    pub(super) fn settle(&mut self) {
        let open = std::mem::take(&mut self.undecided).into_iter();
        for (place, asked) in open.chain(std::mem::take(&mut self.sent_on)) {
            self.count_reply(place, &asked, false);
        }
        self.posts.settle(&mut self.findings);
        for (partition, steps) in &self.waiting {
            let Some(first) = steps.front() else { continue };
            self.findings.note(Invariant::PostsReceivedOnce, || {
                format!("outcomes/{partition}: received is what was never posted: {first}")
            });
        }
    }

    /// Reads up to the present end, and folds the new steps into the model.
    pub(super) async fn advance(
        &mut self,
        client: &Client,
        model: &mut Model,
    ) -> Result<(), GaveUp> {
        // What one partition waits for may have come in another, or in one that is new.
        let mut is_over = false;
        while !is_over {
            is_over = true;
            let partitions: Vec<u16> = self.next_intent.keys().copied().collect();
            for partition in partitions {
                let before = self.next_step[&partition] - self.waiting_in(partition);
                self.advance_in(client, partition, model).await?;
                is_over &= self.next_step[&partition] - self.waiting_in(partition) == before;
            }
        }
        Ok(())
    }

    /// Reads one partition up to its end, or up to a step that must wait.
    async fn advance_in(
        &mut self,
        client: &Client,
        partition: u16,
        model: &mut Model,
    ) -> Result<(), GaveUp> {
        self.take_waiting(partition, model);
        while self.waiting_in(partition) == 0
            && let Some(page) = self.page(client, "outcomes", partition).await?
        {
            // A page of either topic at a time: so few intents wait for their steps.
            let last = page.last().and_then(|record| record["input"].as_u64());
            self.read_intents(client, partition, last.unwrap_or(0)).await?;
            self.waiting.insert(partition, page.into());
            self.take_waiting(partition, model);
        }
        self.read_intents(client, partition, u64::MAX).await
    }

    fn waiting_in(&self, partition: u16) -> u64 {
        self.waiting.get(&partition).map_or(0, |steps| steps.len() as u64)
    }

    /// Takes the steps that were read of a partition, up to one that must wait.
    fn take_waiting(&mut self, partition: u16, model: &mut Model) {
        while let Some(first) = self.waiting.get(&partition).and_then(VecDeque::front) {
            if !self.may_follow(first) {
                return;
            }
            let record = self.waiting.get_mut(&partition).and_then(VecDeque::pop_front);
            self.take_step(partition, &mut record.unwrap_or_default(), model);
        }
    }

    /// Whether everything was taken that a step receives from other partitions. Slots arrive with
    /// a post, which was posted after they had left.
    fn may_follow(&self, record: &Value) -> bool {
        let outcomes = record["outcomes"].as_array().into_iter().flatten();
        let received = outcomes.filter(|outcome| outcome["type"] == "post_received");
        let mut posted = received.filter_map(|it| post::place_of(it["from"].as_str()?));
        posted.all(|place| self.has_taken(place))
    }

    /// Reads the intents up to this offset, as far as there are any.
    async fn read_intents(
        &mut self,
        client: &Client,
        partition: u16,
        to: u64,
    ) -> Result<(), GaveUp> {
        while self.next_intent[&partition] <= to {
            let Some(page) = self.page(client, "intents", partition).await? else { break };
            for record in page {
                self.take_intent(partition, record);
            }
        }
        Ok(())
    }

    /// How many intents were read whose steps were not taken, or whose replies come from elsewhere.
    pub(super) fn undecided(&self) -> u64 {
        let beyond = self.next_intent.iter().map(|(partition, end)| {
            let taken = self.next_step[partition] - self.waiting_in(*partition);
            end.saturating_sub(taken)
        });
        beyond.sum::<u64>() + self.sent_on.len() as u64
    }

    /// Follows a partition that is new.
    fn follow(&mut self, partition: u16) {
        if self.begins.contains_key(&partition) {
            return;
        }
        for offsets in
            [&mut self.begins, &mut self.next_intent, &mut self.next_step, &mut self.decided_to]
        {
            offsets.insert(partition, 0);
        }
    }

    async fn page(
        &mut self,
        client: &Client,
        topic: &str,
        partition: u16,
    ) -> Result<Option<Vec<Value>>, GaveUp> {
        let next = match topic {
            "intents" => &mut self.next_intent,
            _ => &mut self.next_step,
        };
        let Some(next) = next.get_mut(&partition) else { return Ok(None) };
        let path = format!(
            "/v1/topics/{topic}/partitions/{partition}/records?from={next}&limit={PAGE_RECORDS}"
        );
        let mut page = match client.get(&self.token, &path).await {
            // Outcomes that a crash took are published again, up to where they were read before;
            // and a partition that is new may not be known everywhere.
            Err(GaveUp::Unexpected {
                status: StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_FOUND,
                ..
            }) => return Ok(None),
            page => page?,
        };
        let records = match page["records"].take() {
            Value::Array(records) if !records.is_empty() => records,
            _ => return Ok(None),
        };
        for record in &records {
            let offset = record["offset"].as_u64();
            self.findings.check(offset == Some(*next), Invariant::LogIsWhole, || {
                format!("{topic}/{partition}: expected offset {next}, found {offset:?}")
            });
            *next = offset.unwrap_or(*next) + 1;
        }
        Ok(Some(records))
    }

    fn take_intent(&mut self, partition: u16, mut record: Value) {
        let Some(offset) = record["offset"].as_u64() else { return };
        let intent = record["intent"].take();
        let asked = Asked {
            asker: Asker::of(&intent),
            key: number(&record["key"]),
            is_told: is_told(&record),
            intent,
        };
        self.undecided.insert(Place { partition, offset }, asked);
    }

    fn take_step(&mut self, partition: u16, record: &mut Value, model: &mut Model) {
        let Some(offset) = record["offset"].as_u64() else { return };
        let Value::Array(outcomes) = record["outcomes"].take() else { return };
        let now_ms = millis(&record["now"]);
        let before_ms = self.now_ms.insert(partition, now_ms).unwrap_or(i64::MIN);
        self.findings.check(before_ms <= now_ms, Invariant::TimeGoesOn, || {
            format!("outcomes/{partition}@{offset}: from {before_ms} to {now_ms}")
        });
        let input = record["input"].as_u64().unwrap_or(offset);
        let place = Place { partition, offset: input };
        let asked = self.undecided.remove(&place);
        if asked.is_none() {
            self.findings.note(Invariant::OneReplyEach, || {
                format!("the intent at {place:?} has a second reply, or is none")
            });
        }
        self.decided_to.insert(partition, input + 1);
        let asked = asked.unwrap_or_default();
        self.follow_slots(place, (record["intent"].as_str(), kind(&asked.intent)), &outcomes);
        let asked = self.answered(place, asked, &outcomes).unwrap_or_default();
        if asked.is_told {
            let original = outcomes.first().filter(|outcome| outcome["type"] == "repeated");
            let decided = Decided {
                key: asked.key,
                body: asked.intent.to_string().into(),
                repeats: original.and_then(|outcome| place_of(outcome["original"].as_str()?)),
                outcomes: serde_json::to_string(&outcomes).unwrap_or_default().into(),
            };
            self.told.insert(place, decided);
        }
        model.fold(&Step {
            place: (partition, offset),
            input,
            now_ms,
            account: text_of(record, "account"),
            intent: asked.intent,
            outcomes,
        });
    }

    fn follow_slots(&mut self, place: Place, asked: (Option<&str>, &str), outcomes: &[Value]) {
        self.slots.fold(place, asked, outcomes, &mut self.findings);
        self.posts.fold(place, outcomes, &self.begins, &mut self.findings);
        for outcome in outcomes.iter().filter(|outcome| outcome["type"] == "slots_left") {
            if let Some(to) = outcome["to"].as_u64().and_then(|to| u16::try_from(to).ok()) {
                self.follow(to);
            }
        }
    }

    /// The intent that a step answers; `None` when it is sent on, and answered elsewhere.
    fn answered(&mut self, place: Place, asked: Asked, outcomes: &[Value]) -> Option<Asked> {
        let kind = kind(&asked.intent);
        let goes_on = outcomes.first().is_some_and(|it| it["type"] == FORWARDED);
        if goes_on && kind != FORWARDED && asked.asker != Asker::Nobody {
            self.sent_on.insert(place, asked);
            return None;
        }
        self.count_reply(place, &asked, !outcomes.is_empty());
        let received = outcomes.last().filter(|it| it["type"] == "post_received");
        let Some(origin) = received.and_then(|it| place_of(it["origin"].as_str()?)) else {
            return Some(asked);
        };
        if goes_on {
            return None;
        }
        let accepted = self.sent_on.remove(&origin);
        let was_read = self.begins.get(&origin.partition).is_some_and(|it| origin.offset >= *it);
        let once = accepted.is_some() || !was_read;
        self.findings.check(once, Invariant::DecidedInOnePartition, || {
            format!("the intent of {origin:?} is decided at {place:?}, and elsewhere")
        });
        let accepted = accepted?;
        self.answered_at.insert(origin, place);
        self.count_reply(origin, &accepted, outcomes.len() > 1);
        Some(accepted)
    }

    /// The clock may have nothing to say; everybody else gets a reply.
    fn count_reply(&mut self, place: Place, asked: &Asked, replied: bool) {
        if asked.asker == Asker::Nobody {
            return;
        }
        if asked.asker == Asker::Somebody {
            self.accepted += 1;
            self.replies += u64::from(replied);
        }
        self.findings.check(replied, Invariant::OneReplyEach, || {
            format!("{} at {place:?} has no reply", asked.intent)
        });
    }
}

/// The type of an intent.
fn kind(intent: &Value) -> &str {
    intent["type"].as_str().unwrap_or_default()
}

/// Whether an account is told what became of it: the clock, the keys and the provider have none.
fn is_told(record: &Value) -> bool {
    number(&record["account"]) != 0
}

/// The number of an account or a key: its digits in groups, as those of a UUID are.
fn number(id: &Value) -> u128 {
    let digits = id.as_str().unwrap_or_default().replace('-', "");
    u128::from_str_radix(&digits, 16).unwrap_or(0)
}

/// The place in an intent's name, `slot-partition-offset`.
fn place_of(id: &str) -> Option<Place> {
    let mut parts = id.split('-').skip(1);
    let partition = parts.next()?.parse().ok()?;
    Some(Place { partition, offset: parts.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::venue::{Shape, Venue};
    use super::*;

    fn trace() -> (Trace, Model) {
        let trace = Trace::new(String::new(), &BTreeMap::from([(0, 1)]));
        (trace, Model::new(&Venue::of(Shape::Hall), &[]))
    }

    #[test]
    fn a_step_before_its_time_is_found_and_gets_its_intent() {
        let (mut trace, mut model) = trace();
        for (offset, now) in [(1, "1970-01-01T00:00:02Z"), (2, "1970-01-01T00:00:01Z")] {
            let intent = json!({"type": "tick"});
            trace.take_intent(0, json!({"offset": offset, "key": "0a", "intent": intent}));
            let mut step = json!({"offset": offset, "input": offset, "now": now, "outcomes": []});
            trace.take_step(0, &mut step, &mut model);
        }
        assert!(trace.undecided.is_empty() && trace.told.is_empty());
        let finding = trace.findings.of(Invariant::TimeGoesOn).expect("a finding");
        assert_eq!((finding.checked, finding.count), (2, 1));
    }

    /// Somebody opens a sale.
    fn ask(trace: &mut Trace, offset: u64) {
        let intent = json!({"type": "open_sale"});
        trace.take_intent(0, json!({"offset": offset, "account": "1", "intent": intent}));
    }

    fn reply(trace: &mut Trace, model: &mut Model, offset: u64, outcomes: Value) {
        let mut step = json!({"offset": offset, "input": offset, "outcomes": outcomes});
        trace.take_step(0, &mut step, model);
    }

    #[test]
    fn an_intent_without_a_reply_or_with_two_is_found() {
        let replies: [&[Value]; 4] =
            [&[], &[json!([])], &[json!([{}])], &[json!([{}]), json!([{}])]];
        for (replies, is_clean) in replies.into_iter().zip([false, false, true, false]) {
            let (mut trace, mut model) = trace();
            ask(&mut trace, 1);
            for outcomes in replies {
                reply(&mut trace, &mut model, 1, outcomes.clone());
            }
            trace.settle();
            assert_eq!(trace.findings.of(Invariant::OneReplyEach).is_none(), is_clean);
            assert_eq!(trace.accepted, 1);
        }
    }

    /// A trace of two partitions, in the first of which an intent is sent on.
    struct Scene {
        trace: Trace,
        model: Model,
    }

    const ACCEPTED: Place = Place { partition: 0, offset: 1 };
    const DECIDED: Place = Place { partition: 1, offset: 1 };

    impl Scene {
        fn new() -> Self {
            let (mut trace, model) = trace();
            trace.follow(1);
            let mut scene = Self { trace, model };
            ask(&mut scene.trace, 1);
            scene.step(ACCEPTED, json!([{"type": "forwarded", "to": 1}]));
            scene
        }

        /// A step is read, and taken if it may be.
        fn step(&mut self, at: Place, outcomes: Value) {
            let step = json!({"offset": at.offset, "input": at.offset, "outcomes": outcomes});
            self.trace.waiting.entry(at.partition).or_default().push_back(step);
            self.trace.take_waiting(at.partition, &mut self.model);
        }

        /// What was sent on is decided.
        fn decide(&mut self, at: Place, from: &str) {
            let intent = json!({"type": "forwarded", "from": from, "origin": "7-0-1"});
            self.trace.take_intent(at.partition, json!({"offset": at.offset, "intent": intent}));
            let received = json!({"type": "post_received", "from": from, "origin": "7-0-1"});
            self.step(at, json!([{"type": "sale_opened"}, received]));
        }

        #[track_caller]
        fn broken(mut self, invariants: &[Invariant]) {
            self.trace.settle();
            let broken: Vec<_> = self.trace.findings.iter().map(|(it, _)| it).collect();
            assert_eq!(broken, invariants, "{:?}", self.trace.findings);
        }
    }

    #[test]
    fn an_intent_that_is_sent_on_has_the_reply_of_where_it_is_decided() {
        let mut scene = Scene::new();
        assert!(!scene.trace.has_read(ACCEPTED), "its reply is elsewhere");
        assert_eq!((scene.trace.undecided(), scene.trace.replies), (1, 0));
        scene.decide(DECIDED, "0-1-0");
        let trace = &scene.trace;
        assert!(trace.has_read(ACCEPTED) && trace.decided_at(ACCEPTED) == DECIDED);
        assert_eq!((trace.undecided(), trace.accepted, trace.replies), (0, 1, 1));
        assert!(trace.told[&DECIDED].body.contains("open_sale"), "{:?}", trace.told);
        scene.broken(&[]);
    }

    #[test]
    fn an_intent_that_is_sent_on_and_decided_twice_or_never_is_found() {
        Scene::new().broken(&[Invariant::OneReplyEach]);
        let mut twice = Scene::new();
        twice.decide(DECIDED, "0-1-0");
        ask(&mut twice.trace, 2);
        twice.step(Place { offset: 2, ..ACCEPTED }, json!([{"type": "forwarded", "to": 1}]));
        twice.decide(Place { offset: 2, ..DECIDED }, "0-2-0");
        twice.broken(&[Invariant::OneReplyEach, Invariant::DecidedInOnePartition]);
    }

    #[test]
    fn a_post_is_received_after_it_was_posted() {
        let mut scene = Scene::new();
        scene.decide(DECIDED, "0-2-0");
        assert_eq!(scene.trace.waiting_in(1), 1);
        ask(&mut scene.trace, 2);
        scene.step(Place { offset: 2, ..ACCEPTED }, json!([{"type": "forwarded", "to": 1}]));
        scene.trace.take_waiting(1, &mut scene.model);
        assert_eq!(scene.trace.decided_at(ACCEPTED), DECIDED);
        let mut never = Scene::new();
        never.decide(DECIDED, "0-2-0");
        never.broken(&[Invariant::OneReplyEach, Invariant::PostsReceivedOnce]);
    }

    #[test]
    fn a_partition_that_slots_go_to_is_followed() {
        let (mut trace, mut model) = trace();
        trace.take_intent(0, json!({"offset": 1, "intent": {"type": "move_slots"}}));
        let left = json!([{"type": "slots_left", "to": 5, "slots": [7]}]);
        reply(&mut trace, &mut model, 1, left);
        assert_eq!(trace.begins(), &BTreeMap::from([(0, 1), (5, 0)]));
        assert_eq!(trace.next_intent[&5], 0);
    }

    #[test]
    fn places_are_read_from_names() {
        assert_eq!(place_of("1018-2-77"), Some(Place { partition: 2, offset: 77 }));
        assert_eq!(place_of("1018-2"), None);
    }
}
