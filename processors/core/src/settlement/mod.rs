//! Settlement: every movement of money in double entry, beside the outcome that moved it.
//!
//! ```text
//! money is taken        provider_cash      / buyer_money
//! an order is sold      buyer_money, discounts, points / ticket_sales, booking_fees
//! tickets go back       refunds, booking_fees / cancellation_fees, discounts, points, buyer_money
//! money is given back   buyer_money        / provider_cash
//! ```
//! An order that is sold is charged the fees of that moment, and tickets that go back take their part
//! along. Nothing here decides anything: the postings say what the rest of a step means in money. So
//! money that comes late is the buyer's until it goes back, or until it buys its places after all.
//!
//! - INV-70: the lines of a posting sum to zero.
//! - INV-71: of each order, provider cash is what was captured less what was given back.

mod ledger;
mod posting;
mod sheet;

use boxoffice_topics::{
    PerformanceId, Refusal, RefusalCode, SettlementIntent, SettlementOutcome, SettlementTerms,
};

use crate::decide::Asked;

pub use ledger::{Ledger, LedgerEntry};
pub(crate) use posting::post;

/// How often the terms of one performance may change: every order keeps those under which it was
/// sold, so all are kept.
const TERMS_MAX: usize = 100;

pub(crate) fn decide_settlement(
    asked: &Asked<'_>,
    intent: &SettlementIntent,
) -> Result<SettlementOutcome, Refusal> {
    match intent {
        SettlementIntent::SetSettlementTerms { performance, terms } => {
            set_terms(asked, *performance, *terms)
        }
    }
}

fn set_terms(
    asked: &Asked<'_>,
    id: PerformanceId,
    terms: SettlementTerms,
) -> Result<SettlementOutcome, Refusal> {
    let ledger = asked.performance(id)?.ledger().ok_or(RefusalCode::SettlementNotKept)?;
    if terms.validate().is_err() {
        return Err(RefusalCode::SettlementTermsInvalid.into());
    }
    let version = ledger.next_version();
    let version = version.ok_or(RefusalCode::SettlementTermsChangesExhausted)?;
    Ok(SettlementOutcome::TermsSet { performance: id, version, terms })
}

#[cfg(test)]
mod tests;
