//! The limits that everything after ingest relies on. What depends on the state of a performance
//! is not checked here: the core refuses that, with an outcome.

use boxoffice_topics::coupon::{BASIS_POINTS, CAMPAIGN_CODE_BYTES_MAX};
use boxoffice_topics::definition::{CODE_BYTES_MAX, DefinitionInvalid, HOLD_SEATS_MAX};
use boxoffice_topics::intent::{PaymentResult, RefundResult};
use boxoffice_topics::inventory::{STAY_NIGHTS_MAX, Selector};
use boxoffice_topics::ticket::GATE_BYTES_MAX;
use boxoffice_topics::{
    CouponIntent, Intent, InventoryIntent, Money, PointsIntent, PointsRule, RefundIntent,
    ScalingIntent, SettlementIntent, TicketIntent, WaitingRoomIntent,
};

/// Bytes of the longest seat label, `section-row-seat`: two codes, five digits, two hyphens.
pub const SEAT_LABEL_BYTES_MAX: usize = 2 * CODE_BYTES_MAX + 5 + 2;
/// Bytes of a provider's name for a payment; the longest known is 200.
pub const PAYMENT_KEY_BYTES_MAX: usize = 200;
/// Bytes of a `traceparent`: 55 today, with room for a later version. A longer one is left out,
/// because tracing never costs a buyer the seat.
pub const TRACEPARENT_BYTES_MAX: usize = 128;

/// An intent that cannot be put into the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct IntentInvalid {
    /// Path of the first wrong field from the root of the intent.
    pub field: String,
    /// What it must be.
    pub reason: String,
}

impl From<DefinitionInvalid> for IntentInvalid {
    fn from(DefinitionInvalid { field, reason }: DefinitionInvalid) -> Self {
        Self { field, reason }
    }
}

/// Checks an intent against the limits of the log.
///
/// # Errors
/// Names the first field that is wrong.
pub fn validate(intent: &Intent<'_>) -> Result<(), IntentInvalid> {
    match intent {
        Intent::CreatePerformance { definition } => Ok(definition.validate()?),
        Intent::HoldSeats { seats, .. } => check_seats(seats),
        Intent::HoldBestAvailable { quantity, section, price_level, .. } => {
            check_quantity("quantity", u32::from(*quantity))?;
            section.map_or(Ok(()), |code| check_text("section", code, CODE_BYTES_MAX))?;
            price_level.map_or(Ok(()), |code| check_text("price_level", code, CODE_BYTES_MAX))
        }
        Intent::HoldGeneralAdmission { sections, .. } => {
            check_not_empty("sections", sections.len())?;
            for (index, item) in sections.iter().enumerate() {
                let field = || format!("sections[{index}]");
                check_text(|| format!("{}.section", field()), item.section, CODE_BYTES_MAX)?;
                check_quantity(|| format!("{}.quantity", field()), u32::from(item.quantity))?;
            }
            let total = sections.iter().map(|item| u32::from(item.quantity)).sum();
            check_quantity("sections[*].quantity", total)
        }
        Intent::PayOrder { amount, payment_key, .. } => {
            check_amount("amount", amount)?;
            check_text("payment_key", payment_key, PAYMENT_KEY_BYTES_MAX)
        }
        Intent::RecordPaymentResult { result: PaymentResult::Captured { amount }, .. }
        | Intent::RecordRefundResult { result: RefundResult::Refunded { amount }, .. } => {
            check_amount("result.amount", amount)
        }
        Intent::RecordPaymentResult { result: PaymentResult::Declined { code }, .. }
        | Intent::RecordRefundResult { result: RefundResult::Failed { code }, .. } => {
            check_text("result.code", code, PAYMENT_KEY_BYTES_MAX)
        }
        Intent::PlaceOrder { points_minor, .. } => {
            points_minor.map_or(Ok(()), |minor| check_minor("points", minor, 0))
        }
        Intent::WaitingRoom(intent) => check_waiting_room(intent),
        Intent::Inventory(intent) => check_inventory(intent),
        Intent::HoldStay { room_type, nights, rooms, .. } => check_stay(room_type, *nights, *rooms),
        Intent::Coupon(intent) => check_coupon(intent),
        Intent::Points(intent) => check_points(intent),
        Intent::Ticket(intent) => check_ticket(intent),
        Intent::Refund(intent) => check_refund(intent),
        Intent::Settlement(SettlementIntent::SetSettlementTerms { terms, .. }) => {
            terms.validate().map_err(|error| below("terms", error))
        }
        Intent::Tick => invalid("type", "ticks are appended by the owner of a partition only"),
        Intent::Deliver { .. } => invalid("type", "messages are brought by the runtime only"),
        Intent::Scaling(ScalingIntent::Bring { .. }) => {
            invalid("type", "posts are brought by the runtime only")
        }
        Intent::Scaling(ScalingIntent::MoveSlots { .. })
        | Intent::OpenSale { .. }
        | Intent::CloseSale { .. }
        | Intent::RenewHold { .. }
        | Intent::ReleaseHold { .. }
        | Intent::CancelOrder { .. } => Ok(()),
    }
}

fn check_waiting_room(intent: &WaitingRoomIntent) -> Result<(), IntentInvalid> {
    match intent {
        WaitingRoomIntent::Set { rules: Some(rules), .. } => {
            rules.validate().map_err(|error| below("rules", error))
        }
        WaitingRoomIntent::Set { rules: None, .. }
        | WaitingRoomIntent::DrawLottery { .. }
        | WaitingRoomIntent::Join { .. }
        | WaitingRoomIntent::Heartbeat { .. }
        | WaitingRoomIntent::Leave { .. } => Ok(()),
    }
}

fn check_stay(room_type: &str, nights: u16, rooms: u16) -> Result<(), IntentInvalid> {
    check_text("room_type", room_type, CODE_BYTES_MAX)?;
    if !(1..=STAY_NIGHTS_MAX).contains(&nights) {
        return invalid("nights", format!("must be 1 to {STAY_NIGHTS_MAX}, is {nights}"));
    }
    check_quantity("rooms", u32::from(nights) * u32::from(rooms)).map_err(|error| IntentInvalid {
        reason: format!("nights times rooms {}", error.reason),
        ..error
    })
}

fn check_inventory(intent: &InventoryIntent<'_>) -> Result<(), IntentInvalid> {
    intent.validate()?;
    let items = match intent {
        InventoryIntent::SetAside { items, .. } | InventoryIntent::Release { items, .. } => items,
        InventoryIntent::SetChannel { .. }
        | InventoryIntent::ReleaseAll { .. }
        | InventoryIntent::ReleaseCompanions { .. } => return Ok(()),
    };
    items.iter().enumerate().try_for_each(|(index, item)| {
        let (Selector::Seat(label)
        | Selector::Row(label)
        | Selector::Section(label)
        | Selector::Places { section: label, .. }) = item;
        check_text(|| format!("items[{index}]"), label, SEAT_LABEL_BYTES_MAX)
    })
}

fn check_coupon(intent: &CouponIntent<'_>) -> Result<(), IntentInvalid> {
    match intent {
        CouponIntent::CreateCampaign { definition }
        | CouponIntent::ChangeCampaign { definition, .. } => {
            definition.validate().map_err(|error| below("definition", error))
        }
        CouponIntent::ClaimCoupon { code: Some(code), .. } => {
            check_text("code", code, CAMPAIGN_CODE_BYTES_MAX)
        }
        CouponIntent::ClaimCoupon { code: None, .. }
        | CouponIntent::PauseCampaign { .. }
        | CouponIntent::ResumeCampaign { .. } => Ok(()),
    }
}

fn check_points(intent: &PointsIntent) -> Result<(), IntentInvalid> {
    match intent {
        PointsIntent::SetPointsRule { rule, .. } => check_points_rule(rule),
        PointsIntent::GrantPoints { amount, .. } => check_minor("amount", amount.minor, 1),
    }
}

fn check_ticket(intent: &TicketIntent<'_>) -> Result<(), IntentInvalid> {
    match intent {
        TicketIntent::SetRules { rules, .. } => {
            rules.validate().map_err(|error| below("rules", error))
        }
        TicketIntent::CheckIn(scan) | TicketIntent::CheckOut(scan) => {
            check_text("gate", scan.gate, GATE_BYTES_MAX)
        }
        TicketIntent::Offer { .. }
        | TicketIntent::AcceptOffer { .. }
        | TicketIntent::EndOffer { .. } => Ok(()),
    }
}

fn check_refund(intent: &RefundIntent<'_>) -> Result<(), IntentInvalid> {
    match intent {
        RefundIntent::RefundTickets { tickets, places, amount, .. } => {
            check_not_empty("tickets", tickets.len() + places.len())?;
            places.iter().enumerate().try_for_each(|(index, place)| {
                check_text(|| format!("places[{index}]"), place, SEAT_LABEL_BYTES_MAX)
            })?;
            amount.as_ref().map_or(Ok(()), |amount| check_minor("amount", amount.minor, 0))
        }
        RefundIntent::SetRefundTerms { terms, .. } => {
            terms.validate().map_err(|error| below("terms", error))
        }
        RefundIntent::CancelPerformance { .. } => Ok(()),
    }
}

fn check_points_rule(rule: &PointsRule) -> Result<(), IntentInvalid> {
    if rule.earned_basis_points > BASIS_POINTS {
        let is = rule.earned_basis_points;
        return invalid(
            "rule.earned_basis_points",
            format!("must be 0 to {BASIS_POINTS}, is {is}"),
        );
    }
    for (field, days) in
        [("rule.earned_days", rule.earned_days), ("rule.restored_days", rule.restored_days)]
    {
        if days == 0 {
            return invalid(field, "must be 1 to 65535, is 0");
        }
    }
    Ok(())
}

/// A definition's own path, from the root of the intent.
fn below(field: &str, error: DefinitionInvalid) -> IntentInvalid {
    IntentInvalid { field: format!("{field}.{}", error.field), reason: error.reason }
}

/// A field's path. It is put together only when the field is wrong.
trait Path {
    fn path(self) -> String;
}

impl Path for &str {
    fn path(self) -> String {
        self.to_owned()
    }
}

impl<F: FnOnce() -> String> Path for F {
    fn path(self) -> String {
        self()
    }
}

fn invalid(field: impl Path, reason: impl Into<String>) -> Result<(), IntentInvalid> {
    Err(IntentInvalid { field: field.path(), reason: reason.into() })
}

fn check_seats(seats: &[&str]) -> Result<(), IntentInvalid> {
    check_not_empty("seats", seats.len())?;
    seats.iter().enumerate().try_for_each(|(index, label)| {
        check_text(|| format!("seats[{index}]"), label, SEAT_LABEL_BYTES_MAX)
    })
}

fn check_not_empty(field: &str, items: usize) -> Result<(), IntentInvalid> {
    if items == 0 { invalid(field, "must not be empty") } else { Ok(()) }
}

fn check_quantity(field: impl Path, quantity: u32) -> Result<(), IntentInvalid> {
    if (1..=u32::from(HOLD_SEATS_MAX)).contains(&quantity) {
        Ok(())
    } else {
        invalid(field, format!("must be 1 to {HOLD_SEATS_MAX}, is {quantity}"))
    }
}

fn check_text(field: impl Path, text: &str, bytes_max: usize) -> Result<(), IntentInvalid> {
    if !(1..=bytes_max).contains(&text.len()) {
        return invalid(field, format!("must be 1 to {bytes_max} bytes, is {}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return invalid(field, "must not contain control characters");
    }
    Ok(())
}

fn check_amount(field: &str, amount: &Money) -> Result<(), IntentInvalid> {
    check_minor(field, amount.minor, 0)
}

fn check_minor(field: &str, minor: i64, least: i64) -> Result<(), IntentInvalid> {
    if (least..=Money::MINOR_MAX).contains(&minor) {
        Ok(())
    } else {
        invalid(field, format!("must be {least} to {}, is {minor}", Money::MINOR_MAX))
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::intent::SectionQuantity;
    use boxoffice_topics::inventory::{ChannelRules, Date};
    use boxoffice_topics::outcome::EffectName;
    use boxoffice_topics::ticket::Scan;
    use boxoffice_topics::{
        AccountId, CampaignId, Currency, HoldId, IntentId, Message, Offset, OrderId, PartitionId,
        PerformanceDefinition, PerformanceId, RefundLadder, RefundTerms, SaleRules,
        SettlementTerms, Slot, TicketId, TicketRules, Timestamp, WaitingRoomRules,
    };

    use super::*;

    const PERFORMANCE: PerformanceId = PerformanceId::from_u128(7);

    fn check(table: &[(Intent<'_>, &str)]) {
        for (intent, expected) in table {
            let said = validate(intent).err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(&said, expected, "{intent:?}");
        }
    }

    fn id() -> IntentId {
        let (slot, partition) = (Slot::new(1).unwrap(), PartitionId::new(0).unwrap());
        IntentId::new(slot, partition, Offset::new(9))
    }

    fn seats<'a>(labels: &[&'a str]) -> Intent<'a> {
        Intent::HoldSeats {
            performance: PERFORMANCE,
            seats: labels.iter().copied().collect(),
            code: None,
        }
    }

    fn standing<'a>(items: &[(&'a str, u16)]) -> Intent<'a> {
        let item = |&(section, quantity)| SectionQuantity { section, quantity };
        Intent::HoldGeneralAdmission {
            performance: PERFORMANCE,
            sections: items.iter().map(item).collect(),
            code: None,
        }
    }

    fn best(quantity: u16, section: Option<&str>) -> Intent<'_> {
        Intent::HoldBestAvailable {
            performance: PERFORMANCE,
            quantity,
            section,
            price_level: None,
            accessible: false,
            code: None,
        }
    }

    fn pay(minor: i64, payment_key: &str) -> Intent<'_> {
        let amount = Money::new(minor, Currency::KRW);
        Intent::PayOrder { order: OrderId(id()), amount, payment_key }
    }

    #[test]
    fn refunds_outside_the_limits_are_named_by_field() {
        let tickets = |numbers: &[u16], places: &[&'static str], minor| {
            Intent::Refund(RefundIntent::RefundTickets {
                order: OrderId(id()),
                tickets: numbers.iter().copied().collect(),
                places: places.iter().copied().collect(),
                amount: Some(Money::new(minor, Currency::KRW)),
            })
        };
        let terms = |booking_fee_minor, steps| {
            let ladder = Some(RefundLadder { steps, ..RefundLadder::korean(4_000) });
            let terms = Box::new(RefundTerms { ladder, booking_fee_minor });
            Intent::Refund(RefundIntent::SetRefundTerms { performance: PERFORMANCE, terms })
        };
        let fee = "terms.booking_fee_minor: must be 0 to 1000000000000";
        check(&[
            (tickets(&[1], &["A-1-1"], 0), ""),
            (tickets(&[], &[], 0), "tickets: must not be empty"),
            (tickets(&[], &["A-1-1", ""], 0), "places[1]: must be 1 to 39 bytes, is 0"),
            (tickets(&[1], &[], -1), "amount: must be 0 to 1000000000000, is -1"),
            (terms(2_000, RefundLadder::korean(0).steps), ""),
            (terms(-1, RefundLadder::korean(0).steps), fee),
            (terms(0, Vec::new()), "terms.ladder.steps: must be 1 to 32, is 0"),
            (Intent::Refund(RefundIntent::CancelPerformance { performance: PERFORMANCE }), ""),
        ]);
    }

    #[test]
    fn fees_outside_the_limits_are_named_by_field() {
        let fees = |fee_vat_basis_points| {
            let terms = SettlementTerms { fee_vat_basis_points, ..SettlementTerms::default() };
            let performance = PERFORMANCE;
            Intent::Settlement(SettlementIntent::SetSettlementTerms { performance, terms })
        };
        let vat = "terms.fee_vat_basis_points: must be 0 to 10000";
        check(&[(fees(10_000), ""), (fees(10_001), vat)]);
    }

    #[test]
    fn holds_outside_the_limits_are_named_by_field() {
        let long = "A".repeat(SEAT_LABEL_BYTES_MAX + 1);
        check(&[
            (seats(&["A-12-7"]), ""),
            (seats(&[]), "seats: must not be empty"),
            (seats(&["A-12-7", ""]), "seats[1]: must be 1 to 39 bytes, is 0"),
            (seats(&[&long]), "seats[0]: must be 1 to 39 bytes, is 40"),
            (seats(&["A\n1"]), "seats[0]: must not contain control characters"),
            (best(16, Some("A")), ""),
            (best(0, None), "quantity: must be 1 to 16, is 0"),
            (best(17, None), "quantity: must be 1 to 16, is 17"),
            (best(1, Some("")), "section: must be 1 to 16 bytes, is 0"),
            (standing(&[("FLOOR", 2)]), ""),
            (standing(&[]), "sections: must not be empty"),
            (standing(&[("FLOOR", 0)]), "sections[0].quantity: must be 1 to 16, is 0"),
            (standing(&[("", 1)]), "sections[0].section: must be 1 to 16 bytes, is 0"),
            (standing(&[("A", 9), ("B", 8)]), "sections[*].quantity: must be 1 to 16, is 17"),
            (Intent::RenewHold { hold: HoldId(id()) }, ""),
        ]);
    }

    #[test]
    fn payments_outside_the_limits_are_named_by_field() {
        let long = "k".repeat(PAYMENT_KEY_BYTES_MAX + 1);
        check(&[
            (pay(99_000, "key"), ""),
            (pay(1, ""), "payment_key: must be 1 to 200 bytes, is 0"),
            (pay(1, &long), "payment_key: must be 1 to 200 bytes, is 201"),
            (pay(-1, "key"), "amount: must be 0 to 1000000000000, is -1"),
            (
                pay(Money::MINOR_MAX + 1, "key"),
                "amount: must be 0 to 1000000000000, is 1000000000001",
            ),
        ]);
    }

    #[test]
    fn what_the_system_records_does_not_come_from_outside() {
        let (order, account) = (OrderId(id()), AccountId::default());
        let from = EffectName::new(PartitionId::new(0).unwrap(), Offset::new(1), 0);
        let message = Message::PointsReserved { order, account };
        check(&[
            (Intent::Tick, "type: ticks are appended by the owner of a partition only"),
            (Intent::Deliver { from, message }, "type: messages are brought by the runtime only"),
        ]);
    }

    #[test]
    fn what_is_asked_of_rooms_coupons_and_points_has_limits() {
        let room = |session_ms| {
            let rules = WaitingRoomRules {
                admissions_per_minute: 600,
                active_buyers_max: 10,
                session_ms,
                grace_ms: 60_000,
                lottery: None,
            };
            let set = WaitingRoomIntent::Set { performance: PERFORMANCE, rules: Some(rules) };
            Intent::WaitingRoom(set)
        };
        let claim = |code| {
            let campaign = CampaignId(id());
            Intent::Coupon(CouponIntent::ClaimCoupon { campaign, code: Some(code) })
        };
        let order = |points_minor| Intent::PlaceOrder {
            hold: HoldId(id()),
            coupon: None,
            points_minor: Some(points_minor),
        };
        let grant = |minor| {
            let (account, amount) = (AccountId::default(), Money::new(minor, Currency::KRW));
            let expires_at = Timestamp::from_millis(1);
            Intent::Points(PointsIntent::GrantPoints { account, amount, expires_at })
        };
        let earn = |earned_basis_points, restored_days| {
            let rule = PointsRule { earned_basis_points, earned_days: 1, restored_days };
            Intent::Points(PointsIntent::SetPointsRule { performance: PERFORMANCE, rule })
        };
        let shown = |gate| {
            let ticket = TicketId { order: OrderId(id()), number: 1 };
            let (performance, generation, scanned_at, scan) = (PERFORMANCE, None, None, None);
            let scan = Scan { performance, ticket, generation, gate, scanned_at, scan };
            Intent::Ticket(TicketIntent::CheckIn(scan))
        };
        let tickets = |offer_ttl_ms| {
            let rules = TicketRules { offer_ttl_ms, ..TicketRules::UNSAID };
            Intent::Ticket(TicketIntent::SetRules { performance: PERFORMANCE, rules })
        };
        let long = "c".repeat(CAMPAIGN_CODE_BYTES_MAX + 1);
        check(&[
            (room(10_000), ""),
            (room(9_999), "rules.session_ms: must be 10000 to 86400000, is 9999"),
            (claim("spring"), ""),
            (claim(""), "code: must be 1 to 64 bytes, is 0"),
            (claim(&long), "code: must be 1 to 64 bytes, is 65"),
            (order(0), ""),
            (order(-1), "points: must be 0 to 1000000000000, is -1"),
            (grant(1), ""),
            (grant(0), "amount: must be 1 to 1000000000000, is 0"),
            (earn(10_000, 1), ""),
            (earn(10_001, 1), "rule.earned_basis_points: must be 0 to 10000, is 10001"),
            (earn(100, 0), "rule.restored_days: must be 1 to 65535, is 0"),
            (shown("North 3"), ""),
            (shown(""), "gate: must be 1 to 32 bytes, is 0"),
            (shown(&long), "gate: must be 1 to 32 bytes, is 65"),
            (shown("N\n"), "gate: must not contain control characters"),
            (tickets(60_000), ""),
            (tickets(0), "rules.offer_ttl_ms: must be 60000 to 604800000, is 0"),
        ]);
    }

    #[test]
    fn definitions_are_checked_whole() {
        let definition = Box::new(PerformanceDefinition {
            performance: PERFORMANCE,
            name: "Hamlet".to_owned(),
            venue: String::new(),
            starts_at: Timestamp::from_millis(0),
            currency: Currency::KRW,
            price_levels: Vec::new(),
            sections: Vec::new(),
            sale: SaleRules {
                opens_at: None,
                closes_at: None,
                hold_ttl_ms: 300_000,
                hold_renewals_max: 1,
                payment_window_ms: 600_000,
                account_seats_max: 4,
            },
            shapes: None,
            refund_terms: None,
            settlement_terms: None,
        });
        check(&[(
            Intent::CreatePerformance { definition },
            "venue: must be 1 to 200 bytes without control characters",
        )]);
    }

    #[test]
    fn stays_and_channels_are_within_their_limits() {
        let performance = PERFORMANCE;
        let stay = |room_type, nights, rooms| {
            let (from, code) = (Date(20_000), None);
            Intent::HoldStay { performance, room_type, from, nights, rooms, code }
        };
        let channel = |channel, uses_max| {
            let rules = ChannelRules { code: Default::default(), uses_max, releases_at: None };
            Intent::Inventory(InventoryIntent::SetChannel { performance, channel, rules })
        };
        let aside = |items| {
            let channel = "FANS";
            Intent::Inventory(InventoryIntent::SetAside { performance, channel, items })
        };
        check(&[
            (stay("D", 16, 1), ""),
            (stay("", 1, 1), "room_type: must be 1 to 16 bytes, is 0"),
            (stay("D", 0, 1), "nights: must be 1 to 16, is 0"),
            (stay("D", 17, 1), "nights: must be 1 to 16, is 17"),
            (stay("D", 3, 6), "rooms: nights times rooms must be 1 to 16, is 18"),
            (stay("D", 3, 0), "rooms: nights times rooms must be 1 to 16, is 0"),
            (channel("FANS", Some(1)), ""),
            (channel("FANS", Some(0)), "uses_max: must be at least 1"),
            (
                channel("fan-club", None),
                "channel: must be 1 to 16 bytes of letters, digits and `_`",
            ),
            (aside(vec![Selector::Seat("A-1-1")]), ""),
            (aside(vec![]), "items: must be 1 to 1000, is 0"),
            (aside(vec![Selector::Seat("A"); 1_001]), "items: must be 1 to 1000, is 1001"),
            (
                aside(vec![Selector::Row("A-1"), Selector::Section("")]),
                "items[1]: must be 1 to 39 bytes, is 0",
            ),
        ]);
    }
}
