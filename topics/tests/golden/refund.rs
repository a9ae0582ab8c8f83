//! The records of refunds.

use boxoffice_topics::outcome::{CancelReason, RefundReason};
use boxoffice_topics::{
    Reductions, RefundIntent, RefundLadder, RefundLine, RefundOutcome, RefundTerms,
};

use super::*;

const GOLDEN: &str = include_str!("../../testdata/v1-refund.hex");

const SHOW: PerformanceId = PerformanceId::from_u128(7);

fn terms() -> RefundTerms {
    RefundTerms { ladder: Some(RefundLadder::korean(4_000)), booking_fee_minor: 2_000 }
}

fn bare() -> RefundTerms {
    let ladder = RefundLadder { utc_offset_minutes: -300, free: None, ..RefundLadder::korean(0) };
    RefundTerms { ladder: Some(ladder), booking_fee_minor: 0 }
}

fn order() -> OrderId {
    OrderId(name(78))
}

fn intents() -> Vec<Intent<'static>> {
    let amount = Some(Money::new(91_100, Currency::KRW));
    let definition =
        |refund_terms| Box::new(PerformanceDefinition { refund_terms, ..super::definition() });
    let (order, performance) = (order(), SHOW);
    vec![
        Intent::Refund(RefundIntent::RefundTickets {
            order,
            tickets: [1, 3].into_iter().collect(),
            places: ["A-12-7", "FLOOR"].into_iter().collect(),
            amount,
        }),
        Intent::Refund(RefundIntent::SetRefundTerms { performance, terms: Box::new(terms()) }),
        Intent::Refund(RefundIntent::SetRefundTerms {
            performance,
            terms: Box::new(RefundTerms::default()),
        }),
        Intent::Refund(RefundIntent::CancelPerformance { performance }),
        Intent::CreatePerformance { definition: definition(Some(Box::new(bare()))) },
    ]
}

fn outcomes() -> Vec<Outcome> {
    let line = RefundLine {
        ticket: 2,
        price_minor: 110_000,
        discount_minor: 10_000,
        booking_fee_minor: 2_000,
        kept_minor: 4_000,
        money_minor: 93_000,
        points_minor: 5_000,
        earned_minor: 930,
    };
    let (order, performance) = (order(), SHOW);
    let (account, currency, lines) = (AccountId::from_u128(9), Currency::KRW, vec![line]);
    let fee = Money::new(4_000, currency);
    let price = Money::new(220_000, currency);
    let reductions = Reductions { price, discount: None, points: None, booking_fee: Some(fee) };
    let refund = |reason| Outcome::RefundRequested {
        refund: effect(),
        payment: PaymentId(name(79)),
        order,
        amount: fee,
        payment_key: "key".into(),
        reason,
    };
    vec![
        RefundOutcome::TicketsRefunded { order, account, currency, terms: Some(1), lines }.into(),
        RefundOutcome::TermsSet { performance, version: 1, terms: Box::new(terms()) }.into(),
        RefundOutcome::PerformanceCancelled { performance }.into(),
        Outcome::OrderCancelled { order, account, reason: CancelReason::PerformanceCancelled },
        refund(RefundReason::PerformanceCancelled),
        refund(RefundReason::TicketsRefunded),
        Outcome::OrderPlaced {
            order,
            hold: HoldId(name(77)),
            performance,
            account,
            total: reductions.total(),
            pay_by: Timestamp::from_millis(1_790_000_000_000),
            reductions: Some(Box::new(reductions)),
        },
    ]
}

fn step() -> Step {
    Step { outcomes: outcomes(), ..super::step() }
}

#[test]
fn today_writes_the_bytes_of_refunds() {
    group::check_written(GOLDEN, &intents(), &step());
}

#[test]
fn today_reads_the_bytes_of_refunds() {
    group::check_read(GOLDEN, &intents(), &step());
}
