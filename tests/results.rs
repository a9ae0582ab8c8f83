//! The real binary with result topics in a Fluvio cluster: every outcome of the log is in the topic of
//! its kind, once and in order, whatever was killed meanwhile.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

#[path = "../docs/examples/rule.rs"]
mod rule;
#[path = "../topics/log/tests/fluvio/servers.rs"]
#[allow(dead_code, reason = "what the tests of the log need more")]
mod servers;

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use boxoffice_tests::client::Client;
use boxoffice_tests::server::{Options, Server, binary};
use boxoffice_tests::services::Database;
use fluvio::Offset;
use fluvio::consumer::{ConsumerConfigExtBuilder, RetryMode};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use self::rule::{Name, Verdict, judge};
use self::servers::Cluster;

const PARTITIONS: u16 = 2;
const TOPICS: [&str; 6] = ["seats", "orders", "payments", "coupons", "admissions", "tickets"];
/// More than a segment and one write.
const FETCH_BYTES: i32 = 26 << 20;
/// How long the sink may take to catch up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The silence after which nothing more comes.
const SILENCE: Duration = Duration::from_secs(2);
/// How long holds, orders and payments may take to end after the rush.
const SETTLE_SECONDS: &str = "90";
/// Steps between two kills.
const STEPS_PER_CYCLE: u64 = 130;

/// Outcomes by topic, each with the id of its record.
type Outcomes = BTreeMap<&'static str, Vec<(String, Value)>>;

/// Where an outcome of a type is told, as WIRE.md has it.
fn topic_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "refused" | "repeated" | "message_sent" | "message_received" | "forwarded"
        | "post_received" => return None,
        kind if kind.starts_with("slots_") => return None,
        "performance_created"
        | "sale_opened"
        | "sale_closed"
        | "held"
        | "hold_renewed"
        | "hold_released"
        | "hold_expired"
        | "channel_set"
        | "set_aside"
        | "channel_released"
        | "companions_released"
        | "performance_cancelled" => "seats",
        "order_reserving" | "order_not_placed" | "order_placed" | "order_confirmed"
        | "order_cancelled" | "tickets_refunded" | "refund_terms_set" => "orders",
        "payment_requested"
        | "payment_captured"
        | "payment_declined"
        | "refund_requested"
        | "payment_refunded"
        | "refund_failed"
        | "settlement_terms_set"
        | "settlement_posted" => "payments",
        kind if kind.starts_with("campaign_") || kind.starts_with("coupon_") => "coupons",
        kind if kind.starts_with("points_") => "coupons",
        kind if kind.starts_with("ticket_") => "tickets",
        "waiting_room_set"
        | "waiting_room_joined"
        | "waiting_room_returned"
        | "heartbeat_seen"
        | "waiting_room_left"
        | "lottery_closed"
        | "lottery_drawn"
        | "admitted"
        | "turn_missed"
        | "inside"
        | "session_ended" => "admissions",
        other => panic!("WIRE.md does not know {other}"),
    })
}

/// A cluster with prepared topics, and a server on it that writes the result topics.
struct Stage {
    cluster: Cluster,
    prefix: String,
    server: Server,
    _database: Database,
}

impl Stage {
    async fn open() -> Option<Self> {
        let cluster = Cluster::own().await?;
        let prefix = format!("t{:x}", std::process::id());
        let url = format!("fluvio://{}/{prefix}", cluster.endpoint);
        let created = topics("create", &url);
        assert!(created.status.success(), "{}", text(&created.stderr));
        let database = Database::fresh().await;
        let extra_config = format!(
            "log = {url:?}\n[results]\nenabled = true\n[limits]\n\
             account_requests_per_second = 1000000\naccount_requests_burst = 1000000"
        );
        let options = Options {
            database: database.url().to_owned(),
            partitions: PARTITIONS,
            extra_config,
            ..Options::default()
        };
        let server = Server::start(options).await;
        Some(Self { cluster, prefix, server, _database: database })
    }

    /// A rehearsal in which everything happens, beside the test.
    fn rehearse(&self, buyers: &str, settle_seconds: &str) -> JoinHandle<Output> {
        let mut command = Command::new(binary());
        command.args(["rehearse", "--json", "--buyers", buyers, "--shape", "hall"]);
        command.args(["--performances", "2", "--surge-seconds", "3", "--connections", "16"]);
        command.args(["--waiting-room", "--coupons", "40", "--points", "--refunds", "--tickets"]);
        command.args(["--settle-seconds", settle_seconds]);
        command.args(["--shapes", "--call-off", "--sandbox-url", &self.server.sandbox_url()]);
        command.args(["--url", &format!("http://127.0.0.1:{}", self.server.port())]);
        command.arg("--data-dir").arg(self.server.data_dir());
        tokio::task::spawn_blocking(move || command.output().unwrap())
    }

    /// Spreads the slots over so many partitions while they sell.
    fn scale(&self, partitions: &str) {
        let url = format!("http://127.0.0.1:{}", self.server.port());
        let scaled = self.server.run(&["partitions", "scale", "--to", partitions, "--url", &url]);
        assert!(scaled.status.success(), "{}", text(&scaled.stderr));
    }

    fn operator(&self) -> Client {
        self.server.client("operator", "operator")
    }

    /// Steps that were released since the log began.
    async fn steps(&self) -> u64 {
        let ready = self.server.anonymous().get("/readyz").await.body;
        let partitions = ready["partitions"].as_array().unwrap().iter();
        partitions.map(|partition| partition["released_end"].as_u64().unwrap()).sum()
    }

    async fn wait_for_steps(&self, more: u64) {
        let wanted = self.steps().await + more;
        let deadline = Instant::now() + PATIENCE;
        while self.steps().await < wanted && Instant::now() < deadline {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the sink has written everything.
    async fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let results = self.server.anonymous().get("/readyz").await.body["results"].clone();
            if results["state"] == "following" && results["lag_records"] == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{results}\n{}", self.server.log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The outcomes of the log by topic, in the order of a partition, with the ids that their
    /// records should have.
    async fn outcomes(&self, partition: u16) -> Outcomes {
        let (operator, mut from) = (self.operator(), 0);
        let mut topics = Outcomes::new();
        loop {
            let path = format!(
                "/v1/topics/outcomes/partitions/{partition}/records?limit=1000&from={from}"
            );
            let page = operator.get(&path).await.body;
            for step in page["records"].as_array().unwrap() {
                let log = step["log_id"].as_str().unwrap().replace('-', "");
                let outcomes = step["outcomes"].as_array().into_iter().flatten();
                for (index, outcome) in outcomes.enumerate() {
                    let id = format!("{log}-{partition}-{}-{index}", step["offset"]);
                    if let Some(topic) = topic_of(outcome["type"].as_str().unwrap()) {
                        topics.entry(topic).or_default().push((id, outcome.clone()));
                    }
                }
            }
            from = page["next"].as_u64().unwrap();
            if page["next"] == page["end"] {
                return topics;
            }
        }
    }

    /// What a consumer takes who follows the rule, and how many outcomes it drops.
    async fn consume(&self, topic: &str, partition: u16) -> (Vec<Value>, usize) {
        let client = self.cluster.client().await;
        let settings = ConsumerConfigExtBuilder::default()
            .topic(format!("{}-{topic}", self.prefix))
            .partition(u32::from(partition))
            .offset_start(Offset::absolute(0).unwrap())
            .max_bytes(FETCH_BYTES)
            .retry_mode(RetryMode::Disabled)
            .build()
            .unwrap();
        let mut records = client.consumer_with_config(settings).await.unwrap();
        let (mut taken, mut dropped, mut last) = (Vec::new(), 0, None::<Name>);
        while let Ok(record) = tokio::time::timeout(SILENCE, records.next()).await {
            let record: Value = serde_json::from_slice(record.unwrap().unwrap().value()).unwrap();
            match judge(last.as_ref(), &record) {
                Verdict::Take(name) => {
                    last = Some(name);
                    taken.push(record);
                }
                Verdict::Drop if record["type"] == "log_began" => {}
                Verdict::Drop => dropped += 1,
                Verdict::Stop => panic!("{topic}-{partition}: after {last:?} came {record}"),
            }
        }
        (taken, dropped)
    }

    /// Every outcome is in its topic, once and in order, and says what the log says. Returns how many
    /// records there are of each topic, and how many outcomes were repeated.
    async fn assert_complete(&self) -> BTreeMap<&'static str, (usize, usize)> {
        let mut counts = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let written = self.outcomes(partition).await;
            self.settle().await;
            let mut taken = BTreeMap::new();
            for topic in TOPICS {
                taken.insert(topic, self.consume(topic, partition).await);
            }
            // Time goes on: something may have run out since.
            let decided = self.outcomes(partition).await;
            for (topic, (taken, dropped)) in taken {
                let of = |outcomes: &Outcomes| outcomes.get(topic).map_or(0, Vec::len);
                let records = taken.len() - 1;
                assert!((of(&written)..=of(&decided)).contains(&records), "{topic}: {records}");
                assert_eq!(taken[0]["type"], "log_began");
                for (record, (id, outcome)) in
                    taken[1..].iter().zip(decided.get(topic).into_iter().flatten())
                {
                    assert_eq!(record["id"].as_str(), Some(&**id), "{topic}-{partition}");
                    assert_says(record, outcome);
                }
                let count: &mut (usize, usize) = counts.entry(topic).or_default();
                *count = (count.0 + records, count.1 + dropped);
            }
        }
        counts
    }
}

/// A record says all that the outcome says, and whose hold or order it is about.
#[track_caller]
fn assert_says(record: &Value, outcome: &Value) {
    for (field, value) in outcome.as_object().unwrap() {
        assert_eq!(&record[field], value, "{field} of {record}");
    }
    assert!(record["time"].is_string(), "{record}");
    let is_about = |field: &str| !outcome[field].is_null();
    let is_coupon = topic_of(record["type"].as_str().unwrap()) == Some("coupons");
    if (is_about("hold") || is_about("order") || is_about("ticket")) && !is_coupon {
        assert!(record["performance"].is_string() && record["account"].is_string(), "{record}");
        let places = |field: &str| record[field].as_array().unwrap().len();
        assert!(places("seats") + places("sections") > 0, "{record}");
        assert!(record["total"]["minor"].is_i64(), "{record}");
    }
}

fn topics(action: &str, url: &str) -> Output {
    let partitions = PARTITIONS.to_string();
    let arguments = ["topics", action, "--log", url, "--partitions", &partitions];
    Command::new(binary()).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn assert_clean(output: &Output) {
    let said = text(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(report["violations"], json!([]), "{report:#}");
    assert!(report["sold_seats"].as_u64() > Some(0), "{report:#}");
}

#[expect(clippy::print_stderr, reason = "the figures of a run")]
fn tell(counts: &BTreeMap<&str, (usize, usize)>) {
    for (topic, (records, repeats)) in counts {
        eprintln!("{topic}: {records} records, {repeats} repeats");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_is_in_the_topic_of_its_kind_once_and_in_order() {
    let Some(mut stage) = Stage::open().await else { return };
    assert_clean(&stage.rehearse("80", SETTLE_SECONDS).await.unwrap());
    let counts = stage.assert_complete().await;
    tell(&counts);
    for topic in TOPICS {
        assert!(counts[topic].0 > 0, "nothing happened in {topic}");
        assert_eq!(counts[topic].1, 0, "nobody was killed: {topic}");
    }
    let url = format!("fluvio://{}/{}", stage.cluster.endpoint, stage.prefix);
    let described = topics("describe", &url);
    assert!(described.status.success(), "{}", text(&described.stdout));
    for topic in TOPICS {
        let line = format!("{}-{topic}: {PARTITIONS} partitions", stage.prefix);
        assert!(text(&described.stdout).contains(&line), "{}", text(&described.stdout));
    }
    assert_eq!(stage.server.stop().code(), Some(0), "{}", stage.server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_move_take_along_what_their_results_are_told_by() {
    let Some(stage) = Stage::open().await else { return };
    let rehearsal = stage.rehearse("60", "10");
    for partitions in ["1", "2"] {
        stage.wait_for_steps(STEPS_PER_CYCLE).await;
        stage.scale(partitions);
    }
    // Its audit reads logs whose slots stay where they are; here it only brings the buyers.
    rehearsal.await.unwrap();
    tell(&stage.assert_complete().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_and_a_cluster_that_are_killed_again_and_again_leave_every_record_once() {
    let Some(mut stage) = Stage::open().await else { return };
    let rehearsal = stage.rehearse("120", SETTLE_SECONDS);
    for cycle in 0..5 {
        stage.wait_for_steps(STEPS_PER_CYCLE).await;
        if cycle == 2 {
            stage.cluster.kill_data(0);
            stage.cluster.start_data(0);
            stage.cluster.wait_for_leaders().await;
        } else {
            stage.server.kill();
            stage.server.start_again().await;
        }
    }
    assert_clean(&rehearsal.await.unwrap());
    tell(&stage.assert_complete().await);
}
