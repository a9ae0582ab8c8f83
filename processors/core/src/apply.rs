//! From a step to the next state. Total: a step that was decided always applies.

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{IntentId, IntentKey, Outcome, RefusalCode, Step};

use crate::hold::{Hold, HoldEnd};
use crate::order::Bill;
use crate::payment::{PaymentState, RefundState};
use crate::performance::SaleSwitch;
use crate::state::{Decided, REMEMBERED_MS_MAX, State};

/// Makes a step so.
///
/// # Panics
/// When the step was not decided from this very state: a broken invariant, never an input.
pub fn apply(state: &mut State, step: &Step) {
    assert!(step.offset == state.next_offset, "INV-5: {} is not next", step.offset);
    assert!(step.now >= state.now, "INV-5: log time runs backwards");
    state.next_offset = step.offset.next();
    state.resume_rooms(step.now);
    state.now = step.now;
    remember(state, step);
    let mut something_ended = false;
    for (index, outcome) in (0..).zip(&step.outcomes) {
        let name = EffectName::new(state.partition, step.offset, index);
        something_ended |= apply_outcome(state, step, name, outcome);
    }
    if something_ended {
        drop_stale_timers(state);
    }
    if step.intent.is_none() {
        state.schedule_due_rooms();
    }
}

/// Remembers the intent's key, unless it is one that was known.
fn remember(state: &mut State, step: &Step) {
    let forget_before = step.now.as_millis().saturating_sub(REMEMBERED_MS_MAX.into());
    while state.decided.oldest().is_some_and(|oldest| oldest.at.as_millis() < forget_before) {
        state.decided.forget_oldest();
    }
    let Some(intent) = step.intent else { return };
    let known = match step.reply() {
        Some(Outcome::Repeated { .. }) => true,
        Some(Outcome::Refused { refusal }) => refusal.code == RefusalCode::IdempotencyKeyReused,
        Some(_) | None => false,
    };
    if !known && step.key != IntentKey::default() {
        let (key, fingerprint, at) = (step.key, step.fingerprint, step.now);
        state.decided.push(Decided { key, fingerprint, intent, at });
    }
}

/// Applies one outcome and returns whether a timer may have lost its meaning.
fn apply_outcome(state: &mut State, step: &Step, name: EffectName, outcome: &Outcome) -> bool {
    let at = step.offset;
    match outcome {
        Outcome::Refused { .. } | Outcome::Repeated { .. } => return false,
        Outcome::PerformanceCreated { definition } => state.begin_performance(definition, at),
        Outcome::SaleOpened { performance } => {
            state.switch_sale(*performance, SaleSwitch::OpenedAt(step.now));
        }
        Outcome::SaleClosed { performance } => state.switch_sale(*performance, SaleSwitch::Closed),
        Outcome::Held { hold, performance, account, places, total, expires_at, seating: _ } => {
            let (hold, performance, account) = (*hold, *performance, *account);
            let hold = Hold::new(hold, performance, account, places.clone(), *total, *expires_at);
            state.begin_hold(hold, at);
            return false;
        }
        Outcome::HoldRenewed { hold, expires_at, renewals_left } => {
            state.renew(*hold, *expires_at, *renewals_left);
        }
        Outcome::HoldReleased { hold } => state.free_hold(*hold, HoldEnd::Released, at),
        Outcome::HoldExpired { hold, .. } => state.free_hold(*hold, HoldEnd::Expired, at),
        Outcome::OrderPlaced { order, hold, total, pay_by, reductions, .. } => {
            let bill = Bill { total: *total, pay_by: *pay_by, reductions: reductions.clone() };
            state.add_order(*order, *hold, bill, at);
        }
        Outcome::OrderReserving(order) => state.reserve(order.clone()),
        Outcome::OrderNotPlaced { order, hold, hold_expires_at, .. } => {
            state.reserving.remove(*order);
            state.go_on_with_hold(*hold, *hold_expires_at);
        }
        Outcome::Points(outcome) => return state.apply_points(outcome),
        Outcome::Inventory(outcome) => state.apply_inventory(outcome, at),
        Outcome::Coupon(outcome) => {
            state.apply_coupon(outcome);
            return false;
        }
        Outcome::MessageSent { message } => state.messages.send(name, message.slot()),
        Outcome::MessageReceived { from } => receive(state, step, *from),
        Outcome::OrderConfirmed { order, payment, earned, .. } => {
            state.confirm_order(*order, *payment, *earned, at);
        }
        Outcome::OrderCancelled { order, reason, .. } => state.cancel_order(*order, *reason, at),
        Outcome::PaymentRequested { payment, order, amount, payment_key } => {
            state.request_payment(name, *payment, *order, *amount, payment_key);
        }
        Outcome::PaymentCaptured { payment, order: _, amount } => {
            state.settle_payment(*payment, PaymentState::Captured, Some(*amount));
        }
        Outcome::PaymentDeclined { payment, order, .. } => state.decline_payment(*payment, *order),
        Outcome::RefundRequested { refund, payment, amount, reason, .. } => {
            state.request_refund(*payment, *refund, *amount, *reason);
        }
        Outcome::PaymentRefunded { refund, payment, .. } => {
            state.settle_refund(*payment, *refund, RefundState::Refunded);
        }
        Outcome::RefundFailed { refund, payment, .. } => {
            state.settle_refund(*payment, *refund, RefundState::Failed);
        }
        Outcome::Ticket(outcome) => return state.apply_ticket(step.intent, outcome),
        Outcome::Refund(outcome) => state.apply_refund(outcome, at),
        Outcome::Settlement(outcome) => return state.apply_settlement(step, outcome),
        Outcome::Scaling(outcome) => return state.apply_scaling(name, step, outcome),
        Outcome::WaitingRoom(outcome) => {
            state.change_waiting_room(outcome);
            return false;
        }
    }
    true
}

/// A message has come to the slot of the step.
fn receive(state: &mut State, step: &Step, from: EffectName) {
    let to = step.intent.map(IntentId::slot);
    let to = to.unwrap_or_else(|| unreachable!("only a tick has no name"));
    state.messages.receive(from, to);
}

fn drop_stale_timers(state: &mut State) {
    let mut timers = std::mem::take(&mut state.timers);
    timers.drop_stale(|deadline, due| state.is_meant(deadline, due));
    state.timers = timers;
}
