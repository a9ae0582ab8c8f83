//! Tables of campaigns and coupons that live with their performance.

use crate::tables::{check, check_house, house};

#[test]
fn the_first_come_are_the_first_served_exactly() {
    check(
        "promoter campaign 2 off=20 => campaign k1
         alice claim k1             => issued c1 k1 v0 #1
         alice claim k1             => refused coupon_limit_reached
         bob   claim k1 key=k       => issued c2 k1 v0 #2
         bob   claim k1 key=k       => repeated 6
         carol claim k1             => refused coupons_exhausted
         bob   claim k1             => refused coupon_limit_reached
         carol claim none           => refused campaign_unknown",
    );
}

#[test]
fn an_account_has_its_limit_in_each_campaign() {
    check(
        "promoter campaign 9 off=20 limit=2 => campaign k1
         promoter campaign 9 off=30         => campaign k2
         alice claim k1                     => issued c1 k1 v0 #1
         alice claim k1                     => issued c2 k1 v0 #2
         alice claim k1                     => refused coupon_limit_reached
         alice claim k2                     => issued c3 k2 v0 #1",
    );
}

#[test]
fn coupons_are_issued_in_the_window_and_to_who_knows_the_code() {
    check(
        "promoter campaign 9 off=20 from=1000 until=2000 code=SPRING => campaign k1
         alice claim k1 SPRING => refused campaign_not_open
         after 999             => nothing
         alice claim k1 SPRING => refused campaign_not_open
         after 1               => nothing
         alice claim k1        => refused coupon_code_wrong
         alice claim k1 spring => refused coupon_code_wrong
         alice claim k1 SPRING => issued c1 k1 v0 #1
         after 999             => nothing
         bob   claim k1 SPRING => issued c2 k1 v0 #2
         after 1               => nothing
         carol claim k1 SPRING => refused campaign_ended",
    );
}

#[test]
fn no_coupon_is_issued_that_has_expired_already() {
    check(
        "promoter campaign 9 off=20 until=2000 expires=1000 => campaign k1
         after 999                  => nothing
         alice claim k1             => issued c1 k1 v0 #1
         after 1                    => nothing
         bob   claim k1             => refused campaign_ended
         promoter change k1 9 off=20 until=2000 expires=3000 => changed k1 v1
         bob   claim k1             => issued c2 k1 v1 #2",
    );
}

#[test]
fn a_public_campaign_asks_for_no_code() {
    check(
        "promoter campaign 9 off=20 => campaign k1
         alice claim k1 WHATEVER    => issued c1 k1 v0 #1",
    );
}

#[test]
fn a_pause_stops_the_issue_and_nothing_else() {
    check(
        "promoter campaign 9 off=20 => campaign k1
         alice claim k1             => issued c1 k1 v0 #1
         promoter resume k1         => refused campaign_not_paused
         promoter pause k1          => paused k1
         promoter pause k1          => refused campaign_paused
         bob   claim k1             => refused campaign_paused
         alice seats A-1-1          => held h1 A-1-1 100 asasked
         alice order h1             => placed o1 80 -20 c1, reserved c1 o1
         promoter resume k1         => resumed k1
         bob   claim k1             => issued c2 k1 v0 #2
         promoter pause none        => refused campaign_unknown
         promoter resume none       => refused campaign_unknown",
    );
}

#[test]
fn a_campaign_fits_its_performance() {
    check(
        "promoter campaign 0 off=20                 => refused campaign_invalid
         promoter campaign 9 off=0                  => refused campaign_invalid
         promoter campaign 9 percent=10001          => refused campaign_invalid
         promoter campaign 9 percent=0              => refused campaign_invalid
         promoter campaign 9 percent=1 cap=0        => refused campaign_invalid
         promoter campaign 9 off=20 limit=0         => refused campaign_invalid
         promoter campaign 9 off=20 limit=17        => refused campaign_invalid
         promoter campaign 9 off=20 uses=0          => refused campaign_invalid
         promoter campaign 9 off=20 min=-1          => refused campaign_invalid
         promoter campaign 9 off=20 from=5 until=5  => refused campaign_invalid
         promoter campaign 9 off=20 from=5 expires=5 => refused campaign_invalid
         promoter campaign 9 off=20 levels=R,R      => refused campaign_invalid
         promoter campaign 9 off=20 spans=1,1       => refused campaign_invalid
         promoter campaign 9 off=20 currency=USD    => refused campaign_invalid
         promoter campaign 9 off=20 levels=R,Q      => refused price_level_unknown@1
         promoter campaign 9 off=20 at=2            => refused performance_unknown",
    );
}

#[test]
fn a_campaign_changes_while_it_runs_and_coupons_keep_their_terms() {
    check(
        "promoter campaign 1 off=20           => campaign k1
         alice claim k1                       => issued c1 k1 v0 #1
         bob   claim k1                       => refused coupons_exhausted
         promoter change k1 2 off=20          => changed k1 v0
         promoter change k1 2 off=50          => changed k1 v1
         bob   claim k1                       => issued c2 k1 v1 #2
         promoter change k1 1 off=50          => refused quantity_below_issued
         promoter change k1 3 off=50          => changed k1 v1
         promoter change k1 2 off=50          => changed k1 v1
         carol claim k1                       => refused coupons_exhausted
         promoter change k1 2 off=50 at=2     => refused performance_unknown
         promoter change k1 2 off=50 spans=1  => refused campaign_scope_fixed
         promoter change k1 0 off=50          => refused campaign_invalid
         promoter change none 2 off=50        => refused campaign_unknown
         alice seats A-1-1                    => held h1 A-1-1 100 asasked
         alice order h1                       => placed o1 80 -20 c1, reserved c1 o1
         bob   seats A-1-2                    => held h2 A-1-2 100 asasked
         bob   order h2                       => placed o2 50 -50 c2, reserved c2 o2",
    );
}

#[test]
fn the_scope_and_the_currency_of_a_campaign_stay() {
    check(
        "promoter create at=2                 => created
         promoter campaign 1 off=20           => campaign k1
         promoter change k1 2 off=20 at=2     => refused campaign_scope_fixed
         promoter campaign 1 off=20 spans=1,2 => campaign k2, m1 campaign_announced k2 v0 at 1, m2 campaign_announced k2 v0 at 2
         promoter change k2 1 off=20 spans=1  => refused campaign_scope_fixed
         promoter change k2 1 off=20 spans=1,2 currency=USD => refused campaign_scope_fixed
         promoter change k2 5 off=20 spans=1,2 => changed k2 v0
         promoter change k2 5 off=30 spans=1,2 => changed k2 v1, m3 campaign_announced k2 v1 at 1, m4 campaign_announced k2 v1 at 2",
    );
}

#[test]
fn terms_change_a_hundred_times_at_most() {
    let changes = (1..100).map(|version| {
        format!("promoter change k1 9 off={} => changed k1 v{version}\n", version + 20)
    });
    check(&format!(
        "promoter campaign 9 off=20 => campaign k1
         {}
         promoter change k1 9 off=7 => refused campaign_changes_exhausted
         promoter change k1 8 off=119 => changed k1 v99",
        changes.collect::<String>()
    ));
}

#[test]
fn a_performance_has_64_campaigns_at_most() {
    let campaigns = (1..=64).map(|k| format!("promoter campaign 9 off=20 => campaign k{k}\n"));
    check(&format!(
        "{}
         promoter campaign 9 off=20 => refused campaign_limit_reached",
        campaigns.collect::<String>()
    ));
}

/// Three seats at 100, 100 and 50 are 250.
#[track_caller]
fn check_best(campaigns: &[&str], expect: &str) {
    let claimed = (1..).zip(campaigns).map(|(k, campaign)| {
        format!(
            "promoter campaign 9 {campaign} => campaign k{k}
             alice claim k{k} => issued c{k} k{k} v0 #1\n"
        )
    });
    check(&format!(
        "{}
         alice seats A-1-1 A-1-2 B-1-1 => held h1 A-1-1 A-1-2 B-1-1 250 asasked
         alice order h1 => placed o1 {expect}",
        claimed.collect::<String>()
    ));
}

#[test]
fn the_best_coupon_is_the_one_that_leaves_least_to_pay() {
    check_best(&["off=20", "off=30", "off=25"], "220 -30 c2, reserved c2 o1");
    check_best(&["off=30", "percent=1300"], "218 -32 c2, reserved c2 o1");
    check_best(&["percent=9000 cap=10", "off=11"], "239 -11 c2, reserved c2 o1");
    check_best(&[], "250");
}

#[test]
fn equal_coupons_are_told_apart_by_expiry_then_cap_then_age() {
    check_best(&["off=25 expires=900", "off=25 expires=800"], "225 -25 c2, reserved c2 o1");
    // At the same expiry the coupon goes that could do the least elsewhere.
    check_best(&["percent=1000", "percent=1000 cap=90", "off=25"], "225 -25 c3, reserved c3 o1");
    check_best(&["percent=1000", "percent=1000 cap=90"], "225 -25 c2, reserved c2 o1");
    check_best(&["off=25", "off=25"], "225 -25 c1, reserved c1 o1");
}

#[test]
fn a_discount_is_of_the_price_levels_it_is_for_and_rounds_down() {
    check_best(&["percent=3333"], "167 -83 c1, reserved c1 o1");
    check_best(&["percent=3333 levels=S"], "234 -16 c1, reserved c1 o1");
    check_best(&["percent=1000 levels=R,S"], "225 -25 c1, reserved c1 o1");
    check_best(&["off=80 levels=S"], "200 -50 c1, reserved c1 o1");
    check_best(&["off=80 levels=FLOOR"], "250");
    check_best(&["percent=1"], "250");
}

#[test]
fn a_coupon_asks_for_its_minimum_before_any_discount() {
    check_best(&["off=20 min=250"], "230 -20 c1, reserved c1 o1");
    check_best(&["off=20 min=251"], "250");
}

#[test]
fn standing_places_are_reduced_by_their_price_level() {
    check(
        "promoter campaign 9 percent=5000 levels=FLOOR => campaign k1
         alice claim k1      => issued c1 k1 v0 #1
         alice floor FLOOR:3 => held h1 FLOOR:3 90 asasked
         alice order h1      => placed o1 45 -45 c1, reserved c1 o1",
    );
}

#[test]
fn the_best_is_among_the_latest_256_and_others_can_be_named() {
    let (mut table, mut coupons) = (String::new(), 0);
    for campaign in 1..=17 {
        let off = if campaign == 1 { 30 } else { 20 };
        table += &format!("promoter campaign 16 off={off} limit=16 => campaign k{campaign}\n");
        for number in 1..=16 {
            coupons += 1;
            table +=
                &format!("alice claim k{campaign} => issued c{coupons} k{campaign} v0 #{number}\n");
        }
    }
    check(&format!(
        "{table}
         alice seats A-1-1 A-1-2  => held h1 A-1-1 A-1-2 200 asasked
         alice order h1           => placed o1 180 -20 c17, reserved c17 o1
         alice seats A-1-3        => held h2 A-1-3 100 asasked
         alice order h2 coupon=c1 => placed o2 70 -30 c1, reserved c1 o2
         alice seats A-1-4        => held h3 A-1-4 100 asasked
         alice order h3           => placed o3 70 -30 c16, reserved c16 o3"
    ));
}

#[test]
fn coupons_that_are_told_to_performances_are_four_million_at_most() {
    let spans = |count: u32| {
        let numbers: Vec<_> = (1..=count).map(|number| number.to_string()).collect();
        numbers.join(",")
    };
    check(&format!(
        "promoter campaign 1000001 off=20 => refused campaign_invalid
         promoter campaign 1000000 off=20 => campaign k1
         promoter campaign 62501 off=20 spans={} => refused campaign_invalid
         promoter campaign 800001 off=20 spans={} => refused campaign_invalid
         promoter campaign 1000001 off=20 spans=1 => refused campaign_invalid",
        spans(64),
        spans(5),
    ));
}

#[test]
fn an_order_never_costs_less_than_nothing() {
    check(
        "promoter campaign 9 off=300 => campaign k1
         alice claim k1     => issued c1 k1 v0 #1
         alice seats A-1-1  => held h1 A-1-1 100 asasked
         alice order h1     => placed o1 0 -100 c1, reserved c1 o1, confirmed o1 A-1-1, used c1 o1
         alice pay o1 0     => refused order_already_confirmed
         alice cancel o1    => cancelled o1 bybuyer
         alice seats A-1-2  => held h2 A-1-2 100 asasked
         alice order h2     => placed o2 100",
    );
}

#[test]
fn a_buyer_names_a_coupon_or_wants_none() {
    check(
        "promoter campaign 9 off=20 limit=2 => campaign k1
         promoter campaign 9 off=50 min=200 => campaign k2
         promoter campaign 9 off=50 levels=S => campaign k3
         promoter campaign 9 off=50 expires=100 => campaign k4
         alice claim k1 => issued c1 k1 v0 #1
         alice claim k1 => issued c2 k1 v0 #2
         alice claim k2 => issued c3 k2 v0 #1
         alice claim k3 => issued c4 k3 v0 #1
         alice claim k4 => issued c5 k4 v0 #1
         bob   claim k1 => issued c6 k1 v0 #3
         after 100      => nothing
         alice seats A-1-1           => held h1 A-1-1 100 asasked
         alice order h1 coupon=c9    => refused coupon_unknown
         alice order h1 coupon=c6    => refused coupon_owned_by_another
         alice order h1 coupon=c3    => refused coupon_minimum_not_reached
         alice order h1 coupon=c4    => refused coupon_not_applicable
         alice order h1 coupon=c5    => refused coupon_expired
         alice order h1 coupon=c2    => placed o1 80 -20 c2, reserved c2 o1
         alice seats A-1-2           => held h2 A-1-2 100 asasked
         alice order h2 coupon=c2    => refused coupon_used_up
         alice order h2 coupon=none  => placed o2 100
         alice seats A-1-3           => held h3 A-1-3 100 asasked
         alice order h3 coupon=best  => placed o3 80 -20 c1, reserved c1 o3",
    );
}

/// Alice has a coupon of 20 and an order with it.
#[track_caller]
fn check_order(words: &str, table: &str) {
    check(&format!(
        "promoter campaign 9 off=20 {words} => campaign k1
         alice claim k1    => issued c1 k1 v0 #1
         alice seats A-1-1 => held h1 A-1-1 100 asasked
         alice order h1    => placed o1 80 -20 c1, reserved c1 o1
         {table}"
    ));
}

#[test]
fn a_coupon_is_used_when_its_order_is_confirmed() {
    check_order(
        "",
        "alice pay o1 100         => refused amount_mismatch
         alice pay o1 80          => requested p1 80
         system captured p1 80    => captured p1 80, confirmed o1 A-1-1, used c1 o1
         system captured p1 80    => refused payment_already_settled
         alice seats A-1-2        => held h2 A-1-2 100 asasked
         alice order h2 coupon=c1 => refused coupon_used_up
         alice order h2           => placed o2 100",
    );
}

#[test]
fn a_coupon_is_free_when_its_order_expires() {
    check_order(
        "",
        "alice seats A-1-2        => held h2 A-1-2 100 asasked
         alice order h2 coupon=c1 => refused coupon_used_up
         alice release h2         => released h2
         after 60000              => cancelled o1 expired, freed c1 o1
         alice seats A-1-1        => held h3 A-1-1 100 asasked
         alice order h3           => placed o2 80 -20 c1, reserved c1 o2",
    );
}

#[test]
fn a_coupon_is_free_when_its_order_is_given_up() {
    check_order(
        "",
        "alice cancel o1   => cancelled o1 bybuyer, freed c1 o1
         alice cancel o1   => refused order_already_cancelled
         alice seats A-1-1 => held h2 A-1-1 100 asasked
         alice order h2    => placed o2 80 -20 c1, reserved c1 o2",
    );
}

#[test]
fn a_coupon_stays_with_an_order_whose_payment_is_unknown() {
    check_order(
        "",
        "alice pay o1 80    => requested p1 80
         after 99999        => nothing
         alice seats A-1-2  => held h2 A-1-2 100 asasked
         alice order h2     => placed o2 100
         system declined p1 => declined p1 REJECT
         after 60000        => cancelled o1 expired, freed c1 o1, cancelled o2 expired",
    );
}

#[test]
fn a_refund_gives_the_coupon_back_only_when_the_terms_say_so() {
    let refund = "alice pay o1 80          => requested p1 80
                  system captured p1 80    => captured p1 80, confirmed o1 A-1-1, used c1 o1\n";
    check_order(
        "return",
        &format!(
            "{refund}
             alice cancel o1   => cancelled o1 bybuyer, refund r1 80 ordercancelled, returned c1 o1
             alice cancel o1   => refused order_already_cancelled
             alice seats A-1-1 => held h2 A-1-1 100 asasked
             alice order h2    => placed o2 80 -20 c1, reserved c1 o2
             system refunded r1 80 => refunded r1 80"
        ),
    );
    check_order(
        "",
        &format!(
            "{refund}
             alice cancel o1   => cancelled o1 bybuyer, refund r1 80 ordercancelled
             alice seats A-1-1 => held h2 A-1-1 100 asasked
             alice order h2    => placed o2 100"
        ),
    );
}

#[test]
fn a_coupon_of_several_uses_is_in_as_many_orders() {
    check_order(
        "uses=2 return",
        "alice seats A-1-2        => held h2 A-1-2 100 asasked
         alice order h2           => placed o2 80 -20 c1, reserved c1 o2
         alice seats A-1-3        => held h3 A-1-3 100 asasked
         alice order h3 coupon=c1 => refused coupon_used_up
         alice cancel o1          => cancelled o1 bybuyer, freed c1 o1
         alice order h3           => placed o3 80 -20 c1, reserved c1 o3",
    );
}

#[test]
fn late_money_for_a_reduced_order_goes_back() {
    check_order(
        "",
        "alice pay o1 80       => requested p1 80
         system declined p1    => declined p1 REJECT
         after 60000           => cancelled o1 expired, freed c1 o1
         system captured p1 80 => captured p1 80, refund r1 80 latecapture",
    );
}

#[test]
fn money_in_the_wrong_amount_leaves_the_coupon_with_its_order() {
    check_order(
        "",
        "alice pay o1 80        => requested p1 80
         system captured p1 100 => captured p1 100, refund r1 100 amountmismatch
         alice pay o1 80 key2   => requested p2 80
         system captured p2 80  => captured p2 80, confirmed o1 A-1-1, used c1 o1",
    );
}

#[test]
fn an_expired_coupon_is_no_longer_the_best() {
    check_house(
        house(),
        "promoter create => created
         promoter open   => opened
         promoter campaign 9 off=20 expires=100 => campaign k1
         alice claim k1    => issued c1 k1 v0 #1
         after 99          => nothing
         alice seats A-1-1 => held h1 A-1-1 100 asasked
         after 1           => nothing
         alice order h1    => placed o1 100",
    );
}
