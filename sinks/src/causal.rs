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

#[cfg(test)]
mod tests {
    use boxoffice_topics::outcome::EffectName;
    use boxoffice_topics::scaling::MovingSlot;
    use boxoffice_topics::{PartitionMap, Slot};

    use super::*;

    fn step(outcome: ScalingOutcome) -> Step {
        Step { outcomes: vec![outcome.into()], ..Step::default() }
    }

    #[test]
    fn slots_arrive_after_they_have_left() {
        let partition = |number| PartitionId::new(number).unwrap();
        let fence = EffectName::new(partition(1), Offset::new(7), 0);
        let slots = vec![MovingSlot { slot: Slot::ZERO, generation: 1 }];
        let arrival = step(ScalingOutcome::SlotsArrived { fence, slots: slots.clone() });
        let stands_at = |next: u64| move |of| (of == partition(1)).then(|| Offset::new(next));
        assert!(!may_follow(&arrival, stands_at(7)));
        assert!(may_follow(&arrival, stands_at(8)));
        assert!(!may_follow(&arrival, |_| None), "a partition that nobody follows yet");
        let dealt = PartitionMap::dealt(std::num::NonZeroU16::MIN).unwrap().dealt_over();
        let departure = step(ScalingOutcome::SlotsLeft { slots, to: partition(2), dealt });
        assert!(may_follow(&departure, |_| None));
        assert_eq!((receiver(&departure), receiver(&arrival)), (Some(partition(2)), None));
    }
}
