//! Several partitions and a runtime that brings messages late, again, and from further back after
//! a crash: whatever is asked, in whatever order, no coupon is issued or used too often, no point
//! is spent twice, no session ends twice, every won is accounted for, and in the end every key agrees on what became of
//! every order.
//!
//! The model that is compared with knows nothing of the core: it folds outcomes into maps.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "settlement/books.rs"]
mod books;
#[path = "between_keys/model.rs"]
mod model;
#[path = "between_keys/moves.rs"]
mod moves;
#[path = "between_keys/world.rs"]
mod world;

use proptest::collection::vec;
use proptest::prelude::*;

use world::{Ask, World};

fn ask() -> impl Strategy<Value = Ask> {
    let which = || 0..64_usize;
    prop_oneof![
        4 => (0..2_usize, 1..4_u16).prop_map(|(show, seats)| Ask::Hold { show, seats }),
        3 => Just(Ask::Join),
        1 => Just(Ask::Leave),
        1 => which().prop_map(Ask::Release),
        6 => (which(), 0..4_usize, 0..3_i64)
            .prop_map(|(hold, coupon, points)| Ask::Order { hold, coupon, points: points * 70 }),
        5 => which().prop_map(Ask::Pay),
        5 => which().prop_map(Ask::Captured),
        1 => which().prop_map(Ask::Declined),
        2 => which().prop_map(Ask::Cancel),
        5 => (0..4_usize).prop_map(Ask::Claim),
        1 => (0..4_usize, 1..7_u32).prop_map(|(campaign, quantity)| Ask::Change { campaign, quantity }),
        2 => (1..200_i64, 1..30_000_i64).prop_map(|(points, lasts)| Ask::Grant { points, lasts }),
        9 => (0..9_usize, 1..4_usize).prop_map(|(pair, count)| Ask::Deliver { pair, count }),
        2 => (0..9_usize, 0..8_usize).prop_map(|(pair, back)| Ask::Crash { pair, back }),
        3 => (0..9_000_i64).prop_map(Ask::After),
    ]
}

/// The same while slots move.
fn moving_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        20 => ask(),
        1 => (0..6_usize, any::<bool>(), 0..3_usize)
            .prop_map(|(first, many, to)| Ask::Move { first, many, to }),
        4 => (0..9_usize, 1..4_usize).prop_map(|(pair, count)| Ask::Bring { pair, count }),
        1 => Just(Ask::Reroute),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_of_several_keys_the_invariants_hold(
        asks in vec((any::<u8>(), ask()), 1..160),
        cut in 0..160_usize,
        has_room in any::<bool>(),
    ) {
        check(&asks, cut, has_room);
    }

    #[test]
    fn whatever_is_asked_while_slots_move_the_invariants_hold(
        asks in vec((any::<u8>(), moving_ask()), 1..200),
        cut in 0..200_usize,
        has_room in any::<bool>(),
    ) {
        check(&asks, cut, has_room);
    }
}

fn check(asks: &[(u8, Ask)], cut: usize, has_room: bool) {
    let mut world = World::new(has_room);
    let mut halfway = None;
    for (index, (buyer, ask)) in asks.iter().enumerate() {
        if index == cut {
            halfway = Some(world.snapshots());
        }
        world.ask(*buyer, ask);
    }
    if let Some(halfway) = halfway {
        world.check_snapshots(&halfway);
    }
    world.come_to_rest();
    world.check_at_rest();
}

/// The random world must reach what it is there to test.
#[test]
fn the_world_reaches_every_outcome_of_the_saga() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..600 {
        let asks = vec((any::<u8>(), ask()), 60..160).new_tree(&mut runner).unwrap().current();
        let mut world = World::new(number % 2 == 0);
        asks.iter().for_each(|(buyer, ask)| world.ask(*buyer, ask));
        world.come_to_rest();
        seen.extend(world.seen());
    }
    let reached: Vec<_> = seen.iter().map(String::as_str).collect();
    for wanted in [
        "placed with coupon",
        "placed with points",
        "placed with both",
        "reserving again",
        "not placed",
        "repeated message",
        "coupon reserved",
        "coupon used",
        "coupon released",
        "coupon returned",
        "coupon spent",
        "release of a late coupon",
        "release of late points",
        "points committed",
        "points released",
        "points earned",
        "points restored",
        "points taken back",
        "points owed",
        "points paying a debt",
        "points expired",
        "confirmed without payment",
        "confirmed by a tick",
        "admitted",
        "out by buying",
        "out by time",
        "out by time with an order of that tick",
    ] {
        assert!(seen.contains(wanted), "never {wanted}; reached: {reached:?}");
    }
}

#[test]
fn the_world_forwards_while_slots_move() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..100 {
        let asks =
            vec((any::<u8>(), moving_ask()), 60..160).new_tree(&mut runner).unwrap().current();
        let mut world = World::new(number % 2 == 0);
        asks.iter().for_each(|(buyer, ask)| world.ask(*buyer, ask));
        world.come_to_rest();
        seen.extend(world.seen());
    }
    for wanted in ["moved", "forwarded", "forwarded again"] {
        assert!(seen.contains(wanted), "never {wanted}");
    }
}
