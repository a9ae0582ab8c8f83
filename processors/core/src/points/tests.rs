//! Tables of wallets, and of orders that spend and earn points.
//!
//! An account's wallet lies in whatever partition its slot has; the rules do not depend on it.

use boxoffice_topics::codec::encode_into;
use boxoffice_topics::envelope::RECORD_BYTES_MAX;
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    AccountId, Currency, Header, Intent, IntentKey, Message, Money, Offset, OrderId, Outcome,
    PartitionId, PointsOutcome, RefusalCode, Step, Timestamp,
};

use crate::tables::check_partitions;
use crate::{Record, State, apply, decide};

const DAY: i64 = 86_400_000;

#[track_caller]
fn check(table: &str) {
    for partitions in [2, 1] {
        check_partitions(partitions, table);
    }
}

#[test]
fn points_are_given_with_an_amount_and_an_expiry() {
    check(
        "operator points alice 100 until=5000 => credited l1 100 until 5000
         operator points alice 0              => refused points_invalid
         operator points alice -1             => refused points_invalid
         operator points alice 1000000000001  => refused points_invalid
         after 4999                           => nothing
         operator points alice 1 until=4999   => refused points_invalid
         after 1                              => expired l1 100",
    );
}

#[test]
fn a_wallet_has_250_lots_before_it_takes_no_more_gifts() {
    let gifts = (1..=250)
        .map(|lot| format!("operator points alice 1 until=5000 => credited l{lot} 1 until 5000\n"));
    check_partitions(
        1,
        &format!(
            "{}
             operator points alice 1 => refused wallet_limit_reached
             operator points bob 1   => credited l251 1 until 1000000000",
            gifts.collect::<String>()
        ),
    );
}

#[test]
fn a_rule_is_of_a_performance_and_of_sense() {
    check_partitions(
        1,
        "promoter rule 10001                    => refused points_invalid
         promoter rule 100 earned=0             => refused points_invalid
         promoter rule 100 earned=1 restored=0  => refused points_invalid
         promoter rule 0                        => ruled
         promoter rule 10000 earned=365         => ruled",
    );
    crate::tables::check_house(
        crate::tables::house(),
        "promoter rule 100 => refused performance_unknown",
    );
}

#[test]
fn points_are_spent_first_in_first_out() {
    check(
        "operator points alice 30 until=900000 => credited l1 30 until 900000
         operator points alice 50 until=800000 => credited l2 50 until 800000
         alice seats A-1-1         => held h1 A-1-1 100 asasked
         alice order h1 points=40  => reserving o1 points 40, m1 reserve_points 40 o1
         deliver m1                => got m1, kept for o1 l1:30 l2:10, m2 points_reserved o1
         deliver m1                => refused message_already_received
         deliver m2                => got m2, placed o1 60 -40 points
         deliver m2                => refused message_already_received
         alice pay o1 100          => refused amount_mismatch
         alice pay o1 60           => requested p1 60
         system captured p1 60     => captured p1 60, confirmed o1 A-1-1, m3 commit_points o1
         deliver m3                => got m3, spent 40 o1
         deliver m3                => refused message_already_received
         alice seats A-1-2         => held h2 A-1-2 100 asasked
         alice order h2 points=41  => reserving o2 points 41, m4 reserve_points 41 o2
         deliver m4                => got m4, m5 points_refused o2 points_insufficient
         deliver m5                => got m5, unplaced o2 points_insufficient, h2 until 5000
         deliver m5                => refused message_already_received
         alice order h2 points=-1  => refused points_invalid
         alice order h2 points=0   => placed o3 100",
    );
}

#[test]
fn no_more_points_are_spent_than_there_is_to_pay() {
    check(
        "operator points alice 500 => credited l1 500 until 1000000000
         alice seats A-1-1         => held h1 A-1-1 100 asasked
         alice order h1 points=500 => reserving o1 points 100, m1 reserve_points 100 o1
         deliver all               => kept for o1 l1:100, m2 points_reserved o1, placed o1 0 -100 points, confirmed o1 A-1-1, m3 commit_points o1, spent 100 o1
         alice seats FREE-1-1      => held h2 FREE-1-1 0 asasked
         alice order h2 points=500 => placed o2 0, confirmed o2 FREE-1-1",
    );
}

#[test]
fn nobody_has_points_of_another_currency() {
    check(
        "operator points alice 500 currency=USD => credited l1 500 until 1000000000
         alice seats A-1-1        => held h1 A-1-1 100 asasked
         alice order h1 points=10 => reserving o1 points 10, m1 reserve_points 10 o1
         deliver all              => m2 points_refused o1 points_insufficient, unplaced o1 points_insufficient, h1 until 5000",
    );
}

#[test]
fn points_come_after_a_coupon_of_the_performance() {
    check(
        "operator points alice 500  => credited l1 500 until 1000000000
         promoter campaign 9 off=20 => campaign k1
         alice claim k1             => issued c1 k1 v0 #1
         alice seats A-1-1          => held h1 A-1-1 100 asasked
         alice order h1 points=99   => reserving o1 points 80 -20 c1, reserved c1 o1, m1 reserve_points 80 o1
         alice seats A-1-2          => held h2 A-1-2 100 asasked
         alice order h2 coupon=c1   => refused coupon_used_up
         deliver m1                 => got m1, kept for o1 l1:80, m2 points_reserved o1
         deliver m2                 => got m2, placed o1 0 -20 c1 -80 points, confirmed o1 A-1-1, used c1 o1, m3 commit_points o1
         deliver m3                 => got m3, spent 80 o1",
    );
}

#[test]
fn a_coupon_is_given_back_when_the_points_are_refused() {
    check(
        "promoter campaign 9 off=20 => campaign k1
         alice claim k1             => issued c1 k1 v0 #1
         alice seats A-1-1          => held h1 A-1-1 100 asasked
         alice order h1 points=5    => reserving o1 points 5 -20 c1, reserved c1 o1, m1 reserve_points 5 o1
         deliver m1                 => got m1, m2 points_refused o1 points_insufficient
         deliver m2                 => got m2, unplaced o1 points_insufficient, h1 until 5000, freed c1 o1
         alice order h1             => placed o2 80 -20 c1, reserved c1 o2",
    );
}

/// Alice has 100 points, and a coupon of 20 of a campaign elsewhere.
#[track_caller]
fn check_both(table: &str) {
    check(&format!(
        "operator points alice 100 => credited l1 100 until 1000000000
         promoter campaign 9 off=20 return spans=1 => campaign k1, m1 campaign_announced k1 v0 at 1
         alice claim k1            => issued c1 k1 v0 #1, m2 coupon_granted c1 at 1
         deliver all               => announced k1 v0 at 1, granted c1 at 1
         alice seats A-1-1         => held h1 A-1-1 100 asasked
         alice order h1 points=50  => reserving o1 coupon -20 c1, m3 reserve_coupon c1 o1
         {table}"
    ));
}

#[test]
fn an_order_asks_for_its_coupon_then_for_its_points() {
    check_both(
        "deliver m3            => got m3, reserved c1 o1, m4 coupon_reserved c1 o1
         deliver m4            => got m4, reserving o1 points 50 -20 c1, m5 reserve_points 50 o1
         deliver m4            => refused message_already_received
         deliver m5            => got m5, kept for o1 l1:50, m6 points_reserved o1
         deliver m6            => got m6, placed o1 30 -20 c1 -50 points
         alice pay o1 30       => requested p1 30
         system captured p1 30 => captured p1 30, confirmed o1 A-1-1, m7 commit_coupon c1 o1, m8 commit_points o1
         deliver m7            => got m7, used c1 o1, m9 coupon_spent c1 at 1
         deliver m8            => got m8, spent 50 o1
         deliver m9            => got m9, spent c1 at 1",
    );
}

#[test]
fn without_the_coupon_the_order_spends_its_points_on_the_full_price() {
    check_both(
        "after 10000  => reserving o1 points 50, m4 reserve_points 50 o1
         deliver m3   => got m3, reserved c1 o1, m5 coupon_reserved c1 o1
         deliver m4   => got m4, kept for o1 l1:50, m6 points_reserved o1
         deliver m5   => got m5, m7 release_coupon c1 o1
         deliver m6   => got m6, placed o1 50 -50 points
         deliver m7   => got m7, freed c1 o1",
    );
}

#[test]
fn points_that_are_not_answered_for_leave_the_hold_and_free_the_coupon() {
    check_both(
        "deliver m3   => got m3, reserved c1 o1, m4 coupon_reserved c1 o1
         after 9999   => nothing
         deliver m4   => got m4, reserving o1 points 50 -20 c1, m5 reserve_points 50 o1
         after 9999   => nothing
         after 1      => unplaced o1 reservation_timed_out, h1 until 24999, m6 release_coupon c1 o1
         deliver m5   => got m5, kept for o1 l1:50, m7 points_reserved o1
         deliver m6   => got m6, freed c1 o1
         deliver m7   => got m7, m8 release_points o1
         deliver m7   => refused message_already_received
         deliver m8   => got m8, back 50 o1
         deliver m8   => refused message_already_received",
    );
}

#[test]
fn an_order_that_waits_for_points_can_be_given_up() {
    check_both(
        "deliver m3      => got m3, reserved c1 o1, m4 coupon_reserved c1 o1
         deliver m4      => got m4, reserving o1 points 50 -20 c1, m5 reserve_points 50 o1
         alice cancel o1 => unplaced o1 order_given_up, h1 until 5000, m6 release_coupon c1 o1
         deliver m5      => got m5, kept for o1 l1:50, m7 points_reserved o1
         deliver m6      => got m6, freed c1 o1
         deliver m7      => got m7, m8 release_points o1
         deliver m8      => got m8, back 50 o1",
    );
}

#[test]
fn a_refusal_of_points_that_comes_late_changes_nothing() {
    check(
        "alice seats A-1-1        => held h1 A-1-1 100 asasked
         alice order h1 points=50 => reserving o1 points 50, m1 reserve_points 50 o1
         after 10000              => unplaced o1 reservation_timed_out, h1 until 15000
         deliver m1               => got m1, m2 points_refused o1 points_insufficient
         deliver m2               => got m2",
    );
}

/// Alice has 60 points, an order of 100 with 40 of them, and the rule gives a tenth back.
#[track_caller]
fn check_order(table: &str) {
    check(&format!(
        "promoter rule 1000 earned=7 restored=3 => ruled
         operator points alice 60 until=50000   => credited l1 60 until 50000
         alice seats A-1-1        => held h1 A-1-1 100 asasked
         alice order h1 points=40 => reserving o1 points 40, m1 reserve_points 40 o1
         deliver all              => kept for o1 l1:40, m2 points_reserved o1, placed o1 60 -40 points
         {table}"
    ));
}

#[test]
fn points_come_back_into_their_lot_when_the_order_dies() {
    check_order(
        "alice cancel o1 => cancelled o1 bybuyer, m3 release_points o1
         deliver m3      => got m3, back 40 o1
         deliver m3      => refused message_already_received
         after 50000     => expired l1 60",
    );
}

#[test]
fn what_is_free_expires_and_what_comes_back_too_late_expires_at_the_next_tick() {
    check_order(
        "after 49999     => nothing
         after 1         => expired l1 20
         alice cancel o1 => cancelled o1 bybuyer, m3 release_points o1
         deliver m3      => got m3, back 40 o1
         alice seats A-1-2        => held h2 A-1-2 100 asasked
         alice order h2 points=40 => reserving o2 points 40, m4 reserve_points 40 o2
         deliver m4      => got m4, m5 points_refused o2 points_insufficient
         after 1         => expired l1 40
         after 1         => nothing",
    );
}

#[test]
fn what_is_reserved_does_not_expire_under_the_order() {
    check_order(
        "after 50000           => expired l1 20
         alice pay o1 60       => requested p1 60
         system captured p1 60 => captured p1 60, confirmed o1 A-1-1, m3 commit_points o1, m4 earn_points 6 o1
         deliver m3            => got m3, spent 40 o1",
    );
}

/// As above, and paid.
#[track_caller]
fn check_paid(table: &str) {
    check_order(&format!(
        "alice pay o1 60       => requested p1 60
         system captured p1 60 => captured p1 60, confirmed o1 A-1-1, m3 commit_points o1, m4 earn_points 6 o1
         deliver m3            => got m3, spent 40 o1
         {table}"
    ));
}

#[test]
fn an_order_earns_by_what_was_paid_in_money_rounded_down() {
    check_paid(&format!(
        "deliver m4 => got m4, credited l2 6 until {}
         deliver m4 => refused message_already_received
         after 50000 => expired l1 20",
        7 * DAY
    ));
    check_partitions(
        1,
        "promoter rule 199 => ruled
         bob seats B-1-1       => held h1 B-1-1 50 asasked
         bob order h1          => placed o1 50
         bob pay o1 50         => requested p1 50
         system captured p1 50 => captured p1 50, confirmed o1 B-1-1",
    );
}

#[test]
fn a_refund_restores_what_was_spent_and_takes_back_what_was_earned() {
    check_paid(&format!(
        "deliver m4      => got m4, credited l2 6 until {}
         alice cancel o1 => cancelled o1 bybuyer, refund r1 60 ordercancelled, m5 restore_points 40 o1, m6 take_back_points 6 o1
         deliver m5      => got m5, credited l3 40 until {}
         deliver m5      => refused message_already_received
         deliver m6      => got m6, taken back o1 l1:6 owing 0
         deliver m6      => refused message_already_received
         after 50000     => expired l1 14",
        7 * DAY,
        3 * DAY
    ));
}

#[test]
fn points_that_were_earned_and_spent_are_owed_and_the_next_ones_pay() {
    check(&format!(
        "promoter rule 10000       => ruled
         alice seats A-1-1         => held h1 A-1-1 100 asasked
         alice order h1            => placed o1 100
         alice pay o1 100          => requested p1 100
         system captured p1 100    => captured p1 100, confirmed o1 A-1-1, m1 earn_points 100 o1
         deliver all               => credited l1 100 until {DAY}
         alice seats A-1-2         => held h2 A-1-2 100 asasked
         alice order h2 points=70  => reserving o2 points 70, m2 reserve_points 70 o2
         deliver all               => kept for o2 l1:70, m3 points_reserved o2, placed o2 30 -70 points
         alice cancel o1           => cancelled o1 bybuyer, refund r1 100 ordercancelled, m4 take_back_points 100 o1
         deliver all               => taken back o1 l1:30 owing 70
         alice seats A-1-3         => held h3 A-1-3 100 asasked
         alice order h3 points=1   => reserving o3 points 1, m5 reserve_points 1 o3
         deliver all               => m6 points_refused o3 points_insufficient, unplaced o3 points_insufficient, h3 until 5000
         operator points alice 50  => credited l2 50 paying 50 until 1000000000
         alice cancel o2           => cancelled o2 bybuyer, m7 release_points o2
         deliver all               => back 70 paying 20 o2
         operator points alice 5   => credited l3 5 until 1000000000
         alice order h3 points=55  => reserving o4 points 55, m8 reserve_points 55 o4
         deliver all               => kept for o4 l1:50 l3:5, m9 points_reserved o4, placed o4 45 -55 points",
    ));
}

#[test]
fn without_a_rule_nothing_is_earned_and_points_come_back_for_a_month() {
    check(&format!(
        "operator points alice 100 => credited l1 100 until 1000000000
         alice seats A-1-1         => held h1 A-1-1 100 asasked
         alice order h1 points=100 => reserving o1 points 100, m1 reserve_points 100 o1
         deliver all               => kept for o1 l1:100, m2 points_reserved o1, placed o1 0 -100 points, confirmed o1 A-1-1, m3 commit_points o1, spent 100 o1
         alice cancel o1           => cancelled o1 bybuyer, m4 restore_points 100 o1
         deliver m4                => got m4, credited l2 100 until {}",
        30 * DAY
    ));
}

#[test]
fn late_money_for_an_order_that_had_points_goes_back() {
    check_order(
        "alice pay o1 60       => requested p1 60
         system declined p1    => declined p1 REJECT
         after 50000           => expired l1 20
         after 10000           => cancelled o1 expired, m3 release_points o1
         system captured p1 60 => captured p1 60, refund r1 60 latecapture",
    );
}

/// A wallet that earned a point at a time, which nothing limits.
struct Collector {
    state: State,
    messages: u64,
}

impl Collector {
    const ACCOUNT: AccountId = AccountId::from_u128(1);

    fn of(points: i64) -> Self {
        let mut it = Self { state: State::new(PartitionId::new(0).unwrap()), messages: 0 };
        for _ in 0..points {
            let expires_at = Timestamp::from_millis(DAY);
            let (account, order, amount) = (Self::ACCOUNT, Self::order(0), won(1));
            it.deliver(Message::EarnPoints { account, order, amount, expires_at });
        }
        it
    }

    fn order(number: u64) -> OrderId {
        OrderId(format!("0-1-{number}").parse().unwrap())
    }

    fn reserve(&mut self, order: u64, points: i64) -> Vec<Outcome> {
        let (account, order, amount) = (Self::ACCOUNT, Self::order(order), won(points));
        self.deliver(Message::ReservePoints { account, order, amount })
    }

    fn deliver(&mut self, message: Message) -> Vec<Outcome> {
        self.messages += 1;
        let partition = PartitionId::new(1).unwrap();
        let from = EffectName::new(partition, Offset::new(self.messages), 0);
        self.decide(1, &Intent::Deliver { from, message })
    }

    fn decide(&mut self, now: i64, intent: &Intent<'_>) -> Vec<Outcome> {
        let header = Header {
            recorded_at: Timestamp::from_millis(now),
            account: AccountId::default(),
            key: IntentKey::default(),
            fingerprint: 0,
            traceparent: None,
        };
        let (offset, mut step) = (self.state.next_offset(), Step::default());
        decide(&self.state, &Record { offset, header: &header, intent }, &mut step);
        apply(&mut self.state, &step);
        let mut bytes = Vec::new();
        encode_into(&step, &mut bytes);
        assert!(bytes.len() < RECORD_BYTES_MAX / 2, "a step of {} bytes", bytes.len());
        step.outcomes
    }
}

fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW)
}

#[test]
fn an_order_takes_points_from_500_lots_at_most_and_a_larger_one_is_told() {
    let mut it = Collector::of(8_000);
    let refused = |outcomes: &[Outcome], why| {
        let order = Collector::order(7);
        let message = Message::PointsRefused { order, code: why };
        outcomes[1..] == [Outcome::MessageSent { message }]
    };
    assert!(refused(&it.reserve(7, 8_001), RefusalCode::PointsInsufficient));
    assert!(refused(&it.reserve(7, 501), RefusalCode::PointsInTooManyLots));
    assert!(!refused(&it.reserve(7, 500), RefusalCode::PointsInTooManyLots));
    assert!(!refused(&it.reserve(8, 500), RefusalCode::PointsInTooManyLots));
}

#[test]
fn a_refund_takes_points_back_from_500_lots_at_most_and_the_rest_is_owed() {
    let mut it = Collector::of(8_000);
    let (account, order, amount) = (Collector::ACCOUNT, Collector::order(0), won(7_000));
    it.deliver(Message::TakeBackPoints { account, order, amount });
    let wallet = it.state.wallet(account).unwrap();
    assert_eq!((wallet.owes(Currency::KRW), wallet.lots().len()), (6_500, 7_500));
}

#[test]
fn lots_of_one_deadline_expire_in_as_many_ticks_as_they_need() {
    let mut it = Collector::of(1_200);
    for expected in [500, 500, 200, 0] {
        let outcomes = it.decide(DAY, &Intent::Tick);
        let is_expiry =
            |outcome: &Outcome| matches!(outcome, Outcome::Points(PointsOutcome::Expired { .. }));
        assert!(outcomes.iter().all(is_expiry) && outcomes.len() == expected);
        assert_eq!(it.state.due_at().is_some(), expected == 500);
    }
}
