//! Every metric of a partition's owner, with handles that are looked up once.

use std::time::Duration;

use boxoffice_core::State;
use boxoffice_topics::{Outcome, PartitionId, RefusalCode, Step};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::ownership::Change;

pub(crate) struct PartitionMetrics {
    apply_seconds: Histogram,
    waiting_steps: Gauge,
    decided: Counter,
    repeated: Counter,
    /// By the index of the code.
    refused: Box<[Counter]>,
    ticks: Counter,
    quarantined: Counter,
    checkpoint_age_records: Gauge,
    checkpoints_failed: Counter,
    effects_pending: Gauge,
    live_holds: Gauge,
}

impl PartitionMetrics {
    pub(crate) fn new(partition: PartitionId) -> Self {
        let partition = partition.to_string();
        let count = |name: &'static str| counter!(name, "partition" => partition.clone());
        let level = |name: &'static str| gauge!(name, "partition" => partition.clone());
        let replies = |outcome: &'static str| {
            counter!("boxoffice_processors_replies_total",
                "partition" => partition.clone(), "outcome" => outcome)
        };
        Self {
            apply_seconds: histogram!("boxoffice_processors_apply_seconds",
                "partition" => partition.clone()),
            waiting_steps: level("boxoffice_processors_waiting_steps"),
            decided: replies("decided"),
            repeated: replies("repeated"),
            refused: RefusalCode::ALL.iter().map(|code| replies(code.as_str())).collect(),
            ticks: count("boxoffice_processors_ticks_total"),
            quarantined: count("boxoffice_processors_quarantined_records_total"),
            checkpoint_age_records: level("boxoffice_processors_checkpoint_age_records"),
            checkpoints_failed: count("boxoffice_processors_checkpoints_failed_total"),
            effects_pending: level("boxoffice_processors_effects_pending_count"),
            live_holds: level("boxoffice_processors_live_holds_count"),
        }
    }

    pub(crate) fn step(&self, step: &Step) {
        if step.intent.is_none() {
            return self.ticks.increment(1);
        }
        match step.reply() {
            Some(Outcome::Refused { refusal }) => {
                if let Some(refused) = self.refused.get(refusal.code.index()) {
                    refused.increment(1);
                }
            }
            Some(Outcome::Repeated { .. }) => self.repeated.increment(1),
            Some(_) | None => self.decided.increment(1),
        }
    }

    pub(crate) fn batch(&self, applied: Duration, quarantined: u64, waiting_steps: usize) {
        self.apply_seconds.record(applied.as_secs_f64());
        self.waiting_steps.set(f64::from(u32::try_from(waiting_steps).unwrap_or(u32::MAX)));
        self.quarantined.absolute(quarantined);
    }

    pub(crate) fn checkpoint(&self, state: &State, age_records: u64) {
        self.checkpoint_age_records.set(f64::from(u32::try_from(age_records).unwrap_or(u32::MAX)));
        let as_number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        self.effects_pending.set(as_number(state.pending_effects().count()));
        self.live_holds.set(as_number(state.live_holds()));
    }

    pub(crate) fn checkpoint_failed(&self) {
        self.checkpoints_failed.increment(1);
    }
}

#[derive(Debug)]
pub(crate) struct MessengerMetrics {
    brought: Counter,
}

impl MessengerMetrics {
    pub(crate) fn new(from: PartitionId) -> Self {
        let from = from.to_string();
        Self {
            brought: counter!("boxoffice_processors_messages_brought_total", "partition" => from),
        }
    }

    pub(crate) fn brought(&self, messages: usize) {
        self.brought.increment(messages as u64);
    }
}

/// Of one kind of leases, as this process sees them.
#[derive(Debug)]
pub(crate) struct LeaseMetrics {
    held: Gauge,
    gained: Counter,
    lost: Counter,
    failures: Counter,
}

impl LeaseMetrics {
    pub(crate) fn new(kind: &'static str) -> Self {
        let changes = |change: &'static str| counter!("boxoffice_processors_lease_changes_total", "kind" => kind, "change" => change);
        Self {
            held: gauge!("boxoffice_processors_leases_held_count", "kind" => kind),
            gained: changes("gained"),
            lost: changes("lost"),
            failures: counter!("boxoffice_processors_lease_failures_total", "kind" => kind),
        }
    }

    pub(crate) fn held(&self, leases: usize) {
        self.held.set(f64::from(u32::try_from(leases).unwrap_or(u32::MAX)));
    }

    pub(crate) fn changed(&self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Gained { .. } => self.gained.increment(1),
                Change::Lost { .. } => self.lost.increment(1),
            }
        }
    }

    pub(crate) fn failed(&self) {
        self.failures.increment(1);
    }
}
