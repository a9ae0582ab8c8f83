//! Bytes that were written once stay readable, and are written the same way today.
//!
//! `testdata/v1.hex` is never edited: it has one line for each record that version 1 wrote. A
//! new version adds a file of its own, and so does a group of variants that came later.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;

use boxoffice_topics::envelope::{
    ChainHash, EnvelopeError, intent_from_record, intent_to_record, step_from_record,
    step_to_record,
};
use boxoffice_topics::intent::{PaymentResult, RefundResult, SectionQuantity};
use boxoffice_topics::outcome::{
    CancelReason, EffectName, PlaceQuantity, ProviderCode, RefundReason, Seating,
};
use boxoffice_topics::{
    AccountId, Currency, Genesis, Header, HoldId, Intent, IntentId, IntentKey, LogId, Money,
    Offset, OrderId, Outcome, PartitionId, PaymentId, PerformanceDefinition, PerformanceId, Places,
    PriceLevel, RefusalCode, Row, SaleRules, SeatNumber, Section, SectionKind, SectionNumber, Slot,
    Step, Timestamp,
};

#[path = "golden/group.rs"]
mod group;
#[path = "golden/inventory.rs"]
mod inventory;
#[path = "golden/refund.rs"]
mod refund;
#[path = "golden/scaling.rs"]
mod scaling;
#[path = "golden/settlement.rs"]
mod settlement;
#[path = "golden/ticket.rs"]
mod ticket;
#[path = "golden/waiting_room.rs"]
mod waiting_room;

const GOLDEN: &str = include_str!("../testdata/v1.hex");

fn name(offset: u64) -> IntentId {
    let slot = Slot::new(1_018).unwrap();
    IntentId::new(slot, PartitionId::new(2).unwrap(), Offset::new(offset))
}

fn effect() -> EffectName {
    EffectName::new(PartitionId::new(2).unwrap(), Offset::new(80), 1)
}

fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW)
}

fn definition() -> PerformanceDefinition {
    PerformanceDefinition {
        performance: PerformanceId::from_u128(7),
        name: "Winter tour".into(),
        venue: "Dome".into(),
        starts_at: Timestamp::from_millis(1_800_000_000_000),
        currency: Currency::KRW,
        price_levels: vec![PriceLevel { code: "R".into(), price_minor: 165_000 }],
        sections: vec![
            Section {
                code: "A".into(),
                kind: SectionKind::Reserved {
                    rows: vec![Row {
                        label: "12".into(),
                        first_seat: 1,
                        seats: 30,
                        price_level: 0,
                        accessible: vec![1, 2],
                        sold: None,
                    }],
                },
            },
            Section {
                code: "FLOOR".into(),
                kind: SectionKind::GeneralAdmission { capacity: 2_000, price_level: 0 },
            },
        ],
        sale: SaleRules {
            opens_at: Some(Timestamp::from_millis(1_790_000_000_000)),
            closes_at: None,
            hold_ttl_ms: 300_000,
            hold_renewals_max: 1,
            payment_window_ms: 600_000,
            account_seats_max: 4,
        },
        shapes: None,
        refund_terms: None,
        settlement_terms: None,
    }
}

fn intents() -> Vec<Intent<'static>> {
    let performance = PerformanceId::from_u128(7);
    let (hold, order, payment) = (HoldId(name(77)), OrderId(name(78)), PaymentId(name(79)));
    vec![
        Intent::CreatePerformance { definition: Box::new(definition()) },
        Intent::OpenSale { performance },
        Intent::CloseSale { performance },
        Intent::HoldSeats {
            performance,
            seats: ["A-12-7", "A-12-8"].into_iter().collect(),
            code: None,
        },
        Intent::HoldBestAvailable {
            performance,
            quantity: 2,
            section: Some("A"),
            price_level: None,
            accessible: false,
            code: None,
        },
        Intent::HoldGeneralAdmission {
            performance,
            sections: [SectionQuantity { section: "FLOOR", quantity: 2 }].into_iter().collect(),
            code: None,
        },
        Intent::RenewHold { hold },
        Intent::ReleaseHold { hold },
        Intent::PlaceOrder { hold, coupon: None, points_minor: None },
        Intent::PayOrder { order, amount: won(330_000), payment_key: "tviva20261120" },
        Intent::CancelOrder { order },
        Intent::RecordPaymentResult {
            payment,
            result: PaymentResult::Captured { amount: won(330_000) },
        },
        Intent::RecordPaymentResult {
            payment,
            result: PaymentResult::Declined { code: "REJECT_CARD_PAYMENT" },
        },
        Intent::RecordRefundResult {
            payment,
            refund: effect(),
            result: RefundResult::Refunded { amount: won(330_000) },
        },
        Intent::RecordRefundResult {
            payment,
            refund: effect(),
            result: RefundResult::Failed { code: "EXCEED_MAX_REFUND_DUE" },
        },
        Intent::Tick,
    ]
}

fn outcomes() -> Vec<Outcome> {
    let (performance, account) = (PerformanceId::from_u128(7), AccountId::from_u128(9));
    let (hold, order, payment) = (HoldId(name(77)), OrderId(name(78)), PaymentId(name(79)));
    let places = Places {
        seats: [SeatNumber(6), SeatNumber(7)].into_iter().collect(),
        quantities: [PlaceQuantity { section: SectionNumber(1), quantity: 2 }]
            .into_iter()
            .collect(),
        channel: None,
    };
    let at = Timestamp::from_millis(1_790_000_000_000);
    let (refund, amount, payment_key) = (effect(), won(330_000), "tviva20261120");
    vec![
        Outcome::Refused { refusal: RefusalCode::SeatAlreadyHeld.at_item(1) },
        Outcome::Repeated { original: name(77) },
        Outcome::PerformanceCreated { definition: Box::new(definition()) },
        Outcome::SaleOpened { performance },
        Outcome::SaleClosed { performance },
        Outcome::Held {
            hold,
            performance,
            account,
            places: places.clone(),
            total: amount,
            expires_at: at,
            seating: Seating::Adjacent,
        },
        Outcome::HoldRenewed { hold, expires_at: at, renewals_left: 0 },
        Outcome::HoldReleased { hold },
        Outcome::HoldExpired { hold, account },
        Outcome::OrderPlaced {
            order,
            hold,
            performance,
            account,
            total: amount,
            pay_by: at,
            reductions: None,
        },
        Outcome::PaymentRequested { payment, order, amount, payment_key: payment_key.into() },
        Outcome::PaymentCaptured { payment, order, amount },
        Outcome::PaymentDeclined { payment, order, code: ProviderCode::from("REJECT").unwrap() },
        Outcome::OrderConfirmed {
            order,
            payment: Some(payment),
            performance,
            account,
            places,
            reseated: false,
            earned: None,
        },
        Outcome::OrderCancelled { order, account, reason: CancelReason::Expired },
        Outcome::RefundRequested {
            refund,
            payment,
            order,
            amount,
            payment_key: payment_key.into(),
            reason: RefundReason::LateCapture,
        },
        Outcome::PaymentRefunded { refund, payment, order, amount },
        Outcome::RefundFailed {
            refund,
            payment,
            order,
            code: ProviderCode::from("EXCEED").unwrap(),
        },
    ]
}

fn header() -> Header {
    Header {
        recorded_at: Timestamp::from_millis(1_790_000_000_000),
        account: AccountId::from_u128(9),
        key: IntentKey::from_u128(11),
        fingerprint: 0,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    }
}

fn step() -> Step {
    Step {
        offset: Offset::new(77),
        now: Timestamp::from_millis(1_790_000_000_000),
        account: AccountId::from_u128(9),
        key: IntentKey::from_u128(11),
        fingerprint: 13,
        intent: Some(name(77)),
        outcomes: outcomes(),
    }
}

fn step_record() -> Vec<u8> {
    step_to_record_alone(&step())
}

/// A step as the first record of its log.
fn step_to_record_alone(step: &Step) -> Vec<u8> {
    let log_id = LogId::from_u128(5);
    step_to_record(log_id, 3, ChainHash::of_log(log_id), step, &mut Vec::new()).0
}

fn genesis() -> Genesis {
    Genesis { log_id: LogId::from_u128(5), created_at: Timestamp::from_millis(1_790_000_000_000) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn today_writes_the_bytes_of_version_one() {
    let mut records = vec![genesis().to_record()];
    records.extend(intents().iter().map(|intent| intent_to_record(&header(), intent)));
    records.push(step_record());
    let written = records.iter().map(|record| hex(record) + "\n").collect::<String>();
    assert!(written == GOLDEN, "the bytes of records changed:\n{written}");
}

#[test]
fn today_reads_the_bytes_of_version_one() {
    let records: Vec<_> = GOLDEN.lines().map(unhex).collect();
    let (first, rest) = records.split_first().unwrap();
    let (last, asked) = rest.split_last().unwrap();
    assert_eq!(Genesis::from_record(first).unwrap(), genesis());
    let read: Vec<_> = asked.iter().map(|record| intent_from_record(record).unwrap().1).collect();
    assert_eq!(read, intents());
    assert_eq!(step_from_record(last).unwrap().1, step());
}

#[test]
fn every_changed_byte_is_noticed() {
    let record = step_record();
    for position in 0..record.len() {
        let mut changed = record.clone();
        changed[position] ^= 0x40;
        assert!(step_from_record(&changed).is_err(), "byte {position}");
    }
    for length in 0..record.len() {
        assert!(step_from_record(&record[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn unknown_versions_and_kinds_are_refused_by_name() {
    let mut record = genesis().to_record();
    record[2] = 9;
    assert!(matches!(Genesis::from_record(&record), Err(EnvelopeError::Version(9))));
    let record = genesis().to_record();
    assert!(matches!(intent_from_record(&record), Err(EnvelopeError::Kind(1))));
    assert!(matches!(Genesis::from_record(b"not a record at all"), Err(EnvelopeError::Magic)));
}
