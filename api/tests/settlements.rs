//! Settlement: what the money of a performance was for, line by line, for promoters and operators.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Method;
use boxoffice_api::http::auth::Role;
use serde_json::{Value, json};
use support::events::Events;
use support::{
    House, PERFORMANCE, Reply, campaign, create_campaign, hold, in_house, pay, performance, request,
};

/// 1 % for the provider, 10 % for the platform, and a tenth of each as tax.
fn fees() -> Value {
    json!({"provider_fee_basis_points": 100, "provider_keeps_fee": false,
        "platform_fee_basis_points": 1_000, "fee_vat_basis_points": 1_000})
}

async fn put_on_sale(house: &House) -> String {
    let promoter = house.token("house", Role::Promoter);
    let mut definition = performance();
    definition["settlement_terms"] = fees();
    definition["refund_terms"] = json!({"booking_fee_minor": 2_000});
    let created = house.ask(&promoter, definition).await;
    assert_eq!(created["definition"]["settlement_terms"], fees());
    house.ask(&promoter, json!({"type": "open_sale", "performance": PERFORMANCE})).await;
    promoter
}

async fn buy(house: &House, events: &mut Events, token: &str, seats: &[&str]) -> Value {
    let held = hold(house, token, seats).await;
    let placed = house.ask(token, json!({"type": "place_order", "hold": held["hold"]})).await;
    pay(house, token, &placed).await;
    events.until("order_confirmed").await;
    placed
}

/// An order of 264,000 with a coupon of 10,000, of which the second ticket goes back.
async fn sell_and_take_back(house: &House) -> Value {
    let id = create_campaign(house, campaign()).await;
    let alice = house.token("alice", Role::Buyer);
    house.ask(&alice, json!({"type": "claim_coupon", "campaign": id})).await;
    let mut events = Events::open(house, &alice, None).await;
    let placed = buy(house, &mut events, &alice, &["A-1-1", "A-2-5"]).await;
    let refund = json!({"type": "refund_tickets", "order": placed["order"], "tickets": [2]});
    let reply = house.post(&alice, refund).await.json();
    let told: Vec<_> = reply["outcomes"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert!(!told.contains(&&json!("settlement_posted")), "{told:?}");
    events.until("payment_refunded").await;
    placed
}

fn path(query: &str) -> String {
    format!("/v1/settlements?performance={PERFORMANCE}{query}")
}

async fn settlement(house: &House, token: &str, query: &str) -> Value {
    let reply = house.get(&path(query), Some(token)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// The closing balance of every account.
fn balances(settlement: &Value) -> BTreeMap<String, i64> {
    let totals = settlement["totals"].as_array().unwrap().iter();
    let closing = |total: &Value| total["closing_minor"].as_i64().unwrap();
    totals.map(|it| (it["account"].as_str().unwrap().to_owned(), closing(it))).collect()
}

fn due(settlement: &Value, party: &str) -> (i64, i64) {
    let parties = settlement["parties"].as_array().unwrap();
    let found = parties.iter().find(|it| it["party"] == party).unwrap();
    (found["due_minor"].as_i64().unwrap(), found["closing_minor"].as_i64().unwrap())
}

#[test]
fn every_won_is_accounted_for_and_every_line_cites_the_outcome_that_caused_it() {
    in_house(async |house| {
        let promoter = put_on_sale(&house).await;
        let placed = sell_and_take_back(&house).await;
        let shown = settlement(&house, &promoter, "").await;
        // 264,000 - 10,000 + 4,000 came; 99,000 - 3,750 + 2,000 went back. Without a ladder the
        // booking fee comes back with its ticket.
        let expected = [
            ("booking_fees", -2_000),
            ("buyer_money", 0),
            ("platform_fee_vat", 1_587),
            ("platform_fee_vat_owed", -1_587),
            ("platform_fees", 15_875),
            ("platform_fees_owed", -15_875),
            ("promoter_discounts", 6_250),
            ("provider_cash", 160_750),
            ("provider_fee_vat", 160),
            ("provider_fee_vat_owed", -160),
            ("provider_fees", 1_607),
            ("provider_fees_owed", -1_607),
            ("refunds", 99_000),
            ("ticket_sales", -264_000),
        ];
        assert_eq!(balances(&shown), expected.map(|(name, it)| (name.to_owned(), it)).into());
        assert_eq!(due(&shown, "promoter"), (139_521, 139_521));
        assert_eq!(due(&shown, "platform"), (19_462, 19_462));
        assert_eq!(due(&shown, "provider"), (-158_983, -158_983));
        assert_eq!(due(&shown, "buyer"), (0, 0));
        assert_eq!((&shown["terms_version"], &shown["terms"]), (&json!(0), &fees()));

        let operator = house.token("olga", Role::Operator);
        let lines = shown["lines"].as_array().unwrap();
        assert_eq!(lines.len(), 2 + 12 + 12 + 2);
        for line in lines {
            assert_eq!(line["order"], placed["order"]);
            let path = format!(
                "/v1/topics/outcomes/partitions/{}/records?from={}&limit=1",
                line["partition"], line["offset"]
            );
            let record = house.get(&path, Some(&operator)).await.json()["records"][0].clone();
            let index = usize::try_from(line["index"].as_u64().unwrap()).unwrap();
            let cause = match line["kind"].as_str().unwrap() {
                "capture" => "payment_captured",
                "sale" => "order_confirmed",
                "return" => "tickets_refunded",
                "repayment" => "payment_refunded",
                other => panic!("{other}"),
            };
            assert_eq!(record["outcomes"][index]["type"], cause, "{line}");
        }
    });
}

#[test]
fn pages_and_periods_are_parts_of_the_whole() {
    in_house(async |house| {
        let promoter = put_on_sale(&house).await;
        sell_and_take_back(&house).await;
        let whole = settlement(&house, &promoter, "").await;
        assert!(whole["next"].is_null());
        let (mut lines, mut after) = (Vec::new(), String::new());
        loop {
            let page = settlement(&house, &promoter, &format!("&limit=5{after}")).await;
            assert_eq!(page["totals"], whole["totals"], "totals are over all lines");
            lines.extend(page["lines"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(json!(lines), whole["lines"]);

        // A period is half open: from the moment of the return on.
        let returned = lines.iter().find(|line| line["kind"] == "return").unwrap();
        let at = returned["at"].as_str().unwrap();
        let [before, since] = [format!("&to={at}"), format!("&from={at}")];
        let before = settlement(&house, &promoter, &before).await;
        let since = settlement(&house, &promoter, &since).await;
        let of = |page: &Value| page["lines"].as_array().unwrap().clone();
        assert_eq!(json!([of(&before), of(&since)].concat()), whole["lines"]);
        assert_eq!(since["lines"][0], *returned);
        assert_eq!(balances(&since), balances(&whole), "what was before is the opening");
        let (first, second) = (due(&before, "promoter"), due(&since, "promoter"));
        assert_eq!(first.0 + second.0, due(&whole, "promoter").0);
        assert!(second.0 < 0, "more went back than came in: it is carried over");
        assert_eq!(second.1, 139_521);
        let empty = settlement(&house, &promoter, "&to=2020-01-01T00:00:00Z").await;
        assert_eq!((&empty["totals"], &empty["lines"]), (&json!([]), &json!([])));
    });
}

#[test]
fn csv_has_every_line_of_the_period() {
    in_house(async |house| {
        let promoter = put_on_sale(&house).await;
        sell_and_take_back(&house).await;
        let whole = settlement(&house, &promoter, "").await;
        let asked = request(Method::GET, &path(""), Some(&promoter)).header("accept", "text/csv");
        let accepted = house.send(asked.body(Body::empty()).unwrap()).await;
        let named = house.get(&path("&format=csv&limit=1"), Some(&promoter)).await;
        assert_eq!(accepted.body, named.body);
        assert_eq!(named.header("content-type"), "text/csv; charset=utf-8; header=present");
        let mut rows = named.body.split_terminator("\r\n").map(|row| row.split(',').collect());
        let columns: Vec<&str> = rows.next().unwrap();
        for line in whole["lines"].as_array().unwrap() {
            let row: Vec<&str> = rows.next().unwrap();
            for (column, field) in columns.iter().zip(row) {
                let expected = match &line[column] {
                    Value::Null => PERFORMANCE.to_owned(),
                    Value::String(text) => text.clone(),
                    number => number.to_string(),
                };
                assert_eq!(field, expected, "{column}");
            }
        }
        assert!(rows.next().is_none());
        let after = whole["lines"][25]["id"].as_str().unwrap();
        let rest = house.get(&path(&format!("&format=csv&after={after}")), Some(&promoter)).await;
        assert_eq!(rest.body.lines().count(), 1 + 28 - 26);
    });
}

#[test]
fn fees_change_for_what_is_sold_later_and_are_not_everybodys_business() {
    in_house(async |house| {
        let promoter = put_on_sale(&house).await;
        let [alice, operator] = [("alice", Role::Buyer), ("olga", Role::Operator)]
            .map(|(it, role)| house.token(it, role));
        let set = |terms: Value| {
            json!({"type": "set_settlement_terms",
            "performance": PERFORMANCE, "terms": terms})
        };
        let mut other = fees();
        other["platform_fee_basis_points"] = json!(0);
        let expected = json!({"type": "settlement_terms_set", "performance": PERFORMANCE,
            "version": 1, "terms": other});
        assert_eq!(house.ask(&operator, set(other.clone())).await, expected);
        assert_eq!(house.refused(&alice, set(fees())).await.0, 403);
        other["fee_vat_basis_points"] = json!(10_001);
        let reply = house.post(&promoter, set(other)).await.json();
        assert_eq!(reply["path"], "terms.fee_vat_basis_points");
        let mut events = Events::open(&house, &alice, None).await;
        buy(&house, &mut events, &alice, &["A-1-1"]).await;
        let shown = settlement(&house, &operator, "").await;
        assert_eq!(balances(&shown).get("platform_fees"), None);
        assert_eq!(balances(&shown)["provider_fees"], 1_670);
        let public = house.get(&format!("/v1/performances/{PERFORMANCE}"), None).await.json();
        assert!(public["settlement_terms"].is_null());
    });
}

#[test]
fn what_cannot_be_shown_says_why() {
    in_house(async |house| {
        let promoter = put_on_sale(&house).await;
        let alice = house.token("alice", Role::Buyer);
        let told = |reply: Reply| {
            let problem = reply.json();
            let text = |name: &str| problem[name].as_str().unwrap_or("none").to_owned();
            (reply.status.as_u16(), text("code"), text("path"))
        };
        let asked = async |query: &str| told(house.get(&path(query), Some(&promoter)).await);
        let invalid = |path: &str| (422, "query_invalid".to_owned(), path.to_owned());
        assert_eq!(asked("&from=yesterday").await, invalid("from"));
        assert_eq!(asked("&to=2026-12-01").await, invalid("to"));
        let backwards = "&from=2026-12-02T00:00:00Z&to=2026-12-01T00:00:00Z";
        assert_eq!(asked(backwards).await, invalid("to"));
        assert_eq!(asked("&format=xml").await, invalid("format"));
        assert_eq!(asked("&after=7").await.1, "cursor_malformed");
        assert_eq!(asked("&page=7").await.1, "query_malformed");
        assert_eq!(told(house.get("/v1/settlements", Some(&promoter)).await).0, 400);
        let unknown = "/v1/settlements?performance=6f2b8a52-9a53-4f4e-9a39-222222222222";
        assert_eq!(told(house.get(unknown, Some(&promoter)).await).1, "performance_unknown");
        assert_eq!(told(house.get(&path(""), Some(&alice)).await).0, 403);
        assert_eq!(told(house.get(&path(""), None).await).0, 401);
    });
}
