//! A performance that will not be shown. Its sale is over at once and for ever; its holds, its
//! unpaid orders and what was sold end tick by tick, so that no step is more than a small record.
//!
//! An order whose payment is unknown ends with the payment's result: money that comes goes back.

use std::collections::BTreeSet;

use boxoffice_topics::outcome::CancelReason;
use boxoffice_topics::{
    HoldId, Offset, OrderId, Outcome, PaymentId, PerformanceId, RefundOutcome, Refusal,
    RefusalCode, Timestamp,
};
use minicbor::{Decode, Encode};

use super::{give_back, quote, tickets};
use crate::decide::Asked;
use crate::order::{Order, OrderState, die};
use crate::performance::Performance;
use crate::reserving;
use crate::state::State;
use crate::timers::Due;

/// Holds and orders of cancelled performances that end in one tick. Each takes 2 KiB of the step
/// at most, and its posting 256 bytes, so they leave 56 KiB of a record to what else a tick does.
pub(crate) const ENDED_PER_TICK_MAX: usize = 32;

/// What a cancelled performance still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Remnant {
    Hold(HoldId),
    Order(OrderId),
}

/// How far a performance is that was cancelled.
#[derive(Clone, Debug)]
pub struct Cancellation {
    at: Timestamp,
    ended: u32,
    /// What ticks end.
    left: BTreeSet<Remnant>,
    /// Orders that end when the result of their payment comes.
    paying: BTreeSet<OrderId>,
}

/// What snapshots keep; the rest is found again.
#[derive(Encode, Decode)]
pub(crate) struct SavedCancellation {
    #[n(0)]
    at: Timestamp,
    #[n(1)]
    ended: u32,
}

impl Cancellation {
    /// Whether something has not ended yet.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.left.is_empty()
    }

    /// When it was cancelled.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Orders that have ended since.
    #[must_use]
    pub const fn ended(&self) -> u32 {
        self.ended
    }

    /// Orders that will end in the next ticks.
    #[must_use]
    pub fn orders_left(&self) -> usize {
        self.left.iter().filter(|remnant| matches!(remnant, Remnant::Order(_))).count()
    }

    /// Orders that wait for the result of their payment.
    #[must_use]
    pub fn paying(&self) -> usize {
        self.paying.len()
    }

    pub(crate) const fn save(&self) -> SavedCancellation {
        let Self { at, ended, .. } = *self;
        SavedCancellation { at, ended }
    }
}

impl Performance {
    /// How far the cancellation is; none when it will be shown.
    #[must_use]
    pub fn cancellation(&self) -> Option<&Cancellation> {
        self.cancellation.as_deref()
    }
}

pub(crate) fn is_cancelled(asked: &Asked<'_>, id: PerformanceId) -> bool {
    asked.state.is_cancelled(id)
}

pub(crate) fn check_not_cancelled(asked: &Asked<'_>, id: PerformanceId) -> Result<(), Refusal> {
    if is_cancelled(asked, id) { Err(RefusalCode::PerformanceCancelled.into()) } else { Ok(()) }
}

/// A performance that has begun was shown, or was not; the log cannot know, so it may be cancelled
/// as well.
pub(super) fn cancel(asked: &Asked<'_>, id: PerformanceId) -> Result<Outcome, Refusal> {
    let performance = asked.performance(id)?.id();
    check_not_cancelled(asked, id)?;
    Ok(RefundOutcome::PerformanceCancelled { performance }.into())
}

/// Whether something due belongs to a cancelled performance, which ends it in its own way.
pub(crate) fn ends_otherwise(state: &State, due: Due) -> bool {
    let performance = match due {
        Due::Hold(hold) => state.hold(hold).map(|hold| hold.performance),
        Due::Order(order) => state.order(order).map(|order| order.performance),
        Due::Reserving(order) => state.reserving_order(order).map(|waits| waits.performance),
        Due::Points(_) | Due::TicketOffer(_) | Due::Channel(..) | Due::Companions(_) => None,
    };
    performance.is_some_and(|id| state.is_cancelled(id))
}

/// Pushes the end of what cancelled performances still have, as far as one tick goes.
pub(crate) fn end_what_is_left(asked: &Asked<'_>, outcomes: &mut Vec<Outcome>) {
    let unfinished = asked.state.unfinished_cancellations.iter();
    let performances = unfinished.filter_map(|index| asked.state.performances.get(*index));
    let left = performances.flat_map(|performance| {
        let left = performance.cancellation.iter().flat_map(|it| &it.left);
        left.map(move |remnant| (performance, *remnant))
    });
    for (performance, remnant) in left.take(ENDED_PER_TICK_MAX) {
        match remnant {
            Remnant::Hold(hold) => end_hold(asked, hold, outcomes),
            Remnant::Order(order) => end_order(asked, performance, order, outcomes),
        }
    }
}

fn end_hold(asked: &Asked<'_>, id: HoldId, outcomes: &mut Vec<Outcome>) {
    let Some(hold) = asked.state.hold(id) else { return };
    if let Some(order) = hold.order {
        reserving::call_off(asked, order, outcomes);
    }
    outcomes.push(Outcome::HoldExpired { hold: id, account: hold.account });
}

fn end_order(
    asked: &Asked<'_>,
    performance: &Performance,
    id: OrderId,
    outcomes: &mut Vec<Outcome>,
) {
    let Some(order) = asked.state.order(id) else { return };
    let reason = CancelReason::PerformanceCancelled;
    match order.state {
        OrderState::Placed => die(asked, order, reason, outcomes),
        OrderState::Confirmed => {
            let quote = quote::in_full(performance, order, &tickets::left(order));
            give_back(asked, order, &quote, reason, outcomes);
        }
        OrderState::Paying | OrderState::Cancelled | OrderState::Refunded => (),
    }
}

/// Pushes the end of an order of a cancelled performance that waited for this payment, or waits for
/// none.
pub(crate) fn call_off_unpaid(
    asked: &Asked<'_>,
    order: &Order,
    payment: PaymentId,
    outcomes: &mut Vec<Outcome>,
) {
    let is_waiting = match order.state {
        OrderState::Placed => true,
        OrderState::Paying => order.payment == Some(payment),
        OrderState::Confirmed | OrderState::Cancelled | OrderState::Refunded => false,
    };
    if is_waiting && is_cancelled(asked, order.performance) {
        die(asked, order, CancelReason::PerformanceCancelled, outcomes);
    }
}

impl State {
    fn is_cancelled(&self, id: PerformanceId) -> bool {
        self.performance(id).is_some_and(|performance| performance.cancellation.is_some())
    }

    pub(super) fn begin_cancellation(&mut self, id: PerformanceId, at: Offset) {
        self.restore_cancellation(id, SavedCancellation { at: self.now, ended: 0 });
        self.performance_mut(id).changed_at = at;
        self.schedule_room(id);
    }

    /// Finds what has to end.
    pub(crate) fn restore_cancellation(&mut self, id: PerformanceId, saved: SavedCancellation) {
        let SavedCancellation { at, ended } = saved;
        let mut cancellation =
            Cancellation { at, ended, left: BTreeSet::new(), paying: BTreeSet::new() };
        let holds = self.holds.rows().filter(|hold| hold.performance == id);
        cancellation.left.extend(holds.map(|hold| Remnant::Hold(hold.id)));
        for order in self.orders.rows().filter(|order| order.performance == id) {
            match order.state {
                OrderState::Placed | OrderState::Confirmed => {
                    cancellation.left.insert(Remnant::Order(order.id));
                }
                OrderState::Paying => {
                    cancellation.paying.insert(order.id);
                }
                OrderState::Cancelled | OrderState::Refunded => (),
            }
        }
        self.performance_mut(id).cancellation = Some(Box::new(cancellation));
        self.note_whether_finished(id);
    }

    /// Something came to be that a cancelled performance must end.
    pub(crate) fn must_end(&mut self, id: PerformanceId, remnant: Remnant) {
        if let Some(cancellation) = &mut self.performance_mut(id).cancellation {
            cancellation.left.insert(remnant);
            self.note_whether_finished(id);
        }
    }

    /// Something ended, perhaps of a cancelled performance.
    pub(crate) fn has_ended(&mut self, id: PerformanceId, remnant: Remnant) {
        let Some(cancellation) = &mut self.performance_mut(id).cancellation else { return };
        cancellation.left.remove(&remnant);
        if let Remnant::Order(order) = remnant {
            cancellation.paying.remove(&order);
            cancellation.ended = cancellation.ended.saturating_add(1);
        }
        self.note_whether_finished(id);
    }

    fn note_whether_finished(&mut self, id: PerformanceId) {
        let Some(index) = self.performance_by_id.get(&id).copied() else { return };
        let is_unfinished = self
            .performance(id)
            .and_then(|performance| performance.cancellation.as_ref())
            .is_some_and(|cancellation| cancellation.is_unfinished());
        if is_unfinished {
            self.unfinished_cancellations.insert(index);
        } else {
            self.unfinished_cancellations.remove(&index);
        }
    }
}
