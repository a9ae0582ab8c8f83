//! The sandbox alone: its protocol and its books.

use std::io::Write;
use std::path::Path;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::world::{SECRET, SandboxProcess, provider_order_id};
use crate::payments::sandbox::{Sandbox, SandboxConfig, SandboxError};

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

fn confirm(sandbox: &SandboxProcess, key: &str, amount: i64) -> RequestBuilder {
    let order_id = provider_order_id(1);
    let body = json!({ "paymentKey": key, "orderId": order_id, "amount": amount });
    let url = sandbox.url("/v1/payments/confirm");
    Client::new().post(url).basic_auth(SECRET, Some("")).json(&body)
}

#[tokio::test]
async fn only_the_shop_may_ask() {
    let sandbox = SandboxProcess::start().await;
    let url = sandbox.url("/v1/payments/any");
    let ask = |request: RequestBuilder| async { answer(request).await };
    let code = |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap().to_owned());
    let get = || Client::new().get(&url);
    let malformed = (403, "INCORRECT_BASIC_AUTH_FORMAT".to_owned());
    assert_eq!(code(ask(get()).await), malformed);
    assert_eq!(code(ask(get().bearer_auth(SECRET)).await), malformed);
    assert_eq!(code(ask(get().basic_auth(SECRET, Some("more"))).await), malformed);
    let wrong = get().basic_auth("wrong", Some(""));
    assert_eq!(code(ask(wrong).await), (401, "UNAUTHORIZED_KEY".to_owned()));
    let right = get().basic_auth(SECRET, Some(""));
    assert_eq!(code(ask(right).await), (404, "NOT_FOUND_PAYMENT".to_owned()));
}

#[tokio::test]
async fn a_payment_is_booked_once_whatever_is_sent() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let refused = |(status, body): (u16, Value), code: &str| {
        assert_eq!((status / 100, body["code"].as_str()), (4, Some(code)));
    };
    refused(answer(confirm(&sandbox, &key, 999)).await, "INVALID_REQUEST");
    refused(answer(confirm(&sandbox, "other", 1_000)).await, "NOT_FOUND_PAYMENT_SESSION");
    let long = confirm(&sandbox, &key, 1_000).header("Idempotency-Key", "k".repeat(301));
    refused(answer(long).await, "INVALID_IDEMPOTENCY_KEY");
    let keyed = |amount| confirm(&sandbox, &key, amount).header("Idempotency-Key", "k");
    let first = answer(keyed(1_000)).await;
    assert_eq!((first.0, first.1["status"].as_str()), (200, Some("DONE")));
    assert_eq!(answer(keyed(5)).await, first, "the body is no part of the key");
    refused(answer(confirm(&sandbox, &key, 1_000)).await, "ALREADY_PROCESSED_PAYMENT");
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn new_payments_do_what_is_set_for_them() {
    let sandbox = SandboxProcess::start().await;
    let behaviour = json!({"kind": "decline", "code": "REJECT_CARD_COMPANY"});
    let set = |body: &Value| Client::new().put(sandbox.url("/sandbox/behaviour")).json(body);
    assert_eq!(answer(set(&behaviour)).await.0, 204);
    assert_eq!(answer(set(&json!({"kind": "explode"}))).await.0, 400);
    let key = sandbox.open(1, 1_000, Value::Null).await;
    let (status, body) = answer(confirm(&sandbox, &key, 1_000)).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("REJECT_CARD_COMPANY")));
    assert_eq!(sandbox.books().await["payments"][0]["status"], "ABORTED");
}

#[tokio::test]
async fn a_payment_that_the_buyer_has_not_finished_cannot_be_confirmed() {
    let sandbox = SandboxProcess::start().await;
    let order_id = provider_order_id(1);
    let body = json!({ "orderId": order_id, "amount": 1_000, "authenticated": false });
    let open = Client::new().post(sandbox.url("/sandbox/payments")).json(&body);
    let key = answer(open).await.1["paymentKey"].as_str().unwrap().to_owned();
    assert_eq!(answer(confirm(&sandbox, &key, 1_000)).await.0, 404);
    assert_eq!(sandbox.books().await["payments"][0]["status"], "READY");
    for (order_id, amount) in [("short", 1_000), ("has spaces in it", 1_000), ("order_1", 0)] {
        let body = json!({ "orderId": order_id, "amount": amount });
        let open = Client::new().post(sandbox.url("/sandbox/payments")).json(&body);
        assert_eq!(answer(open).await.0, 400, "{body}");
    }
}

fn config(directory: &Path) -> SandboxConfig {
    SandboxProcess::config(Some(directory))
}

#[tokio::test]
async fn books_are_the_same_when_they_are_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut sandbox = SandboxProcess::start_with(config(directory.path()), None).await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let keyed =
        |sandbox: &SandboxProcess| confirm(sandbox, &key, 1_000).header("Idempotency-Key", "k");
    let before = answer(keyed(&sandbox)).await;
    let books = sandbox.books().await;
    assert!(matches!(Sandbox::open(config(directory.path())), Err(SandboxError::Locked)));
    sandbox.kill();

    // A line that a crash cut off was never answered.
    let path = directory.path().join("sandbox-books.ndjson");
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    file.write_all(br#"{"change":{"kind":"aborted","pay"#).unwrap();
    drop(file);
    let mut sandbox = SandboxProcess::start_with(config(directory.path()), None).await;
    assert_eq!(sandbox.books().await, books);
    assert_eq!(answer(keyed(&sandbox)).await, before);
    sandbox.kill();

    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("opened", "0pened", 1)).unwrap();
    let damaged = Sandbox::open(config(directory.path())).map(|_| ());
    assert!(matches!(damaged, Err(SandboxError::Damaged { line: 1, .. })));
}
