//! What goes wrong around the real binary: a second process, damaged bytes, a full disk, a
//! database that is away, a provider that is down, slow or confused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]
#![allow(clippy::print_stderr, reason = "a skipped test is said")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use boxoffice_tests::client::{Answer, Client};
use boxoffice_tests::house::{House, places, wait_for_count};
use boxoffice_tests::server::{Options, Server};
use boxoffice_tests::services::Postgres;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let house = House::open(Options::default(), 1, 10, 4).await;
    let data_dir = Some(house.server.data_dir().to_owned());
    let mut second = Server::configured(&Options { data_dir, ..Options::default() });
    second.spawn();
    assert_eq!(second.wait_for_end().await.code(), Some(1));
    let folder = house.server.data_dir().join("log/");
    let in_use = format!("log: {} is in use by another process\n", folder.display());
    assert!(second.log().ends_with(&format!("boxoffice: {in_use}")), "{}", second.log());
    // Whoever looks at the log is kept out, too: it would see a log that moves.
    let verified = house.server.run(&["log", "verify"]);
    assert_eq!(said(&verified), (Some(1), String::new(), format!("boxoffice: {in_use}")));
    assert_eq!(house.hold(&house.buyer("alice"), &["A-1-1"]).await.status, 200);
}

/// Exit code, standard output and standard error of a command.
fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
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

/// A server that was stopped well after ten holds, and its newest segment with its last byte.
async fn stopped_server() -> (Server, PathBuf, u64) {
    let mut house = House::open(Options::default(), 1, 10, 10).await;
    let buyer = house.buyer("alice");
    for seat in 1..=10 {
        assert_eq!(house.hold(&buyer, &[&format!("A-1-{seat}")]).await.status, 200);
    }
    assert!(house.server.stop().success());
    let (segment, end) = written_end(house.server.data_dir());
    (house.server, segment, end)
}

/// `serve` refuses to start, because of this damage.
async fn assert_not_started(server: &mut Server, damage: &str) {
    server.spawn();
    assert_eq!(server.wait_for_end().await.code(), Some(1));
    let log = server.log();
    assert!(log.ends_with(&format!("boxoffice: log: {damage}\n")), "{damage}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_the_middle_stops_the_start_and_names_file_and_place() {
    let (mut server, segment, end) = stopped_server().await;
    // The first blocks are the genesis records and the performance.
    let position = 512 + (end - 512) / 2;
    flip(&segment, position);
    let (code, found, complaint) = said(&server.run(&["log", "verify"]));
    assert_eq!((code, complaint.as_str()), (Some(1), ""), "{found}");
    let start = format!("  DAMAGED: {} at byte ", segment.display());
    let damage = found.lines().find_map(|line| line.strip_prefix(&start));
    let (at, reason) = damage.and_then(|damage| damage.split_once(": ")).expect(&found);
    assert_eq!(reason, "the block is not whole, and a later one says that it was synced");
    // The block that the byte is in begins at a sector, and no block of this log is long.
    let at: u64 = at.parse().unwrap();
    assert!(at.is_multiple_of(512) && at <= position && position < at + 4_096, "{at} {position}");
    let damage = format!("{} is damaged at byte {at}: {reason}", segment.display());
    assert_not_started(&mut server, &damage).await;

    // Nothing was changed by looking: with the byte as it was, everything is there.
    flip(&segment, position);
    let verified = said(&server.run(&["log", "verify"]));
    assert!(verified.0 == Some(0) && verified.1.ends_with("  no damage\n"), "{verified:?}");
    server.start_again().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_was_cut_short_stops_the_start_and_names_file_and_place() {
    let (mut server, segment, end) = stopped_server().await;
    let whole = std::fs::metadata(&segment).unwrap().len();
    // The last byte of the file, which is behind everything written; then the middle of a record.
    for length in [whole - 1, 512 + (end - 512) / 2] {
        File::options().write(true).open(&segment).unwrap().set_len(length).unwrap();
        let damage =
            format!("{} is damaged at byte {length}: the segment is cut short", segment.display());
        let verified = said(&server.run(&["log", "verify"]));
        assert_eq!(verified, (Some(1), String::new(), format!("boxoffice: log: {damage}\n")));
        assert_not_started(&mut server, &damage).await;
    }
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

/// Sends bulky intents until there is no room for one more, and returns the names of those that
/// were accepted.
async fn fill(promoter: &Client) -> Vec<String> {
    let body = bulky().to_string();
    let send = || {
        let request = promoter.request(Method::POST, "/v1/intents");
        Client::send(request.header("Content-Type", "application/json").body(body.clone()))
    };
    let first = send().await.unwrap();
    assert_eq!(first.status, 200, "{first:?}");
    let mut accepted = vec![first];
    // Those in flight together are refused together: in the end there may be room for one.
    for in_flight in [8, 1] {
        let mut refused = false;
        while !refused {
            for answer in join_all((0..in_flight).map(|_| send())).await {
                let answer = answer.unwrap();
                if answer.status == 503 {
                    assert_disk_full(&answer);
                    refused = true;
                    continue;
                }
                // A refusal has its place in the log like any other answer.
                assert_eq!(answer.refusal(), (409, "performance_already_exists"));
                accepted.push(answer);
            }
        }
    }
    accepted.iter().map(|answer| answer.body["id"].as_str().unwrap().to_owned()).collect()
}

fn assert_disk_full(answer: &Answer) {
    let expected = json!({
        "type": "/problems/disk_full",
        "title": "Disk full",
        "status": 503,
        "detail": "the disk is full; nothing was lost",
        "code": "disk_full",
    });
    assert_eq!((answer.status, &answer.body), (503, &expected));
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_nothing_is_lost_and_room_lets_the_sale_go_on() {
    let limits = "[limits]\nbody_bytes_max = 1048576\naccount_requests_per_second = 0".to_owned();
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

    let accepted = fill(&house.promoter).await;
    let refused = bulky();
    assert_disk_full(&house.promoter.intent(refused.clone()).await);
    // Reading goes on.
    let hold = format!("/v1/holds/{}", held.text("hold"));
    assert_eq!(buyer.get(&hold).await.status, 200);
    assert_eq!(buyer.get("/readyz").await.status, 200);

    std::fs::remove_file(&filler).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let resumed = loop {
        let answer = house.hold(&buyer, &["A-1-2"]).await;
        if answer.status != 503 {
            break answer;
        }
        assert_disk_full(&answer);
        assert!(std::time::Instant::now() < deadline, "it never resumes");
    };
    assert_eq!(resumed.outcome()["seats"], json!(["A-1-2"]), "{resumed:?}");
    house.server.kill();
    house.server.start_again().await;
    // Offsets are dense: what is between these is there, too.
    for id in accepted.iter().step_by(100).chain(accepted.last()) {
        let kept = house.promoter.get(&format!("/v1/intents/{id}")).await;
        assert_eq!(kept.body["id"], id.as_str(), "accepted and lost: {kept:?}");
    }
    let performance = refused["performance"].as_str().unwrap();
    let nothing = buyer.get(&format!("/v1/performances/{performance}")).await;
    assert_eq!(nothing.refusal(), (404, "performance_unknown"), "refused, and nothing of it");
    assert_eq!(buyer.get(&hold).await.body["seats"], json!(["A-1-1"]));
    let taken = house.hold(&house.buyer("bob"), &["A-1-2"]).await;
    assert_eq!(taken.refusal(), (409, "seat_already_held"));
}

/// Waits until the server says this of its database, and returns all that it says then.
async fn wait_for_postgres(client: &Client, state: &str) -> Answer {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let ready = client.get("/readyz").await;
        if ready.body["postgres"]["state"] == state {
            return ready;
        }
        assert!(std::time::Instant::now() < deadline, "the database is never {state}: {ready:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
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
    // It is said, and the house sells all the same.
    let away = wait_for_postgres(&buyer, "retrying").await;
    assert_eq!((away.status, &away.body["ready"]), (200, &json!(true)), "{away:?}");
    postgres.start_again().await.unwrap();
    wait_for_count(database.url(), "SELECT count(*) FROM tickets", 3).await;
    let back = wait_for_postgres(&buyer, "following").await;
    assert_eq!(back.body["postgres"].get("error"), None, "{back:?}");

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
    let paying = buyer.intent(order.payment(&key)).await;
    assert_eq!((paying.status, &paying.outcome()["type"]), (200, &json!("payment_requested")));
    assert_eq!(order.wait_for(&buyer, "paying").await["tickets"], json!([]));
    // A second attempt beside one whose result is not known could take the money twice.
    let second = buyer.intent(order.payment(&format!("{key}-2"))).await;
    assert_eq!(second.refusal(), (409, "payment_in_progress"));
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
        assert_eq!(paying.outcome()["type"], "payment_requested", "{behaviour}");
        let confirmed = order.wait_for(&buyer, "confirmed").await;
        assert_eq!(places(&confirmed), [seat], "{behaviour}");
        let payments = confirmed["payments"].as_array().unwrap();
        let states: Vec<&Value> = payments.iter().map(|payment| &payment["state"]).collect();
        assert_eq!(states, ["captured"], "{behaviour}");
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
