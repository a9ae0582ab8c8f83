//! Why something was refused: the rule, the record that stood in the way, and nobody's name.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use boxoffice_api::explain::{ExplainError, from_log};
use boxoffice_api::http::auth::Role;
use serde_json::{Value, json};
use support::{House, PERFORMANCE, hold, in_house, in_house_with, pay};

async fn explanation(house: &House, token: &str, intent: Value) -> Value {
    let decided = house.post(token, intent).await.json();
    let path = format!("/v1/intents/{}/explanation", decided["id"].as_str().unwrap());
    house.get(&path, Some(token)).await.json()
}

fn wish(seats: &[&str]) -> Value {
    json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": seats})
}

#[test]
fn a_seat_that_was_gone_is_explained_without_a_name() {
    in_house(async |house| {
        house.put_on_sale().await;
        let [alice, bob] = ["alice", "bob"].map(|buyer| house.token(buyer, Role::Buyer));
        let held = hold(&house, &bob, &["A-1-2", "A-1-3"]).await;
        hold(&house, &alice, &["A-1-5"]).await;
        let told = explanation(&house, &alice, wish(&["A-1-1", "A-1-2"])).await;
        let of_bob = held["hold"].as_str().unwrap().rsplit('-').next().unwrap();
        assert_eq!(
            (&told["decided"], &told["rule"], &told["asked"]),
            (&json!("refused"), &json!("seat_already_held"), &json!("hold_seats"))
        );
        let earlier = &told["earlier"];
        assert_eq!(earlier["offset"].to_string(), of_bob);
        assert_eq!(
            (&earlier["by"], &earlier["about"], &earlier["what"]),
            (&json!("another account"), &json!("seat A-1-2"), &json!("held"))
        );
        let ago = earlier["milliseconds_before"].as_i64().unwrap();
        assert!(ago >= 0);
        let sentence = told["sentence"].as_str().unwrap();
        let expected = "Another hold has the seat. Seat A-1-2 was held ";
        assert!(sentence.starts_with(expected), "{sentence}");
        assert!(sentence.ends_with("earlier by another account."), "{sentence}");

        let mine = explanation(&house, &alice, wish(&["A-1-5"])).await;
        assert_eq!(mine["earlier"]["by"], "you");
        let good = explanation(&house, &alice, wish(&["A-1-7"])).await;
        assert_eq!((&good["decided"], &good["rule"]), (&json!("accepted"), &Value::Null));
        assert!(good["sentence"].as_str().unwrap().ends_with("so it was held."), "{good}");
        // Nobody explains what others asked.
        let path = format!("/v1/intents/{}/explanation", held["hold"].as_str().unwrap());
        assert_eq!(house.get(&path, Some(&alice)).await.status.as_u16(), 404);
    });
}

#[test]
fn holds_orders_and_sales_are_explained_by_what_became_of_them() {
    in_house(async |house| {
        house.put_on_sale().await;
        let (alice, promoter) =
            (house.token("alice", Role::Buyer), house.token("h", Role::Promoter));
        let held = hold(&house, &alice, &["A-1-1"]).await;
        let about = |kind: &str| json!({"type": kind, "hold": held["hold"]});
        house.ask(&alice, about("release_hold")).await;
        let told = explanation(&house, &alice, about("place_order")).await;
        assert_eq!(told["rule"], "hold_already_released");
        assert_eq!(
            (&told["earlier"]["what"], &told["earlier"]["by"]),
            (&json!("released"), &json!("you"))
        );
        let sale = |kind: &str| json!({"type": kind, "performance": PERFORMANCE});
        house.ask(&promoter, sale("close_sale")).await;
        let told = explanation(&house, &alice, wish(&["A-1-1"])).await;
        assert_eq!(
            (&told["rule"], &told["earlier"]["what"], &told["earlier"]["by"]),
            (&json!("sale_closed"), &json!("closed"), &json!("another account"))
        );
    });
}

#[test]
fn tickets_that_were_given_back_and_performances_that_were_called_off_say_when() {
    in_house(async |house| {
        house.put_on_sale().await;
        let (alice, promoter) =
            (house.token("alice", Role::Buyer), house.token("h", Role::Promoter));
        let held = hold(&house, &alice, &["A-1-1", "A-1-2"]).await;
        let placed = house.ask(&alice, json!({"type": "place_order", "hold": held["hold"]})).await;
        pay(&house, &alice, &placed).await;
        let order = placed["order"].as_str().unwrap();
        house.until(&format!("/v1/orders/{order}"), &alice, |it| it["state"] == "confirmed").await;
        let give_back = json!({"type": "refund_tickets", "order": order, "tickets": [1]});
        house.ask(&alice, give_back.clone()).await;
        let told = explanation(&house, &alice, give_back).await;
        assert_eq!(
            (&told["rule"], &told["earlier"]["about"], &told["earlier"]["by"]),
            (&json!("ticket_already_refunded"), &json!(format!("order {order}")), &json!("you"))
        );
        let call_off = json!({"type": "cancel_performance", "performance": PERFORMANCE});
        house.ask(&promoter, call_off.clone()).await;
        let told = explanation(&house, &promoter, call_off).await;
        assert_eq!(
            (&told["rule"], &told["earlier"]["what"], &told["earlier"]["about"]),
            (&json!("performance_cancelled"), &json!("called off"), &json!("the performance"))
        );
    });
}

#[test]
fn what_is_too_old_to_be_found_online_is_said_to_be() {
    let few_steps = |config: &mut boxoffice_api::config::Config| {
        config.limits.recent_steps = std::num::NonZeroUsize::new(2).unwrap();
    };
    in_house_with(few_steps, async |house| {
        house.put_on_sale().await;
        let [alice, bob] = ["alice", "bob"].map(|buyer| house.token(buyer, Role::Buyer));
        hold(&house, &bob, &["A-1-1"]).await;
        hold(&house, &bob, &["A-1-2"]).await;
        hold(&house, &bob, &["A-1-3"]).await;
        let told = explanation(&house, &alice, wish(&["A-1-1"])).await;
        assert_eq!((&told["rule"], &told["earlier"]), (&json!("seat_already_held"), &Value::Null));
        assert!(told["note"].as_str().unwrap().contains("boxoffice explain"), "{told}");
        // The log finds it.
        let id = told["id"].as_str().unwrap().parse().unwrap();
        let found = loop {
            match from_log(house.node.log(), id, |_| ()).await {
                Ok(found) => break serde_json::to_value(found).unwrap(),
                // The step was told before it was published.
                Err(ExplainError::Unknown(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!((&found["rule"], &found["note"]), (&told["rule"], &Value::Null));
        assert_eq!(
            (&found["earlier"]["about"], &found["earlier"]["by"]),
            (&json!("seat A-1-1"), &json!("another account"))
        );
    });
}
