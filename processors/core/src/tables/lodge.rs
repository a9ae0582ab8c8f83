//! A house that is sold by the night.

use boxoffice_topics::inventory::{Date, RoomType, Shapes, Stays};
use boxoffice_topics::{PerformanceDefinition, Section, SectionKind, Timestamp};

use super::refund::terms;
use super::{check_house, house};

const DAY_MS: i64 = 86_400_000;

/// The house with four nights from day 20 on in 2 rooms at 100, under terms. Its season begins on
/// day 5. A night can be bought until 20:00 of its date, or until `close=` minutes after its beginning.
fn lodge(words: &str) -> PerformanceDefinition {
    let (close, words): (Vec<_>, Vec<_>) =
        words.split_whitespace().partition(|word| word.starts_with("close="));
    let close = close.first().and_then(|word| word.strip_prefix("close="));
    let closes_minutes = close.map_or(20 * 60, |minutes| minutes.parse().expect("minutes"));
    let mut lodge = house();
    lodge.starts_at = Timestamp::from_millis(5 * DAY_MS);
    lodge.sale.account_seats_max = 8;
    let kind = SectionKind::GeneralAdmission { capacity: 2, price_level: 0 };
    let night = |date| Section { code: format!("D_{date}"), kind: kind.clone() };
    lodge.sections.extend((20..24).map(night));
    let room = RoomType { code: "D".into(), first_section: 4, first_night: Date(20), nights: 4 };
    let stays = Stays { room_types: vec![room], closes_minutes };
    lodge.shapes = Some(Box::new(Shapes { companions_released_at: None, stays: Some(stays) }));
    lodge.refund_terms = Some(Box::new(terms(&words)));
    lodge.validate().expect("a lodge");
    lodge
}

/// Decides every line of a table whose lodge is on sale, under terms, and compares.
#[track_caller]
pub(crate) fn check_lodge(words: &str, table: &str) {
    let on_sale = "promoter create => created\npromoter open => opened\n";
    check_house(lodge(words), &format!("{on_sale}{table}"));
}
