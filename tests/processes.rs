//! Several processes of the real binary that share a Fluvio cluster of two servers and a PostgreSQL,
//! and nothing else: they divide the work, die, stand still and come back, and what they sell
//! together is audited as one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

#[path = "../topics/log/tests/fluvio/servers.rs"]
#[allow(dead_code, reason = "what the tests of the log need more")]
mod servers;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use boxoffice_tests::server::{Options, Server, binary};
use boxoffice_tests::services::Database;
use rustix::process::Signal;
use serde_json::{Value, json};

use self::servers::Cluster;

const PARTITIONS: u16 = 4;
/// Longer than a lease: whoever stands still for so long has lost what it had.
const STANDSTILL: Duration = Duration::from_secs(9);
/// Longer than the limit of one write to the cluster.
const STALL: Duration = Duration::from_secs(7);

/// Everything that the processes share, and the processes.
struct Site {
    cluster: Cluster,
    database: Database,
    log: String,
    /// Answers, and has the sinks.
    front: Server,
    /// Decide.
    processors: [Server; 2],
}

impl Site {
    /// `None` without the program of the cluster's servers.
    async fn open() -> Option<Self> {
        let cluster = Cluster::start(2).await?;
        let database = Database::fresh().await;
        let log = format!("fluvio://{}/site", cluster.endpoint);
        let partitions = PARTITIONS.to_string();
        let created = boxoffice(&["topics", "create", "--log", &log, "--partitions", &partitions]);
        assert!(created.status.success(), "{}", text(&created.stderr));
        let front = Server::start(options(&log, &database, "'api', 'sinks'", None)).await;
        let secrets = front.data_dir().to_owned();
        let processor = || options(&log, &database, "'processor'", Some(&secrets));
        let processors = [Server::start(processor()).await, Server::start(processor()).await];
        Some(Self { cluster, database, log, front, processors })
    }

    /// Holds a rehearsal while `meanwhile` happens, and returns its report, which is clean.
    async fn rehearse(
        &mut self,
        buyers: &str,
        surge_seconds: &str,
        meanwhile: impl AsyncFnOnce(&mut Self),
    ) -> Value {
        self.rehearse_with(&[], buyers, surge_seconds, meanwhile).await
    }

    /// The same with more arguments.
    async fn rehearse_with(
        &mut self,
        more: &[&str],
        buyers: &str,
        surge_seconds: &str,
        meanwhile: impl AsyncFnOnce(&mut Self),
    ) -> Value {
        let url = format!("http://127.0.0.1:{}", self.front.port());
        let (sandbox, data_dir) = (self.front.sandbox_url(), self.front.data_dir().to_owned());
        let arguments = ["rehearse", "--json", "--shape", "hall", "--performances", "6"]
            .into_iter()
            .chain(["--url", &url, "--sandbox-url", &sandbox, "--buyers", buyers])
            .chain(["--surge-seconds", surge_seconds, "--connections", "32", "--data-dir"])
            .map(str::to_owned);
        let mut command = Command::new(binary());
        command.args(arguments).arg(data_dir).args(more);
        let running = tokio::task::spawn_blocking(move || command.output().unwrap());
        meanwhile(self).await;
        let output = running.await.unwrap();
        let said = text(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!(report["violations"], json!([]), "{report:#}");
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(report["sold_seats"].as_u64() > Some(0), "{report:#}");
        report
    }

    /// Who decides each partition, by name; `None` where nobody is known to.
    async fn owners(&self) -> Vec<Option<String>> {
        let operator = self.front.client("operator", "night");
        let answer = operator.get("/v1/partitions").await;
        let partitions = answer.body["partitions"].as_array().unwrap();
        let owner = |partition: &Value| partition["owner"]["name"].as_str().map(str::to_owned);
        partitions.iter().map(owner).collect()
    }

    /// Waits until every partition has an owner, and so many processes have some.
    async fn settled(&self, processes: usize) {
        for _ in 0..300 {
            let owners = self.owners().await;
            let mut names: Vec<_> = owners.iter().flatten().collect();
            names.sort_unstable();
            names.dedup();
            if owners.iter().all(Option::is_some) && names.len() == processes {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{:?}", self.owners().await);
    }

    /// Ends everybody, decides everything again and compares every outcome and every row.
    fn audit(mut self) {
        assert_eq!(self.front.stop().code(), Some(0), "{}", self.front.log());
        for processor in &mut self.processors {
            assert_eq!(processor.stop().code(), Some(0), "{}", processor.log());
        }
        let database = self.database.url();
        let replayed =
            self.front.run(&["replay", "--verify", "--log", &self.log, "--database", database]);
        let (said, why) = (text(&replayed.stdout), text(&replayed.stderr));
        assert!(replayed.status.success(), "{said}{why}");
    }
}

fn options(log: &str, database: &Database, roles: &str, secrets: Option<&Path>) -> Options {
    let secrets = secrets.map(|secrets| format!("secrets_dir = {secrets:?}\n"));
    let extra_config = format!(
        "log = {log:?}\nroles = [{roles}]\n{}[limits]\naccount_requests_per_second = 1000000\n\
         account_requests_burst = 1000000",
        secrets.unwrap_or_default()
    );
    let database = database.url().to_owned();
    Options { database, partitions: PARTITIONS, extra_config, ..Options::default() }
}

fn boxoffice(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_share_the_work_and_a_sale_is_clean() {
    let Some(mut site) = Site::open().await else { return };
    site.settled(2).await;
    let report = site.rehearse("200", "3", async |_| ()).await;
    assert_eq!(report["lost"], 0, "{report:#}");
    // Only the roles that a process has are served.
    let unknown = site.processors[0].anonymous().get("/v1/performances").await;
    assert_eq!(unknown.status, 404);
    site.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_that_are_killed_are_replaced_while_they_sell() {
    let Some(mut site) = Site::open().await else { return };
    site.settled(2).await;
    site.rehearse("250", "12", async |site| {
        seconds(3).await;
        site.processors[0].kill();
        site.settled(1).await;
        site.processors[0].start_again().await;
        site.settled(2).await;
        site.cluster.kill_data(0);
        site.cluster.start_data(0);
    })
    .await;
    site.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_at_once_are_harmless() {
    let Some(mut site) = Site::open().await else { return };
    site.settled(2).await;
    site.rehearse("250", "16", async |site| {
        seconds(2).await;
        // It decides what it has read, and does not know that others own it by now.
        site.processors[1].signal(Signal::STOP);
        tokio::time::sleep(STANDSTILL).await;
        site.settled(1).await;
        site.processors[1].signal(Signal::CONT);
        site.settled(2).await;
        site.cluster.signal_data(Signal::STOP);
        tokio::time::sleep(STALL).await;
        site.cluster.signal_data(Signal::CONT);
    })
    .await;
    let said = site.processors[1].log();
    assert!(said.contains("partition lost") || said.contains("partition given back"), "{said}");
    site.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_move_between_processes_while_they_sell() {
    let Some(mut site) = Site::open().await else { return };
    site.settled(2).await;
    let report = site.rehearse_with(&["--scale-to", "8,4"], "250", "16", async |_| ()).await;
    let scaled: Vec<_> = report["scaling"].as_array().unwrap().iter().map(|it| &it["to"]).collect();
    assert_eq!(scaled, [8, 4], "{report:#}");
    assert_eq!(site.owners().await.len(), 8);
    site.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_stand_by_and_take_over_from_one_that_dies() {
    let Some(mut site) = Site::open().await else { return };
    let secrets = site.front.data_dir().to_owned();
    let mut standby = options(&site.log, &site.database, "'sinks'", Some(&secrets));
    standby.provider_url = Some(site.front.sandbox_url());
    let standby = Server::start(standby).await;
    site.settled(2).await;
    site.rehearse("150", "3", async |_| ()).await;
    site.front.stop();
    drop(standby);
    site.front.start_again().await;
    site.audit();
}
