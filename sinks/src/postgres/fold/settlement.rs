//! Settlement: the fees of performances, and what was posted.

use boxoffice_topics::{PerformanceId, Posting, SettlementOutcome, SettlementTerms};

use super::{At, Fold, uuid};
use crate::postgres::columns::CurrencyCode;
use crate::postgres::rows::{SettlementLineRow, SettlementTermsRow};

impl Fold {
    pub(super) fn apply_settlement(&mut self, at: At, outcome: &SettlementOutcome) {
        match outcome {
            SettlementOutcome::TermsSet { performance, version, terms } => {
                self.add_settlement_terms(at, *performance, *version, terms);
            }
            SettlementOutcome::Posted { postings } => {
                postings.iter().for_each(|posting| self.add_posting(at, posting));
            }
        }
    }

    pub(super) fn add_settlement_terms(
        &mut self,
        at: At,
        performance: PerformanceId,
        version: u16,
        terms: &SettlementTerms,
    ) {
        self.settlement_terms.put(SettlementTermsRow {
            performance_id: uuid(performance.as_u128()),
            version: version.into(),
            provider_fee_basis_points: terms.provider_fee_basis_points.into(),
            provider_keeps_fee: terms.provider_keeps_fee,
            platform_fee_basis_points: terms.platform_fee_basis_points.into(),
            fee_vat_basis_points: terms.fee_vat_basis_points.into(),
            set_at: at.now,
        });
    }

    /// The lines are named after the outcome that caused them.
    fn add_posting(&mut self, at: At, posting: &Posting) {
        for (number, line) in (1..).zip(&posting.lines) {
            self.settlement_lines.put(SettlementLineRow {
                partition: at.name.partition().number().into(),
                step_offset: at.name.offset().number().cast_signed(),
                outcome_index: posting.cause.into(),
                line: number,
                performance_id: uuid(posting.performance.as_u128()),
                order_id: posting.order.0.packed(),
                kind: posting.kind.as_str().to_owned(),
                account: line.account.as_str().to_owned(),
                currency: CurrencyCode(posting.currency),
                amount_minor: line.amount_minor,
                posted_at: at.now,
            });
        }
    }
}
