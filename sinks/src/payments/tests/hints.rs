//! Webhooks: a hint makes the executor ask, and only the provider's answer counts.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{OnceCell, mpsc};

use super::world::{Recorded, SandboxProcess, Start, capture, payment, provider_order_id};
use crate::payments::executor::{ExecutorHandle, HintAnswer, HintError};
use crate::payments::sandbox::SandboxConfig;

/// Hands webhooks to an executor, as the api does.
#[derive(Clone)]
struct Receiver {
    executor: Arc<OnceCell<ExecutorHandle>>,
    seen: mpsc::Sender<HintAnswer>,
}

async fn receive(State(receiver): State<Receiver>, Json(body): Json<Value>) -> StatusCode {
    let Some(executor) = receiver.executor.get() else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let text = |name: &str| body["data"][name].as_str().unwrap().to_owned();
    match executor.hint(&text("paymentKey"), &text("orderId")).await {
        Ok(answer) => {
            receiver.seen.send(answer).await.unwrap();
            StatusCode::OK
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

struct Hooked {
    sandbox: SandboxProcess,
    executor: Arc<OnceCell<ExecutorHandle>>,
    seen: mpsc::Receiver<HintAnswer>,
}

async fn hooked(config: SandboxConfig) -> Hooked {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, seen) = mpsc::channel(64);
    let executor = Arc::new(OnceCell::new());
    let state = Receiver { executor: Arc::clone(&executor), seen: sender };
    let router = Router::new().route("/hook", post(receive)).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = SandboxConfig { webhook_url: Some(url), ..config };
    Hooked { sandbox: SandboxProcess::start_with(config, None).await, executor, seen }
}

#[tokio::test]
async fn money_that_is_booked_after_the_decline_is_captured_by_the_hint() {
    let mut hooked = hooked(SandboxProcess::config(None)).await;
    let behaviour = json!({"kind": "decline_then_capture", "millis": 50});
    let key = hooked.sandbox.open(1, 1_000, behaviour).await;
    let mut running = Start::fresh(1, &key).run(hooked.sandbox.client());
    let (declined, declined_key) = running.next_with_key().await;
    assert_eq!(declined, Recorded::Declined(payment(1), "REJECT_CARD_PAYMENT".to_owned()));
    // Webhooks are turned away until now, and come again.
    hooked.executor.set(running.handle.clone()).unwrap();
    let (captured, captured_key) = running.next_with_key().await;
    assert_eq!(captured, Recorded::Captured(payment(1), 1_000));
    assert_ne!(declined_key, captured_key);
    while hooked.seen.recv().await != Some(HintAnswer::Captured) {}
    assert_eq!(hooked.sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_webhook_that_comes_twice_brings_the_same_intent_twice() {
    let mut hooked = hooked(SandboxProcess::config(None)).await;
    let key = hooked.sandbox.open(1, 1_000, json!({"kind": "answer_twice"})).await;
    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(hooked.sandbox.client());
    let first = running.next_with_key().await;
    running.drained().await;
    hooked.executor.set(running.handle.clone()).unwrap();
    for _ in 0..2 {
        assert_eq!(running.next_with_key().await, first);
        assert_eq!(hooked.seen.recv().await, Some(HintAnswer::Captured));
    }
    assert_eq!(hooked.sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_hint_during_a_turn_waits_for_its_end_and_then_asks() {
    let sandbox = SandboxProcess::start().await;
    let behaviour = json!({"kind": "decline_then_capture", "millis": 0});
    let key = sandbox.open(1, 1_000, behaviour).await;
    let start = Start { busy: u32::MAX, ..Start::fresh(1, &key) };
    let mut running = start.run(sandbox.client());
    // The turn has been declined and cannot hand that in while ingest is full.
    while sandbox.totals().await != (1_000, 0) {}
    let handle = running.handle.clone();
    let order_id = provider_order_id(1);
    let mut hint = std::pin::pin!(handle.hint(&key, &order_id));
    let sent = std::future::poll_fn(|context| Poll::Ready(hint.as_mut().poll(context))).await;
    assert!(sent.is_pending());
    // Hints are taken in order: when the second is answered, the first is waiting.
    assert_eq!(handle.hint("key", "another_shops_order").await, Ok(HintAnswer::Unknown));
    running.make_room();
    let declined = Recorded::Declined(payment(1), "REJECT_CARD_PAYMENT".to_owned());
    assert_eq!(running.next().await, declined);
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));
    assert_eq!(hint.await, Ok(HintAnswer::Captured));
}

#[tokio::test]
async fn a_hint_is_never_believed() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let running = Start::with(Vec::new()).run(sandbox.client());
    let hint = async |key: &str, order_id: &str| running.handle.hint(key, order_id).await;
    assert_eq!(hint(&key, &provider_order_id(1)).await, Ok(HintAnswer::NothingCaptured));
    assert_eq!(hint("forged", &provider_order_id(1)).await, Ok(HintAnswer::NothingCaptured));
    assert_eq!(hint(&key, "another_shops_order").await, Ok(HintAnswer::Unknown));
    // The attempt of another order that names a payment that was captured.
    let mut paying = Start::with(vec![capture(1, 1_000, &key)]).run(sandbox.client());
    paying.next().await;
    assert_eq!(hint(&key, &provider_order_id(2)).await, Ok(HintAnswer::NothingCaptured));
    assert_eq!(running.stop().await, []);
}

#[tokio::test]
async fn a_hint_that_cannot_be_checked_comes_again() {
    let mut sandbox = SandboxProcess::start().await;
    let running = Start::with(Vec::new()).run(sandbox.client());
    let handle = running.handle.clone();
    sandbox.kill();
    let answer = handle.hint("key", &provider_order_id(1)).await;
    assert!(matches!(answer, Err(HintError::Provider(_))), "{answer:?}");
    running.stop().await;
    let answer = handle.hint("key", &provider_order_id(1)).await;
    assert_eq!(answer, Err(HintError::Stopped));
}

#[tokio::test]
async fn a_late_booking_survives_the_end_of_the_sandbox() {
    let directory = tempfile::tempdir().unwrap();
    let config = || SandboxProcess::config(Some(directory.path()));
    let mut sandbox = SandboxProcess::start_with(config(), None).await;
    let behaviour = json!({"kind": "decline_then_capture", "millis": 100_000_000});
    let key = sandbox.open(1, 1_000, behaviour).await;
    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(sandbox.client());
    assert!(matches!(running.next().await, Recorded::Declined(..)));
    running.drained().await;
    sandbox.kill();
    // Its time comes while nobody is there.
    let path = directory.path().join("sandbox-books.ndjson");
    let books = std::fs::read_to_string(&path).unwrap().replace("100000000", "1");
    std::fs::write(&path, books).unwrap();

    let mut hooked = hooked(config()).await;
    let mut running = Start::with(Vec::new()).run(hooked.sandbox.client());
    hooked.executor.set(running.handle.clone()).unwrap();
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));
    assert_eq!(hooked.seen.recv().await, Some(HintAnswer::Captured));
    assert_eq!(hooked.sandbox.totals().await, (1_000, 0));
}
