//! What a room does, line by line. The rate is one in a second and the cap two, unless said
//! otherwise; a session lasts 20 s, the grace time 10 s.

mod lottery;
mod sessions;
mod silence;

use boxoffice_topics::{PerformanceDefinition, Timestamp};

use crate::tables::{check, check_house, house};

/// A house whose sale opens at 100 s and closes at 500 s.
fn scheduled() -> PerformanceDefinition {
    let mut house = house();
    house.sale.opens_at = Some(Timestamp::from_millis(100_000));
    house.sale.closes_at = Some(Timestamp::from_millis(500_000));
    house
}

#[test]
fn without_a_room_everybody_goes_through() {
    check(
        "alice    stands          => through
         alice    join            => refused waiting_room_off
         alice    beat            => refused waiting_room_off
         alice    leave           => refused waiting_room_off
         promoter draw 7          => refused waiting_room_off
         promoter room off        => refused waiting_room_off
         alice    seats A-1-1     => held h1 A-1-1 100 asasked",
    );
}

#[test]
fn a_room_needs_a_performance_and_rules_within_the_limits() {
    check_house(
        house(),
        "promoter room            => refused performance_unknown
         alice    join            => refused performance_unknown
         promoter create          => created
         promoter room cap=0      => refused waiting_room_rules_invalid
         promoter room session=1  => refused waiting_room_rules_invalid
         promoter room            => set
         promoter room            => set
         promoter room off        => off
         promoter room off        => refused waiting_room_off",
    );
}

#[test]
fn admission_is_in_the_order_of_joining_at_the_rate_and_below_the_cap() {
    check(
        "promoter room            => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         alice    seats A-1-1     => refused admission_required
         after 0                  => admitted alice until 20000
         alice    seats A-1-1     => held h1 A-1-1 100 asasked
         bob      seats A-1-2     => refused admission_required
         after 999                => nothing
         after 1                  => admitted bob until 21000
         after 9000               => expired h1
         carol    beat            => seen 2
         after 9999               => nothing
         carol    beat            => seen 2
         after 1                  => out alice expired, admitted carol until 40000
         after 1000               => out bob expired",
    );
}

#[test]
fn every_kind_of_hold_needs_admission_and_nothing_else_does() {
    check(
        "alice    seats A-1-1     => held h1 A-1-1 100 asasked
         bob      seats A-1-2     => held h2 A-1-2 100 asasked
         promoter room            => set
         carol    seats A-1-3     => refused admission_required
         carol    best 1          => refused admission_required
         carol    floor FLOOR:1   => refused admission_required
         alice    renew h1        => renewed h1 until 5000 left 0
         bob      release h2      => released h2
         alice    order h1        => placed o1 100
         alice    pay o1 100      => requested p1 100
         system   captured p1 100 => captured p1 100, confirmed o1 A-1-1
         alice    cancel o1       => cancelled o1 bybuyer, refund r1 100 ordercancelled
         promoter close           => closed
         carol    seats A-1-3     => refused sale_closed",
    );
}

#[test]
fn buying_frees_the_place_at_once() {
    check(
        "promoter room rate=6000 cap=1 => set
         alice    join            => joined 0
         bob      join            => joined 1
         after 0                  => admitted alice until 20000
         alice    seats A-1-1     => held h1 A-1-1 100 asasked
         alice    seats A-1-2     => held h2 A-1-2 100 asasked
         alice    order h1        => placed o1 100
         alice    order h2        => placed o2 100
         alice    pay o1 100      => requested p1 100
         after 1000               => nothing
         system   captured p1 100 => captured p1 100, confirmed o1 A-1-1, out alice bought
         after 0                  => admitted bob until 21000
         alice    stands          => outside
         alice    seats A-1-3     => refused admission_required
         alice    pay o2 100 key2 => requested p2 100
         system   captured p2 100 => captured p2 100, confirmed o2 A-1-2
         alice    join            => joined 2",
    );
}

#[test]
fn an_order_that_costs_nothing_frees_the_place_too() {
    check(
        "promoter room            => set
         alice    join            => joined 0
         after 0                  => admitted alice until 20000
         alice    seats FREE-1-1  => held h1 FREE-1-1 0 asasked
         alice    order h1        => placed o1 0, confirmed o1 FREE-1-1, out alice bought",
    );
}

#[test]
fn a_room_admits_when_the_sale_is_open_and_not_before() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room cap=1 session=150000 grace=500000 => set
         alice    join            => joined 0
         bob      join            => joined 1
         alice    stands          => ahead 0 wait 100000 poll 10000 beat 500000
         after 99999              => nothing
         after 1                  => admitted alice until 250000
         promoter close           => closed
         alice    leave           => out alice left
         after 1000               => nothing
         bob      stands          => ahead 0 wait ? poll 60000 beat 500000
         carol    join            => refused sale_closed
         promoter open            => opened
         after 0                  => admitted bob until 251000
         after 398999             => out bob expired
         carol    join            => joined 2
         after 1                  => nothing
         dave     join            => refused sale_closed
         carol    leave           => left 2",
    );
}

#[test]
fn a_sale_that_is_opened_by_hand_admits_at_once() {
    check_house(
        house(),
        "promoter create          => created
         promoter room            => set
         alice    join            => joined 0
         alice    stands          => ahead 0 wait ? poll 60000 beat 10000
         after 5000               => nothing
         promoter open            => opened
         after 0                  => admitted alice until 25000",
    );
}

#[test]
fn turning_the_room_off_lets_everybody_through_and_keeps_the_places() {
    check(
        "promoter room            => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         after 0                  => admitted alice until 20000
         promoter room off        => off
         carol    stands          => through
         carol    seats A-1-1     => held h1 A-1-1 100 asasked
         carol    join            => refused waiting_room_off
         after 5000               => expired h1
         promoter room            => set
         carol    seats A-1-1     => refused admission_required
         carol    join            => returned 2
         alice    stands          => inside until 20000
         after 0                  => admitted bob until 25000
         promoter room off        => off
         after 20000              => nothing
         promoter room            => set
         after 0                  => out alice expired, out bob expired, admitted carol until 45000",
    );
}

#[test]
fn a_lower_cap_drains_and_throws_nobody_out() {
    check(
        "promoter room rate=6000 cap=3 => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         dave     join            => joined 3
         after 1000               => admitted alice until 21000, admitted bob until 21000, admitted carol until 21000
         promoter room rate=6000 cap=1 => set
         alice    leave           => out alice left
         after 0                  => nothing
         bob      seats A-1-1     => held h1 A-1-1 100 asasked
         bob      leave           => out bob left
         after 0                  => nothing
         carol    leave           => out carol left
         after 0                  => admitted dave until 21000",
    );
}

#[test]
fn a_pause_and_a_new_rate_count_from_now() {
    check(
        "promoter room cap=9      => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         after 0                  => admitted alice until 20000
         promoter room cap=9 rate=0 => set
         after 9000               => nothing
         bob      stands          => ahead 0 wait ? poll 60000 beat 19000
         promoter room cap=9 rate=120 => set
         carol    stands          => ahead 1 wait 1000 poll 1000 beat 19000
         after 499                => nothing
         after 1                  => admitted bob until 29500
         after 500                => admitted carol until 30000",
    );
}

#[test]
fn a_tick_calls_a_limited_number_and_the_next_one_the_rest() {
    let mut table = String::from("promoter room rate=60000 cap=1000 => set\n");
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for number in 0..502 {
        table += &format!("b{number} join => joined {number}\n");
        let told = format!("admitted b{number} until 21000");
        if number < 500 { &mut first } else { &mut second }.push(told);
    }
    table += &format!("after 1000 => {}\nafter 0 => {}\n", first.join(", "), second.join(", "));
    check(&table);
}

#[test]
fn an_estimate_counts_the_rate_and_the_sessions_that_must_end() {
    check(
        "promoter room rate=60 cap=2 session=60000 grace=99999 => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         dave     join            => joined 3
         erin     join            => joined 4
         alice    stands          => ahead 0 wait 0 poll 1000 beat 99999
         bob      stands          => ahead 1 wait 1000 poll 1000 beat 99999
         carol    stands          => ahead 2 wait 60000 poll 6000 beat 99999
         erin     stands          => ahead 4 wait 120000 poll 12000 beat 99999
         after 0                  => admitted alice until 60000
         after 1000               => admitted bob until 61000
         carol    stands          => ahead 0 wait 60000 poll 6000 beat 99999
         dave     stands          => ahead 1 wait 60000 poll 6000 beat 99999
         erin     stands          => ahead 2 wait 120000 poll 12000 beat 99999
         after 59000              => out alice expired, admitted carol until 120000
         after 1000               => out bob expired, admitted dave until 121000
         after 59000              => out carol expired, missed erin",
    );
}

/// The room of the first house was due for an admission that its sale no longer allows, the room of
/// the second one became due later.
#[test]
fn a_snapshot_keeps_the_order_in_which_rooms_are_due() {
    let mut house = house();
    house.sale.closes_at = Some(Timestamp::from_millis(15_000));
    check_house(
        house,
        "promoter create           => created
         promoter create at=2      => created
         promoter open             => opened
         promoter open at=2        => opened
         promoter room cap=9       => set
         promoter room at=2 session=10000 => set
         alice    join             => joined 0
         after 0                   => admitted alice until 20000
         bob      join at=2        => joined 0
         after 0                   => admitted bob until 10000
         carol    join             => joined 1
         later 20000               => nothing
         dave     join             => refused sale_closed
         after 0                   => out alice expired, out bob expired
         after 0                   => nothing",
    );
}
