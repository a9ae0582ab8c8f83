//! Refunds of nights: the ladder counts days before the first night, though the season began long ago.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use boxoffice_api::http::auth::Role;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, in_house, pay, performance};

/// The date so many days from now, in UTC. The ladder's steps leave room for midnight.
fn date(days: i64) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.checked_add(Span::new().days(days)).unwrap().to_string()
}

/// A tenth is kept until 20 days before, then a half until the eve.
fn season() -> Value {
    let mut season = performance();
    season["starts_at"] = json!("2020-01-01T00:00:00Z");
    season["stays"] = json!({"closes_minutes": 540, "room_types": [
        {"code": "TWIN", "units": 5, "first_night": date(0), "last_night": date(50),
         "price_level": "S"}]});
    season["refund_terms"] = json!({"booking_fee_minor": 0, "ladder": {"utc_offset_minutes": 540,
        "steps": [{"days_before": 20, "basis_points": 1_000},
                  {"days_before": 1, "basis_points": 5_000}]}});
    season
}

/// The order of a paid stay of two nights.
async fn book(house: &House, events: &mut Events, token: &str, days: i64) -> Value {
    let stay = json!({"type": "hold_stay", "performance": PERFORMANCE, "room_type": "TWIN",
        "from": date(days), "nights": 2});
    let held = house.ask(token, stay).await;
    let placed = house.ask(token, json!({"type": "place_order", "hold": held["hold"]})).await;
    pay(house, token, &placed).await;
    events.until("order_confirmed").await;
    placed["order"].clone()
}

#[test]
fn a_stay_is_quoted_and_goes_back_by_the_days_before_its_first_night() {
    in_house(async |house| {
        let promoter = house.token("house", Role::Promoter);
        assert_eq!(house.ask(&promoter, season()).await["type"], "performance_created");
        house.ask(&promoter, json!({"type": "open_sale", "performance": PERFORMANCE})).await;
        let alice = house.token("alice", Role::Buyer);
        let mut events = Events::open(&house, &alice, None).await;
        for (days, kept, amount) in [(40, 9_900, 89_100), (10, 49_500, 49_500)] {
            let order = book(&house, &mut events, &alice, days).await;
            let path = format!("/v1/orders/{}/refund-quote", order.as_str().unwrap());
            let quote = house.get(&path, Some(&alice)).await.json();
            assert_eq!(quote["kept"]["minor"], 2 * kept, "{days} days before: {quote}");
            assert_eq!(quote["amount"]["minor"], 2 * amount, "{days} days before: {quote}");
            // The second night alone goes back by the day of the first.
            let second = json!({"type": "refund_tickets", "order": order, "tickets": [2]});
            let back = house.ask(&alice, second).await;
            assert_eq!(back["amount"]["minor"], amount, "{days} days before: {back}");
        }
    });
}
