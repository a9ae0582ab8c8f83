//! What was decided about tickets.

use minicbor::{Decode, Encode};

use super::{TicketId, TicketRules, TicketUse};
use crate::ids::{AccountId, PerformanceId, ScanId, TransferId};
use crate::outcome::Outcome;
use crate::time::Timestamp;

/// Why an offer ended without a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OfferEnd {
    /// The holder took it back.
    #[n(1)]
    Withdrawn,
    /// Who was offered the ticket does not want it.
    #[n(2)]
    Declined,
    /// Nobody answered in time.
    #[n(3)]
    Lapsed,
}

/// One fact about tickets.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum TicketOutcome {
    /// Other rules are in force.
    #[n(1)]
    RulesSet {
        /// For the tickets of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The rules.
        #[n(1)]
        rules: TicketRules,
    },
    /// A ticket is offered to another account. It stays with its holder until the offer is
    /// accepted.
    #[n(2)]
    Offered {
        /// The offer.
        #[n(0)]
        transfer: TransferId,
        /// The ticket.
        #[n(1)]
        ticket: TicketId,
        /// Of which performance.
        #[n(2)]
        performance: PerformanceId,
        /// Who offers it.
        #[n(3)]
        from: AccountId,
        /// To whom.
        #[n(4)]
        to: AccountId,
        /// When the offer lapses.
        #[n(5)]
        until: Timestamp,
    },
    /// A ticket has another holder. Codes of earlier generations admit nobody.
    #[n(3)]
    Transferred {
        /// The offer that was accepted.
        #[n(0)]
        transfer: TransferId,
        /// The ticket.
        #[n(1)]
        ticket: TicketId,
        /// Of which performance.
        #[n(2)]
        performance: PerformanceId,
        /// Who had it.
        #[n(3)]
        from: AccountId,
        /// Who has it.
        #[n(4)]
        to: AccountId,
        /// How often it has changed hands.
        #[n(5)]
        generation: u16,
    },
    /// An offer ended; the ticket stays where it is.
    #[n(4)]
    OfferEnded {
        /// The offer.
        #[n(0)]
        transfer: TransferId,
        /// The ticket.
        #[n(1)]
        ticket: TicketId,
        /// Who offered it.
        #[n(2)]
        from: AccountId,
        /// To whom.
        #[n(3)]
        to: AccountId,
        /// Why.
        #[n(4)]
        end: OfferEnd,
    },
    /// Somebody came in with a ticket.
    #[n(5)]
    CheckedIn {
        /// The ticket.
        #[n(0)]
        ticket: TicketId,
        /// Of which performance.
        #[n(1)]
        performance: PerformanceId,
        /// Where and when.
        #[n(2)]
        at: TicketUse,
        /// The how many-th time, from one.
        #[n(3)]
        entry: u16,
        /// The scanner's own name for the scan.
        #[n(4)]
        scan: Option<ScanId>,
    },
    /// Somebody went out, to come in again.
    #[n(6)]
    CheckedOut {
        /// The ticket.
        #[n(0)]
        ticket: TicketId,
        /// Of which performance.
        #[n(1)]
        performance: PerformanceId,
        /// Where and when.
        #[n(2)]
        at: TicketUse,
        /// The scanner's own name for the scan.
        #[n(3)]
        scan: Option<ScanId>,
    },
    /// A ticket was shown that somebody had come in with. It follows the refusal, and says where
    /// and when that was.
    #[n(7)]
    UsedAgain {
        /// The ticket.
        #[n(0)]
        ticket: TicketId,
        /// Of which performance.
        #[n(1)]
        performance: PerformanceId,
        /// Where and when it was shown again.
        #[n(2)]
        at: TicketUse,
        /// Where and when somebody had come in with it.
        #[n(3)]
        before: TicketUse,
        /// The scanner's own name for the scan.
        #[n(4)]
        scan: Option<ScanId>,
    },
}

impl From<TicketOutcome> for Outcome {
    fn from(outcome: TicketOutcome) -> Self {
        Self::Ticket(outcome)
    }
}
