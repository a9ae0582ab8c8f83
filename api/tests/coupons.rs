//! Coupons: claimed first come, first served, and taken off an order, also by a campaign that
//! lives in another partition than the performance.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::num::NonZeroU16;

use boxoffice_api::http::auth::Role;
use boxoffice_topics::{PartitionMap, PerformanceId, Slot};
use serde_json::{Value, json};
use support::events::Events;
use support::{
    House, PERFORMANCE, campaign, create_campaign, hold, in_house, in_house_with, pay, performance,
};

fn claim(campaign: &str) -> Value {
    json!({"type": "claim_coupon", "campaign": campaign})
}

fn order_of(hold: &Value) -> Value {
    json!({"type": "place_order", "hold": hold["hold"]})
}

#[test]
fn coupons_go_to_those_who_come_first_and_nobody_gets_more_than_the_limit() {
    in_house(async |house| {
        house.put_on_sale().await;
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|it| house.token(it, Role::Buyer));
        let id = create_campaign(&house, campaign()).await;
        let issued = house.ask(&alice, claim(&id)).await;
        let expected = json!({"type": "coupon_issued", "coupon": issued["coupon"],
            "campaign": id, "version": 0, "number": 1});
        assert_eq!(issued, expected);
        let refused = async |who: &str| house.refused(who, claim(&id)).await;
        assert_eq!(refused(&alice).await, (409, "coupon_limit_reached".to_owned()));
        assert_eq!(house.ask(&bob, claim(&id)).await["number"], 2);
        assert_eq!(refused(&carol).await, (409, "coupons_exhausted".to_owned()));
        assert_eq!(
            house.refused(&carol, claim("1-0-1")).await,
            (404, "campaign_unknown".to_owned())
        );
        let seen = house.get(&format!("/v1/campaigns/{id}"), None).await.json();
        assert_eq!(
            seen,
            json!({
                "id": id, "state": "open", "issued": 2, "name": "Early bird",
                "performances": [PERFORMANCE], "spans": false, "needs_code": false,
                "opens_at": "2020-01-01T00:00:00Z", "closes_at": "2099-01-01T00:00:00Z",
                "quantity": 2, "account_limit": 1,
                "terms": {
                    "reduction": {"type": "fixed", "amount_minor": 10_000}, "currency": "KRW",
                    "minimum_spend_minor": 0, "issuer": "promoter", "uses": 1,
                    "expires_at": "2099-01-01T00:00:00Z", "returned_on_refund": true},
            })
        );
        let mine = house.get("/v1/me/coupons", Some(&alice)).await.json();
        assert_eq!(
            mine,
            json!({"coupons": [{
                "id": issued["coupon"], "campaign": id, "name": "Early bird",
                "performances": [PERFORMANCE], "uses_left": 1, "reserved": 0,
                "terms": seen["terms"],
            }]})
        );
    });
}

#[test]
fn a_campaign_opens_with_its_code_only_and_the_code_is_never_shown() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let alice = house.token("alice", Role::Buyer);
        let mut definition = campaign();
        definition["code"] = json!("open sesame");
        let id = create_campaign(&house, definition.clone()).await;
        let with = |code: &str| json!({"type": "claim_coupon", "campaign": id, "code": code});
        let wrong = (403, "coupon_code_wrong".to_owned());
        assert_eq!(house.refused(&alice, claim(&id)).await, wrong);
        assert_eq!(house.refused(&alice, with("sesame")).await, wrong);

        let pause = json!({"type": "pause_campaign", "campaign": id});
        let resume = json!({"type": "resume_campaign", "campaign": id});
        assert_eq!(house.ask(&promoter, pause.clone()).await["type"], "campaign_paused");
        let paused = (409, "campaign_paused".to_owned());
        assert_eq!(house.refused(&promoter, pause).await, paused);
        assert_eq!(house.refused(&alice, with("open sesame")).await, paused);
        assert_eq!(house.ask(&promoter, resume).await["type"], "campaign_resumed");

        definition["terms"]["reduction"] = json!({"type": "percent", "basis_points": 1_000});
        let change = json!({"type": "change_campaign", "campaign": id, "definition": definition});
        let changed = house.ask(&promoter, change).await;
        assert_eq!(
            (&changed["type"], &changed["version"]),
            (&json!("campaign_changed"), &json!(1))
        );
        assert_eq!(house.ask(&alice, with("open sesame")).await["version"], 1);

        let operator = house.token("operator", Role::Operator);
        let mut shown = house.get(&format!("/v1/campaigns/{id}"), None).await.body;
        for (topic, partition) in [("intents", 0), ("intents", 1), ("outcomes", 0), ("outcomes", 1)]
        {
            let path = format!("/v1/topics/{topic}/partitions/{partition}/records");
            shown += &house.get(&path, Some(&operator)).await.body;
        }
        assert!(shown.contains("Early bird") && shown.contains("claim_coupon"), "{shown}");
        assert!(!shown.contains("sesame"), "{shown}");
    });
}

#[test]
fn a_campaign_that_cannot_be_meant_says_where() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let table: [(&str, Value, &str); 8] = [
            ("/name", json!(""), "definition.name"),
            ("/performances", json!([PERFORMANCE]), "definition"),
            ("/closes_at", json!("2019-01-01T00:00:00Z"), "definition.closes_at"),
            ("/quantity", json!(0), "definition.quantity"),
            ("/terms/uses", json!(0), "definition.terms.uses"),
            ("/terms/uses", json!("one"), "definition.terms.uses"),
            ("/terms/reduction/amount_minor", json!(0), "definition.terms.reduction.amount_minor"),
            ("/terms/price_levels", json!(["R", "R"]), "definition.terms.price_levels"),
        ];
        for (pointer, value, path) in table {
            let mut definition = campaign();
            definition["performances"] = json!([]);
            definition["terms"]["price_levels"] = json!([]);
            *definition.pointer_mut(pointer).unwrap() = value;
            let create = json!({"type": "create_campaign", "definition": definition});
            let reply = house.post(&promoter, create).await;
            assert_eq!(reply.status.as_u16(), 422, "{pointer}: {}", reply.body);
            assert_eq!(reply.json()["path"], path, "{}", reply.body);
        }
    });
}

#[test]
fn an_order_takes_the_best_coupon_or_the_one_that_is_named_or_none() {
    in_house(async |house| {
        house.put_on_sale().await;
        let alice = house.token("alice", Role::Buyer);
        let small = create_campaign(&house, campaign()).await;
        let mut definition = campaign();
        definition["terms"]["reduction"] =
            json!({"type": "percent", "basis_points": 2_000, "cap_minor": 25_000});
        definition["terms"]["issuer"] = json!("platform");
        let large = create_campaign(&house, definition).await;
        let small_one = house.ask(&alice, claim(&small)).await["coupon"].clone();
        let large_one = house.ask(&alice, claim(&large)).await["coupon"].clone();

        let held = hold(&house, &alice, &["A-1-1"]).await;
        let placed = house.ask(&alice, order_of(&held)).await;
        let won = |minor: i64| json!({"minor": minor, "currency": "KRW"});
        assert_eq!(placed["type"], "order_placed");
        assert_eq!((&placed["price"], &placed["total"]), (&won(165_000), &won(140_000)));
        let discount = json!({"coupon": large_one, "campaign": large, "issuer": "platform",
            "amount": won(25_000)});
        assert_eq!(placed["discount"], discount);
        let path = format!("/v1/orders/{}", placed["order"].as_str().unwrap());
        let order = house.get(&path, Some(&alice)).await.json();
        assert_eq!((&order["discount"], &order["total"]), (&discount, &won(140_000)));

        let held = hold(&house, &alice, &["A-1-2"]).await;
        let order =
            |coupon: &Value| json!({"type": "place_order", "hold": held["hold"], "coupon": coupon});
        let used_up = (409, "coupon_used_up".to_owned());
        assert_eq!(house.refused(&alice, order(&large_one)).await, used_up);
        let unknown = (404, "coupon_unknown".to_owned());
        assert_eq!(house.refused(&alice, order(&json!("1-0-1"))).await, unknown);
        let malformed = house.post(&alice, order(&json!("cheap"))).await;
        assert_eq!((malformed.status.as_u16(), &malformed.json()["path"]), (422, &json!("coupon")));
        let bob = house.token("bob", Role::Buyer);
        let bobs = hold(&house, &bob, &["A-1-9"]).await;
        let foreign = json!({"type": "place_order", "hold": bobs["hold"], "coupon": small_one});
        let foreign = house.refused(&bob, foreign).await;
        assert_eq!(foreign, (403, "coupon_owned_by_another".to_owned()));
        let placed = house.ask(&alice, order(&small_one)).await;
        assert_eq!((&placed["discount"]["coupon"], &placed["total"]), (&small_one, &won(155_000)));

        let third = hold(&house, &bob, &["A-2-9"]).await;
        let none = json!({"type": "place_order", "hold": third["hold"], "coupon": "none"});
        let placed = house.ask(&bob, none).await;
        assert_eq!((&placed["total"], placed.get("discount")), (&won(99_000), None));
    });
}

/// A performance in each of two partitions.
fn performances() -> [PerformanceId; 2] {
    let map = PartitionMap::dealt(NonZeroU16::new(2).unwrap()).unwrap();
    [0, 1].map(|partition| {
        let ids = (1..).map(PerformanceId::from_u128);
        let mut there = ids.filter(|id| map.partition_of(Slot::of(*id)).number() == partition);
        there.next().unwrap()
    })
}

/// Both performances on sale, and a campaign that spans them, of which alice has a coupon.
async fn spanning(house: &House) -> (String, Value) {
    let promoter = house.token("house", Role::Promoter);
    for id in performances() {
        let mut created = performance();
        created["performance"] = json!(id.to_string());
        house.ask(&promoter, created).await;
        house.ask(&promoter, json!({"type": "open_sale", "performance": id.to_string()})).await;
    }
    let mut definition = campaign();
    definition.as_object_mut().unwrap().remove("performance");
    definition["performances"] = json!(performances().map(|id| id.to_string()));
    let create = json!({"type": "create_campaign", "definition": definition});
    let key = [("idempotency-key", "\"spring\"")];
    let made = house.post_with(&promoter, create.clone(), &key).await.json();
    let again = house.post_with(&promoter, create, &key).await.json();
    assert_eq!((&again["repeated"], &again["id"]), (&json!(true), &made["id"]));
    // What keys tell each other is nobody else's business.
    assert_eq!(made["outcomes"].as_array().unwrap().len(), 1);

    let alice = house.token("alice", Role::Buyer);
    let coupon = house.ask(&alice, claim(made["id"].as_str().unwrap())).await["coupon"].clone();
    let known_everywhere = |mine: &Value| {
        mine["coupons"][0]["performances"].as_array().is_some_and(|known| known.len() == 2)
    };
    house.until("/v1/me/coupons", &alice, known_everywhere).await;
    (alice, coupon)
}

async fn hold_at(house: &House, token: &str, id: PerformanceId, seat: &str) -> Value {
    let intent = json!({"type": "hold_seats", "performance": id.to_string(), "seats": [seat]});
    house.ask(token, intent).await
}

/// A coupon is at home with one of the performances at most, so one of the ways crosses
/// partitions.
#[test]
fn a_coupon_of_several_performances_is_asked_for_and_taken() {
    in_house(async |house| {
        let (alice, coupon) = spanning(&house).await;
        let mut events = Events::open(&house, &alice, None).await;
        for (id, seat) in performances().into_iter().zip(["A-1-1", "A-1-2"]) {
            let held = hold_at(&house, &alice, id, seat).await;
            let reserving = house.ask(&alice, order_of(&held)).await;
            assert_eq!(reserving["type"], "order_reserving");
            assert_eq!(
                (&reserving["awaits"], &reserving["total"]["minor"]),
                (&json!("coupon"), &json!(155_000))
            );
            // It can be looked at from the first moment on, and costs the same ever after.
            let path = format!("/v1/orders/{}", reserving["order"].as_str().unwrap());
            let order = house.get(&path, Some(&alice)).await.json();
            assert!(order["state"] == "reserving" || order["state"] == "placed", "{order}");
            assert_eq!(order["total"], reserving["total"]);
            let (_, placed) = events.until("order_placed").await;
            assert_eq!(
                (&placed["order"], &placed["discount"]["coupon"]),
                (&reserving["order"], &coupon)
            );
            let order = house.get(&path, Some(&alice)).await.json();
            assert_eq!(
                (&order["state"], &order["total"]["minor"]),
                (&json!("placed"), &json!(155_000))
            );
            let mine = house.get("/v1/me/coupons", Some(&alice)).await.json();
            assert_eq!(
                (&mine["coupons"][0]["uses_left"], &mine["coupons"][0]["reserved"]),
                (&json!(0), &json!(1))
            );
            let cancel = json!({"type": "cancel_order", "order": placed["order"]});
            house.ask(&alice, cancel).await;
            events.until("coupon_released").await;
        }
        let held = hold_at(&house, &alice, performances()[0], "A-1-3").await;
        house.ask(&alice, order_of(&held)).await;
        let (_, placed) = events.until("order_placed").await;
        pay(&house, &alice, &placed).await;
        events.until("coupon_used").await;
        let mine = house.until("/v1/me/coupons", &alice, |mine| mine["coupons"] == json!([])).await;
        assert_eq!(mine, json!({"coupons": []}));
    });
}

#[test]
fn a_node_that_starts_again_finishes_what_orders_wait_for() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, reserving) = in_house_with(
        |config| config.data_dir = dir.path().to_owned(),
        async |house| {
            let (alice, _) = spanning(&house).await;
            // One of the two lives elsewhere than the campaign: its order waits for the disk twice.
            let mut reserving = Vec::new();
            for id in performances() {
                let held = hold_at(&house, &alice, id, "A-1-1").await;
                reserving.push(house.ask(&alice, order_of(&held)).await["order"].clone());
            }
            (alice, reserving)
        },
    );
    in_house_with(
        |config| config.data_dir = dir.path().to_owned(),
        async |house| {
            let mut totals = Vec::new();
            for order in &reserving {
                let path = format!("/v1/orders/{}", order.as_str().unwrap());
                let order = house.until(&path, &alice, |order| order["state"] == "placed").await;
                totals.push(order["total"]["minor"].as_i64().unwrap());
            }
            totals.sort_unstable();
            // There is one coupon for both.
            assert_eq!(totals, [155_000, 165_000]);
        },
    );
    let replay = std::process::Command::new(env!("CARGO_BIN_EXE_boxoffice"))
        .args(["replay", "--verify", "--database", "none", "--json", "--data-dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert_eq!((replay.status.code(), &report["replay_identical"]), (Some(0), &json!(true)));
}
