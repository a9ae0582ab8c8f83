//! What is not understood, too large or too deep: each with its exact answer.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use boxoffice_api::http::auth::Role;
use insta::assert_snapshot;
use serde_json::json;
use support::{House, PERFORMANCE, Reply, in_house, request};

/// Status and body of a refused intent, one per line.
async fn answers(house: &House, bodies: &[&str]) -> String {
    let token = house.token("alice", Role::Buyer);
    let mut answers = String::new();
    for body in bodies {
        let request = request(Method::POST, "/v1/intents", Some(&token))
            .header("content-type", "application/json")
            .body(Body::from((*body).to_owned()))
            .unwrap();
        let reply = house.send(request).await;
        assert_eq!(reply.header("content-type"), "application/problem+json", "{body}");
        let shown: String = body.chars().take(100).collect();
        answers.push_str(&format!("{shown}\n  {} {}\n", reply.status.as_u16(), reply.body));
    }
    answers
}

#[test]
fn an_intent_that_is_not_understood_says_where() {
    in_house(async |house| {
        let seats: Vec<_> = (1..=17).map(|seat| format!("A-1-{seat}")).collect();
        let too_many = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": seats});
        let bodies = [
            "",
            "{",
            "nonsense",
            "[]",
            "{}",
            r#"{"type":"tick"}"#,
            r#"{"type":"record_payment_result","payment":"1-0-1"}"#,
            r#"{"type":7}"#,
            r#"{"type":"place_order"}"#,
            r#"{"type":"place_order","hold":"1-2"}"#,
            r#"{"type":"place_order","hold":"1-2-3","extra":true}"#,
            r#"{"type":"place_order","hold":"1-2-3","hold":"1-2-3"}"#,
            r#"{"type":"place_order","hold":"1-2-3"} {}"#,
            r#"{"type":"hold_seats","performance":"x","seats":[]}"#,
            r#"{"type":"hold_seats","performance":"6f2b8a52-9a53-4f4e-9a39-111111111111","seats":[]}"#,
            r#"{"type":"hold_seats","performance":"6f2b8a52-9a53-4f4e-9a39-111111111111","seats":["A-1-1",null]}"#,
            r#"{"type":"hold_best_available","performance":"6f2b8a52-9a53-4f4e-9a39-111111111111","quantity":1e400}"#,
            r#"{"type":"hold_best_available","performance":"6f2b8a52-9a53-4f4e-9a39-111111111111","quantity":-1}"#,
            r#"{"type":"pay_order","order":"1-0-1","amount":{"minor":1,"currency":"ZZZ"},"payment_key":"k"}"#,
            r#"{"type":"pay_order","order":"1-0-1","amount":{"minor":1,"currency":"KRW"},"payment_key":"a/../b"}"#,
            &too_many.to_string(),
        ];
        assert_snapshot!("not_understood", answers(&house, &bodies).await);
    });
}

#[test]
fn deep_json_is_refused_without_a_stack() {
    in_house(async |house| {
        let mut bodies = Vec::new();
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
            bodies.push(format!(r#"{{"type":"place_order","hold":{deep}}}"#));
            bodies.push(format!(r#"{{"type":"place_order","hold":"1-2-3","more":{deep}}}"#));
            bodies.push(format!(r#"{{"more":{deep},"type":"tick"}}"#));
            bodies.push(format!(r#"{{"type":{deep}}}"#));
            bodies.push(deep);
        }
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        assert_snapshot!("deep", answers(&house, &bodies).await);
    });
}

#[test]
fn an_oversized_body_is_413_and_another_content_type_415() {
    in_house(async |house| {
        let token = house.token("alice", Role::Buyer);
        let send = async |content_type: &str, body: Body| {
            let request = request(Method::POST, "/v1/intents", Some(&token))
                .header("content-type", content_type)
                .body(body)
                .unwrap();
            house.send(request).await
        };
        let too_large = r#"{"type":"/problems/body_too_large","title":"Body too large","status":413,"detail":"the body may have 65536 bytes","code":"body_too_large"}"#;
        let large = " ".repeat(64 * 1024 + 1);
        let known = send("application/json", Body::from(large.clone())).await;
        let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(large)]);
        let unknown = send("application/json", Body::from_stream(pieces)).await;
        for reply in [known, unknown] {
            assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!((reply.body.as_str(), reply.header("connection")), (too_large, "close"));
        }
        // The largest body is read, and found to be nothing.
        let largest = send("application/json", Body::from(" ".repeat(64 * 1024))).await;
        assert_eq!(largest.json()["code"], "json_malformed");
        let unsupported = r#"{"type":"/problems/content_type_unsupported","title":"Content type unsupported","status":415,"detail":"send Content-Type: application/json","code":"content_type_unsupported"}"#;
        for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let reply = send(content_type, Body::from("{}")).await;
            assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
            assert_eq!(reply.body, unsupported, "{content_type}");
        }
        let charset = send("application/json; charset=utf-8", Body::from("{")).await;
        assert_eq!(charset.json()["code"], "json_malformed");
    });
}

#[test]
fn what_is_nowhere_is_a_problem_too() {
    in_house(async |house| {
        let token = house.token("alice", Role::Buyer);
        let show = |reply: Reply| format!("{} {}\n", reply.status.as_u16(), reply.body);
        let mut answers = String::new();
        for path in [
            "/nowhere",
            "/v1/performances/x",
            "/v1/performances/6f2b8a52-9a53-4f4e-9a39-222222222222/availability",
            "/v1/holds/1-0-9",
            "/v1/orders/x",
            "/v1/intents/1-0-9",
            "/v1/intents/1-9-9",
            "/v1/me/orders?after=x",
            "/v1/me/orders?limit=many",
            "/v1/me/orders?page=2",
        ] {
            answers.push_str(&format!("{path}\n  {}", show(house.get(path, Some(&token)).await)));
        }
        let delete = request(Method::DELETE, "/v1/intents", None).body(Body::empty()).unwrap();
        let delete = house.send(delete).await;
        assert_eq!(delete.header("allow"), "POST");
        answers.push_str(&format!("DELETE /v1/intents\n  {}", show(delete)));
        assert_snapshot!("nowhere", answers);
    });
}

#[test]
fn a_definition_that_cannot_be_sold_says_where() {
    in_house(async |house| {
        let promoter = house.token("house", Role::Promoter);
        let mut answers = String::new();
        let changes: [(&str, serde_json::Value); 8] = [
            ("/name", json!("")),
            ("/currency", json!("won")),
            ("/starts_at", json!("tomorrow")),
            ("/price_levels/0/price_minor", json!(-1)),
            ("/sections/0/rows/0/price_level", json!("X")),
            ("/sections/0/rows/1/accessible", json!([2, 1])),
            ("/sections/1/capacity", json!(0)),
            ("/sale/hold_ttl_seconds", json!(1_000_000)),
        ];
        for (path, value) in changes {
            let mut definition = support::performance();
            *definition.pointer_mut(path).unwrap() = value;
            let reply = house.post(&promoter, definition).await;
            answers.push_str(&format!("{path}\n  {} {}\n", reply.status.as_u16(), reply.body));
        }
        assert_snapshot!("definitions", answers);
    });
}

#[test]
fn the_wire_is_bounded() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    in_house(async |house| {
        let address = house.node.url().strip_prefix("http://").unwrap().to_owned();
        let talk = async |request: String| {
            let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // The server may cut a client off that is still sending.
            stream.read_to_end(&mut answer).await.unwrap_or_default();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            answer.lines().next().unwrap_or_default().to_owned()
        };
        let start = "GET /healthz HTTP/1.1\r\nhost: x\r\n";
        let large = format!("{start}x: {}\r\n\r\n", "y".repeat(17 * 1024));
        assert_eq!(talk(large).await, "HTTP/1.1 431 Request Header Fields Too Large");
        let token = house.token("alice", Role::Buyer);
        let post = format!(
            "POST /v1/intents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\n"
        );
        let unread = format!("{post}content-length: 100000\r\n\r\n");
        assert_eq!(talk(unread).await, "HTTP/1.1 413 Payload Too Large");
        for smuggled in [
            format!("{post}content-length: 5\r\ncontent-length: 6\r\n\r\n"),
            format!("{post}content-length: 5\r\ntransfer-encoding: chunked\r\n x: y\r\n\r\n"),
        ] {
            assert_eq!(talk(smuggled).await, "HTTP/1.1 400 Bad Request");
        }
    });
}
