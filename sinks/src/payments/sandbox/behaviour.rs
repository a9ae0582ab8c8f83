//! What the sandbox does with a payment, as the one who opens it chooses.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What becomes of a payment. It governs the confirmation and every cancellation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Booked and answered.
    #[default]
    Approve,
    /// Refused with a code. A code of a final refusal ends the payment; any other leaves it open.
    Decline {
        /// The code.
        code: String,
    },
    /// Booked and answered after a while. Nothing is booked before.
    Slow {
        /// How long, in milliseconds.
        millis: u64,
    },
    /// Booked, and answered with an internal error.
    FailAfterBooking,
    /// Booked and answered, and the webhook is sent twice.
    AnswerTwice,
    /// Refused, and after a while booked after all, which only the webhook tells.
    DeclineThenCapture {
        /// How long after the refusal, in milliseconds.
        millis: u64,
    },
}

impl Behaviour {
    /// How long every answer takes.
    pub(super) fn delay(&self) -> Option<Duration> {
        match self {
            Self::Slow { millis } => Some(Duration::from_millis(*millis)),
            _ => None,
        }
    }

    /// After what time a refused payment is booked after all.
    pub(super) fn late_booking(&self) -> Option<Duration> {
        match self {
            Self::DeclineThenCapture { millis } => Some(Duration::from_millis(*millis)),
            _ => None,
        }
    }
}
