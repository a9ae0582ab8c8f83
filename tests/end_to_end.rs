//! The whole way of an intent through the real binary: HTTP, log, decision, provider, ticket, row
//! and push; and the exact answer to each thing that a client can get wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_tests::client::{Client, performance};
use boxoffice_tests::house::{House, Order, places, wait_for_count};
use boxoffice_tests::server::{Options, Server};
use boxoffice_tests::services::Database;
use futures_util::StreamExt;
use jsonwebtoken::{EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

/// The secret that signs the tokens of a test's own making.
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Follows the buyer's events until an outcome of this type has come, and returns what came.
async fn events_until(buyer: Client, kind: &'static str) -> String {
    let request = buyer.request(Method::GET, "/v1/events").header("Accept", "text/event-stream");
    let mut chunks = request.send().await.unwrap().bytes_stream();
    let mut text = String::new();
    let marker = format!("\"type\":\"{kind}\"");
    while !text.contains(&marker) {
        let chunk = chunks.next().await.unwrap_or_else(|| panic!("no {kind} in {text}"));
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_becomes_a_ticket_a_row_and_a_push() {
    let database = Database::fresh().await;
    let options = Options { database: database.url().to_owned(), ..Options::default() };
    let house = House::open(options, 2, 10, 4).await;
    let buyer = house.buyer("alice");
    let pushed = tokio::spawn(events_until(buyer.clone(), "order_confirmed"));

    let order = house.buy(&buyer, &["A-1-3", "A-1-4"]).await;
    assert_eq!(places(&order), ["A-1-3", "A-1-4"]);
    assert_eq!(order["total"], json!({ "minor": 100_000, "currency": "KRW" }));

    let tickets = buyer.get("/v1/me/tickets").await;
    assert!(tickets.body.to_string().contains("A-1-4"), "{tickets:?}");
    let orders = buyer.get("/v1/me/orders").await;
    assert!(orders.body.to_string().contains(order["id"].as_str().unwrap()), "{orders:?}");
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    assert!(matches!(house.buyer("bob").get(&path).await.status, 403 | 404));

    let events = pushed.await.unwrap();
    assert!(events.contains(order["id"].as_str().unwrap()), "{events}");

    let tickets = "SELECT count(*) FROM tickets WHERE place IN ('A-1-3', 'A-1-4')";
    wait_for_count(database.url(), tickets, 2).await;
    let confirmed =
        "SELECT count(*) FROM orders WHERE state = 'confirmed' AND total_minor = 100000";
    wait_for_count(database.url(), confirmed, 1).await;

    let books = house.server.sandbox().get("/sandbox/books").await;
    assert_eq!(books.body["captured"], 100_000, "{books:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_gets_the_first_answer_and_another_body_is_refused() {
    let house = House::open(Options::default(), 1, 10, 4).await;
    let buyer = house.buyer("alice");
    let intent = house.hold_seats(&["A-1-1"]);
    let first = buyer.try_intent(&intent, Some("key")).await.unwrap();
    let again = buyer.try_intent(&intent, Some("key")).await.unwrap();
    assert_eq!((first.status, &first.body["repeated"]), (200, &json!(false)));
    assert_eq!((again.status, &again.body["repeated"]), (200, &json!(true)));
    assert_eq!(first.body["outcomes"], again.body["outcomes"]);
    let other = house.hold_seats(&["A-1-2"]);
    let reused = buyer.try_intent(&other, Some("key")).await.unwrap();
    assert_eq!(reused.refusal(), (422, "idempotency_key_reused"));
    // A key belongs to its account.
    let neighbour = house.buyer("bob").try_intent(&other, Some("key")).await.unwrap();
    assert_eq!(neighbour.status, 200, "{neighbour:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_status_and_code() {
    let house = House::open(Options::default(), 2, 10, 3).await;
    let (alice, bob) = (house.buyer("alice"), house.buyer("bob"));
    let held = house.hold(&alice, &["A-1-1"]).await.text("hold");
    let order = house.place(&alice, &["A-1-2"]).await;
    let closed = house.promoter.intent(performance(1, 2, 2)).await.text("performance");

    let seats = |seats: &[&str]| house.hold_seats(seats);
    let standing = |section: &str, quantity: u32| {
        let sections = json!([{ "section": section, "quantity": quantity }]);
        let kind = "hold_general_admission";
        json!({ "type": kind, "performance": house.performance, "sections": sections })
    };
    let best = |quantity: u32| {
        let kind = "hold_best_available";
        json!({ "type": kind, "performance": house.performance, "quantity": quantity })
    };
    let unknown = "00000000-0000-0000-0000-000000000009";
    let in_house = |performance: &str| json!({ "type": "hold_seats", "performance": performance, "seats": ["A-1-1"] });
    let wrong_amount = Order { total: order.total - 1, ..order.clone() };
    let table: Vec<(&Client, Value, u16, &str)> = vec![
        (&bob, in_house(unknown), 404, "performance_unknown"),
        (&bob, in_house(&closed), 409, "sale_not_open"),
        (&bob, seats(&["A-9-1"]), 404, "seat_unknown"),
        (&bob, seats(&["A-1-1"]), 409, "seat_already_held"),
        (&bob, seats(&["A-2-1", "A-2-1"]), 422, "seat_repeated"),
        (&bob, seats(&["A-2-1", "A-2-2", "A-2-3", "A-2-4"]), 409, "account_limit_exceeded"),
        (&bob, standing("A", 1), 409, "section_not_general_admission"),
        (&bob, standing("BALCONY", 1), 404, "section_unknown"),
        (&bob, best(0), 422, "body_invalid"),
        (&bob, best(16), 409, "account_limit_exceeded"),
        (&bob, json!({ "type": "release_hold", "hold": held }), 403, "hold_owned_by_another"),
        (&bob, json!({ "type": "place_order", "hold": "0-0-1" }), 404, "hold_unknown"),
        (&bob, order.payment("key"), 403, "order_owned_by_another"),
        (&alice, wrong_amount.payment("key"), 409, "amount_mismatch"),
        (&bob, json!({ "type": "cancel_order", "order": "0-0-1" }), 404, "order_unknown"),
    ];
    for (buyer, intent, status, code) in table {
        let answer = buyer.intent(intent.clone()).await;
        assert_eq!(answer.refusal(), (status, code), "{intent} {answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{intent}");
        assert_eq!(answer.body["type"], format!("/problems/{code}"), "{intent}");
    }
    // Nothing of it changed anything.
    assert_eq!(house.hold(&bob, &["A-2-1", "A-2-2", "A-2-3"]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ran_out_is_refused_and_its_seat_is_free() {
    let server = Server::start(Options::default()).await;
    let promoter = server.client("promoter", "promoter");
    let mut definition = performance(1, 2, 2);
    definition["sale"]["hold_ttl_seconds"] = json!(1);
    let performance = promoter.intent(definition).await.text("performance");
    promoter.intent(json!({ "type": "open_sale", "performance": performance })).await;
    let house = House { server, promoter, performance };
    let (alice, bob) = (house.buyer("alice"), house.buyer("bob"));
    let expired = tokio::spawn(events_until(alice.clone(), "hold_expired"));
    let held = house.hold(&alice, &["A-1-1"]).await.text("hold");
    expired.await.unwrap();
    let placed = alice.intent(json!({ "type": "place_order", "hold": held })).await;
    assert_eq!(placed.refusal(), (409, "hold_expired"));
    assert_eq!(house.hold(&bob, &["A-1-1"]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_no_intent_is_refused_before_the_log() {
    let house = House::open(Options::default(), 1, 2, 2).await;
    let buyer = house.buyer("alice");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let long = format!("{{\"type\":\"{}\"}}", "x".repeat(1 << 20));
    let json_type = "application/json";
    let table: Vec<(&str, &str, &[u16])> = vec![
        ("{", json_type, &[400]),
        ("", json_type, &[400]),
        ("{\"type\":\"sell_everything\"}", json_type, &[400, 422]),
        ("{\"type\":\"hold_seats\"}", json_type, &[400, 422]),
        ("{\"type\":\"place_order\",\"hold\":\"1-2\"}", json_type, &[400, 422]),
        (&nested, json_type, &[400, 422]),
        (&deep, json_type, &[413]),
        (&long, json_type, &[413]),
        ("{}", "text/plain", &[415]),
    ];
    for (body, content_type, statuses) in table {
        let request = buyer
            .request(Method::POST, "/v1/intents")
            .header("Content-Type", content_type)
            .body(body.to_owned());
        let answer = Client::send(request).await.unwrap();
        let start: String = body.chars().take(60).collect();
        assert!(statuses.contains(&answer.status), "{start}: {answer:?}");
        assert!(!answer.code().is_empty(), "{start}: {answer:?}");
    }
    assert_eq!(house.hold(&buyer, &["A-1-1"]).await.status, 200);
}

fn signed(secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), claims, &key).unwrap()
}

/// A token that says it needs no signature.
fn unsigned(token: &str) -> String {
    let mut parts = token.split('.').skip(1);
    // {"alg":"none","typ":"JWT"}
    format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts.next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_token_of_the_right_role_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, SECRET).unwrap();
    let extra_config = format!("[auth]\nsecret_file = {secret_file:?}");
    let server = Server::start(Options { extra_config, ..Options::default() }).await;
    let client = server.anonymous();
    let claims = |role: &str, exp: i64| json!({ "sub": "alice", "role": role, "exp": exp });
    let valid = signed(SECRET, &claims("buyer", 4_102_444_800));
    let tampered = valid.replacen('.', ".e", 1);
    let table: Vec<(Option<String>, u16)> = vec![
        (None, 401),
        (Some("nonsense".to_owned()), 401),
        (Some(signed(SECRET, &claims("buyer", 1_000_000_000))), 401),
        (Some(signed(&SECRET.replace('0', "1"), &claims("buyer", 4_102_444_800))), 401),
        (Some(unsigned(&valid)), 401),
        (Some(tampered), 401),
        (Some(signed(SECRET, &claims("emperor", 4_102_444_800))), 401),
    ];
    for (token, status) in table {
        let client = token.as_ref().map_or(client.clone(), |token| client.with_token(token));
        let answer = client.get("/v1/me/orders").await;
        assert_eq!(answer.status, status, "{token:?} {answer:?}");
        assert!(answer.headers.contains_key("www-authenticate"), "{token:?} {answer:?}");
    }
    let buyer = client.with_token(valid);
    assert_eq!(buyer.get("/v1/me/orders").await.status, 200);
    let forbidden = buyer.intent(performance(1, 1, 1)).await;
    assert_eq!(forbidden.refusal(), (403, "role_not_allowed"));
    let records = buyer.get("/v1/topics/outcomes/partitions/0/records?from=0").await;
    assert_eq!(records.refusal(), (403, "role_not_allowed"));
}
