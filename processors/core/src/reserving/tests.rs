//! Tables of orders that ask other keys, with every message on time, twice, late and never.
//!
//! The house is in the second partition, the campaign in the first; then both in one, because the
//! rules must not depend on it.

use crate::State;
use crate::tables::{account, check_partitions, states_after};

/// A campaign that spans the house and another performance, and alice with a coupon of 20.
#[track_caller]
fn check_spanning(words: &str, table: &str) {
    for partitions in [2, 1] {
        check_partitions(
            partitions,
            &format!(
                "promoter campaign 9 off=20 {words} spans=1,2 => campaign k1, m1 campaign_announced k1 v0 at 1, m2 campaign_announced k1 v0 at 2
                 deliver all       => announced k1 v0 at 1, announced k1 v0 at 2
                 alice claim k1    => issued c1 k1 v0 #1, m3 coupon_granted c1 at 1, m4 coupon_granted c1 at 2
                 deliver all       => granted c1 at 1, granted c1 at 2
                 alice seats A-1-1 => held h1 A-1-1 100 asasked
                 {table}"
            ),
        );
    }
}

#[test]
fn a_coupon_from_elsewhere_is_reserved_then_used() {
    check_spanning(
        "",
        "alice order h1        => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         deliver m5            => got m5, reserved c1 o1, m6 coupon_reserved c1 o1
         deliver m5            => refused message_already_received
         deliver m6            => got m6, placed o1 80 -20 c1
         deliver m6            => refused message_already_received
         alice pay o1 100      => refused amount_mismatch
         alice pay o1 80       => requested p1 80
         system captured p1 80 => captured p1 80, confirmed o1 A-1-1, m7 commit_coupon c1 o1
         deliver m7            => got m7, used c1 o1, m8 coupon_spent c1 at 1, m9 coupon_spent c1 at 2
         deliver m7            => refused message_already_received
         deliver m5            => refused message_already_received
         deliver m8            => got m8, spent c1 at 1
         deliver m8            => refused message_already_received
         alice seats A-1-2     => held h2 A-1-2 100 asasked
         alice order h2 coupon=c1 => refused coupon_used_up
         alice order h2        => placed o2 100",
    );
}

#[test]
fn a_hold_does_not_end_while_its_order_waits() {
    check_spanning(
        "",
        "alice order h1       => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         after 9999           => nothing
         alice renew h1       => refused hold_being_ordered
         alice release h1     => refused hold_being_ordered
         alice order h1       => refused hold_being_ordered
         bob   release h1     => refused hold_owned_by_another
         bob   seats A-1-1    => refused seat_already_held@0
         alice pay o1 80      => refused order_reserving
         bob   pay o1 80      => refused order_unknown
         bob   cancel o1      => refused order_owned_by_another
         deliver m5           => got m5, reserved c1 o1, m6 coupon_reserved c1 o1
         deliver m6           => got m6, placed o1 80 -20 c1",
    );
}

#[test]
fn without_an_answer_in_time_the_order_does_without_the_coupon() {
    check_spanning(
        "",
        "alice order h1    => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         after 10000       => placed o1 100
         deliver m5        => got m5, reserved c1 o1, m6 coupon_reserved c1 o1
         deliver m6        => got m6, m7 release_coupon c1 o1
         deliver m6        => refused message_already_received
         deliver m7        => got m7, freed c1 o1
         deliver m7        => refused message_already_received
         alice pay o1 100  => requested p1 100",
    );
}

#[test]
fn without_an_answer_in_time_a_local_coupon_does() {
    check_spanning(
        "",
        "promoter campaign 9 off=15 => campaign k2
         alice claim k2    => issued c2 k2 v0 #1
         alice order h1    => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         after 10000       => placed o1 85 -15 c2, reserved c2 o1",
    );
}

#[test]
fn orders_that_stop_waiting_in_one_tick_do_not_take_one_coupon_twice() {
    check_spanning(
        "limit=2",
        "alice claim k1    => issued c2 k1 v0 #2, m5 coupon_granted c2 at 1, m6 coupon_granted c2 at 2
         deliver all       => granted c2 at 1, granted c2 at 2
         promoter campaign 9 off=15 => campaign k2
         alice claim k2    => issued c3 k2 v0 #1
         alice seats A-1-2 => held h2 A-1-2 100 asasked
         alice order h1    => reserving o1 coupon -20 c1, m7 reserve_coupon c1 o1
         alice order h2    => reserving o2 coupon -20 c1, m8 reserve_coupon c1 o2
         after 10000       => placed o1 85 -15 c3, reserved c3 o1, placed o2 100",
    );
}

#[test]
fn orders_that_stop_waiting_in_one_tick_share_a_coupon_of_several_uses() {
    check_spanning(
        "limit=2",
        "alice claim k1    => issued c2 k1 v0 #2, m5 coupon_granted c2 at 1, m6 coupon_granted c2 at 2
         deliver all       => granted c2 at 1, granted c2 at 2
         promoter campaign 9 off=15 uses=2 => campaign k2
         alice claim k2    => issued c3 k2 v0 #1
         alice seats A-1-2 => held h2 A-1-2 100 asasked
         alice seats A-1-3 => held h3 A-1-3 100 asasked
         alice order h1    => reserving o1 coupon -20 c1, m7 reserve_coupon c1 o1
         alice order h2    => reserving o2 coupon -20 c1, m8 reserve_coupon c1 o2
         alice order h3    => reserving o3 coupon -20 c1, m9 reserve_coupon c1 o3
         after 10000       => placed o1 85 -15 c3, reserved c3 o1, placed o2 85 -15 c3, reserved c3 o2, placed o3 100",
    );
}

#[test]
fn who_named_the_coupon_gets_it_or_keeps_the_hold() {
    check_spanning(
        "",
        "alice seats A-1-2        => held h2 A-1-2 100 asasked
         alice order h1 coupon=c1 => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         alice order h2 coupon=c1 => reserving o2 coupon -20 c1, m6 reserve_coupon c1 o2
         deliver m5               => got m5, reserved c1 o1, m7 coupon_reserved c1 o1
         deliver m6               => got m6, m8 coupon_refused c1 o2 coupon_used_up
         deliver m7               => got m7, placed o1 80 -20 c1
         deliver m8               => got m8, unplaced o2 coupon_used_up, h2 until 5000
         deliver m8               => refused message_already_received
         alice pay o2 80          => refused order_unknown
         alice cancel o2          => refused order_unknown
         after 4999               => nothing
         bob   seats A-1-2        => refused seat_already_held@0
         alice order h2 coupon=none => placed o3 100",
    );
}

#[test]
fn a_named_coupon_that_is_not_answered_for_leaves_the_hold() {
    check_spanning(
        "",
        "alice order h1 coupon=c1 => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         after 10000              => unplaced o1 reservation_timed_out, h1 until 15000
         deliver m5               => got m5, reserved c1 o1, m6 coupon_reserved c1 o1
         deliver m6               => got m6, m7 release_coupon c1 o1
         deliver m7               => got m7, freed c1 o1
         after 4999               => nothing
         after 1                  => expired h1",
    );
}

#[test]
fn who_named_none_gets_the_next_best() {
    check_spanning(
        "limit=2",
        "alice claim k1    => issued c2 k1 v0 #2, m5 coupon_granted c2 at 1, m6 coupon_granted c2 at 2
         deliver all       => granted c2 at 1, granted c2 at 2
         alice seats A-1-2 => held h2 A-1-2 100 asasked
         alice order h1    => reserving o1 coupon -20 c1, m7 reserve_coupon c1 o1
         alice order h2    => reserving o2 coupon -20 c1, m8 reserve_coupon c1 o2
         deliver m7        => got m7, reserved c1 o1, m9 coupon_reserved c1 o1
         deliver m8        => got m8, m10 coupon_refused c1 o2 coupon_used_up
         deliver m9        => got m9, placed o1 80 -20 c1
         deliver m10       => got m10, reserving o2 coupon -20 c2, m11 reserve_coupon c2 o2
         deliver m11       => got m11, reserved c2 o2, m12 coupon_reserved c2 o2
         deliver m12       => got m12, placed o2 80 -20 c2",
    );
}

#[test]
fn who_asks_in_vain_keeps_places_no_longer_than_the_hold_lasts() {
    check_spanning(
        "",
        "after 2000       => nothing
         alice order h1 coupon=c1 => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         after 100        => nothing
         alice cancel o1  => unplaced o1 order_given_up, h1 until 5100
         after 2999       => nothing
         alice order h1 coupon=c1 => reserving o2 coupon -20 c1, m6 reserve_coupon c1 o2
         alice cancel o2  => unplaced o2 order_given_up, h1 until 5100
         after 1          => expired h1",
    );
}

#[test]
fn the_time_of_a_hold_stands_still_for_fifty_seconds_in_all() {
    let orders = (1..=6).map(|o| {
        let until = 5_000 + 9_000 * o;
        let until = until.min(55_000);
        format!(
            "alice order h1 coupon=c1 => reserving o{o} coupon -20 c1, m{} reserve_coupon c1 o{o}
             after 9000               => nothing
             alice cancel o{o}        => unplaced o{o} order_given_up, h1 until {until}\n",
            o + 4
        )
    });
    check_spanning(
        "",
        &format!(
            "{}
             after 999                => nothing
             alice order h1 coupon=c1 => reserving o7 coupon -20 c1, m11 reserve_coupon c1 o7
             after 10000              => unplaced o7 reservation_timed_out, h1 until 55000
             alice order h1           => refused hold_expired
             after 0                  => expired h1
             bob   seats A-1-1        => held h2 A-1-1 100 asasked",
            orders.collect::<String>()
        ),
    );
}

#[test]
fn renewing_a_hold_does_not_let_its_time_stand_still_anew() {
    check_spanning(
        "",
        "alice order h1 coupon=c1 => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         after 10000              => unplaced o1 reservation_timed_out, h1 until 15000
         alice order h1 coupon=c1 => reserving o2 coupon -20 c1, m6 reserve_coupon c1 o2
         after 10000              => unplaced o2 reservation_timed_out, h1 until 25000
         alice order h1 coupon=c1 => reserving o3 coupon -20 c1, m7 reserve_coupon c1 o3
         after 10000              => unplaced o3 reservation_timed_out, h1 until 35000
         alice order h1 coupon=c1 => reserving o4 coupon -20 c1, m8 reserve_coupon c1 o4
         after 10000              => unplaced o4 reservation_timed_out, h1 until 45000
         after 4000               => nothing
         alice renew h1           => renewed h1 until 49000 left 0
         alice order h1 coupon=c1 => reserving o5 coupon -20 c1, m9 reserve_coupon c1 o5
         after 10000              => unplaced o5 reservation_timed_out, h1 until 59000
         alice order h1 coupon=c1 => reserving o6 coupon -20 c1, m10 reserve_coupon c1 o6
         after 10000              => unplaced o6 reservation_timed_out, h1 until 59000
         after 0                  => expired h1",
    );
}

#[test]
fn an_order_asks_four_times_at_most() {
    let claims = (1..=5).map(|c| {
        let (m, n) = (2 * c + 1, 2 * c + 2);
        format!(
            "alice claim k1 => issued c{c} k1 v0 #{c}, m{m} coupon_granted c{c} at 1, m{n} coupon_granted c{c} at 2\n"
        )
    });
    let others = (1..=4).map(|o| {
        let (m, n) = (2 * o + 11, 2 * o + 12);
        format!(
            "alice seats A-1-{o} at=2 => held h{o} A-1-{o} 100 asasked
             alice order h{o} coupon=c{o} => reserving o{o} coupon -20 c{o}, m{m} reserve_coupon c{o} o{o}
             deliver all => reserved c{o} o{o}, m{n} coupon_reserved c{o} o{o}, placed o{o} 80 -20 c{o}\n"
        )
    });
    check_partitions(
        2,
        &format!(
            "promoter campaign 9 off=20 limit=5 spans=1,2 => campaign k1, m1 campaign_announced k1 v0 at 1, m2 campaign_announced k1 v0 at 2
             promoter create at=2 => created
             promoter open at=2   => opened
             {}
             deliver all => announced k1 v0 at 1, announced k1 v0 at 2, granted c1 at 1, granted c1 at 2, granted c2 at 1, granted c2 at 2, granted c3 at 1, granted c3 at 2, granted c4 at 1, granted c4 at 2, granted c5 at 1, granted c5 at 2
             {}
             alice seats A-1-1 => held h5 A-1-1 100 asasked
             alice order h5    => reserving o5 coupon -20 c1, m21 reserve_coupon c1 o5
             deliver m21       => got m21, m22 coupon_refused c1 o5 coupon_used_up
             deliver m22       => got m22, reserving o5 coupon -20 c2, m23 reserve_coupon c2 o5
             deliver m23       => got m23, m24 coupon_refused c2 o5 coupon_used_up
             deliver m24       => got m24, reserving o5 coupon -20 c3, m25 reserve_coupon c3 o5
             deliver m25       => got m25, m26 coupon_refused c3 o5 coupon_used_up
             deliver m26       => got m26, reserving o5 coupon -20 c4, m27 reserve_coupon c4 o5
             deliver m27       => got m27, m28 coupon_refused c4 o5 coupon_used_up
             deliver m28       => got m28, placed o5 100",
            claims.collect::<String>(),
            others.collect::<String>()
        ),
    );
}

#[test]
fn a_refusal_that_nobody_waits_for_changes_nothing() {
    check_spanning(
        "expires=9000",
        "after 8999        => expired h1
         alice seats A-1-1 => held h2 A-1-1 100 asasked
         alice order h2    => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         after 10000       => placed o1 100
         deliver m5        => got m5, m6 coupon_refused c1 o1 coupon_expired
         deliver m6        => got m6",
    );
}

#[test]
fn an_order_that_waits_can_be_given_up() {
    check_spanning(
        "",
        "alice order h1   => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         alice cancel o1  => unplaced o1 order_given_up, h1 until 5000
         alice cancel o1  => refused order_unknown
         alice release h1 => released h1
         deliver m5       => got m5, reserved c1 o1, m6 coupon_reserved c1 o1
         deliver m6       => got m6, m7 release_coupon c1 o1
         deliver m7       => got m7, freed c1 o1",
    );
}

/// As above, and an order that has the coupon.
#[track_caller]
fn check_placed(words: &str, table: &str) {
    check_spanning(
        words,
        &format!(
            "alice order h1 => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
             deliver m5     => got m5, reserved c1 o1, m6 coupon_reserved c1 o1
             deliver m6     => got m6, placed o1 80 -20 c1
             {table}"
        ),
    );
}

#[test]
fn an_order_that_dies_gives_the_coupon_back() {
    check_placed(
        "",
        "after 60000     => cancelled o1 expired, m7 release_coupon c1 o1
         deliver m7      => got m7, freed c1 o1
         deliver m7      => refused message_already_received",
    );
    check_placed(
        "",
        "alice cancel o1 => cancelled o1 bybuyer, m7 release_coupon c1 o1
         deliver m7      => got m7, freed c1 o1",
    );
}

#[test]
fn a_refund_gives_the_coupon_back_to_every_performance_when_the_terms_say_so() {
    let paid = "alice pay o1 80       => requested p1 80
                system captured p1 80 => captured p1 80, confirmed o1 A-1-1, m7 commit_coupon c1 o1
                deliver all           => used c1 o1, m8 coupon_spent c1 at 1, m9 coupon_spent c1 at 2, spent c1 at 1, spent c1 at 2\n";
    check_placed(
        "return",
        &format!(
            "{paid}
             alice cancel o1 => cancelled o1 bybuyer, refund r1 80 ordercancelled, m10 return_coupon c1 o1
             deliver m10     => got m10, returned c1 o1, m11 coupon_granted c1 at 1, m12 coupon_granted c1 at 2
             deliver m10     => refused message_already_received
             deliver all     => granted c1 at 1, granted c1 at 2
             alice seats A-1-1 => held h2 A-1-1 100 asasked
             alice order h2  => reserving o2 coupon -20 c1, m13 reserve_coupon c1 o2"
        ),
    );
    check_placed(
        "",
        &format!(
            "{paid}
             alice cancel o1   => cancelled o1 bybuyer, refund r1 80 ordercancelled, m10 return_coupon c1 o1
             deliver m10       => got m10
             alice seats A-1-1 => held h2 A-1-1 100 asasked
             alice order h2    => placed o2 100"
        ),
    );
}

#[test]
fn a_coupon_of_several_uses_is_spent_with_the_last_of_them() {
    check_placed(
        "uses=2 return",
        "alice pay o1 80       => requested p1 80
         system captured p1 80 => captured p1 80, confirmed o1 A-1-1, m7 commit_coupon c1 o1
         deliver m7            => got m7, used c1 o1
         alice cancel o1       => cancelled o1 bybuyer, refund r1 80 ordercancelled, m8 return_coupon c1 o1
         deliver m8            => got m8, returned c1 o1",
    );
}

#[test]
fn a_free_order_commits_its_coupon_when_the_answer_comes() {
    check_spanning(
        "min=50",
        "promoter change k1 9 off=100 spans=1,2 => changed k1 v1, m5 campaign_announced k1 v1 at 1, m6 campaign_announced k1 v1 at 2
         bob   claim k1    => issued c2 k1 v1 #2, m7 coupon_granted c2 at 1, m8 coupon_granted c2 at 2
         deliver all       => announced k1 v1 at 1, announced k1 v1 at 2, granted c2 at 1, granted c2 at 2
         bob   seats A-1-2 => held h2 A-1-2 100 asasked
         bob   order h2    => reserving o1 coupon -100 c2, m9 reserve_coupon c2 o1
         deliver m9        => got m9, reserved c2 o1, m10 coupon_reserved c2 o1
         deliver m10       => got m10, placed o1 0 -100 c2, confirmed o1 A-1-2, m11 commit_coupon c2 o1
         deliver m11       => got m11, used c2 o1, m12 coupon_spent c2 at 1, m13 coupon_spent c2 at 2",
    );
}

#[test]
fn the_best_coupon_may_be_one_of_the_performance_itself() {
    check_spanning(
        "expires=900000",
        "promoter campaign 9 off=21 => campaign k2
         alice claim k2    => issued c2 k2 v0 #1
         alice order h1    => placed o1 79 -21 c2, reserved c2 o1",
    );
}

#[test]
fn a_performance_that_comes_later_knows_the_coupons_of_before() {
    check_partitions(
        2,
        "promoter campaign 9 off=20 spans=1,2 => campaign k1, m1 campaign_announced k1 v0 at 1, m2 campaign_announced k1 v0 at 2
         alice claim k1           => issued c1 k1 v0 #1, m3 coupon_granted c1 at 1, m4 coupon_granted c1 at 2
         deliver all              => announced k1 v0 at 1, announced k1 v0 at 2, granted c1 at 1, granted c1 at 2
         promoter create at=2     => created
         promoter open at=2       => opened
         alice seats A-1-1 at=2   => held h1 A-1-1 100 asasked
         alice order h1           => reserving o1 coupon -20 c1, m5 reserve_coupon c1 o1
         deliver all              => reserved c1 o1, m6 coupon_reserved c1 o1, placed o1 80 -20 c1",
    );
}

#[test]
fn a_performance_knows_64_campaigns_of_elsewhere_at_most() {
    let campaigns = (1..=65).map(|k| {
        format!("promoter campaign 9 off=20 spans=1 => campaign k{k}, m{k} campaign_announced k{k} v0 at 1\n")
    });
    let announced = (1..=64).map(|k| format!("announced k{k} v0 at 1"));
    check_partitions(
        2,
        &format!(
            "{}
             deliver all    => {}
             alice claim k65 => issued c1 k65 v0 #1, m66 coupon_granted c1 at 1
             deliver m66    => got m66",
            campaigns.collect::<String>(),
            announced.collect::<Vec<_>>().join(", ")
        ),
    );
}

#[test]
fn the_newest_order_is_the_one_that_was_placed_last() {
    let state = states_after(
        "operator points alice 50 => credited l1 50 until 1000000000
         alice seats A-1-1        => held h1 A-1-1 100 asasked
         alice seats A-1-2        => held h2 A-1-2 100 asasked
         alice order h1 points=50 => reserving o1 points 50, m1 reserve_points 50 o1
         alice order h2           => placed o2 100
         deliver all              => kept for o1 l1:50, m2 points_reserved o1, placed o1 50 -50 points",
    )
    .remove(0);
    let restored = State::from_snapshot(&state.to_snapshot()).unwrap();
    for state in [state, restored] {
        let totals: Vec<_> =
            state.orders_of(account("alice")).map(|order| order.total.minor).collect();
        assert_eq!(totals, [50, 100]);
    }
}
