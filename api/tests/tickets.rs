//! Tickets: codes that anybody can verify, offers from account to account, and one entry for each.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::body::Body;
use axum::http::Method;
use boxoffice_api::http::auth::Role;
use boxoffice_api::tickets::{Before, PublicKeys, TicketKeys};
use serde_json::{Value, json};
use support::events::Events;
use support::{House, PERFORMANCE, hold, in_house, pay, request};

const SCAN: &str = "018f3a70-0000-7000-8000-00000000000";

/// Buys seats and returns the order's id.
async fn buy(house: &House, token: &str, seats: &[&str]) -> String {
    let held = hold(house, token, seats).await;
    let placed = house.ask(token, json!({"type": "place_order", "hold": held["hold"]})).await;
    pay(house, token, &placed).await;
    let order = placed["order"].as_str().unwrap().to_owned();
    let path = format!("/v1/orders/{order}");
    house.until(&path, token, |order| order["state"] == "confirmed").await;
    order
}

async fn set_rules(house: &House, transfers_max: u8, reentry: bool) {
    let rules = json!({"transfers_max": transfers_max, "transfers_close_before_seconds": 3_600,
        "offer_ttl_seconds": 600, "reentry": reentry, "admits_after_start_seconds": 7_200});
    let set = json!({"type": "set_ticket_rules", "performance": PERFORMANCE, "rules": rules});
    let expected = json!({"type": "ticket_rules_set", "performance": PERFORMANCE, "rules": rules});
    assert_eq!(house.ask(&house.token("house", Role::Promoter), set).await, expected);
}

async fn code(house: &House, token: &str, ticket: &str) -> String {
    let shown = house.get(&format!("/v1/tickets/{ticket}"), Some(token)).await.json();
    shown["code"].as_str().unwrap_or_else(|| panic!("{shown}")).to_owned()
}

fn check_in(code: &str, gate: &str) -> Value {
    json!({"type": "check_in", "performance": PERFORMANCE, "code": code, "gate": gate})
}

fn about(kind: &str, ticket: &str) -> Value {
    json!({"type": kind, "ticket": ticket})
}

fn offer(ticket: &str, subject: &str) -> Value {
    json!({"type": "offer_ticket", "ticket": ticket, "subject": subject})
}

#[test]
fn a_ticket_is_verified_offered_and_admits_its_last_holder_once() {
    in_house(async |house| {
        house.put_on_sale().await;
        let [alice, bob] = ["alice", "bob"].map(|buyer| house.token(buyer, Role::Buyer));
        let gate = house.token("north", Role::Gate);
        let order = buy(&house, &alice, &["A-1-1", "A-1-2"]).await;
        set_rules(&house, 1, false).await;
        let [first, second] = [1, 2].map(|number| format!("{order}.{number}"));

        // What the code says is known without the server.
        let old = code(&house, &alice, &first).await;
        let keys = PublicKeys::parse(&house.get("/v1/ticket-keys", None).await.body).unwrap();
        let said = keys.verify(&old).unwrap();
        assert_eq!((said.ticket.to_string(), said.generation), (first.clone(), 0));
        assert_eq!(said.expires_at.as_millis(), 4_099_842_000_000, "two hours after the beginning");
        let mine = house.get("/v1/me/tickets", Some(&alice)).await.json();
        assert_eq!(mine["tickets"][0]["code"], json!(old));
        assert_eq!((&mine["received"], &mine["offered"]), (&json!([]), &json!([])));

        let mut events = Events::open(&house, &bob, None).await;
        let offered = house.ask(&alice, offer(&first, "bob")).await;
        assert_eq!(offered["type"], "ticket_offered");
        assert_eq!(events.until("ticket_offered").await.1, offered);
        let theirs = house.get("/v1/me/tickets", Some(&bob)).await.json();
        assert_eq!(theirs["offered"][0]["id"], json!(first));
        assert_eq!(theirs["offered"][0]["code"], Value::Null);
        let taken = house.ask(&bob, about("accept_ticket", &first)).await;
        assert_eq!(
            (&taken["type"], &taken["generation"]),
            (&json!("ticket_transferred"), &json!(1))
        );

        let theirs = house.get("/v1/me/tickets", Some(&bob)).await.json();
        assert_eq!(theirs["received"][0]["seat"], "A-1-1");
        let mine = house.get("/v1/me/tickets", Some(&alice)).await.json();
        assert_eq!(mine["tickets"].as_array().unwrap().len(), 1);
        let without = house.get(&format!("/v1/tickets/{first}"), Some(&alice)).await.json();
        assert_eq!(without["code"], Value::Null);
        let stranger = house.token("carol", Role::Buyer);
        let hidden = house.get(&format!("/v1/tickets/{first}"), Some(&stranger)).await;
        assert_eq!(hidden.status.as_u16(), 404);

        let refused = async |intent| house.refused(&gate, intent).await;
        assert_eq!(refused(check_in(&old, "North")).await, (409, "ticket_replaced".into()));
        let new = code(&house, &bob, &first).await;
        let entered = house.ask(&gate, check_in(&new, "North")).await;
        assert_eq!((&entered["type"], &entered["entry"]), (&json!("ticket_checked_in"), &json!(1)));
        let again = house.post(&gate, check_in(&new, "South")).await;
        assert_eq!(again.status.as_u16(), 409);
        assert_eq!(again.json()["code"], "ticket_already_used");
        assert_eq!(again.json()["used"], entered["used"]);
        let mut out = check_in(&new, "North");
        out["type"] = json!("check_out");
        assert_eq!(refused(out).await, (409, "reentry_not_allowed".into()));

        let cancel = json!({"type": "cancel_order", "order": order});
        assert_eq!(house.refused(&alice, cancel).await, (409, "ticket_given_away".into()));
        assert_eq!(
            house.refused(&bob, offer(&first, "alice")).await,
            (409, "ticket_already_used".into())
        );
        assert_eq!(
            house.refused(&alice, offer(&second, "alice")).await,
            (422, "transfer_to_self".into())
        );
        let path = format!("/v1/performances/{PERFORMANCE}/check-ins");
        let seen = house.get(&path, Some(&gate)).await.json();
        assert_eq!((&seen["admitted"], &seen["inside"]), (&json!(1), &json!(1)));
        assert_eq!(
            seen["gates"][1],
            json!({"gate": "South", "entries": 0, "reentries": 0, "exits": 0, "conflicts": 1})
        );
    });
}

/// The scans of a scanner that had no connection, in one batch.
async fn upload(house: &House, token: &str, scans: &[Value]) -> Vec<Value> {
    let body: String = scans.iter().map(|scan| format!("{scan}\n")).collect();
    let upload = request(Method::POST, "/v1/intents/batch", Some(token))
        .header("content-type", "application/x-ndjson");
    let reply = house.send(upload.body(Body::from(body)).unwrap()).await;
    reply.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn scans_without_a_connection_are_sent_later_and_more_than_once() {
    in_house(async |house| {
        house.put_on_sale().await;
        set_rules(&house, 0, true).await;
        let (alice, gate) = (house.token("alice", Role::Buyer), house.token("north", Role::Gate));
        let order = buy(&house, &alice, &["A-1-1"]).await;
        let code = code(&house, &alice, &format!("{order}.1")).await;
        let scan = |kind: &str, gate: &str, number: u8| {
            json!({"type": kind, "performance": PERFORMANCE, "code": code, "gate": gate,
                "scanned_at": "2026-01-01T19:00:00Z", "scan": format!("{SCAN}{number}")})
        };
        let stored = [
            scan("check_in", "North", 1),
            scan("check_in", "North", 2),
            scan("check_out", "North", 3),
        ];
        let first = upload(&house, &gate, &stored).await;
        assert_eq!(
            first[0]["outcomes"][0]["used"],
            json!({"gate": "North", "at": "2026-01-01T19:00:00Z"})
        );
        assert_eq!(first[1]["code"], "ticket_already_used");
        assert_eq!(first[1]["used"]["gate"], "North");
        assert_eq!(first[2]["outcomes"][0]["type"], "ticket_checked_out");
        let again = upload(&house, &gate, &stored).await;
        for (first, again) in first.iter().zip(&again) {
            assert_eq!(again["repeated"], true, "{again}");
            assert_eq!((&first["id"], &first["code"]), (&again["id"], &again["code"]));
        }
        let path = format!("/v1/performances/{PERFORMANCE}/check-ins");
        let seen = house.get(&path, Some(&gate)).await.json();
        let counted =
            json!({"gate": "North", "entries": 1, "reentries": 0, "exits": 1, "conflicts": 1});
        assert_eq!((&seen["inside"], &seen["gates"]), (&json!(0), &json!([counted])));
    });
}

#[test]
fn codes_that_are_not_ours_and_roles_that_may_not_are_refused() {
    in_house(async |house| {
        house.put_on_sale().await;
        let (alice, gate) = (house.token("alice", Role::Buyer), house.token("north", Role::Gate));
        let order = buy(&house, &alice, &["A-1-1"]).await;
        let ticket = format!("{order}.1");
        let good = code(&house, &alice, &ticket).await;
        let refused = async |token: &str, intent| house.refused(token, intent).await;

        let malformed = check_in("BX1:NONSENSE", "N");
        assert_eq!(refused(&gate, malformed).await, (422, "ticket_code_malformed".into()));
        let dir = tempfile::tempdir().unwrap();
        let others = TicketKeys::open_or_create(dir.path()).unwrap();
        let known = PublicKeys::parse(&house.get("/v1/ticket-keys", None).await.body).unwrap();
        let foreign = others.sign(&known.verify(&good).unwrap());
        assert_eq!(
            refused(&gate, check_in(&foreign, "N")).await,
            (422, "ticket_key_unknown".into())
        );
        let last = if good.ends_with('0') { '1' } else { '0' };
        let forged = format!("{}{last}", &good[..good.len() - 1]);
        let (status, _) = refused(&gate, check_in(&forged, "N")).await;
        assert_eq!(status, 422);
        let mut both = check_in(&good, "N");
        both["ticket"] = json!(ticket);
        assert_eq!(refused(&gate, both).await, (422, "body_invalid".into()));
        let mut elsewhere = check_in(&good, "N");
        elsewhere["performance"] = json!("6f2b8a52-9a53-4f4e-9a39-222222222222");
        assert_eq!(refused(&gate, elsewhere).await, (409, "ticket_wrong_performance".into()));
        let nothing = json!({"type": "check_in", "performance": PERFORMANCE, "ticket": "1-0-1.1", "gate": "N"});
        assert_eq!(refused(&gate, nothing).await, (404, "ticket_unknown".into()));

        assert_eq!(refused(&alice, check_in(&good, "N")).await.0, 403);
        assert_eq!(refused(&gate, offer(&ticket, "bob")).await.0, 403);
        assert_eq!(
            refused(&alice, offer(&ticket, "bob")).await,
            (409, "transfer_limit_reached".into())
        );
        house.ask(&alice, json!({"type": "cancel_order", "order": order})).await;
        assert_eq!(refused(&gate, check_in(&good, "N")).await, (409, "ticket_void".into()));
        let void = house.get(&format!("/v1/tickets/{ticket}"), Some(&alice)).await.json();
        assert_eq!((&void["state"], &void["code"]), (&json!("void"), &Value::Null));
    });
}

#[test]
fn a_running_node_signs_with_a_new_key_and_believes_the_old_one() {
    in_house(async |house| {
        house.put_on_sale().await;
        let (alice, gate) = (house.token("alice", Role::Buyer), house.token("north", Role::Gate));
        let order = buy(&house, &alice, &["A-1-1"]).await;
        let ticket = format!("{order}.1");
        let old = code(&house, &alice, &ticket).await;
        TicketKeys::rotate(&house.node.config().data_dir, Before::Kept).unwrap();
        let two = |keys: &Value| keys["keys"].as_array().is_some_and(|keys| keys.len() == 2);
        house.until("/v1/ticket-keys", &alice, two).await;
        assert_ne!(code(&house, &alice, &ticket).await, old);
        assert_eq!(house.ask(&gate, check_in(&old, "N")).await["type"], "ticket_checked_in");
    });
}
