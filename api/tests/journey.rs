//! The whole way of a buyer, and the conventions on it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use boxoffice_api::http::auth::Role;
use boxoffice_api::http::router::document;
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, hold, in_house, pay, request};

#[test]
fn a_buyer_holds_orders_pays_and_owns_tickets() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let mut events = Events::open(&house, &alice, None).await;
        let held = hold(&house, &alice, &["A-1-1", "A-2-5"]).await;
        assert_eq!(held["total"], json!({"minor": 264_000, "currency": "KRW"}));
        assert_eq!(held["seating"], "as_asked");
        let place = json!({"type": "place_order", "hold": held["hold"]});
        let placed = house.post(&alice, place).await.json()["outcomes"][0].clone();
        pay(&house, &alice, &placed).await;
        let (_, confirmed) = events.until("order_confirmed").await;
        assert_eq!(confirmed["tickets"][0]["seat"], "A-1-1");
        assert_eq!(confirmed["tickets"][1]["price"]["minor"], 99_000);

        let order =
            house.get(&format!("/v1/orders/{}", text(&placed["order"])), Some(&alice)).await;
        assert_eq!(order.json()["state"], "confirmed");
        assert_eq!(order.json()["payments"][0]["state"], "captured");
        let tickets = house.get("/v1/me/tickets", Some(&alice)).await.json();
        assert_eq!(tickets["tickets"].as_array().unwrap().len(), 2);
        let orders = house.get("/v1/me/orders", Some(&alice)).await.json();
        assert_eq!(orders["orders"][0]["id"], placed["order"]);
    });
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn events_resume_without_a_gap_or_a_repeat() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let mut events = Events::open(&house, &alice, None).await;
        let mut live = Vec::new();
        for seat in ["A-1-1", "A-1-2", "A-1-3"] {
            hold(&house, &alice, &[seat]).await;
            live.push(events.next().await);
        }
        drop(events);
        // Happens while nobody listens.
        hold(&house, &alice, &["A-1-4"]).await;
        let mut resumed = Events::open(&house, &alice, Some(&live[0].0)).await;
        for expected in &live[1..] {
            assert_eq!(resumed.next().await, *expected);
        }
        assert_eq!(resumed.next().await.1["outcomes"][0]["seats"], json!(["A-1-4"]));
        let bob = house.token("bob", Role::Buyer);
        hold(&house, &bob, &["A-1-9"]).await;
        let release = json!({"type": "release_hold", "hold": live[2].1["outcomes"][0]["hold"]});
        house.post(&alice, release).await;
        assert_eq!(resumed.next().await.1["outcomes"][0]["type"], "hold_released");
        let malformed = request(Method::GET, "/v1/events", Some(&alice))
            .header("last-event-id", "yesterday")
            .body(Body::empty())
            .unwrap();
        assert_eq!(house.send(malformed).await.status, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn the_same_key_gets_the_same_answer_and_another_body_422() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let intent =
            |seat: &str| json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": [seat]});
        let key = [("idempotency-key", "\"7f3c\"")];
        let first = house.post_with(&alice, intent("A-1-1"), &key).await.json();
        let again = house.post_with(&alice, intent("A-1-1"), &key).await.json();
        assert_eq!((&first["repeated"], &again["repeated"]), (&json!(false), &json!(true)));
        assert_eq!((&first["id"], &first["outcomes"]), (&again["id"], &again["outcomes"]));
        let other = house.post_with(&alice, intent("A-1-2"), &key).await;
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(other.json()["code"], "idempotency_key_reused");
        let bob = house.token("bob", Role::Buyer);
        let taken = house.post_with(&bob, intent("A-1-1"), &key).await;
        assert_eq!((taken.status, &taken.json()["item"]), (StatusCode::CONFLICT, &json!(0)));
        let taken_again = house.post_with(&bob, intent("A-1-1"), &key).await;
        assert_eq!(taken_again.json()["repeated"], true);
        let malformed =
            house.post_with(&bob, intent("A-1-3"), &[("idempotency-key", "7f3c")]).await;
        assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn who_does_not_wait_is_told_where_to_look() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let intent = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
        let accepted = house.post_with(&alice, intent, &[("prefer", "wait=0")]).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED);
        assert_eq!(accepted.json()["status"], "accepted");
        let mut events = Events::open(&house, &alice, Some("0:0,1:0")).await;
        events.until("held").await;
        let decided = house.get(accepted.header("location"), Some(&alice)).await;
        assert_eq!(decided.json()["outcomes"][0]["seats"], json!(["A-1-1"]));
    });
}

#[test]
fn a_batch_is_answered_line_by_line_in_order() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let mut lines = String::new();
        for seat in ["A-1-1", "A-1-1", "Z-1-1", "A-1-2"] {
            let intent = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": [seat]});
            lines.push_str(&format!("{intent}\n"));
        }
        lines.push_str("nonsense\n{\"type\":\"open_sale\",\"performance\":\"");
        lines.push_str(&format!("{PERFORMANCE}\"}}"));
        // The pieces of a body need not end where its lines do.
        let pieces: Vec<_> = lines
            .as_bytes()
            .chunks(7)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect();
        let request = request(Method::POST, "/v1/intents/batch", Some(&alice))
            .header("content-type", "application/x-ndjson")
            .body(Body::from_stream(futures_util::stream::iter(pieces)))
            .unwrap();
        let reply = house.send(request).await;
        assert_eq!(reply.status, StatusCode::OK);
        let answers: Vec<Value> =
            reply.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let said: Vec<_> = answers
            .iter()
            .map(|answer| answer["code"].as_str().unwrap_or_else(|| text(&answer["status"])))
            .collect();
        assert_eq!(
            said,
            [
                "decided",
                "seat_already_held",
                "seat_unknown",
                "decided",
                "json_malformed",
                "role_not_allowed"
            ]
        );
    });
}

#[test]
fn availability_is_sent_again_only_when_it_changed() {
    in_house(async |house| {
        house.put_on_sale().await;
        let path = format!("/v1/performances/{PERFORMANCE}/availability");
        let first = house.get(&path, None).await;
        let tag = first.header("etag").to_owned();
        assert_eq!(first.json()["sections"][0]["rows"][0]["seats"], "f".repeat(10));
        let ask = async |tag: &str| {
            let request = request(Method::GET, &path, None).header("if-none-match", tag);
            house.send(request.body(Body::empty()).unwrap()).await
        };
        let same = ask(&tag).await;
        assert_eq!((same.status, same.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        hold(&house, &house.token("alice", Role::Buyer), &["A-1-2"]).await;
        let changed = ask(&tag).await;
        assert_eq!(changed.json()["sections"][0]["rows"][0]["seats"], "fhffffffff");
        assert_eq!(changed.json()["sections"][0]["remaining"], 19);
        assert_ne!(changed.header("etag"), tag);
    });
}

#[test]
fn orders_are_paged_by_their_place_in_the_log() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let mut orders = Vec::new();
        for seat in ["A-1-1", "A-1-2", "A-1-3"] {
            let held = hold(&house, &alice, &[seat]).await;
            let place = json!({"type": "place_order", "hold": held["hold"]});
            let placed = house.post(&alice, place).await.json();
            orders.push(placed["outcomes"][0]["order"].clone());
        }
        let first = house.get("/v1/me/orders?limit=2", Some(&alice)).await.json();
        let next = format!("/v1/me/orders?limit=2&after={}", text(&first["next"]));
        let second = house.get(&next, Some(&alice)).await.json();
        let ids: Vec<_> = [&first, &second]
            .iter()
            .flat_map(|page| page["orders"].as_array().unwrap())
            .map(|order| order["id"].clone())
            .collect();
        assert_eq!(ids, orders);
        assert_eq!(second.get("next"), None);
    });
}

#[test]
fn a_node_that_starts_again_knows_everything() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let first = House::open(|config| config.data_dir = dir.path().to_owned()).await;
        first.put_on_sale().await;
        let alice = first.token("alice", Role::Buyer);
        let held = hold(&first, &alice, &["A-1-1"]).await;
        first.node.shutdown().await.unwrap();
        let second = House::open(|config| config.data_dir = dir.path().to_owned()).await;
        let path = format!("/v1/holds/{}", text(&held["hold"]));
        assert_eq!(second.get(&path, Some(&alice)).await.json()["state"], "live");
        let intent =
            second.get(&format!("/v1/intents/{}", text(&held["hold"])), Some(&alice)).await;
        assert_eq!(intent.json()["outcomes"][0], held);
        second.node.shutdown().await.unwrap();
    });
}

#[test]
fn an_operator_reads_every_record() {
    in_house(async |house| {
        house.put_on_sale().await;
        let operator = house.token("operator", Role::Operator);
        let mut kinds = Vec::new();
        for (topic, partition) in [("intents", 0), ("intents", 1), ("outcomes", 0), ("outcomes", 1)]
        {
            let path = format!("/v1/topics/{topic}/partitions/{partition}/records");
            let page = house.get(&path, Some(&operator)).await.json();
            let records = page["records"].as_array().unwrap().clone();
            kinds.extend(records.iter().map(|it| text(&it["kind"]).to_owned()));
        }
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds, ["genesis", "intent", "step"]);
        let beyond = "/v1/topics/intents/partitions/0/records?from=999";
        assert_eq!(
            house.get(beyond, Some(&operator)).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let nowhere = "/v1/topics/intents/partitions/9/records";
        assert_eq!(house.get(nowhere, Some(&operator)).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn the_page_of_the_api_needs_no_network() {
    in_house(async |house| {
        let page = house.get("/docs/", None).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(!page.body.contains("https://") || !page.body.contains("src=\"https"));
        assert_eq!(house.get("/openapi.json", None).await.json()["openapi"], "3.1.0");
    });
}

#[test]
fn the_document_says_what_it_said() {
    insta::assert_snapshot!("openapi", document().to_pretty_json().unwrap());
}
