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
