//! The real binary killed while everybody wants the same coupons: exactly as many are issued as there are,
//! to whoever was told so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_tests::client::{Answer, Client};
use boxoffice_tests::house::House;
use boxoffice_tests::server::Options;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

const COUPONS: usize = 120;
const BUYERS: usize = 240;
/// How many buyers ask at once.
const AT_ONCE: usize = 16;
/// Answers between two kills.
const ANSWERS_PER_KILL: usize = 41;
const KILLS: usize = 4;
/// How long a buyer waits before asking again a server that is away, or said that it cannot.
const PAUSE: Duration = Duration::from_millis(20);

/// Claims until there is an answer, with the same key each time, as buyer after buyer.
async fn claim(
    house: Vec<(usize, Client)>,
    claim: Value,
    answers: watch::Sender<usize>,
) -> Vec<(usize, Answer)> {
    let mut told = Vec::new();
    for (buyer, client) in house {
        let answer = loop {
            match client.try_intent(&claim, Some("claim")).await {
                Ok(answer) if answer.status != 503 => break answer,
                _ => tokio::time::sleep(PAUSE).await,
            }
        };
        answers.send_modify(|answers| *answers += 1);
        told.push((buyer, answer));
    }
    told
}

async fn campaign(house: &House) -> String {
    let definition = json!({
        "name": "Early bird", "performance": house.performance, "code": null,
        "opens_at": "2020-01-01T00:00:00Z", "closes_at": "2099-01-01T00:00:00Z",
        "quantity": COUPONS, "account_limit": 1,
        "terms": {
            "reduction": {"type": "fixed", "amount_minor": 10_000}, "currency": "KRW",
            "issuer": "promoter", "uses": 1, "expires_at": "2099-01-01T00:00:00Z",
            "returned_on_refund": true},
    });
    let create = json!({"type": "create_campaign", "definition": definition});
    house.promoter.intent(create).await.text("campaign")
}

#[tokio::test(flavor = "multi_thread")]
async fn coupons_are_issued_exactly_however_often_the_server_is_killed() {
    let mut house = House::open(Options::default(), 1, 1, 1).await;
    let campaign = campaign(&house).await;
    let ask = json!({"type": "claim_coupon", "campaign": campaign});
    let clients: Vec<Client> =
        (0..BUYERS).map(|number| house.buyer(&format!("buyer-{number}"))).collect();
    let answers = watch::Sender::new(0);
    let mut buyers = JoinSet::new();
    for first in 0..AT_ONCE {
        let some = (first..BUYERS).step_by(AT_ONCE).map(|number| (number, clients[number].clone()));
        buyers.spawn(claim(some.collect(), ask.clone(), answers.clone()));
    }
    let mut answered = answers.subscribe();
    for kill in 1..=KILLS {
        answered.wait_for(|answers| *answers >= kill * ANSWERS_PER_KILL).await.unwrap();
        house.server.kill();
        house.server.start_again().await;
    }

    let mut told: Vec<(usize, Answer)> = buyers.join_all().await.into_iter().flatten().collect();
    told.sort_by_key(|(buyer, _)| *buyer);
    let (issued, refused): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|(_, answer)| answer.status == 200);
    assert!(refused.iter().all(|(_, answer)| answer.code() == "coupons_exhausted"), "{refused:?}");
    assert_eq!((issued.len(), refused.len()), (COUPONS, BUYERS - COUPONS));
    let numbers: BTreeSet<i64> =
        issued.iter().map(|(_, answer)| answer.outcome()["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=COUPONS as i64).collect());
    // Whoever was told so has the coupon, once.
    for (buyer, answer) in &issued {
        let own = clients[*buyer].get("/v1/me/coupons").await.body["coupons"].clone();
        let ids: Vec<&Value> = own.as_array().unwrap().iter().map(|coupon| &coupon["id"]).collect();
        assert_eq!(ids, [&answer.outcome()["coupon"]], "{own}");
    }
}
