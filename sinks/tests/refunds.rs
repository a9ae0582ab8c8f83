//! Refunds as rows: tickets that go back one by one, terms, and a performance that is not shown.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_log::Log;
use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::postgres::{PostgresSink, Replace, rebuild};
use boxoffice_sinks::runner::Sink;
use boxoffice_tests::services::Database;
use boxoffice_topics::outcome::{CancelReason, EffectName, RefundReason};
use boxoffice_topics::{
    Currency, OrderId, Outcome, PartitionId, PaymentId, PerformanceId, RefundLadder, RefundLine,
    RefundOutcome, RefundTerms,
};

#[allow(dead_code, reason = "other tests need more of it")]
mod support;

use support::follow::{all_rows, batch, config, follow_to_end, is_fold_of, lines, pool};
use support::story::Story;
use support::{account, won};

const LOG_ID: u128 = 0xd0d0;
const SHOW: u128 = 77;

/// A ticket of which a tenth is kept.
fn line(ticket: u16, price_minor: i64) -> RefundLine {
    let kept_minor = price_minor / 10;
    let money_minor = price_minor - kept_minor;
    RefundLine {
        ticket,
        price_minor,
        discount_minor: 0,
        booking_fee_minor: 0,
        kept_minor,
        money_minor,
        points_minor: 0,
        earned_minor: 0,
    }
}

fn tickets_back(order: OrderId, lines: Vec<RefundLine>) -> Outcome {
    let (account, currency, terms) = (account(1), Currency::KRW, Some(1));
    RefundOutcome::TicketsRefunded { order, account, currency, terms, lines }.into()
}

/// Money of a payment goes back, by the outcome with this index of the next step.
fn money_back(
    story: &Story,
    (order, payment): (OrderId, PaymentId),
    index: u16,
    minor: i64,
    reason: RefundReason,
) -> Outcome {
    let partition = PartitionId::new(0).unwrap();
    let refund = EffectName::new(partition, story.scribe.next_offset(), index);
    let (amount, payment_key) = (won(minor), "key".into());
    Outcome::RefundRequested { refund, payment, order, amount, payment_key, reason }
}

/// Two seats are sold and go back one by one; the money comes back in the other order. A second
/// order ends with the performance.
async fn told() -> MemoryLog {
    let log = support::log(1, LOG_ID);
    let mut story = Story::begin(&log, 0, SHOW);
    story.create();
    let performance = PerformanceId::from_u128(SHOW);
    let ladder = Some(RefundLadder::korean(4_000));
    let terms = Box::new(RefundTerms { ladder, booking_fee_minor: 2_000 });
    story.scribe.decide(vec![RefundOutcome::TermsSet { performance, version: 1, terms }.into()]);
    let sold: Vec<_> = [(1, [3, 4]), (2, [5, 6])]
        .into_iter()
        .map(|(buyer, seats)| {
            let hold = story.hold(buyer, &seats, 0);
            let order = story.order(buyer, hold);
            let payment = story.pay(order, "key");
            let confirmed = story.confirmed(buyer, order, Some(payment), &seats, false);
            story.capture(order, payment, confirmed);
            (order, payment)
        })
        .collect();
    let (order, _) = sold[0];
    let one = money_back(&story, sold[0], 1, 90_000, RefundReason::TicketsRefunded);
    story.scribe.decide(vec![tickets_back(order, vec![line(2, 100_000)]), one.clone()]);
    let two = money_back(&story, sold[0], 2, 58_500, RefundReason::OrderCancelled);
    story.scribe.decide(vec![
        tickets_back(order, vec![line(1, 65_000)]),
        Outcome::OrderCancelled { order, account: account(1), reason: CancelReason::ByBuyer },
        two.clone(),
    ]);
    story.refunded(&two);
    story.scribe.decide(vec![RefundOutcome::PerformanceCancelled { performance }.into()]);
    let reason = RefundReason::PerformanceCancelled;
    let three = money_back(&story, sold[1], 1, 165_000, reason);
    story.cancel(2, sold[1].0, CancelReason::PerformanceCancelled, vec![three]);
    story.scribe.write().await;
    story.refunded(&one);
    story.scribe.write().await;
    log
}

#[tokio::test]
async fn tickets_go_back_one_by_one() {
    let database = Database::fresh().await;
    let (log, pool) = (told().await, pool(&database));
    follow_to_end(&log, &pool).await;
    is_fold_of(&log, &pool).await;
    let orders = "SELECT concat_ws(' ', state, cancel_reason, refunds_left) FROM orders
                   ORDER BY order_id";
    assert_eq!(
        lines(&pool, orders).await,
        ["refunded by_buyer 0", "cancelled performance_cancelled 1"]
    );
    let tickets = "SELECT concat_ws(' ', place, r.version, kept_minor, money_minor,
                          voided_at = refunded_at)
                     FROM tickets LEFT JOIN ticket_refunds r USING (order_id, number)
                    ORDER BY order_id, number";
    assert_eq!(
        lines(&pool, tickets).await,
        ["A-1-4 1 6500 58500 t", "A-1-5 1 10000 90000 t", "A-1-6", "A-1-7"]
    );
    let terms = "SELECT concat_ws(' ', version, booking_fee_minor, utc_offset_minutes,
                        free_within_days, free_days_before, days_before, basis_points, fixed_minor)
                   FROM refund_terms";
    assert_eq!(
        lines(&pool, terms).await,
        ["1 2000 540 7 10 {10,7,3,1} {1000,1000,2000,3000} {4000,NULL,NULL,NULL}"]
    );
    let cancelled = "SELECT count(*)::text FROM performance_cancellations";
    assert_eq!(lines(&pool, cancelled).await, ["1"]);
}

#[tokio::test]
async fn rows_are_the_same_however_the_log_is_cut_and_when_they_are_rebuilt() {
    let log = told().await;
    let database = Database::fresh().await;
    let whole = pool(&database);
    follow_to_end(&log, &whole).await;
    let expected = all_rows(&whole).await;
    for steps_max in [1, 2, 5] {
        let database = Database::fresh().await;
        let pool = pool(&database);
        loop {
            // A sink that remembers nothing reads what it needs.
            let mut sink = PostgresSink::new(pool.clone());
            let at = sink.open(log.log_id(), log.partitions()).await.unwrap()[0];
            let batch = batch(&log, at, steps_max).await;
            if batch.steps.is_empty() {
                break;
            }
            sink.write(&batch).await.unwrap();
            is_fold_of(&log, &pool).await;
        }
        assert_eq!(all_rows(&pool).await, expected, "by {steps_max}");
    }
    rebuild(log.clone(), &whole, config(), Replace::OwnRows).await.unwrap();
    assert_eq!(all_rows(&whole).await, expected);
}
