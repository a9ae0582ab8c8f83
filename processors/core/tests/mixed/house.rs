//! The house of the mixed world: one of each shape, and few of them, so that everybody wants the same.

use boxoffice_topics::coupon::{
    CampaignDefinition, CampaignScope, CouponReduction, CouponTerms, Issuer,
};
use boxoffice_topics::inventory::{Date, RoomType, RowSold, Selector, Shapes, Stays};
use boxoffice_topics::refund::{FreeRefund, RefundStep};
use boxoffice_topics::{
    Currency, PerformanceDefinition, PerformanceId, PriceLevel, RefundLadder, RefundTerms, Row,
    SaleRules, Section, SectionKind, Timestamp,
};

use crate::books;

pub(crate) const SHOW: PerformanceId = PerformanceId::from_u128(1);
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const PAYMENT_WINDOW_MS: i64 = 8_000;
pub(crate) const ACCOUNT_SEATS_MAX: u16 = 6;
pub(crate) const CODE_USES_MAX: u32 = 2;
/// Row 1 is plain, row 2 a table, row 3 has an accessible seat between two companions.
pub(crate) const LABELS: [&str; 11] = [
    "A-1-1", "A-1-2", "A-1-3", "A-1-4", "A-2-1", "A-2-2", "A-2-3", "A-3-1", "A-3-2", "A-3-3",
    "A-3-4",
];
pub(crate) const TABLE: [u32; 3] = [4, 5, 6];
pub(crate) const ACCESSIBLE: u32 = 8;
pub(crate) const COMPANIONS: [u32; 2] = [7, 9];
/// Counted sections with their capacity: the floor, then four nights.
pub(crate) const COUNTED: [(u16, u32); 5] = [(1, 6), (2, 2), (3, 2), (4, 2), (5, 2)];
/// Date of the first night.
pub(crate) const FIRST_NIGHT: i32 = 2;

pub(crate) const SELECTORS: [Selector<'static>; 9] = [
    Selector::Seat("A-1-1"),
    Selector::Seat("A-1-3"),
    Selector::Seat("A-3-1"),
    Selector::Seat("A-3-2"),
    Selector::Row("A-2"),
    Selector::Section("A"),
    Selector::Section("N_3"),
    Selector::Places { section: "N_2", quantity: 1 },
    Selector::Places { section: "FLOOR", quantity: 2 },
];

/// Terms that keep a share on every day, in Seoul, and a fee for the booking.
pub(crate) fn terms(basis_points: u16) -> RefundTerms {
    let free = Some(FreeRefund { within_days: 0, days_before: 4 });
    let step = |days_before, basis_points, fixed_minor| RefundStep {
        days_before,
        basis_points,
        fixed_minor,
    };
    let steps = vec![step(2, basis_points, Some(8)), step(0, basis_points * 2, None)];
    let ladder = RefundLadder { utc_offset_minutes: 540, free, steps };
    RefundTerms { ladder: Some(ladder), booking_fee_minor: 7 }
}

pub(crate) fn house() -> PerformanceDefinition {
    let row = |label: &str, seats, price_level, accessible: &[u16], sold| Row {
        label: label.into(),
        first_seat: 1,
        seats,
        price_level,
        accessible: accessible.into(),
        sold,
    };
    let rows = vec![
        row("1", 4, 0, &[], None),
        row("2", 3, 0, &[], Some(RowSold::Whole { empty_seats_max: 1 })),
        row("3", 4, 1, &[2], Some(RowSold::WithCompanions { seats: vec![1, 3] })),
    ];
    let counted = |code: &str, capacity, price_level| Section {
        code: code.into(),
        kind: SectionKind::GeneralAdmission { capacity, price_level },
    };
    let first_night = Date(FIRST_NIGHT);
    let room = RoomType { code: "D".into(), first_section: 2, first_night, nights: 4 };
    let stays = Stays { room_types: vec![room], closes_minutes: 20 * 60 };
    let level = |code: &str, price_minor| PriceLevel { code: code.into(), price_minor };
    PerformanceDefinition {
        performance: SHOW,
        name: "Hamlet".into(),
        venue: "Globe".into(),
        starts_at: Timestamp::from_millis(3 * DAY_MS + DAY_MS / 2),
        currency: Currency::KRW,
        price_levels: vec![level("R", 101), level("S", 30)],
        sections: vec![
            Section { code: "A".into(), kind: SectionKind::Reserved { rows } },
            counted("FLOOR", 6, 1),
            counted("N_2", 2, 0),
            counted("N_3", 2, 0),
            counted("N_4", 2, 1),
            counted("N_5", 2, 0),
        ],
        sale: SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 5_000,
            hold_renewals_max: 1,
            payment_window_ms: PAYMENT_WINDOW_MS as u32,
            account_seats_max: ACCOUNT_SEATS_MAX,
        },
        shapes: Some(Box::new(Shapes { companions_released_at: None, stays: Some(stays) })),
        refund_terms: Some(Box::new(terms(1_000))),
        settlement_terms: Some(books::TERMS),
    }
}

/// Coupons of a sixth, two for everybody, that come back with a refund.
pub(crate) fn campaign() -> CampaignDefinition {
    CampaignDefinition {
        name: "A sixth".into(),
        scope: CampaignScope::Performance { performance: SHOW },
        code: None,
        opens_at: Timestamp::from_millis(0),
        closes_at: Timestamp::from_millis(DAY_MS),
        quantity: 100,
        account_limit: 2,
        terms: CouponTerms {
            reduction: CouponReduction::Percent { basis_points: 1_667, cap_minor: None },
            currency: Currency::KRW,
            minimum_spend_minor: 0,
            price_levels: vec![],
            issuer: Issuer::Promoter,
            uses: 1,
            expires_at: Timestamp::from_millis(100 * DAY_MS),
            returned_on_refund: true,
        },
    }
}
