//! Records of the result topics: an outcome as clients read it, with its name, the name of the
//! record before it, and what it is about.

use boxoffice_core::{State, apply};
use boxoffice_sinks::results::{Present, ResultRecord, Subject, beginning_of};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    AccountId, CouponOutcome, LogId, Outcome, PartitionId, PointsOutcome, Step, TicketOutcome,
    WaitingRoomOutcome,
};
use serde_json::{Map, Value, json};

use super::outcome::OutcomeJson;
use super::scene::Scene;
use super::values::{MoneyJson, moment};

/// Writes result records as JSON.
#[derive(Debug)]
pub struct ResultJson {
    /// The performances and channels that outcomes are told by, and nothing else.
    names: State,
}

impl Default for ResultJson {
    fn default() -> Self {
        // What has names is of no partition: outcomes are told by it wherever they come from.
        const ANY: PartitionId = PartitionId::new(0).expect("a log has a partition");
        Self { names: State::new(ANY) }
    }
}

impl Present for ResultJson {
    fn learn(&mut self, outcome: &Outcome) {
        let offset = self.names.next_offset();
        let step = Step { offset, outcomes: vec![outcome.clone()], ..Step::default() };
        apply(&mut self.names, &step);
    }

    fn record(&self, result: &ResultRecord<'_>) -> Vec<u8> {
        let scene = Scene { log_id: result.log_id, state: &self.names };
        let mut record = named(result.log_id, result.name, Some(result.after));
        record.insert("time".to_owned(), json!(moment(result.time).0.to_string()));
        if result.asked_by != AccountId::default() {
            record.insert("asked_by".to_owned(), json!(result.asked_by.to_string()));
        }
        if let Some(subject) = result.subject {
            record.extend(subject_json(subject, scene));
        }
        let accounts = accounts_of(result.outcome);
        record
            .extend(accounts.map(|(name, account)| (name.to_owned(), json!(account.to_string()))));
        let outcome = json!(OutcomeJson::of(result.outcome, scene));
        if let Value::Object(outcome) = outcome {
            record.extend(outcome);
        }
        Value::Object(record).to_string().into_bytes()
    }

    fn beginning(&self, log_id: LogId, partition: PartitionId) -> Vec<u8> {
        let mut record = named(log_id, beginning_of(partition), None);
        record.insert("type".to_owned(), json!("log_began"));
        Value::Object(record).to_string().into_bytes()
    }
}

/// The accounts that an outcome names itself, which clients are not told: to them they are their own.
fn accounts_of(outcome: &Outcome) -> impl Iterator<Item = (&'static str, AccountId)> {
    let (account, to) = match outcome {
        Outcome::Coupon(
            CouponOutcome::Issued { account, .. } | CouponOutcome::Granted { account, .. },
        )
        | Outcome::Points(
            PointsOutcome::Credited { account, .. }
            | PointsOutcome::Reserved { account, .. }
            | PointsOutcome::Committed { account, .. }
            | PointsOutcome::Released { account, .. }
            | PointsOutcome::TakenBack { account, .. }
            | PointsOutcome::Expired { account, .. },
        )
        | Outcome::WaitingRoom(
            WaitingRoomOutcome::Joined { account, .. }
            | WaitingRoomOutcome::Seen { account, .. }
            | WaitingRoomOutcome::Left { account, .. }
            | WaitingRoomOutcome::Admitted { account, .. }
            | WaitingRoomOutcome::Missed { account, .. }
            | WaitingRoomOutcome::Inside { account, .. }
            | WaitingRoomOutcome::SessionEnded { account, .. }
            | WaitingRoomOutcome::Returned { account, .. },
        ) => (Some(*account), None),
        Outcome::Ticket(
            TicketOutcome::Offered { from, to, .. }
            | TicketOutcome::Transferred { from, to, .. }
            | TicketOutcome::OfferEnded { from, to, .. },
        ) => (Some(*from), Some(*to)),
        _ => (None, None),
    };
    let named = [("account", account), ("to", to)].into_iter();
    named.filter_map(|(name, account)| Some((name, account?)))
}

/// What every record has.
fn named(log_id: LogId, name: EffectName, after: Option<EffectName>) -> Map<String, Value> {
    let id = |name| format!("{:032x}-{name}", log_id.as_u128());
    let record = json!({
        "id": id(name),
        "after": after.map(id),
        "log": log_id.to_string(),
        "partition": name.partition().number(),
        "offset": name.offset().number(),
        "index": name.index(),
    });
    match record {
        Value::Object(record) => record,
        _ => Map::new(),
    }
}

/// What the hold or the order is for. An outcome that says it itself says it again, the same way.
fn subject_json(subject: &Subject, scene: Scene<'_>) -> Map<String, Value> {
    let Subject { performance, account, places, total } = subject;
    let record = json!({
        "performance": performance.to_string(),
        "account": account.to_string(),
        "seats": scene.seats(*performance, places),
        "sections": scene.sections(*performance, places),
        "total": MoneyJson::from(*total),
    });
    match record {
        Value::Object(record) => record,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::outcome::Places;
    use boxoffice_topics::{
        Currency, HoldId, IntentId, Money, Offset, OrderId, PaymentId, PerformanceDefinition,
        PerformanceId, PriceLevel, Row, SaleRules, SeatNumber, Section, SectionKind, Slot,
        Timestamp,
    };

    use super::*;

    const PERFORMANCE: PerformanceId = PerformanceId::from_u128(0xabc);

    fn partition() -> PartitionId {
        PartitionId::new(3).unwrap()
    }

    fn intent(offset: u64) -> IntentId {
        IntentId::new(Slot::ZERO, partition(), Offset::new(offset))
    }

    fn house() -> Outcome {
        let row = Row {
            label: "7".into(),
            first_seat: 11,
            seats: 4,
            price_level: 0,
            accessible: Vec::new(),
            sold: None,
        };
        let definition = PerformanceDefinition {
            performance: PERFORMANCE,
            name: "First night".into(),
            venue: "The house".into(),
            starts_at: Timestamp::from_millis(86_400_000),
            currency: Currency::KRW,
            price_levels: vec![PriceLevel { code: "R".into(), price_minor: 50_000 }],
            sections: vec![Section {
                code: "A".into(),
                kind: SectionKind::Reserved { rows: vec![row] },
            }],
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
        };
        Outcome::PerformanceCreated { definition: Box::new(definition) }
    }

    fn told(outcome: &Outcome, subject: Option<&Subject>) -> Value {
        let mut present = ResultJson::default();
        present.learn(&house());
        let record = present.record(&ResultRecord {
            log_id: LogId::from_u128(0xf),
            name: EffectName::new(partition(), Offset::new(17), 1),
            after: EffectName::new(partition(), Offset::new(12), 0),
            time: Timestamp::from_millis(1_780_000_000_123),
            asked_by: AccountId::default(),
            subject,
            outcome,
        });
        serde_json::from_slice(&record).unwrap()
    }

    fn subject() -> Subject {
        let seats = [SeatNumber(0), SeatNumber(3)].into_iter().collect();
        Subject {
            performance: PERFORMANCE,
            account: AccountId::from_u128(0xa),
            places: Places { seats, ..Places::default() },
            total: Money::new(100_000, Currency::KRW),
        }
    }

    #[test]
    fn a_record_says_what_happened_to_which_seats() {
        let expired = Outcome::HoldExpired { hold: HoldId(intent(9)), account: subject().account };
        let expected = json!({
            "id": "0000000000000000000000000000000f-3-17-1",
            "after": "0000000000000000000000000000000f-3-12-0",
            "log": "00000000-0000-0000-0000-00000000000f",
            "partition": 3,
            "offset": 17,
            "index": 1,
            "time": "2026-05-28T20:26:40.123Z",
            "type": "hold_expired",
            "hold": "0-3-9",
            "performance": "00000000-0000-0000-0000-000000000abc",
            "account": "00000000-0000-0000-0000-00000000000a",
            "seats": ["A-7-11", "A-7-14"],
            "sections": [],
            "total": { "minor": 100_000, "currency": "KRW" },
        });
        assert_eq!(told(&expired, Some(&subject())), expected);
    }

    #[test]
    fn the_providers_name_of_a_payment_is_told_to_nobody() {
        let requested = Outcome::PaymentRequested {
            payment: PaymentId(intent(10)),
            order: OrderId(intent(9)),
            amount: subject().total,
            payment_key: "a secret".into(),
        };
        let record = told(&requested, Some(&subject()));
        assert_eq!(record["type"], "payment_requested");
        assert!(!record.to_string().contains("a secret"), "{record}");
    }

    #[test]
    fn a_partition_begins_with_what_follows_nothing() {
        let record = ResultJson::default().beginning(LogId::from_u128(0xf), partition());
        let record: Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["id"], "0000000000000000000000000000000f-3-0-0");
        assert_eq!((&record["after"], &record["type"]), (&Value::Null, &json!("log_began")));
    }
}
