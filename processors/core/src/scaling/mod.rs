//! Slots that move from partition to partition while they sell (decision 21).
//!
//! ```text
//! here -> left -> posted -> forgotten      in the partition that they leave
//!          |         |          ^
//!          |         v          |
//!          |     announced -> arrived      in the partition that they go to
//!          +-> intents: held back until all is posted, then forwarded one by one
//! ```
//! Leaving is a fence: the state of the slots is taken out of the tables in one step, as the bytes
//! of a snapshot. Ticks post them, part by part; posts of one partition to another keep their
//! order, so what is forwarded never arrives before the state that it is about.
//!
//! - INV-80: a slot is decided in one partition at a time.
//! - INV-81: an intent for a slot that has left is answered once, where the slot is.

mod slots;
mod split;

use std::num::NonZeroU16;

use boxoffice_topics::codec::{decode_whole, encode_into};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::partition::PARTITIONS_MAX;
use boxoffice_topics::scaling::{Forward, MovingSlot, Opening, PART_BYTES_MAX, Post, StateDigest};
use boxoffice_topics::{
    Intent, IntentId, Outcome, PartitionId, Refusal, RefusalCode, ScalingIntent, ScalingOutcome,
    Slot, Step, Timestamp,
};

pub use slots::{Departure, PostsSent};
pub(crate) use slots::{SavedSlots, Slots};

use self::slots::Leaving;
use crate::decide::Asked;
use crate::snapshot;
use crate::state::State;

/// Intents that wait for one move. At 20,000 a second and pauses of half a second that is five
/// times what comes; messages of other keys are not counted, because they cannot be refused.
const WAITING_MAX: usize = 50_000;
/// Facts, and their bytes, beside which a tick posts: with a part and the names of all slots still
/// less than a record.
const FACTS_BESIDE_POSTS_MAX: usize = 64;
const BYTES_BESIDE_POSTS_MAX: usize = 16 * 1024;

/// The moment that a record tells of beside its stamp: what arrives must not lie in the future.
pub(crate) fn told_moment(intent: &Intent<'_>) -> Timestamp {
    if let Intent::Scaling(ScalingIntent::Bring { post: Post::Opening(opening), .. }) = intent {
        return opening.left_at;
    }
    Timestamp::default()
}

/// Whether a post has come before.
pub(crate) fn has_received(state: &State, from: EffectName) -> bool {
    state.slots.has_received(from)
}

/// Where an intent is decided that is for a slot which is not here.
pub(crate) fn elsewhere(state: &State, intent: &Intent<'_>) -> Option<PartitionId> {
    // These are for the partition that they were appended to.
    if matches!(intent, Intent::Tick | Intent::Scaling(_)) {
        return None;
    }
    state.slots.elsewhere(intent.slot()?, state.partition)
}

/// Sends an intent on to where its slot went, or keeps it until the state of the slot is posted.
pub(crate) fn forward(
    state: &State,
    to: PartitionId,
    intent: &Intent<'_>,
    forward: Forward,
) -> Result<Outcome, Refusal> {
    let leaving = state.slots.leaving.as_deref();
    let Some(leaving) = leaving.filter(|it| it.has(forward.slot) && it.has_to_post()) else {
        return Ok(ScalingOutcome::Posted { to, post: Post::Forward(forward) }.into());
    };
    if leaving.waiting.len() >= WAITING_MAX && !matches!(intent, Intent::Deliver { .. }) {
        return Err(RefusalCode::SlotsMoving.into());
    }
    Ok(ScalingOutcome::HeldBack { to, forward }.into())
}

/// An intent as it is forwarded. `origin` is its name where it was accepted.
pub(crate) fn forward_of(step: &Step, origin: IntentId, intent: &Intent<'_>) -> Forward {
    let mut bytes = Vec::new();
    encode_into(intent, &mut bytes);
    let (slot, account, key) = (origin.slot(), step.account, step.key);
    Forward { slot, origin, account, key, fingerprint: step.fingerprint, intent: bytes }
}

/// The intent of a forward, when it is one for its slot.
pub(crate) fn forwarded_intent(forward: &Forward) -> Option<Intent<'_>> {
    let intent: Intent<'_> = decode_whole(&forward.intent).ok()?;
    let is_for_slot = intent.slot() == Some(forward.slot);
    (is_for_slot && !matches!(intent, Intent::Scaling(_))).then_some(intent)
}

pub(crate) fn decide_scaling(
    asked: &Asked<'_>,
    intent: &ScalingIntent,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    match intent {
        ScalingIntent::MoveSlots { slots, to, dealt } => {
            outcomes.push(leave(asked.state, slots, *to, *dealt)?.into());
        }
        ScalingIntent::Bring { from, post } => {
            if asked.state.slots.has_received(*from) {
                return Err(RefusalCode::MessageAlreadyReceived.into());
            }
            receive(asked.state, from.partition(), post, outcomes)?;
            outcomes.push(ScalingOutcome::PostReceived { from: *from, origin: None }.into());
        }
    }
    Ok(())
}

fn leave(
    state: &State,
    slots: &[Slot],
    to: PartitionId,
    dealt: NonZeroU16,
) -> Result<ScalingOutcome, Refusal> {
    let here = state.partition;
    let is_ascending = slots.is_sorted_by(|one, next| one < next);
    if slots.is_empty() || !is_ascending || to == here || !fits(state, dealt) {
        return Err(RefusalCode::MoveInvalid.into());
    }
    if state.slots.leaving.is_some() {
        return Err(RefusalCode::MoveInProgress.into());
    }
    if let Some(item) = slots.iter().position(|slot| !state.slots.is_here(*slot, dealt, here)) {
        return Err(RefusalCode::SlotElsewhere.at_item(item));
    }
    let moving = |slot: &Slot| {
        let before = state.slots.moved_here.get(slot).copied().unwrap_or(0);
        MovingSlot { slot: *slot, generation: before.saturating_add(1) }
    };
    Ok(ScalingOutcome::SlotsLeft { slots: slots.iter().map(moving).collect(), to, dealt })
}

/// Whether slots can have been dealt like this.
fn fits(state: &State, dealt: NonZeroU16) -> bool {
    dealt.get() <= PARTITIONS_MAX && state.slots.dealt.is_none_or(|known| known == dealt)
}

fn receive(
    state: &State,
    from: PartitionId,
    post: &Post,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let invalid = || Refusal::from(RefusalCode::PostInvalid);
    match post {
        Post::Opening(opening) => {
            outcomes.push(announce(state, from, opening).ok_or_else(invalid)?.into());
        }
        Post::Part { bytes, .. } => take_part(state, from, bytes, outcomes).ok_or_else(invalid)?,
        Post::Taken { fence, .. } => {
            let leaving = state.slots.leaving.as_deref();
            let leaving = leaving.filter(|it| it.fence == *fence && it.to == from);
            let is_posted = |it: &&Leaving| it.is_announced && it.rest().is_empty() && !it.is_taken;
            leaving.filter(is_posted).ok_or_else(invalid)?;
            outcomes.push(ScalingOutcome::SlotsForgotten { fence: *fence }.into());
        }
        // Decided as what it carries.
        Post::Forward(_) => return Err(invalid()),
    }
    Ok(())
}

fn announce(state: &State, from: PartitionId, opening: &Opening) -> Option<ScalingOutcome> {
    let Opening { slots, dealt, fence, .. } = opening;
    let is_new = fence.partition() == from && !state.slots.arriving.contains_key(&from);
    let is_sane = is_new && !slots.is_empty() && opening.length > 0 && fits(state, *dealt);
    let is_here = |it: &MovingSlot| state.slots.is_here(it.slot, *dealt, state.partition);
    (is_sane && !slots.iter().any(is_here))
        .then(|| ScalingOutcome::SlotsAnnounced { opening: opening.clone() })
}

/// Takes the next bytes, and with the last of them everything.
fn take_part(
    state: &State,
    from: PartitionId,
    bytes: &[u8],
    outcomes: &mut Vec<Outcome>,
) -> Option<()> {
    let arriving = state.slots.arriving.get(&from)?;
    let opening = &arriving.opening;
    let have = arriving.state.len().saturating_add(bytes.len());
    let missing = opening.length.checked_sub(u64::try_from(have).ok()?)?;
    outcomes.push(ScalingOutcome::PartTaken { from, bytes: bytes.to_vec() }.into());
    if missing > 0 {
        return Some(());
    }
    let whole = [&arriving.state, bytes].concat();
    let is_whole = StateDigest::of(&whole) == opening.digest && snapshot::is_known(&whole);
    if !is_whole {
        return None;
    }
    let (fence, slots) = (opening.fence, opening.slots.clone());
    let slot = slots.first()?.slot;
    outcomes.push(ScalingOutcome::SlotsArrived { fence, slots }.into());
    let taken = Post::Taken { slot, fence };
    outcomes.push(ScalingOutcome::Posted { to: from, post: taken }.into());
    Some(())
}

/// What a tick posts: the announcement with the first part, then part by part, then what waits. A
/// tick that has much else to say posts nothing: its step must stay a record.
pub(crate) fn post(asked: &Asked<'_>, outcomes: &mut Vec<Outcome>) {
    let Some(leaving) = asked.state.slots.leaving.as_deref() else { return };
    let said_bytes = outcomes.iter().take(FACTS_BESIDE_POSTS_MAX).map(encoded_bytes).sum::<usize>();
    if outcomes.len() > FACTS_BESIDE_POSTS_MAX || said_bytes > BYTES_BESIDE_POSTS_MAX {
        return;
    }
    let to = leaving.to;
    let mut posts = Vec::new();
    if !leaving.is_announced {
        posts.push(Post::Opening(leaving.opening()));
    }
    match (leaving.rest().chunks(PART_BYTES_MAX).next(), leaving.slots.first()) {
        (Some(part), Some(first)) => {
            posts.push(Post::Part { slot: first.slot, bytes: part.to_vec() });
        }
        _ => posts.extend(leaving.first_waiting(said_bytes).cloned().map(Post::Forward)),
    }
    outcomes.extend(posts.into_iter().map(|post| ScalingOutcome::Posted { to, post }.into()));
}

fn encoded_bytes(outcome: &Outcome) -> usize {
    let mut bytes = Vec::new();
    encode_into(outcome, &mut bytes);
    bytes.len()
}

impl State {
    /// Applies an outcome and returns whether a timer may have lost its meaning.
    pub(crate) fn apply_scaling(
        &mut self,
        name: EffectName,
        step: &Step,
        outcome: &ScalingOutcome,
    ) -> bool {
        let (offset, is_tick) = (step.offset, step.intent.is_none());
        match outcome {
            ScalingOutcome::SlotsLeft { slots, to, dealt } => {
                let set = Leaving::slot_set(slots);
                let state = (self.now, self.split_off(&set).to_snapshot());
                self.slots.leave(Leaving::new(name, *to, slots.clone(), *dealt, state));
                return true;
            }
            ScalingOutcome::SlotsArrived { fence, slots } => {
                let bytes = self.slots.arrive(fence.partition(), slots);
                match State::from_snapshot(&bytes) {
                    Ok(state) => self.absorb(state, offset),
                    Err(error) => panic!("INV-80: what was checked cannot be read: {error}"),
                }
            }
            ScalingOutcome::SlotsAnnounced { opening } => {
                let dealt = Slots::dealt_to(opening.dealt, self.partition).collect();
                self.messages.tell_slots_apart(&dealt);
                self.slots.apply(name, offset, is_tick, outcome);
            }
            ScalingOutcome::Posted { .. }
            | ScalingOutcome::PostReceived { .. }
            | ScalingOutcome::HeldBack { .. }
            | ScalingOutcome::PartTaken { .. }
            | ScalingOutcome::SlotsForgotten { .. } => {
                self.slots.apply(name, offset, is_tick, outcome);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
