//! Waiters who are silent or have left, as tables, and outages in which all are silent.
//! The rate, the cap and the times are those of the parent.

use crate::tables::check;

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
