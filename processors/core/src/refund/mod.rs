//! Refunds: tickets that go back, alone or with their whole order, and performances that will not
//! be shown.
//!
//! ```text
//! terms of the performance --(confirmed)--> the order is bound to them
//! ticket:  sold -> refunded            by its buyer, by the terms
//!                                      by the end of a cancelled performance, with all that was paid
//! ```
//! A ticket's share of discount, points, booking fee and earned points is fixed when the order is
//! placed, so it does not matter in which order tickets go back. Whoever gives something back gets
//! it by the terms under which the order was confirmed or by those of now, whichever leave more.
//!
//! - INV-40: no more of a payment goes back than was taken.
//! - INV-41: a ticket goes back once.

mod cancellation;
mod ladder;
mod quote;
mod share;
mod tickets;

use boxoffice_topics::outcome::{CancelReason, RefundReason};
use boxoffice_topics::{
    AccountId, Money, Offset, OrderId, Outcome, PerformanceId, RefundIntent, RefundLine,
    RefundOutcome, RefundTerms, Refusal, RefusalCode, Timestamp,
};
use minicbor::{Decode, Encode};

pub use cancellation::Cancellation;
pub(crate) use cancellation::{
    Remnant, SavedCancellation, call_off_unpaid, check_not_cancelled, end_what_is_left,
    ends_otherwise, is_cancelled,
};
pub use quote::RefundQuote;
pub use tickets::WantedTickets;
pub(crate) use tickets::section_of;

use crate::decide::Asked;
use crate::hold::Hold;
use crate::order::{Order, OrderState, own_order};
use crate::performance::{Owner, Performance};
use crate::settle::{Fate, Settled, points_back};
use crate::settlement::Ledger;
use crate::state::State;
use crate::ticket::may_give_back;

/// How often the terms of one performance may change: every order is bound to one of them, so all
/// are kept.
pub(crate) const TERMS_MAX: usize = 100;

/// What an order knows since it was confirmed.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Sold {
    /// When.
    #[n(0)]
    at: Timestamp,
    /// The number of the terms that bind it; none when there were none yet.
    #[n(1)]
    terms: Option<u16>,
    /// The tickets that went back.
    #[n(2)]
    refunded: Vec<RefundLine>,
    /// The number of the settlement terms of then; none where there are none.
    #[n(3)]
    settlement_terms: Option<u16>,
}

pub(crate) fn decide_refund(
    asked: &Asked<'_>,
    intent: &RefundIntent<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    match intent {
        RefundIntent::RefundTickets { order, tickets, places, amount } => {
            let wanted = WantedTickets::Named { numbers: tickets, places };
            refund_tickets(asked, *order, &wanted, *amount, outcomes)
        }
        RefundIntent::SetRefundTerms { performance, terms } => {
            outcomes.push(set_terms(asked, *performance, terms)?);
            Ok(())
        }
        RefundIntent::CancelPerformance { performance } => {
            outcomes.push(cancellation::cancel(asked, *performance)?);
            Ok(())
        }
    }
}

/// What booking the places of a hold costs beside their price: places that cost nothing have no
/// fee.
pub(crate) fn booking_fee(asked: &Asked<'_>, hold: &Hold) -> Option<Money> {
    let performance = asked.state.performance(hold.performance)?;
    let fee_minor = performance.refund_terms().booking_fee_minor;
    let paid_places = share::prices(performance, &hold.places).filter(|price| *price > 0).count();
    let minor = fee_minor.saturating_mul(i64::try_from(paid_places).unwrap_or(i64::MAX));
    (minor > 0).then_some(Money { minor, ..hold.total })
}

fn set_terms(
    asked: &Asked<'_>,
    id: PerformanceId,
    terms: &RefundTerms,
) -> Result<Outcome, Refusal> {
    let performance = asked.performance(id)?;
    check_not_cancelled(asked, id)?;
    if terms.validate().is_err() {
        return Err(RefusalCode::RefundTermsInvalid.into());
    }
    let count = performance.refund_terms.len();
    let version = u16::try_from(count).ok().filter(|_| count < TERMS_MAX);
    let version = version.ok_or(RefusalCode::RefundTermsChangesExhausted)?;
    let terms = Box::new(terms.clone());
    Ok(RefundOutcome::TermsSet { performance: id, version, terms }.into())
}

fn refund_tickets(
    asked: &Asked<'_>,
    order: OrderId,
    wanted: &WantedTickets<'_>,
    amount: Option<Money>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let order = own_order(asked, order)?;
    check_not_cancelled(asked, order.performance)?;
    let quote = asked.state.refund_quote(order, wanted, asked.now)?;
    if amount.is_some_and(|amount| amount != quote.money()) {
        return Err(RefusalCode::RefundAmountChanged.into());
    }
    give_back(asked, order, &quote, CancelReason::ByBuyer, outcomes);
    Ok(())
}

/// Pushes that a confirmed order is given up by its buyer.
pub(crate) fn give_all_back(
    asked: &Asked<'_>,
    order: &Order,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    check_not_cancelled(asked, order.performance)?;
    let quote = asked.state.refund_quote(order, &WantedTickets::All, asked.now)?;
    give_back(asked, order, &quote, CancelReason::ByBuyer, outcomes);
    Ok(())
}

/// Pushes that tickets go back. `cancel` is why the order ends if they are its last.
fn give_back(
    asked: &Asked<'_>,
    order: &Order,
    quote: &RefundQuote,
    cancel: CancelReason,
    outcomes: &mut Vec<Outcome>,
) {
    let is_last = order.refunded().len().saturating_add(quote.lines.len())
        == usize::try_from(order.places.count()).unwrap_or(usize::MAX);
    if !(is_last && order.refunded().is_empty() && quote.keeps_nothing) {
        outcomes.push(quote.outcome(order));
    }
    if is_last {
        let (id, account) = (order.id, order.account);
        outcomes.push(Outcome::OrderCancelled { order: id, account, reason: cancel });
    }
    let amount = quote.money();
    if amount.minor > 0 {
        let payment = order.payment.and_then(|payment| asked.state.payment(payment));
        let Some(payment) = payment else {
            unreachable!("INV-40: order {} gives back money that nobody paid", order.id)
        };
        let reason = refund_reason(is_last, cancel);
        outcomes.push(payment.refund_requested(asked.effect(outcomes.len()), amount, reason));
    }
    if is_last {
        Settled::of(order).push(asked, Fate::Refunded, outcomes);
    }
    points_back(asked, order, quote.points().minor, quote.earned_minor(), outcomes);
}

const fn refund_reason(is_last: bool, cancel: CancelReason) -> RefundReason {
    match cancel {
        CancelReason::PerformanceCancelled => RefundReason::PerformanceCancelled,
        CancelReason::ByBuyer | CancelReason::Expired if is_last => RefundReason::OrderCancelled,
        CancelReason::ByBuyer | CancelReason::Expired => RefundReason::TicketsRefunded,
    }
}

impl Order {
    /// The tickets that went back, with what came back of them.
    #[must_use]
    pub fn refunded(&self) -> &[RefundLine] {
        self.sold.as_ref().map_or(&[], |sold| &sold.refunded)
    }

    /// Whether the order has no longer the ticket of this number.
    #[must_use]
    pub fn is_refunded(&self, ticket: u16) -> bool {
        self.refunded().iter().any(|line| line.ticket == ticket)
    }

    /// The number of the terms that bind the order; none before it is confirmed.
    #[must_use]
    pub fn refund_terms(&self) -> Option<u16> {
        self.sold.as_ref()?.terms
    }

    /// The number of the settlement terms under which it was sold.
    pub(crate) fn settlement_terms(&self) -> u16 {
        self.sold.as_ref().and_then(|sold| sold.settlement_terms).unwrap_or_default()
    }

    /// When it was confirmed. Of an order of long ago nobody knows.
    fn sold_at(&self) -> Timestamp {
        self.sold.as_ref().map_or_else(Timestamp::default, |sold| sold.at)
    }

    /// What is ordered, without the places of tickets that went back.
    pub(crate) fn places_left(&self) -> boxoffice_topics::Places {
        tickets::places_where(&self.places, |ticket| !self.is_refunded(ticket))
    }
}

impl Performance {
    /// The terms under which orders are confirmed now.
    #[must_use]
    pub fn refund_terms(&self) -> &RefundTerms {
        let Some(terms) = self.refund_terms.last() else { unreachable!("it begins with some") };
        terms
    }

    /// The number of the terms of now.
    #[must_use]
    pub fn refund_terms_version(&self) -> u16 {
        u16::try_from(self.refund_terms.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    /// What snapshots keep beside the definition.
    pub(crate) fn saved_refund_terms(&self) -> Option<std::borrow::Cow<'_, [RefundTerms]>> {
        let (_, later) = self.refund_terms.split_first()?;
        (!later.is_empty()).then_some(std::borrow::Cow::Borrowed(later))
    }

    pub(crate) fn restore_refund_terms(&mut self, later: Option<&[RefundTerms]>) {
        self.refund_terms.extend_from_slice(later.unwrap_or_default());
    }
}

impl State {
    /// What would come back of tickets at a moment.
    ///
    /// # Errors
    /// The refusal that an intent about these tickets would get.
    pub fn refund_quote(
        &self,
        order: &Order,
        wanted: &WantedTickets<'_>,
        now: Timestamp,
    ) -> Result<RefundQuote, Refusal> {
        match order.state {
            OrderState::Confirmed => (),
            OrderState::Placed => return Err(RefusalCode::OrderNotConfirmed.into()),
            OrderState::Paying => return Err(RefusalCode::PaymentInProgress.into()),
            OrderState::Cancelled => return Err(RefusalCode::OrderAlreadyCancelled.into()),
            OrderState::Refunded => return Err(RefusalCode::OrderAlreadyRefunded.into()),
        }
        let performance = self.performance(order.performance);
        let performance = performance.ok_or(RefusalCode::PerformanceUnknown)?;
        let tickets = tickets::resolve(performance, order, wanted)?;
        may_give_back(self, order, &tickets)?;
        // A seat of a table that comes back alone could be sold to nobody.
        let is_kept = |ticket| !order.is_refunded(ticket) && !tickets.contains(&ticket);
        let kept = tickets::places_where(&order.places, is_kept);
        performance.check_parties(&kept).map_err(|refusal| refusal.code)?;
        Ok(quote::by_terms(performance, order, &tickets, now)?)
    }

    /// What an order knows that is confirmed now.
    pub(crate) fn sold_now(&self, order: OrderId) -> Sold {
        let order = self.order(order);
        let performance = order.and_then(|order| self.performance(order.performance));
        let terms = performance.map(Performance::refund_terms_version);
        let ledger = performance.and_then(Performance::ledger);
        let settlement_terms = ledger.map(Ledger::version);
        Sold { at: self.now, terms, refunded: Vec::new(), settlement_terms }
    }

    pub(crate) fn apply_refund(&mut self, outcome: &RefundOutcome, at: Offset) {
        match outcome {
            RefundOutcome::TicketsRefunded { order, account, lines, .. } => {
                self.end_tickets(*order, *account, lines, at);
            }
            RefundOutcome::TermsSet { performance, terms, .. } => {
                self.performance_mut(*performance).refund_terms.push((**terms).clone());
            }
            RefundOutcome::PerformanceCancelled { performance } => {
                self.begin_cancellation(*performance, at);
            }
        }
    }

    fn end_tickets(&mut self, id: OrderId, account: AccountId, lines: &[RefundLine], at: Offset) {
        let is_among = |ticket| lines.iter().any(|line| line.ticket == ticket);
        self.take_tickets_back(id, is_among);
        let order = self.order_mut(id);
        for line in lines {
            assert!(!order.is_refunded(line.ticket), "INV-41: a ticket of {id} goes back twice");
            order.sold.get_or_insert_default().refunded.push(*line);
        }
        let places = tickets::places_where(&order.places, is_among);
        let performance = order.performance;
        self.performance_mut(performance).vacate_some(account, &places, Owner::PaidOrder(id), at);
    }
}

#[cfg(test)]
mod stays;
#[cfg(test)]
mod tests;
