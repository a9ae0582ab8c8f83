//! The log of a rehearsal, read over HTTP as any consumer may read it.
//!
//! Follows both topics of the partitions that carry the rehearsed performances, checks that
//! offsets are dense, and keeps what the audit looks up. Decides nothing itself.

use std::collections::{BTreeMap, HashMap};

use reqwest::StatusCode;
use serde_json::Value;

use super::client::{Client, GaveUp};
use super::findings::{Findings, Invariant};
use super::ledger::Place;
use super::model::{Model, Step};

/// Records of one page.
const PAGE_RECORDS: usize = 1_000;

/// An intent as the log has it.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) name: String,
    pub(super) key: String,
    /// The intent's body, as JSON text: a rehearsal keeps hundreds of thousands of them.
    pub(super) body: Box<str>,
}

/// A step as the log has it.
#[derive(Debug)]
pub(super) struct Decided {
    /// The outcomes, as JSON text.
    pub(super) outcomes: Box<str>,
    /// The place of the intent whose outcomes stand, when this one repeats it.
    pub(super) repeats: Option<Place>,
    pub(super) is_empty: bool,
}

/// Both topics, as far as they were read.
#[derive(Debug)]
pub(super) struct Trace {
    token: String,
    next_intent: BTreeMap<u16, u64>,
    next_step: BTreeMap<u16, u64>,
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
            next_intent: from.clone(),
            next_step: from.clone(),
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

    /// Reads up to the present end, and folds the new steps into the model.
    pub(super) async fn advance(
        &mut self,
        client: &Client,
        model: &mut Model,
    ) -> Result<(), GaveUp> {
        let partitions: Vec<u16> = self.next_intent.keys().copied().collect();
        for partition in partitions {
            // Outcomes first: so every step that is known has its intent in the other topic.
            while let Some(page) = self.page(client, "outcomes", partition).await? {
                for record in &page {
                    self.take_step(partition, record, model);
                }
            }
            while let Some(page) = self.page(client, "intents", partition).await? {
                for record in &page {
                    self.take_intent(partition, record);
                }
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

    fn take_intent(&mut self, partition: u16, record: &Value) {
        let Some(offset) = record["offset"].as_u64() else { return };
        let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
        let intent = &record["intent"];
        let recorded = Recorded {
            name: intent["type"].as_str().unwrap_or_default().to_owned(),
            key: text("key"),
            body: intent.to_string().into(),
        };
        self.intents.insert(Place { partition, offset }, recorded);
    }

    fn take_step(&mut self, partition: u16, record: &Value, model: &mut Model) {
        let Some(offset) = record["offset"].as_u64() else { return };
        let outcomes = record["outcomes"].as_array().cloned().unwrap_or_default();
        let time = record["now"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let original = outcomes.first().filter(|outcome| outcome["type"] == "repeated");
        let decided = Decided {
            outcomes: Value::Array(outcomes.clone()).to_string().into(),
            repeats: original.and_then(|outcome| place_of(outcome["original"].as_str()?)),
            is_empty: outcomes.is_empty(),
        };
        model.fold(&Step {
            place: (partition, offset),
            now_ms: time.map_or(0, jiff::Timestamp::as_millisecond),
            account: record["account"].as_str().unwrap_or_default().to_owned(),
            outcomes,
        });
        let input = record["input"].as_u64().unwrap_or(offset);
        if self.steps.insert(Place { partition, offset: input }, decided).is_some() {
            self.second_replies += 1;
        }
    }
}

/// The place in an intent's name, `slot-partition-offset`.
fn place_of(id: &str) -> Option<Place> {
    let mut parts = id.split('-').skip(1);
    let partition = parts.next()?.parse().ok()?;
    Some(Place { partition, offset: parts.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_names() {
        assert_eq!(place_of("1018-2-77"), Some(Place { partition: 2, offset: 77 }));
        assert_eq!(place_of("1018-2"), None);
    }
}
