//! Defects of other ticket shops that boxoffice must not have, one table for each. `docs/DEFECTS.md`
//! lists all of them; here are those that no table of a rule shows by itself.

use crate::tables::lodge::check_lodge;
use crate::tables::{check, check_house, check_partitions, house};

/// Ties of one moment are not broken by who somebody is.
#[test]
fn who_joins_in_the_same_moment_waits_in_the_order_of_the_log() {
    for [first, second] in [["alice", "bob"], ["bob", "alice"]] {
        check(&format!(
            "promoter room cap=1     => set
             {first}  join           => joined 0
             {second} join           => joined 1
             {first}  stands         => ahead 0 wait 0 poll 1000 beat 10000
             {second} stands         => ahead 1 wait 20000 poll 2000 beat 10000
             after 0                 => admitted {first} until 20000"
        ));
    }
}

#[test]
fn a_place_that_is_freed_is_not_for_who_comes_just_then() {
    check(
        "promoter room rate=6000 cap=1 => set
         alice    join                 => joined 0
         bob      join                 => joined 1
         after 0                       => admitted alice until 20000
         after 10                      => nothing
         alice    leave                => out alice left
         carol    join                 => joined 2
         carol    seats A-1-1          => refused admission_required
         after 0                       => admitted bob until 20010
         carol    stands               => ahead 0 wait 20000 poll 2000 beat 10010",
    );
}

#[test]
fn a_batch_of_admissions_stops_at_the_cap() {
    check(
        "promoter room rate=60000 cap=2 => set
         alice    join                  => joined 0
         bob      join                  => joined 1
         carol    join                  => joined 2
         dave     join                  => joined 3
         after 1000                     => admitted alice until 21000, admitted bob until 21000
         after 9000                     => nothing
         carol    beat                  => seen 2
         dave     beat                  => seen 3
         alice    leave                 => out alice left
         after 1000                     => admitted carol until 31000",
    );
}

#[test]
fn who_waits_for_one_performance_is_not_sent_to_another() {
    check_house(
        house(),
        "promoter create         => created
         promoter create at=2    => created
         promoter open           => opened
         promoter open at=2      => opened
         promoter room           => set
         promoter room at=2 cap=1 => set
         alice    join           => joined 0
         after 0                 => admitted alice until 20000
         alice    seats A-1-1 at=2 => refused admission_required
         bob      join at=2      => joined 0
         after 0                 => admitted bob until 20000
         bob      seats A-1-1    => refused admission_required
         alice    seats A-1-1    => held h1 A-1-1 100 asasked
         bob      seats A-1-1 at=2 => held h2 A-1-1 100 asasked",
    );
}

/// A house that is sold cannot be made smaller under its buyers.
#[test]
fn a_house_is_not_changed_under_its_buyers() {
    check_house(
        house(),
        "promoter create          => created
         promoter open            => opened
         alice    floor FLOOR:4   => held h1 FLOOR:4 120 asasked
         promoter create          => refused performance_already_exists
         promoter channel FANS code=7   => set 0 FANS
         promoter aside FANS FLOOR:2    => refused places_not_free@0
         promoter aside FANS FLOOR:1    => aside 0 3:1
         bob      floor FLOOR:1   => refused capacity_exhausted@0
         alice    order h1        => placed o1 120",
    );
}

#[test]
fn a_night_whose_payment_was_given_up_is_free_again() {
    check_lodge(
        "",
        "alice stay D 20 2 2       => held h1 D_20:2 D_21:2 400 asasked
         bob   stay D 21 1 1       => refused night_full@0
         alice order h1            => placed o1 400
         alice pay o1 400          => requested p1 400
         system declined p1        => declined p1 REJECT
         after 59999               => nothing
         bob   stay D 21 1 1       => refused night_full@0
         after 1                   => cancelled o1 expired
         bob   stay D 21 1 2       => held h2 D_21:2 200 asasked",
    );
}

#[test]
fn a_second_coupon_is_refused_whatever_was_claimed_since() {
    check(
        "promoter campaign 9 off=20 => campaign k1
         promoter campaign 9 off=30 => campaign k2
         alice claim k1             => issued c1 k1 v0 #1
         alice claim k2             => issued c2 k2 v0 #1
         alice claim k1             => refused coupon_limit_reached
         alice claim k2             => refused coupon_limit_reached
         bob   claim k1             => issued c3 k1 v0 #2",
    );
}

#[test]
fn a_refused_claim_uses_nothing_up() {
    check(
        "promoter campaign 2 off=20 from=1000 code=SPRING => campaign k1
         alice claim k1 SPRING      => refused campaign_not_open
         bob   claim k1 SPRING      => refused campaign_not_open
         after 1000                 => nothing
         alice claim k1 spring      => refused coupon_code_wrong
         alice claim k1 SPRING      => issued c1 k1 v0 #1
         alice claim k1 SPRING      => refused coupon_limit_reached
         bob   claim k1 SPRING      => issued c2 k1 v0 #2
         carol claim k1 SPRING      => refused coupons_exhausted",
    );
}

/// The cap of a percentage is an amount of its own, not the percentage.
#[test]
fn a_percentage_has_its_own_cap_or_none() {
    for (cap, order) in [
        ("", "placed o1 70 -30 c1"),
        ("cap=25", "placed o1 75 -25 c1"),
        ("cap=40", "placed o1 70 -30 c1"),
    ] {
        check(&format!(
            "promoter campaign 9 percent=3000 {cap} => campaign k1
             alice claim k1     => issued c1 k1 v0 #1
             alice seats A-1-1  => held h1 A-1-1 100 asasked
             alice order h1     => {order}, reserved c1 o1"
        ));
    }
}

/// Each lot loses what was spent of it, and no other lot does.
#[test]
fn what_is_spent_of_one_lot_is_not_taken_from_the_next() {
    check_partitions(
        1,
        "operator points alice 30 until=800000 => credited l1 30 until 800000
         operator points alice 50 until=900000 => credited l2 50 until 900000
         alice seats A-1-1         => held h1 A-1-1 100 asasked
         alice order h1 points=20  => reserving o1 points 20, m1 reserve_points 20 o1
         deliver all               => kept for o1 l1:20, m2 points_reserved o1, placed o1 80 -20 points
         alice pay o1 80           => requested p1 80
         system captured p1 80     => captured p1 80, confirmed o1 A-1-1, m3 commit_points o1
         deliver all               => spent 20 o1
         after 800000              => expired l1 10
         after 100000              => expired l2 50",
    );
}

/// An order is named by its place in the log, so the same wish is another order.
#[test]
fn the_same_seats_are_bought_again_after_a_refund() {
    check(
        "alice  seats A-1-1       => held h1 A-1-1 100 asasked
         alice  order h1          => placed o1 100
         alice  pay o1 100        => requested p1 100
         system captured p1 100   => captured p1 100, confirmed o1 A-1-1
         alice  cancel o1         => cancelled o1 bybuyer, refund r1 100 ordercancelled
         system refunded r1 100   => refunded r1 100
         alice  seats A-1-1       => held h2 A-1-1 100 asasked
         alice  order h2          => placed o2 100
         alice  pay o2 100 key2   => requested p2 100
         system captured p2 100   => captured p2 100, confirmed o2 A-1-1
         alice  cancel o1         => refused order_already_refunded
         bob    seats A-1-1       => refused seat_already_sold@0",
    );
}

/// However an order ends, its seats are for sale again and its coupon is, too.
#[test]
fn every_end_of_an_order_gives_back_what_it_had() {
    let ends = [
        "alice  cancel o1 => cancelled o1 bybuyer, freed c1 o1",
        "after 60000      => cancelled o1 expired, freed c1 o1",
        "alice  pay o1 80      => requested p1 80
         system declined p1    => declined p1 REJECT
         after 60000           => cancelled o1 expired, freed c1 o1",
        "alice  pay o1 80      => requested p1 80
         system captured p1 80 => captured p1 80, confirmed o1 A-1-1, used c1 o1
         alice  cancel o1      => cancelled o1 bybuyer, refund r1 80 ordercancelled, returned c1 o1",
        "alice  pay o1 80      => requested p1 80
         system captured p1 80 => captured p1 80, confirmed o1 A-1-1, used c1 o1
         alice  refund o1 1    => cancelled o1 bybuyer, refund r1 80 ordercancelled, returned c1 o1",
    ];
    for end in ends {
        check(&format!(
            "promoter campaign 9 off=20 return => campaign k1
             alice claim k1       => issued c1 k1 v0 #1
             alice seats A-1-1    => held h1 A-1-1 100 asasked
             alice order h1       => placed o1 80 -20 c1, reserved c1 o1
             {end}
             alice seats A-1-1    => held h2 A-1-1 100 asasked
             alice order h2       => placed o2 80 -20 c1, reserved c1 o2"
        ));
    }
}
