//! Slots that move from partition to partition: what operators ask, what partitions post to each
//! other, and what was decided.
//!
//! Posts go from partition to partition, where messages go from key to key: a post names its
//! receiver itself, because the map of slots is what is changing. Variant and field numbers are
//! part of the log and never change their meaning.

use std::num::NonZeroU16;

use minicbor::{Decode, Encode};

use crate::ids::{AccountId, IntentId, IntentKey, PartitionId};
use crate::outcome::{EffectName, Outcome};
use crate::partition::Slot;
use crate::time::Timestamp;

/// Bytes of state in one post: with what is around it far below a record, and few enough that a
/// large performance does not keep a partition from deciding anything else.
pub const PART_BYTES_MAX: usize = 48 * 1024;

/// The BLAKE3 of the state of slots that move.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct StateDigest(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl StateDigest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(state: &[u8]) -> Self {
        Self(blake3::hash(state).into())
    }
}

impl std::fmt::Display for StateDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A slot with how often it has moved. Whoever has had it last owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct MovingSlot {
    /// The slot.
    #[n(0)]
    pub slot: Slot,
    /// The how-many-th move of it this is, from one.
    #[n(1)]
    pub generation: u32,
}

/// An intent for a slot that has left, on its way to where the slot went.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Forward {
    /// The slot of the intent's key.
    #[n(0)]
    pub slot: Slot,
    /// The name under which the intent was accepted.
    #[n(1)]
    pub origin: IntentId,
    /// Who asks.
    #[n(2)]
    pub account: AccountId,
    /// What makes it the same intent when it comes again.
    #[n(3)]
    pub key: IntentKey,
    /// XXH3-64 of the intent.
    #[n(4)]
    pub fingerprint: u64,
    /// The intent, encoded.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub intent: Vec<u8>,
}

/// The first word about slots that come: what will follow.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Opening {
    /// The slots.
    #[n(0)]
    pub slots: Vec<MovingSlot>,
    /// Over how many partitions the slots were dealt when the log was made.
    #[n(1)]
    pub dealt: NonZeroU16,
    /// The sender's now when the slots left it.
    #[n(2)]
    pub left_at: Timestamp,
    /// Bytes of their state.
    #[n(3)]
    pub length: u64,
    /// Digest of their state.
    #[n(4)]
    pub digest: StateDigest,
    /// The outcome with which they left.
    #[n(5)]
    pub fence: EffectName,
}

/// What one partition posts to another.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Post {
    /// Slots come.
    #[n(1)]
    Opening(#[n(0)] Opening),
    /// The next bytes of their state.
    #[n(2)]
    Part {
        /// The first of the slots.
        #[n(0)]
        slot: Slot,
        /// The bytes.
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The receiver has all of it.
    #[n(3)]
    Taken {
        /// The first of the slots.
        #[n(0)]
        slot: Slot,
        /// The outcome with which they left.
        #[n(1)]
        fence: EffectName,
    },
    /// An intent that came late.
    #[n(4)]
    Forward(#[n(0)] Forward),
}

impl Post {
    /// The slot that it is about, after which its record is named.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::Opening(opening) => opening.slots.first().map_or(Slot::ZERO, |it| it.slot),
            Self::Part { slot, .. } | Self::Taken { slot, .. } => *slot,
            Self::Forward(forward) => forward.slot,
        }
    }
}

/// What is asked of a partition about its slots.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ScalingIntent {
    /// An operator moves slots to another partition.
    #[n(1)]
    MoveSlots {
        /// Which slots, ascending.
        #[n(0)]
        slots: Vec<Slot>,
        /// Where they go.
        #[n(1)]
        to: PartitionId,
        /// Over how many partitions the slots were dealt when the log was made.
        #[n(2)]
        dealt: NonZeroU16,
    },
    /// The runtime brings what another partition has posted.
    #[n(2)]
    Bring {
        /// The outcome that posted it.
        #[n(0)]
        from: EffectName,
        /// What was posted.
        #[n(1)]
        post: Post,
    },
}

impl ScalingIntent {
    /// The slot after which the record is named. The partition that takes the record is said by
    /// whoever appends it, and does not follow from the slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::MoveSlots { slots, .. } => slots.first().copied().unwrap_or(Slot::ZERO),
            Self::Bring { post, .. } => post.slot(),
        }
    }

    /// The intent's type as clients read it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MoveSlots { .. } => "move_slots",
            Self::Bring { post: Post::Forward(_), .. } => "forwarded",
            Self::Bring { .. } => "bring_slots",
        }
    }
}

/// What was decided about slots.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ScalingOutcome {
    /// The fence: nothing more is decided here about these slots.
    #[n(1)]
    SlotsLeft {
        /// The slots.
        #[n(0)]
        slots: Vec<MovingSlot>,
        /// Where they go.
        #[n(1)]
        to: PartitionId,
        /// Over how many partitions the slots were dealt when the log was made.
        #[n(2)]
        dealt: NonZeroU16,
    },
    /// Effect: the runtime shall bring a post to another partition. As the reply to an intent it
    /// says that the answer is given there.
    #[n(2)]
    Posted {
        /// To which partition.
        #[n(0)]
        to: PartitionId,
        /// What.
        #[n(1)]
        post: Post,
    },
    /// A post has come; what follows from it, precedes.
    #[n(3)]
    PostReceived {
        /// The outcome that posted it.
        #[n(0)]
        from: EffectName,
        /// Of a forward: the name under which the intent was accepted. The reply of this step
        /// answers it.
        #[n(1)]
        origin: Option<IntentId>,
    },
    /// An intent waits until the state of its slot is posted. The answer is given where that goes.
    #[n(4)]
    HeldBack {
        /// Where it goes.
        #[n(0)]
        to: PartitionId,
        /// The intent.
        #[n(1)]
        forward: Forward,
    },
    /// Slots are coming.
    #[n(5)]
    SlotsAnnounced {
        /// What will follow.
        #[n(0)]
        opening: Opening,
    },
    /// Some of their state is here.
    #[n(6)]
    PartTaken {
        /// From which partition.
        #[n(0)]
        from: PartitionId,
        /// The bytes.
        #[cbor(n(1), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// All of their state is here: from now on they are decided here.
    #[n(7)]
    SlotsArrived {
        /// The outcome with which they left.
        #[n(0)]
        fence: EffectName,
        /// The slots.
        #[n(1)]
        slots: Vec<MovingSlot>,
    },
    /// The receiver has them: their state is kept here no longer.
    #[n(8)]
    SlotsForgotten {
        /// The outcome with which they left.
        #[n(0)]
        fence: EffectName,
    },
}

impl ScalingOutcome {
    /// Where an intent is answered that is not answered here.
    #[must_use]
    pub const fn answered_in(&self) -> Option<PartitionId> {
        match self {
            Self::Posted { to, post: Post::Forward(_) } | Self::HeldBack { to, .. } => Some(*to),
            Self::Posted { .. }
            | Self::SlotsLeft { .. }
            | Self::PostReceived { .. }
            | Self::SlotsAnnounced { .. }
            | Self::PartTaken { .. }
            | Self::SlotsArrived { .. }
            | Self::SlotsForgotten { .. } => None,
        }
    }
}

impl From<ScalingOutcome> for Outcome {
    fn from(outcome: ScalingOutcome) -> Self {
        Self::Scaling(outcome)
    }
}
