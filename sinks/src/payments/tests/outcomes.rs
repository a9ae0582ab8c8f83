//! What becomes of captures and refunds, whatever the provider does.

use std::time::Duration;

use serde_json::json;

use super::world::{
    Recorded, SandboxProcess, Start, capture, eventually, payment, provider_order_id, refund,
    refund_part,
};
use crate::payments::provider::FaultKind;
use crate::payments::sandbox::SandboxConfig;
use crate::payments::toss::{SecretKey, TossClient, TossConfig};

#[tokio::test]
async fn an_approved_payment_is_captured_once() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 165_000, json!({"kind": "approve"})).await;
    let mut running = Start::with(vec![capture(1, 165_000, &key)]).run(sandbox.client());
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 165_000));
    running.drained().await;
    assert_eq!(running.stop().await, []);
    assert_eq!(sandbox.totals().await, (165_000, 0));
}

#[tokio::test]
async fn a_refused_card_is_declined_with_the_providers_code() {
    let sandbox = SandboxProcess::start().await;
    let behaviour = json!({"kind": "decline", "code": "REJECT_CARD_PAYMENT"});
    let key = sandbox.open(1, 1_000, behaviour).await;
    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(sandbox.client());
    let declined = Recorded::Declined(payment(1), "REJECT_CARD_PAYMENT".to_owned());
    assert_eq!(running.next().await, declined);
    assert_eq!(sandbox.totals().await, (0, 0));
}

#[tokio::test]
async fn a_payment_that_is_booked_after_the_read_timeout_is_captured_once() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "slow", "millis": 400})).await;
    let read_timeout = Duration::from_millis(100);
    let client = TossClient::new(&TossConfig { read_timeout, ..sandbox.toss_config() }).unwrap();
    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(client);
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));
    running.drained().await;
    assert_eq!(running.stop().await, []);
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_payment_that_was_booked_before_the_provider_failed_is_captured_once() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "fail_after_booking"})).await;
    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(sandbox.client());
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));
    running.drained().await;
    assert_eq!(running.stop().await, []);
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_payment_goes_back_in_parts_and_each_part_once() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 165_000, json!({"kind": "approve"})).await;
    let mut running = Start::with(vec![capture(1, 165_000, &key)]).run(sandbox.client());
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 165_000));
    running.stop().await;
    // Two parts are alike: only their names tell them apart.
    let parts = [(0, 60_000), (1, 60_000), (2, 45_000)];
    let effects = parts.map(|(part, amount)| refund_part(1, part, amount, &key));
    let mut running = Start::with(effects.to_vec()).run(sandbox.client());
    let mut amounts = Vec::new();
    for _ in &effects {
        let Recorded::Refunded(_, amount) = running.next().await else { panic!("not given back") };
        amounts.push(amount);
    }
    amounts.sort_unstable();
    assert_eq!(amounts, [45_000, 60_000, 60_000]);
    running.drained().await;
    assert_eq!(running.stop().await, []);
    assert_eq!(sandbox.totals().await, (165_000, 165_000));
    // Whoever starts again with the same effects moves nothing.
    let running = Start::with(effects.to_vec()).run(sandbox.client());
    running.drained().await;
    running.stop().await;
    assert_eq!(sandbox.totals().await, (165_000, 165_000));
}

#[tokio::test]
async fn a_provider_that_was_away_finds_the_attempt_still_there() {
    let directory = tempfile::tempdir().unwrap();
    let config = || SandboxProcess::config(Some(directory.path()));
    let mut sandbox = SandboxProcess::start_with(config(), None).await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let client = sandbox.client();
    sandbox.kill();

    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(client);
    eventually(|| running.handle.unknown().iter().any(|attempt| attempt.tries >= 2)).await;
    let unknown = running.handle.unknown();
    assert_eq!((unknown.len(), unknown[0].payment), (1, payment(1)));
    assert_eq!(unknown[0].last_error.kind, FaultKind::Unreachable);

    let sandbox = SandboxProcess::start_with(config(), Some(sandbox.address)).await;
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));
    running.drained().await;
    assert!(running.handle.unknown().is_empty());
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn an_unlisted_code_stays_unknown_until_the_payment_ends() {
    let directory = tempfile::tempdir().unwrap();
    let config = SandboxProcess::config(Some(directory.path()));
    let mut sandbox = SandboxProcess::start_with(config.clone(), None).await;
    let behaviour = json!({"kind": "decline", "code": "SOMETHING_NEW"});
    let key = sandbox.open(1, 1_000, behaviour).await;
    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(sandbox.client());
    let is_unlisted = |attempt: &crate::payments::UnknownAttempt| {
        attempt.tries >= 3 && attempt.last_error.kind == FaultKind::UnlistedCode
    };
    eventually(|| running.handle.unknown().iter().any(is_unlisted)).await;
    sandbox.kill();

    let config = SandboxConfig { lifetime: Duration::ZERO, ..config };
    let _sandbox = SandboxProcess::start_with(config, Some(sandbox.address)).await;
    let expired = Recorded::Declined(payment(1), "EXPIRED_PAYMENT".to_owned());
    assert_eq!(running.next().await, expired);
}

#[tokio::test]
async fn a_refusal_of_the_shop_is_never_booked_as_declined() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let secret_key = SecretKey::new("test_sk_wrong");
    let wrong = TossClient::new(&TossConfig { secret_key, ..sandbox.toss_config() }).unwrap();
    let running = Start::with(vec![capture(1, 1_000, &key)]).run(wrong);
    eventually(|| running.handle.unknown().iter().any(|attempt| attempt.tries >= 3)).await;
    assert_eq!(running.handle.unknown()[0].last_error.kind, FaultKind::Misconfigured);
    assert_eq!(running.stop().await, []);

    let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(sandbox.client());
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));
}

#[tokio::test]
async fn a_restart_before_the_result_is_in_the_log_books_nothing_again() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let pending = || vec![capture(1, 1_000, &key)];
    let start = Start { endless_submit: true, ..Start::with(pending()) };
    let mut before = start.run(sandbox.client());
    let (first, first_key) = before.next_with_key().await;
    assert_eq!(before.stop().await, []);

    let mut after = Start::with(pending()).run(sandbox.client());
    let (second, second_key) = after.next_with_key().await;
    assert_eq!((&first, first_key), (&second, second_key));
    assert_eq!(first, Recorded::Captured(payment(1), 1_000));
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_restart_of_both_sides_in_the_middle_books_once() {
    let directory = tempfile::tempdir().unwrap();
    let config = || SandboxProcess::config(Some(directory.path()));
    let mut sandbox = SandboxProcess::start_with(config(), None).await;
    let key = sandbox.open(1, 1_000, json!({"kind": "fail_after_booking"})).await;
    let pending = || vec![capture(1, 1_000, &key)];
    let start = Start { endless_submit: true, ..Start::with(pending()) };
    let mut before = start.run(sandbox.client());
    assert_eq!(before.next().await, Recorded::Captured(payment(1), 1_000));
    sandbox.kill();
    before.stop().await;

    let sandbox = SandboxProcess::start_with(config(), Some(sandbox.address)).await;
    let mut after = Start::with(pending()).run(sandbox.client());
    assert_eq!(after.next().await, Recorded::Captured(payment(1), 1_000));
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_payment_of_another_order_or_amount_pays_nothing() {
    let sandbox = SandboxProcess::start().await;
    let others = sandbox.open(2, 1_000, json!({"kind": "approve"})).await;
    let cheap = sandbox.open(3, 10, json!({"kind": "approve"})).await;
    let mut running = Start::with(vec![capture(1, 1_000, &others)]).run(sandbox.client());
    let declined = Recorded::Declined(payment(1), "ORDER_MISMATCH".to_owned());
    assert_eq!(running.next().await, declined);
    let mut running = Start::with(vec![capture(3, 1_000, &cheap)]).run(sandbox.client());
    let declined = Recorded::Declined(payment(3), "AMOUNT_MISMATCH".to_owned());
    assert_eq!(running.next().await, declined);

    // Nor when that order has been paid with it.
    let mut running = Start::with(vec![capture(2, 1_000, &others)]).run(sandbox.client());
    assert_eq!(running.next().await, Recorded::Captured(payment(2), 1_000));
    let mut running = Start::with(vec![capture(1, 1_000, &others)]).run(sandbox.client());
    let declined = Recorded::Declined(payment(1), "ORDER_MISMATCH".to_owned());
    assert_eq!(running.next().await, declined);
    assert_eq!(sandbox.totals().await, (1_000, 0));
}

#[tokio::test]
async fn a_payment_key_that_nobody_gave_out_is_declined() {
    let sandbox = SandboxProcess::start().await;
    for key in ["never_given_out", "", "..", "../../sandbox/books", "orders", "a b", "키"] {
        let mut running = Start::with(vec![capture(1, 1_000, key)]).run(sandbox.client());
        let recorded = running.next().await;
        assert!(matches!(recorded, Recorded::Declined(..)), "{key}: {recorded:?}");
    }
}

#[tokio::test]
async fn a_refund_gives_back_once_however_often_it_runs() {
    for kind in ["approve", "fail_after_booking"] {
        let sandbox = SandboxProcess::start().await;
        let key = sandbox.open(1, 1_000, json!({ "kind": kind })).await;
        let mut running = Start::with(vec![capture(1, 1_000, &key)]).run(sandbox.client());
        assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));

        let mut keys = Vec::new();
        for _ in 0..2 {
            let pending = vec![refund(1, 1_000, &key)];
            let mut running = Start::with(pending).run(sandbox.client());
            let (recorded, key) = running.next_with_key().await;
            assert_eq!(recorded, Recorded::Refunded(payment(1), 1_000), "{kind}");
            keys.push(key);
        }
        assert_eq!(keys[0], keys[1]);
        assert_eq!(sandbox.totals().await, (1_000, 1_000));
    }
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_has_failed() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let mut running = Start::with(vec![refund(1, 1_000, &key)]).run(sandbox.client());
    let failed = Recorded::Failed(payment(1), "NOT_CANCELABLE_PAYMENT".to_owned());
    assert_eq!(running.next().await, failed);
    assert_eq!(sandbox.totals().await, (0, 0));
}

#[tokio::test]
async fn a_result_is_handed_in_until_ingest_has_room() {
    let sandbox = SandboxProcess::start().await;
    let key = sandbox.open(1, 1_000, json!({"kind": "approve"})).await;
    let start = Start { busy: 3, ..Start::with(vec![capture(1, 1_000, &key)]) };
    let mut running = start.run(sandbox.client());
    assert_eq!(running.next().await, Recorded::Captured(payment(1), 1_000));
    running.drained().await;
}

#[tokio::test]
async fn hundreds_of_pending_payments_are_each_captured_once() {
    let sandbox = SandboxProcess::start().await;
    let mut pending = Vec::new();
    for number in 1..=300 {
        let kinds = ["approve", "answer_twice", "fail_after_booking"];
        let kind = kinds[number as usize % kinds.len()];
        let key = sandbox.open(number, 100, json!({ "kind": kind })).await;
        pending.push(capture(number, 100, &key));
    }
    let mut running = Start::with(pending).run(sandbox.client());
    let mut captured = std::collections::BTreeSet::new();
    for _ in 1..=300 {
        assert!(captured.insert(match running.next().await {
            Recorded::Captured(payment, 100) => payment,
            other => panic!("{other:?}"),
        }));
    }
    running.drained().await;
    assert_eq!(running.stop().await, []);
    assert_eq!(sandbox.totals().await, (30_000, 0));
    assert_eq!(sandbox.books().await["payments"].as_array().unwrap().len(), 300);
    assert!(provider_order_id(300).len() <= 64);
}
