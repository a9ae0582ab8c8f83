//! What goes wrong around the real binary: a second process, damaged bytes, a full disk, a
//! database that is away, a provider that is down, slow or confused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]
#![allow(clippy::print_stderr, reason = "a skipped test is said")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use boxoffice_tests::client::{Answer, Client};
use boxoffice_tests::house::{House, places, wait_for_count};
use boxoffice_tests::server::{Options, Server};
use boxoffice_tests::services::Postgres;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let house = House::open(Options::default(), 1, 10, 4).await;
    let data_dir = Some(house.server.data_dir().to_owned());
    let mut second = Server::configured(&Options { data_dir, ..Options::default() });
    second.spawn();
    assert!(!second.wait_for_end().await.success());
    assert!(second.log().contains("in use by another process"), "{}", second.log());
    assert_eq!(house.hold(&house.buyer("alice"), &["A-1-1"]).await.status, 200);
}

/// The newest segment that has been written to, and where its last byte is.
fn written_end(data_dir: &Path) -> (PathBuf, u64) {
    let mut segments = Vec::new();
    collect_segments(data_dir, &mut segments);
    segments.sort();
    let mut ends = segments.into_iter().filter_map(|segment| {
        let bytes = std::fs::read(&segment).unwrap();
        // Behind the first sector, which every segment has.
        let last = bytes.iter().rposition(|byte| *byte != 0).filter(|last| *last >= 512)?;
        Some((segment, last as u64))
    });
    ends.next_back().expect("a segment with records")
}

fn collect_segments(folder: &Path, segments: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect_segments(&entry.path(), segments);
        } else if entry.file_name().to_string_lossy().starts_with("segment-") {
            segments.push(entry.path());
        }
    }
}

fn flip(file: &Path, position: u64) {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, position).unwrap();
    file.write_all_at(&[byte[0] ^ 0xff], position).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_cut_and_everything_before_it_stays() {
    let mut house = House::open(Options::default(), 1, 10, 4).await;
    let buyer = house.buyer("alice");
    let first = house.hold(&buyer, &["A-1-1"]).await;
    house.server.kill();
    let (segment, end) = written_end(house.server.data_dir());
    // The start of a record that the power cut short.
    let file = File::options().write(true).open(&segment).unwrap();
    file.write_all_at(&[0xb0; 100], end.next_multiple_of(512)).unwrap();
    house.server.start_again().await;
    let kept = buyer.get(&format!("/v1/intents/{}", first.body["id"].as_str().unwrap())).await;
    assert_eq!(kept.body["outcomes"], first.body["outcomes"]);
    assert_eq!(house.hold(&buyer, &["A-1-2"]).await.status, 200);
    assert!(house.server.stop().success());
    let verified = house.server.run(&["log", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_the_middle_stops_the_start_and_names_file_and_place() {
    let mut house = House::open(Options::default(), 1, 10, 10).await;
    let buyer = house.buyer("alice");
    for seat in 1..=10 {
        assert_eq!(house.hold(&buyer, &[&format!("A-1-{seat}")]).await.status, 200);
    }
    assert!(house.server.stop().success());
    let (segment, end) = written_end(house.server.data_dir());
    // The first blocks are the genesis records and the performance.
    flip(&segment, 512 + (end - 512) / 2);

    let verified = house.server.run(&["log", "verify"]);
    let said = [verified.stdout.clone(), verified.stderr.clone()].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(!verified.status.success(), "{said}");
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert!(said.contains(name), "{said}");

    house.server.spawn();
    assert!(!house.server.wait_for_end().await.success());
    let log = house.server.log();
    assert!(log.contains("damaged at byte") && log.contains(name), "{log}");
}

/// A small file system that is unmounted with the server's directory.
fn mount_small(folder: &Path) -> bool {
    std::fs::create_dir(folder).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=160m", "tmpfs"]).arg(folder);
    let mounted = mount.output().is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("skipped: mounting a small file system needs root");
    }
    mounted
}

/// An intent that takes much room: a performance with many rows.
fn bulky() -> Value {
    let rows: Vec<Value> = (0..3_900)
        .map(|row| json!({ "label": format!("row_{row:0>12}"), "seats": 1, "price_level": "R" }))
        .collect();
    let mut definition = boxoffice_tests::client::performance(1, 1, 1);
    definition["sections"] = json!([{ "code": "A", "kind": "reserved", "rows": rows }]);
    definition
}

/// Sends bulky intents until one is not accepted.
async fn fill(promoter: &Client) -> Answer {
    // A segment has 64 MiB, and each of these takes about 100 KiB of it.
    for _ in 0..2_000 {
        let answer = promoter.intent(bulky()).await;
        if answer.status != 200 && answer.status != 409 {
            return answer;
        }
    }
    panic!("the disk is never full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_nothing_is_lost_and_room_lets_the_sale_go_on() {
    let limits = "[limits]\nbody_bytes_max = 1048576".to_owned();
    let outside = Server::configured(&Options::default());
    let small = outside.directory().join("small");
    if !mount_small(&small) {
        return;
    }
    let filler = small.join("filler");
    std::fs::write(&filler, vec![1; 70 << 20]).unwrap();
    let options =
        Options { data_dir: Some(small.join("data")), extra_config: limits, ..Options::default() };
    let mut house = House::open(options, 1, 10, 4).await;
    let buyer = house.buyer("alice");
    let held = house.hold(&buyer, &["A-1-1"]).await;
    assert_eq!(held.status, 200, "{held:?}");

    let full = fill(&house.promoter).await;
    assert_eq!(full.status, 503, "{full:?}");
    assert!(full.headers.contains_key("retry-after"), "{full:?}");
    // Reading goes on.
    let hold = format!("/v1/holds/{}", held.text("hold"));
    assert_eq!(buyer.get(&hold).await.status, 200);

    std::fs::remove_file(&filler).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while house.hold(&buyer, &["A-1-2"]).await.status == 503 {
        assert!(std::time::Instant::now() < deadline, "it never resumes");
    }
    house.server.kill();
    house.server.start_again().await;
    assert_eq!(buyer.get(&hold).await.body["seats"], json!(["A-1-1"]));
    let taken = house.hold(&house.buyer("bob"), &["A-1-2"]).await;
    assert_eq!(taken.refusal(), (409, "seat_already_held"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sale_goes_on_while_postgres_is_away_and_the_rows_come_later() {
    let mut postgres = Postgres::start_own().await.unwrap();
    let database = postgres.database().await.unwrap();
    let options = Options { database: database.url().to_owned(), ..Options::default() };
    let house = House::open(options, 2, 10, 10).await;
    let buyer = house.buyer("alice");
    house.buy(&buyer, &["A-1-1"]).await;
    wait_for_count(database.url(), "SELECT count(*) FROM tickets", 1).await;

    postgres.stop().await.unwrap();
    let order = house.buy(&buyer, &["A-1-2", "A-1-3"]).await;
    assert_eq!(places(&order), ["A-1-2", "A-1-3"]);
    postgres.start_again().await.unwrap();
    wait_for_count(database.url(), "SELECT count(*) FROM tickets", 3).await;

    postgres.kill().await.unwrap();
    house.buy(&buyer, &["A-1-4"]).await;
    postgres.start_again().await.unwrap();
    wait_for_count(database.url(), "SELECT count(*) FROM tickets", 4).await;
    wait_for_count(database.url(), "SELECT count(DISTINCT place) FROM tickets", 4).await;
}

/// A provider in a process of its own, and a house that uses it.
async fn house_with_provider() -> (Server, House) {
    let provider = Server::start(Options::default()).await;
    let provider_url = Some(provider.sandbox_url());
    (provider, House::open(Options { provider_url, ..Options::default() }, 2, 10, 10).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_outlives_a_provider_that_is_down_and_a_server_that_is_killed() {
    let (mut provider, mut house) = house_with_provider().await;
    let buyer = house.buyer("alice");
    let order = house.place(&buyer, &["A-1-1"]).await;
    let approve = json!({ "kind": "approve" });
    let key = provider.sandbox().open_payment(&order.provider_order_id, order.total, approve).await;
    provider.kill();
    assert_eq!(buyer.intent(order.payment(&key)).await.status, 200);
    assert_eq!(order.wait_for(&buyer, "paying").await["tickets"], json!([]));
    house.server.kill();
    house.server.start_again().await;
    provider.start_again().await;
    order.wait_for(&buyer, "confirmed").await;
    let books = provider.sandbox().get("/sandbox/books").await;
    assert_eq!(books.body["captured"], order.total, "{books:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_or_failing_provider_takes_the_money_exactly_once() {
    let house = House::open(Options::default(), 2, 10, 10).await;
    let buyer = house.buyer("alice");
    let behaviours = [
        json!({ "kind": "slow", "millis": 2_000 }),
        json!({ "kind": "fail_after_booking" }),
        json!({ "kind": "answer_twice" }),
    ];
    for (index, behaviour) in behaviours.iter().enumerate() {
        let seat = format!("A-1-{}", index + 1);
        let order = house.place(&buyer, &[&seat]).await;
        let paying = house.pay(&buyer, &order, behaviour.clone()).await;
        assert_eq!(paying.status, 200, "{behaviour} {paying:?}");
        let confirmed = order.wait_for(&buyer, "confirmed").await;
        assert_eq!(places(&confirmed), [seat], "{behaviour}");
        let books = house.server.sandbox().get("/sandbox/books").await;
        assert_eq!(books.body["captured"], 50_000 * (index + 1), "{behaviour} {books:?}");
        assert_eq!(books.body["refunded"], 0, "{behaviour} {books:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_takes_nothing_and_the_order_can_be_paid_again() {
    let house = House::open(Options::default(), 1, 10, 10).await;
    let buyer = house.buyer("alice");
    let order = house.place(&buyer, &["A-1-1"]).await;
    let decline = json!({ "kind": "decline", "code": "REJECT_CARD_PAYMENT" });
    house.pay(&buyer, &order, decline).await;
    let declined = order.wait_for(&buyer, "placed").await;
    assert_eq!(declined["payments"][0]["state"], "declined", "{declined}");
    house.pay(&buyer, &order, json!({ "kind": "approve" })).await;
    order.wait_for(&buyer, "confirmed").await;
    let books = house.server.sandbox().get("/sandbox/books").await;
    assert_eq!(books.body["captured"], order.total, "{books:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_comes_after_the_order_died_is_given_back() {
    let house = House::open(Options::default(), 1, 10, 10).await;
    let (alice, bob) = (house.buyer("alice"), house.buyer("bob"));
    let order = house.place(&alice, &["A-1-1"]).await;
    let late = json!({ "kind": "decline_then_capture", "millis": 1_000 });
    house.pay(&alice, &order, late).await;
    order.wait_for(&alice, "placed").await;
    let cancelled = alice.intent(json!({ "type": "cancel_order", "order": order.id })).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    house.buy(&bob, &["A-1-1"]).await;
    let refunded = order.wait_for(&alice, "cancelled").await;
    assert_eq!(refunded["tickets"], json!([]));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let books = house.server.sandbox().get("/sandbox/books").await;
        if books.body["refunded"] == order.total {
            assert_eq!(books.body["captured"], 2 * order.total, "{books:?}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "it is never given back: {books:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_cannot_wait_is_told_where_to_look() {
    let house = House::open(Options::default(), 1, 10, 10).await;
    let buyer = house.buyer("alice");
    let request = buyer
        .request(Method::POST, "/v1/intents")
        .header("Prefer", "wait=0")
        .json(&house.hold_seats(&["A-1-1"]));
    let accepted = Client::send(request).await.unwrap();
    assert_eq!((accepted.status, &accepted.body["status"]), (202, &json!("accepted")));
    let location = accepted.headers["location"].to_str().unwrap().to_owned();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let answer = buyer.get(&location).await;
        if answer.body["status"] == "decided" {
            assert_eq!(answer.outcome()["type"], "held", "{answer:?}");
            return;
        }
        assert!(std::time::Instant::now() < deadline, "it is never decided: {answer:?}");
    }
}
