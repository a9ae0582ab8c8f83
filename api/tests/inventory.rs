//! Inventory of other shapes through HTTP: nights of rooms, tables, companion seats, channels.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use boxoffice_api::http::auth::Role;
use serde_json::{Value, json};
use support::{House, PERFORMANCE, in_house, pay, performance};

fn about(kind: &str, rest: &Value) -> Value {
    let mut intent = json!({"type": kind, "performance": PERFORMANCE});
    for (field, value) in rest.as_object().unwrap() {
        intent[field] = value.clone();
    }
    intent
}

/// Two types of room beside the usual sections.
fn inn() -> Value {
    let mut inn = performance();
    inn["stays"] = json!({
        "closes_minutes": 540,
        "room_types": [
            {"code": "DELUXE", "units": 2, "first_night": "2098-12-01",
             "last_night": "2099-11-30", "price_level": "S",
             "prices": [{"from": "2098-12-24", "to": "2098-12-25", "price_level": "R"}]},
            {"code": "TWIN", "units": 5, "first_night": "2098-12-01",
             "last_night": "2099-11-30", "price_level": "S"}],
    });
    inn
}

async fn put_on_sale(house: &House, performance: Value) {
    let promoter = house.token("house", Role::Promoter);
    assert_eq!(house.ask(&promoter, performance).await["type"], "performance_created");
    house.ask(&promoter, json!({"type": "open_sale", "performance": PERFORMANCE})).await;
}

fn stay(from: &str, nights: u16) -> Value {
    about("hold_stay", &json!({"room_type": "DELUXE", "from": from, "nights": nights}))
}

#[test]
fn a_stay_is_bought_night_by_night_and_its_tickets_say_when() {
    in_house(async |house| {
        put_on_sale(&house, inn()).await;
        let [alice, bob] = ["alice", "bob"].map(|it| house.token(it, Role::Buyer));
        let held = house.ask(&alice, stay("2098-12-23", 3)).await;
        assert_eq!(
            held["sections"],
            json!([
                {"section": "DELUXE_981223", "quantity": 1},
                {"section": "DELUXE_981224", "quantity": 1},
                {"section": "DELUXE_981225", "quantity": 1}])
        );
        assert_eq!(held["total"], json!({"minor": 99_000 + 2 * 165_000, "currency": "KRW"}));
        let path = format!("/v1/holds/{}", held["hold"].as_str().unwrap());
        let shown = house.get(&path, Some(&alice)).await.json();
        let when = json!({"room_type": "DELUXE", "check_in": "2098-12-23",
            "check_out": "2098-12-26", "rooms": 1});
        assert_eq!(shown["stay"], when);

        assert_eq!(house.ask(&bob, stay("2098-12-25", 2)).await["type"], "held");
        let full = house.post(&bob, stay("2098-12-24", 2)).await.json();
        assert_eq!((&full["code"], &full["item"]), (&json!("night_full"), &json!(1)), "{full}");
        let unknown = house.refused(&bob, stay("2099-11-30", 2)).await;
        assert_eq!(unknown, (404, "night_unknown".to_owned()));
        let many = house.refused(&bob, stay("2098-12-01", 17)).await;
        assert_eq!(many, (422, "body_invalid".to_owned()));

        let order = json!({"type": "place_order", "hold": held["hold"]});
        let placed = house.ask(&alice, order).await;
        pay(&house, &alice, &placed).await;
        let is_there = |it: &Value| it["tickets"].as_array().is_some_and(|it| it.len() == 3);
        let tickets = house.until("/v1/me/tickets", &alice, is_there).await;
        assert_eq!(tickets["tickets"][1]["section"], "DELUXE_981224");
        assert_eq!(tickets["tickets"][1]["stay"], when);
    });
}

#[test]
fn a_year_of_nights_is_written_in_a_few_lines_and_read_as_it_was_written() {
    in_house(async |house| {
        put_on_sale(&house, inn()).await;
        let path = format!("/v1/performances/{PERFORMANCE}");
        let shown = house.get(&path, None).await.json();
        assert_eq!(shown["stays"], inn()["stays"]);
        assert_eq!(
            shown["sections"],
            performance()["sections"]
                .as_array()
                .map(|sections| {
                    let mut sections = json!(sections);
                    sections[0]["rows"][0]["first_seat"] = json!(1);
                    sections[0]["rows"][1]["first_seat"] = json!(1);
                    sections
                })
                .unwrap()
        );
        let seen = house.get(&format!("{path}/availability"), None).await.json();
        assert_eq!(seen["sections"].as_array().unwrap().len(), 2 + 2 * 365);
        assert_eq!(seen["sections"][2], json!({"code": "DELUXE_981201", "remaining": 2}));
    });
}

#[test]
fn nights_that_cannot_be_meant_say_where() {
    in_house(async |house| {
        let promoter = house.token("house", Role::Promoter);
        let table: [(&str, Value, &str); 7] = [
            ("/stays/room_types", json!([]), "shapes.stays.room_types"),
            ("/stays/room_types/0/code", json!("TENLETTERS"), "stays.room_types[0].code"),
            (
                "/stays/room_types/0/last_night",
                json!("2098-11-30"),
                "stays.room_types[0].last_night",
            ),
            (
                "/stays/room_types/0/last_night",
                json!("2105-01-01"),
                "stays.room_types[0].last_night",
            ),
            ("/stays/room_types/0/price_level", json!("X"), "stays.room_types[0].price_level"),
            (
                "/stays/room_types/0/prices/0/to",
                json!("2100-01-01"),
                "stays.room_types[0].prices[0]",
            ),
            ("/stays/closes_minutes", json!(3_000), "shapes.stays.closes_minutes"),
        ];
        for (at, value, path) in table {
            let mut wrong = inn();
            *wrong.pointer_mut(at).unwrap() = value;
            let reply = house.post(&promoter, wrong).await;
            assert_eq!(reply.status.as_u16(), 422, "{at}: {}", reply.body);
            assert_eq!(reply.json()["path"], path, "{}", reply.body);
        }
    });
}

#[test]
fn tables_are_sold_whole_and_companions_with_their_accessible_seat() {
    in_house(async |house| {
        let mut hall = performance();
        hall["sections"][0]["rows"] = json!([
            {"label": "1", "seats": 6, "price_level": "R", "accessible": [3],
             "companions": [2, 4]},
            {"label": "T", "seats": 4, "price_level": "S", "table": {"empty_seats_max": 1}}]);
        hall["companions_released_at"] = json!("2099-11-30T00:00:00Z");
        put_on_sale(&house, hall.clone()).await;
        let [alice, bob] = ["alice", "bob"].map(|it| house.token(it, Role::Buyer));
        let seats = |seats: &[&str]| about("hold_seats", &json!({"seats": seats}));
        let best = |rest: Value| about("hold_best_available", &rest);

        let part = house.refused(&alice, seats(&["A-T-1"])).await;
        assert_eq!(part, (409, "table_sold_whole".to_owned()));
        let table = house.ask(&alice, best(json!({"quantity": 3, "price_level": "S"}))).await;
        assert_eq!(table["seats"], json!(["A-T-1", "A-T-2", "A-T-3", "A-T-4"]));
        assert_eq!(table["seating"], "table");

        let alone = house.refused(&bob, seats(&["A-1-2"])).await;
        assert_eq!(alone, (409, "companion_needs_accessible_seat".to_owned()));
        let party = house.ask(&bob, best(json!({"quantity": 2, "accessible": true}))).await;
        assert_eq!(party["seats"], json!(["A-1-2", "A-1-3"]));
        let promoter = house.token("house", Role::Promoter);
        let release = about("release_companions", &json!({}));
        assert_eq!(house.ask(&promoter, release.clone()).await["type"], "companions_released");
        let again = house.refused(&promoter, release).await;
        assert_eq!(again, (409, "companions_already_released".to_owned()));
        assert_eq!(house.ask(&bob, seats(&["A-1-4"])).await["type"], "held");

        let path = format!("/v1/performances/{PERFORMANCE}");
        let shown = house.get(&path, None).await.json();
        assert_eq!(shown["sections"][0]["rows"][0]["companions"], json!([2, 4]));
        assert_eq!(shown["sections"][0]["rows"][1]["table"], json!({"empty_seats_max": 1}));
        assert_eq!(shown["companions_released_at"], hall["companions_released_at"]);
    });
}

async fn channels(house: &House, role: Role) -> support::Reply {
    let token = house.token("house", role);
    let path = format!("/v1/performances/{PERFORMANCE}/channels");
    house.get(&path, Some(&token)).await
}

#[test]
fn a_presale_sells_what_is_set_aside_to_those_who_have_the_code() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let [alice, bob] = ["alice", "bob"].map(|it| house.token(it, Role::Buyer));
        let fans = json!({"channel": "FANS", "code": "open sesame", "uses_max": 2,
            "releases_at": "2099-11-01T00:00:00Z"});
        let set = house.ask(&promoter, about("set_channel", &fans)).await;
        assert_eq!(
            set,
            json!({"type": "channel_set", "performance": PERFORMANCE,
            "channel": "FANS", "uses_max": 2, "releases_at": "2099-11-01T00:00:00Z"})
        );
        let what = json!({"rows": ["A-1"], "places": [{"section": "FLOOR", "quantity": 18}]});
        let aside = about("set_aside", &json!({"channel": "FANS", "what": what}));
        assert_eq!(
            house.ask(&promoter, aside.clone()).await,
            json!({"type": "set_aside", "performance": PERFORMANCE, "channel": "FANS",
                "seats": [{"first": "A-1-1", "last": "A-1-10", "seats": 10}],
                "places": [{"section": "FLOOR", "quantity": 18}]})
        );
        let taken = house.post(&promoter, aside).await.json();
        assert_eq!((&taken["code"], &taken["item"]), (&json!("places_not_free"), &json!(0)));

        let hold = |code: Value| {
            let mut hold = about("hold_seats", &json!({"seats": ["A-1-1", "A-1-2"]}));
            hold["code"] = code;
            hold
        };
        let refused = async |token: &str, hold: Value| house.refused(token, hold).await;
        let others = (409, "seat_not_for_sale".to_owned());
        assert_eq!(refused(&bob, hold(Value::Null)).await, others);
        let wrong = (403, "channel_code_wrong".to_owned());
        assert_eq!(refused(&bob, hold(json!("sesame"))).await, wrong);
        assert_eq!(refused(&bob, hold(json!(""))).await.0, 422);
        assert_eq!(house.ask(&alice, hold(json!("open sesame"))).await["type"], "held");
        let floor = |quantity: u16, code: Value| {
            let sections = json!([{"section": "FLOOR", "quantity": quantity}]);
            about("hold_general_admission", &json!({"sections": sections, "code": code}))
        };
        let full = (409, "capacity_exhausted".to_owned());
        assert_eq!(refused(&bob, floor(3, Value::Null)).await, full);
        assert_eq!(house.ask(&bob, floor(3, json!("open sesame"))).await["type"], "held");
        let used_up = (409, "channel_uses_exhausted".to_owned());
        assert_eq!(refused(&bob, floor(1, json!("open sesame"))).await, used_up);

        let path = format!("/v1/performances/{PERFORMANCE}/availability");
        let seen = house.get(&path, None).await.json();
        assert_eq!(seen["sections"][0]["rows"][0]["seats"], "hhuuuuuuuu");
        assert_eq!(seen["sections"][1]["remaining"], 2);
        let listed = channels(&house, Role::Promoter).await.json();
        let expected = json!({"channel": "FANS", "uses_max": 2, "uses": 2, "released": false,
            "releases_at": "2099-11-01T00:00:00Z", "free": 8 + 15, "held": 2 + 3, "sold": 0});
        assert_eq!(listed, json!({"performance": PERFORMANCE, "channels": [expected]}));
        assert_eq!(channels(&house, Role::Buyer).await.status.as_u16(), 403);
    });
}

#[test]
fn a_channel_gives_back_by_hand_and_its_code_is_never_shown() {
    in_house(async |house| {
        house.put_on_sale().await;
        let promoter = house.token("house", Role::Promoter);
        let bob = house.token("bob", Role::Buyer);
        let fans = json!({"channel": "FANS", "code": "open sesame"});
        house.ask(&promoter, about("set_channel", &fans)).await;
        let what = json!({"sections": ["A"]});
        house.ask(&promoter, about("set_aside", &json!({"channel": "FANS", "what": what}))).await;
        let back = |rest: Value| about("release_channel", &rest);
        let some = json!({"channel": "FANS", "what": {"seats": ["A-2-10"]}});
        let released = house.ask(&promoter, back(some)).await;
        assert_eq!(
            (&released["type"], &released["all"]),
            (&json!("channel_released"), &json!(false))
        );
        let hold = about("hold_seats", &json!({"seats": ["A-2-10"]}));
        assert_eq!(house.ask(&bob, hold).await["type"], "held");
        let nothing = json!({"channel": "FANS", "what": {}});
        assert_eq!(house.refused(&promoter, back(nothing)).await.0, 422);
        let unknown = house.refused(&promoter, back(json!({"channel": "CLUB"}))).await;
        assert_eq!(unknown, (404, "channel_unknown".to_owned()));
        let all = house.ask(&promoter, back(json!({"channel": "FANS"}))).await;
        assert_eq!(all["seats"], json!([{"first": "A-1-1", "last": "A-2-9", "seats": 19}]));
        assert_eq!(all["all"], true);

        let by_buyer = house.refused(&bob, about("set_channel", &fans)).await;
        assert_eq!(by_buyer.0, 403);
        let operator = house.token("operator", Role::Operator);
        let mut shown = channels(&house, Role::Operator).await.body;
        for (topic, partition) in [("intents", 0), ("intents", 1), ("outcomes", 0), ("outcomes", 1)]
        {
            let path = format!("/v1/topics/{topic}/partitions/{partition}/records");
            shown += &house.get(&path, Some(&operator)).await.body;
        }
        assert!(shown.contains("FANS") && shown.contains("set_aside"), "{shown}");
        assert!(!shown.contains("sesame"), "{shown}");
    });
}
