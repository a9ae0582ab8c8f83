//! The records of settlement.

use boxoffice_topics::{
    LedgerAccount, LedgerLine, Posting, PostingKind, SettlementIntent, SettlementOutcome,
    SettlementTerms,
};

use super::*;

const GOLDEN: &str = include_str!("../../testdata/v1-settlement.hex");

const SHOW: PerformanceId = PerformanceId::from_u128(7);

const TERMS: SettlementTerms = SettlementTerms {
    provider_fee_basis_points: 275,
    provider_keeps_fee: true,
    platform_fee_basis_points: 500,
    fee_vat_basis_points: 1_000,
};

fn intents() -> Vec<Intent<'static>> {
    let settlement_terms = Some(TERMS);
    let definition = PerformanceDefinition { settlement_terms, ..super::definition() };
    vec![
        Intent::Settlement(SettlementIntent::SetSettlementTerms {
            performance: SHOW,
            terms: TERMS,
        }),
        Intent::CreatePerformance { definition: Box::new(definition) },
    ]
}

/// One posting of each kind; the first has a line for every account.
fn step() -> Step {
    let posting = |cause, kind, lines| Posting {
        cause,
        kind,
        performance: SHOW,
        order: OrderId(name(78)),
        currency: Currency::KRW,
        lines,
    };
    let line = |account, amount_minor| LedgerLine { account, amount_minor };
    let every = (1..).zip(LedgerAccount::ALL).map(|(amount, account)| line(*account, amount));
    let mut postings = vec![posting(0, PostingKind::Sale, every.collect())];
    for (cause, kind) in (1..).zip(PostingKind::ALL) {
        postings.push(posting(cause, kind, vec![line(LedgerAccount::TicketSales, -165_000)]));
    }
    let outcomes = vec![
        SettlementOutcome::TermsSet { performance: SHOW, version: 1, terms: TERMS }.into(),
        SettlementOutcome::Posted { postings }.into(),
    ];
    Step { outcomes, ..super::step() }
}

#[test]
fn today_writes_the_bytes_of_settlement() {
    group::check_written(GOLDEN, &intents(), &step());
}

#[test]
fn today_reads_the_bytes_of_settlement() {
    group::check_read(GOLDEN, &intents(), &step());
}
