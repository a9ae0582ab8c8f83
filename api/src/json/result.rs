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
