//! What a room does, line by line. The rate is one in a second and the cap two, unless said
//! otherwise; a session lasts 20 s, the grace time 10 s.

use boxoffice_topics::{PerformanceDefinition, Timestamp};

use crate::tables::{check, check_house, check_partitions, house};

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

#[test]
fn whoever_is_silent_at_their_turn_is_passed_over_and_told() {
    check(
        "promoter room rate=0     => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         after 5000               => nothing
         after 5000               => nothing
         carol    beat            => seen 2
         after 1                  => nothing
         promoter room            => set
         bob      stands          => ahead 1 wait 2000 poll 1000 beat 10000
         bob      beat            => seen 1
         after 999                => nothing
         after 1                  => missed alice, admitted bob until 31001
         alice    beat            => refused not_waiting
         alice    leave           => refused not_waiting
         alice    join            => joined 3
         after 1000               => admitted carol until 32001
         after 5000               => nothing
         after 5000               => nothing
         after 5000               => nothing
         after 4000               => out bob expired, missed alice",
    );
}

#[test]
fn an_outage_costs_nobody_the_place() {
    check(
        "promoter room rate=0 cap=9 => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         after 4000               => nothing
         promoter room rate=600 cap=9 => set
         after 600000             => admitted alice until 624000, admitted bob until 624000, admitted carol until 624000",
    );
    check(
        "promoter room rate=0     => set
         alice    join            => joined 0
         bob      join            => joined 1
         after 5000               => nothing
         later 3600000            => nothing
         bob      beat            => seen 1
         alice    stands          => ahead 0 wait ? poll 60000 beat 3615000
         after 5000               => nothing
         after 5000               => nothing
         promoter room            => set
         after 1                  => nothing
         after 999                => missed alice, missed bob",
    );
}

#[test]
fn a_gap_that_is_usual_for_so_few_is_no_outage() {
    check(
        "promoter room rate=0 grace=60000 => set
         alice    join            => joined 0
         bob      join            => joined 1
         after 30000              => nothing
         bob      beat            => seen 1
         after 31000              => nothing
         bob      beat            => seen 1
         promoter room grace=60000 => set
         after 999                => nothing
         after 1                  => missed alice, admitted bob until 82000",
    );
}

#[test]
fn the_more_wait_the_shorter_is_the_gap_that_is_an_outage() {
    let waits = |gap: u32| {
        let joins = (0..80).map(|number| format!("b{number} join => joined {number}\n"));
        format!(
            "promoter room rate=0 grace=100000 => set
             {}
             {}
             b1 beat     => seen 1
             after {gap} => nothing
             promoter room grace=100000 => set\n",
            joins.collect::<String>(),
            "after 10000 => nothing\n".repeat(10)
        )
    };
    check(&format!("{} after 1000 => missed b0, admitted b1 until 131000", waits(10_000)));
    check(&format!("{} after 1000 => admitted b0 until 131001", waits(10_001)));
}

#[test]
fn silence_within_the_grace_time_costs_nothing() {
    check(
        "promoter room rate=0     => set
         alice    join            => joined 0
         after 9000               => nothing
         promoter room            => set
         after 1000               => admitted alice until 30000",
    );
}

#[test]
fn who_left_has_the_place_until_it_is_passed() {
    check(
        "promoter room rate=6000 cap=1 => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         dave     join            => joined 3
         bob      leave           => left 1
         bob      leave           => refused not_waiting
         bob      beat            => refused not_waiting
         bob      stands          => outside
         carol    stands          => ahead 2 wait 40000 poll 4000 beat 10000
         after 0                  => admitted alice until 20000
         bob      join            => returned 1
         bob      stands          => ahead 0 wait 20000 poll 2000 beat 10000
         bob      leave           => left 1
         alice    leave           => out alice left
         after 10                 => admitted carol until 20010
         bob      join            => joined 4
         carol    leave           => out carol left
         after 10                 => admitted dave until 20020
         dave     leave           => out dave left
         after 10                 => admitted bob until 20030",
    );
}

#[test]
fn a_room_of_people_who_left_rests() {
    check(
        "promoter room            => set
         alice    join            => joined 0
         alice    leave           => left 0
         after 5000               => nothing
         bob      join            => joined 1
         after 0                  => admitted bob until 25000
         alice    join            => joined 2",
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
fn a_lottery_draws_those_who_came_before_and_the_rest_are_behind() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room rate=6000 cap=9 grace=90000 lottery=7 lead=30000 within=20000 => set
         promoter draw 7          => refused lottery_still_open
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         alice    join            => returned 0
         dave     join            => joined 3
         dave     leave           => left 3
         alice    stands          => ahead ? wait ? poll 10000 beat 90000
         promoter draw 7          => refused lottery_still_open
         after 69999              => nothing
         after 1                  => entries 4 draw by 90000
         erin     join            => joined 4
         erin     stands          => ahead 4 wait 30000 poll 3000 beat 160000
         alice    stands          => ahead ? wait ? poll 2000 beat 159999
         promoter draw 8          => refused seed_mismatch
         promoter draw 7          => drawn
         promoter draw 7          => refused lottery_already_drawn
         alice    join            => returned 0
         bob      beat            => seen 1
         carol    beat            => seen 2
         alice    stands          => ahead 3 wait 30000 poll 3000 beat 160000
         after 29999              => nothing
         after 1                  => admitted carol until 120000, admitted bob until 120000, admitted alice until 120000, admitted erin until 120000",
    );
}

#[test]
fn a_seed_that_does_not_come_is_not_awaited_for_ever() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room rate=6000 cap=9 grace=200000 lottery=7 => set
         alice    join            => joined 0
         bob      join            => joined 1
         carol    join            => joined 2
         after 100000             => entries 3 draw by 105000
         alice    seats A-1-1     => refused admission_required
         dave     join            => joined 3
         dave     stands          => ahead 3 wait 5000 poll 1000 beat 300000
         after 4999               => nothing
         after 1                  => drawn without seed
         promoter draw 7          => refused lottery_already_drawn
         after 0                  => admitted alice until 125000, admitted bob until 125000, admitted carol until 125000, admitted dave until 125000",
    );
}

#[test]
fn a_lottery_without_entrants_keeps_nobody_waiting() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room lottery=7  => set
         after 100000             => entries 0 draw by 105000
         alice    join            => joined 0
         after 0                  => admitted alice until 120000
         promoter draw 7          => refused lottery_already_drawn",
    );
}

#[test]
fn a_sale_that_is_opened_by_hand_ends_entries_at_once() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room lottery=7 lead=50000 => set
         alice    join            => joined 0
         promoter open            => opened
         after 0                  => entries 1 draw by 5000
         promoter draw 7          => drawn
         after 0                  => admitted alice until 20000",
    );
}

#[test]
fn entries_end_on_time_also_when_their_tick_is_late() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room rate=6000 cap=9 grace=90000 lottery=7 lead=30000 within=20000 => set
         alice    join            => joined 0
         later 69999              => nothing
         bob      join            => joined 1
         later 1                  => nothing
         carol    join            => joined 2
         promoter open            => opened
         dave     join            => joined 3
         after 0                  => entries 2 draw by 90000
         promoter draw 7          => drawn
         after 1000               => admitted alice until 91000, admitted bob until 91000, admitted carol until 91000, admitted dave until 91000",
    );
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room lottery=7  => set
         alice    join            => joined 0
         later 5000               => nothing
         promoter open            => opened
         bob      join            => joined 1
         after 0                  => entries 1 draw by 10000",
    );
}

#[test]
fn a_lottery_that_would_take_no_entries_is_refused() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room lottery=7 lead=100000 => refused lottery_too_late
         promoter room lottery=7 lead=99999  => set
         after 30000              => entries 0 draw by 35000
         promoter room lottery=7 lead=99999 rate=6 => set
         promoter room            => refused lottery_fixed",
    );
    check_house(
        scheduled(),
        "promoter create          => created
         after 69999              => nothing
         promoter room lottery=7 lead=30000 => set
         promoter room lottery=7 lead=30001 => refused lottery_too_late
         later 1                  => nothing
         promoter room lottery=8 lead=30000 => refused lottery_too_late
         promoter room lottery=7 lead=30000 rate=1 => set
         promoter room            => set",
    );
}

#[test]
fn a_lottery_is_fixed_once_somebody_has_joined() {
    check_house(
        scheduled(),
        "promoter create          => created
         promoter room            => set
         promoter draw 7          => refused no_lottery
         promoter room lottery=7  => set
         promoter room lottery=8  => set
         alice    join            => joined 0
         promoter room lottery=7  => refused lottery_fixed
         promoter room            => refused lottery_fixed
         promoter room lottery=8 lead=1 => refused lottery_fixed
         promoter room lottery=8 rate=1 => set
         alice    leave           => left 0
         promoter room off        => off
         promoter draw 8          => refused waiting_room_off
         promoter room lottery=7  => refused lottery_fixed
         promoter room lottery=8  => set",
    );
}

#[test]
fn a_lottery_comes_too_late_for_an_open_sale() {
    check(
        "promoter room lottery=7  => refused lottery_fixed
         promoter room            => set
         promoter room lottery=7  => refused lottery_fixed",
    );
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
