//! A node of its own for a test: a temporary data directory, no database, requests without a
//! connection.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod events;

use std::future::Future;
use std::num::NonZeroU16;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use boxoffice_api::config::{Config, Database};
use boxoffice_api::http::auth::{Names, Role, Signer};
use boxoffice_api::node::Node;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

/// The performance that every test sells.
pub(crate) const PERFORMANCE: &str = "6f2b8a52-9a53-4f4e-9a39-111111111111";

pub(crate) struct House {
    pub(crate) node: Node,
    pub(crate) signer: Signer,
    _dir: tempfile::TempDir,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Runs a test against a house of its own, and ends the house well.
pub(crate) fn in_house<F, T>(test: impl FnOnce(std::sync::Arc<House>) -> F) -> T
where
    F: Future<Output = T>,
{
    in_house_with(|_| (), test)
}

/// Like [`in_house`], with a configuration of the test's own.
pub(crate) fn in_house_with<F, T>(
    change: impl FnOnce(&mut Config),
    test: impl FnOnce(std::sync::Arc<House>) -> F,
) -> T
where
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let house = std::sync::Arc::new(House::open(change).await);
        let result = test(std::sync::Arc::clone(&house)).await;
        let house = std::sync::Arc::into_inner(house).expect("the test gave the house back");
        house.node.shutdown().await.unwrap();
        result
    })
}

impl House {
    pub(crate) async fn open(change: impl FnOnce(&mut Config)) -> Self {
        // Whoever links two providers must choose one.
        rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: dir.path().to_owned(),
            partitions: NonZeroU16::new(2).unwrap(),
            database: Database::None,
            ..Config::default()
        };
        change(&mut config);
        let node = Node::start(config.clone()).await.unwrap();
        let names = Names::open(&config.data_dir).unwrap();
        let signer = Signer::new(&config.auth, &names).unwrap();
        Self { node, signer, _dir: dir }
    }

    pub(crate) fn token(&self, subject: &str, role: Role) -> String {
        let expires_at = jiff::Timestamp::now().as_second() + 3_600;
        self.signer.sign(subject, role, expires_at).unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.node.front().answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Reply {
        self.send(request(Method::GET, path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, token: &str, intent: Value) -> Reply {
        self.post_with(token, intent, &[]).await
    }

    pub(crate) async fn post_with(
        &self,
        token: &str,
        intent: Value,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = request(Method::POST, "/v1/intents", Some(token))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(intent.to_string())).unwrap()).await
    }

    /// Puts the performance on sale.
    pub(crate) async fn put_on_sale(&self) {
        let promoter = self.token("house", Role::Promoter);
        let created = self.post(&promoter, performance()).await;
        assert_eq!(created.status, StatusCode::OK, "{}", created.body);
        let open = json!({"type": "open_sale", "performance": PERFORMANCE});
        assert_eq!(self.post(&promoter, open).await.status, StatusCode::OK);
    }
}

pub(crate) fn request(
    method: Method,
    path: &str,
    token: Option<&str>,
) -> axum::http::request::Builder {
    let builder = Request::builder().method(method).uri(path);
    match token {
        Some(token) => builder.header("authorization", format!("Bearer {token}")),
        None => builder,
    }
}

pub(crate) fn performance() -> Value {
    json!({
        "type": "create_performance", "performance": PERFORMANCE,
        "name": "Hamlet", "venue": "Globe", "starts_at": "2099-12-01T19:00:00Z",
        "currency": "KRW",
        "price_levels": [{"code": "R", "price_minor": 165_000}, {"code": "S", "price_minor": 99_000}],
        "sections": [
            {"code": "A", "kind": "reserved", "rows": [
                {"label": "1", "seats": 10, "price_level": "R"},
                {"label": "2", "seats": 10, "price_level": "S", "accessible": [1, 2]}]},
            {"code": "FLOOR", "kind": "general_admission", "capacity": 20, "price_level": "S"}],
        "sale": {"hold_ttl_seconds": 300, "hold_renewals_max": 1,
            "payment_window_seconds": 600, "account_seats_max": 4}
    })
}

/// Holds seats of the performance and returns the outcome.
pub(crate) async fn hold(house: &House, token: &str, seats: &[&str]) -> Value {
    let intent = json!({"type": "hold_seats", "performance": PERFORMANCE, "seats": seats});
    let reply = house.post(token, intent).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply.json()["outcomes"][0].clone()
}

/// Authenticates a payment as the buyer's browser would, and asks for it to be taken.
pub(crate) async fn pay(house: &House, token: &str, placed: &Value) {
    let url = format!("{}/sandbox/payments", house.node.sandbox_url().unwrap());
    let body = json!({
        "orderId": placed["provider_order_id"], "amount": placed["total"]["minor"],
    });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let opened: Value = client.post(url).json(&body).send().await.unwrap().json().await.unwrap();
    let pay = json!({"type": "pay_order", "order": placed["order"],
        "amount": placed["total"], "payment_key": opened["paymentKey"]});
    let paying = house.post(token, pay).await;
    assert_eq!(paying.json()["outcomes"][0]["type"], "payment_requested", "{}", paying.body);
}

/// A campaign: 10,000 won off every order of whoever has one of its two coupons.
pub(crate) fn campaign() -> Value {
    json!({
        "name": "Early bird", "performance": PERFORMANCE, "code": null,
        "opens_at": "2020-01-01T00:00:00Z", "closes_at": "2099-01-01T00:00:00Z",
        "quantity": 2, "account_limit": 1,
        "terms": {
            "reduction": {"type": "fixed", "amount_minor": 10_000}, "currency": "KRW",
            "issuer": "promoter", "uses": 1, "expires_at": "2099-01-01T00:00:00Z",
            "returned_on_refund": true},
    })
}

/// Makes a campaign and returns its id.
pub(crate) async fn create_campaign(house: &House, definition: Value) -> String {
    let promoter = house.token("house", Role::Promoter);
    let create = json!({"type": "create_campaign", "definition": definition});
    let created = house.post(&promoter, create).await;
    assert_eq!(created.status, StatusCode::OK, "{}", created.body);
    created.json()["outcomes"][0]["campaign"].as_str().unwrap().to_owned()
}

impl House {
    /// The first outcome of an intent that is not refused.
    pub(crate) async fn ask(&self, token: &str, intent: Value) -> Value {
        let reply = self.post(token, intent).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.json()["outcomes"][0].clone()
    }

    /// Status and code of an intent that is refused.
    pub(crate) async fn refused(&self, token: &str, intent: Value) -> (u16, String) {
        let reply = self.post(token, intent).await;
        let code = reply.json()["code"].as_str().unwrap_or("none").to_owned();
        (reply.status.as_u16(), code)
    }

    /// Looks again and again until what is there is as it shall be.
    ///
    /// # Panics
    /// After half a minute.
    pub(crate) async fn until(
        &self,
        path: &str,
        token: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let patience = std::time::Duration::from_secs(30);
        let looking = async {
            loop {
                let seen = self.get(path, Some(token)).await;
                let seen = serde_json::from_str(&seen.body).unwrap_or_default();
                if is_so(&seen) {
                    return seen;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(patience, looking).await.expect("it never was so")
    }
}
