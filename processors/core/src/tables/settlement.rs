//! The words of settlement.
//!
//! ```text
//! promoter fees provider=250 platform=500 vat=1000 keeps  => fees 1
//! system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2, posted 0 capture o1
//!                            provider_cash 200 buyer_money -200; 1 sale o1 ...
//! ```
//! A posting is told with the index of the outcome that caused it. Tables of houses without
//! settlement terms have none.

use boxoffice_topics::{
    PerformanceId, Posting, SettlementIntent, SettlementOutcome, SettlementTerms,
};

use super::Table;

impl Table {
    pub(super) fn tell_settlement(&mut self, outcome: &SettlementOutcome) -> String {
        match outcome {
            SettlementOutcome::TermsSet { version, .. } => format!("fees {version}"),
            SettlementOutcome::Posted { postings } => {
                let told: Vec<_> = postings.iter().map(|it| self.tell_posting(it)).collect();
                format!("posted {}", told.join("; "))
            }
        }
    }

    fn tell_posting(&mut self, posting: &Posting) -> String {
        let Posting { cause, kind, order, lines, .. } = posting;
        assert_eq!(lines.iter().map(|line| line.amount_minor).sum::<i64>(), 0);
        let lines = lines.iter().map(|line| {
            assert_ne!(line.amount_minor, 0);
            format!(" {} {}", line.account.as_str(), line.amount_minor)
        });
        let (kind, order) = (kind.as_str(), self.order_name(*order));
        format!("{cause} {kind} {order}{}", lines.collect::<String>())
    }
}

pub(super) fn settlement_intent(performance: PerformanceId, words: &[&str]) -> SettlementIntent {
    SettlementIntent::SetSettlementTerms { performance, terms: settlement_terms(words) }
}

pub(crate) fn settlement_terms(words: &[&str]) -> SettlementTerms {
    let share = |name: &str| {
        let share = words.iter().find_map(|word| word.strip_prefix(name));
        share.map_or(0, |share| share.parse().expect("basis points"))
    };
    SettlementTerms {
        provider_fee_basis_points: share("provider="),
        provider_keeps_fee: words.contains(&"keeps"),
        platform_fee_basis_points: share("platform="),
        fee_vat_basis_points: share("vat="),
    }
}
