//! Slots that move between the partitions of the world, and a runtime that learns of it late.

use std::num::NonZeroU16;

use boxoffice_core::State;
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::scaling::{MovingSlot, Post};
use boxoffice_topics::{
    AccountId, Intent, Outcome, PartitionId, ScalingIntent, ScalingOutcome, Slot, Step,
};

use crate::world::{PARTITIONS, Route, SHOWS, World};

/// The slots of everything that there is: two shows, a spanning campaign, three wallets.
fn slots() -> Vec<Slot> {
    let wallets = (1..=3).map(|account| Slot::of_account(AccountId::from_u128(account)));
    let mut slots: Vec<_> = SHOWS.into_iter().map(Slot::of).chain([Slot::ZERO]).collect();
    slots.extend(wallets);
    slots
}

impl World {
    /// Where a slot is, when it is not under way.
    pub(crate) fn owner(&self, slot: Slot) -> Option<&State> {
        let of = |state: &State| {
            let mut here = state.moved_here().filter(|moved| moved.slot == slot);
            here.next().map(|moved| (moved.generation, state.partition()))
        };
        let dealt = NonZeroU16::new(PARTITIONS).unwrap();
        let latest = self.states.iter().filter_map(of).max();
        let owner = latest.map_or_else(|| slot.dealt_to(dealt), |(_, partition)| partition);
        let owner = &self.states[usize::from(owner.number())];
        let is_leaving = |moving: &MovingSlot| moving.slot == slot;
        let leaves = owner.departure().is_some_and(|it| it.slots.iter().any(is_leaving));
        (!leaves).then_some(owner)
    }

    /// Moves some slots that one partition has, the first of them and whatever is beside it.
    pub(crate) fn move_slots(&mut self, first: usize, many: bool, to: usize) {
        let slots = slots();
        let Some(owner) = self.owner(slots[first % slots.len()]) else { return };
        let at = usize::from(owner.partition().number());
        let is_there = |slot: &Slot| {
            self.owner(*slot).is_some_and(|it| usize::from(it.partition().number()) == at)
        };
        let mut moving = vec![slots[first % slots.len()]];
        if many {
            moving.extend(slots.into_iter().filter(is_there));
        }
        moving.sort_unstable();
        moving.dedup();
        let to = PartitionId::new(u16::try_from(to).unwrap() % PARTITIONS).unwrap();
        let dealt = NonZeroU16::new(PARTITIONS).unwrap();
        let asked = ScalingIntent::MoveSlots { slots: moving, to, dealt };
        self.decide_in(at, AccountId::default(), &Intent::Scaling(asked));
    }

    /// What a step posts goes on its way.
    pub(crate) fn note_posts(&mut self, at: usize, step: &Step) {
        for (index, outcome) in (0..).zip(&step.outcomes) {
            if let Outcome::Scaling(ScalingOutcome::Posted { to, post }) = outcome {
                let name = EffectName::new(self.states[at].partition(), step.offset, index);
                let posts = self.posts.entry((at, to.number().into())).or_default();
                posts.messages.push((name, post.clone()));
            }
        }
        self.model.fold_forwards(step);
    }

    /// Brings the next posts, as far as there are any.
    pub(crate) fn bring(&mut self, pair: (usize, usize), count: usize) {
        for _ in 0..count {
            let Some(route) = self.posts.get_mut(&pair) else { return };
            let Some((from, post)) = route.messages.get(route.brought).cloned() else { return };
            route.brought += 1;
            self.model.see(match &post {
                Post::Forward(_) => "forwarded",
                Post::Opening(_) | Post::Part { .. } | Post::Taken { .. } => "moved",
            });
            let bring = ScalingIntent::Bring { from, post };
            self.decide_in(pair.1, AccountId::default(), &Intent::Scaling(bring));
        }
    }

    /// The runtime learns where slots are by now, and looks in the states where to go on.
    pub(crate) fn reroute(&mut self) {
        for slot in slots() {
            let to = self.owner(slot).map(State::partition);
            to.into_iter().for_each(|to| self.partitions.set(slot, to));
        }
        let old = std::mem::take(&mut self.routes);
        for from in 0..usize::from(PARTITIONS) {
            let sent = old.iter().filter(|((sender, _), _)| *sender == from);
            let mut sent: Vec<_> = sent.flat_map(|(_, route)| route.messages.clone()).collect();
            sent.sort_unstable_by_key(|(name, _)| *name);
            let partition = self.states[from].partition();
            let is_missing = |slot: Slot, name: EffectName| {
                let marks = self.states.iter().map(|it| it.last_message(partition, slot));
                marks.max().flatten().is_none_or(|mark| mark < name)
            };
            for (name, message) in sent {
                let to = usize::from(self.partitions.partition_of(message.slot()).number());
                let route: &mut Route<_> = self.routes.entry((from, to)).or_default();
                let goes_on = route.brought == route.messages.len();
                if goes_on && !is_missing(message.slot(), name) {
                    route.brought += 1;
                }
                route.messages.push((name, message));
            }
        }
    }

    /// Every slot arrives, and the runtime knows it.
    pub(crate) fn let_slots_arrive(&mut self) {
        for _ in 0..8 {
            self.tick(1);
            for pair in 0..usize::from(PARTITIONS * PARTITIONS) {
                self.bring(crate::world::pair_of(pair), usize::MAX);
            }
        }
        self.reroute();
    }

    pub(crate) fn check_slots_at_rest(&self) {
        for state in &self.states {
            assert!(state.departure().is_none(), "slots leave for ever");
            assert_eq!(state.arriving().count(), 0, "slots arrive for ever");
        }
        assert!(self.posts.values().all(|posts| posts.messages.len() == posts.brought));
        self.model.check_forwards();
    }

    /// The marks of each slot are the last messages to it, so that a runtime that starts from
    /// nothing but the states finds that nothing is missing.
    pub(crate) fn check_marks(&self) {
        for sender in &self.states {
            for sent in sender.sent_messages() {
                let owner = self.owner(sent.slot).unwrap();
                assert_eq!(owner.last_message(sender.partition(), sent.slot), Some(sent.latest));
            }
            for posts in sender.sent_posts() {
                let receiver = &self.states[usize::from(posts.to.number())];
                assert_eq!(receiver.last_post_from(sender.partition()), Some(posts.latest));
            }
        }
    }
}
