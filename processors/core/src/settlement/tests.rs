//! What steps mean in money, as tables.

use boxoffice_topics::codec::encode_into;
use boxoffice_topics::{
    Currency, IntentId, LedgerAccount, LedgerLine, Money, OrderId, PerformanceDefinition,
    PerformanceId, Posting, PostingKind, Timestamp,
};

use crate::tables::refund::terms;
use crate::tables::settlement::settlement_terms;
use crate::tables::{check, check_house, house, states_after};

const DAY_MS: i64 = 86_400_000;

/// The house, shown on day 20, with fees and terms of refunds.
fn house_with(fees: &str, refunds: &str) -> PerformanceDefinition {
    let mut house = house();
    house.starts_at = Timestamp::from_millis(20 * DAY_MS + 1_000);
    let fees: Vec<_> = fees.split_whitespace().collect();
    house.settlement_terms = Some(settlement_terms(&fees));
    let refunds: Vec<_> = refunds.split_whitespace().collect();
    house.refund_terms = (!refunds.is_empty()).then(|| Box::new(terms(&refunds)));
    house
}

/// A table of a house on sale whose money is accounted for.
#[track_caller]
fn check_money(fees: &str, refunds: &str, table: &str) {
    let on_sale = "promoter create => created\npromoter open => opened\n";
    check_house(house_with(fees, refunds), &format!("{on_sale}{table}"));
}

#[test]
fn a_sale_and_its_refund_leave_nothing() {
    check_money(
        "",
        "",
        "alice  seats A-1-1 A-1-2 => held h1 A-1-1 A-1-2 200 asasked
         alice  order h1          => placed o1 200
         alice  pay o1 200        => requested p1 200
         system captured p1 200   => captured p1 200, confirmed o1 A-1-1 A-1-2, posted 0 capture o1 provider_cash 200 buyer_money -200; 1 sale o1 buyer_money 200 ticket_sales -200
         alice  cancel o1         => cancelled o1 bybuyer, refund r1 200 ordercancelled, posted 0 return o1 refunds 200 buyer_money -200
         system refunded r1 200   => refunded r1 200, posted 0 repayment o1 buyer_money 200 provider_cash -200",
    );
}

#[test]
fn an_order_without_a_sale_has_no_lines_until_money_comes() {
    check_money(
        "provider=250 platform=1000 vat=1000",
        "",
        "alice  seats A-1-1       => held h1 A-1-1 100 asasked
         alice  order h1          => placed o1 100
         alice  pay o1 100        => requested p1 100
         system declined p1       => declined p1 REJECT
         after 60000              => cancelled o1 expired
         bob    seats A-1-1       => held h2 A-1-1 100 asasked
         system captured p1 100   => captured p1 100, refund r1 100 latecapture, posted 0 capture o1 provider_cash 100 buyer_money -100
         system refunded r1 90    => unrefunded r1 REFUNDED_ANOTHER_AMOUNT
         bob    order h2          => placed o2 100
         bob    cancel o2         => cancelled o2 bybuyer",
    );
}

#[test]
fn money_that_comes_late_buys_its_places_when_they_are_free() {
    check_money(
        "",
        "",
        "alice  seats A-1-1       => held h1 A-1-1 100 asasked
         alice  order h1          => placed o1 100
         alice  pay o1 100        => requested p1 100
         system declined p1       => declined p1 REJECT
         after 60000              => cancelled o1 expired
         system captured p1 100   => captured p1 100, confirmed o1 A-1-1 again, posted 0 capture o1 provider_cash 100 buyer_money -100; 1 sale o1 buyer_money 100 ticket_sales -100",
    );
}

#[test]
fn money_that_comes_twice_or_in_the_wrong_amount_stays_the_buyers() {
    check_money(
        "provider=1000",
        "",
        "alice  seats A-1-1       => held h1 A-1-1 100 asasked
         alice  order h1          => placed o1 100
         alice  pay o1 100        => requested p1 100
         system captured p1 150   => captured p1 150, refund r1 150 amountmismatch, posted 0 capture o1 provider_cash 150 buyer_money -150
         alice  pay o1 100 key2   => requested p2 100
         system declined p2       => declined p2 REJECT
         alice  pay o1 100 key3   => requested p3 100
         system captured p3 100   => captured p3 100, confirmed o1 A-1-1, posted 0 capture o1 provider_cash 100 buyer_money -100; 1 sale o1 buyer_money 100 ticket_sales -100 provider_fees 10 provider_fees_owed -10
         system captured p2 100   => captured p2 100, refund r2 100 duplicatecapture, posted 0 capture o1 provider_cash 100 buyer_money -100
         system refunded r1 150   => refunded r1 150, posted 0 repayment o1 buyer_money 150 provider_cash -150
         system refunded r2 100   => refunded r2 100, posted 0 repayment o1 buyer_money 100 provider_cash -100",
    );
}

/// Fees of 31 and 66, and taxes of 3 and 6: each return takes along what they shrink by.
#[test]
fn fees_go_back_with_the_tickets() {
    check_money(
        "provider=1500 platform=3333 vat=1000",
        "fee=5",
        "alice  seats A-1-1 A-1-2 => held h1 A-1-1 A-1-2 200 asasked
         alice  order h1          => placed o1 210
         alice  pay o1 210        => requested p1 210
         system captured p1 210   => captured p1 210, confirmed o1 A-1-1 A-1-2, posted 0 capture o1 provider_cash 210 buyer_money -210; 1 sale o1 buyer_money 210 ticket_sales -200 booking_fees -10 provider_fees 31 provider_fees_owed -31 platform_fees 66 platform_fees_owed -66 provider_fee_vat 3 provider_fee_vat_owed -3 platform_fee_vat 6 platform_fee_vat_owed -6
         alice  refund o1 2       => tickets o1 2=105+0-0, refund r1 105 ticketsrefunded, posted 0 return o1 refunds 100 booking_fees 5 buyer_money -105 provider_fees -16 provider_fees_owed 16 platform_fees -33 platform_fees_owed 33 provider_fee_vat -2 provider_fee_vat_owed 2 platform_fee_vat -3 platform_fee_vat_owed 3
         alice  refund o1 1       => tickets o1 1=105+0-0, cancelled o1 bybuyer, refund r2 105 ordercancelled, posted 0 return o1 refunds 100 booking_fees 5 buyer_money -105 provider_fees -15 provider_fees_owed 15 platform_fees -33 platform_fees_owed 33 provider_fee_vat -1 provider_fee_vat_owed 1 platform_fee_vat -3 platform_fee_vat_owed 3
         system refunded r1 105   => refunded r1 105, posted 0 repayment o1 buyer_money 105 provider_cash -105
         system refunded r2 105   => refunded r2 105, posted 0 repayment o1 buyer_money 105 provider_cash -105",
    );
}

#[test]
fn a_provider_may_keep_its_fee_and_the_ladder_a_part_of_the_price() {
    check_money(
        "provider=1000 platform=1000 keeps",
        "fee=5 10:1000/4 1:2000",
        "alice  seats A-1-1 A-1-2 => held h1 A-1-1 A-1-2 200 asasked
         alice  order h1          => placed o1 210
         alice  pay o1 210        => requested p1 210
         system captured p1 210   => captured p1 210, confirmed o1 A-1-1 A-1-2, posted 0 capture o1 provider_cash 210 buyer_money -210; 1 sale o1 buyer_money 210 ticket_sales -200 booking_fees -10 provider_fees 21 provider_fees_owed -21 platform_fees 20 platform_fees_owed -20
         alice  refund o1 1       => tickets o1 1=101+0-4 by 0, refund r1 101 ticketsrefunded, posted 0 return o1 refunds 100 booking_fees 5 cancellation_fees -4 buyer_money -101 platform_fees -10 platform_fees_owed 10
         after 1296000000         => nothing
         alice  refund o1 2       => tickets o1 2=80+0-20 by 0, cancelled o1 bybuyer, refund r2 80 ordercancelled, posted 0 return o1 refunds 100 cancellation_fees -20 buyer_money -80 platform_fees -10 platform_fees_owed 10",
    );
}

#[test]
fn an_order_keeps_the_fees_under_which_it_was_sold() {
    check_money(
        "platform=1000",
        "",
        "alice  seats A-1-1       => held h1 A-1-1 100 asasked
         alice  order h1          => placed o1 100
         promoter fees platform=2000 => fees 1
         alice  pay o1 100        => requested p1 100
         system captured p1 100   => captured p1 100, confirmed o1 A-1-1, posted 0 capture o1 provider_cash 100 buyer_money -100; 1 sale o1 buyer_money 100 ticket_sales -100 platform_fees 20 platform_fees_owed -20
         promoter fees platform=20000 => refused settlement_terms_invalid
         promoter fees at=2       => refused performance_unknown
         promoter fees platform=300 => fees 2
         alice  cancel o1         => cancelled o1 bybuyer, refund r1 100 ordercancelled, posted 0 return o1 refunds 100 buyer_money -100 platform_fees -20 platform_fees_owed 20",
    );
}

#[test]
fn a_discount_is_borne_by_whoever_issued_its_coupon() {
    check_money(
        "platform=1000",
        "",
        "promoter campaign 9 off=20 => campaign k1
         alice  claim k1          => issued c1 k1 v0 #1
         alice  seats A-1-1       => held h1 A-1-1 100 asasked
         alice  order h1          => placed o1 80 -20 c1, reserved c1 o1
         alice  pay o1 80         => requested p1 80
         system captured p1 80    => captured p1 80, confirmed o1 A-1-1, used c1 o1, posted 0 capture o1 provider_cash 80 buyer_money -80; 1 sale o1 buyer_money 80 promoter_discounts 20 ticket_sales -100 platform_fees 8 platform_fees_owed -8
         alice  cancel o1         => cancelled o1 bybuyer, refund r1 80 ordercancelled, posted 0 return o1 refunds 100 promoter_discounts -20 buyer_money -80 platform_fees -8 platform_fees_owed 8",
    );
    check_money(
        "platform=1000",
        "",
        "promoter campaign 9 off=20 by=platform => campaign k1
         bob    claim k1          => issued c1 k1 v0 #1
         bob    seats A-1-1       => held h1 A-1-1 100 asasked
         bob    order h1          => placed o1 80 -20 c1, reserved c1 o1
         bob    pay o1 80         => requested p1 80
         system captured p1 80    => captured p1 80, confirmed o1 A-1-1, used c1 o1, posted 0 capture o1 provider_cash 80 buyer_money -80; 1 sale o1 buyer_money 80 platform_discounts 20 ticket_sales -100 platform_fees 10 platform_fees_owed -10
         bob    cancel o1         => cancelled o1 bybuyer, refund r1 80 ordercancelled, posted 0 return o1 refunds 100 platform_discounts -20 buyer_money -80 platform_fees -10 platform_fees_owed 10",
    );
}

/// As in the tables of refunds: a discount of 50 and 70 points on places of 100, 100 and 50.
#[test]
fn a_reduced_order_goes_back_ticket_by_ticket() {
    check_money(
        "platform=1000",
        "1:2000",
        "promoter campaign 10 off=50 return => campaign k1
         alice  claim k1             => issued c1 k1 v0 #1
         system points alice 70      => credited l1 70 until 1000000000
         alice  seats A-1-1 A-1-2 B-1-1 => held h1 A-1-1 A-1-2 B-1-1 250 asasked
         alice  order h1 points=70   => reserving o1 points 70 -50 c1, reserved c1 o1, m1 reserve_points 70 o1
         deliver all                 => kept for o1 l1:70, m2 points_reserved o1, placed o1 130 -50 c1 -70 points
         alice  pay o1 130           => requested p1 130
         system captured p1 130      => captured p1 130, confirmed o1 A-1-1 A-1-2 B-1-1, used c1 o1, m3 commit_points o1, posted 0 capture o1 provider_cash 130 buyer_money -130; 1 sale o1 buyer_money 130 promoter_discounts 50 points 70 ticket_sales -250 platform_fees 20 platform_fees_owed -20
         alice  refund o1 2          => tickets o1 2=36+28-16 by 0, refund r1 36 ticketsrefunded, m4 restore_points 28 o1, posted 0 return o1 refunds 100 cancellation_fees -16 promoter_discounts -20 points -28 buyer_money -36 platform_fees -8 platform_fees_owed 8
         alice  cancel o1            => tickets o1 1=36+28-16 3=18+14-8 by 0, cancelled o1 bybuyer, refund r2 54 ordercancelled, returned c1 o1, m5 restore_points 42 o1, posted 0 return o1 refunds 150 cancellation_fees -24 promoter_discounts -30 points -42 buyer_money -54 platform_fees -12 platform_fees_owed 12",
    );
}

#[test]
fn an_order_that_points_pay_has_lines_without_money() {
    check_money(
        "provider=1000 platform=1000",
        "",
        "operator points alice 500 => credited l1 500 until 1000000000
         alice  seats A-1-1        => held h1 A-1-1 100 asasked
         alice  order h1 points=500 => reserving o1 points 100, m1 reserve_points 100 o1
         deliver all               => kept for o1 l1:100, m2 points_reserved o1, placed o1 0 -100 points, confirmed o1 A-1-1, m3 commit_points o1, posted 2 sale o1 points 100 ticket_sales -100 platform_fees 10 platform_fees_owed -10, spent 100 o1
         alice  cancel o1          => cancelled o1 bybuyer, m4 restore_points 100 o1, posted 0 return o1 refunds 100 points -100 platform_fees -10 platform_fees_owed 10
         bob    seats FREE-1-1     => held h2 FREE-1-1 0 asasked
         bob    order h2           => placed o2 0, confirmed o2 FREE-1-1
         bob    cancel o2          => cancelled o2 bybuyer",
    );
}

#[test]
fn a_cancelled_performance_gives_the_money_of_every_order_back() {
    check_money(
        "platform=1000",
        "fee=5 1:5000",
        "alice  seats A-1-1 A-1-2 => held h1 A-1-1 A-1-2 200 asasked
         alice  order h1          => placed o1 210
         alice  pay o1 210        => requested p1 210
         system captured p1 210   => captured p1 210, confirmed o1 A-1-1 A-1-2, posted 0 capture o1 provider_cash 210 buyer_money -210; 1 sale o1 buyer_money 210 ticket_sales -200 booking_fees -10 platform_fees 20 platform_fees_owed -20
         alice  refund o1 2       => tickets o1 2=55+0-50 by 0, refund r1 55 ticketsrefunded, posted 0 return o1 refunds 100 booking_fees 5 cancellation_fees -50 buyer_money -55 platform_fees -10 platform_fees_owed 10
         bob    seats A-1-3       => held h2 A-1-3 100 asasked
         bob    order h2          => placed o2 105
         bob    pay o2 105        => requested p2 105
         system captured p2 105   => captured p2 105, confirmed o2 A-1-3, posted 0 capture o2 provider_cash 105 buyer_money -105; 1 sale o2 buyer_money 105 ticket_sales -100 booking_fees -5 platform_fees 10 platform_fees_owed -10
         carol  seats A-1-4       => held h3 A-1-4 100 asasked
         carol  order h3          => placed o3 105
         carol  pay o3 105        => requested p3 105
         promoter calloff         => called off
         after 1                  => tickets o1 1=105+0-0, cancelled o1 performancecancelled, refund r2 105 performancecancelled, cancelled o2 performancecancelled, refund r3 105 performancecancelled, posted 0 return o1 refunds 100 booking_fees 5 buyer_money -105 platform_fees -10 platform_fees_owed 10; 3 return o2 refunds 100 booking_fees 5 buyer_money -105 platform_fees -10 platform_fees_owed 10
         system captured p3 105   => captured p3 105, refund r4 105 performancecancelled, cancelled o3 performancecancelled, posted 0 capture o3 provider_cash 105 buyer_money -105",
    );
}

#[test]
fn a_performance_of_before_settlement_has_no_ledger() {
    check(
        "promoter fees platform=100 => refused settlement_not_kept
         alice seats A-1-1          => held h1 A-1-1 100 asasked
         alice order h1             => placed o1 100
         alice pay o1 100           => requested p1 100
         system captured p1 100     => captured p1 100, confirmed o1 A-1-1",
    );
    let states = states_after("promoter close => closed");
    let show = states[0].performances().next().unwrap();
    assert!(show.ledger().is_none());
}

#[test]
fn terms_change_a_hundred_times_at_most() {
    let changes: String =
        (1..100).map(|version| format!("promoter fees vat=1 => fees {version}\n")).collect();
    let once_more = "promoter fees vat=1 => refused settlement_terms_changes_exhausted";
    check_money("", "", &format!("{changes}{once_more}"));
}

/// The end of an order of a cancelled performance has one posting with every account.
#[test]
fn the_largest_posting_is_small() {
    let order = OrderId(IntentId::from_packed(i64::MAX).unwrap());
    let lines = LedgerAccount::ALL
        .iter()
        .map(|account| LedgerLine { account: *account, amount_minor: -16 * Money::MINOR_MAX });
    let posting = Posting {
        cause: u16::MAX,
        kind: PostingKind::Return,
        performance: PerformanceId::from_u128(u128::MAX),
        order,
        currency: Currency::KRW,
        lines: lines.collect(),
    };
    let mut bytes = Vec::new();
    encode_into(&posting, &mut bytes);
    assert!(bytes.len() <= 256, "{} bytes", bytes.len());
}
