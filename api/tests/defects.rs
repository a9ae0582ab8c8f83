//! Defects of other ticket shops that can be seen over HTTP: who asks is what the token says, and
//! nobody else's word; only those who may turn something turn it; money has no fractions.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use boxoffice_api::http::auth::Role;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use support::{House, PERFORMANCE, hold, in_house, request};

const ROOM: &str = "/v1/performances/6f2b8a52-9a53-4f4e-9a39-111111111111/waiting-room";

/// Headers in which other gateways hand on who asks.
const SOMEBODY_ELSE: &[(&str, &str)] = &[
    ("x-user-id", "alice"),
    ("x-user-role", "PROMOTER"),
    ("x-forwarded-user", "alice"),
    ("cookie", "user_id=alice; role=promoter"),
];

fn about(kind: &str, more: Value) -> Value {
    let mut intent = json!({"type": kind, "performance": PERFORMANCE});
    intent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    intent
}

#[test]
fn only_the_token_says_who_asks() {
    in_house(async |house| {
        house.put_on_sale().await;
        let [alice, mallory] = ["alice", "mallory"].map(|it| house.token(it, Role::Buyer));
        let held = hold(&house, &alice, &["A-1-1"]).await;
        let placed = house.ask(&alice, json!({"type": "place_order", "hold": held["hold"]})).await;
        let order = placed["order"].as_str().unwrap();

        let cancel = json!({"type": "cancel_order", "order": order});
        let refused = house.post_with(&mallory, cancel, SOMEBODY_ELSE).await;
        assert_eq!(
            (refused.status, refused.json()["code"].clone()),
            (StatusCode::FORBIDDEN, json!("order_owned_by_another"))
        );
        let opened = house.post_with(&mallory, about("open_sale", json!({})), SOMEBODY_ELSE).await;
        assert_eq!(
            (opened.status, opened.json()["code"].clone()),
            (StatusCode::FORBIDDEN, json!("role_not_allowed"))
        );

        for path in ["/v1/me/orders", "/v1/me/orders?user_id=alice", "/v1/me/tickets?subject=alice"]
        {
            let seen = read_as_somebody_else(&house, path, Some(&mallory)).await;
            assert!(!seen.1.contains(order), "{path}: {}", seen.1);
            let nobody = read_as_somebody_else(&house, path, None).await;
            assert_eq!(nobody.0, StatusCode::UNAUTHORIZED, "{path}: {}", nobody.1);
        }
        let own = house.get("/v1/me/orders", Some(&alice)).await;
        assert!(own.body.contains(order), "{}", own.body);
    });
}

async fn read_as_somebody_else(
    house: &House,
    path: &str,
    token: Option<&str>,
) -> (StatusCode, String) {
    let mut request = request(Method::GET, path, token);
    for (name, value) in SOMEBODY_ELSE {
        request = request.header(*name, *value);
    }
    let reply = house.send(request.body(Body::empty()).unwrap()).await;
    (reply.status, reply.body)
}

/// A count by cookie begins anew with every cookie; here an account is one, whatever it sends.
#[test]
fn another_cookie_is_not_another_person() {
    in_house(async |house| {
        house.put_on_sale().await;
        let rules = json!({"admissions_per_minute": 0, "active_buyers_max": 1, "session_seconds": 600,
            "grace_seconds": 120});
        let promoter = house.token("house", Role::Promoter);
        house.ask(&promoter, about("set_waiting_room", json!({"rules": rules}))).await;
        let join = about("join_waiting_room", json!({}));
        let mut answers = Vec::new();
        for cookie in ["visitor=1", "visitor=2"] {
            let token = house.token("alice", Role::Buyer);
            let joined = house.post_with(&token, join.clone(), &[("cookie", cookie)]).await.json();
            answers.push(joined["outcomes"][0].clone());
        }
        assert_eq!(
            (&answers[0]["type"], &answers[0]["number"]),
            (&json!("waiting_room_joined"), &json!(0))
        );
        assert_eq!(
            (&answers[1]["type"], &answers[1]["number"]),
            (&json!("waiting_room_returned"), &json!(0))
        );
        assert_eq!(house.get(ROOM, None).await.json()["waiting"], 1);
    });
}

#[test]
fn a_buyer_lets_nobody_in_and_turns_nothing() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let before = house.get(&format!("/v1/performances/{PERFORMANCE}/availability"), None).await;
        let rules = json!({"admissions_per_minute": 1, "active_buyers_max": 1, "session_seconds": 600,
            "grace_seconds": 120});
        let fans = json!({"channel": "FANS", "code": "LETMEIN"});
        let aside = json!({"channel": "FANS", "what": {"seats": ["A-1-1"]}});
        let turns = [
            about("set_waiting_room", json!({"rules": rules})),
            about("set_waiting_room", json!({"rules": null})),
            about("open_sale", json!({})),
            about("close_sale", json!({})),
            about("cancel_performance", json!({})),
            about("set_refund_terms", json!({"terms": {"booking_fee_minor": 0}})),
            about("set_channel", fans),
            about("set_aside", aside),
            about("release_companions", json!({})),
        ];
        for intent in turns {
            let refused = house.refused(&alice, intent.clone()).await;
            assert_eq!(refused, (403, "role_not_allowed".to_owned()), "{intent}");
        }
        // What is shown is changed by intents alone.
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
            for path in ["", "/availability", "/waiting-room"] {
                let path = format!("/v1/performances/{PERFORMANCE}{path}");
                let promoter = house.token("house", Role::Promoter);
                let request = request(method.clone(), &path, Some(&promoter));
                let reply = house.send(request.body(Body::from("{}")).unwrap()).await;
                assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            }
        }
        let after = house.get(&format!("/v1/performances/{PERFORMANCE}/availability"), None).await;
        assert_eq!(after.body, before.body);
    });
}

#[test]
fn an_amount_is_a_whole_number_of_minor_units() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let held = hold(&house, &alice, &["A-1-1"]).await;
        let placed = house.ask(&alice, json!({"type": "place_order", "hold": held["hold"]})).await;
        let pay = |minor: &str| {
            let order = &placed["order"];
            format!(
                r#"{{"type":"pay_order","order":{order},"amount":{{"minor":{minor},"currency":"KRW"}},"payment_key":"k"}}"#
            )
        };
        for minor in ["165000.5", "165000.0", "1.65e5", "\"165000\"", "9223372036854775808"] {
            let request = request(Method::POST, "/v1/intents", Some(&alice));
            let request = request.header("content-type", "application/json");
            let reply = house.send(request.body(Body::from(pay(minor))).unwrap()).await;
            let refused = (reply.status.as_u16(), reply.json()["path"].clone());
            assert_eq!(refused, (422, json!("amount.minor")), "{minor}: {}", reply.body);
        }
    });
}

/// One thread, which does nothing but what the test awaits: the disk has no turn.
#[tokio::test]
async fn a_poll_waits_for_nobody() {
    let house = House::open(|_| ()).await;
    house.put_on_sale().await;
    let alice = house.token("alice", Role::Buyer);
    let wanted = about("hold_seats", json!({"seats": ["A-1-1"]}));
    let mut asking = Box::pin(house.post(&alice, wanted));
    assert!(asking.as_mut().now_or_never().is_none(), "an intent is answered before it is durable");
    for path in [ROOM, "/v1/performances", "/v1/me/orders"] {
        let polled = house.get(path, Some(&alice)).now_or_never();
        assert_eq!(polled.expect("a poll waits").status, StatusCode::OK, "{path}");
    }
    assert_eq!(asking.await.status, StatusCode::OK);
    house.node.shutdown().await.unwrap();
}
