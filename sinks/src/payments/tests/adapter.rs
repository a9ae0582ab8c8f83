//! The adapter alone: what each answer of the provider is read as.

use serde_json::json;

use super::world::{SandboxProcess, provider_order_id, won};
use crate::payments::provider::{
    CaptureAnswer, CaptureRequest, FaultKind, PaymentProvider, RefundAnswer, RefundRequest,
    provider_code,
};
use crate::payments::toss::{TossClient, TossConfig};

fn capture_request<'a>(
    payment_key: &'a str,
    order_id: &'a str,
    idempotency_key: &'a str,
) -> CaptureRequest<'a> {
    CaptureRequest { payment_key, order_id, amount: won(1_000), idempotency_key }
}

#[tokio::test]
async fn every_test_code_is_read_as_the_table_says() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let order_id = provider_order_id(1);
    let table = [
        ("REJECT_CARD_PAYMENT", None),
        ("NOT_FOUND_PAYMENT_SESSION", None),
        ("NOT_AVAILABLE_PAYMENT", None),
        ("EXCEED_MAX_AMOUNT", None),
        ("FDS_ERROR", None),
        ("ALREADY_PROCESSED_PAYMENT", Some(FaultKind::Undecided)),
        ("PROVIDER_ERROR", Some(FaultKind::Undecided)),
        ("FAILED_INTERNAL_SYSTEM_PROCESSING", Some(FaultKind::Undecided)),
        ("UNKNOWN_PAYMENT_ERROR", Some(FaultKind::Undecided)),
        ("IDEMPOTENT_REQUEST_PROCESSING", Some(FaultKind::InFlight)),
        ("TOO_MANY_REQUESTS", Some(FaultKind::RateLimited)),
        ("UNAUTHORIZED_KEY", Some(FaultKind::Misconfigured)),
        ("INVALID_API_KEY", Some(FaultKind::Misconfigured)),
        ("FORBIDDEN_REQUEST", Some(FaultKind::Misconfigured)),
        ("SOMETHING_NEW", Some(FaultKind::UnlistedCode)),
    ];
    for (code, expected) in table {
        let test_code = Some(code.into());
        let config = TossConfig { test_code, ..sandbox.toss_config() };
        let client = TossClient::new(&config).unwrap();
        let answer = client.confirm(capture_request(&key, &order_id, "one")).await;
        match (answer, expected) {
            (CaptureAnswer::Declined { code: got }, None) => assert_eq!(got.as_str(), code),
            (CaptureAnswer::Unknown(fault), Some(kind)) => {
                assert_eq!((fault.kind, fault.code.as_str()), (kind, code));
            }
            (answer, _) => panic!("{code}: {answer:?}"),
        }
    }
    // A forced error neither moves money nor is kept under the key.
    let answer = sandbox.client().confirm(capture_request(&key, &order_id, "one")).await;
    assert_eq!(answer, CaptureAnswer::Captured { amount: won(1_000) });
}

#[tokio::test]
async fn a_twin_of_a_request_under_way_is_told_to_wait() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "slow", "millis": 300})).await;
    let (client, order_id) = (sandbox.client(), provider_order_id(1));
    let confirm = || client.confirm(capture_request(&key, &order_id, "one"));
    let (one, other) = tokio::join!(confirm(), confirm());
    let captured = CaptureAnswer::Captured { amount: won(1_000) };
    let waits = |answer: &CaptureAnswer| match answer {
        CaptureAnswer::Unknown(fault) => fault.kind == FaultKind::InFlight,
        _ => false,
    };
    assert!((one == captured && waits(&other)) || (other == captured && waits(&one)));
    // Afterwards the stored answer is given, and nothing is booked again.
    assert_eq!(confirm().await, captured);
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_key_that_was_used_for_another_payment_captures_nothing() {
    let sandbox = SandboxProcess::start().await;
    let first = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let second = sandbox.open(2, 1_000, json!({"kind": "approve"})).await;
    let client = sandbox.client();
    let order_id = provider_order_id(1);
    let answer = client.confirm(capture_request(&first, &order_id, "one")).await;
    assert_eq!(answer, CaptureAnswer::Captured { amount: won(1_000) });
    let order_id = provider_order_id(2);
    let answer = client.confirm(capture_request(&second, &order_id, "one")).await;
    assert_eq!(answer, CaptureAnswer::Unknown(FaultKind::Malformed.into()));
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn refunds_are_bounded_by_what_was_captured() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let (client, order_id) = (sandbox.client(), provider_order_id(1));
    client.confirm(capture_request(&key, &order_id, "capture")).await;
    let cancel = async |minor, idempotency_key: &str| {
        let (payment_key, amount) = (key.as_str(), won(minor));
        let reason = idempotency_key;
        client.cancel(RefundRequest { payment_key, amount, reason, idempotency_key }).await
    };
    let refunded = |minor| RefundAnswer::Refunded { amount: won(minor) };
    let refused = |code| RefundAnswer::Refused { code: provider_code(code) };
    assert_eq!(cancel(400, "a").await, refunded(400));
    assert_eq!(cancel(400, "a").await, refunded(400), "the same refund again");
    assert_eq!(cancel(700, "b").await, refused("NOT_CANCELABLE_AMOUNT"));
    assert_eq!(cancel(600, "c").await, refunded(600));
    let RefundAnswer::Unknown(fault) = cancel(1, "d").await else { panic!("given back twice") };
    assert_eq!(fault.code.as_str(), "ALREADY_CANCELED_PAYMENT");
    assert_eq!(sandbox.totals().await, (1_000, 1_000));
}

#[tokio::test]
async fn what_the_provider_does_not_know_is_found_by_no_name() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let client = sandbox.client();
    let by_key = client.find_by_payment_key(&key).await.unwrap().unwrap();
    let by_order = client.find_by_order_id(&provider_order_id(1)).await.unwrap().unwrap();
    assert_eq!(by_key, by_order);
    assert_eq!(client.find_by_payment_key("another").await, Ok(None));
    assert_eq!(client.find_by_order_id(&provider_order_id(2)).await, Ok(None));
}

#[test]
fn secrets_and_payment_keys_are_not_shown() {
    let config = TossConfig::new(crate::payments::toss::SecretKey::new("live_sk_secret"));
    assert!(!format!("{config:?}").contains("live_sk_secret"));
    let effect = super::world::capture(1, 1, "the_payment_key");
    assert!(!format!("{effect:?}").contains("the_payment_key"));
}

#[test]
fn a_base_url_that_is_none_is_refused() {
    let config = TossConfig::new(crate::payments::toss::SecretKey::new("secret"));
    for base_url in ["", "api.tosspayments.com", "ftp://127.0.0.1", "http://127.0.0.1/v1"] {
        let base_url = base_url.into();
        assert!(TossClient::new(&TossConfig { base_url, ..config.clone() }).is_err());
    }
}
