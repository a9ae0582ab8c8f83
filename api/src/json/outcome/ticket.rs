//! Outcomes of tickets.

use boxoffice_topics::TicketOutcome;
use boxoffice_topics::ticket::OfferEnd;
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::ticket::{TicketRulesJson, TicketUseJson};
use crate::json::values::moment;

/// One fact about tickets.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TicketOutcomeJson {
    /// Other rules are in force.
    TicketRulesSet {
        /// For the tickets of which performance.
        performance: String,
        /// The rules.
        rules: TicketRulesJson,
    },
    /// A ticket is offered to another account. It stays with its holder until that accepts.
    TicketOffered {
        /// The offer.
        transfer: String,
        /// The ticket.
        ticket: String,
        /// Of which performance.
        performance: String,
        /// When the offer lapses.
        lapses_at: String,
    },
    /// A ticket has another holder. Codes of before admit nobody.
    TicketTransferred {
        /// The offer that was accepted.
        transfer: String,
        /// The ticket.
        ticket: String,
        /// Of which performance.
        performance: String,
        /// How often it has changed hands.
        generation: u16,
    },
    /// An offer ended; the ticket stays where it is.
    TicketOfferEnded {
        /// The offer.
        transfer: String,
        /// The ticket.
        ticket: String,
        /// `withdrawn`, `declined` or `lapsed`.
        reason: &'static str,
    },
    /// Somebody came in with a ticket.
    TicketCheckedIn {
        /// The ticket.
        ticket: String,
        /// Of which performance.
        performance: String,
        /// Where and when.
        used: TicketUseJson,
        /// The how many-th time, from one.
        entry: u16,
    },
    /// Somebody went out, to come in again.
    TicketCheckedOut {
        /// The ticket.
        ticket: String,
        /// Of which performance.
        performance: String,
        /// Where and when.
        used: TicketUseJson,
    },
    /// A ticket was shown that somebody was inside with.
    TicketUsedAgain {
        /// The ticket.
        ticket: String,
        /// Of which performance.
        performance: String,
        /// Where and when it was shown again.
        used: TicketUseJson,
        /// Where and when somebody had come in with it.
        before: TicketUseJson,
    },
}

impl From<&TicketOutcome> for TicketOutcomeJson {
    fn from(outcome: &TicketOutcome) -> Self {
        match outcome {
            TicketOutcome::RulesSet { performance, rules } => Self::TicketRulesSet {
                performance: performance.to_string(),
                rules: (*rules).into(),
            },
            TicketOutcome::Offered { transfer, ticket, performance, until, .. } => {
                Self::TicketOffered {
                    transfer: transfer.to_string(),
                    ticket: ticket.to_string(),
                    performance: performance.to_string(),
                    lapses_at: moment(*until).0.to_string(),
                }
            }
            TicketOutcome::Transferred { transfer, ticket, performance, generation, .. } => {
                Self::TicketTransferred {
                    transfer: transfer.to_string(),
                    ticket: ticket.to_string(),
                    performance: performance.to_string(),
                    generation: *generation,
                }
            }
            TicketOutcome::OfferEnded { transfer, ticket, end, .. } => Self::TicketOfferEnded {
                transfer: transfer.to_string(),
                ticket: ticket.to_string(),
                reason: end_name(*end),
            },
            TicketOutcome::CheckedIn { ticket, performance, at, entry, .. } => {
                Self::TicketCheckedIn {
                    ticket: ticket.to_string(),
                    performance: performance.to_string(),
                    used: at.into(),
                    entry: *entry,
                }
            }
            TicketOutcome::CheckedOut { ticket, performance, at, .. } => Self::TicketCheckedOut {
                ticket: ticket.to_string(),
                performance: performance.to_string(),
                used: at.into(),
            },
            TicketOutcome::UsedAgain { ticket, performance, at, before, .. } => {
                Self::TicketUsedAgain {
                    ticket: ticket.to_string(),
                    performance: performance.to_string(),
                    used: at.into(),
                    before: before.into(),
                }
            }
        }
    }
}

const fn end_name(end: OfferEnd) -> &'static str {
    match end {
        OfferEnd::Withdrawn => "withdrawn",
        OfferEnd::Declined => "declined",
        OfferEnd::Lapsed => "lapsed",
    }
}
