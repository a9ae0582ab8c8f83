//! How many requests one client may send, and what it is told about it. The arithmetic of the
//! buckets has tests of its own, with a clock that obeys.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use boxoffice_api::config::Config;
use boxoffice_api::http::auth::Role;
use boxoffice_api::http::router::document;
use http_body_util::BodyExt as _;
use support::{House, Reply, in_house, in_house_with, request};

const PATH: &str = "/v1/performances";
const NOT_COUNTED: [&str; 6] =
    ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/", "/nowhere"];

/// Three requests at once, one more in each second.
fn strict(config: &mut Config) {
    config.limits.account_requests_per_second = 1;
    config.limits.account_requests_burst = NonZeroU32::new(3).unwrap();
}

fn strict_with_addresses(config: &mut Config) {
    strict(config);
    config.limits.address_requests_per_second = 1;
    config.limits.address_requests_burst = NonZeroU32::new(2).unwrap();
}

fn headers(reply: &Reply) -> (&str, &str) {
    (reply.header("ratelimit-policy"), reply.header("ratelimit"))
}

/// Asks until it was once too often.
async fn refused(ask: impl AsyncFn() -> Reply) -> Reply {
    loop {
        let reply = ask().await;
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            return reply;
        }
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    }
}

async fn ask_from(house: &House, from: &str, token: Option<&str>) -> Reply {
    let request = request(Method::GET, PATH, token).body(Body::empty()).unwrap();
    let from: IpAddr = from.parse().unwrap();
    let (parts, body) = house.node.front().answer_from(from, request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Reply { status: parts.status, headers: parts.headers, body }
}

#[test]
fn an_account_is_told_what_is_left_and_refused_beyond_it() {
    in_house_with(strict, async |house| {
        let alice = house.token("alice", Role::Buyer);
        let ask = async || house.get(PATH, Some(&alice)).await;
        assert_eq!(headers(&ask().await), (r#""account";q=3;w=3"#, r#""account";r=2;t=1"#));
        let refused = refused(ask).await;
        assert_eq!(headers(&refused), (r#""account";q=3;w=3"#, r#""account";r=0;t=1"#));
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(
            refused.body,
            r#"{"type":"/problems/too_many_requests","title":"Too many requests","status":429,"detail":"send fewer requests; RateLimit-Policy says how many","code":"too_many_requests"}"#
        );
        // Nobody pays for another.
        let bob = house.token("bob", Role::Buyer);
        let fresh = house.get("/v1/me/orders", Some(&bob)).await;
        assert_eq!(
            (fresh.status, fresh.header("ratelimit")),
            (StatusCode::OK, r#""account";r=2;t=1"#)
        );
        // Who waits as long as the answer says is let in again.
        while ask().await.status == StatusCode::TOO_MANY_REQUESTS {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

#[test]
fn what_is_refused_for_another_reason_is_counted_too() {
    in_house(async |house| {
        let alice = house.token("alice", Role::Buyer);
        let forbidden = house.get("/v1/topics/intents/partitions/0/records", Some(&alice)).await;
        assert_eq!(forbidden.status, StatusCode::FORBIDDEN);
        let default = (r#""account";q=200;w=4"#, r#""account";r=199;t=1"#);
        assert_eq!(headers(&forbidden), default);
        let bob = house.token("bob", Role::Buyer);
        let unknown = house.get("/v1/nowhere", Some(&bob)).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        assert_eq!(headers(&unknown), default);
    });
}

#[test]
fn an_address_is_counted_when_there_is_no_valid_token() {
    in_house_with(strict_with_addresses, async |house| {
        let alice = house.token("alice", Role::Buyer);
        let nobody = async || ask_from(&house, "192.0.2.1", None).await;
        let first = ask_from(&house, "192.0.2.1", Some("forged")).await;
        assert_eq!(first.status, StatusCode::OK);
        assert_eq!(headers(&first), (r#""address";q=2;w=2"#, r#""address";r=1;t=1"#));
        let refused = refused(nobody).await;
        assert_eq!(headers(&refused), (r#""address";q=2;w=2"#, r#""address";r=0;t=1"#));
        // A token counts for its account, wherever it comes from.
        let known = ask_from(&house, "192.0.2.1", Some(&alice)).await;
        assert_eq!(headers(&known), (r#""account";q=3;w=3"#, r#""account";r=2;t=1"#));
        let neighbour = ask_from(&house, "192.0.2.2", None).await;
        assert_eq!(neighbour.header("ratelimit"), r#""address";r=1;t=1"#);
    });
}

#[test]
fn a_connection_has_the_address_of_its_other_end() {
    in_house_with(strict_with_addresses, async |house| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}{PATH}", house.node.url());
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.headers()["ratelimit"], r#""address";r=1;t=1"#);
        assert_eq!(refused(async || house.get(PATH, None).await).await.status, 429);
    });
}

#[test]
fn nothing_is_counted_outside_of_the_api() {
    in_house_with(strict_with_addresses, async |house| {
        for path in NOT_COUNTED.into_iter().cycle().take(10 * NOT_COUNTED.len()) {
            let reply = house.get(path, None).await;
            assert_ne!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
            assert_eq!(headers(&reply), ("", ""), "{path}");
        }
        let hint = || request(Method::POST, "/v1/webhooks/toss", None).body(Body::empty()).unwrap();
        for _ in 0..10 {
            let reply = house.send(hint()).await;
            assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert_eq!(headers(&reply), ("", ""));
        }
    });
}

#[test]
fn zero_sets_no_limit() {
    in_house_with(
        |config| config.limits.account_requests_per_second = 0,
        async |house| {
            let alice = house.token("alice", Role::Buyer);
            for token in [None, Some(&*alice)].into_iter().cycle().take(1_000) {
                let reply = house.get(PATH, token).await;
                assert_eq!((reply.status, headers(&reply)), (StatusCode::OK, ("", "")));
            }
        },
    );
}

#[test]
fn every_route_that_is_counted_documents_its_429() {
    let document = serde_json::to_value(document()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let counted = path.starts_with("/v1/") && path != "/v1/webhooks/toss";
        for (method, operation) in methods.as_object().unwrap() {
            let documented = operation["responses"].get("429").is_some();
            assert_eq!(documented, counted, "{method} {path}");
        }
    }
    let refused = &document["components"]["responses"]["TooManyRequests"];
    let named: Vec<&String> = refused["headers"].as_object().unwrap().keys().collect();
    assert_eq!(named, ["RateLimit", "RateLimit-Policy", "Retry-After"]);
}
