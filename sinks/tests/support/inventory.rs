//! A performance with a table, companion seats, nights of rooms and a channel.

use boxoffice_topics::inventory::{
    ChannelNumber, ChannelRules, ChannelUse, Date, RoomType, RowSold, SeatRange, SectionPlaces,
    Shapes, Stays,
};
use boxoffice_topics::outcome::{PlaceQuantity, Seating};
use boxoffice_topics::{
    CodeHash, HoldId, InventoryOutcome, Outcome, PerformanceId, Places, Row, SeatNumber, Section,
    SectionKind, SectionNumber,
};

use super::{Scribe, account, small_house, won};

/// Everything happens that can happen, and nothing to anybody else's rows.
pub(crate) fn tell(scribe: &mut Scribe, performance: PerformanceId) {
    let channel = ChannelNumber(0);
    let mut definition = small_house(performance.as_u128());
    let (rows, night) = shape(&mut definition.sections);
    assert!(rows >= 2, "the house has two rows");
    let room =
        RoomType { code: "D".into(), first_section: night, first_night: Date(20_811), nights: 2 };
    definition.shapes = Some(Box::new(Shapes {
        companions_released_at: None,
        stays: Some(Stays { room_types: vec![room], closes_minutes: 0 }),
    }));
    definition.validate().unwrap();
    scribe.decide(vec![Outcome::PerformanceCreated { definition: Box::new(definition) }]);

    let set = |uses_max| InventoryOutcome::ChannelSet {
        performance,
        channel,
        code: "FANS".into(),
        rules: ChannelRules { code: CodeHash::from_u128(7), uses_max, releases_at: None },
    };
    let seats = vec![SeatRange { first: SeatNumber(0), seats: 2 }];
    let places = |quantity| vec![SectionPlaces { section: SectionNumber(night), quantity }];
    let aside = || {
        let (seats, places) = (seats.clone(), places(3));
        InventoryOutcome::SetAside { performance, channel, seats, places }
    };
    let released = |seats, quantity, is_all| {
        let places = places(quantity);
        InventoryOutcome::Released { performance, channel, seats, places, is_all }
    };
    scribe.decide(vec![Outcome::Inventory(set(None))]);
    scribe.decide(vec![Outcome::Inventory(aside())]);
    scribe.decide(vec![hold(scribe, performance, night)]);
    scribe.decide(vec![Outcome::Inventory(released(seats.clone(), 2, true))]);
    scribe.decide(vec![Outcome::Inventory(aside())]);
    scribe.decide(vec![Outcome::Inventory(set(Some(2)))]);
    scribe.decide(vec![Outcome::Inventory(released(vec![], 1, false))]);
    scribe.decide(vec![Outcome::Inventory(InventoryOutcome::CompanionsReleased { performance })]);
}

/// Makes the first row one with companion seats and the second one a table, and adds two nights.
/// Returns how many rows there are, and the section of the first night.
fn shape(sections: &mut Vec<Section>) -> (usize, u16) {
    let mut rows: Vec<&mut Row> = Vec::new();
    for section in sections.iter_mut() {
        if let SectionKind::Reserved { rows: of_section } = &mut section.kind {
            rows.extend(of_section);
        }
    }
    rows[0].accessible = vec![rows[0].first_seat];
    rows[0].sold = Some(RowSold::WithCompanions { seats: vec![rows[0].first_seat + 1] });
    rows[1].seats = 4;
    rows[1].accessible.clear();
    rows[1].sold = Some(RowSold::Whole { empty_seats_max: 1 });
    let count = rows.len();
    let night = u16::try_from(sections.len()).unwrap();
    sections.extend(["D_261224", "D_261225"].map(|code| Section {
        code: code.into(),
        kind: SectionKind::GeneralAdmission { capacity: 5, price_level: 0 },
    }));
    (count, night)
}

/// One night out of the channel.
fn hold(scribe: &Scribe, performance: PerformanceId, night: u16) -> Outcome {
    let quantity = PlaceQuantity { section: SectionNumber(night), quantity: 1 };
    let channel = ChannelUse { channel: ChannelNumber(0), quantities: 1 };
    Outcome::Held {
        hold: HoldId(scribe.next_id()),
        performance,
        account: account(9),
        places: Places {
            quantities: [quantity].into_iter().collect(),
            channel: Some(channel),
            ..Places::default()
        },
        total: won(1_000),
        expires_at: scribe.now().plus_millis(300_001),
        seating: Seating::AsAsked,
    }
}
