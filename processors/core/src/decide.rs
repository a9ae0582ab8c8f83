//! From a record to its step. Dispatches only: each kind of intent lives in its own file.

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::scaling::{Forward, Post};
use boxoffice_topics::{
    AccountId, Header, Intent, IntentId, IntentKey, Offset, Outcome, PerformanceId, Refusal,
    RefusalCode, ScalingIntent, ScalingOutcome, Step, Timestamp, WaitingRoomIntent,
};

use crate::channels::decide_inventory;
use crate::coupon::decide_coupon;
use crate::hold::{BestAvailable, hold_best_available, hold_general_admission, hold_seats};
use crate::hold::{release_hold, renew_hold};
use crate::messages::deliver;
use crate::order::{cancel_order, place_order};
use crate::payment::{pay_order, record_payment_result, record_refund_result};
use crate::performance::Performance;
use crate::points::decide_points;
use crate::refund::decide_refund;
use crate::sale::{close_sale, create_performance, open_sale};
use crate::scaling::{self, decide_scaling};
use crate::settlement::{self, decide_settlement};
use crate::state::State;
use crate::stay::{StayWish, hold_stay};
use crate::tick::tick;
use crate::ticket::decide_ticket;
use crate::waiting_room;

/// An intent with its place in the log.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its place.
    pub offset: Offset,
    /// Who asks, when, and by which key.
    pub header: &'a Header,
    /// What is asked.
    pub intent: &'a Intent<'a>,
}

/// What a handler sees.
pub(crate) struct Asked<'s> {
    pub(crate) state: &'s State,
    pub(crate) now: Timestamp,
    pub(crate) account: AccountId,
    offset: Offset,
    intent: Option<IntentId>,
}

impl<'s> Asked<'s> {
    /// The intent's name, after which is named what it makes.
    pub(crate) fn intent(&self) -> IntentId {
        self.intent.unwrap_or_else(|| unreachable!("only a tick has no name, and it makes nothing"))
    }

    /// The name of the outcome with this index.
    pub(crate) fn effect(&self, index: usize) -> EffectName {
        let index = u16::try_from(index).unwrap_or_else(|_| unreachable!("steps are short"));
        EffectName::new(self.state.partition, self.offset, index)
    }

    pub(crate) fn performance(&self, id: PerformanceId) -> Result<&'s Performance, Refusal> {
        self.state.performance(id).ok_or(RefusalCode::PerformanceUnknown.into())
    }
}

/// Decides a record: all rules, no mutation. Overwrites `step`, whose buffer is reused.
///
/// # Panics
/// When the record is not the next one (INV-5).
pub fn decide(state: &State, record: &Record<'_>, step: &mut Step) {
    let Record { offset, header, intent } = *record;
    assert!(offset == state.next_offset, "INV-5: {offset} is not {}", state.next_offset);
    step.offset = offset;
    step.now = state.now.max(header.recorded_at).max(scaling::told_moment(intent));
    step.outcomes.clear();
    if let Intent::Scaling(ScalingIntent::Bring { from, post: Post::Forward(forward) }) = intent {
        return decide_forwarded(state, *from, forward, step);
    }
    step.account = header.account;
    step.key = header.key;
    step.fingerprint = header.fingerprint;
    decide_asked(state, intent, None, step);
}

/// Decides what came for a slot that had left, as if it had come here.
fn decide_forwarded(state: &State, from: EffectName, forward: &Forward, step: &mut Step) {
    step.account = forward.account;
    step.key = forward.key;
    step.fingerprint = forward.fingerprint;
    let refuse = |code: RefusalCode, step: &mut Step| {
        step.key = IntentKey::default();
        step.intent = Some(IntentId::new(forward.slot, state.partition, step.offset));
        step.outcomes.push(Outcome::Refused { refusal: code.into() });
    };
    if scaling::has_received(state, from) {
        return refuse(RefusalCode::MessageAlreadyReceived, step);
    }
    match scaling::forwarded_intent(forward) {
        Some(intent) => decide_asked(state, &intent, Some(forward.origin), step),
        None => refuse(RefusalCode::PostInvalid, step),
    }
    let origin = Some(forward.origin);
    step.outcomes.push(ScalingOutcome::PostReceived { from, origin }.into());
}

/// Decides an intent of which the step says who asks, by which key and when. `origin` is its name
/// where it was accepted, when that was elsewhere.
fn decide_asked(state: &State, intent: &Intent<'_>, origin: Option<IntentId>, step: &mut Step) {
    let name = intent.slot().map(|slot| IntentId::new(slot, state.partition, step.offset));
    step.intent = name;
    if let (Some(to), Some(name)) = (scaling::elsewhere(state, intent), name) {
        let forward = scaling::forward_of(step, origin.unwrap_or(name), intent);
        let forwarded = scaling::forward(state, to, intent, forward);
        step.outcomes.push(forwarded.unwrap_or_else(|refusal| Outcome::Refused { refusal }));
        // Who answers remembers.
        step.key = IntentKey::default();
        return;
    }
    let known = repeated(state, step);
    if !is_remembered(intent) {
        step.key = IntentKey::default();
    }
    if let Some(known) = known {
        step.outcomes.push(known);
        return;
    }
    let (now, account, offset) = (step.now, step.account, step.offset);
    let asked = Asked { state, now, account, offset, intent: name };
    match dispatch(&asked, intent, &mut step.outcomes) {
        Ok(()) => {
            waiting_room::end_sessions_of_buyers(&asked, &mut step.outcomes);
            settlement::post(&asked, &mut step.outcomes);
        }
        Err(refusal) => {
            step.outcomes.clear();
            step.outcomes.push(Outcome::Refused { refusal });
        }
    }
}

/// A heartbeat that comes again does no harm, whatever it is answered, and a million of them would
/// push out what must not be decided twice.
fn is_remembered(intent: &Intent<'_>) -> bool {
    !matches!(intent, Intent::WaitingRoom(WaitingRoomIntent::Heartbeat { .. }))
}

/// The answer to an intent whose key was seen before.
fn repeated(state: &State, step: &Step) -> Option<Outcome> {
    if step.intent.is_none() || step.key == IntentKey::default() {
        return None;
    }
    let before = state.decided.get(step.key)?;
    Some(if before.fingerprint == step.fingerprint {
        Outcome::Repeated { original: before.intent }
    } else {
        Outcome::Refused { refusal: RefusalCode::IdempotencyKeyReused.into() }
    })
}

fn dispatch(
    asked: &Asked<'_>,
    intent: &Intent<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    outcomes.push(match intent {
        Intent::CreatePerformance { definition } => create_performance(asked, definition)?,
        Intent::OpenSale { performance } => open_sale(asked, *performance)?,
        Intent::CloseSale { performance } => close_sale(asked, *performance)?,
        Intent::HoldSeats { performance, seats, code } => {
            hold_seats(asked, *performance, seats, *code)?
        }
        &Intent::HoldBestAvailable {
            performance,
            quantity,
            section,
            price_level,
            accessible,
            code,
        } => {
            let best = BestAvailable { quantity, section, price_level, accessible, code };
            hold_best_available(asked, performance, best)?
        }
        Intent::HoldGeneralAdmission { performance, sections, code } => {
            hold_general_admission(asked, *performance, sections, *code)?
        }
        &Intent::HoldStay { performance, room_type, from, nights, rooms, code } => {
            hold_stay(asked, performance, StayWish { room_type, from, nights, rooms, code })?
        }
        Intent::RenewHold { hold } => renew_hold(asked, *hold)?,
        Intent::ReleaseHold { hold } => release_hold(asked, *hold)?,
        Intent::PlaceOrder { hold, coupon, points_minor } => {
            let (coupon, points_minor) = (coupon.unwrap_or_default(), points_minor.unwrap_or(0));
            return place_order(asked, *hold, coupon, points_minor, outcomes);
        }
        Intent::PayOrder { order, amount, payment_key } => {
            pay_order(asked, *order, *amount, payment_key)?
        }
        Intent::CancelOrder { order } => return cancel_order(asked, *order, outcomes),
        Intent::RecordPaymentResult { payment, result } => {
            return record_payment_result(asked, *payment, *result, outcomes);
        }
        Intent::RecordRefundResult { payment, refund, result } => {
            record_refund_result(asked, *payment, *refund, *result)?
        }
        Intent::Inventory(intent) => decide_inventory(asked, intent)?,
        Intent::Points(intent) => decide_points(asked, intent)?,
        Intent::Settlement(intent) => decide_settlement(asked, intent)?.into(),
        Intent::Coupon(intent) => return decide_coupon(asked, intent, outcomes),
        Intent::Deliver { from, message } => return deliver(asked, *from, message, outcomes),
        Intent::WaitingRoom(intent) => waiting_room::ask(asked, intent)?,
        Intent::Ticket(intent) => return decide_ticket(asked, intent, outcomes),
        Intent::Refund(intent) => return decide_refund(asked, intent, outcomes),
        Intent::Scaling(intent) => return decide_scaling(asked, intent, outcomes),
        Intent::Tick => {
            tick(asked, outcomes);
            return Ok(());
        }
    });
    Ok(())
}
