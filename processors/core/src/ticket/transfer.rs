//! From one account to another: an offer, and its answer.

use boxoffice_topics::ticket::OfferEnd;
use boxoffice_topics::{
    AccountId, Outcome, PerformanceId, RefusalCode, TicketId, TicketOutcome, Timestamp, TransferId,
};

use super::live_ticket;
use super::rows::{HeldTicket, Offer};
use crate::decide::Asked;

pub(super) fn offer(
    asked: &Asked<'_>,
    id: TicketId,
    to: AccountId,
) -> Result<TicketOutcome, RefusalCode> {
    let ticket = live_ticket(asked, id)?;
    let rules = asked.state.ticket_rules(ticket.order.performance);
    if ticket.holder() != asked.account {
        return Err(RefusalCode::TicketOwnedByAnother);
    }
    if to == asked.account {
        return Err(RefusalCode::TransferToSelf);
    }
    check_unused(&ticket)?;
    if ticket.offer().is_some() {
        return Err(RefusalCode::TransferPending);
    }
    if ticket.generation() >= u16::from(rules.transfers_max) {
        return Err(RefusalCode::TransferLimitReached);
    }
    let closes_at = closes_at(asked, id, ticket.order.performance)?;
    let until = asked.now.plus_millis(rules.offer_ttl_ms).min(closes_at);
    Ok(TicketOutcome::Offered {
        transfer: TransferId(asked.intent()),
        ticket: id,
        performance: ticket.order.performance,
        from: asked.account,
        to,
        until,
    })
}

pub(super) fn accept(asked: &Asked<'_>, id: TicketId) -> Result<TicketOutcome, RefusalCode> {
    let ticket = live_ticket(asked, id)?;
    let offer = ticket.offer().filter(|offer| offer.to == asked.account);
    let offer = offer.ok_or(RefusalCode::TransferNotOffered)?;
    // A tick ends the offer; until it comes, the offer is over all the same. An offer of somebody
    // who no longer has the ticket is none.
    if offer.until <= asked.now || offer.from != ticket.holder() {
        return Err(RefusalCode::TransferNotOffered);
    }
    check_unused(&ticket)?;
    let performance = ticket.order.performance;
    closes_at(asked, id, performance)?;
    let show = asked.state.performance(performance).ok_or(RefusalCode::PerformanceUnknown)?;
    if !show.within_limit(asked.account, 1) {
        return Err(RefusalCode::AccountLimitExceeded);
    }
    Ok(TicketOutcome::Transferred {
        transfer: offer.transfer,
        ticket: id,
        performance,
        from: offer.from,
        to: offer.to,
        generation: ticket.generation().saturating_add(1),
    })
}

/// Ends an offer by either side.
pub(super) fn end(asked: &Asked<'_>, id: TicketId) -> Result<TicketOutcome, RefusalCode> {
    let ticket = asked.state.ticket(id).ok_or(RefusalCode::TicketUnknown)?;
    let offer = ticket.offer().ok_or(RefusalCode::TransferNotOffered)?;
    if offer.from == asked.account {
        Ok(ended(id, offer, OfferEnd::Withdrawn))
    } else if offer.to == asked.account {
        Ok(ended(id, offer, OfferEnd::Declined))
    } else {
        Err(RefusalCode::TransferNotOffered)
    }
}

/// Pushes that nobody answered an offer in time.
pub(crate) fn lapse(asked: &Asked<'_>, id: TicketId, outcomes: &mut Vec<Outcome>) {
    if let Some(offer) = asked.state.ticket(id).and_then(|ticket| ticket.offer()) {
        outcomes.push(ended(id, offer, OfferEnd::Lapsed).into());
    }
}

pub(super) fn ended(ticket: TicketId, offer: &Offer, end: OfferEnd) -> TicketOutcome {
    let Offer { transfer, from, to, .. } = *offer;
    TicketOutcome::OfferEnded { transfer, ticket, from, to, end }
}

/// A ticket that admitted somebody is worth nothing to the next one.
fn check_unused(ticket: &HeldTicket<'_>) -> Result<(), RefusalCode> {
    let is_used = ticket.uses().is_some_and(|uses| uses.is_used());
    if is_used { Err(RefusalCode::TicketAlreadyUsed) } else { Ok(()) }
}

/// When a ticket no longer changes hands, which is still to come.
fn closes_at(
    asked: &Asked<'_>,
    id: TicketId,
    performance: PerformanceId,
) -> Result<Timestamp, RefusalCode> {
    let begins_at = asked.state.ticket_begins_at(id).ok_or(RefusalCode::TicketUnknown)?;
    let before_ms = asked.state.ticket_rules(performance).transfers_close_before_ms;
    let closes_at_ms = begins_at.as_millis().saturating_sub(before_ms.into());
    let closes_at = Timestamp::from_millis(closes_at_ms);
    if asked.now < closes_at { Ok(closes_at) } else { Err(RefusalCode::TransferClosed) }
}
