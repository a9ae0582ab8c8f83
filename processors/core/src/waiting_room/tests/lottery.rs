//! Lotteries, as tables: entries, the draw, and what comes too late.
//! The rate, the cap and the times are those of the parent.

use super::scheduled;
use crate::tables::{check, check_house};

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
