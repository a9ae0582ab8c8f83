//! The words of channels, companion seats and stays.
//!
//! ```text
//! promoter channel VIP code=7 uses=2 until=1000
//! promoter aside VIP A-1-1 row:A-2 section:B FLOOR:3
//! promoter back VIP A-1-1 | promoter back VIP
//! promoter companions
//! alice seats A-1-1 with=7
//! alice stay DELUXE 0 2 1 with=7      (the first night, how many nights, how many rooms)
//! ```

use boxoffice_topics::inventory::{ChannelRules, Date, SeatRange, SectionPlaces, Selector};
use boxoffice_topics::{
    CodeHash, Intent, InventoryIntent, InventoryOutcome, PerformanceId, Timestamp,
};

pub(super) fn code_hash(code: &str) -> CodeHash {
    CodeHash::from_u128(code.parse().expect("a number"))
}

pub(super) fn stay<'a>(
    performance: PerformanceId,
    words: &[&'a str],
    code: Option<CodeHash>,
) -> Intent<'a> {
    let number = |at: usize| words[at].parse().expect("a number");
    Intent::HoldStay {
        performance,
        room_type: words[0],
        from: Date(words[1].parse().expect("a day")),
        nights: number(2),
        rooms: number(3),
        code,
    }
}

pub(super) fn inventory_intent<'a>(
    performance: PerformanceId,
    what: &str,
    words: &[&'a str],
) -> InventoryIntent<'a> {
    if what == "companions" {
        return InventoryIntent::ReleaseCompanions { performance };
    }
    let (channel, words) = words.split_first().expect("a channel");
    let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    match what {
        "channel" => InventoryIntent::SetChannel {
            performance,
            channel,
            rules: ChannelRules {
                code: code_hash(option("code=").expect("a code")),
                uses_max: option("uses=").map(|uses| uses.parse().expect("a number")),
                releases_at: option("until=")
                    .map(|at| Timestamp::from_millis(at.parse().expect("milliseconds"))),
            },
        },
        "aside" => InventoryIntent::SetAside { performance, channel, items: selectors(words) },
        _ if words.is_empty() => InventoryIntent::ReleaseAll { performance, channel },
        _ => InventoryIntent::Release { performance, channel, items: selectors(words) },
    }
}

fn selectors<'a>(words: &[&'a str]) -> Vec<Selector<'a>> {
    let selector = |word: &&'a str| match word.split_once(':') {
        None => Selector::Seat(word),
        Some(("row", row)) => Selector::Row(row),
        Some(("section", section)) => Selector::Section(section),
        Some((section, quantity)) => {
            Selector::Places { section, quantity: quantity.parse().expect("a quantity") }
        }
    };
    words.iter().map(selector).collect()
}

pub(super) fn tell_inventory(outcome: &InventoryOutcome) -> String {
    match outcome {
        InventoryOutcome::ChannelSet { channel, code, .. } => format!("set {} {code}", channel.0),
        InventoryOutcome::SetAside { channel, seats, places, .. } => {
            format!("aside {}{}", channel.0, told(seats, places))
        }
        InventoryOutcome::Released { channel, seats, places, is_all, .. } => {
            let all = if *is_all { " all" } else { "" };
            format!("back {}{all}{}", channel.0, told(seats, places))
        }
        InventoryOutcome::CompanionsReleased { .. } => "companions".into(),
    }
}

/// Ranges as first seat and number of seats, places as section and quantity.
fn told(seats: &[SeatRange], places: &[SectionPlaces]) -> String {
    let seats = seats.iter().map(|range| format!(" {}+{}", range.first.0, range.seats));
    let places = places.iter().map(|place| format!(" {}:{}", place.section.0, place.quantity));
    seats.chain(places).collect()
}
