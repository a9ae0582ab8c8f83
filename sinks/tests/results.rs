//! Result topics in a real cluster: whatever is written twice, late or by two processes, a reader who
//! follows the rule sees every outcome once and in order.
#![cfg(feature = "fluvio")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

#[path = "../../docs/examples/rule.rs"]
mod rule;
#[path = "../../topics/log/tests/fluvio/servers.rs"]
#[allow(dead_code, reason = "what the tests of the log need more")]
mod servers;
#[allow(dead_code, reason = "other tests need more of it")]
mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use boxoffice_log::fluvio::results::{self, ResultTopic};
use boxoffice_log::fluvio::{FluvioConfig, FluvioUrl};
use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{Log, LogReader, TopicPartition};
use boxoffice_sinks::progress::{Cursor, Position};
use boxoffice_sinks::results::{Present, ResultRecord, ResultsSink, beginning_of, topic_of};
use boxoffice_sinks::runner::{self, Status};
use boxoffice_tests::services::Database;
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{LogId, Offset, Outcome, PartitionId};
use fluvio::consumer::{ConsumerConfigExtBuilder, RetryMode};
use fluvio::metadata::topic::TopicSpec;
use futures_util::StreamExt;
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::query;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use rule::{Name, Verdict, judge};
use servers::Cluster;
use support::follow::{config, ends, partitions, pool};
use support::story::Story;

const LOG_ID: u128 = 0xf0f0;
const PARTITIONS: u16 = 2;
/// More than a segment and one write.
const FETCH_BYTES: i32 = 26 << 20;
/// The silence after which nothing more comes.
const SILENCE: Duration = Duration::from_secs(1);

/// Names and nothing else.
#[derive(Debug, Default)]
struct Names;

impl Names {
    fn id(log_id: LogId, name: EffectName) -> String {
        format!("{:032x}-{name}", log_id.as_u128())
    }
}

impl Present for Names {
    fn learn(&mut self, _: &Outcome) {}

    fn record(&self, result: &ResultRecord<'_>) -> Vec<u8> {
        let id = |name| Self::id(result.log_id, name);
        let about = result.subject.map(|subject| subject.account.to_string());
        let record = json!({ "id": id(result.name), "after": id(result.after), "account": about });
        record.to_string().into_bytes()
    }

    fn beginning(&self, log_id: LogId, partition: PartitionId) -> Vec<u8> {
        let id = Self::id(log_id, beginning_of(partition));
        json!({ "id": id, "after": null }).to_string().into_bytes()
    }
}

/// A sink that follows a log.
struct Running {
    status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(log: &MemoryLog, to: &FluvioConfig, database: &Database) -> Self {
        let (sender, status) = watch::channel(Status::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let sink = ResultsSink::<Names>::new(to.clone(), pool(database));
        let running = runner::run(log.clone(), sink, config(), sender, stopped);
        Self { status, stop, task: tokio::spawn(async { running.await.unwrap() }) }
    }

    async fn reach(&mut self, ends: &[Offset]) {
        let reached = self.status.wait_for(|status| status.has_reached(ends));
        reached.await.expect("the sink goes on");
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

async fn write_all(log: &MemoryLog, to: &FluvioConfig, database: &Database) {
    let mut running = Running::start(log, to, database);
    running.reach(&ends(log).await).await;
    running.stop().await;
}

/// A log in which everything happens.
async fn story() -> MemoryLog {
    let log = support::log(PARTITIONS, LOG_ID);
    tell(&log, 0..PARTITIONS).await;
    log
}

async fn tell(log: &MemoryLog, partitions: std::ops::Range<u16>) {
    for partition in partitions {
        let mut story = Story::begin(log, partition, u128::from(partition) + 77);
        story.tell();
        story.scribe.write().await;
    }
}

async fn prepared(cluster: &Cluster) -> FluvioConfig {
    let url: FluvioUrl = format!("fluvio://{}/sale", cluster.endpoint).parse().unwrap();
    let config = FluvioConfig::new(&url, NonZeroU16::new(PARTITIONS).unwrap());
    results::create(&config, PARTITIONS).await.unwrap();
    config
}

/// The names of the outcomes of each topic, in the order of a partition.
async fn expected(log: &MemoryLog, partition: PartitionId) -> BTreeMap<ResultTopic, Vec<String>> {
    let outcomes = TopicPartition::outcomes(partition);
    let end = log.end(outcomes).await.unwrap();
    let mut reader = log.read(outcomes, Offset::ZERO).await.unwrap();
    let mut cursor = Cursor::new(log.log_id(), Position::start(log.log_id(), partition));
    let mut names: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while cursor.position().next < end {
        for (offset, record) in reader.next().await.unwrap().iter() {
            let Some(step) = cursor.accept(offset, record).unwrap() else { continue };
            for (index, outcome) in (0..).zip(&step.outcomes) {
                let name = EffectName::new(partition, offset, index);
                let Some(topic) = topic_of(outcome) else { continue };
                names.entry(topic).or_default().push(Names::id(log.log_id(), name));
            }
        }
    }
    names
}

/// Every record of a partition, as often as it is there.
async fn records(cluster: &Cluster, topic: String, partition: PartitionId) -> Vec<Value> {
    let client = cluster.client().await;
    let settings = ConsumerConfigExtBuilder::default()
        .topic(topic)
        .partition(u32::from(partition.number()))
        .offset_start(fluvio::Offset::absolute(0).unwrap())
        .max_bytes(FETCH_BYTES)
        .retry_mode(RetryMode::Disabled)
        .build()
        .unwrap();
    let mut stream = client.consumer_with_config(settings).await.unwrap();
    let mut records = Vec::new();
    while let Ok(record) = tokio::time::timeout(SILENCE, stream.next()).await {
        records.push(serde_json::from_slice(record.unwrap().unwrap().value()).unwrap());
    }
    records
}

/// What the rule takes of records: their names.
fn taken(records: &[Value]) -> Vec<String> {
    let (mut taken, mut last) = (Vec::new(), None::<Name>);
    for record in records {
        match judge(last.as_ref(), record) {
            Verdict::Take(name) => {
                taken.push(name.to_string());
                last = Some(name);
            }
            Verdict::Drop => {}
            Verdict::Stop => panic!("after {last:?} came {record}"),
        }
    }
    taken
}

/// A reader sees every outcome once and in order. Returns how many records of outcomes were repeats.
async fn assert_complete(cluster: &Cluster, to: &FluvioConfig, log: &MemoryLog) -> usize {
    let mut repeats = 0;
    for partition in partitions(log) {
        let mut expected = expected(log, partition).await;
        for topic in ResultTopic::ALL {
            let records = records(cluster, topic.name_in(to), partition).await;
            let beginning = Names::id(log.log_id(), beginning_of(partition));
            let of_outcomes = records.iter().filter(|record| record["id"] != beginning).count();
            let outcomes = expected.remove(&topic).unwrap_or_default();
            repeats += of_outcomes - outcomes.len();
            let names: Vec<_> = [beginning].into_iter().chain(outcomes).collect();
            assert_eq!(taken(&records), names, "{} of {partition}", topic.name());
        }
    }
    repeats
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_that_know_nothing_of_each_other_leave_every_record_once() {
    let Some(cluster) = Cluster::own().await else { return };
    let (to, log) = (prepared(&cluster).await, support::log(PARTITIONS, LOG_ID));
    let databases = [Database::fresh().await, Database::fresh().await];
    let mut writers = databases.each_ref().map(|database| Running::start(&log, &to, database));
    for partition in 0..PARTITIONS {
        let mut story = Story::begin(&log, partition, u128::from(partition) + 77);
        story.create();
        for buyer in 0..60 {
            let hold = story.hold(buyer, &[buyer as u32 % 20], 0);
            story.scribe.write().await;
            story.order(buyer, hold);
            story.scribe.write().await;
        }
    }
    let ends = ends(&log).await;
    for writer in &mut writers {
        writer.reach(&ends).await;
    }
    for writer in writers {
        writer.stop().await;
    }
    let repeats = assert_complete(&cluster, &to, &log).await;
    assert!(repeats > 200, "both have written everything: {repeats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_with_one_database_take_turns() {
    let Some(cluster) = Cluster::own().await else { return };
    let (to, log, database) = (prepared(&cluster).await, story().await, Database::fresh().await);
    let mut writers = [0, 1].map(|_| Running::start(&log, &to, &database));
    let ends = ends(&log).await;
    for writer in &mut writers {
        writer.reach(&ends).await;
    }
    for writer in writers {
        writer.stop().await;
    }
    assert_complete(&cluster, &to, &log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_forgot_where_it_was_repeats_and_leaves_no_hole() {
    let Some(cluster) = Cluster::own().await else { return };
    let (to, log, database) = (prepared(&cluster).await, story().await, Database::fresh().await);
    write_all(&log, &to, &database).await;
    assert_eq!(assert_complete(&cluster, &to, &log).await, 0);
    let forget = "TRUNCATE result_progress, result_tails, result_definitions, result_subjects";
    query(forget).execute(&pool(&database)).await.unwrap();
    write_all(&log, &to, &database).await;
    assert!(assert_complete(&cluster, &to, &log).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_were_made_again_are_written_again() {
    let Some(cluster) = Cluster::own().await else { return };
    let (to, log, database) = (prepared(&cluster).await, story().await, Database::fresh().await);
    write_all(&log, &to, &database).await;
    let orders = ResultTopic::Orders.name_in(&to);
    cluster.client().await.admin().await.delete::<TopicSpec>(orders).await.unwrap();
    results::create(&to, PARTITIONS).await.unwrap();
    write_all(&log, &to, &database).await;
    assert_complete(&cluster, &to, &log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_do_not_come_lead_to_repeats_and_not_to_holes() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let (mut to, database) = (prepared(&cluster).await, Database::fresh().await);
    to.write_timeout = Duration::from_millis(500);
    let log = support::log(PARTITIONS, LOG_ID);
    let mut writer = Running::start(&log, &to, &database);
    writer.reach(&ends(&log).await).await;
    cluster.signal_data(Signal::STOP);
    tell(&log, 0..PARTITIONS).await;
    // It has given the first answer up, and others after it.
    for _ in 0..3 {
        writer.status.changed().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    cluster.signal_data(Signal::CONT);
    writer.reach(&ends(&log).await).await;
    writer.stop().await;
    assert!(assert_complete(&cluster, &to, &log).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_grow_with_the_log() {
    let Some(cluster) = Cluster::own().await else { return };
    let (to, log, database) = (prepared(&cluster).await, story().await, Database::fresh().await);
    write_all(&log, &to, &database).await;
    log.grow(PARTITIONS + 1).await.unwrap();
    tell(&log, PARTITIONS..PARTITIONS + 1).await;
    write_all(&log, &to, &database).await;
    assert_complete(&cluster, &to, &log).await;
    let described = results::describe(&to).await.unwrap();
    assert!(described.iter().all(|topic| topic.partitions == u32::from(PARTITIONS) + 1));
}

#[test]
fn the_rule_notices_repeats_and_holes() {
    let record = |offset: u64, after: Option<u64>| {
        json!({
            "id": format!("f0-0-{offset}-0"),
            "after": after.map(|after| format!("f0-0-{after}-0")),
        })
    };
    let name = |offset: u64| Name::parse(&format!("f0-0-{offset}-0")).unwrap();
    let judged = |last: Option<u64>, id, after| judge(last.map(name).as_ref(), &record(id, after));
    assert_eq!(judged(None, 0, None), Verdict::Take(name(0)));
    assert_eq!(judged(Some(0), 7, Some(0)), Verdict::Take(name(7)));
    assert_eq!(judged(Some(7), 7, Some(0)), Verdict::Drop);
    assert_eq!(judged(Some(7), 0, None), Verdict::Drop);
    assert_eq!(judged(Some(7), 10, Some(9)), Verdict::Stop);
    assert_eq!(judged(None, 10, Some(9)), Verdict::Stop, "the beginning is missing");
    let of_another_log = json!({ "id": "f1-0-1-0", "after": "f1-0-0-0" });
    assert_eq!(judge(Some(&name(7)), &of_another_log), Verdict::Stop);
    assert_eq!(judge(Some(&name(7)), &json!({ "type": "no record of ours" })), Verdict::Stop);
}
