//! Everything that can happen to a place, mixed: holds of seats, tables, companions, standing places and
//! nights, with and without a channel's code; orders with coupons, paid, declined, paid late and twice;
//! tickets that are offered, accepted, used and given back one by one or with their order; other terms;
//! and a performance that is cancelled in the middle. After each step every invariant is checked, and a
//! snapshot of any moment leads to the same future.
//!
//! The model that is compared with knows nothing of the core: it folds outcomes into maps.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "settlement/books.rs"]
mod books;
#[path = "mixed/house.rs"]
mod house;
#[path = "mixed/model.rs"]
mod model;
#[path = "mixed/world.rs"]
mod world;

use boxoffice_core::{State, apply};
use boxoffice_topics::SeatNumber;
use proptest::collection::vec;
use proptest::prelude::*;

use house::{LABELS, SELECTORS};
use world::{Ask, World};

fn ask() -> impl Strategy<Value = Ask> {
    let which = || 0..64_usize;
    let items = || vec(0..SELECTORS.len(), 1..3);
    prop_oneof![
        3 => (vec(0..LABELS.len(), 1..4), any::<bool>()).prop_map(|(seats, code)| Ask::Seats(seats, code)),
        3 => (1..4_u16, any::<bool>(), any::<bool>()).prop_map(|(n, accessible, code)| Ask::Best(n, accessible, code)),
        3 => (1..4_u16, any::<bool>()).prop_map(|(n, code)| Ask::Floor(n, code)),
        4 => (0..5_u16, 1..4_u16, 1..3_u16, any::<bool>())
            .prop_map(|(from, nights, rooms, code)| Ask::Stay(from, nights, rooms, code)),
        1 => which().prop_map(Ask::Renew),
        1 => which().prop_map(Ask::Release),
        6 => which().prop_map(Ask::Order),
        // The way to a ticket is long, so it is taken in one go, too.
        6 => which().prop_map(Ask::Buy),
        3 => which().prop_map(Ask::Die),
        3 => which().prop_map(Ask::Pay),
        4 => (which(), any::<bool>()).prop_map(|(which, exact)| Ask::Captured(which, exact)),
        2 => which().prop_map(Ask::Declined),
        2 => which().prop_map(Ask::Cancel),
        6 => (which(), vec(1..5_u16, 1..3)).prop_map(|(which, tickets)| Ask::Refund(which, tickets)),
        1 => (0..5_000_u16).prop_map(Ask::Terms),
        4 => (which(), 0..3_u8).prop_map(|(which, to)| Ask::Offer(which, to)),
        5 => which().prop_map(Ask::Accept),
        1 => which().prop_map(Ask::EndOffer),
        3 => which().prop_map(Ask::In),
        1 => which().prop_map(Ask::Out),
        3 => items().prop_map(Ask::Aside),
        2 => items().prop_map(Ask::Back),
        1 => Just(Ask::BackAll),
        1 => Just(Ask::Companions),
        1 => (0..8_u8).prop_map(Ask::CallOff),
        3 => (0..6_000_i64).prop_map(Ask::After),
        2 => (0..40 * 3_600_000_i64).prop_map(Ask::After),
    ]
}

/// Asks for everything, and looks after each step.
fn run(asks: &[(u8, Ask)], cut: usize) -> World {
    let mut world = World::new();
    let mut halfway = None;
    for (index, (who, ask)) in asks.iter().enumerate() {
        if index == cut {
            halfway = Some((world.state.to_snapshot(), world.steps.len()));
        }
        world.ask(*who, ask);
    }
    if let Some((snapshot, from)) = halfway {
        let mut restored = State::from_snapshot(&snapshot).unwrap();
        world.steps[from..].iter().for_each(|step| apply(&mut restored, step));
        assert!(restored.to_snapshot() == world.state.to_snapshot(), "another future");
        world.model.check(&restored);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_mixed_the_invariants_hold(
        asks in vec((any::<u8>(), ask()), 1..140),
        cut in 0..140_usize,
    ) {
        let mut world = run(&asks, cut);
        // In the end every hold ends by itself, and nothing is due any more.
        world.come_to_rest();
        prop_assert!(world.model.holds.is_empty(), "a hold lives for ever");
        prop_assert_eq!(world.state.due_at(), None);
        prop_assert_eq!(world.state.live_holds(), 0);
        // A performance that will not be shown gives everything back, except what waits for the
        // result of a payment.
        world.ask(0, &Ask::CallOff(0));
        world.settle_payments();
        world.come_to_rest();
        prop_assert!(world.model.orders.is_empty(), "an order of a cancelled performance lives");
        prop_assert!(world.model.holders.is_empty(), "a ticket of it is still somebody's");
        let show = world.state.performance(house::SHOW).unwrap();
        let owned = (0..).zip(LABELS).filter(|(seat, _)| {
            use boxoffice_core::SeatState::{Free, SetAside};
            !matches!(show.seat_state(SeatNumber(*seat)), Some(Free | SetAside))
        });
        prop_assert_eq!(owned.count(), 0);
    }
}

/// The property says something only when its world gets that far.
#[test]
fn the_world_reaches_refunds_transfers_check_ins_and_nights() {
    let asks = [
        Ask::Stay(1, 2, 1, false),
        Ask::Buy(0),
        Ask::Floor(2, false),
        Ask::Buy(0),
        Ask::Offer(0, 1),
        Ask::Accept(0),
        Ask::Offer(2, 2),
        Ask::In(1),
        Ask::Refund(1, vec![2]),
        Ask::After(5_000),
    ];
    let asks: Vec<_> = asks.into_iter().map(|ask| (0, ask)).collect();
    let world = run(&asks, 3);
    let told = format!("{:?}", world.steps);
    for outcome in ["Transferred", "CheckedIn", "TicketsRefunded", "Reductions", "OrderConfirmed"] {
        assert!(told.contains(outcome), "{outcome}");
    }
    assert_eq!(world.model.holders.len(), 3, "{:?}", world.model.holders);
}
