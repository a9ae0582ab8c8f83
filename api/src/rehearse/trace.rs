//! The log of a rehearsal, read over HTTP as any consumer may read it.
//!
//! Follows both topics of the partitions that carry something of the rehearsal, checks that
//! offsets are dense and that time goes on, gives the model each step together with its intent,
//! and keeps what the audit looks up. Decides nothing itself.

use std::collections::{BTreeMap, HashMap};

use reqwest::StatusCode;
use serde_json::Value;

use super::client::{Client, GaveUp};
use super::findings::{Findings, Invariant};
use super::ledger::Place;
use super::model::{Model, Step, millis, text as text_of};

/// Records of one page.
const PAGE_RECORDS: usize = 1_000;

/// An intent as the log has it.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) asker: Asker,
    pub(super) key: u128,
    /// The intent's body, as JSON text: a rehearsal keeps millions of them. Empty when nobody was
    /// promised anything about it.
    pub(super) body: Box<str>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// The clock, or nobody: there may be nothing to say.
    Nobody,
    /// Another key.
    Key,
    /// A person, or the payment provider.
    Somebody,
}

impl Asker {
    fn of(intent: &Value) -> Self {
        match intent["type"].as_str().unwrap_or_default() {
            "" | "tick" => Self::Nobody,
            "deliver" => Self::Key,
            _ => Self::Somebody,
        }
    }
}

/// A step as the log has it.
#[derive(Debug)]
pub(super) struct Decided {
    /// The outcomes, as JSON text. Empty when nobody was told of them.
    pub(super) outcomes: Box<str>,
    /// The place of the intent whose outcomes stand, when this one repeats it.
    pub(super) repeats: Option<Place>,
    pub(super) is_empty: bool,
}

/// Both topics, as far as they were read.
#[derive(Debug)]
pub(super) struct Trace {
    token: String,
    begins: BTreeMap<u16, u64>,
    next_intent: BTreeMap<u16, u64>,
    next_step: BTreeMap<u16, u64>,
    /// The time of the last step of each partition.
    now_ms: BTreeMap<u16, i64>,
    /// Intents whose steps were not read yet.
    undecided: HashMap<Place, Value>,
    pub(super) intents: HashMap<Place, Recorded>,
    pub(super) steps: HashMap<Place, Decided>,
    /// Records that were decided a second time.
    pub(super) second_replies: u64,
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
            now_ms: BTreeMap::new(),
            undecided: HashMap::new(),
            intents: HashMap::new(),
            steps: HashMap::new(),
            second_replies: 0,
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

    /// Reads up to the present end, and folds the new steps into the model.
    pub(super) async fn advance(
        &mut self,
        client: &Client,
        model: &mut Model,
    ) -> Result<(), GaveUp> {
        let partitions: Vec<u16> = self.next_intent.keys().copied().collect();
        for partition in partitions {
            while let Some(page) = self.page(client, "outcomes", partition).await? {
                // A page of either topic at a time: so few intents wait for their steps.
                let last = page.last().and_then(|record| record["input"].as_u64());
                self.read_intents(client, partition, last.unwrap_or(0)).await?;
                for record in &page {
                    self.take_step(partition, record, model);
                }
            }
            self.read_intents(client, partition, u64::MAX).await?;
        }
        Ok(())
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

    /// How many records of the intents topic were read beyond those of the outcomes topic.
    pub(super) fn undecided(&self) -> u64 {
        let ends = self.next_intent.iter();
        ends.map(|(partition, end)| end.saturating_sub(self.next_step[partition])).sum()
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
            // Outcomes that a crash took are published again, up to where they were read before.
            Err(GaveUp::Unexpected { status: StatusCode::UNPROCESSABLE_ENTITY, .. }) => {
                return Ok(None);
            }
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
        let place = Place { partition, offset };
        let intent = record["intent"].take();
        let recorded = Recorded {
            asker: Asker::of(&intent),
            key: number(&record["key"]),
            body: if is_told(&record) { intent.to_string().into() } else { Box::default() },
        };
        self.intents.insert(place, recorded);
        self.undecided.insert(place, intent);
    }

    fn take_step(&mut self, partition: u16, record: &Value, model: &mut Model) {
        let Some(offset) = record["offset"].as_u64() else { return };
        let outcomes = record["outcomes"].as_array().cloned().unwrap_or_default();
        let now_ms = millis(&record["now"]);
        let before_ms = self.now_ms.insert(partition, now_ms).unwrap_or(i64::MIN);
        self.findings.check(before_ms <= now_ms, Invariant::TimeGoesOn, || {
            format!("outcomes/{partition}@{offset}: from {before_ms} to {now_ms}")
        });
        let original = outcomes.first().filter(|outcome| outcome["type"] == "repeated");
        let text = || Value::Array(outcomes.clone()).to_string().into();
        let decided = Decided {
            outcomes: if is_told(record) { text() } else { Box::default() },
            repeats: original.and_then(|outcome| place_of(outcome["original"].as_str()?)),
            is_empty: outcomes.is_empty(),
        };
        let input = record["input"].as_u64().unwrap_or(offset);
        let asked = Place { partition, offset: input };
        model.fold(&Step {
            place: (partition, offset),
            input,
            now_ms,
            account: text_of(record, "account"),
            intent: self.undecided.remove(&asked).unwrap_or_default(),
            outcomes,
        });
        if self.steps.insert(asked, decided).is_some() {
            self.second_replies += 1;
        }
    }
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

    #[test]
    fn a_step_before_its_time_is_found_and_gets_its_intent() {
        let mut trace = Trace::new(String::new(), &BTreeMap::from([(0, 1)]));
        let mut model = Model::new(&Venue::of(Shape::Hall), &[]);
        for (offset, now) in [(1, "1970-01-01T00:00:02Z"), (2, "1970-01-01T00:00:01Z")] {
            let intent = json!({"type": "tick"});
            trace.take_intent(0, json!({"offset": offset, "key": "0a", "intent": intent}));
            let step = json!({"offset": offset, "input": offset, "now": now, "outcomes": []});
            trace.take_step(0, &step, &mut model);
        }
        assert!(trace.undecided.is_empty());
        let recorded = &trace.intents[&Place { partition: 0, offset: 1 }];
        assert_eq!((recorded.asker, recorded.key, &*recorded.body), (Asker::Nobody, 10, ""));
        let finding = trace.findings.of(Invariant::TimeGoesOn).expect("a finding");
        assert_eq!((finding.checked, finding.count), (2, 1));
    }

    #[test]
    fn places_are_read_from_names() {
        assert_eq!(place_of("1018-2-77"), Some(Place { partition: 2, offset: 77 }));
        assert_eq!(place_of("1018-2"), None);
    }
}
