//! Outcomes about refunds.

use boxoffice_topics::{Money, RefundLine, RefundOutcome};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::refund::{RefundTermsJson, TicketRefundJson};
use crate::json::values::MoneyJson;

/// One fact about refunds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RefundOutcomeJson {
    /// Tickets went back; their places are free. Told when the order keeps tickets, or something is
    /// kept of it.
    TicketsRefunded {
        /// Of which order.
        order: String,
        /// The money that comes back.
        amount: MoneyJson,
        /// The number of the terms by which it was counted; absent when everything comes back.
        #[serde(skip_serializing_if = "Option::is_none")]
        terms: Option<u16>,
        /// Ticket by ticket.
        tickets: Vec<TicketRefundJson>,
    },
    /// Orders are confirmed under other terms.
    RefundTermsSet {
        /// Of which performance.
        performance: String,
        /// Their number.
        version: u16,
        /// The terms.
        terms: RefundTermsJson,
    },
    /// The performance will not be shown; what was sold goes back.
    PerformanceCancelled {
        /// Which performance.
        performance: String,
    },
}

impl From<&RefundOutcome> for RefundOutcomeJson {
    fn from(outcome: &RefundOutcome) -> Self {
        match outcome {
            RefundOutcome::TicketsRefunded { order, currency, terms, lines, .. } => {
                let money = |line: &RefundLine| line.money_minor;
                let amount = Money::new(lines.iter().map(money).sum(), *currency);
                let tickets = lines.iter().map(|line| TicketRefundJson::of(line, *currency));
                Self::TicketsRefunded {
                    order: order.to_string(),
                    amount: amount.into(),
                    terms: *terms,
                    tickets: tickets.collect(),
                }
            }
            RefundOutcome::TermsSet { performance, version, terms } => Self::RefundTermsSet {
                performance: performance.to_string(),
                version: *version,
                terms: (&**terms).into(),
            },
            RefundOutcome::PerformanceCancelled { performance } => {
                Self::PerformanceCancelled { performance: performance.to_string() }
            }
        }
    }
}
