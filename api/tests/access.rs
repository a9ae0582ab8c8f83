//! Who may ask what: every route for everybody, and every way to forge a token.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use boxoffice_api::http::auth::Role;
use boxoffice_api::http::router::document;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use support::{House, PERFORMANCE, campaign, create_campaign, in_house, request};

/// Method, path, body, then what comes back for nobody, the buyer whose things they are, another
/// buyer, a promoter, an operator, and with an expired token.
type Row<'a> = (&'a str, &'a str, &'a str, [u16; 6]);

#[test]
fn every_route_answers_everybody_as_it_should() {
    in_house(async |house| {
        let (hold, order) = things_of_the_buyer(&house).await;
        let performance = format!("/v1/performances/{PERFORMANCE}");
        let availability = format!("{performance}/availability");
        let channels = format!("{performance}/channels");
        let waiting_room = format!("{performance}/waiting-room");
        let campaign = format!("/v1/campaigns/{}", create_campaign(&house, campaign()).await);
        let hold_path = format!("/v1/holds/{hold}");
        let order_path = format!("/v1/orders/{order}");
        let quote_path = format!("{order_path}/refund-quote");
        let intent_path = format!("/v1/intents/{order}");
        let explanation = format!("{intent_path}/explanation");
        let release = json!({"type": "renew_hold", "hold": hold}).to_string();
        let open = json!({"type": "open_sale", "performance": PERFORMANCE}).to_string();
        let join = json!({"type": "join_waiting_room", "performance": PERFORMANCE}).to_string();
        let pause = json!({"type": "pause_campaign", "campaign": "1-0-1"}).to_string();
        let grant = json!({"type": "grant_points", "subject": "alice",
            "amount": {"minor": 1, "currency": "KRW"}, "expires_at": "2099-01-01T00:00:00Z"});
        let grant = grant.to_string();
        let shown = json!({"type": "check_in", "performance": PERFORMANCE, "ticket": "1-0-1.1",
            "gate": "North"});
        let shown = shown.to_string();
        let ticket = format!("/v1/tickets/{order}.1");
        let check_ins = format!("{performance}/check-ins");
        let settlement = format!("/v1/settlements?performance={PERFORMANCE}");
        let fees = json!({"type": "set_settlement_terms", "performance": PERFORMANCE, "terms": {}});
        let fees = fees.to_string();
        let hint = json!({"data": {"paymentKey": "k", "orderId": "o"}}).to_string();
        let rows: Vec<(&str, Row<'_>)> = vec![
            ("/v1/intents", ("POST", "/v1/intents", &release, [401, 409, 403, 403, 403, 401])),
            ("/v1/intents", ("POST", "/v1/intents", &open, [401, 403, 403, 409, 403, 401])),
            ("/v1/intents", ("POST", "/v1/intents", &join, [401, 409, 409, 403, 403, 401])),
            ("/v1/intents", ("POST", "/v1/intents", &pause, [401, 403, 403, 404, 403, 401])),
            ("/v1/intents", ("POST", "/v1/intents", &grant, [401, 403, 403, 200, 200, 401])),
            ("/v1/intents", ("POST", "/v1/intents", &shown, [401, 403, 403, 404, 403, 401])),
            ("/v1/intents", ("POST", "/v1/intents", &fees, [401, 403, 403, 200, 200, 401])),
            // The order is not paid, so there is no ticket yet.
            ("/v1/tickets/{id}", ("GET", &ticket, "", [401, 404, 404, 403, 403, 401])),
            ("/v1/ticket-keys", ("GET", "/v1/ticket-keys", "", [200; 6])),
            (
                "/v1/performances/{id}/check-ins",
                ("GET", &check_ins, "", [401, 403, 403, 200, 200, 401]),
            ),
            (
                "/v1/intents/batch",
                ("POST", "/v1/intents/batch", "", [401, 200, 200, 200, 200, 401]),
            ),
            ("/v1/intents/{id}", ("GET", &intent_path, "", [401, 200, 404, 404, 200, 401])),
            (
                "/v1/intents/{id}/explanation",
                ("GET", &explanation, "", [401, 200, 404, 404, 200, 401]),
            ),
            ("/v1/performances", ("GET", "/v1/performances", "", [200; 6])),
            ("/v1/performances/{id}", ("GET", &performance, "", [200; 6])),
            ("/v1/performances/{id}/availability", ("GET", &availability, "", [200; 6])),
            (
                "/v1/performances/{id}/waiting-room",
                ("GET", &waiting_room, "", [200, 200, 200, 200, 200, 401]),
            ),
            (
                "/v1/performances/{id}/channels",
                ("GET", &channels, "", [401, 403, 403, 200, 200, 401]),
            ),
            ("/v1/settlements", ("GET", &settlement, "", [401, 403, 403, 200, 200, 401])),
            ("/v1/campaigns/{id}", ("GET", &campaign, "", [200; 6])),
            ("/v1/holds/{id}", ("GET", &hold_path, "", [401, 200, 404, 403, 403, 401])),
            ("/v1/orders/{id}", ("GET", &order_path, "", [401, 200, 404, 403, 403, 401])),
            (
                "/v1/orders/{id}/refund-quote",
                ("GET", &quote_path, "", [401, 409, 404, 403, 403, 401]),
            ),
            ("/v1/me/orders", ("GET", "/v1/me/orders", "", [401, 200, 200, 403, 403, 401])),
            ("/v1/me/tickets", ("GET", "/v1/me/tickets", "", [401, 200, 200, 403, 403, 401])),
            ("/v1/me/coupons", ("GET", "/v1/me/coupons", "", [401, 200, 200, 403, 403, 401])),
            ("/v1/me/points", ("GET", "/v1/me/points", "", [401, 200, 200, 403, 403, 401])),
            ("/v1/events", ("GET", "/v1/events", "", [401, 200, 200, 403, 403, 401])),
            (
                "/v1/topics/{topic}/partitions/{partition}/records",
                (
                    "GET",
                    "/v1/topics/outcomes/partitions/0/records",
                    "",
                    [401, 403, 403, 403, 200, 401],
                ),
            ),
            (
                "/v1/topics/{topic}/partitions/{partition}/stream",
                (
                    "GET",
                    "/v1/topics/outcomes/partitions/0/stream",
                    "",
                    [401, 403, 403, 403, 200, 401],
                ),
            ),
            ("/v1/webhooks/toss", ("POST", "/v1/webhooks/toss", &hint, [200; 6])),
            ("/v1/partitions", ("GET", "/v1/partitions", "", [401, 403, 403, 403, 200, 401])),
            (
                "/v1/partitions/scale",
                ("POST", "/v1/partitions/scale", r#"{"to": 2}"#, [401, 403, 403, 403, 202, 401]),
            ),
            ("/healthz", ("GET", "/healthz", "", [200; 6])),
            ("/readyz", ("GET", "/readyz", "", [200; 6])),
            ("/metrics", ("GET", "/metrics", "", [200; 6])),
        ];
        every_documented_route_has_a_row(&rows);
        let now = jiff::Timestamp::now().as_second();
        let tokens = [
            None,
            Some(house.token("alice", Role::Buyer)),
            Some(house.token("mallory", Role::Buyer)),
            Some(house.token("house", Role::Promoter)),
            Some(house.token("operator", Role::Operator)),
            Some(house.signer.sign("alice", Role::Buyer, now - 61).unwrap()),
        ];
        for (_, (method, path, body, expected)) in rows {
            for (who, token) in tokens.iter().enumerate() {
                let status = status(&house, method, path, body, token.as_deref()).await;
                assert_eq!(status.as_u16(), expected[who], "{method} {path} {body} as {who}");
            }
        }
    });
}

/// A buyer's hold, used up by its renewal, and an order.
async fn things_of_the_buyer(house: &House) -> (String, String) {
    house.put_on_sale().await;
    let alice = house.token("alice", Role::Buyer);
    let hold = async |seat: &str| {
        let intent = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": [seat]});
        let held = house.post(&alice, intent).await.json();
        held["outcomes"][0]["hold"].as_str().unwrap().to_owned()
    };
    let (kept, ordered) = (hold("A-1-1").await, hold("A-1-2").await);
    let renewed = house.post(&alice, json!({"type": "renew_hold", "hold": kept})).await;
    assert_eq!(renewed.status, StatusCode::OK);
    let placed = house.post(&alice, json!({"type": "place_order", "hold": ordered})).await.json();
    (kept, placed["outcomes"][0]["order"].as_str().unwrap().to_owned())
}

fn every_documented_route_has_a_row(rows: &[(&str, Row<'_>)]) {
    let document = serde_json::to_value(document()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let covered = rows
                .iter()
                .any(|(template, row)| template == path && row.0.eq_ignore_ascii_case(method));
            assert!(covered, "{method} {path} has no row in the authorization matrix");
        }
    }
}

/// The status alone: streams do not end.
async fn status(
    house: &House,
    method: &str,
    path: &str,
    body: &str,
    token: Option<&str>,
) -> StatusCode {
    let content_type =
        if path.ends_with("batch") { "application/x-ndjson" } else { "application/json" };
    let request = request(Method::from_bytes(method.as_bytes()).unwrap(), path, token)
        .header("content-type", content_type)
        .body(Body::from(body.to_owned()))
        .unwrap();
    house.node.front().answer(request).await.status()
}

#[test]
fn a_forged_token_is_401() {
    in_house(async |house| {
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({"sub": "alice", "role": "buyer", "exp": now + 60});
        let sign = |algorithm, claims: &serde_json::Value, secret: &[u8]| {
            let key = EncodingKey::from_secret(secret);
            jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
        };
        let good = house.token("alice", Role::Buyer);
        let parts: Vec<&str> = good.split('.').collect();
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
        let forged = [
            String::new(),
            "x".to_owned(),
            "a.b.c".to_owned(),
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}.{}", parts[0], parts[1], &parts[2][1..]),
            sign(Algorithm::HS256, &claims, b"guessed"),
            sign(Algorithm::HS512, &claims, b"guessed"),
            "x".repeat(5_000),
            house.signer.sign("", Role::Buyer, now + 60).unwrap(),
        ];
        for token in forged {
            let reply = house.get("/v1/me/orders", Some(&token)).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{token}");
            assert!(reply.header("www-authenticate").starts_with("Bearer"), "{token}");
            assert_eq!(reply.header("content-type"), "application/problem+json");
        }
        assert_eq!(house.get("/v1/me/orders", Some(&good)).await.status, StatusCode::OK);
    });
}

#[test]
fn a_token_signed_with_the_public_key_as_a_secret_is_401() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("public.pem");
        std::fs::write(&file, PUBLIC_KEY).unwrap();
        let house = House::open(|config| {
            config.auth.public_key_file = Some(file.clone());
            config.auth.algorithm = Some(boxoffice_api::config::PublicKeyAlgorithm::EdDSA);
        })
        .await;
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({"sub": "alice", "role": "buyer", "exp": now + 60});
        let key = EncodingKey::from_secret(PUBLIC_KEY.as_bytes());
        let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        let reply = house.get("/v1/me/orders", Some(&forged)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        let key = EncodingKey::from_ed_pem(PRIVATE_KEY.as_bytes()).unwrap();
        let good = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap();
        assert_eq!(house.get("/v1/me/orders", Some(&good)).await.status, StatusCode::OK);
        house.node.shutdown().await.unwrap();
    });
}

/// Made for this test.
const PRIVATE_KEY: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MC4CAQAwBQYDK2VwBCIEIPbuUXyDf7vTr3ckEm7nXqnFTRb0WXxzMf5noPQ7uvFV\n\
-----END PRIVATE KEY-----\n";

const PUBLIC_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEAq4z98yMeGOP4h/Rd5T4xQH3V8awfPPPqbgkUHb+T6pI=\n\
-----END PUBLIC KEY-----\n";
