//! Outcomes about settlement.

use boxoffice_topics::{LedgerLine, Posting, SettlementOutcome};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::settlement::SettlementTermsJson;

/// One fact about settlement.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SettlementOutcomeJson {
    /// Orders are sold under other fees.
    SettlementTermsSet {
        /// Of which performance.
        performance: String,
        /// Their number.
        version: u16,
        /// The terms.
        terms: SettlementTermsJson,
    },
    /// What the other outcomes of the step do to the money, in double entry.
    SettlementPosted {
        /// In the order of the outcomes that caused them.
        postings: Vec<PostingJson>,
    },
}

/// What one outcome does to the money of an order. Its lines sum to zero.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PostingJson {
    /// Index of the outcome in the step.
    pub cause: u16,
    /// `capture`, `sale`, `return` or `repayment`.
    pub kind: &'static str,
    /// Of which performance.
    pub performance: String,
    /// Of which order.
    pub order: String,
    /// The currency of every amount.
    #[schema(example = "KRW")]
    pub currency: String,
    /// Line by line.
    pub lines: Vec<PostingLineJson>,
}

/// One line of a posting.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PostingLineJson {
    /// What for.
    #[schema(example = "ticket_sales")]
    pub account: &'static str,
    /// Positive when debited, negative when credited.
    #[schema(example = -165_000)]
    pub amount_minor: i64,
}

impl From<&SettlementOutcome> for SettlementOutcomeJson {
    fn from(outcome: &SettlementOutcome) -> Self {
        match outcome {
            SettlementOutcome::TermsSet { performance, version, terms } => {
                Self::SettlementTermsSet {
                    performance: performance.to_string(),
                    version: *version,
                    terms: (*terms).into(),
                }
            }
            SettlementOutcome::Posted { postings } => Self::SettlementPosted {
                postings: postings.iter().map(PostingJson::from).collect(),
            },
        }
    }
}

impl From<&Posting> for PostingJson {
    fn from(posting: &Posting) -> Self {
        let line = |line: &LedgerLine| PostingLineJson {
            account: line.account.as_str(),
            amount_minor: line.amount_minor,
        };
        Self {
            cause: posting.cause,
            kind: posting.kind.as_str(),
            performance: posting.performance.to_string(),
            order: posting.order.to_string(),
            currency: posting.currency.to_string(),
            lines: posting.lines.iter().map(line).collect(),
        }
    }
}
