//! Refunds: quoted, given back ticket by ticket by the ladder, and a performance that is not shown.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use boxoffice_api::http::auth::Role;
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, hold, in_house, pay, performance};

fn won(minor: i64) -> Value {
    json!({"minor": minor, "currency": "KRW"})
}

/// A tenth is kept from the first day on, and each booking costs 2,000 won.
fn terms() -> Value {
    json!({"booking_fee_minor": 2_000, "ladder": {"utc_offset_minutes": 540,
        "steps": [{"days_before": 1, "basis_points": 1_000}]}})
}

async fn put_on_sale(house: &House, terms: Value) {
    let promoter = house.token("house", Role::Promoter);
    let mut definition = performance();
    definition["refund_terms"] = terms.clone();
    assert_eq!(house.ask(&promoter, definition).await["definition"]["refund_terms"], terms);
    house.ask(&promoter, json!({"type": "open_sale", "performance": PERFORMANCE})).await;
}

/// A confirmed order of these seats.
async fn buy(house: &House, events: &mut Events, token: &str, seats: &[&str]) -> Value {
    let held = hold(house, token, seats).await;
    let placed = house.ask(token, json!({"type": "place_order", "hold": held["hold"]})).await;
    pay(house, token, &placed).await;
    events.until("order_confirmed").await;
    placed
}

fn path_of(order: &Value) -> String {
    format!("/v1/orders/{}", order.as_str().unwrap())
}

#[test]
fn tickets_go_back_one_by_one_as_they_were_quoted() {
    in_house(async |house| {
        put_on_sale(&house, terms()).await;
        let alice = house.token("alice", Role::Buyer);
        let mut events = Events::open(&house, &alice, None).await;
        let placed = buy(&house, &mut events, &alice, &["A-1-1", "A-2-5"]).await;
        assert_eq!(
            [&placed["price"], &placed["booking_fee"], &placed["total"]],
            [&won(264_000), &won(4_000), &won(268_000)]
        );
        let path = path_of(&placed["order"]);
        let quote = async |query: &str| {
            house.get(&format!("{path}/refund-quote{query}"), Some(&alice)).await.json()
        };
        let all = quote("").await;
        assert_eq!(
            [&all["amount"], &all["kept"], &all["booking_fee"], &all["points"]],
            [&won(241_600), &won(26_400), &won(4_000), &won(0)]
        );
        let one = quote("?tickets=2").await;
        assert_eq!((&one["amount"], &one["tickets"][0]["kept"]), (&won(91_100), &won(9_900)));
        assert!(one["holds_until"].as_str().unwrap() > jiff::Timestamp::now().to_string().as_str());

        let refund = |places: Value, amount: Value| {
            json!({"type": "refund_tickets", "order": placed["order"], "places": places,
                "amount": amount})
        };
        let other = (409, "refund_amount_changed".to_owned());
        assert_eq!(house.refused(&alice, refund(json!(["A-2-5"]), won(99_000))).await, other);
        let first = house.ask(&alice, refund(json!(["A-2-5"]), one["amount"].clone())).await;
        let expected = json!({"type": "tickets_refunded", "order": placed["order"],
            "amount": won(91_100), "terms": 0, "tickets": one["tickets"]});
        assert_eq!(first, expected);
        assert_eq!(events.until("payment_refunded").await.1["amount"], won(91_100));
        // The place is free at once.
        let bob = house.token("bob", Role::Buyer);
        hold(&house, &bob, &["A-2-5"]).await;

        let order = house.get(&path, Some(&alice)).await.json();
        assert_eq!(
            (&order["state"], &order["refunded_tickets"]),
            (&json!("confirmed"), &one["tickets"])
        );
        assert_eq!(order["tickets"].as_array().unwrap().len(), 1);
        assert_eq!(order["tickets"][0]["id"], format!("{}.1", placed["order"].as_str().unwrap()));
        let mine = house.get("/v1/me/tickets", Some(&alice)).await.json();
        let mine = mine["tickets"].as_array().unwrap();
        assert_eq!((mine.len(), &mine[0]["id"]), (1, &order["tickets"][0]["id"]));

        house.ask(&alice, json!({"type": "cancel_order", "order": placed["order"]})).await;
        assert_eq!(events.until("payment_refunded").await.1["amount"], won(150_500));
        let order = house.get(&path, Some(&alice)).await.json();
        assert_eq!((&order["state"], &order["tickets"]), (&json!("refunded"), &json!([])));
        let refunds = order["payments"][0]["refunds"].as_array().unwrap();
        let told: Vec<_> = refunds.iter().map(|it| (&it["amount"], &it["state"])).collect();
        let refunded = json!("refunded");
        assert_eq!(told, [(&won(91_100), &refunded), (&won(150_500), &refunded)]);
    });
}

#[test]
fn what_cannot_go_back_says_why() {
    in_house(async |house| {
        put_on_sale(&house, terms()).await;
        let [alice, bob] = ["alice", "bob"].map(|it| house.token(it, Role::Buyer));
        let mut events = Events::open(&house, &alice, None).await;
        let placed = buy(&house, &mut events, &alice, &["A-1-1"]).await;
        let refund = |tickets: Value| json!({"type": "refund_tickets", "order": placed["order"], "tickets": tickets});
        let refused = async |who: &str, tickets| house.refused(who, refund(tickets)).await;
        assert_eq!(refused(&bob, json!([1])).await, (403, "order_owned_by_another".to_owned()));
        assert_eq!(refused(&alice, json!([2])).await, (404, "ticket_unknown".to_owned()));
        assert_eq!(refused(&alice, json!([1, 1])).await, (422, "ticket_repeated".to_owned()));
        assert_eq!(refused(&alice, json!([])).await, (422, "body_invalid".to_owned()));
        let quote = format!("{}/refund-quote", path_of(&placed["order"]));
        let status = async |path: &str, token: &str| {
            let reply = house.get(path, Some(token)).await;
            (reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or("none").to_owned())
        };
        assert_eq!(status(&quote, &bob).await, (404, "order_unknown".to_owned()));
        let path = format!("{quote}?tickets=2");
        assert_eq!(status(&path, &alice).await, (404, "ticket_unknown".to_owned()));
        let path = format!("{quote}?tickets=one");
        assert_eq!(status(&path, &alice).await, (422, "query_invalid".to_owned()));
    });
}

#[test]
fn terms_change_for_who_buys_later_and_for_the_better_for_all() {
    in_house(async |house| {
        put_on_sale(&house, terms()).await;
        let promoter = house.token("house", Role::Promoter);
        let alice = house.token("alice", Role::Buyer);
        let mut events = Events::open(&house, &alice, None).await;
        let placed = buy(&house, &mut events, &alice, &["A-1-1"]).await;
        let quote = format!("{}/refund-quote", path_of(&placed["order"]));
        let kept = async || house.get(&quote, Some(&alice)).await.json()["kept"].clone();
        let set = |terms: &Value| json!({"type": "set_refund_terms", "performance": PERFORMANCE, "terms": terms});
        let mut other = terms();
        other["ladder"]["steps"][0]["basis_points"] = json!(5_000);
        let expected = json!({"type": "refund_terms_set", "performance": PERFORMANCE,
            "version": 1, "terms": other});
        assert_eq!(house.ask(&promoter, set(&other)).await, expected);
        assert_eq!(kept().await, won(16_500));
        other["ladder"]["steps"][0]["basis_points"] = json!(100);
        house.ask(&promoter, set(&other)).await;
        assert_eq!(kept().await, won(1_650));
        let shown = house.get(&format!("/v1/performances/{PERFORMANCE}"), None).await.json();
        assert_eq!((&shown["refund_terms"], &shown["current_refund_terms"]), (&terms(), &other));
        other["ladder"]["steps"][0]["basis_points"] = json!(10_001);
        let reply = house.post(&promoter, set(&other)).await.json();
        assert_eq!(reply["path"], "terms.ladder.steps[0].basis_points");
        assert_eq!(house.refused(&alice, set(&terms())).await.0, 403);
    });
}

#[test]
fn a_performance_that_is_not_shown_gives_everything_back() {
    in_house(async |house| {
        put_on_sale(&house, terms()).await;
        let promoter = house.token("house", Role::Promoter);
        let [alice, bob] = ["alice", "bob"].map(|it| house.token(it, Role::Buyer));
        let mut events = Events::open(&house, &alice, None).await;
        let placed = buy(&house, &mut events, &alice, &["A-1-1", "A-1-2"]).await;
        let held = hold(&house, &bob, &["A-1-3"]).await;
        let cancel = json!({"type": "cancel_performance", "performance": PERFORMANCE});
        assert_eq!(house.refused(&alice, cancel.clone()).await.0, 403);
        let expected = json!({"type": "performance_cancelled", "performance": PERFORMANCE});
        assert_eq!(house.ask(&promoter, cancel.clone()).await, expected);
        let gone = (409, "performance_cancelled".to_owned());
        assert_eq!(house.refused(&promoter, cancel).await, gone);
        let place = json!({"type": "place_order", "hold": held["hold"]});
        assert_eq!(house.refused(&bob, place).await.0, 409);
        assert_eq!(events.until("payment_refunded").await.1["amount"], won(334_000));
        let path = path_of(&placed["order"]);
        let order = house.until(&path, &alice, |order| order["state"] == "refunded").await;
        assert_eq!(order["cancelled"], "performance_cancelled");
        let path = format!("/v1/performances/{PERFORMANCE}");
        let shown =
            house.until(&path, &alice, |shown| shown["cancellation"]["state"] == "finished").await;
        let progress = &shown["cancellation"];
        assert_eq!(
            [&progress["orders_ended"], &progress["orders_left"], &progress["orders_paying"]],
            [1, 0, 0].map(Value::from).each_ref()
        );
        assert_eq!((&shown["sale_state"], &shown["remaining"]), (&json!("closed"), &json!(40)));
    });
}
