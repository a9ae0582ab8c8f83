//! Tables of channels, tables, companion seats and stays.

use boxoffice_topics::PerformanceDefinition;
use boxoffice_topics::inventory::{Date, RoomType, RowSold, Shapes, Stays};
use boxoffice_topics::{Section, SectionKind, Timestamp};

use crate::tables::{check, check_house, house, states_after};

/// The house with tables T of 4, 6 and 2 seats, and in A-2 companions around the accessible seats.
fn hall(companions_released_at: Option<i64>) -> PerformanceDefinition {
    let mut hall = house();
    hall.sale.account_seats_max = 12;
    let SectionKind::Reserved { rows } = &mut hall.sections[0].kind else { unreachable!() };
    rows[1].accessible = vec![3];
    rows[1].sold = Some(RowSold::WithCompanions { seats: vec![2, 4, 5] });
    let mut table = rows[0].clone();
    let mut tables = Vec::new();
    for (label, seats, empty_seats_max) in [("1", 4, 1), ("2", 6, 2), ("3", 2, 0)] {
        table.label = label.into();
        table.seats = seats;
        table.sold = Some(RowSold::Whole { empty_seats_max });
        tables.push(table.clone());
    }
    let kind = SectionKind::Reserved { rows: tables };
    hall.sections.push(Section { code: "T".into(), kind });
    let companions_released_at = companions_released_at.map(Timestamp::from_millis);
    hall.shapes = Some(Box::new(Shapes { companions_released_at, stays: None }));
    hall
}

#[track_caller]
fn check_hall(table: &str) {
    let on_sale = "promoter create => created\npromoter open => opened\n";
    check_house(hall(Some(60_000)), &format!("{on_sale}{table}"));
}

/// Three nights from day 10 on in 2 rooms, one of them dearer.
fn inn() -> PerformanceDefinition {
    let mut inn = house();
    let night = |code: &str, price_level| Section {
        code: code.into(),
        kind: SectionKind::GeneralAdmission { capacity: 2, price_level },
    };
    inn.sections.extend([night("D_10", 1), night("D_11", 1), night("D_12", 0)]);
    let room = RoomType { code: "D".into(), first_section: 4, first_night: Date(10), nights: 3 };
    let stays = Stays { room_types: vec![room], closes_minutes: 60 };
    inn.shapes = Some(Box::new(Shapes { companions_released_at: None, stays: Some(stays) }));
    inn
}

#[track_caller]
fn check_inn(table: &str) {
    let on_sale = "promoter create => created\npromoter open => opened\n";
    check_house(inn(), &format!("{on_sale}{table}"));
}

#[test]
fn the_houses_are_valid() {
    hall(None).validate().unwrap();
    inn().validate().unwrap();
}

#[test]
fn what_is_set_aside_is_bought_with_its_code_only() {
    check(
        "promoter channel FANS code=7              => set 0 FANS
         promoter aside FANS A-1-1 A-1-2 FLOOR:4   => aside 0 0+2 3:4
         alice seats A-1-1                         => refused seat_not_for_sale@0
         alice seats A-1-3 A-1-2                   => refused seat_not_for_sale@1
         alice seats A-1-1 with=8                  => refused channel_code_wrong
         alice best 1 with=8                       => refused channel_code_wrong
         alice floor FLOOR:1 with=8                => refused channel_code_wrong
         alice seats A-1-1 A-1-3 with=7            => held h1 A-1-1 A-1-3 200 asasked
         bob   seats A-1-1 with=7                  => refused seat_already_held@0
         bob   floor FLOOR:2                       => refused capacity_exhausted@0
         bob   floor FLOOR:1                       => held h2 FLOOR:1 30 asasked
         carol floor FLOOR:4 with=7                => held h3 FLOOR:4 120 asasked
         carol release h3                          => released h3
         carol floor FLOOR:1                       => refused capacity_exhausted@0
         alice release h1                          => released h1
         bob   seats A-1-1                         => refused seat_not_for_sale@0",
    );
}

#[test]
fn the_search_passes_over_what_is_set_aside_and_gives_it_with_the_code() {
    check(
        "promoter channel FANS code=7     => set 0 FANS
         promoter aside FANS row:A-1      => aside 0 0+6
         alice best 2 section=A           => held h1 A-2-3 A-2-4 200 adjacent
         bob   best 4 section=A           => refused no_seats_available
         bob   best 4 section=A with=7    => held h2 A-1-1 A-1-2 A-1-3 A-1-4 400 adjacent
         carol best 2 level=R with=7      => held h3 A-1-5 A-1-6 200 adjacent
         dave  best 2 level=R             => held h4 A-2-5 A-2-6 200 adjacent
         dave  best 1 level=R with=7      => refused no_seats_available",
    );
}

#[test]
fn only_what_is_free_is_set_aside_all_of_it_or_nothing() {
    check(
        "promoter aside FANS A-1-1                 => refused channel_unknown
         promoter channel FANS code=7              => set 0 FANS
         promoter channel CLUB code=7              => refused channel_code_taken
         promoter channel CLUB code=8              => set 1 CLUB
         alice seats A-1-1                         => held h1 A-1-1 100 asasked
         alice floor FLOOR:1                       => held h2 FLOOR:1 30 asasked
         promoter aside FANS B-1-1 A-1-1           => refused places_not_free@1
         promoter aside FANS row:A-1               => refused places_not_free@0
         promoter aside FANS section:A             => refused places_not_free@0
         promoter aside FANS section:FLOOR         => refused places_not_free@0
         promoter aside FANS FLOOR:5               => refused places_not_free@0
         promoter aside FANS B-1-1 B-1-1           => refused seat_repeated@1
         promoter aside FANS FLOOR:1 FLOOR:1       => refused seat_repeated@1
         promoter aside FANS A-1-9                 => refused seat_unknown@0
         promoter aside FANS row:A-9               => refused row_unknown@0
         promoter aside FANS section:X             => refused section_unknown@0
         promoter aside FANS A:1                   => refused section_not_general_admission@0
         promoter aside FANS FLOOR:0               => refused quantity_out_of_range@0
         promoter aside FANS section:B A-1-2       => aside 0 1+1 12+4
         promoter aside CLUB B-1-1                 => refused places_not_free@0
         promoter aside CLUB FLOOR:4               => aside 1 3:4
         promoter aside FANS FLOOR:1               => refused places_not_free@0
         bob   seats B-1-1 with=8                  => refused seat_not_for_sale@0
         bob   seats B-1-1 with=7                  => held h3 B-1-1 50 asasked",
    );
}

#[test]
fn a_channel_gives_back_in_part_by_hand_and_the_rest_at_its_time() {
    check(
        "promoter channel FANS code=7 until=1000     => set 0 FANS
         promoter aside FANS row:A-1 FLOOR:5         => aside 0 0+6 3:5
         alice floor FLOOR:2 with=7                  => held h1 FLOOR:2 60 asasked
         promoter back FANS FLOOR:4                  => refused not_set_aside@0
         promoter back FANS A-2-1                    => refused not_set_aside@0
         promoter back FANS A-1-2 FLOOR:1            => back 0 1+1 3:1
         bob   seats A-1-2                           => held h2 A-1-2 100 asasked
         bob   seats A-1-1                           => refused seat_not_for_sale@0
         bob   floor FLOOR:2                         => refused capacity_exhausted@0
         alice seats A-1-1 with=7                    => held h3 A-1-1 100 asasked
         after 999                                   => nothing
         after 1                                     => back 0 all 0+1 2+4 3:2
         promoter aside FANS A-1-6                   => refused channel_released
         bob   seats A-1-6                           => held h4 A-1-6 100 asasked
         alice release h3                            => released h3
         bob   seats A-1-1                           => held h5 A-1-1 100 asasked
         alice release h1                            => released h1
         carol floor FLOOR:4                         => held h6 FLOOR:4 120 asasked
         dave  floor FLOOR:1                         => held h7 FLOOR:1 30 asasked
         after 0                                     => nothing",
    );
}

#[test]
fn a_channel_that_was_given_back_can_be_filled_again() {
    check(
        "promoter channel FANS code=7         => set 0 FANS
         promoter aside FANS section:FLOOR    => aside 0 3:5
         alice floor FLOOR:3 with=7           => held h1 FLOOR:3 90 asasked
         promoter back FANS                   => back 0 all 3:2
         promoter back FANS                   => back 0 all
         promoter aside FANS FLOOR:2          => aside 0 3:2
         alice release h1                     => released h1
         bob   floor FLOOR:1                  => refused capacity_exhausted@0
         bob   floor FLOOR:4 with=7           => held h2 FLOOR:4 120 asasked
         promoter channel FANS code=9 until=500 => set 0 FANS
         carol floor FLOOR:1 with=7           => refused channel_code_wrong
         after 500                            => back 0 all 3:1
         carol floor FLOOR:1                  => held h3 FLOOR:1 30 asasked",
    );
}

#[test]
fn channels_that_are_due_together_are_given_back_one_tick_after_the_other() {
    check(
        "promoter channel ONE code=1 until=1000 => set 0 ONE
         promoter channel TWO code=2 until=1000 => set 1 TWO
         promoter aside ONE A-1-1               => aside 0 0+1
         promoter aside TWO A-1-2               => aside 1 1+1
         after 1000                             => back 0 all 0+1
         after 0                                => back 1 all 1+1
         after 0                                => nothing",
    );
}

#[test]
fn what_comes_back_at_the_moment_of_release_is_released_too() {
    check(
        "promoter channel FANS code=7 until=5000 => set 0 FANS
         promoter aside FANS section:FLOOR       => aside 0 3:5
         alice floor FLOOR:2 with=7              => held h1 FLOOR:2 60 asasked
         after 5000                              => expired h1
         after 0                                 => back 0 all 3:5
         bob   floor FLOOR:4                     => held h2 FLOOR:4 120 asasked",
    );
}

#[test]
fn a_code_has_as_many_uses_as_it_has_and_gets_back_what_ends_unsold() {
    check(
        "promoter channel FANS code=7 uses=1  => set 0 FANS
         promoter aside FANS row:A-1          => aside 0 0+6
         alice seats A-1-1 with=7             => held h1 A-1-1 100 asasked
         bob   seats A-1-2 with=7             => refused channel_uses_exhausted
         bob   seats B-1-1 with=7             => held h2 B-1-1 50 asasked
         alice order h1                       => placed o1 100
         bob   seats A-1-2 with=7             => refused channel_uses_exhausted
         alice cancel o1                      => cancelled o1 bybuyer
         bob   best 1 level=R with=7          => held h3 A-1-3 100 adjacent
         after 5000                           => expired h2, expired h3
         alice best 1 level=R with=7          => held h4 A-1-3 100 adjacent",
    );
}

#[test]
fn tickets_of_a_channel_that_go_back_alone_are_set_aside_again_and_keep_the_use() {
    check(
        "promoter channel FANS code=7 uses=1  => set 0 FANS
         promoter aside FANS FLOOR:3          => aside 0 3:3
         alice floor FLOOR:3 with=7           => held h1 FLOOR:3 90 asasked
         alice order h1                       => placed o1 90
         alice pay o1 90                      => requested p1 90
         system captured p1 90                => captured p1 90, confirmed o1 FLOOR:3
         alice refund o1 1 2                  => tickets o1 1=30+0-0 2=30+0-0, refund r1 60 ticketsrefunded
         bob   floor FLOOR:1 with=7           => refused channel_uses_exhausted
         alice refund o1 3                    => tickets o1 3=30+0-0, cancelled o1 bybuyer, refund r2 30 ordercancelled
         bob   floor FLOOR:3 with=7           => held h2 FLOOR:3 90 asasked
         promoter back FANS                   => back 0 all",
    );
}

#[test]
fn money_that_comes_late_gets_no_seat_of_another_channel() {
    check(
        "promoter channel FANS code=7         => set 0 FANS
         alice seats A-1-1                    => held h1 A-1-1 100 asasked
         alice order h1                       => placed o1 100
         alice pay o1 100                     => requested p1 100
         system declined p1                   => declined p1 REJECT
         alice cancel o1                      => cancelled o1 bybuyer
         promoter aside FANS A-1-1            => aside 0 0+1
         system captured p1 100               => captured p1 100, refund r1 100 latecapture",
    );
}

#[test]
fn money_that_comes_late_uses_no_code_once_too_often() {
    let late = |others: &str, told: &str| {
        check(&format!(
            "promoter channel FANS code=7 uses=1  => set 0 FANS
             promoter aside FANS A-1-1 A-1-2      => aside 0 0+2
             alice seats A-1-1 with=7             => held h1 A-1-1 100 asasked
             alice order h1                       => placed o1 100
             alice pay o1 100                     => requested p1 100
             system declined p1                   => declined p1 REJECT
             after 60000                          => cancelled o1 expired
             {others}
             system captured p1 100               => captured p1 100, {told}"
        ));
    };
    late("bob seats A-1-2 with=7 => held h2 A-1-2 100 asasked", "refund r1 100 latecapture");
    late("bob seats A-1-3 with=7 => held h2 A-1-3 100 asasked", "confirmed o1 A-1-1 again");
}

#[test]
fn the_promoter_sees_where_the_places_of_a_channel_are() {
    let states = states_after(
        "promoter channel FANS code=7         => set 0 FANS
         promoter aside FANS row:A-1 FLOOR:5  => aside 0 0+6 3:5
         alice seats A-1-1 with=7             => held h1 A-1-1 100 asasked
         bob   floor FLOOR:2 with=7           => held h2 FLOOR:2 60 asasked
         bob   order h2                       => placed o1 60
         bob   pay o1 60                      => requested p1 60
         system captured p1 60                => captured p1 60, confirmed o1 FLOOR:2",
    );
    let show = states[0].performances().next().unwrap();
    let channel = show.channels().next().unwrap();
    let counts = show.channel_counts(channel);
    assert_eq!((counts.free, counts.held, counts.sold), (5 + 3, 1, 2));
    assert_eq!((channel.code(), channel.uses()), ("FANS", 2));
}

#[test]
fn a_table_is_sold_whole() {
    check_hall(
        "alice seats T-1-1                          => refused table_sold_whole@0
         alice seats A-1-1 T-3-1                    => refused table_sold_whole@1
         alice seats T-3-2 A-1-1 T-3-1              => held h1 T-3-2 A-1-1 T-3-1 300 asasked
         bob   best 3 section=T                     => held h2 T-1-1 T-1-2 T-1-3 T-1-4 400 table
         carol best 3 section=T                     => refused no_seats_available
         carol best 4 section=T                     => held h3 T-2-1 T-2-2 T-2-3 T-2-4 T-2-5 T-2-6 600 table
         alice release h1                           => released h1
         alice best 1 section=T                     => refused no_seats_available
         alice best 2                               => held h4 A-1-3 A-1-4 200 adjacent
         promoter channel VIP code=7                => set 0 VIP
         promoter aside VIP T-3-1                   => refused table_sold_whole@0
         promoter aside VIP row:T-3                 => aside 0 28+2
         dave  best 2 section=T                     => refused no_seats_available
         dave  best 2 section=T with=7              => held h5 T-3-1 T-3-2 200 table",
    );
}

#[test]
fn a_table_goes_back_whole_and_companions_do_not_stay_alone() {
    check_hall(
        "alice best 2 section=T             => held h1 T-3-1 T-3-2 200 table
         alice order h1                     => placed o1 200
         alice pay o1 200                   => requested p1 200
         system captured p1 200             => captured p1 200, confirmed o1 T-3-1 T-3-2
         alice refund o1 1                  => refused table_sold_whole
         alice refund o1 1 2                => cancelled o1 bybuyer, refund r1 200 ordercancelled
         bob   best 2 section=T             => held h2 T-3-1 T-3-2 200 table
         carol seats A-2-3 A-2-4            => held h3 A-2-3 A-2-4 200 asasked
         carol order h3                     => placed o2 200
         carol pay o2 200                   => requested p2 200
         system captured p2 200             => captured p2 200, confirmed o2 A-2-3 A-2-4
         carol refund o2 A-2-3              => refused companion_needs_accessible_seat
         carol refund o2 A-2-4              => tickets o2 2=100+0-0, refund r2 100 ticketsrefunded
         dave  seats A-2-4                  => refused companion_needs_accessible_seat@0",
    );
}

#[test]
fn a_table_comes_before_seats_that_are_apart() {
    check_hall(
        "alice seats A-1-2 A-1-5          => held h1 A-1-2 A-1-5 200 asasked
         bob   best 4 level=R             => held h2 T-1-1 T-1-2 T-1-3 T-1-4 400 table
         bob   best 5 level=R             => held h3 T-2-1 T-2-2 T-2-3 T-2-4 T-2-5 T-2-6 600 table",
    );
}

#[test]
fn companion_seats_go_with_the_accessible_seat_beside_them() {
    check_hall(
        "alice seats A-2-2                      => refused companion_needs_accessible_seat@0
         alice seats A-1-1 A-2-4                => refused companion_needs_accessible_seat@1
         alice best 4 section=A                 => held h1 A-1-1 A-1-2 A-1-3 A-1-4 400 adjacent
         bob   best 3 section=A                 => held h2 A-1-5 A-1-6 A-2-1 300 split
         carol best 3 section=A accessible      => held h3 A-2-2 A-2-3 A-2-4 300 adjacent
         carol release h3                       => released h3
         carol seats A-2-5 A-2-3                => held h4 A-2-5 A-2-3 200 asasked
         dave  best 2 section=A accessible      => refused no_seats_available
         dave  best 2 section=A                 => refused no_seats_available",
    );
}

#[test]
fn companion_seats_are_kept_until_their_time_or_until_a_promoter_says_so() {
    check_hall(
        "after 59999                       => nothing
         alice seats A-2-4                 => refused companion_needs_accessible_seat@0
         after 1                           => companions
         alice seats A-2-4                 => held h1 A-2-4 100 asasked
         promoter companions               => refused companions_already_released
         bob   best 3 accessible           => held h2 A-2-2 A-2-3 A-2-5 300 split
         carol best 2 accessible           => refused no_seats_available
         after 0                           => nothing",
    );
    check_hall(
        "promoter companions               => companions
         alice seats A-2-4                 => held h1 A-2-4 100 asasked
         after 60000                       => expired h1",
    );
    check("promoter companions              => refused companions_already_released");
}

#[test]
fn a_stay_has_each_of_its_nights_or_none() {
    check_inn(
        "alice stay D 10 3 1               => held h1 D_10:1 D_11:1 D_12:1 200 asasked
         bob   stay D 11 1 1               => held h2 D_11:1 50 asasked
         carol stay D 10 2 1               => refused night_full@1
         carol stay D 10 1 1               => held h3 D_10:1 50 asasked
         carol stay D 12 1 2               => refused night_full@0
         dave  stay D 12 2 1               => refused night_unknown@1
         dave  stay D 9 2 1                => refused night_unknown@0
         dave  stay S 10 1 1               => refused room_type_unknown
         dave  stay D 10 0 1               => refused quantity_out_of_range
         dave  stay D 10 17 1              => refused quantity_out_of_range
         dave  stay D 10 1 0               => refused quantity_out_of_range
         alice stay D 12 1 2               => refused night_full@0
         alice release h1                  => released h1
         dave  stay D 11 2 1               => held h4 D_11:1 D_12:1 150 asasked
         later 867600000                   => nothing
         erin  stay D 10 1 1               => refused night_passed@0
         erin  stay D 12 1 1               => held h5 D_12:1 100 asasked",
    );
    check("alice stay D 10 1 1 => refused room_type_unknown");
}

#[test]
fn nights_are_set_aside_like_other_places() {
    check_inn(
        "promoter channel FIRM code=7      => set 0 FIRM
         promoter aside FIRM section:D_10 D_11:1 => aside 0 4:2 5:1
         alice stay D 10 2 1               => refused night_full@0
         alice stay D 10 3 1 with=7        => held h1 D_10:1 D_11:1 D_12:1 200 asasked
         bob   stay D 10 2 1 with=7        => held h2 D_10:1 D_11:1 100 asasked
         alice release h1                  => released h1
         bob   stay D 10 1 1               => refused night_full@0
         bob   stay D 12 1 2               => held h3 D_12:2 200 asasked",
    );
}
