//! What somebody asks about tickets.

use minicbor::{Decode, Encode};

use super::{TicketId, TicketRules};
use crate::ids::{AccountId, PerformanceId, ScanId};
use crate::partition::Slot;
use crate::time::Timestamp;

/// A ticket that is shown at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Scan<'a> {
    /// The performance that the gate admits to.
    #[n(0)]
    pub performance: PerformanceId,
    /// The ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// How often it had changed hands when its code was made; nothing when it was named without
    /// a code.
    #[n(2)]
    pub generation: Option<u16>,
    /// The gate.
    #[b(3)]
    pub gate: &'a str,
    /// When, by the clock of a scanner that had no connection.
    #[n(4)]
    pub scanned_at: Option<Timestamp>,
    /// The scanner's own name for the scan: one that is sent twice is one.
    #[n(5)]
    pub scan: Option<ScanId>,
}

/// What somebody asks about tickets.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum TicketIntent<'a> {
    /// A promoter says what may be done with the tickets of a performance from now on.
    #[n(1)]
    SetRules {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The rules.
        #[n(1)]
        rules: TicketRules,
    },
    /// A holder offers a ticket to another account.
    #[n(2)]
    Offer {
        /// The ticket.
        #[n(0)]
        ticket: TicketId,
        /// To whom.
        #[n(1)]
        to: AccountId,
    },
    /// Who was offered a ticket takes it.
    #[n(3)]
    AcceptOffer {
        /// The ticket.
        #[n(0)]
        ticket: TicketId,
    },
    /// A holder takes an offer back, or who was offered a ticket does not want it.
    #[n(4)]
    EndOffer {
        /// The ticket.
        #[n(0)]
        ticket: TicketId,
    },
    /// Somebody comes in.
    #[n(5)]
    CheckIn(#[b(0)] Scan<'a>),
    /// Somebody goes out, to come in again.
    #[n(6)]
    CheckOut(#[b(0)] Scan<'a>),
}

impl TicketIntent<'_> {
    /// The slot of the intent's key.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::SetRules { performance, .. } => Slot::of(*performance),
            Self::Offer { ticket, .. }
            | Self::AcceptOffer { ticket }
            | Self::EndOffer { ticket }
            | Self::CheckIn(Scan { ticket, .. })
            | Self::CheckOut(Scan { ticket, .. }) => ticket.order.0.slot(),
        }
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetRules { .. } => "set_ticket_rules",
            Self::Offer { .. } => "offer_ticket",
            Self::AcceptOffer { .. } => "accept_ticket",
            Self::EndOffer { .. } => "end_ticket_offer",
            Self::CheckIn(_) => "check_in",
            Self::CheckOut(_) => "check_out",
        }
    }
}
