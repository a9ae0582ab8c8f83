//! Sessions, as tables: how one ends, and what outlives it.
//! The rate, the cap and the times are those of the parent.

use crate::tables::{check, check_partitions};

/// Two orders of alice wait for a coupon of elsewhere that never answers, and stop waiting in one
/// tick: coupons of the house itself pay for them.
#[track_caller]
fn check_confirmed_by_a_tick(session_ms: u32, ends: &str) {
    check_partitions(
        2,
        &format!(
            "promoter campaign 9 off=100 expires=900000 spans=1 => campaign k1, m1 campaign_announced k1 v0 at 1
             promoter campaign 9 off=100 limit=2 => campaign k2
             alice    claim k1        => issued c1 k1 v0 #1, m2 coupon_granted c1 at 1
             alice    claim k2        => issued c2 k2 v0 #1
             alice    claim k2        => issued c3 k2 v0 #2
             deliver all              => announced k1 v0 at 1, granted c1 at 1
             promoter room session={session_ms} => set
             alice    join            => joined 0
             after 0                  => admitted alice until {session_ms}
             alice    seats A-1-1     => held h1 A-1-1 100 asasked
             alice    seats A-1-2     => held h2 A-1-2 100 asasked
             alice    order h1        => reserving o1 coupon -100 c1, m3 reserve_coupon c1 o1
             alice    order h2        => reserving o2 coupon -100 c1, m4 reserve_coupon c1 o2
             after 10000              => placed o1 0 -100 c2, reserved c2 o1, confirmed o1 A-1-1, used c2 o1, placed o2 0 -100 c3, reserved c3 o2, confirmed o2 A-1-2, used c3 o2, {ends}
             alice    stands          => outside
             alice    join            => joined 1"
        ),
    );
}

#[test]
fn a_session_ends_once_however_many_orders_a_tick_confirms() {
    check_confirmed_by_a_tick(20_000, "out alice bought");
}

#[test]
fn a_session_that_is_over_ends_once_also_when_its_buyer_buys_in_that_tick() {
    check_confirmed_by_a_tick(10_000, "out alice expired");
}

#[test]
fn leaving_frees_the_place_at_once() {
    check(
        "promoter room rate=6000 cap=1 => set
         alice    join            => joined 0
         bob      join            => joined 1
         after 0                  => admitted alice until 20000
         after 10                 => nothing
         alice    seats A-1-1     => held h1 A-1-1 100 asasked
         alice    leave           => out alice left
         alice    leave           => refused not_waiting
         after 0                  => admitted bob until 20010
         alice    seats A-1-2     => refused admission_required
         alice    order h1        => placed o1 100",
    );
}

#[test]
fn a_hold_outlives_its_session() {
    check(
        "promoter room session=10000 grace=10000 => set
         alice    join            => joined 0
         after 0                  => admitted alice until 10000
         after 9000               => nothing
         alice    seats A-1-1     => held h1 A-1-1 100 asasked
         after 1000               => out alice expired
         alice    seats A-1-2     => refused admission_required
         alice    renew h1        => renewed h1 until 15000 left 0
         alice    order h1        => placed o1 100
         alice    pay o1 100      => requested p1 100
         system   captured p1 100 => captured p1 100, confirmed o1 A-1-1",
    );
}

#[test]
fn a_session_that_is_over_admits_nobody_before_its_tick() {
    check(
        "promoter room session=10000 cap=1 => set
         alice    join                     => joined 0
         after 0                           => admitted alice until 10000
         after 9999                        => nothing
         alice    join key=refresh         => inside until 10000
         alice    beat                     => inside until 10000
         alice    stands                   => inside until 10000
         bob      join                     => joined 1
         after 1                           => out alice expired, admitted bob until 20000
         alice    join key=refresh         => repeated 7
         alice    join                     => joined 2",
    );
}

#[test]
fn a_session_ends_on_time_also_when_its_tick_is_late() {
    check(
        "promoter room session=10000 cap=1 => set
         alice    join            => joined 0
         after 0                  => admitted alice until 10000
         later 9999               => nothing
         alice    seats A-1-1     => held h1 A-1-1 100 asasked
         later 1                  => nothing
         alice    seats A-1-2     => refused admission_required
         alice    stands          => outside
         alice    join            => joined 1
         alice    seats A-1-2     => refused admission_required
         after 0                  => out alice expired, admitted alice until 20000
         later 10000              => nothing
         alice    leave           => out alice left
         after 0                  => expired h1",
    );
}

#[test]
fn a_refresh_keeps_the_place() {
    check(
        "promoter room rate=0     => set
         alice    join            => joined 0
         bob      join            => joined 1
         bob      join            => returned 1
         alice    join            => returned 0
         alice    join key=k      => returned 0
         alice    join key=k      => repeated 8
         alice    beat key=b      => seen 0
         alice    beat key=b      => seen 0
         bob      stands          => ahead 1 wait ? poll 60000 beat 10000",
    );
}

/// One key for heartbeats that are answered differently each time: it is not remembered.
#[test]
fn a_heartbeat_is_not_remembered_whatever_it_is_answered() {
    check(
        "alice    beat key=b          => refused waiting_room_off
         promoter room session=10000  => set
         alice    beat key=b          => refused not_waiting
         alice    join                => joined 0
         alice    beat key=b          => seen 0
         after 0                      => admitted alice until 10000
         alice    beat key=b          => inside until 10000
         after 10000                  => out alice expired
         alice    beat key=b          => refused not_waiting
         alice    join key=b          => joined 1
         alice    beat key=b          => refused idempotency_key_reused",
    );
}
