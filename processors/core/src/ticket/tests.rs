//! Decision tables of tickets. The performance begins at 10,000,000.

use boxoffice_topics::{PerformanceId, TicketId};

use crate::State;
use crate::tables::lodge::check_lodge;
use crate::tables::{account, check, states_after};

/// Alice owns two places that cost nothing, at moment 0.
const BOUGHT: &str = "alice seats FREE-1-1 FREE-1-2 => held h1 FREE-1-1 FREE-1-2 0 asasked
     alice order h1       => placed o1 0, confirmed o1 FREE-1-1 FREE-1-2";

fn after_buying(rules: &str, table: &str) -> String {
    format!("{BOUGHT}\npromoter tickets {rules} => tickets ruled\n{table}")
}

#[track_caller]
fn check_bought(rules: &str, table: &str) {
    check(&after_buying(rules, table));
}

#[test]
fn a_ticket_is_offered_and_accepted_once() {
    check_bought(
        "max=1",
        "alice offer o1.1 bob      => offered o1.1 to bob until 60000
         alice offer o1.1 carol    => refused transfer_pending
         bob   offer o1.1 carol    => refused ticket_owned_by_another
         carol accept o1.1         => refused transfer_not_offered
         alice accept o1.1         => refused transfer_not_offered
         bob   accept o1.1         => o1.1 from alice to bob gen 1
         bob   accept o1.1         => refused transfer_not_offered
         alice offer o1.1 carol    => refused ticket_owned_by_another
         bob   offer o1.1 alice    => refused transfer_limit_reached
         after 60000               => nothing",
    );
}

#[test]
fn an_offer_ends_by_either_side_or_by_time() {
    check_bought(
        "max=1",
        "alice offer o1.1 bob      => offered o1.1 to bob until 60000
         carol unoffer o1.1        => refused transfer_not_offered
         bob   unoffer o1.1        => declined o1.1
         bob   unoffer o1.1        => refused transfer_not_offered
         bob   accept o1.1         => refused transfer_not_offered
         alice offer o1.1 bob      => offered o1.1 to bob until 60000
         alice unoffer o1.1        => withdrawn o1.1
         bob   accept o1.1         => refused transfer_not_offered
         alice offer o1.1 bob      => offered o1.1 to bob until 60000
         after 59999               => nothing
         after 1                   => lapsed o1.1
         bob   accept o1.1         => refused transfer_not_offered
         alice offer o1.1 bob      => offered o1.1 to bob until 120000
         later 60000               => nothing
         bob   accept o1.1         => refused transfer_not_offered
         after 0                   => lapsed o1.1",
    );
}

#[test]
fn what_cannot_be_offered_is_refused() {
    check(
        "alice offer o9.1 bob      => refused ticket_unknown
         promoter tickets ttl=1    => refused ticket_rules_invalid
         promoter tickets at=9     => refused performance_unknown",
    );
    check(&format!(
        "{BOUGHT}
         alice offer o1.1 bob      => refused transfer_limit_reached"
    ));
    check_bought(
        "max=1",
        "alice offer o1.0 bob      => refused ticket_unknown
         alice offer o1.3 bob      => refused ticket_unknown
         alice offer o1.1 alice    => refused transfer_to_self
         alice seats A-1-1         => held h2 A-1-1 100 asasked
         alice order h2            => placed o2 100
         alice offer o2.1 bob      => refused ticket_unknown
         alice cancel o2           => cancelled o2 bybuyer
         alice offer o2.1 bob      => refused ticket_void
         gate  in o1.1 N           => in o1.1 N@0 #1
         alice offer o1.1 bob      => refused ticket_already_used",
    );
}

#[test]
fn transfers_close_before_the_beginning() {
    check_bought(
        "max=9 close=1000000",
        "later 8970000             => nothing
         alice offer o1.1 bob      => offered o1.1 to bob until 9000000
         alice offer o1.2 bob      => offered o1.2 to bob until 9000000
         bob   accept o1.1         => o1.1 from alice to bob gen 1
         after 30000               => lapsed o1.2
         alice offer o1.2 bob      => refused transfer_closed
         bob   offer o1.1 alice    => refused transfer_closed",
    );
}

#[test]
fn a_ticket_counts_toward_the_limit_of_who_has_it() {
    check_bought(
        "max=2",
        "bob   best 4 section=A    => held h2 A-1-1 A-1-2 A-1-3 A-1-4 400 adjacent
         alice offer o1.1 bob      => offered o1.1 to bob until 60000
         bob   accept o1.1         => refused account_limit_exceeded
         bob   release h2          => released h2
         bob   accept o1.1         => o1.1 from alice to bob gen 1
         bob   best 4 section=A    => refused account_limit_exceeded
         alice best 3 section=A    => held h3 A-1-1 A-1-2 A-1-3 300 adjacent
         alice best 1 section=A    => refused account_limit_exceeded
         bob   offer o1.1 alice    => offered o1.1 to alice until 60000
         alice accept o1.1         => refused account_limit_exceeded",
    );
}

#[test]
fn an_order_is_given_back_only_with_all_of_its_tickets() {
    check_bought(
        "max=9",
        "alice offer o1.2 bob      => offered o1.2 to bob until 60000
         alice cancel o1           => refused transfer_pending
         bob   accept o1.2         => o1.2 from alice to bob gen 1
         alice cancel o1           => refused ticket_given_away
         bob   cancel o1           => refused order_owned_by_another
         bob   offer o1.2 alice    => offered o1.2 to alice until 60000
         alice accept o1.2         => o1.2 from bob to alice gen 2
         gate  in o1.2 N gen=2     => in o1.2 N@0 #1
         alice cancel o1           => refused ticket_already_used",
    );
    check_bought(
        "max=9",
        "alice offer o1.2 bob      => offered o1.2 to bob until 60000
         bob   accept o1.2         => o1.2 from alice to bob gen 1
         bob   offer o1.2 alice    => offered o1.2 to alice until 60000
         alice accept o1.2         => o1.2 from bob to alice gen 2
         alice cancel o1           => cancelled o1 bybuyer
         gate  in o1.2 N gen=2     => refused ticket_void
         alice offer o1.2 bob      => refused ticket_void
         alice best 4 section=A    => held h2 A-1-1 A-1-2 A-1-3 A-1-4 400 adjacent",
    );
}

#[test]
fn a_ticket_admits_once_and_the_gate_learns_where_it_was_used() {
    check_bought(
        "max=1",
        "gate in o1.1 North gen=0  => in o1.1 North@0 #1
         later 500                 => nothing
         gate in o1.1 South gen=0  => refused ticket_already_used, again o1.1 South@500 after North@0
         gate in o1.1 North        => refused ticket_already_used, again o1.1 North@500 after North@0
         gate out o1.1 North       => refused reentry_not_allowed
         gate in o1.2 South        => in o1.2 South@500 #1
         gate in o1.3 South        => refused ticket_unknown
         gate in o1.1 South at=2   => refused ticket_wrong_performance",
    );
}

#[test]
fn the_code_of_an_earlier_holder_admits_nobody() {
    check_bought(
        "max=1",
        "alice offer o1.1 bob      => offered o1.1 to bob until 60000
         bob   accept o1.1         => o1.1 from alice to bob gen 1
         gate  in o1.1 N gen=0     => refused ticket_replaced
         gate  in o1.1 N gen=1     => in o1.1 N@0 #1
         gate  in o1.1 N gen=0     => refused ticket_replaced
         alice offer o1.2 bob      => offered o1.2 to bob until 60000
         gate  in o1.2 N gen=0     => in o1.2 N@0 #1, withdrawn o1.2
         bob   accept o1.2         => refused transfer_not_offered
         after 60000               => nothing",
    );
}

#[test]
fn who_went_out_comes_in_again_only_where_it_is_allowed() {
    check_bought(
        "reentry",
        "gate out o1.1 N           => refused ticket_not_inside
         gate in o1.1 N            => in o1.1 N@0 #1
         gate in o1.1 N            => refused ticket_already_used, again o1.1 N@0 after N@0
         gate out o1.1 N           => out o1.1 N@0
         gate out o1.1 N           => refused ticket_not_inside
         gate in o1.1 S            => in o1.1 S@0 #2
         gate in o1.1 N            => refused ticket_already_used, again o1.1 N@0 after S@0
         gate out o1.1 N           => out o1.1 N@0
         promoter tickets max=0    => tickets ruled
         gate in o1.1 N            => in o1.1 N@0 #3
         gate out o1.1 N           => refused reentry_not_allowed",
    );
}

#[test]
fn the_first_scan_in_the_log_wins_and_one_that_comes_again_is_one() {
    check_bought(
        "admits=5000",
        "later 1000                         => nothing
         gate in o1.1 North moment=900 scan=1 => in o1.1 North@900 #1
         gate in o1.1 South moment=800 scan=2 => refused ticket_already_used, again o1.1 South@800 after North@900
         gate in o1.1 North moment=900 scan=1 => repeated 6
         gate in o1.1 South moment=800 scan=2 => repeated 7
         gate in o1.2 South moment=9999 scan=3 => in o1.2 South@1000 #1",
    );
}

#[test]
fn nobody_is_admitted_long_after_the_beginning_but_what_was_scanned_in_time_counts() {
    check_bought(
        "admits=5000",
        "later 10005000            => nothing
         gate in o1.1 N            => in o1.1 N@10005000 #1
         later 1                   => nothing
         gate in o1.2 N            => refused admission_over
         gate in o1.2 N moment=10004000 scan=1 => in o1.2 N@10004000 #1",
    );
}

/// The season begins on day 5; the nights can be bought until 20:00 of day 21 and of day 22.
#[test]
fn the_ticket_of_a_night_goes_by_the_beginning_of_its_night() {
    check_lodge(
        "",
        "alice  stay D 21 2 1      => held h1 D_21:1 D_22:1 200 asasked
         alice  order h1           => placed o1 200
         alice  pay o1 200         => requested p1 200
         system captured p1 200    => captured p1 200, confirmed o1 D_21:1 D_22:1
         promoter tickets max=1 close=1000 admits=5000 => tickets ruled
         later 1886400000          => nothing
         alice  offer o1.1 bob     => refused transfer_closed
         alice  offer o1.2 bob     => offered o1.2 to bob until 1886460000
         alice  unoffer o1.2       => withdrawn o1.2
         gate   in o1.1 N          => in o1.1 N@1886400000 #1
         later 86405001            => nothing
         gate   in o1.2 N          => refused admission_over
         gate   in o1.2 N moment=1972805000 scan=1 => in o1.2 N@1972805000 #1",
    );
}

#[test]
fn a_night_that_is_sold_until_days_before_admits_on_its_date() {
    check_lodge(
        "close=-2880",
        "alice  stay D 22 1 1      => held h1 D_22:1 100 asasked
         alice  order h1           => placed o1 100
         alice  pay o1 100         => requested p1 100
         system captured p1 100    => captured p1 100, confirmed o1 D_22:1
         promoter tickets admits=5000 => tickets ruled
         later 1900805000          => nothing
         gate   in o1.1 N          => in o1.1 N@1900805000 #1",
    );
}

fn ticket(state: &State, number: u16) -> TicketId {
    let order = state.orders_of(account("alice")).next().expect("an order").id;
    TicketId { order, number }
}

#[test]
fn holders_offers_and_gates_can_be_looked_at() {
    let table = after_buying(
        "max=9 reentry",
        "alice offer o1.1 bob      => offered o1.1 to bob until 60000
         bob   accept o1.1         => o1.1 from alice to bob gen 1
         bob   offer o1.1 carol    => offered o1.1 to carol until 60000
         gate  in o1.2 N           => in o1.2 N@0 #1
         gate  in o1.2 S           => refused ticket_already_used, again o1.2 S@0 after N@0
         gate  out o1.2 S          => out o1.2 S@0
         gate  in o1.2 N           => in o1.2 N@0 #2",
    );
    let state = states_after(&table).remove(0);
    let first = ticket(&state, 1);
    assert_eq!(state.ticket(first).unwrap().holder(), account("bob"));
    assert_eq!(state.tickets_received(account("bob")).collect::<Vec<_>>(), [first]);
    assert_eq!(state.tickets_received(account("alice")).count(), 0);
    assert_eq!(state.tickets_offered_to(account("carol")).collect::<Vec<_>>(), [first]);
    let show = PerformanceId::from_u128(1);
    let gates = state
        .gates(show)
        .map(|(gate, c)| (gate.as_str(), [c.entries, c.reentries, c.exits, c.conflicts]));
    assert_eq!(gates.collect::<Vec<_>>(), [("N", [1, 1, 0, 0]), ("S", [0, 0, 1, 1])]);
}

#[test]
fn a_ticket_goes_back_by_itself_when_its_buyer_has_it_unused() {
    check_bought(
        "max=1 reentry",
        "alice offer o1.1 bob      => offered o1.1 to bob until 60000
         alice refund o1 1         => refused transfer_pending
         alice refund o1 2         => tickets o1 2=0+0-0
         gate  in o1.2 N           => refused ticket_void
         alice offer o1.2 carol    => refused ticket_void
         bob   accept o1.1         => o1.1 from alice to bob gen 1
         alice refund o1 1         => refused ticket_given_away
         alice cancel o1           => refused ticket_given_away
         bob   refund o1 1         => refused order_owned_by_another
         gate  in o1.1 N gen=1     => in o1.1 N@0 #1",
    );
}

#[test]
fn a_cancelled_performance_takes_tickets_back_from_whoever_has_them() {
    check_bought(
        "max=2",
        "alice offer o1.1 bob      => offered o1.1 to bob until 60000
         bob   accept o1.1         => o1.1 from alice to bob gen 1
         bob   offer o1.1 carol    => offered o1.1 to carol until 60000
         promoter calloff          => called off
         after 1                   => cancelled o1 performancecancelled
         carol accept o1.1         => refused ticket_void
         gate  in o1.1 N gen=1     => refused ticket_void
         after 60000               => lapsed o1.1",
    );
}
