//! Refusals by limits, by campaigns, by coupons and by wallets: the rule with its figures, every record
//! that counted, and nobody's name. What memory tells is what the log tells.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use boxoffice_api::explain::{ExplainError, from_log};
use boxoffice_api::http::auth::Role;
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, campaign, create_campaign, hold, in_house, in_house_with};

/// What the node tells about an intent, which is also what its log tells.
async fn explanation(house: &House, token: &str, id: &Value) -> Value {
    let id = id.as_str().unwrap();
    let told = house.get(&format!("/v1/intents/{id}/explanation"), Some(token)).await.json();
    assert_eq!(explanation_of_the_log(house, id, |found| *found == told).await, told);
    told
}

/// What the log tells. Steps are told before they are published, so it may take a moment until it is so.
async fn explanation_of_the_log(
    house: &House,
    id: &str,
    is_whole: impl Fn(&Value) -> bool,
) -> Value {
    let asking = async {
        loop {
            match from_log(house.node.log(), id.parse().unwrap(), |_| ()).await {
                Ok(found) => {
                    let found = serde_json::to_value(found).unwrap();
                    if is_whole(&found) {
                        return found;
                    }
                }
                Err(ExplainError::Unknown(_)) => (),
                Err(error) => panic!("{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, asking).await.expect("the log tells something else")
}

async fn refused(house: &House, token: &str, intent: Value, code: &str) -> Value {
    let reply = house.post(token, intent).await.json();
    assert_eq!(reply["code"], code, "{reply}");
    explanation(house, token, &reply["id"]).await
}

fn wish(seats: &[&str]) -> Value {
    json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": seats})
}

/// The offset in a name.
fn offset(name: &Value) -> u64 {
    name.as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()
}

#[test]
fn the_limit_of_an_account_is_explained_by_all_that_counted() {
    in_house(async |house| {
        house.put_on_sale().await;
        let [alice, bob] = ["alice", "bob"].map(|buyer| house.token(buyer, Role::Buyer));
        let ordered = hold(&house, &alice, &["A-1-1", "A-1-2"]).await;
        house.ask(&alice, json!({"type": "place_order", "hold": ordered["hold"]})).await;
        hold(&house, &bob, &["A-2-1", "A-2-2"]).await;
        let released = hold(&house, &alice, &["A-1-3", "A-1-4"]).await;
        house.ask(&alice, json!({"type": "release_hold", "hold": released["hold"]})).await;
        let kept = hold(&house, &alice, &["A-1-5"]).await;

        let told =
            refused(&house, &alice, wish(&["A-1-6", "A-1-7"]), "account_limit_exceeded").await;
        assert_eq!(told["figures"], json!({"limit": 4, "had": 3, "asked": 2}));
        let counted: Vec<_> = told["counted"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["offset"].as_u64().unwrap())
            .collect();
        assert_eq!(counted, [offset(&ordered["hold"]), offset(&kept["hold"])]);
        assert_eq!(told["earlier"], told["counted"][1]);
        let ours = told["counted"].as_array().unwrap().iter().all(|record| record["by"] == "you");
        assert!(ours && told["note"].is_null(), "{told}");
        let about = told["counted"][0]["about"].as_str().unwrap();
        assert!(about.starts_with("order ") && about.ends_with("of 2 places"), "{told}");
        let sentence = told["sentence"].as_str().unwrap();
        assert!(
            sentence.ends_with("earlier by you. In figures: limit 4, had 3, asked for 2."),
            "{sentence}"
        );
    });
}

#[test]
fn what_counted_before_memory_is_said_to_be_missing_and_the_log_has_it() {
    let few_steps = |config: &mut boxoffice_api::config::Config| {
        config.limits.recent_steps = std::num::NonZeroUsize::new(2).unwrap();
    };
    in_house_with(few_steps, async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        hold(&house, &alice, &["A-1-1", "A-1-2", "A-1-3"]).await;
        hold(&house, &alice, &["A-1-4"]).await;
        let reply = house.post(&alice, wish(&["A-1-5"])).await.json();
        let id = reply["id"].as_str().unwrap();
        let path = format!("/v1/intents/{id}/explanation");
        let told = house.get(&path, Some(&alice)).await.json();
        assert_eq!(told["figures"], json!({"limit": 4, "asked": 1}));
        assert!(told["note"].as_str().unwrap().contains("boxoffice explain"), "{told}");
        let found = explanation_of_the_log(&house, id, |_| true).await;
        assert_eq!(found["figures"], json!({"limit": 4, "had": 4, "asked": 1}));
        assert_eq!((found["counted"].as_array().unwrap().len(), &found["note"]), (2, &Value::Null));
    });
}

#[test]
fn campaigns_and_coupons_say_which_record_stood_in_the_way() {
    in_house(async |house| {
        house.put_on_sale().await;
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|it| house.token(it, Role::Buyer));
        let id = create_campaign(&house, campaign()).await;
        let claim = json!({"type": "claim_coupon", "campaign": id});
        let own = house.ask(&alice, claim.clone()).await;
        let told = refused(&house, &alice, claim.clone(), "coupon_limit_reached").await;
        assert_eq!(told["figures"], json!({"limit": 1, "had": 1, "asked": 1}));
        assert_eq!(told["earlier"]["about"], format!("coupon {}", own["coupon"].as_str().unwrap()));
        assert_eq!(
            (&told["earlier"]["by"], &told["earlier"]["what"]),
            (&json!("you"), &json!("issued"))
        );

        let of_bob = house.ask(&bob, claim.clone()).await;
        let told = refused(&house, &carol, claim.clone(), "coupons_exhausted").await;
        assert_eq!(told["figures"], json!({"limit": 2, "had": 2, "asked": 1}));
        assert_eq!(told["earlier"]["offset"], offset(&of_bob["coupon"]));
        assert_eq!(told["earlier"]["by"], "another account");
        assert!(!told.to_string().contains(of_bob["coupon"].as_str().unwrap()), "{told}");

        let promoter = house.token("house", Role::Promoter);
        house.ask(&promoter, json!({"type": "pause_campaign", "campaign": id})).await;
        let told = refused(&house, &carol, claim, "campaign_paused").await;
        assert_eq!(told["earlier"]["what"], "paused");

        let order = async |seat: &str| {
            let held = hold(&house, &alice, &[seat]).await;
            json!({"type": "place_order", "hold": held["hold"], "coupon": own["coupon"]})
        };
        let first = order("A-1-1").await;
        house.ask(&alice, first).await;
        let second = order("A-1-2").await;
        let told = refused(&house, &alice, second, "coupon_used_up").await;
        assert_eq!(
            (&told["earlier"]["what"], &told["earlier"]["by"]),
            (&json!("kept for an order"), &json!("you"))
        );
    });
}

#[test]
fn an_order_without_enough_points_is_explained_by_the_wallet() {
    in_house(async |house| {
        house.put_on_sale().await;
        let (alice, operator) =
            (house.token("alice", Role::Buyer), house.token("operator", Role::Operator));
        let grant = |minor: i64| {
            json!({"type": "grant_points", "subject": "alice",
                "amount": {"minor": minor, "currency": "KRW"}, "expires_at": "2099-01-01T00:00:00Z"})
        };
        house.ask(&operator, grant(300)).await;
        let last = house.ask(&operator, grant(200)).await;
        let mut events = Events::open(&house, &alice, None).await;
        let held = hold(&house, &alice, &["A-1-1"]).await;
        let order = json!({"type": "place_order", "hold": held["hold"], "points": 900});
        let reply = house.post(&alice, order).await.json();
        events.until("order_not_placed").await;
        let told = explanation(&house, &alice, &reply["id"]).await;
        assert_eq!((&told["decided"], &told["rule"]), (&json!("accepted"), &Value::Null));
        assert_eq!(
            (&told["later"]["what"], &told["later"]["rule"]),
            (&json!("not placed"), &json!("points_insufficient"))
        );
        assert_eq!(told["figures"], json!({"had": 500, "asked": 900}));
        assert_eq!(
            (&told["earlier"]["offset"], &told["earlier"]["what"], &told["earlier"]["by"]),
            (&json!(offset(&last["lot"])), &json!("credited"), &json!("another account"))
        );
        let sentence = told["sentence"].as_str().unwrap();
        assert!(sentence.contains("The wallet has not as many points."), "{sentence}");
        assert!(sentence.ends_with("In figures: had 500, asked for 900."), "{sentence}");
    });
}
