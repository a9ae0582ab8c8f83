//! Every metric of ingest, with handles that are looked up once.

use boxoffice_log::LogError;
use boxoffice_topics::PartitionId;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::submit::SubmitError;

const REFUSED: &str = "boxoffice_ingest_refused_intents_total";

/// What is counted in the caller's task.
pub(crate) struct SubmitMetrics {
    invalid: Counter,
    busy: Counter,
    stopped: Counter,
}

impl SubmitMetrics {
    pub(crate) fn new() -> Self {
        let refused = |error_type: &'static str| counter!(REFUSED, "error_type" => error_type);
        Self { invalid: refused("invalid"), busy: refused("busy"), stopped: refused("stopped") }
    }

    pub(crate) fn refused(&self, error: &SubmitError) {
        match error {
            SubmitError::Invalid(_) | SubmitError::PartitionUnknown(_) => &self.invalid,
            SubmitError::Busy { .. } => &self.busy,
            SubmitError::Stopped => &self.stopped,
        }
        .increment(1);
    }
}

/// What is counted in the appending task of one partition.
pub(crate) struct AppendMetrics {
    queue_records: Gauge,
    batch_records: Histogram,
    accepted: Counter,
    full: Counter,
    failed: Counter,
}

impl AppendMetrics {
    pub(crate) fn new(partition: PartitionId) -> Self {
        let partition = partition.to_string();
        let of = |error_type: &'static str| counter!(REFUSED, "partition" => partition.clone(), "error_type" => error_type);
        let (full, failed) = (of("disk_full"), of("log_failed"));
        Self {
            full,
            failed,
            queue_records: gauge!("boxoffice_ingest_queue_records", "partition" => partition.clone()),
            batch_records: histogram!(
                "boxoffice_ingest_batch_records",
                "partition" => partition.clone()
            ),
            accepted: counter!(
                "boxoffice_ingest_accepted_intents_total",
                "partition" => partition
            ),
        }
    }

    pub(crate) fn queue_records(&self, records: usize) {
        self.queue_records.set(as_number(records));
    }

    pub(crate) fn accepted(&self, records: usize) {
        self.batch_records.record(as_number(records));
        self.accepted.increment(records as u64);
    }

    pub(crate) fn refused(&self, error: &LogError, records: usize) {
        let refused = if error.is_retriable() { &self.full } else { &self.failed };
        refused.increment(records as u64);
    }
}

fn as_number(records: usize) -> f64 {
    f64::from(u32::try_from(records).unwrap_or(u32::MAX))
}
