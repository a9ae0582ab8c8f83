//! Clients that are slow, and more work than the house can take: each costs what was set aside
//! for it, gets an exact answer, and nobody else pays.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Response, StatusCode};
use boxoffice_api::http::auth::Role;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, hold, in_house_with, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The patience of the houses of these tests: short, because each test waits for its end.
const PATIENCE_MS: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
/// How long the tests wait for what is never to be so late.
const LONG: Duration = Duration::from_secs(60);

const TIMED_OUT: &str = "HTTP/1.1 408 Request Timeout";
const BODY_TIMEOUT: &str = r#"{"type":"/problems/body_timeout","title":"Body timeout","status":408,"detail":"the body did not arrive in time","code":"body_timeout"}"#;

async fn connect(house: &House) -> TcpStream {
    TcpStream::connect(house.node.url().strip_prefix("http://").unwrap()).await.unwrap()
}

/// Everything that the server says until it closes the connection.
async fn read_to_the_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await;
    read.expect("the server closes the connection").unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_connection_whose_headers_do_not_come_is_closed() {
    in_house_with(
        |config| config.limits.header_timeout_ms = PATIENCE_MS,
        async |house| {
            let asked = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
            let said = "HTTP/1.1 200 OK";
            let table: [(&str, &str); 5] = [
                ("", ""),
                ("GET /healthz HT", ""),
                ("GET /healthz HTTP/1.1\r\nhost: x\r\nx: ", ""),
                // A whole request is answered first, and the time runs again for the next one.
                (asked, said),
                (&format!("{asked}GET /healthz"), said),
            ];
            let talks = table.map(async |(sent, said)| {
                let mut stream = connect(&house).await;
                stream.write_all(sent.as_bytes()).await.unwrap();
                let answer = read_to_the_end(&mut stream).await;
                assert_eq!(answer.lines().next().unwrap_or_default(), said, "{sent:?}");
                assert_eq!(answer.matches("HTTP/1.1").count(), usize::from(!said.is_empty()));
            });
            join_all(talks).await;
            assert_eq!(house.get("/healthz", None).await.status, StatusCode::OK);
        },
    );
}

/// The start of an intent that says it is longer than what is sent of it.
fn unfinished(token: &str) -> String {
    format!(
        "POST /v1/intents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 60000\r\n\r\n{{\"type\":"
    )
}

#[test]
fn a_body_that_does_not_come_in_time_is_408_and_its_connection_is_closed() {
    in_house_with(
        |config| config.limits.body_timeout_ms = PATIENCE_MS,
        async |house| {
            let start = unfinished(&house.token("alice", Role::Buyer));
            let mut silent = connect(&house).await;
            silent.write_all(start.as_bytes()).await.unwrap();
            let answer = read_to_the_end(&mut silent).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, BODY_TIMEOUT);
            for line in [TIMED_OUT, "content-type: application/problem+json", "connection: close"] {
                assert!(head.lines().any(|found| found == line), "{line}: {head}");
            }

            // A byte now and then does not buy more time.
            let (mut reading, mut writing) = connect(&house).await.into_split();
            writing.write_all(start.as_bytes()).await.unwrap();
            let trickling = tokio::spawn(async move {
                let mut interval = tokio::time::interval(Duration::from_millis(20));
                // Until the server closes the connection.
                while writing.write_all(b" ").await.is_ok() {
                    interval.tick().await;
                }
            });
            let mut answer = vec![0; 4_096];
            let read = tokio::time::timeout(LONG, reading.read(&mut answer)).await;
            answer.truncate(read.expect("an answer to a body that trickles").unwrap());
            let answer = String::from_utf8(answer).unwrap();
            assert_eq!(answer.lines().next(), Some(TIMED_OUT));
            drop(reading);
            tokio::time::timeout(LONG, trickling)
                .await
                .expect("the end of the connection")
                .unwrap();
        },
    );
}

#[test]
fn a_batch_whose_next_line_does_not_come_answers_what_came_and_then_408() {
    in_house_with(
        |config| config.limits.body_timeout_ms = PATIENCE_MS,
        async |house| {
            house.put_on_sale().await;
            let alice = house.token("alice", Role::Buyer);
            let intent =
                json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
            let piece = Ok::<_, std::io::Error>(format!("{intent}\n{{\"type\":"));
            let pieces = futures_util::stream::iter([piece]).chain(futures_util::stream::pending());
            let request = request(Method::POST, "/v1/intents/batch", Some(&alice))
                .header("content-type", "application/x-ndjson")
                .body(Body::from_stream(pieces))
                .unwrap();
            let reply = tokio::time::timeout(LONG, house.send(request)).await.unwrap();
            let lines: Vec<&str> = reply.body.lines().collect();
            assert_eq!(lines.len(), 2, "{lines:?}");
            let held: Value = serde_json::from_str(lines[0]).unwrap();
            assert_eq!(held["outcomes"][0]["seats"], json!(["A-1-1"]));
            assert_eq!(lines[1], BODY_TIMEOUT);
        },
    );
}

type Answering<'a> = Pin<Box<dyn Future<Output = Response<Body>> + 'a>>;

/// A request that has begun, and the answer when it was there at once.
fn begin<'a>(house: &'a House, token: &str) -> (Answering<'a>, Option<Response<Body>>) {
    let intent = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
    let request = request(Method::POST, "/v1/intents", Some(token))
        .header("content-type", "application/json")
        .header("prefer", "wait=600")
        .body(Body::from(intent.to_string()))
        .unwrap();
    let mut answering: Answering<'a> = Box::pin(house.node.front().answer(request));
    match answering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => (answering, Some(answer)),
        Poll::Pending => (answering, None),
    }
}

/// One thread, so that nothing is taken out of the queue while the test fills it.
#[tokio::test]
async fn a_full_queue_is_503_with_retry_after_and_what_was_queued_is_answered() {
    let house = House::open(|config| {
        config.limits.wait_seconds_max = NonZeroU32::new(600).unwrap();
        config.limits.account_requests_per_second = 0;
    })
    .await;
    house.put_on_sale().await;
    let alice = house.token("alice", Role::Buyer);
    let places = boxoffice_ingest::Config::default().queue_records_max.get();
    let mut queued = Vec::with_capacity(places);
    for number in 0..places {
        let (answering, answer) = begin(&house, &alice);
        assert!(answer.is_none(), "{number}: {answer:?}");
        queued.push(answering);
    }
    let refused = begin(&house, &alice).1.expect("an answer without waiting");
    let (parts, body) = refused.into_parts();
    assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(parts.headers["retry-after"], "1");
    assert_eq!(parts.headers["content-type"], "application/problem+json");
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(
        body,
        r#"{"type":"/problems/too_many_intents","title":"Too many intents","status":503,"detail":"more intents wait than the disk can take","code":"too_many_intents"}"#
    );

    let mut answers = Vec::with_capacity(places);
    for answering in queued {
        answers.push(answering.await.status());
    }
    assert_eq!(answers[0], StatusCode::OK);
    assert!(answers[1..].iter().all(|status| *status == StatusCode::CONFLICT));
    // The client comes back, and there is room.
    assert_eq!(begin(&house, &alice).0.await.status(), StatusCode::CONFLICT);
    house.node.shutdown().await.unwrap();
}

/// A hold and its release, again and again: two events each time.
async fn happen(house: &House, token: &str, times: usize, mut after_each: impl AsyncFnMut()) {
    for _ in 0..times {
        let held = hold(house, token, &["A-1-1"]).await;
        after_each().await;
        let release = json!({"type": "release_hold", "hold": held["hold"]});
        assert_eq!(house.post(token, release).await.status, StatusCode::OK);
        after_each().await;
    }
}

#[test]
fn a_listener_that_does_not_read_is_dropped_and_resumes_without_loss_or_repeat() {
    const WAITING_MAX: NonZeroUsize = NonZeroUsize::new(4).expect("not zero");
    in_house_with(
        |config| config.limits.subscriber_events_max = WAITING_MAX,
        async |house| {
            house.put_on_sale().await;
            let alice = house.token("alice", Role::Buyer);
            let mut slow = Events::open(&house, &alice, None).await;
            let mut quick = Events::open(&house, &alice, None).await;
            let mut all = Vec::new();
            happen(&house, &alice, 6, async || all.push(quick.next().await)).await;
            assert_eq!(all.len(), 12, "who reads is not disturbed");

            let mut read = Vec::new();
            let drained = async {
                while let Some(event) = slow.next_or_end().await {
                    read.push(event);
                }
            };
            tokio::time::timeout(LONG, drained).await.expect("the end of the stream");
            assert_eq!(read, all[..WAITING_MAX.get()], "what waited is read before the end");

            let mut resumed = Events::open(&house, &alice, Some(&read[read.len() - 1].0)).await;
            happen(&house, &alice, 1, async || all.push(quick.next().await)).await;
            while read.len() < all.len() {
                read.push(resumed.next().await);
            }
            assert_eq!(read, all, "each event once, and in its order");
        },
    );
}

#[test]
fn one_listener_too_many_is_503_until_another_leaves() {
    in_house_with(
        |config| config.limits.subscribers_max = NonZeroUsize::MIN,
        async |house| {
            let alice = house.token("alice", Role::Buyer);
            let listening = Events::open(&house, &alice, None).await;
            let refused = house.get("/v1/events", Some(&alice)).await;
            assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(refused.header("retry-after"), "1");
            assert_eq!(
                refused.body,
                r#"{"type":"/problems/too_many_listeners","title":"Too many listeners","status":503,"detail":"too many listen already","code":"too_many_listeners"}"#
            );
            drop(listening);
            Events::open(&house, &alice, None).await;
        },
    );
}

/// One intent of each kind of answer, in the order in which they were answered: token, name and
/// first answer.
async fn answered(house: &House) -> Vec<(String, String, String)> {
    let (promoter, alice) =
        (house.token("house", Role::Promoter), house.token("alice", Role::Buyer));
    let mut answered = Vec::new();
    let mut ask = async |token: &str, intent: Value| {
        let reply = house.post(token, intent).await;
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        answered.push((token.to_owned(), id, reply.body.clone()));
        reply.json()["outcomes"][0].clone()
    };
    ask(&promoter, support::performance()).await;
    ask(&promoter, json!({"type": "open_sale", "performance": PERFORMANCE})).await;
    let seats = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
    let held = ask(&alice, seats.clone()).await;
    ask(&alice, seats).await;
    ask(&alice, json!({"type": "renew_hold", "hold": held["hold"]})).await;
    let placed = ask(&alice, json!({"type": "place_order", "hold": held["hold"]})).await;
    let pay = json!({"type": "pay_order", "order": placed["order"],
        "amount": {"minor": 1, "currency": "KRW"}, "payment_key": "k"});
    ask(&alice, pay).await;
    ask(&alice, json!({"type": "cancel_order", "order": placed["order"]})).await;
    ask(&promoter, json!({"type": "close_sale", "performance": PERFORMANCE})).await;
    answered
}

#[test]
fn an_intent_that_left_memory_is_read_from_the_log_as_it_was_first_answered() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().to_owned();
    let first = in_house_with(
        |config| {
            config.data_dir = data_dir.clone();
            config.limits.recent_steps = NonZeroUsize::MIN;
        },
        async |house| {
            let first = answered(&house).await;
            assert_eq!(first.len(), 9);
            same_as_first_answered(&house, &first).await;
            first
        },
    );
    // Nothing is in the memory of another process.
    in_house_with(
        |config| config.data_dir = data_dir.clone(),
        async |house| same_as_first_answered(&house, &first).await,
    );
}

async fn same_as_first_answered(house: &House, first: &[(String, String, String)]) {
    for (token, id, body) in first {
        let again = house.get(&format!("/v1/intents/{id}"), Some(token)).await;
        assert_eq!(again.body, *body, "{id}");
        let status = again.json()["status"].clone();
        let expected = status.as_u64().map_or(200, |status| u16::try_from(status).unwrap());
        assert_eq!(again.status.as_u16(), expected, "{id}");
        let stranger = house.token("stranger", Role::Buyer);
        let stranger = house.get(&format!("/v1/intents/{id}"), Some(&stranger)).await;
        assert_eq!(stranger.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[test]
fn a_key_whose_first_answer_left_memory_still_gets_it() {
    in_house_with(
        |config| config.limits.recent_steps = NonZeroUsize::MIN,
        async |house| {
            house.put_on_sale().await;
            let alice = house.token("alice", Role::Buyer);
            let intent =
                json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
            let key = [("idempotency-key", "\"7f3c\"")];
            let first = house.post_with(&alice, intent.clone(), &key).await;
            hold(&house, &alice, &["A-1-2"]).await;
            let again = house.post_with(&alice, intent, &key).await;
            assert_eq!(again.status, StatusCode::OK);
            let mut expected = first.json();
            expected["repeated"] = json!(true);
            assert_eq!(again.json(), expected);
        },
    );
}
