//! The real binary with its log in a Fluvio cluster: prepared, refused, sold on, killed and started
//! again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

#[path = "../topics/log/tests/fluvio/servers.rs"]
#[allow(dead_code, reason = "what the tests of the log need more")]
mod servers;

use std::process::{Command, Output};

use boxoffice_tests::server::{Options, Server, binary};
use boxoffice_tests::services::Database;
use serde_json::{Value, json};

use self::servers::Cluster;

const PARTITIONS: u16 = 2;

/// The address of a log that nobody else uses.
fn url(cluster: &Cluster) -> String {
    format!("fluvio://{}/t{:x}", cluster.endpoint, std::process::id())
}

fn topics(action: &str, url: &str, partitions: &[&str]) -> Output {
    let arguments = ["topics", action, "--log", url];
    Command::new(binary()).args(arguments).args(partitions).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn options(url: &str, database: &Database) -> Options {
    let extra_config = format!(
        "log = {url:?}\n[limits]\naccount_requests_per_second = 1000000\n\
         account_requests_burst = 1000000"
    );
    let database = database.url().to_owned();
    Options { database, partitions: PARTITIONS, extra_config, ..Options::default() }
}

/// A rehearsal on a running server, and its report.
fn rehearse(server: &Server, buyers: &str) -> Value {
    let target = format!("http://127.0.0.1:{}", server.port());
    let output = server.run(&[
        "rehearse",
        "--json",
        "--url",
        &target,
        "--sandbox-url",
        &server.sandbox_url(),
        "--buyers",
        buyers,
        "--shape",
        "hall",
        "--performances",
        "2",
        "--surge-seconds",
        "2",
        "--connections",
        "32",
    ]);
    let said = text(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(report["violations"], json!([]), "{report:#}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_prepared_listed_and_described() {
    let Some(cluster) = Cluster::any().await else { return };
    let url = url(&cluster);
    let prefix = url.rsplit('/').next().unwrap();
    assert_eq!(topics("describe", &url, &[]).status.code(), Some(1), "nothing is there");
    let created = topics("create", &url, &["--partitions", "2"]);
    assert!(created.status.success(), "{}", text(&created.stderr));
    assert!(text(&created.stdout).contains("2 partitions"), "{}", text(&created.stdout));
    let again = topics("create", &url, &["--partitions", "3"]);
    assert!(text(&again.stderr).contains("2 partitions, not 3"), "{}", text(&again.stderr));
    let listed = topics("list", &url, &[]);
    assert!(text(&listed.stdout).lines().any(|line| line == prefix), "{}", text(&listed.stdout));
    let described = topics("describe", &url, &["--partitions", "2"]);
    assert!(described.status.success(), "{}", text(&described.stdout));
    assert!(text(&described.stdout).contains("replicas: 1"), "{}", text(&described.stdout));
    let described = topics("describe", &url, &["--partitions", "9"]);
    assert_eq!(described.status.code(), Some(1));
    assert!(text(&described.stdout).contains("WRONG"), "{}", text(&described.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_topics_says_what_to_do() {
    let Some(cluster) = Cluster::any().await else { return };
    let database = Database::fresh().await;
    let mut server = Server::configured(&options(&url(&cluster), &database));
    server.spawn();
    let status = server.wait_for_end().await;
    assert_eq!(status.code(), Some(1));
    assert!(server.log().contains("boxoffice topics create"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn rehearsals_on_a_cluster_are_clean_before_and_after_a_crash_of_both() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let (url, database) = (url(&cluster), Database::fresh().await);
    let created = topics("create", &url, &["--partitions", "2"]);
    assert!(created.status.success(), "{}", text(&created.stderr));
    let mut server = Server::start(options(&url, &database)).await;
    let report = rehearse(&server, "120");
    assert!(report["sold_seats"].as_u64() > Some(0), "{report:#}");
    // Whoever reads the log takes nothing over.
    let database_url = database.url();
    let replayed = server.run(&["replay", "--verify", "--database", database_url, "--log", &url]);
    assert!(replayed.status.success(), "{}{}", text(&replayed.stdout), text(&replayed.stderr));
    let report = rehearse(&server, "40");
    assert!(report["sold_seats"].as_u64() > Some(0), "{report:#}");
    server.kill();
    cluster.kill_data(0);
    cluster.start_data(0);
    cluster.wait_for_leaders().await;
    server.start_again().await;
    let report = rehearse(&server, "80");
    assert!(report["sold_seats"].as_u64() > Some(0), "{report:#}");
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    // On another machine the log knows the accounts, and nobody could name them again.
    let secret = server.data_dir().join("secret");
    std::fs::remove_file(&secret).unwrap();
    server.spawn();
    assert_eq!(server.wait_for_end().await.code(), Some(1));
    assert!(server.log().contains("secret"), "{}", server.log());
    assert!(!secret.exists());
}
