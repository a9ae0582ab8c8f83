//! From steps to records: what is written to which partition of which topic, and in which order.

use std::collections::BTreeMap;
use std::mem;

use boxoffice_log::fluvio::results::{PartitionRecords, ResultTopic};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{LogId, Outcome, PartitionId, Step};

use super::kind::{is_arrival, is_definition, topic_of};
use super::subject::Subjects;
use super::{Present, ResultRecord, beginning_of};

/// Bytes of records after which a round is over: larger writes do not make a record cheaper.
const ROUND_BYTES: usize = 1 << 20;

/// A partition of a topic.
pub(super) type Place = (ResultTopic, PartitionId);

/// The outcome of the last record of every partition of every topic that has any.
pub(super) type Tails = BTreeMap<Place, EffectName>;

/// Records that are written together: a batch for each partition, in no order among each other.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) records: BTreeMap<Place, Vec<Vec<u8>>>,
    bytes: usize,
}

impl Round {
    fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records of each topic.
    pub(super) fn by_topic(self) -> BTreeMap<ResultTopic, Vec<PartitionRecords>> {
        let mut topics: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((topic, partition), records) in self.records {
            topics.entry(topic).or_default().push((partition, records));
        }
        topics
    }
}

/// What becomes of a batch of steps.
#[derive(Debug, Default)]
pub(super) struct Composed<'a> {
    /// Written one after another.
    pub(super) rounds: Vec<Round>,
    /// How many records these are.
    pub(super) records: u64,
    /// Outcomes that later ones are told by.
    pub(super) definitions: Vec<&'a Outcome>,
}

/// Makes records of steps.
pub(super) struct Composer<'c, P> {
    pub(super) log_id: LogId,
    pub(super) present: &'c mut P,
    pub(super) subjects: &'c mut Subjects,
    pub(super) tails: &'c mut Tails,
}

impl<P: Present> Composer<'_, P> {
    /// The records of a batch. Steps of different partitions are told at the same time, unless slots
    /// arrive: what they did where they were is acknowledged before anything of where they are now
    /// is sent.
    pub(super) fn compose<'a>(&mut self, steps: &'a [(PartitionId, Step)]) -> Composed<'a> {
        let mut composed = Composed::default();
        let mut round = Round::default();
        for (partition, step) in steps {
            if step.outcomes.iter().any(is_arrival) || round.bytes >= ROUND_BYTES {
                composed.rounds.push(mem::take(&mut round));
            }
            for (index, outcome) in (0..).zip(&step.outcomes) {
                let name = EffectName::new(*partition, step.offset, index);
                if is_definition(outcome) {
                    self.present.learn(outcome);
                    composed.definitions.push(outcome);
                }
                composed.records += u64::from(self.tell(name, step, outcome, &mut round));
            }
        }
        composed.rounds.push(round);
        composed.rounds.retain(|round| !round.is_empty());
        composed
    }

    /// Adds the record of an outcome and says whether there is one.
    fn tell(&mut self, name: EffectName, step: &Step, outcome: &Outcome, to: &mut Round) -> bool {
        let subject = self.subjects.take(outcome);
        let Some(topic) = topic_of(outcome) else { return false };
        let place = (topic, name.partition());
        let after = self.tails.insert(place, name).unwrap_or(beginning_of(name.partition()));
        let (time, asked_by) = (step.now, step.account);
        let result =
            ResultRecord { log_id: self.log_id, name, after, time, asked_by, subject, outcome };
        let record = self.present.record(&result);
        to.bytes += record.len();
        to.records.entry(place).or_default().push(record);
        true
    }
}
