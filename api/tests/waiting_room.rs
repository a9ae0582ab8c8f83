//! Waiting rooms: a place that a refresh keeps, admission before a hold, and a lottery that
//! anybody can compute again from what the API shows.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::process::{Command, Output};

use boxoffice_api::http::auth::Role;
use boxoffice_topics::LotterySeed;
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, hold, in_house, performance};

const ROOM: &str = "/v1/performances/6f2b8a52-9a53-4f4e-9a39-111111111111/waiting-room";

/// One at a time, as fast as may be.
fn rules() -> Value {
    json!({"admissions_per_minute": 600_000, "active_buyers_max": 1, "session_seconds": 600,
        "grace_seconds": 120})
}

fn set(rules: &Value) -> Value {
    json!({"type": "set_waiting_room", "performance": PERFORMANCE, "rules": rules})
}

fn of(kind: &str) -> Value {
    json!({"type": kind, "performance": PERFORMANCE})
}

async fn standing(house: &House, token: &str) -> Value {
    house.get(ROOM, Some(token)).await.json()["standing"].clone()
}

#[test]
fn buyers_are_let_in_one_after_the_other_and_a_refresh_keeps_the_place() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let [alice, bob] = ["alice", "bob"].map(|it| house.token(it, Role::Buyer));
        let join = of("join_waiting_room");
        let off = (409, "waiting_room_off".to_owned());
        assert_eq!(house.refused(&alice, join.clone()).await, off);
        assert_eq!(standing(&house, &alice).await, json!({"state": "through"}));

        let room = house.ask(&promoter, set(&rules())).await;
        let expected =
            json!({"type": "waiting_room_set", "performance": PERFORMANCE, "rules": rules()});
        assert_eq!(room, expected);
        let wanted = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": ["A-1-1"]});
        let required = (409, "admission_required".to_owned());
        assert_eq!(house.refused(&alice, wanted.clone()).await, required);
        assert_eq!(standing(&house, &alice).await, json!({"state": "outside"}));

        let mut told = Events::open(&house, &alice, None).await;
        let joined = house.ask(&alice, join.clone()).await;
        assert_eq!(
            (&joined["type"], &joined["number"]),
            (&json!("waiting_room_joined"), &json!(0))
        );
        let (_, admitted) = told.until("admitted").await;
        let inside = json!({"state": "inside", "session_ends_at": admitted["session_ends_at"]});
        assert_eq!(standing(&house, &alice).await, inside);
        assert_eq!(house.ask(&alice, join.clone()).await["type"], "inside");

        house.ask(&bob, join.clone()).await;
        let waiting = standing(&house, &bob).await;
        assert_eq!(
            [&waiting["state"], &waiting["number"], &waiting["ahead"]],
            [&json!("waiting"), &json!(1), &json!(0)]
        );
        assert!(waiting["estimate_seconds"].as_u64().unwrap() <= 601, "{waiting}");
        assert_eq!(waiting["next_poll_seconds"], 60);
        let again = house.ask(&bob, join.clone()).await;
        let expected =
            json!({"type": "waiting_room_returned", "performance": PERFORMANCE, "number": 1});
        assert_eq!(again, expected);
        assert_eq!(house.ask(&bob, of("heartbeat")).await["type"], "heartbeat_seen");
        assert_eq!(house.refused(&bob, wanted.clone()).await, required);
        let seen = house.get(ROOM, None).await.json();
        assert_eq!(
            [&seen["rules"], &seen["waiting"], &seen["inside"], &seen["passed"]],
            [&rules(), &json!(1), &json!(1), &json!(1)]
        );
        assert_eq!(seen.get("standing"), None);

        hold(&house, &alice, &["A-1-1"]).await;
        let mut told = Events::open(&house, &bob, None).await;
        let out = house.ask(&alice, of("leave_waiting_room")).await;
        let expected =
            json!({"type": "session_ended", "performance": PERFORMANCE, "reason": "left"});
        assert_eq!(out, expected);
        told.until("admitted").await;
        hold(&house, &bob, &["A-1-2"]).await;
        assert_eq!(house.refused(&alice, of("heartbeat")).await, (409, "not_waiting".to_owned()));
    });
}

#[test]
fn who_leaves_waits_no_longer_and_finds_the_place_again() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let alice = house.token("alice", Role::Buyer);
        let mut paused = rules();
        paused["admissions_per_minute"] = json!(0);
        house.ask(&promoter, set(&paused)).await;
        house.ask(&alice, of("join_waiting_room")).await;
        let left = house.ask(&alice, of("leave_waiting_room")).await;
        assert_eq!((&left["type"], &left["number"]), (&json!("waiting_room_left"), &json!(0)));
        assert_eq!(standing(&house, &alice).await, json!({"state": "outside"}));
        let gone = (409, "not_waiting".to_owned());
        assert_eq!(house.refused(&alice, of("leave_waiting_room")).await, gone);
        assert_eq!(house.ask(&alice, of("join_waiting_room")).await["number"], 0);
        house.ask(&promoter, set(&Value::Null)).await;
        assert_eq!(standing(&house, &alice).await, json!({"state": "through"}));
        hold(&house, &alice, &["A-1-1"]).await;
    });
}

#[test]
fn rules_that_cannot_be_meant_say_where() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let lottery = |commitment: &str, draw_within_seconds: u32| {
            json!({"commitment": commitment, "closes_before_seconds": 0,
                "draw_within_seconds": draw_within_seconds})
        };
        for (field, value, path) in [
            ("admissions_per_minute", json!(600_001), "rules.admissions_per_minute"),
            ("active_buyers_max", json!(0), "rules.active_buyers_max"),
            ("session_seconds", json!(9), "rules.session_seconds"),
            ("session_seconds", json!(u32::MAX), "rules.session_seconds"),
            ("grace_seconds", json!(-1), "rules.grace_seconds"),
            ("lottery", lottery("07", 60), "rules.lottery.commitment"),
            ("lottery", lottery(&"0".repeat(64), 0), "rules.lottery.draw_within_seconds"),
        ] {
            let mut rules = rules();
            rules[field] = value;
            let reply = house.post(&promoter, set(&rules)).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["path"]), (422, &json!(path)));
        }
        // Whoever forgets the rules does not open the doors.
        let forgotten = house.post(&promoter, of("set_waiting_room")).await;
        assert_eq!(forgotten.status.as_u16(), 422, "{}", forgotten.body);
    });
}

fn boxoffice(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_boxoffice")).args(arguments).output().unwrap()
}

async fn verified(house: &House, more: &[&str]) -> (Option<i32>, String) {
    let data_dir = house.node.config().data_dir.to_str().unwrap().to_owned();
    let url = house.node.url().to_owned();
    let more: Vec<String> = more.iter().map(|it| (*it).to_owned()).collect();
    let verifying = tokio::task::spawn_blocking(move || {
        let mut arguments = vec!["lottery", "verify", "--performance", PERFORMANCE];
        arguments.extend(["--url", &url, "--data-dir", &data_dir]);
        arguments.extend(more.iter().map(String::as_str));
        boxoffice(&arguments)
    });
    let output = verifying.await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn a_lottery_is_drawn_and_computed_again_from_what_is_published() {
    in_house(async |house| {
        let sealed = String::from_utf8(boxoffice(&["lottery", "commit"]).stdout).unwrap();
        let words: Vec<&str> = sealed.split_whitespace().collect();
        let [_, seed, _, commitment] = words[..] else { panic!("{sealed}") };
        let promoter = house.token("house", Role::Promoter);
        let buyers: Vec<_> =
            (0..5).map(|n| house.token(&format!("buyer-{n}"), Role::Buyer)).collect();
        house.ask(&promoter, performance()).await;
        let rules_without_lottery = rules();
        let mut rules = rules();
        rules["active_buyers_max"] = json!(100);
        rules["lottery"] = json!({"commitment": commitment, "closes_before_seconds": 0,
            "draw_within_seconds": 3_600});
        house.ask(&promoter, set(&rules)).await;
        for buyer in &buyers {
            house.ask(buyer, of("join_waiting_room")).await;
        }
        assert_eq!(standing(&house, &buyers[4]).await.get("ahead"), None);
        let draw =
            |seed: &str| json!({"type": "draw_lottery", "performance": PERFORMANCE, "seed": seed});
        let open = (409, "lottery_still_open".to_owned());
        assert_eq!(house.refused(&promoter, draw(seed)).await, open);
        let fixed = (409, "lottery_fixed".to_owned());
        assert_eq!(house.refused(&promoter, set(&rules_without_lottery)).await, fixed);

        house.ask(&promoter, of("open_sale")).await;
        let closed =
            house.until(ROOM, &promoter, |room| room["lottery"]["state"] == "closed").await;
        assert_eq!(
            (&closed["lottery"]["entrants"], closed["lottery"].get("seed")),
            (&json!(5), None)
        );
        let (code, said) = verified(&house, &[]).await;
        assert_eq!((code, said.trim()), (Some(1), "boxoffice: the lottery is not drawn yet"));
        let other = LotterySeed::from_bytes([7; 32]).to_string();
        let mismatch = (422, "seed_mismatch".to_owned());
        assert_eq!(house.refused(&promoter, draw(&other)).await, mismatch);
        let drawn = house.ask(&promoter, draw(seed)).await;
        assert_eq!((&drawn["type"], &drawn["seed"]), (&json!("lottery_drawn"), &json!(seed)));

        let everybody = |room: &Value| room["inside"] == 5;
        let room = house.until(ROOM, &promoter, everybody).await;
        assert_eq!(
            (&room["lottery"]["state"], &room["lottery"]["seed"]),
            (&json!("drawn"), &json!(seed))
        );
        let (code, said) = verified(&house, &[]).await;
        let expected =
            "5 entrants, drawn with the seed that was sealed; 5 were called, in that order";
        assert_eq!((code, said.trim()), (Some(0), expected));
        verify_from_files(&house, room).await;
    });
}

/// What was published, kept in files; then a seed that nobody sealed.
async fn verify_from_files(house: &House, mut room: Value) {
    let dir = tempfile::tempdir().unwrap();
    let operator = house.token("operator", Role::Operator);
    let path = format!("/v1/topics/outcomes/partitions/{}/records?limit=1000", room["partition"]);
    let page = house.get(&path, Some(&operator)).await.json();
    let records: Vec<_> =
        page["records"].as_array().unwrap().iter().map(Value::to_string).collect();
    let (kept_room, kept) = (dir.path().join("room.json"), dir.path().join("outcomes.ndjson"));
    std::fs::write(&kept, records.join("\n")).unwrap();
    let files =
        ["--order", "--room", kept_room.to_str().unwrap(), "--outcomes", kept.to_str().unwrap()];
    std::fs::write(&kept_room, room.to_string()).unwrap();
    let (code, said) = verified(house, &files).await;
    assert_eq!((code, said.lines().count()), (Some(0), 6), "{said}");
    room["lottery"]["seed"] = json!("07".repeat(32));
    std::fs::write(&kept_room, room.to_string()).unwrap();
    let forged = "boxoffice: the seed is not the one that was committed to";
    let (code, said) = verified(house, &files).await;
    assert_eq!((code, said.trim()), (Some(1), forged));
}
