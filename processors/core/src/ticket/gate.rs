//! At the door: a ticket admits once, and a gate learns where and when it had been used.

use boxoffice_topics::ticket::{Gate, OfferEnd, Scan, TicketUse};
use boxoffice_topics::{Outcome, Refusal, RefusalCode, TicketId, TicketOutcome, Timestamp};
use minicbor::{Decode, Encode};

use super::rows::HeldTicket;
use super::{live_ticket, transfer};
use crate::decide::Asked;
use crate::refund::section_of;
use crate::state::State;

/// Gates of one performance: a stadium has some hundred turnstiles. Each is a row of the counts.
pub(super) const GATES_MAX: usize = 512;

/// What went through one gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct GateCounts {
    /// How often somebody came in for the first time.
    #[n(0)]
    pub entries: u32,
    /// How often somebody came in again after having gone out.
    #[n(1)]
    pub reentries: u32,
    /// How often somebody went out.
    #[n(2)]
    pub exits: u32,
    /// How often a ticket was shown that somebody was inside with.
    #[n(3)]
    pub conflicts: u32,
}

impl GateCounts {
    pub(super) fn add(&mut self, more: Self) {
        self.entries = self.entries.saturating_add(more.entries);
        self.reentries = self.reentries.saturating_add(more.reentries);
        self.exits = self.exits.saturating_add(more.exits);
        self.conflicts = self.conflicts.saturating_add(more.conflicts);
    }
}

/// What a scan comes to before it is known whether it goes in or out.
enum Shown<'s> {
    /// It was decided before, under the scanner's own name for it.
    Before(Outcome),
    /// The ticket may pass, as far as it does not depend on who is inside.
    Good(HeldTicket<'s>, TicketUse),
}

pub(super) fn check_in(
    asked: &Asked<'_>,
    scan: &Scan<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let (held, at) = match shown(asked, scan)? {
        Shown::Before(outcome) => {
            outcomes.push(outcome);
            return Ok(());
        }
        Shown::Good(held, at) => (held, at),
    };
    let (ticket, performance, scan) = (scan.ticket, scan.performance, scan.scan);
    if let Some(before) = held.uses().filter(|uses| uses.is_inside).and_then(|uses| uses.last) {
        // The refusal is the reply. What follows tells the gate where and when, and counts.
        outcomes.push(Outcome::Refused { refusal: RefusalCode::TicketAlreadyUsed.into() });
        let again = TicketOutcome::UsedAgain { ticket, performance, at, before, scan };
        outcomes.push(again.into());
        return Ok(());
    }
    let entry = held.uses().map_or(0, |uses| uses.entries).saturating_add(1);
    outcomes.push(TicketOutcome::CheckedIn { ticket, performance, at, entry, scan }.into());
    if let Some(offer) = held.offer() {
        outcomes.push(transfer::ended(ticket, offer, OfferEnd::Withdrawn).into());
    }
    Ok(())
}

pub(super) fn check_out(asked: &Asked<'_>, scan: &Scan<'_>) -> Result<Outcome, Refusal> {
    let (held, at) = match shown(asked, scan)? {
        Shown::Before(outcome) => return Ok(outcome),
        Shown::Good(held, at) => (held, at),
    };
    let (ticket, performance, scan) = (scan.ticket, scan.performance, scan.scan);
    if !asked.state.ticket_rules(performance).reentry {
        return Err(RefusalCode::ReentryNotAllowed.into());
    }
    if !held.uses().is_some_and(|uses| uses.is_inside) {
        return Err(RefusalCode::TicketNotInside.into());
    }
    Ok(TicketOutcome::CheckedOut { ticket, performance, at, scan }.into())
}

fn shown<'s>(asked: &Asked<'s>, scan: &Scan<'_>) -> Result<Shown<'s>, Refusal> {
    let known = asked.state.ticket(scan.ticket).ok_or(RefusalCode::TicketUnknown)?;
    if known.order.performance != scan.performance {
        return Err(RefusalCode::TicketWrongPerformance.into());
    }
    let before = scan.scan.and_then(|scan| known.uses()?.intent_of(scan));
    if let Some(original) = before {
        return Ok(Shown::Before(Outcome::Repeated { original }));
    }
    let held = live_ticket(asked, scan.ticket)?;
    if scan.generation.is_some_and(|generation| generation != held.generation()) {
        return Err(RefusalCode::TicketReplaced.into());
    }
    // A scanner's clock may be wrong; what is later than now did not happen yet.
    let moment = scan.scanned_at.map_or(asked.now, |scanned_at| scanned_at.min(asked.now));
    if moment > asked.state.admits_until(scan.ticket) {
        return Err(RefusalCode::AdmissionOver.into());
    }
    let gate = Gate::from(scan.gate).map_err(|_| RefusalCode::GateLimitReached)?;
    if !asked.state.tickets.has_room_for(scan.performance, gate) {
        return Err(RefusalCode::GateLimitReached.into());
    }
    Ok(Shown::Good(held, TicketUse { gate, at: moment }))
}

impl State {
    /// When what a ticket is for begins.
    pub(super) fn ticket_begins_at(&self, id: TicketId) -> Option<Timestamp> {
        let order = self.order(id.order)?;
        let show = self.performance(order.performance)?;
        Some(show.begins_at(section_of(&order.places, id.number)))
    }

    /// Until when a ticket admits: as long as its code is good. The epoch when there is no such
    /// ticket.
    #[must_use]
    pub fn admits_until(&self, id: TicketId) -> Timestamp {
        let performance = self.order(id.order).map(|order| order.performance);
        let rules = performance.map(|performance| self.ticket_rules(performance));
        let after_ms = rules.map_or(0, |rules| rules.admits_after_start_ms);
        self.ticket_begins_at(id).unwrap_or_default().plus_millis(after_ms)
    }
}
