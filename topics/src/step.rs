//! What one record of the intents topic led to.

use minicbor::{Decode, Encode};

use crate::ids::{AccountId, IntentId, IntentKey, Offset, PartitionId};
use crate::outcome::Outcome;
use crate::scaling::ScalingOutcome;
use crate::time::Timestamp;

/// What one input record led to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Step {
    /// The place of the input in its partition of the intents topic.
    #[n(0)]
    pub offset: Offset,
    /// The core's now: the greatest stamp seen so far in the partition.
    #[n(1)]
    pub now: Timestamp,
    /// Who asked; zero for control records.
    #[n(2)]
    pub account: AccountId,
    /// The key by which the input is remembered; zero for what is not: control records, which are
    /// never repeated, and heartbeats, which do no harm twice.
    #[n(3)]
    pub key: IntentKey,
    /// XXH3-64 of the input's payload.
    #[n(4)]
    pub fingerprint: u64,
    /// The intent's name; `None` for a tick.
    #[n(5)]
    pub intent: Option<IntentId>,
    /// The reply, then what follows from it.
    #[n(6)]
    pub outcomes: Vec<Outcome>,
}

impl Step {
    /// Where the intent is answered, when it is one for a slot that has left.
    #[must_use]
    pub fn answered_in(&self) -> Option<PartitionId> {
        match self.reply() {
            Some(Outcome::Scaling(outcome)) if self.intent.is_some() => outcome.answered_in(),
            _ => None,
        }
    }

    /// The name under which the intent was accepted that this step answers, when that was in
    /// another partition.
    #[must_use]
    pub fn forwarded_from(&self) -> Option<IntentId> {
        match self.outcomes.last() {
            Some(Outcome::Scaling(ScalingOutcome::PostReceived { origin, .. })) => *origin,
            _ => None,
        }
    }

    /// The answer to the intent. A tick on which nothing was due has none.
    #[must_use]
    pub fn reply(&self) -> Option<&Outcome> {
        self.outcomes.first()
    }
}
