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

#[cfg(test)]
mod tests {
    use boxoffice_topics::scaling::ScalingOutcome;
    use boxoffice_topics::{Offset, PerformanceId};

    use super::*;

    /// A record is its name and the one before it.
    #[derive(Default)]
    struct Names;

    impl Present for Names {
        fn learn(&mut self, _: &Outcome) {}

        fn record(&self, result: &ResultRecord<'_>) -> Vec<u8> {
            format!("{} after {}", result.name, result.after).into_bytes()
        }

        fn beginning(&self, _: LogId, _: PartitionId) -> Vec<u8> {
            Vec::new()
        }
    }

    fn partition(number: u16) -> PartitionId {
        PartitionId::new(number).unwrap()
    }

    fn step(of: u16, offset: u64, outcomes: Vec<Outcome>) -> (PartitionId, Step) {
        (partition(of), Step { offset: Offset::new(offset), outcomes, ..Step::default() })
    }

    /// The rounds of these steps, record by record.
    fn rounds(steps: &[(PartitionId, Step)]) -> Vec<Vec<String>> {
        let (mut subjects, mut tails) = (Subjects::default(), Tails::new());
        let mut composer = Composer {
            log_id: LogId::from_u128(7),
            present: &mut Names,
            subjects: &mut subjects,
            tails: &mut tails,
        };
        let records = |round: Round| round.records.into_values().flatten();
        let text = |record: Vec<u8>| String::from_utf8(record).unwrap();
        let rounds = composer.compose(steps).rounds.into_iter();
        rounds.map(|round| records(round).map(text).collect()).collect()
    }

    fn opened() -> Outcome {
        Outcome::SaleOpened { performance: PerformanceId::from_u128(1) }
    }

    fn closed() -> Outcome {
        Outcome::SaleClosed { performance: PerformanceId::from_u128(1) }
    }

    #[test]
    fn each_record_follows_the_one_before_in_its_partition() {
        let told_nowhere =
            Outcome::MessageReceived { from: EffectName::new(partition(1), Offset::new(4), 0) };
        let steps = [
            step(0, 1, vec![opened(), closed()]),
            step(1, 4, vec![opened()]),
            step(0, 3, vec![told_nowhere, opened()]),
        ];
        let expected =
            ["0-1-0 after 0-0-0", "0-1-1 after 0-1-0", "0-3-1 after 0-1-1", "1-4-0 after 1-0-0"];
        assert_eq!(rounds(&steps), [expected.map(str::to_owned)]);
    }

    #[test]
    fn what_slots_did_where_they_were_is_written_before_what_they_do_where_they_are() {
        let fence = EffectName::new(partition(0), Offset::new(2), 0);
        let arrived = ScalingOutcome::SlotsArrived { fence, slots: Vec::new() };
        let steps = [
            step(1, 1, vec![opened()]),
            step(0, 1, vec![closed()]),
            step(1, 2, vec![arrived.into()]),
            step(1, 3, vec![opened()]),
        ];
        let expected = [
            vec!["0-1-0 after 0-0-0".to_owned(), "1-1-0 after 1-0-0".to_owned()],
            vec!["1-3-0 after 1-1-0".to_owned()],
        ];
        assert_eq!(rounds(&steps), expected);
    }
}
