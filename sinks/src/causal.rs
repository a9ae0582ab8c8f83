//! The one rule between partitions: what a slot did where it was comes before what it does where
//! it arrived. Whoever makes rows of both follows it; everything else comes in any order.

use boxoffice_topics::{Offset, Outcome, PartitionId, ScalingOutcome, Step};

/// Whether a step may be taken by who stands at these offsets: the slots that arrive with it must
/// have left where they were.
pub(crate) fn may_follow(step: &Step, next_of: impl Fn(PartitionId) -> Option<Offset>) -> bool {
    step.outcomes.iter().all(|outcome| match outcome {
        Outcome::Scaling(ScalingOutcome::SlotsArrived { fence, .. }) => {
            next_of(fence.partition()).is_some_and(|next| next > fence.offset())
        }
        _ => true,
    })
}

/// The partition that slots go to with this step. It may be one that has just come.
pub(crate) fn receiver(step: &Step) -> Option<PartitionId> {
    step.outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Scaling(ScalingOutcome::SlotsLeft { to, .. }) => Some(*to),
        _ => None,
    })
}
