//! The records of inventory of other shapes.

use boxoffice_topics::inventory::{
    ChannelNumber, ChannelRules, ChannelUse, Date, RoomType, RowSold, SeatRange, SectionPlaces,
    Selector, Shapes, Stays,
};
use boxoffice_topics::{CodeHash, InventoryIntent, InventoryOutcome};

use super::*;

const GOLDEN: &str = include_str!("../../testdata/v1-inventory.hex");
const PERFORMANCE: PerformanceId = PerformanceId::from_u128(7);
const CODE: CodeHash = CodeHash::from_u128(0x1234_5678);

/// A table, companion seats, and two nights of one type of room.
fn shaped() -> PerformanceDefinition {
    let mut shaped = definition();
    let SectionKind::Reserved { rows } = &mut shaped.sections[0].kind else { unreachable!() };
    let mut table = rows[0].clone();
    rows[0].sold = Some(RowSold::WithCompanions { seats: vec![3, 4] });
    table.label = "T1".into();
    table.seats = 6;
    table.sold = Some(RowSold::Whole { empty_seats_max: 1 });
    rows.push(table);
    shaped.sections.extend(["D_261224", "D_261225"].map(|code| Section {
        code: code.into(),
        kind: SectionKind::GeneralAdmission { capacity: 12, price_level: 0 },
    }));
    let room =
        RoomType { code: "D".into(), first_section: 2, first_night: Date(20_811), nights: 2 };
    shaped.shapes = Some(Box::new(Shapes {
        companions_released_at: Some(Timestamp::from_millis(1_795_000_000_000)),
        stays: Some(Stays { room_types: vec![room], closes_minutes: -60 }),
    }));
    shaped.validate().unwrap();
    shaped
}

fn rules() -> ChannelRules {
    let releases_at = Some(Timestamp::from_millis(1_794_000_000_000));
    ChannelRules { code: CODE, uses_max: Some(200), releases_at }
}

fn selectors() -> Vec<Selector<'static>> {
    vec![
        Selector::Seat("A-12-7"),
        Selector::Row("A-12"),
        Selector::Section("A"),
        Selector::Places { section: "FLOOR", quantity: 200 },
    ]
}

fn intents() -> Vec<Intent<'static>> {
    let (performance, channel, code) = (PERFORMANCE, "FANS", Some(CODE));
    let quantity = SectionQuantity { section: "FLOOR", quantity: 2 };
    let plain = ChannelRules { uses_max: None, releases_at: None, ..rules() };
    let mut intents = vec![
        Intent::CreatePerformance { definition: Box::new(shaped()) },
        Intent::HoldSeats { performance, seats: ["A-12-7"].into_iter().collect(), code },
        Intent::HoldBestAvailable {
            performance,
            quantity: 2,
            section: None,
            price_level: None,
            accessible: true,
            code,
        },
        Intent::HoldGeneralAdmission {
            performance,
            sections: [quantity].into_iter().collect(),
            code,
        },
    ];
    intents.extend([None, code].map(|code| Intent::HoldStay {
        performance,
        room_type: "D",
        from: Date(20_811),
        nights: 2,
        rooms: 1,
        code,
    }));
    let inventory = [
        InventoryIntent::SetChannel { performance, channel, rules: rules() },
        InventoryIntent::SetChannel { performance, channel, rules: plain },
        InventoryIntent::SetAside { performance, channel, items: selectors() },
        InventoryIntent::Release { performance, channel, items: selectors() },
        InventoryIntent::ReleaseAll { performance, channel },
        InventoryIntent::ReleaseCompanions { performance },
    ];
    intents.extend(inventory.map(Intent::Inventory));
    intents
}

fn outcomes() -> Vec<Outcome> {
    let (performance, channel) = (PERFORMANCE, ChannelNumber(3));
    let seats = vec![SeatRange { first: SeatNumber(0), seats: 30 }];
    let places = vec![SectionPlaces { section: SectionNumber(1), quantity: 200 }];
    let released = |is_all| InventoryOutcome::Released {
        performance,
        channel,
        seats: seats.clone(),
        places: places.clone(),
        is_all,
    };
    let quantity = |section| PlaceQuantity { section: SectionNumber(section), quantity: 1 };
    let held = Outcome::Held {
        hold: HoldId(name(77)),
        performance,
        account: AccountId::from_u128(9),
        places: Places {
            seats: [SeatNumber(6)].into_iter().collect(),
            quantities: [quantity(2), quantity(3)].into_iter().collect(),
            channel: Some(ChannelUse { channel, quantities: 0b10 }),
        },
        total: won(330_000),
        expires_at: Timestamp::from_millis(1_790_000_000_000),
        seating: Seating::Table,
    };
    let inventory = [
        InventoryOutcome::ChannelSet { performance, channel, code: "FANS".into(), rules: rules() },
        InventoryOutcome::SetAside {
            performance,
            channel,
            seats: seats.clone(),
            places: places.clone(),
        },
        released(false),
        released(true),
        InventoryOutcome::CompanionsReleased { performance },
    ];
    let created = Outcome::PerformanceCreated { definition: Box::new(shaped()) };
    [created, held].into_iter().chain(inventory.map(Outcome::Inventory)).collect()
}

fn step() -> Step {
    Step { outcomes: outcomes(), ..super::step() }
}

#[test]
fn today_writes_the_bytes_of_inventory() {
    group::check_written(GOLDEN, &intents(), &step());
}

#[test]
fn today_reads_the_bytes_of_inventory() {
    group::check_read(GOLDEN, &intents(), &step());
}
