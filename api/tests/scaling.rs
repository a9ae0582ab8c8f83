//! A running node is scaled up and down while buyers buy.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Method, StatusCode};
use boxoffice_api::http::auth::Role;
use serde_json::{Value, json};
use support::events::Events;
use support::{House, in_house, request};

/// Enough that every partition gets some.
const SHOWS: usize = 12;
/// Places of the floor of each.
const FLOOR: usize = 20;

fn show(number: usize) -> String {
    format!("6f2b8a52-9a53-4f4e-9a39-{number:012}")
}

async fn put_on_sale(house: &House) {
    let promoter = house.token("house", Role::Promoter);
    for number in 0..SHOWS {
        let mut performance = support::performance();
        performance["performance"] = json!(show(number));
        house.ask(&promoter, performance).await;
        let open = json!({"type": "open_sale", "performance": show(number)});
        house.ask(&promoter, open).await;
    }
}

async fn scale(house: &House, to: u16) -> Value {
    let operator = house.token("operator", Role::Operator);
    let body = Body::from(json!({ "to": to }).to_string());
    let asked = request(Method::POST, "/v1/partitions/scale", Some(&operator))
        .header("content-type", "application/json");
    let reply = house.send(asked.body(body).unwrap()).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    let is_done = |seen: &Value| seen["scaling"]["to"] == to && seen["scaling"]["state"] == "done";
    house.until("/v1/partitions", &operator, is_done).await
}

/// What each partition has of something.
fn counts(seen: &Value, of: &str) -> Vec<u64> {
    let partitions = seen["partitions"].as_array().unwrap().iter();
    partitions.map(|partition| partition[of].as_u64().unwrap()).collect()
}

/// Slots with performances and slots without are spread each for itself, and performances may
/// share a slot.
fn assert_even(seen: &Value, to: usize) {
    for of in ["slots", "performances"] {
        let counts = counts(seen, of);
        let (used, unused) = counts.split_at(to);
        assert!(used.iter().max().unwrap() - used.iter().min().unwrap() <= 2, "{seen}");
        assert!(unused.iter().all(|count| *count == 0), "{seen}");
    }
}

/// Buys one place after another, in one show after another, and looks at what it has; twice with
/// the same key, which must be answered twice the same. Returns the holds with their shows.
async fn buy(house: Arc<House>, name: String, is_over: Arc<AtomicBool>) -> Vec<(String, usize)> {
    let token = house.token(&name, Role::Buyer);
    let mut held = Vec::new();
    while !is_over.load(Ordering::Relaxed) && held.len() < 2 * SHOWS {
        let at = held.len() % SHOWS;
        let hold = json!({"type": "hold_general_admission", "performance": show(at),
            "sections": [{"section": "FLOOR", "quantity": 1}]});
        let key = format!("\"{name}-{}\"", held.len());
        let first = house.post_with(&token, hold.clone(), &[("idempotency-key", &key)]).await;
        assert_eq!(first.status, StatusCode::OK, "{}", first.body);
        let again = house.post_with(&token, hold, &[("idempotency-key", &key)]).await;
        assert_eq!(again.json()["outcomes"], first.json()["outcomes"], "{}", again.body);
        let id = first.json()["outcomes"][0]["hold"].as_str().unwrap().to_owned();
        let seen = house.get(&format!("/v1/holds/{id}"), Some(&token)).await;
        assert_eq!(seen.status, StatusCode::OK, "{}", seen.body);
        let intent = house.get(&format!("/v1/intents/{id}"), Some(&token)).await.json();
        assert_eq!(intent["status"], "decided", "{intent}");
        held.push((id, at));
    }
    held
}

#[test]
fn buyers_buy_while_the_node_scales_and_nothing_is_lost_or_sold_twice() {
    in_house(async |house| {
        put_on_sale(&house).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let buyers: Vec<_> = (0..6)
            .map(|number| {
                let (house, is_over) = (Arc::clone(&house), Arc::clone(&is_over));
                tokio::spawn(buy(house, format!("buyer-{number}"), is_over))
            })
            .collect();
        assert_even(&scale(&house, 5).await, 5);
        assert_even(&scale(&house, 2).await, 2);
        let grown = scale(&house, 4).await;
        is_over.store(true, Ordering::Relaxed);
        assert_even(&grown, 4);
        assert!(grown["moves"]["with_performances"].as_u64().unwrap() > 0);
        let mut taken = [0; SHOWS];
        for buyer in buyers {
            for (_, at) in buyer.await.unwrap() {
                taken[at] += 1;
            }
        }
        for (number, taken) in taken.into_iter().enumerate() {
            let path = format!("/v1/performances/{}/availability", show(number));
            let seen = house.get(&path, None).await.json();
            let mut sections = seen["sections"].as_array().unwrap().iter();
            let floor = sections.find(|it| it["code"] == "FLOOR").unwrap();
            assert_eq!(floor["remaining"], FLOOR - taken, "{seen}");
        }
    });
}

/// What was begun where a performance was goes on where it is: a hold, its order, its payment, and
/// the buyer who listens.
#[test]
fn an_order_is_paid_in_another_partition_than_its_hold_was_made_in() {
    in_house(async |house| {
        put_on_sale(&house).await;
        let alice = house.token("alice", Role::Buyer);
        let mut events = Events::open(&house, &alice, None).await;
        let mut orders = Vec::new();
        let mut places = Vec::new();
        for number in 0..SHOWS {
            let hold =
                json!({"type": "hold_seats", "performance": show(number), "seats": ["A-1-1"]});
            places.push(house.ask(&alice, hold).await["hold"].clone());
        }
        scale(&house, 6).await;
        for hold in &places {
            let place = json!({"type": "place_order", "hold": hold});
            orders.push(house.ask(&alice, place).await);
        }
        for placed in &orders[..SHOWS / 2] {
            support::pay(&house, &alice, placed).await;
        }
        scale(&house, 1).await;
        for placed in &orders[SHOWS / 2..] {
            support::pay(&house, &alice, placed).await;
        }
        for _ in 0..SHOWS {
            let (_, confirmed) = events.until("order_confirmed").await;
            assert_eq!(confirmed["tickets"][0]["seat"], "A-1-1");
        }
        let tickets = house.get("/v1/me/tickets", Some(&alice)).await.json();
        assert_eq!(tickets["tickets"].as_array().unwrap().len(), SHOWS);
        let mut seen = Vec::new();
        let mut path = "/v1/me/orders?limit=5".to_owned();
        loop {
            let page = house.get(&path, Some(&alice)).await.json();
            let orders = page["orders"].as_array().unwrap().clone();
            seen.extend(orders.iter().map(|order| order["id"].clone()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/me/orders?limit=5&after={next}");
        }
        assert_eq!(seen.len(), SHOWS, "each order is on one page");
    });
}

#[test]
fn only_an_operator_scales_and_only_as_far_as_a_log_goes() {
    in_house(async |house| {
        let (operator, buyer) =
            (house.token("operator", Role::Operator), house.token("alice", Role::Buyer));
        let ask = async |token: &str, body: Value| {
            let asked = request(Method::POST, "/v1/partitions/scale", Some(token))
                .header("content-type", "application/json");
            house.send(asked.body(Body::from(body.to_string())).unwrap()).await.status
        };
        assert_eq!(ask(&buyer, json!({"to": 3})).await, StatusCode::FORBIDDEN);
        assert_eq!(ask(&operator, json!({"to": 0})).await, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(ask(&operator, json!({"to": 1_025})).await, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(house.get("/v1/partitions", Some(&buyer)).await.status, StatusCode::FORBIDDEN);
        let seen = house.get("/v1/partitions", Some(&operator)).await.json();
        assert_eq!(counts(&seen, "slots"), [2_048; 2]);
    });
}
