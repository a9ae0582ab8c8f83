//! The whole way of an intent through the real binary: HTTP, log, decision, provider, ticket, row
//! and push; and the exact answer to each thing that a client can get wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_tests::client::{Answer, Client, performance};
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
    // Whether another's order exists is nobody's business.
    let of_another = house.buyer("bob").get(&path).await;
    assert_eq!(of_another.body, problem(404, "order_unknown"));

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
    assert_refused(&reused, 422, "idempotency_key_reused", None);
    assert_eq!(house.hold(&house.buyer("carol"), &["A-1-2"]).await.status, 200, "still free");
    // A key belongs to its account.
    let other = house.hold_seats(&["A-1-3"]);
    let neighbour = house.buyer("bob").try_intent(&other, Some("key")).await.unwrap();
    assert_eq!((neighbour.status, &neighbour.body["repeated"]), (200, &json!(false)));
}

/// The whole document of a problem that says nothing but its code.
fn problem(status: u16, code: &str) -> Value {
    let mut title = code.replace('_', " ");
    title[..1].make_ascii_uppercase();
    json!({ "type": format!("/problems/{code}"), "title": title, "status": status, "code": code })
}

/// The answer is the problem of a refused intent and nothing else; `item` is the place in its list
/// that was refused.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str, item: Option<u16>) {
    let mut expected = problem(status, code);
    if let Some(item) = item {
        expected["item"] = json!(item);
        expected["detail"] = json!(format!("item {item} of the list"));
    }
    // Where the refusal is in the log.
    let (id, partition, offset) =
        (&answer.body["id"], &answer.body["partition"], &answer.body["offset"]);
    let named = id.as_str().is_some_and(|id| id.ends_with(&format!("-{partition}-{offset}")));
    assert!(named && partition.is_u64() && offset.is_u64(), "{answer:?}");
    for place in ["id", "partition", "offset"] {
        expected[place] = answer.body[place].clone();
    }
    assert_eq!(answer.body, expected);
    assert_eq!(answer.status, status);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
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
    let table: Vec<(&Client, Value, u16, &str, Option<u16>)> = vec![
        (&bob, in_house(unknown), 404, "performance_unknown", None),
        (&bob, in_house(&closed), 409, "sale_not_open", None),
        (&bob, seats(&["A-2-1", "A-9-1"]), 404, "seat_unknown", Some(1)),
        (&bob, seats(&["A-1-1"]), 409, "seat_already_held", Some(0)),
        (&bob, seats(&["A-2-1", "A-2-1"]), 422, "seat_repeated", Some(1)),
        (&bob, seats(&["A-2-1", "A-2-2", "A-2-3", "A-2-4"]), 409, "account_limit_exceeded", None),
        (&bob, standing("A", 1), 409, "section_not_general_admission", Some(0)),
        (&bob, standing("BALCONY", 1), 404, "section_unknown", Some(0)),
        (&bob, best(16), 409, "account_limit_exceeded", None),
        (&bob, json!({ "type": "release_hold", "hold": held }), 403, "hold_owned_by_another", None),
        (&bob, json!({ "type": "renew_hold", "hold": held }), 403, "hold_owned_by_another", None),
        (&bob, json!({ "type": "place_order", "hold": held }), 403, "hold_owned_by_another", None),
        (&bob, json!({ "type": "place_order", "hold": "0-0-1" }), 404, "hold_unknown", None),
        (&bob, order.payment("key"), 403, "order_owned_by_another", None),
        (&alice, wrong_amount.payment("key"), 409, "amount_mismatch", None),
        (&bob, json!({ "type": "cancel_order", "order": "0-0-1" }), 404, "order_unknown", None),
    ];
    for (buyer, intent, status, code, item) in table {
        let answer = buyer.intent(intent.clone()).await;
        assert_refused(&answer, status, code, item);
        // A refusal is kept like any other answer.
        let id = answer.body["id"].as_str().unwrap();
        let kept = buyer.get(&format!("/v1/intents/{id}")).await;
        assert_eq!((kept.status, kept.body), (status, answer.body), "{intent}");
    }
    // Nothing of it changed anything.
    assert_eq!(house.hold(&bob, &["A-2-1", "A-2-2", "A-2-3"]).await.status, 200);
    assert_eq!(alice.get(&format!("/v1/holds/{held}")).await.body["state"], "live");
    assert_eq!(order.wait_for(&alice, "placed").await["payments"], json!([]));
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
    assert_refused(&placed, 409, "hold_expired", None);
    assert_eq!(house.hold(&bob, &["A-1-1"]).await.status, 200);
}

/// A problem that says what is wrong, and where in the body when it is somewhere.
fn explained(status: u16, code: &str, detail: &str, path: Option<&str>) -> Value {
    let mut expected = problem(status, code);
    expected["detail"] = json!(detail);
    if let Some(path) = path {
        expected["path"] = json!(path);
    }
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_no_intent_is_refused_before_the_log() {
    let house = House::open(Options::default(), 1, 2, 2).await;
    let buyer = house.buyer("alice");
    let before = ends(&house).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!("{{\"type\":\"place_order\",\"hold\":{deep}}}");
    let large = format!("{{\"type\":\"{}\"}}", "x".repeat(1 << 20));
    let zero = json!({ "type": "hold_best_available", "performance": house.performance,
        "quantity": 0 })
    .to_string();
    let malformed = |detail| explained(400, "json_malformed", detail, None);
    let invalid = |detail, path| explained(422, "body_invalid", detail, path);
    let too_large = || explained(413, "body_too_large", "the body may have 65536 bytes", None);
    let other_type = |detail| explained(415, "content_type_unsupported", detail, None);
    let (json_type, form) = ("application/json", "application/x-www-form-urlencoded");
    let table: Vec<(&str, &str, Value)> = vec![
        ("", json_type, malformed("EOF while parsing a value at line 1 column 0")),
        ("{", json_type, malformed("EOF while parsing an object at line 1 column 1")),
        (
            "{\"type\":\"hold_seats\"}",
            json_type,
            invalid("missing field `performance` at line 1 column 21", None),
        ),
        (
            "{\"type\":\"place_order\",\"hold\":\"1-2\"}",
            json_type,
            invalid(
                "not a valid id (expected slot-partition-offset) at line 1 column 34",
                Some("hold"),
            ),
        ),
        (&zero, json_type, invalid("must be 1 to 16, is 0", Some("quantity"))),
        (
            &deep,
            json_type,
            invalid("invalid type: sequence, expected a string at line 1 column 1", Some("[0]")),
        ),
        (
            &nested,
            json_type,
            invalid("invalid type: sequence, expected a string at line 1 column 29", Some("hold")),
        ),
        (&large, json_type, too_large()),
        ("{}", "text/plain", other_type("send Content-Type: application/json")),
        ("{}", form, other_type("send Content-Type: application/json")),
    ];
    for (body, content_type, expected) in table {
        let request = buyer
            .request(Method::POST, "/v1/intents")
            .header("Content-Type", content_type)
            .body(body.to_owned());
        let answer = Client::send(request).await.unwrap();
        let start: String = body.chars().take(60).collect();
        assert_eq!(answer.body, expected, "{start}");
        assert_eq!(json!(answer.status), expected["status"], "{start}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{start}");
    }
    let unknown = buyer.intent(json!({"type": "sell_everything"})).await;
    let detail = unknown.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("expected one of hold_seats, hold_best_available, "), "{detail}");
    assert_eq!(unknown.body, explained(422, "intent_type_unknown", detail, Some("type")));
    assert_eq!(ends(&house).await, before, "nothing of it is in the log");
    assert_eq!(house.hold(&buyer, &["A-1-1"]).await.status, 200);
}

/// How far every partition has come.
async fn ends(house: &House) -> Value {
    house.promoter.get("/readyz").await.body["partitions"].clone()
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
    let unverified = "the token cannot be verified";
    let claimless = "the token must carry `sub`, `exp` and `role` (buyer, promoter or operator)";
    let expired = signed(SECRET, &claims("buyer", 1_000_000_000));
    let forged = signed(&SECRET.replace('0', "1"), &claims("buyer", 4_102_444_800));
    let unsigned = unsigned(&valid);
    let emperor = signed(SECRET, &claims("emperor", 4_102_444_800));
    let missing = "send one header `Authorization: Bearer <token>`";
    let table: Vec<(Option<&str>, &str, &str)> = vec![
        (None, "token_missing", missing),
        (Some("nonsense"), "token_invalid", unverified),
        (Some(&expired), "token_expired", "the token has expired"),
        (Some(&forged), "token_invalid", unverified),
        (Some(&unsigned), "token_invalid", unverified),
        (Some(&tampered), "token_invalid", unverified),
        (Some(&emperor), "token_invalid", claimless),
    ];
    for (token, code, detail) in table {
        let client = token.map_or(client.clone(), |token| client.with_token(token));
        let read = client.get("/v1/me/orders").await;
        let wrote = client.intent(json!({ "type": "place_order", "hold": "0-0-1" })).await;
        let challenge = match token {
            None => "Bearer realm=\"boxoffice\"",
            Some(_) => "Bearer realm=\"boxoffice\", error=\"invalid_token\"",
        };
        for answer in [read, wrote] {
            assert_eq!(answer.status, 401, "{token:?} {answer:?}");
            assert_eq!(answer.body, explained(401, code, detail, None), "{token:?}");
            assert_eq!(answer.headers["www-authenticate"], challenge, "{token:?}");
        }
    }
    let buyer = client.with_token(valid);
    assert_eq!(buyer.get("/v1/me/orders").await.status, 200);
    let forbidden = |detail| explained(403, "role_not_allowed", detail, None);
    let created = buyer.intent(performance(1, 1, 1)).await;
    assert_eq!((created.status, created.body), (403, forbidden("only a promoter may do this")));
    let records = buyer.get("/v1/topics/outcomes/partitions/0/records?from=0").await;
    assert_eq!((records.status, records.body), (403, forbidden("only an operator may do this")));
}
