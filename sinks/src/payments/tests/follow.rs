//! Following the outcomes: every effect once, and never past a hole.

use boxoffice_topics::outcome::{EffectName, RefundReason};
use boxoffice_topics::{LogId, Offset, Outcome, PartitionId};
use serde_json::json;

use super::world::{
    LOG_ID, Recorded, SandboxProcess, Start, TopicLog, capture, eventually, order, payment, push,
    requested, won,
};
use crate::payments::executor::ExecutorError;
use crate::payments::provider::provider_code;

#[tokio::test]
async fn effects_of_the_outcomes_run_once_each() {
    let sandbox = SandboxProcess::start().await;
    let first = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let second = sandbox.open(2, 1_000, json!({"kind": "approve"})).await;
    let log = TopicLog::new();
    push(&log, LOG_ID, 1, vec![requested(1, &first)]);
    // The state was recovered up to offset 2, which the topic does not have yet.
    let start = Start { log: log.clone(), follow_from: Some(3), ..Start::with(Vec::new()) };
    let mut running = start.run(sandbox.client());
    push(&log, LOG_ID, 2, vec![requested(1, &first)]);
    push(&log, LOG_ID, 3, vec![requested(2, &second)]);
    push(&log, LOG_ID, 3, vec![requested(1, &first)]);
    assert_eq!(running.next().await, Recorded::Captured(payment(2), 1_000));

    let captured =
        Outcome::PaymentCaptured { payment: payment(2), order: order(2), amount: won(1_000) };
    let refund = EffectName::new(PartitionId::new(0).unwrap(), Offset::new(4), 1);
    let refund = Outcome::RefundRequested {
        refund,
        payment: payment(2),
        order: order(2),
        amount: won(1_000),
        payment_key: second.into(),
        reason: RefundReason::LateCapture,
    };
    push(&log, LOG_ID, 4, vec![captured, refund]);
    assert_eq!(running.next().await, Recorded::Refunded(payment(2), 1_000));
    running.drained().await;
    assert_eq!(running.stop().await, []);
    assert_eq!(sandbox.totals().await, (1_000, 1_000));
}

#[tokio::test]
async fn an_effect_that_somebody_else_settled_is_asked_no_more() {
    let mut sandbox = SandboxProcess::start().await;
    let client = sandbox.client();
    sandbox.kill();
    let log = TopicLog::new();
    let pending = vec![capture(1, 1_000, "key")];
    let start = Start { log: log.clone(), follow_from: Some(0), ..Start::with(pending) };
    let running = start.run(client);
    eventually(|| !running.handle.unknown().is_empty()).await;
    let (code, payment, order) = (provider_code("ABORTED"), payment(1), order(1));
    push(&log, LOG_ID, 1, vec![Outcome::PaymentDeclined { payment, order, code }]);
    running.drained().await;
    assert!(running.handle.unknown().is_empty());
    assert_eq!(running.stop().await, []);
}

#[tokio::test]
async fn a_hole_or_another_log_stops_the_executor() {
    let sandbox = SandboxProcess::start().await;
    let log = TopicLog::new();
    push(&log, LOG_ID, 1, Vec::new());
    push(&log, LOG_ID, 3, Vec::new());
    let start = Start { log, follow_from: Some(1), ..Start::with(Vec::new()) };
    let stopped = start.run(sandbox.client()).task.await.unwrap();
    assert!(
        matches!(stopped, Err(ExecutorError::Hole { expected, .. }) if expected == Offset::new(2))
    );

    let log = TopicLog::new();
    push(&log, LogId::from_u128(9), 1, Vec::new());
    let start = Start { log, follow_from: Some(1), ..Start::with(Vec::new()) };
    let stopped = start.run(sandbox.client()).task.await.unwrap();
    assert!(matches!(stopped, Err(ExecutorError::ForeignLog { .. })));

    let log = TopicLog::new();
    log.push(b"BX\x01 not a record".to_vec());
    let start = Start { log, follow_from: Some(1), ..Start::with(Vec::new()) };
    let stopped = start.run(sandbox.client()).task.await.unwrap();
    assert!(matches!(stopped, Err(ExecutorError::Unreadable { .. })));
}
