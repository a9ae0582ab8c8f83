//! Points: given away, spent on an order, earned by it, and back when it is not placed.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use boxoffice_api::http::auth::Role;
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, hold, in_house, pay};

fn won(minor: i64) -> Value {
    json!({"minor": minor, "currency": "KRW"})
}

fn grant(subject: &str, minor: i64) -> Value {
    json!({"type": "grant_points", "subject": subject, "amount": won(minor),
        "expires_at": "2099-01-01T00:00:00Z"})
}

async fn wallet(house: &House, token: &str) -> Value {
    house.get("/v1/me/points", Some(token)).await.json()
}

#[test]
fn points_are_given_spent_and_earned() {
    in_house(async |house| {
        house.put_on_sale().await;
        let [promoter, operator, alice] = [
            house.token("house", Role::Promoter),
            house.token("operator", Role::Operator),
            house.token("alice", Role::Buyer),
        ];
        assert_eq!(wallet(&house, &alice).await, json!({"balances": [], "lots": []}));
        let rule = json!({"earned_basis_points": 100, "earned_days": 365, "restored_days": 30});
        let set = json!({"type": "set_points_rule", "performance": PERFORMANCE, "rule": rule});
        let expected = json!({"type": "points_rule_set", "performance": PERFORMANCE, "rule": rule});
        assert_eq!(house.ask(&promoter, set).await, expected);

        let mut events = Events::open(&house, &alice, None).await;
        let granted = house.ask(&promoter, grant("alice", 3_000)).await;
        let expected = json!({"type": "points_credited", "lot": granted["lot"],
            "amount": won(3_000), "debt_paid_minor": 0, "expires_at": "2099-01-01T00:00:00Z",
            "source": "granted"});
        assert_eq!(granted, expected);
        assert_eq!(events.until("points_credited").await.1, granted);
        house.ask(&operator, grant("alice", 2_000)).await;
        let expected = json!({"balance": won(5_000), "reserved_minor": 0, "owed_minor": 0});
        assert_eq!(wallet(&house, &alice).await["balances"], json!([expected]));

        let held = hold(&house, &alice, &["A-1-1"]).await;
        let order = json!({"type": "place_order", "hold": held["hold"], "points": 4_000});
        let reserving = house.ask(&alice, order).await;
        assert_eq!(
            (&reserving["type"], &reserving["awaits"]),
            (&json!("order_reserving"), &json!("points"))
        );
        let (_, placed) = events.until("order_placed").await;
        assert_eq!(
            [&placed["price"], &placed["points"], &placed["total"]],
            [&won(165_000), &won(4_000), &won(161_000)]
        );
        let expected = json!({"balance": won(1_000), "reserved_minor": 4_000, "owed_minor": 0});
        assert_eq!(wallet(&house, &alice).await["balances"], json!([expected]));

        pay(&house, &alice, &placed).await;
        assert_eq!(events.until("order_confirmed").await.1["earned"], won(1_610));
        let path = format!("/v1/orders/{}", placed["order"].as_str().unwrap());
        let order = house.get(&path, Some(&alice)).await.json();
        assert_eq!((&order["points"], &order["earned"]), (&won(4_000), &won(1_610)));
        let expected = json!([{"balance": won(2_610), "reserved_minor": 0, "owed_minor": 0}]);
        let mine = house.until("/v1/me/points", &alice, |mine| mine["balances"] == expected).await;
        // The oldest are spent first: what is left of the second gift, and what the order earned.
        let amounts: Vec<_> =
            mine["lots"].as_array().unwrap().iter().map(|it| &it["amount"]).collect();
        assert_eq!(amounts, [&won(1_000), &won(1_610)]);
    });
}

#[test]
fn an_order_with_more_points_than_there_are_is_not_placed_and_the_hold_lives_on() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let mut events = Events::open(&house, &alice, None).await;
        let held = hold(&house, &alice, &["A-1-1"]).await;
        let order =
            |points: i64| json!({"type": "place_order", "hold": held["hold"], "points": points});
        let reserving = house.ask(&alice, order(1)).await;
        let (_, refused) = events.until("order_not_placed").await;
        assert_eq!(
            (&refused["order"], &refused["code"]),
            (&reserving["order"], &json!("points_insufficient"))
        );
        let path = format!("/v1/holds/{}", held["hold"].as_str().unwrap());
        assert_eq!(house.get(&path, Some(&alice)).await.json()["state"], "live");
        let path = format!("/v1/orders/{}", reserving["order"].as_str().unwrap());
        assert_eq!(house.get(&path, Some(&alice)).await.status.as_u16(), 404);
        assert_eq!(house.ask(&alice, order(0)).await["type"], "order_placed");
    });
}

#[test]
fn points_that_cannot_be_meant_say_where_and_subjects_are_not_repeated() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let alice = house.token("alice", Role::Buyer);
        let held = hold(&house, &alice, &["A-1-1"]).await;
        let rule = |earned_basis_points: u16, earned_days: u16| {
            json!({"type": "set_points_rule", "performance": PERFORMANCE, "rule": {
                "earned_basis_points": earned_basis_points, "earned_days": earned_days,
                "restored_days": 1}})
        };
        let below = json!({"type": "place_order", "hold": held["hold"], "points": -1});
        for (token, intent, path) in [
            (&promoter, grant("somebody", 0), "amount"),
            (&promoter, grant("somebody", -1), "amount"),
            (&promoter, grant("", 1), "subject"),
            (&promoter, grant(&"somebody".repeat(33), 1), "subject"),
            (&promoter, rule(10_001, 1), "rule.earned_basis_points"),
            (&promoter, rule(1, 0), "rule.earned_days"),
            (&alice, below, "points"),
        ] {
            let reply = house.post(token, intent).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["path"]), (422, &json!(path)));
            assert!(!reply.body.contains("somebody"), "{}", reply.body);
        }
        let mut past = grant("alice", 1);
        past["expires_at"] = json!("2020-01-01T00:00:00Z");
        assert_eq!(house.refused(&promoter, past).await, (422, "points_invalid".to_owned()));
        assert_eq!(
            house.refused(&alice, grant("alice", 1)).await,
            (403, "role_not_allowed".to_owned())
        );
    });
}
