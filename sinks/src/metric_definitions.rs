//! Every metric of this crate: its name and its meaning.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Records that a sink has not yet written, by `sink`.
const SINK_LAG: &str = "boxoffice_sinks_lag_records";
/// Steps that a sink has written, by `sink`.
const SINK_STEPS: &str = "boxoffice_sinks_steps_total";
/// Rows that a sink has written, by `sink`.
const SINK_ROWS: &str = "boxoffice_sinks_rows_total";
/// Time that one write took, by `sink`.
const SINK_WRITE: &str = "boxoffice_sinks_write_seconds";
/// Failures after which a sink tried again, by `sink` and `error_type`.
const SINK_RETRIES: &str = "boxoffice_sinks_retries_total";
/// One while a sink follows the log, zero while it retries or has stopped, by `sink`.
const SINK_FOLLOWING: &str = "boxoffice_sinks_following";

/// Tells the recorder what the metrics mean.
pub fn describe() {
    describe_gauge!(SINK_LAG, Unit::Count, "records that the sink has not yet written");
    describe_counter!(SINK_STEPS, Unit::Count, "steps that the sink has written");
    describe_counter!(SINK_ROWS, Unit::Count, "rows that the sink has written");
    describe_histogram!(SINK_WRITE, Unit::Seconds, "time that one write took");
    describe_counter!(SINK_RETRIES, Unit::Count, "failures after which the sink tried again");
    describe_gauge!(SINK_FOLLOWING, Unit::Count, "1 while the sink follows the log");
}

/// One write of a sink.
pub(crate) fn written(sink: &'static str, steps: u64, rows: u64, took: Duration) {
    histogram!(SINK_WRITE, "sink" => sink).record(took);
    counter!(SINK_ROWS, "sink" => sink).increment(rows);
    counter!(SINK_STEPS, "sink" => sink).increment(steps);
}

/// How far a sink is behind.
pub(crate) fn lag(sink: &'static str, records: u64) {
    gauge!(SINK_LAG, "sink" => sink).set(records as f64);
}

/// A failure after which the sink tries again.
pub(crate) fn retried(sink: &'static str, error_type: &'static str) {
    counter!(SINK_RETRIES, "sink" => sink, "error_type" => error_type).increment(1);
}

/// Whether a sink follows the log.
pub(crate) fn following(sink: &'static str, follows: bool) {
    gauge!(SINK_FOLLOWING, "sink" => sink).set(f64::from(follows));
}
