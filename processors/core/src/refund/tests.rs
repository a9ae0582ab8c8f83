//! Tickets that go back, and performances that are not shown, as tables.

use boxoffice_topics::codec::encode_into;
use boxoffice_topics::outcome::{CancelReason, EffectName, RefundReason};
use boxoffice_topics::{
    AccountId, CouponId, Currency, IntentId, Message, Money, OrderId, Outcome, PaymentId,
    PerformanceDefinition, RefundLine, RefundOutcome, SectionKind, Timestamp,
};

use super::cancellation::ENDED_PER_TICK_MAX;
use crate::tables::refund::terms;
use crate::tables::{check, check_house, house, states_after};

const DAY_MS: i64 = 86_400_000;

/// The house, shown on day 20, with terms from the beginning.
fn house_with(words: &str) -> PerformanceDefinition {
    let words: Vec<_> = words.split_whitespace().collect();
    let mut house = house();
    house.starts_at = Timestamp::from_millis(20 * DAY_MS + 1_000);
    house.refund_terms = Some(Box::new(terms(&words)));
    house
}

/// A table in which alice has paid 200 and the fee for A-1-1 and A-1-2, of a house with terms.
#[track_caller]
fn check_sold(words: &str, paid: i64, table: &str) {
    check_house(
        house_with(words),
        &format!(
            "promoter create             => created
             promoter open               => opened
             alice  seats A-1-1 A-1-2    => held h1 A-1-1 A-1-2 200 asasked
             alice  order h1             => placed o1 {paid}
             alice  pay o1 {paid}        => requested p1 {paid}
             system captured p1 {paid}   => captured p1 {paid}, confirmed o1 A-1-1 A-1-2
             {table}"
        ),
    );
}

const LADDER: &str = "free=7/10 10:1000/4 7:1000 3:2000 1:3000";

#[test]
fn a_ticket_goes_back_by_the_ladder_and_its_place_is_free_at_once() {
    check_sold(
        LADDER,
        200,
        "after 950400000             => nothing
         bob    refund o1 1          => refused order_owned_by_another
         alice  refund o1 1 amount=100 => refused refund_amount_changed
         alice  refund o1 1 amount=90 => tickets o1 1=90+0-10 by 0, refund r1 90 ticketsrefunded
         bob    seats A-1-1          => held h2 A-1-1 100 asasked
         bob    seats A-1-2          => refused seat_already_sold@0
         alice  refund o1 1          => refused ticket_already_refunded@0
         alice  refund o1 A-1-1      => refused ticket_already_refunded@0
         alice  refund o1 A-1-3      => refused ticket_unknown@0
         alice  refund o1 X          => refused ticket_unknown@0
         alice  refund o1 2 3        => refused ticket_unknown@1
         alice  refund o1 2 A-1-2    => refused ticket_repeated@1
         alice  refund o1            => refused ticket_unknown
         after 259200000             => expired h2
         alice  refund o1 A-1-2      => tickets o1 2=80+0-20 by 0, cancelled o1 bybuyer, refund r2 80 ordercancelled
         alice  refund o1 A-1-2      => refused order_already_cancelled
         system refunded r2 80       => refunded r2 80
         alice  refund o1 1          => refused order_already_cancelled
         system refunded r1 90       => refunded r1 90
         system refunded r1 90       => refused refund_not_pending
         alice  cancel o1            => refused order_already_refunded",
    );
}

#[test]
fn a_whole_order_goes_back_by_the_ladder() {
    check_sold(
        LADDER,
        200,
        "after 604800000             => nothing
         alice  cancel o1            => cancelled o1 bybuyer, refund r1 200 ordercancelled",
    );
    check_sold(
        LADDER,
        200,
        "after 691200000             => nothing
         alice  cancel o1            => tickets o1 1=96+0-4 2=96+0-4 by 0, cancelled o1 bybuyer, refund r1 192 ordercancelled",
    );
    check_sold(
        LADDER,
        200,
        "after 1728000000            => nothing
         alice  cancel o1            => refused refund_closed
         alice  refund o1 1          => refused refund_closed
         after 1000                  => nothing
         alice  cancel o1            => refused performance_started
         alice  refund o1 1          => refused performance_started",
    );
}

#[test]
fn every_state_of_an_order_answers_who_wants_to_give_tickets_back() {
    check(
        "alice  refund o1 1          => refused order_unknown
         alice  seats A-1-1 A-1-2    => held h1 A-1-1 A-1-2 200 asasked
         alice  order h1             => placed o1 200
         alice  refund o1 1          => refused order_not_confirmed
         alice  pay o1 200           => requested p1 200
         alice  refund o1 1          => refused payment_in_progress
         system declined p1          => declined p1 REJECT
         alice  refund o1 1          => refused order_not_confirmed
         alice  pay o1 200 key2      => requested p2 200
         system captured p2 200      => captured p2 200, confirmed o1 A-1-1 A-1-2
         alice  refund o1 2          => tickets o1 2=100+0-0, refund r1 100 ticketsrefunded
         system captured p1 200      => captured p1 200, refund r2 200 duplicatecapture
         system unrefunded r1        => unrefunded r1 CLOSED
         alice  cancel o1            => tickets o1 1=100+0-0, cancelled o1 bybuyer, refund r3 100 ordercancelled
         alice  refund o1 1          => refused order_already_cancelled
         system refunded r3 100      => refunded r3 100
         system refunded r2 200      => refunded r2 200
         alice  refund o1 1          => refused order_already_cancelled",
    );
    check(
        "alice  seats A-1-1          => held h1 A-1-1 100 asasked
         alice  order h1             => placed o1 100
         alice  pay o1 100           => requested p1 100
         system declined p1          => declined p1 REJECT
         after 60000                 => cancelled o1 expired
         alice  refund o1 1          => refused order_already_cancelled
         system captured p1 100      => captured p1 100, confirmed o1 A-1-1 again
         alice  refund o1 1          => cancelled o1 bybuyer, refund r1 100 ordercancelled
         system refunded r1 100      => refunded r1 100
         alice  refund o1 1          => refused order_already_refunded",
    );
}

#[test]
fn places_of_a_section_go_back_one_by_one() {
    check(
        "alice  floor FLOOR:3        => held h1 FLOOR:3 90 asasked
         alice  order h1             => placed o1 90
         alice  pay o1 90            => requested p1 90
         system captured p1 90       => captured p1 90, confirmed o1 FLOOR:3
         alice  refund o1 2          => tickets o1 2=30+0-0, refund r1 30 ticketsrefunded
         bob    floor FLOOR:4        => refused capacity_exhausted@0
         bob    floor FLOOR:3        => held h2 FLOOR:3 90 asasked
         alice  refund o1 FLOOR FLOOR FLOOR => refused ticket_repeated@2
         alice  refund o1 FLOOR FLOOR => tickets o1 1=30+0-0 3=30+0-0, cancelled o1 bybuyer, refund r2 60 ordercancelled",
    );
}

#[test]
fn the_booking_fee_comes_back_on_the_day_of_the_booking() {
    check_sold(
        "fee=5 10:1000 1:2000",
        210,
        "alice  refund o1 1          => tickets o1 1=95+0-10 by 0, refund r1 95 ticketsrefunded
         after 86400000              => nothing
         alice  refund o1 2          => tickets o1 2=90+0-10 by 0, cancelled o1 bybuyer, refund r2 90 ordercancelled",
    );
    check_sold(
        "fee=5",
        210,
        "after 86400000              => nothing
         alice  cancel o1            => cancelled o1 bybuyer, refund r1 210 ordercancelled",
    );
}

#[test]
fn a_place_that_costs_nothing_has_no_booking_fee() {
    check_house(
        house_with("fee=5 1:0"),
        "promoter create             => created
         promoter open               => opened
         alice  seats FREE-1-1       => held h1 FREE-1-1 0 asasked
         alice  order h1             => placed o1 0, confirmed o1 FREE-1-1
         alice  cancel o1            => cancelled o1 bybuyer",
    );
}

#[test]
fn an_order_is_bound_by_its_terms_unless_those_of_now_leave_more() {
    check_sold(
        "1:2000",
        200,
        "promoter terms 1:5000       => terms 1
         alice  refund o1 1          => tickets o1 1=80+0-20 by 0, refund r1 80 ticketsrefunded
         promoter terms 1:1000       => terms 2
         promoter terms 1:20000      => refused refund_terms_invalid
         promoter terms at=2 1:1     => refused performance_unknown
         alice  refund o1 2          => tickets o1 2=90+0-10 by 2, cancelled o1 bybuyer, refund r2 90 ordercancelled",
    );
    check_sold(
        "5:2000",
        200,
        "after 1382400000            => nothing
         alice  refund o1 1          => refused refund_closed
         promoter terms 1:9000       => terms 1
         alice  refund o1 1          => tickets o1 1=10+0-90 by 1, refund r1 10 ticketsrefunded
         promoter terms              => terms 2
         alice  refund o1 2          => tickets o1 2=100+0-0, cancelled o1 bybuyer, refund r2 100 ordercancelled",
    );
}

#[test]
fn terms_change_a_hundred_times_at_most() {
    let changes: String =
        (1..100).map(|version| format!("promoter terms 1:0 => terms {version}\n")).collect();
    check(&format!("{changes} promoter terms 1:0 => refused refund_terms_changes_exhausted"));
}

/// A discount of 50 and 70 points on three places of 100, 100 and 50: 130 in money. Each step of
/// 20 % keeps money first; the coupon comes back with the last ticket.
#[test]
fn discount_points_and_what_was_earned_are_split_by_price() {
    check_house(
        house_with("1:2000"),
        "promoter create             => created
         promoter open               => opened
         promoter campaign 10 off=50 return => campaign k1
         alice  claim k1             => issued c1 k1 v0 #1
         system points alice 70      => credited l1 70 until 1000000000
         promoter rule 1000 earned=7 restored=3 => ruled
         alice  seats A-1-1 A-1-2 B-1-1 => held h1 A-1-1 A-1-2 B-1-1 250 asasked
         alice  order h1 points=70   => reserving o1 points 70 -50 c1, reserved c1 o1, m1 reserve_points 70 o1
         deliver all                 => kept for o1 l1:70, m2 points_reserved o1, placed o1 130 -50 c1 -70 points
         alice  pay o1 130           => requested p1 130
         system captured p1 130      => captured p1 130, confirmed o1 A-1-1 A-1-2 B-1-1, used c1 o1, m3 commit_points o1, m4 earn_points 13 o1
         deliver all                 => spent 70 o1, credited l2 13 until 604800000
         alice  refund o1 2          => tickets o1 2=36+28-16 by 0, refund r1 36 ticketsrefunded, m5 restore_points 28 o1, m6 take_back_points 5 o1
         alice  cancel o1            => tickets o1 1=36+28-16 3=18+14-8 by 0, cancelled o1 bybuyer, refund r2 54 ordercancelled, returned c1 o1, m7 restore_points 42 o1, m8 take_back_points 8 o1",
    );
}

/// What is kept is more than the money: points stay as well.
#[test]
fn what_money_does_not_cover_is_kept_of_the_points() {
    check_house(
        house_with("1:5000"),
        "promoter create             => created
         promoter open               => opened
         system points alice 90      => credited l1 90 until 1000000000
         alice  seats A-1-1          => held h1 A-1-1 100 asasked
         alice  order h1 points=90   => reserving o1 points 90, m1 reserve_points 90 o1
         deliver all                 => kept for o1 l1:90, m2 points_reserved o1, placed o1 10 -90 points
         alice  pay o1 10            => requested p1 10
         system captured p1 10       => captured p1 10, confirmed o1 A-1-1, m3 commit_points o1
         alice  cancel o1            => tickets o1 1=0+50-50 by 0, cancelled o1 bybuyer, m4 restore_points 50 o1",
    );
}

#[test]
fn a_cancelled_performance_gives_everything_back() {
    check_sold(
        "fee=5 1:5000",
        210,
        "alice  refund o1 2          => tickets o1 2=55+0-50 by 0, refund r1 55 ticketsrefunded
         bob    seats A-1-3          => held h2 A-1-3 100 asasked
         carol  seats A-1-4          => held h3 A-1-4 100 asasked
         carol  order h3             => placed o2 105
         dave   seats A-1-5          => held h4 A-1-5 100 asasked
         dave   order h4             => placed o3 105
         dave   pay o3 105           => requested p2 105
         promoter calloff            => called off
         promoter calloff            => refused performance_cancelled
         promoter open               => refused performance_cancelled
         promoter close              => refused performance_cancelled
         promoter terms 1:0          => refused performance_cancelled
         bob    renew h2             => refused performance_cancelled
         bob    order h2             => refused performance_cancelled
         erin   seats A-1-6          => refused performance_cancelled
         carol  pay o2 105           => refused performance_cancelled
         alice  cancel o1            => refused performance_cancelled
         alice  refund o1 1          => refused performance_cancelled
         after 1                     => expired h2, tickets o1 1=105+0-0, cancelled o1 performancecancelled, refund r2 105 performancecancelled, cancelled o2 performancecancelled
         after 1                     => nothing
         system refunded r1 55       => refunded r1 55
         system refunded r2 105      => refunded r2 105
         alice  cancel o1            => refused order_already_refunded
         carol  pay o2 105           => refused performance_cancelled
         system captured p2 105      => captured p2 105, refund r3 105 performancecancelled, cancelled o3 performancecancelled
         system refunded r3 105      => refunded r3 105
         dave   cancel o3            => refused order_already_refunded
         after 99999999              => nothing",
    );
}

#[test]
fn money_that_comes_after_the_end_of_a_performance_goes_back() {
    check(
        "alice  seats A-1-1          => held h1 A-1-1 100 asasked
         alice  order h1             => placed o1 100
         alice  pay o1 100           => requested p1 100
         bob    seats A-1-2          => held h2 A-1-2 100 asasked
         bob    order h2             => placed o2 100
         bob    pay o2 100           => requested p2 100
         system declined p2          => declined p2 REJECT
         carol  seats A-1-3          => held h3 A-1-3 100 asasked
         carol  order h3             => placed o3 100
         carol  pay o3 100           => requested p3 100
         dave   seats A-1-4          => held h4 A-1-4 100 asasked
         dave   order h4             => placed o4 100
         dave   pay o4 100           => requested p4 100
         system declined p4          => declined p4 REJECT
         dave   pay o4 100 key2      => requested p5 100
         promoter calloff            => called off
         system declined p1          => declined p1 REJECT, cancelled o1 performancecancelled
         system captured p1 100      => captured p1 100, refund r1 100 latecapture
         system captured p2 100      => captured p2 100, refund r2 100 performancecancelled, cancelled o2 performancecancelled
         system captured p3 90       => captured p3 90, refund r3 90 amountmismatch, cancelled o3 performancecancelled
         system captured p4 100      => captured p4 100, refund r4 100 performancecancelled
         system captured p5 100      => captured p5 100, refund r5 100 performancecancelled, cancelled o4 performancecancelled
         after 1                     => nothing",
    );
}

#[test]
fn an_order_that_waits_for_another_key_is_called_off() {
    check(
        "promoter campaign 10 off=20 spans=1 => campaign k1, m1 campaign_announced k1 v0 at 1
         deliver all                 => announced k1 v0 at 1
         alice  claim k1             => issued c1 k1 v0 #1, m2 coupon_granted c1 at 1
         deliver all                 => granted c1 at 1
         alice  seats A-1-1          => held h1 A-1-1 100 asasked
         alice  order h1             => reserving o1 coupon -20 c1, m3 reserve_coupon c1 o1
         bob    seats A-1-2          => held h2 A-1-2 100 asasked
         promoter calloff            => called off
         after 10000                 => unplaced o1 performance_cancelled, h1 until 15000, expired h1, expired h2
         deliver all                 => reserved c1 o1, m4 coupon_reserved c1 o1, m5 release_coupon c1 o1, freed c1 o1",
    );
}

#[test]
fn a_sold_out_house_ends_in_as_many_ticks_as_it_takes() {
    const ORDERS: usize = 70;
    let mut house = house();
    house.sale.account_seats_max = 200;
    house.sections[3].kind =
        SectionKind::GeneralAdmission { capacity: ORDERS as u32, price_level: 2 };
    let mut table = String::from("promoter create => created\npromoter open => opened\n");
    let mut ends = Vec::new();
    for number in 1..=ORDERS {
        table += &format!(
            "alice floor FLOOR:1 => held h{number} FLOOR:1 30 asasked
             alice order h{number} => placed o{number} 30
             alice pay o{number} 30 => requested p{number} 30
             system captured p{number} 30 => captured p{number} 30, confirmed o{number} FLOOR:1\n"
        );
        let why = "performancecancelled";
        ends.push(format!("cancelled o{number} {why}, refund r{number} 30 {why}"));
    }
    table += "promoter calloff => called off\n";
    for ended in ends.chunks(ENDED_PER_TICK_MAX) {
        table += &format!("after 0 => {}\n", ended.join(", "));
    }
    check_house(house, &format!("{table} after 0 => nothing"));
}

/// The largest end of an order: one ticket of sixteen went back before, the amounts are the
/// largest, the payment key is the longest.
#[test]
fn the_end_of_one_order_is_small() {
    let id = |offset| IntentId::from_packed(offset).unwrap();
    let minor = Money::MINOR_MAX;
    let (order, account) = (OrderId(id(i64::MAX)), AccountId::from_u128(u128::MAX));
    let payment = PaymentId(id(i64::MAX));
    let amount = Money::new(16 * minor, Currency::KRW);
    let line = |ticket| RefundLine {
        ticket,
        price_minor: minor,
        discount_minor: minor,
        booking_fee_minor: minor,
        kept_minor: minor,
        money_minor: minor,
        points_minor: minor,
        earned_minor: minor,
    };
    let currency = Currency::KRW;
    let lines = (2..=16).map(line).collect();
    let refund = EffectName::new(id(i64::MAX).partition(), id(i64::MAX).offset(), u16::MAX);
    let payment_key = "k".repeat(200).into();
    let (reason, why) = (RefundReason::PerformanceCancelled, CancelReason::PerformanceCancelled);
    let expires_at = Timestamp::MAX;
    let outcomes = vec![
        RefundOutcome::TicketsRefunded { order, account, currency, terms: None, lines }.into(),
        Outcome::OrderCancelled { order, account, reason: why },
        Outcome::RefundRequested { refund, payment, order, amount, payment_key, reason },
        Outcome::MessageSent {
            message: Message::ReturnCoupon { coupon: CouponId(id(i64::MAX)), order },
        },
        Outcome::MessageSent {
            message: Message::RestorePoints { account, order, amount, expires_at },
        },
        Outcome::MessageSent { message: Message::TakeBackPoints { account, order, amount } },
    ];
    let mut bytes = Vec::new();
    encode_into(&outcomes, &mut bytes);
    assert!(bytes.len() <= 2_048, "{} bytes", bytes.len());
}

#[test]
fn orders_of_a_state_without_terms_are_read() {
    let state = states_after(
        "alice seats A-1-1           => held h1 A-1-1 100 asasked
         alice order h1              => placed o1 100
         alice pay o1 100            => requested p1 100
         system captured p1 100      => captured p1 100, confirmed o1 A-1-1",
    )
    .remove(0);
    let order = state.orders_of(crate::tables::account("alice")).next().unwrap();
    let before = crate::Order { sold: None, ..order.clone() };
    let wanted = crate::WantedTickets::All;
    let quote = state.refund_quote(&before, &wanted, state.now()).unwrap();
    assert_eq!((quote.money().minor, quote.kept().minor, quote.terms), (100, 0, None));
}
