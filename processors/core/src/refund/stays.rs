//! Nights that go back, as tables. Nights are dates from day 20 on, at 100; the season has begun on
//! day 5.

use crate::tables::lodge::check_lodge;

/// Free until the 7th day if that is 10 days before, then 10 %, 20 % from 6 days, 30 % from 2.
const LADDER: &str = "free=7/10 10:1000/4 7:1000 3:2000 1:3000";
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// On a day, at an hour of UTC, alice has a stay of two nights in one room from `first` on, booked
/// at the beginning of the log.
#[track_caller]
fn check_stay(words: &str, first: u16, (day, hour): (i64, i64), table: &str) {
    let (nights, now) = (format!("D_{first}:1 D_{}:1", first + 1), day * DAY_MS + hour * HOUR_MS);
    check_lodge(
        words,
        &format!(
            "alice  stay D {first} 2 1  => held h1 {nights} 200 asasked
             alice  order h1            => placed o1 200
             alice  pay o1 200          => requested p1 200
             system captured p1 200     => captured p1 200, confirmed o1 {nights}
             later {now}                => nothing
             {table}"
        ),
    );
}

const BOTH_AT_10_PERCENT: &str =
    "tickets o1 1=90+0-10 2=90+0-10 by 0, cancelled o1 bybuyer, refund r1 180 ordercancelled";

#[test]
fn the_ladder_counts_days_before_the_first_night() {
    let cancel = |told: &str| format!("alice cancel o1 => {told}");
    // Of a stay from day 20 on; the season has begun long before.
    check_stay(LADDER, 20, (7, 23), &cancel("cancelled o1 bybuyer, refund r1 200 ordercancelled"));
    check_stay(LADDER, 20, (13, 23), &cancel(BOTH_AT_10_PERCENT));
    check_stay(
        LADDER,
        20,
        (14, 0),
        &cancel(
            "tickets o1 1=80+0-20 2=80+0-20 by 0, cancelled o1 bybuyer, refund r1 160 ordercancelled",
        ),
    );
    check_stay(LADDER, 20, (20, 0), &cancel("refused refund_closed"));
    check_stay(LADDER, 20, (20, 20), &cancel("refused performance_started"));
    // The same moments, of a stay that begins two days later.
    check_stay(LADDER, 22, (15, 23), &cancel(BOTH_AT_10_PERCENT));
    check_stay(
        LADDER,
        22,
        (20, 20),
        &cancel(
            "tickets o1 1=70+0-30 2=70+0-30 by 0, cancelled o1 bybuyer, refund r1 140 ordercancelled",
        ),
    );
}

/// Whoever gives the first night back does not come into an earlier step with the second.
#[test]
fn a_later_night_goes_back_by_the_day_of_the_first() {
    check_stay(
        LADDER,
        20,
        (18, 0),
        "alice refund o1 2          => tickets o1 2=70+0-30 by 0, refund r1 70 ticketsrefunded
         bob   stay D 21 1 2        => held h2 D_21:2 200 asasked
         alice refund o1 1          => tickets o1 1=70+0-30 by 0, cancelled o1 bybuyer, refund r2 70 ordercancelled",
    );
    check_stay(
        LADDER,
        20,
        (17, 0),
        "alice refund o1 1          => tickets o1 1=80+0-20 by 0, refund r1 80 ticketsrefunded
         later 86400000             => nothing
         alice refund o1 2          => tickets o1 2=70+0-30 by 0, cancelled o1 bybuyer, refund r2 70 ordercancelled",
    );
}

/// The date of a night is that of the venue; 540 minutes are nine hours ahead of UTC.
#[test]
fn days_end_at_midnight_of_the_venue() {
    let ladder = format!("utc=540 {LADDER}");
    check_stay(&ladder, 20, (13, 14), &format!("alice cancel o1 => {BOTH_AT_10_PERCENT}"));
    check_stay(
        &ladder,
        20,
        (13, 15),
        "alice cancel o1 => tickets o1 1=80+0-20 2=80+0-20 by 0, cancelled o1 bybuyer, refund r1 160 ordercancelled",
    );
}

#[test]
fn on_its_day_a_night_goes_back_until_it_cannot_be_bought_any_more() {
    let on_the_day =
        "tickets o1 1=10+0-90 2=10+0-90 by 0, cancelled o1 bybuyer, refund r1 20 ordercancelled";
    check_stay("0:9000", 20, (20, 19), &format!("alice cancel o1 => {on_the_day}"));
    check_stay("0:9000", 20, (20, 20), "alice cancel o1 => refused performance_started");
    let all = "cancelled o1 bybuyer, refund r1 200 ordercancelled";
    check_stay("", 20, (20, 19), &format!("alice cancel o1 => {all}"));
    check_stay("", 20, (20, 20), "alice cancel o1 => refused performance_started");
    check_stay("", 22, (20, 20), &format!("alice cancel o1 => {all}"));
}

/// A place that is no night begins with the performance, whatever else the order has.
#[test]
fn only_nights_have_days_of_their_own() {
    check_lodge(
        LADDER,
        "alice  floor D_20:1 FLOOR:1 => held h1 D_20:1 FLOOR:1 130 asasked
         alice  order h1             => placed o1 130
         alice  pay o1 130           => requested p1 130
         system captured p1 130      => captured p1 130, confirmed o1 D_20:1 FLOOR:1
         later  345600000            => nothing
         alice  refund o1 2          => tickets o1 2=21+0-9 by 0, refund r1 21 ticketsrefunded
         later  86400000             => nothing
         alice  cancel o1            => tickets o1 1=100+0-0 by 0, cancelled o1 bybuyer, refund r2 100 ordercancelled",
    );
    check_lodge(
        LADDER,
        "alice  floor D_20:1 FLOOR:1 => held h1 D_20:1 FLOOR:1 130 asasked
         alice  order h1             => placed o1 130
         alice  pay o1 130           => requested p1 130
         system captured p1 130      => captured p1 130, confirmed o1 D_20:1 FLOOR:1
         later  432000000            => nothing
         alice  cancel o1            => refused performance_started
         alice  refund o1 1          => tickets o1 1=100+0-0 by 0, refund r1 100 ticketsrefunded",
    );
}

#[test]
fn a_season_that_is_cancelled_gives_every_night_back() {
    check_stay(
        LADDER,
        20,
        (20, 21),
        "promoter calloff  => called off
         after 0           => cancelled o1 performancecancelled, refund r1 200 performancecancelled",
    );
}
