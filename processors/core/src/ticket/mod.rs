//! Tickets: who holds one, to whom it is offered, and whether somebody came in with it.
//!
//! ```text
//! held --offer--> offered --accept--> held by another, codes of before admit nobody
//!  ^                 |
//!  +-----------------+ withdrawn, declined, lapsed
//!
//! unused --check in--> inside --check out--> outside --check in--> inside
//! ```
//! A ticket that nothing happened to has no row here: its holder is the buyer of its order. It
//! lives as long as its order is confirmed. Keys and signatures are outside: what comes in here
//! names a ticket and its generation.
//!
//! - INV-60: a ticket has exactly one holder, and counts toward the limit of that account.
//! - INV-61: nobody comes in with a ticket while somebody is inside with it.

mod gate;
mod rows;
mod transfer;

use boxoffice_topics::{
    Outcome, PerformanceId, Refusal, RefusalCode, TicketId, TicketIntent, TicketOutcome,
    TicketRules,
};

pub use gate::GateCounts;
pub use rows::{HeldTicket, Offer, Ticket, TicketUses};
pub(crate) use rows::{SavedTickets, Tickets};
pub(crate) use transfer::lapse;

use crate::decide::Asked;
use crate::order::{Order, OrderState};
use crate::state::State;

pub(crate) fn decide_ticket(
    asked: &Asked<'_>,
    intent: &TicketIntent<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    match intent {
        TicketIntent::SetRules { performance, rules } => {
            outcomes.push(set_rules(asked, *performance, *rules)?.into());
        }
        TicketIntent::Offer { ticket, to } => {
            outcomes.push(transfer::offer(asked, *ticket, *to)?.into());
        }
        TicketIntent::AcceptOffer { ticket } => {
            outcomes.push(transfer::accept(asked, *ticket)?.into());
        }
        TicketIntent::EndOffer { ticket } => {
            outcomes.push(transfer::end(asked, *ticket)?.into());
        }
        TicketIntent::CheckIn(scan) => gate::check_in(asked, scan, outcomes)?,
        TicketIntent::CheckOut(scan) => outcomes.push(gate::check_out(asked, scan)?),
    }
    Ok(())
}

fn set_rules(
    asked: &Asked<'_>,
    performance: PerformanceId,
    rules: TicketRules,
) -> Result<TicketOutcome, Refusal> {
    let performance = asked.performance(performance)?.id();
    if rules.validate().is_err() {
        return Err(RefusalCode::TicketRulesInvalid.into());
    }
    Ok(TicketOutcome::RulesSet { performance, rules })
}

/// A ticket whose order is confirmed.
fn live_ticket<'s>(asked: &Asked<'s>, id: TicketId) -> Result<HeldTicket<'s>, RefusalCode> {
    let ticket = asked.state.ticket(id).ok_or(RefusalCode::TicketUnknown)?;
    match ticket.order.state {
        OrderState::Confirmed if !ticket.order.is_refunded(id.number) => Ok(ticket),
        OrderState::Confirmed | OrderState::Cancelled | OrderState::Refunded => {
            Err(RefusalCode::TicketVoid)
        }
        OrderState::Placed | OrderState::Paying => Err(RefusalCode::TicketUnknown),
    }
}

/// Whether the buyer of a confirmed order may give these tickets of it back: none is another's, or
/// on its way to another, or used.
///
/// # Errors
/// Names what stands in the way.
pub(crate) fn may_give_back(state: &State, order: &Order, numbers: &[u16]) -> Result<(), Refusal> {
    let mut named = state.tickets.rows_of(order).filter(|it| numbers.contains(&it.id().number));
    named.try_for_each(|ticket| {
        Err(if ticket.holder != order.account {
            RefusalCode::TicketGivenAway.into()
        } else if ticket.uses.is_used() {
            RefusalCode::TicketAlreadyUsed.into()
        } else if ticket.offer.is_some() {
            RefusalCode::TransferPending.into()
        } else {
            return Ok(());
        })
    })
}

#[cfg(test)]
mod tests;
