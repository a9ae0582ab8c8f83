//! Outcomes of slots that move.

use boxoffice_topics::ScalingOutcome;
use boxoffice_topics::scaling::Post;
use serde::Serialize;
use utoipa::ToSchema;

/// One fact about slots.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ScalingOutcomeJson {
    /// Slots have left: nothing more is decided here about them.
    SlotsLeft {
        /// Where they go.
        to: u16,
        /// Their numbers.
        slots: Vec<u16>,
    },
    /// The intent is answered in another partition.
    Forwarded {
        /// In which.
        to: u16,
    },
    /// Something of slots that leave was posted.
    SlotsPosted {
        /// To which partition.
        to: u16,
        /// Bytes of their state in it.
        bytes: usize,
    },
    /// A post of another partition has come.
    PostReceived {
        /// The outcome that posted it.
        from: String,
        /// Of a forwarded intent: the name under which it was accepted.
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<String>,
    },
    /// Slots are coming.
    SlotsAnnounced {
        /// From which partition.
        from: u16,
        /// Their numbers.
        slots: Vec<u16>,
        /// Bytes of their state.
        bytes: u64,
    },
    /// Some of their state is here.
    SlotsPartTaken {
        /// From which partition.
        from: u16,
        /// Bytes of it.
        bytes: usize,
    },
    /// Slots are here: from now on they are decided here.
    SlotsArrived {
        /// From which partition.
        from: u16,
        /// Their numbers.
        slots: Vec<u16>,
    },
    /// The receiver has the slots that left.
    SlotsForgotten {
        /// The outcome with which they left.
        fence: String,
    },
}

impl From<&ScalingOutcome> for ScalingOutcomeJson {
    fn from(outcome: &ScalingOutcome) -> Self {
        let numbers = |slots: &[boxoffice_topics::scaling::MovingSlot]| {
            slots.iter().map(|moving| moving.slot.number()).collect()
        };
        match outcome {
            ScalingOutcome::SlotsLeft { slots, to, .. } => {
                Self::SlotsLeft { to: to.number(), slots: numbers(slots) }
            }
            ScalingOutcome::HeldBack { to, .. }
            | ScalingOutcome::Posted { to, post: Post::Forward(_) } => {
                Self::Forwarded { to: to.number() }
            }
            ScalingOutcome::Posted { to, post } => {
                let bytes = if let Post::Part { bytes, .. } = post { bytes.len() } else { 0 };
                Self::SlotsPosted { to: to.number(), bytes }
            }
            ScalingOutcome::PostReceived { from, origin } => Self::PostReceived {
                from: from.to_string(),
                origin: origin.map(|origin| origin.to_string()),
            },
            ScalingOutcome::SlotsAnnounced { opening } => Self::SlotsAnnounced {
                from: opening.fence.partition().number(),
                slots: numbers(&opening.slots),
                bytes: opening.length,
            },
            ScalingOutcome::PartTaken { from, bytes } => {
                Self::SlotsPartTaken { from: from.number(), bytes: bytes.len() }
            }
            ScalingOutcome::SlotsArrived { fence, slots } => {
                Self::SlotsArrived { from: fence.partition().number(), slots: numbers(slots) }
            }
            ScalingOutcome::SlotsForgotten { fence } => {
                Self::SlotsForgotten { fence: fence.to_string() }
            }
        }
    }
}
