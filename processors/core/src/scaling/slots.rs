//! Which slots are here, which have gone where, and what is on its way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU16;
use std::sync::Arc;

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::partition::SLOTS;
use boxoffice_topics::scaling::{Forward, MovingSlot, Opening, PART_BYTES_MAX, Post, StateDigest};
use boxoffice_topics::{IntentId, Offset, PartitionId, ScalingOutcome, Slot, Timestamp};
use minicbor::{Decode, Encode};

use crate::window::{Keyed, Window};

/// Forwarded intents whose answers are found by the name under which they were accepted: what
/// comes late is what was under way when a slot left, and clients that wait ask within a minute.
const FORWARDED_MAX: usize = 1 << 16;

/// What a forward has around its intent, at most.
const FORWARD_BYTES: usize = 96;

/// Where the answer to a forwarded intent is.
#[derive(Clone, Copy, Debug, Encode, Decode)]
struct Answered {
    #[n(0)]
    origin: IntentId,
    #[n(1)]
    at: Offset,
}

impl Keyed for Answered {
    type Key = IntentId;

    fn key(&self) -> IntentId {
        self.origin
    }
}

/// The posts to one partition so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PostsSent {
    /// The partition.
    #[n(0)]
    pub to: PartitionId,
    /// The first post.
    #[n(1)]
    pub first: EffectName,
    /// The latest post.
    #[n(2)]
    pub latest: EffectName,
}

/// Slots that have left and whose receiver has not said that it has them.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Leaving {
    #[n(0)]
    pub(super) fence: EffectName,
    #[n(1)]
    pub(super) to: PartitionId,
    #[n(2)]
    pub(super) slots: Vec<MovingSlot>,
    #[n(3)]
    dealt: NonZeroU16,
    #[n(4)]
    left_at: Timestamp,
    #[cbor(n(5), with = "shared_bytes")]
    state: Arc<[u8]>,
    #[n(6)]
    pub(super) is_announced: bool,
    /// Bytes of the state that are posted.
    #[n(7)]
    posted: u64,
    /// Intents that came meanwhile.
    #[n(8)]
    pub(super) waiting: VecDeque<Forward>,
    /// The receiver has them, and intents still wait.
    #[n(9)]
    pub(super) is_taken: bool,
}

impl Leaving {
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.slots.iter().any(|moving| moving.slot == slot)
    }

    /// Bytes that are not posted.
    pub(super) fn rest(&self) -> &[u8] {
        let posted = usize::try_from(self.posted).unwrap_or(usize::MAX);
        self.state.get(posted..).unwrap_or_default()
    }

    /// Whether something is left to be posted. Until then nothing may pass what waits.
    pub(super) fn has_to_post(&self) -> bool {
        !self.is_announced || !self.rest().is_empty() || !self.waiting.is_empty()
    }

    /// The first intents that wait, as many as one step takes that says so much else. One that is
    /// larger than a part goes alone.
    pub(super) fn first_waiting(&self, said_bytes: usize) -> impl Iterator<Item = &Forward> {
        let mut bytes = said_bytes;
        self.waiting.iter().take_while(move |forward| {
            let is_alone = bytes == 0;
            bytes = bytes.saturating_add(forward.intent.len()).saturating_add(FORWARD_BYTES);
            is_alone || bytes <= PART_BYTES_MAX
        })
    }

    pub(super) fn opening(&self) -> Opening {
        Opening {
            slots: self.slots.clone(),
            dealt: self.dealt,
            left_at: self.left_at,
            length: u64::try_from(self.state.len()).unwrap_or(u64::MAX),
            digest: StateDigest::of(&self.state),
            fence: self.fence,
        }
    }
}

/// Slots of which some of the state is here.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct Arriving {
    #[n(0)]
    pub(super) opening: Opening,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) state: Vec<u8>,
}

/// The slots of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    /// Over how many partitions slots were dealt; known since slots moved here for the first time.
    pub(super) dealt: Option<NonZeroU16>,
    /// Where slots went that were here.
    pub(super) gone: BTreeMap<Slot, PartitionId>,
    /// The generation of slots that have moved here at some time.
    pub(super) moved_here: BTreeMap<Slot, u32>,
    pub(super) leaving: Option<Box<Leaving>>,
    /// By the partition that they come from.
    pub(super) arriving: BTreeMap<PartitionId, Arriving>,
    received: BTreeMap<PartitionId, EffectName>,
    sent: BTreeMap<PartitionId, PostsSent>,
    answered: Window<Answered>,
}

/// The part of a snapshot that is about slots.
#[derive(Encode, Decode)]
pub(crate) struct SavedSlots {
    #[n(0)]
    dealt: Option<NonZeroU16>,
    #[n(1)]
    gone: Vec<(Slot, PartitionId)>,
    #[n(2)]
    moved_here: Vec<(Slot, u32)>,
    #[n(3)]
    leaving: Option<Box<Leaving>>,
    #[n(4)]
    arriving: Vec<(PartitionId, Arriving)>,
    #[n(5)]
    received: Vec<EffectName>,
    #[n(6)]
    sent: Vec<PostsSent>,
    #[n(7)]
    answered: Vec<Answered>,
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self {
            dealt: None,
            gone: BTreeMap::new(),
            moved_here: BTreeMap::new(),
            leaving: None,
            arriving: BTreeMap::new(),
            received: BTreeMap::new(),
            sent: BTreeMap::new(),
            answered: Window::new(FORWARDED_MAX),
        }
    }

    /// Whether a tick has something to post.
    pub(crate) fn has_to_post(&self) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving.has_to_post())
    }

    /// Whether a slot is here, when slots were dealt over so many partitions.
    pub(super) fn is_here(&self, slot: Slot, dealt: NonZeroU16, here: PartitionId) -> bool {
        let was_here = self.moved_here.contains_key(&slot) || slot.dealt_to(dealt) == here;
        was_here && !self.gone.contains_key(&slot)
    }

    /// Where a slot is looked for that is not here. The partition that it was dealt to knows where
    /// it went.
    pub(super) fn elsewhere(&self, slot: Slot, here: PartitionId) -> Option<PartitionId> {
        let dealt_to = self.dealt.map(|dealt| slot.dealt_to(dealt)).filter(|to| *to != here);
        let never_here = dealt_to.filter(|_| !self.moved_here.contains_key(&slot));
        self.gone.get(&slot).copied().or(never_here)
    }

    pub(super) fn has_received(&self, from: EffectName) -> bool {
        self.received.get(&from.partition()).is_some_and(|latest| from <= *latest)
    }

    pub(super) fn leave(&mut self, leaving: Leaving) {
        self.dealt = Some(leaving.dealt);
        self.gone.extend(leaving.slots.iter().map(|moving| (moving.slot, leaving.to)));
        self.leaving = Some(Box::new(leaving));
    }

    fn leaving_mut(&mut self) -> &mut Leaving {
        let leaving = self.leaving.as_deref_mut();
        leaving.unwrap_or_else(|| panic!("an outcome is about slots that are not leaving"))
    }

    fn arriving_from(&mut self, from: PartitionId) -> &mut Arriving {
        let arriving = self.arriving.get_mut(&from);
        arriving.unwrap_or_else(|| panic!("an outcome is about slots that are not arriving"))
    }

    fn posted(&mut self, name: EffectName, to: PartitionId, post: &Post, is_tick: bool) {
        let first = PostsSent { to, first: name, latest: name };
        self.sent.entry(to).or_insert(first).latest = name;
        match post {
            Post::Opening(_) => self.leaving_mut().is_announced = true,
            Post::Part { bytes, .. } => {
                let leaving = self.leaving_mut();
                let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                leaving.posted = leaving.posted.saturating_add(bytes);
            }
            Post::Forward(_) if is_tick => {
                self.leaving_mut().waiting.pop_front();
                self.forget_taken();
            }
            Post::Forward(_) | Post::Taken { .. } => (),
        }
    }

    /// Forgets slots that their receiver has, once nothing waits for them any more.
    fn forget_taken(&mut self) {
        self.leaving.take_if(|leaving| leaving.is_taken && leaving.waiting.is_empty());
    }

    /// Applies what changes nothing but the ways of slots. `offset` is that of the step, and
    /// `is_tick` says whether it is a tick's.
    pub(super) fn apply(
        &mut self,
        name: EffectName,
        offset: Offset,
        is_tick: bool,
        outcome: &ScalingOutcome,
    ) {
        match outcome {
            ScalingOutcome::Posted { to, post } => self.posted(name, *to, post, is_tick),
            ScalingOutcome::PostReceived { from, origin } => {
                assert!(!self.has_received(*from), "INV-6: post {from} is received twice");
                self.received.insert(from.partition(), *from);
                if let Some(origin) = *origin
                    && self.answered.get(origin).is_none()
                {
                    self.answered.push(Answered { origin, at: offset });
                }
            }
            ScalingOutcome::HeldBack { forward, .. } => {
                self.leaving_mut().waiting.push_back(forward.clone());
            }
            ScalingOutcome::SlotsAnnounced { opening } => {
                self.dealt = Some(opening.dealt);
                let arriving = Arriving { opening: opening.clone(), state: Vec::new() };
                self.arriving.insert(opening.fence.partition(), arriving);
            }
            ScalingOutcome::PartTaken { from, bytes } => {
                self.arriving_from(*from).state.extend_from_slice(bytes);
            }
            ScalingOutcome::SlotsForgotten { .. } => {
                let leaving = self.leaving_mut();
                (leaving.is_taken, leaving.state, leaving.posted) = (true, Arc::default(), 0);
                self.forget_taken();
            }
            ScalingOutcome::SlotsLeft { .. } | ScalingOutcome::SlotsArrived { .. } => {
                unreachable!("the rows of the state move, too")
            }
        }
    }

    /// Slots are here from now on. Returns their state.
    pub(super) fn arrive(&mut self, from: PartitionId, slots: &[MovingSlot]) -> Vec<u8> {
        let Some(arriving) = self.arriving.remove(&from) else {
            panic!("an outcome is about slots that are not arriving");
        };
        for MovingSlot { slot, generation } in slots {
            self.gone.remove(slot);
            self.moved_here.insert(*slot, *generation);
        }
        arriving.state
    }

    /// The slots that were dealt to a partition.
    pub(super) fn dealt_to(dealt: NonZeroU16, here: PartitionId) -> impl Iterator<Item = Slot> {
        let all = (0..SLOTS).filter_map(Slot::new);
        all.filter(move |slot| slot.dealt_to(dealt) == here)
    }

    /// How much of the state that leaves is posted, and how much there is, in bytes.
    fn progress(&self) -> Option<Departure<'_>> {
        let leaving = self.leaving.as_deref()?;
        Some(Departure {
            to: leaving.to,
            slots: &leaving.slots,
            posted_bytes: leaving.posted,
            // A replica remembers less.
            bytes: u64::try_from(leaving.state.len()).unwrap_or(u64::MAX).max(leaving.posted),
            waiting: leaving.waiting.len(),
        })
    }

    pub(crate) fn save(&self) -> Option<SavedSlots> {
        self.dealt?;
        Some(SavedSlots {
            dealt: self.dealt,
            gone: self.gone.iter().map(|(slot, to)| (*slot, *to)).collect(),
            moved_here: self.moved_here.iter().map(|(slot, at)| (*slot, *at)).collect(),
            leaving: self.leaving.clone(),
            arriving: self.arriving.iter().map(|(from, it)| (*from, it.clone())).collect(),
            received: self.received.values().copied().collect(),
            sent: self.sent.values().copied().collect(),
            answered: self.answered.iter().copied().collect(),
        })
    }

    pub(crate) fn restore(saved: SavedSlots) -> Self {
        let mut slots = Self {
            dealt: saved.dealt,
            gone: saved.gone.into_iter().collect(),
            moved_here: saved.moved_here.into_iter().collect(),
            leaving: saved.leaving,
            arriving: saved.arriving.into_iter().collect(),
            received: saved.received.into_iter().map(|from| (from.partition(), from)).collect(),
            sent: saved.sent.into_iter().map(|sent| (sent.to, sent)).collect(),
            answered: Window::new(FORWARDED_MAX),
        };
        saved.answered.into_iter().for_each(|answered| slots.answered.push(answered));
        slots
    }
}

/// Slots on their way out of a partition.
#[derive(Clone, Copy, Debug)]
pub struct Departure<'s> {
    /// Where they go.
    pub to: PartitionId,
    /// Which.
    pub slots: &'s [MovingSlot],
    /// Bytes of their state that are posted.
    pub posted_bytes: u64,
    /// Bytes of their state.
    pub bytes: u64,
    /// Intents that wait until all of it is posted.
    pub waiting: usize,
}

impl crate::State {
    /// Slots that have left and whose receiver has not said that it has them.
    #[must_use]
    pub fn departure(&self) -> Option<Departure<'_>> {
        self.slots.progress()
    }

    /// The state of the slots that are on their way out, as it was when they left.
    #[must_use]
    pub fn departing_state(&self) -> Option<Self> {
        let leaving = self.slots.leaving.as_deref().filter(|leaving| !leaving.is_taken)?;
        Self::from_snapshot(&leaving.state).ok()
    }

    /// The slots that are arriving, by the partition that they come from.
    pub fn arriving(&self) -> impl Iterator<Item = (PartitionId, &[MovingSlot])> {
        self.slots.arriving.iter().map(|(from, it)| (*from, it.opening.slots.as_slice()))
    }

    /// The slots that have ever moved here, with their generation. The highest one in all
    /// partitions says who owns a slot.
    pub fn moved_here(&self) -> impl Iterator<Item = MovingSlot> {
        let moved = self.slots.moved_here.iter();
        moved.map(|(slot, generation)| MovingSlot { slot: *slot, generation: *generation })
    }

    /// Where the intent is answered that was accepted elsewhere under this name.
    #[must_use]
    pub fn answered_at(&self, origin: IntentId) -> Option<Offset> {
        self.slots.answered.get(origin).map(|answered| answered.at)
    }

    /// The latest post from a partition: what comes again up to there is dropped.
    #[must_use]
    pub fn last_post_from(&self, from: PartitionId) -> Option<EffectName> {
        self.slots.received.get(&from).copied()
    }

    /// What this partition has posted, by receiver.
    pub fn sent_posts(&self) -> impl Iterator<Item = PostsSent> {
        self.slots.sent.values().copied()
    }
}

impl Leaving {
    pub(super) fn new(
        fence: EffectName,
        to: PartitionId,
        slots: Vec<MovingSlot>,
        dealt: NonZeroU16,
        state: (Timestamp, Vec<u8>),
    ) -> Self {
        let (left_at, state) = state;
        Self {
            fence,
            to,
            slots,
            dealt,
            left_at,
            state: Arc::from(state),
            is_announced: false,
            posted: 0,
            waiting: VecDeque::new(),
            is_taken: false,
        }
    }

    pub(super) fn slot_set(slots: &[MovingSlot]) -> BTreeSet<Slot> {
        slots.iter().map(|moving| moving.slot).collect()
    }
}

/// Bytes that clones of a state share.
mod shared_bytes {
    use std::sync::Arc;

    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};

    pub(super) fn encode<C, W: Write>(
        bytes: &Arc<[u8]>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.bytes(bytes)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Arc<[u8]>, DecodeError> {
        Ok(Arc::from(d.bytes()?))
    }
}
