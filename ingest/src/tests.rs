//! Ingest over a log in memory.

use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::Arc;

use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{LogError, TopicPartition};
use boxoffice_topics::envelope::intent_from_record;
use boxoffice_topics::{
    AccountId, Genesis, Intent, IntentKey, LogId, Offset, PartitionId, PartitionMap,
    PerformanceDefinition, PerformanceId, Routes, Row, Section, SectionKind, Slot, Timestamp,
};
use tokio::sync::mpsc;

use crate::{Acceptance, Appenders, Config, Draft, Ingest, SubmitError, start};

const PERFORMANCE: PerformanceId = PerformanceId::from_u128(7);

#[derive(Debug, PartialEq)]
enum Answer {
    Accepted(PartitionId, Offset, Vec<u32>),
    Refused(String, Vec<u32>),
}

struct Answers(mpsc::Sender<Answer>);

impl Acceptance<u32> for Answers {
    fn accepted(&self, partition: PartitionId, first: Offset, tokens: Vec<u32>) {
        self.0.try_send(Answer::Accepted(partition, first, tokens)).unwrap();
    }

    fn refused(&self, error: &LogError, tokens: Vec<u32>) {
        self.0.try_send(Answer::Refused(error.to_string(), tokens)).unwrap();
    }
}

struct World {
    log: MemoryLog,
    ingest: Ingest<u32>,
    appenders: Appenders,
    answers: mpsc::Receiver<Answer>,
}

fn world(config: &Config) -> World {
    let partitions = NonZeroU16::new(2).unwrap();
    let created_at = Timestamp::from_millis(1);
    let log = MemoryLog::new(partitions, Genesis { log_id: LogId::from_u128(1), created_at });
    let (sender, answers) = mpsc::channel(64);
    let map = PartitionMap::dealt(partitions).unwrap();
    let routes = Arc::new(Routes::new(&map));
    let (ingest, appenders) = start(&log, routes, config, &Arc::new(Answers(sender)));
    World { log, ingest, appenders, answers }
}

fn partition(number: u16) -> PartitionId {
    PartitionId::new(number).unwrap()
}

fn submit(ingest: &Ingest<u32>, intent: &Intent<'_>, token: u32) -> Result<(), SubmitError> {
    let (account, key) = (AccountId::from_u128(5), IntentKey::from_u128(6));
    let draft = Draft { account, key, traceparent: Some("00-ab-cd-01"), intent };
    ingest.submit(partition(1), draft, token)
}

fn open() -> Intent<'static> {
    Intent::OpenSale { performance: PERFORMANCE }
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_gathers_while_the_disk_syncs_is_one_batch() {
    let mut world = world(&Config::default());
    world.log.hold_back();
    submit(&world.ingest, &open(), 1).unwrap();
    settle().await;
    (2..=4).for_each(|token| submit(&world.ingest, &open(), token).unwrap());
    settle().await;
    let of = TopicPartition::intents(partition(1));
    assert_eq!(world.log.records(of).len(), 2, "one batch is in flight");
    assert!(world.answers.try_recv().is_err(), "nothing is accepted before it is durable");
    world.log.let_through();
    let first = Answer::Accepted(partition(1), Offset::new(1), vec![1]);
    assert_eq!(world.answers.recv().await, Some(first));
    let second = Answer::Accepted(partition(1), Offset::new(2), vec![2, 3, 4]);
    assert_eq!(world.answers.recv().await, Some(second));
    let records = world.log.records(of);
    let (header, intent) = intent_from_record(&records[4]).unwrap();
    assert_eq!((header.account, header.key), (AccountId::from_u128(5), IntentKey::from_u128(6)));
    assert_eq!(header.traceparent.as_deref(), Some("00-ab-cd-01"));
    assert!(header.recorded_at > Timestamp::from_millis(0));
    assert_eq!(intent, open());
}

#[tokio::test]
async fn a_full_queue_is_an_answer_and_the_rest_is_accepted() {
    let queue_records_max = NonZeroUsize::new(2).unwrap();
    let mut world = world(&Config { queue_records_max, ..Config::default() });
    world.log.hold_back();
    submit(&world.ingest, &open(), 1).unwrap();
    settle().await;
    submit(&world.ingest, &open(), 2).unwrap();
    submit(&world.ingest, &open(), 3).unwrap();
    let retry_after = Config::default().retry_after;
    assert_eq!(submit(&world.ingest, &open(), 4), Err(SubmitError::Busy { retry_after }));
    world.log.let_through();
    world.answers.recv().await.unwrap();
    let second = Answer::Accepted(partition(1), Offset::new(2), vec![2, 3]);
    assert_eq!(world.answers.recv().await, Some(second));
}

#[tokio::test]
async fn batches_keep_their_limits() {
    let batch_bytes_max = NonZeroUsize::new(1).unwrap();
    let mut world = world(&Config { batch_bytes_max, ..Config::default() });
    (1..=2).for_each(|token| submit(&world.ingest, &open(), token).unwrap());
    for number in 1..=2_u32 {
        let alone = Answer::Accepted(partition(1), Offset::new(number.into()), vec![number]);
        assert_eq!(world.answers.recv().await, Some(alone));
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_accepts_again_when_there_is_room() {
    let mut world = world(&Config::default());
    world.log.set_full(true);
    submit(&world.ingest, &open(), 1).unwrap();
    let refused = Answer::Refused("the disk is full".to_owned(), vec![1]);
    assert_eq!(world.answers.recv().await, Some(refused));
    world.log.set_full(false);
    submit(&world.ingest, &open(), 2).unwrap();
    let accepted = Answer::Accepted(partition(1), Offset::new(1), vec![2]);
    assert_eq!(world.answers.recv().await, Some(accepted));
}

#[tokio::test]
async fn a_log_that_fails_stops_ingest() {
    let mut world = world(&Config::default());
    world.log.stop("bad disk");
    submit(&world.ingest, &open(), 1).unwrap();
    let error = world.appenders.failed().await;
    assert_eq!(error.to_string(), "the log has stopped: bad disk");
    let refused = Answer::Refused(error.to_string(), vec![1]);
    assert_eq!(world.answers.recv().await, Some(refused));
    assert_eq!(submit(&world.ingest, &open(), 2), Err(SubmitError::Stopped));
}

#[tokio::test]
async fn a_shut_down_accepts_what_is_queued_and_nothing_more() {
    let mut world = world(&Config::default());
    (1..=3).for_each(|token| submit(&world.ingest, &open(), token).unwrap());
    world.appenders.shut_down().await.unwrap();
    let accepted = Answer::Accepted(partition(1), Offset::new(1), vec![1, 2, 3]);
    assert_eq!(world.answers.try_recv(), Ok(accepted));
    assert_eq!(submit(&world.ingest, &open(), 4), Err(SubmitError::Stopped));
}

#[tokio::test]
async fn an_intent_goes_where_its_key_lives() {
    let world = world(&Config::default());
    let slot = Slot::of(PERFORMANCE);
    let owner = partition(slot.number() % 2);
    assert_eq!(world.ingest.route(&open()), Some((slot, owner)));
    assert_eq!(world.ingest.route(&Intent::Tick), None);
}

#[tokio::test]
async fn what_breaks_a_limit_is_not_queued() {
    let world = world(&Config::default());
    let error = submit(&world.ingest, &Intent::Tick, 1).unwrap_err();
    assert!(matches!(error, SubmitError::Invalid(_)), "{error}");
    let definition = Box::new(too_large_a_definition());
    let error = submit(&world.ingest, &Intent::CreatePerformance { definition }, 1).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("sections: must fit into a record of 130048 bytes"), "{text}");
    world.appenders.shut_down().await.unwrap();
    assert_eq!(world.log.records(TopicPartition::intents(partition(1))).len(), 1);
}

/// Within every limit of a definition, and with more accessible seats than a record can name.
fn too_large_a_definition() -> PerformanceDefinition {
    let row = |number: u32| Row {
        label: number.to_string(),
        first_seat: 1_000,
        seats: 128,
        price_level: 0,
        accessible: (1_000..1_128).collect(),
        sold: None,
    };
    let section = |number: u32| Section {
        code: number.to_string(),
        kind: SectionKind::Reserved { rows: (0..100).map(row).collect() },
    };
    PerformanceDefinition {
        performance: PERFORMANCE,
        name: "Hamlet".to_owned(),
        venue: "Globe".to_owned(),
        starts_at: Timestamp::from_millis(1),
        currency: boxoffice_topics::Currency::KRW,
        price_levels: vec![boxoffice_topics::PriceLevel { code: "R".to_owned(), price_minor: 1 }],
        sections: (0..10).map(section).collect(),
        sale: boxoffice_topics::SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 300_000,
            hold_renewals_max: 1,
            payment_window_ms: 600_000,
            account_seats_max: 4,
        },
        shapes: None,
        refund_terms: None,
        settlement_terms: None,
    }
}
