//! How buyers behave in a waiting room, with coupons and with points: a pure function of their
//! seeds, drawn apart from everything else, so that the same people come with and without them.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::shapes::{self, ShapeWish};

/// Sets these draws apart from those of the same buyer's wishes.
const APART: u64 = 0x5851_f42d_4c95_7f2d;

/// What there is beside seats and money.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extras {
    pub(super) waiting_room: bool,
    pub(super) coupons: bool,
    pub(super) points: bool,
    pub(super) refunds: bool,
    pub(super) tickets: bool,
    pub(super) shapes: bool,
}

/// What a buyer does with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Habits {
    pub(super) line: Option<LineHabit>,
    /// None for those who want no coupon.
    pub(super) coupon: Option<CouponHabit>,
    /// None for those who have no points.
    pub(super) points: Option<PointsHabit>,
    /// None for those who keep what they have bought.
    pub(super) refund: Option<RefundHabit>,
    /// None for those who come themselves.
    pub(super) gift: Option<GiftHabit>,
    /// None for those who want ordinary places.
    pub(super) shape: Option<ShapeWish>,
}

/// A buyer in a waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineHabit {
    /// Joins before the sale opens, and is drawn.
    pub(super) comes_early: bool,
    pub(super) manner: Manner,
    /// Tries to hold seats without having waited.
    pub(super) pushes_in: bool,
    /// Goes home without saying so.
    pub(super) stays_inside: bool,
}

/// How somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    Waits,
    /// Loads the page again, and keeps the place.
    Refreshes,
    /// Goes home.
    Leaves,
    /// Goes, and comes back to the same place.
    LeavesAndReturns,
    /// Gives no sign of life for a while, and comes back within the grace time.
    Dozes,
    /// Gives no sign of life for longer than the grace time.
    FallsSilent,
}

/// What somebody does with a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CouponHabit {
    /// Claims one, which an order takes by itself.
    Claims,
    /// Wants two.
    ClaimsTwice,
    /// Says which coupon the order takes.
    Names,
    /// Has one, and does not want it for this order.
    Declines,
}

/// How somebody gives tickets back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RefundHabit {
    /// The first one, twice.
    OneTicket,
    /// The last one, for the money that was quoted.
    AsQuoted,
    /// All of them, one after the other.
    OneByOne,
    /// The order.
    WholeOrder,
}

/// How somebody gives a ticket to a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GiftHabit {
    Gives,
    /// The friend does not want it.
    IsDeclined,
    /// Takes the offer back before the friend answers.
    Withdraws,
    /// The friend wants to give it to somebody else.
    IsPassedOn,
    /// Wants the money back for what the friend has.
    IsRegretted,
}

/// Points that somebody is given before the sale, and wants to spend, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PointsHabit {
    pub(super) granted_minor: i64,
    pub(super) spent_minor: i64,
}

const MANNERS: [(Manner, u32); 6] = [
    (Manner::Waits, 77),
    (Manner::Refreshes, 6),
    (Manner::Leaves, 4),
    (Manner::LeavesAndReturns, 6),
    (Manner::Dozes, 3),
    (Manner::FallsSilent, 4),
];

const COUPON_HABITS: [(Option<CouponHabit>, u32); 5] = [
    (Some(CouponHabit::Claims), 55),
    (Some(CouponHabit::ClaimsTwice), 10),
    (Some(CouponHabit::Names), 15),
    (Some(CouponHabit::Declines), 8),
    (None, 12),
];

const REFUND_HABITS: [(Option<RefundHabit>, u32); 5] = [
    (Some(RefundHabit::OneTicket), 6),
    (Some(RefundHabit::AsQuoted), 4),
    (Some(RefundHabit::OneByOne), 3),
    (Some(RefundHabit::WholeOrder), 4),
    (None, 83),
];

const GIFT_HABITS: [(Option<GiftHabit>, u32); 6] = [
    (Some(GiftHabit::Gives), 12),
    (Some(GiftHabit::IsDeclined), 3),
    (Some(GiftHabit::Withdraws), 3),
    (Some(GiftHabit::IsPassedOn), 3),
    (Some(GiftHabit::IsRegretted), 3),
    (None, 76),
];

/// What somebody is given and what they spend: a part of it, all of it, more than there is, or
/// nothing.
const POINTS: [(i64, i64); 4] = [(20_000, 7_000), (15_000, 15_000), (5_000, 9_000), (10_000, 0)];

/// The habits of the buyer with this seed.
pub(super) fn habits(seed: u64, extras: Extras) -> Habits {
    let mut rng = StdRng::seed_from_u64(seed ^ APART);
    let comes_early = rng.random_bool(0.5);
    let line = LineHabit {
        comes_early,
        manner: one_of(&mut rng, &MANNERS),
        // Who came early may be inside already.
        pushes_in: rng.random_bool(0.1) && !comes_early,
        stays_inside: rng.random_bool(0.03),
    };
    let coupon = one_of(&mut rng, &COUPON_HABITS);
    let has_points = rng.random_bool(0.4);
    let (granted_minor, spent_minor) = POINTS[rng.random_range(0..POINTS.len())];
    let points = PointsHabit { granted_minor, spent_minor };
    let refund = one_of(&mut rng, &REFUND_HABITS);
    let gift = one_of(&mut rng, &GIFT_HABITS);
    let shape = shapes::wish(&mut rng);
    Habits {
        line: extras.waiting_room.then_some(line),
        coupon: coupon.filter(|_| extras.coupons),
        points: (extras.points && has_points).then_some(points),
        refund: refund.filter(|_| extras.refunds),
        gift: gift.filter(|_| extras.tickets),
        shape: shape.filter(|_| extras.shapes),
    }
}

/// One of several, by their shares in parts of the sum.
fn one_of<T: Copy, const N: usize>(rng: &mut StdRng, table: &[(T, u32); N]) -> T {
    let sum = table.iter().map(|(_, share)| share).sum();
    let mut left: u32 = rng.random_range(0..sum);
    let chosen = table.iter().find(|(_, share)| {
        let is_here = left < *share;
        left = left.saturating_sub(*share);
        is_here
    });
    chosen.unwrap_or(&table[0]).0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_habit_happens_among_a_thousand_buyers() {
        let extras = Extras {
            waiting_room: true,
            coupons: true,
            points: true,
            refunds: true,
            tickets: true,
            shapes: true,
        };
        let all: Vec<Habits> = (0..1_000).map(|seed| habits(seed, extras)).collect();
        let lines = || all.iter().filter_map(|habits| habits.line);
        let manners: BTreeSet<Manner> = lines().map(|line| line.manner).collect();
        let coupons: BTreeSet<_> = all.iter().map(|habits| habits.coupon).collect();
        assert_eq!((manners.len(), coupons.len()), (MANNERS.len(), COUPON_HABITS.len()));
        assert!(lines().any(|line| line.pushes_in) && lines().any(|line| line.stays_inside));
        assert!(lines().all(|line| !(line.pushes_in && line.comes_early)));
        let refunds: BTreeSet<_> = all.iter().map(|habits| habits.refund).collect();
        let gifts: BTreeSet<_> = all.iter().map(|habits| habits.gift).collect();
        assert_eq!((refunds.len(), gifts.len()), (REFUND_HABITS.len(), GIFT_HABITS.len()));
        let spent: BTreeSet<_> =
            all.iter().filter_map(|habits| habits.points?.spent_minor.into()).collect();
        assert_eq!(spent.len(), POINTS.len());
    }

    #[test]
    fn nobody_has_a_habit_for_what_there_is_not() {
        assert!((0..100).all(|seed| habits(seed, Extras::default()) == Habits::default()));
    }
}
