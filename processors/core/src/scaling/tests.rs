//! Two partitions between which a performance moves, post by post. They know each other by their
//! posts alone.

use std::num::NonZeroU16;

use boxoffice_topics::codec::encode_into;
use boxoffice_topics::intent::{SectionQuantities, SectionQuantity};
use boxoffice_topics::{
    AccountId, Header, IntentKey, Message, Offset, OrderId, PerformanceDefinition, PerformanceId,
};

use super::*;
use crate::tables::house;
use crate::{Record, apply, decide};

const DEALT: NonZeroU16 = NonZeroU16::new(2).unwrap();

/// Two partitions, and posts that are brought when a test says so.
struct World {
    states: [State; 2],
    posts: Vec<(PartitionId, EffectName, Post)>,
    clock: i64,
}

fn performance() -> PerformanceId {
    house().performance
}

fn slot() -> Slot {
    Slot::of(performance())
}

fn partition(number: usize) -> PartitionId {
    PartitionId::new(u16::try_from(number).unwrap()).unwrap()
}

/// The partition that the house was dealt to, and the other one.
fn home() -> (usize, usize) {
    let home = usize::from(slot().dealt_to(DEALT).number());
    (home, 1 - home)
}

fn hold(quantity: u16) -> Intent<'static> {
    let mut sections = SectionQuantities::new();
    sections.push(SectionQuantity { section: "FLOOR", quantity });
    Intent::HoldGeneralAdmission { performance: performance(), sections, code: None }
}

fn move_to(to: usize) -> Intent<'static> {
    let (slots, to, dealt) = (vec![slot()], partition(to), DEALT);
    Intent::Scaling(ScalingIntent::MoveSlots { slots, to, dealt })
}

impl World {
    fn new(definition: PerformanceDefinition) -> Self {
        let states = [0, 1].map(|number| State::new(partition(number)));
        let mut world = Self { states, posts: Vec::new(), clock: 1_000 };
        let performance = definition.performance;
        let create = Intent::CreatePerformance { definition: Box::new(definition) };
        world.ask(home().0, 0, 0, &create);
        world.ask(home().0, 0, 0, &Intent::OpenSale { performance });
        world
    }

    fn ask(&mut self, at: usize, account: u128, key: u128, intent: &Intent<'_>) -> Vec<Outcome> {
        self.clock += 1;
        let mut payload = Vec::new();
        encode_into(intent, &mut payload);
        let fingerprint = payload
            .iter()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account: AccountId::from_u128(account),
            key: IntentKey::from_u128(key),
            fingerprint,
            traceparent: None,
        };
        let state = &mut self.states[at];
        let mut step = Step::default();
        decide(state, &Record { offset: state.next_offset(), header: &header, intent }, &mut step);
        apply(state, &step);
        for (index, outcome) in (0..).zip(&step.outcomes) {
            if let Outcome::Scaling(ScalingOutcome::Posted { to, post }) = outcome {
                let name = EffectName::new(partition(at), step.offset, index);
                self.posts.push((*to, name, post.clone()));
            }
        }
        step.outcomes
    }

    fn bring(&mut self, to: PartitionId, from: EffectName, post: Post) -> Vec<Outcome> {
        // Whoever goes on from a snapshot decides the same.
        for state in &mut self.states {
            *state = State::from_snapshot(&state.to_snapshot()).unwrap();
        }
        let bring = Intent::Scaling(ScalingIntent::Bring { from, post });
        self.ask(usize::from(to.number()), 0, 0, &bring)
    }

    /// Brings what was posted, and lets ticks post the rest, until nothing is left. Returns what
    /// followed from forwards.
    fn settle(&mut self) -> Vec<Vec<Outcome>> {
        let mut answers = Vec::new();
        for _ in 0..100 {
            (0..2).for_each(|at| drop(self.ask(at, 0, 0, &Intent::Tick)));
            for (to, from, post) in std::mem::take(&mut self.posts) {
                let is_forward = matches!(post, Post::Forward(_));
                let outcomes = self.bring(to, from, post.clone());
                if is_forward {
                    answers.push(outcomes);
                }
                let again = self.bring(to, from, post);
                assert_eq!(again, [refused(RefusalCode::MessageAlreadyReceived)]);
            }
        }
        assert!(self.states.iter().all(|state| state.departure().is_none()));
        answers
    }
}

fn refused(code: RefusalCode) -> Outcome {
    Outcome::Refused { refusal: code.into() }
}

fn held(outcomes: &[Outcome]) -> IntentId {
    match outcomes {
        [Outcome::Held { hold, .. }, ..] => hold.0,
        other => panic!("not held: {other:?}"),
    }
}

/// A house whose floor has so many places.
fn floor(capacity: u32) -> PerformanceDefinition {
    let mut house = house();
    for section in &mut house.sections {
        if let boxoffice_topics::SectionKind::GeneralAdmission { capacity: places, .. } =
            &mut section.kind
        {
            *places = capacity;
        }
    }
    house
}

#[test]
fn a_large_state_goes_in_parts_and_arrives_as_it_left() {
    let (here, there) = home();
    let mut world = World::new(floor(2_000));
    let first = held(&world.ask(here, 7, 70, &hold(2)));
    (0..1_500).for_each(|number| drop(world.ask(here, 100 + number, 1_000 + number, &hold(1))));
    let moved = world.ask(here, 0, 0, &move_to(there));
    assert!(matches!(moved[0], Outcome::Scaling(ScalingOutcome::SlotsLeft { .. })));
    let departure = world.states[here].departure().unwrap();
    assert!(departure.bytes > 2 * PART_BYTES_MAX as u64, "one part would prove nothing");
    assert_eq!(world.states[here].departing_state().unwrap().live_holds(), 1_501);
    assert_eq!(world.states[here].live_holds(), 0);
    world.settle();
    assert_eq!(world.states[there].live_holds(), 1_501);
    assert_eq!(world.states[there].moved_here().count(), 1);
    // Keys go with it, and what it has can be given back.
    let again = world.ask(there, 7, 70, &hold(2));
    assert_eq!(again, [Outcome::Repeated { original: first }]);
    let release = Intent::ReleaseHold { hold: boxoffice_topics::HoldId(first) };
    assert!(matches!(world.ask(there, 7, 71, &release)[..], [Outcome::HoldReleased { .. }]));
}

#[test]
fn what_comes_late_is_answered_once_where_the_slot_is() {
    let (here, there) = home();
    let mut world = World::new(house());
    world.ask(here, 0, 0, &move_to(there));
    let late = world.ask(here, 7, 70, &hold(2));
    assert!(matches!(late[..], [Outcome::Scaling(ScalingOutcome::HeldBack { .. })]), "{late:?}");
    let origin = IntentId::new(slot(), partition(here), Offset::new(4));
    let answers = world.settle();
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(held(answer).partition(), partition(there), "it is named where it was decided");
    let said = answer.last().unwrap();
    assert!(matches!(said,
        Outcome::Scaling(ScalingOutcome::PostReceived { origin: Some(of), .. }) if *of == origin));
    assert_eq!(world.states[there].answered_at(origin), Some(held(answer).offset()));
    // From now on it is sent on at once; the same key gets the same answer.
    let again = world.ask(here, 7, 70, &hold(2));
    assert!(matches!(again[..], [Outcome::Scaling(ScalingOutcome::Posted { .. })]), "{again:?}");
    assert_eq!(world.settle()[0][0], Outcome::Repeated { original: held(answer) });
}

#[test]
fn a_slot_that_comes_back_is_decided_where_it_was_first() {
    let (here, there) = home();
    let mut world = World::new(house());
    let first = held(&world.ask(here, 7, 70, &hold(2)));
    for (from, to) in [(here, there), (there, here), (here, there), (there, here)] {
        world.ask(from, 0, 0, &move_to(to));
        world.settle();
        let seen = world.states[to].performance(performance()).unwrap();
        assert_eq!(seen.seats_of(AccountId::from_u128(7)), 2);
        assert!(world.states[from].performance(performance()).is_none());
    }
    assert_eq!(world.states[here].moved_here().next().unwrap().generation, 4);
    let again = world.ask(here, 7, 70, &hold(2));
    assert_eq!(again, [Outcome::Repeated { original: first }]);
    // Its time runs out here, once.
    world.clock += 1_000_000;
    let expired = world.ask(here, 0, 0, &Intent::Tick);
    assert!(matches!(expired[..], [Outcome::HoldExpired { .. }]), "{expired:?}");
}

#[test]
fn the_mark_of_a_message_goes_with_the_slot() {
    let (here, there) = home();
    let mut world = World::new(house());
    let from = EffectName::new(PartitionId::new(9).unwrap(), Offset::new(5), 0);
    let order = OrderId(IntentId::new(slot(), partition(here), Offset::new(999)));
    let message = || Message::PointsRefused { order, code: RefusalCode::PointsInsufficient };
    let deliver = || Intent::Deliver { from, message: message() };
    assert_eq!(world.ask(here, 0, 0, &deliver()), [Outcome::MessageReceived { from }]);
    world.ask(here, 0, 0, &move_to(there));
    world.settle();
    let again = [refused(RefusalCode::MessageAlreadyReceived)];
    assert_eq!(world.ask(there, 0, 0, &deliver()), again);
    // On the old way, too.
    world.ask(here, 0, 0, &deliver());
    assert_eq!(world.settle()[0][0], again[0]);
}

#[test]
fn moves_that_cannot_be_meant_are_refused() {
    let (here, there) = home();
    let mut world = World::new(house());
    let other = Slot::new((slot().number() + 1) % 4_096).unwrap();
    let asked = |slots: &[Slot], to: usize, dealt: u16| {
        let dealt = NonZeroU16::new(dealt).unwrap();
        let (slots, to) = (slots.to_vec(), partition(to));
        Intent::Scaling(ScalingIntent::MoveSlots { slots, to, dealt })
    };
    let invalid = RefusalCode::MoveInvalid;
    for (intent, code) in [
        (asked(&[], there, 2), invalid),
        (asked(&[slot(), slot()], there, 2), invalid),
        (asked(&[slot()], here, 2), invalid),
        (asked(&[slot()], there, 1_025), invalid),
    ] {
        assert_eq!(world.ask(here, 0, 0, &intent), [refused(code)]);
    }
    let elsewhere = [Outcome::Refused { refusal: RefusalCode::SlotElsewhere.at_item(0) }];
    assert_eq!(world.ask(here, 0, 0, &asked(&[other], there, 2)), elsewhere);
    world.ask(here, 0, 0, &move_to(there));
    let second = Slot::new((slot().number() + 2) % 4_096).unwrap();
    let in_progress = [refused(RefusalCode::MoveInProgress)];
    assert_eq!(world.ask(here, 0, 0, &asked(&[second], there, 2)), in_progress);
    world.settle();
    assert_eq!(world.ask(here, 0, 0, &move_to(there)), elsewhere);
    assert_eq!(world.ask(here, 0, 0, &asked(&[second], there, 3)), [refused(invalid)]);
}

#[test]
fn posts_that_nobody_expects_are_refused() {
    let (here, there) = home();
    let mut world = World::new(house());
    world.ask(here, 0, 0, &move_to(there));
    world.ask(here, 0, 0, &Intent::Tick);
    let posts = std::mem::take(&mut world.posts);
    let [(to, announced, Post::Opening(opening)), (_, posted, part)] = &posts[..] else {
        panic!("{posts:?}")
    };
    let invalid = [refused(RefusalCode::PostInvalid)];
    let name = |offset| EffectName::new(partition(here), Offset::new(offset), 0);
    // A part before its announcement, and one with other bytes.
    assert_eq!(world.bring(*to, name(1), part.clone()), invalid);
    assert_eq!(world.bring(*to, *announced, Post::Opening(opening.clone())).len(), 2);
    let Post::Part { slot, bytes } = part else { panic!("{part:?}") };
    let changed = bytes.iter().map(|byte| byte ^ 1).collect();
    assert_eq!(world.bring(*to, *posted, Post::Part { slot: *slot, bytes: changed }), invalid);
    let too_many = [&bytes[..], &[0]].concat();
    assert_eq!(world.bring(*to, *posted, Post::Part { slot: *slot, bytes: too_many }), invalid);
    // An announcement of what is here, and the receipt of what did not leave.
    let again = Post::Opening(opening.clone());
    assert_eq!(world.bring(*to, name(9_999), again), invalid);
    let taken = Post::Taken { slot: *slot, fence: name(1) };
    let from = EffectName::new(partition(there), Offset::new(1), 0);
    assert_eq!(world.bring(partition(here), from, taken), invalid);
    // A forward that is no intent is refused, and that is its answer.
    let forward = Forward {
        slot: *slot,
        origin: IntentId::new(*slot, partition(here), Offset::new(50)),
        account: AccountId::from_u128(7),
        key: IntentKey::from_u128(8),
        fingerprint: 9,
        intent: vec![0xff],
    };
    let answered = world.bring(*to, name(10_000), Post::Forward(forward));
    assert_eq!(answered[0], invalid[0]);
    assert_eq!(answered.len(), 2);
}
