//! Every metric of the payment executor.
//!
//! Labels are bounded: never an order, a payment or a buyer.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::provider::FaultKind;

const EFFECTS_PENDING: &str = "boxoffice_sinks_payment_effects_pending";
const UNKNOWN: &str = "boxoffice_sinks_payment_attempts_unknown";
const UNKNOWN_AGE: &str = "boxoffice_sinks_payment_attempts_unknown_oldest_age_seconds";
const TURNS: &str = "boxoffice_sinks_payment_turns_total";
const TURN_DURATION: &str = "boxoffice_sinks_payment_turn_duration_seconds";
const SUBMIT_RETRIES: &str = "boxoffice_sinks_payment_result_submit_retries_total";
const HINTS: &str = "boxoffice_sinks_payment_hints_total";

/// Says what the metrics mean, once, before the first of them.
pub(super) fn describe() {
    describe_gauge!(EFFECTS_PENDING, "captures and refunds without a result");
    describe_gauge!(UNKNOWN, "captures and refunds that were asked for and whose truth is unknown");
    describe_gauge!(UNKNOWN_AGE, "age of the oldest unknown attempt in seconds");
    describe_counter!(TURNS, "turns of effects, by effect, outcome and error type");
    describe_histogram!(TURN_DURATION, "time from the first request of a turn to its result");
    describe_counter!(SUBMIT_RETRIES, "results that had to be handed in again");
    describe_counter!(HINTS, "webhook hints, by what came of them");
}

/// How much is waiting.
pub(super) fn pending(effects: usize, unknown: usize, oldest: Duration) {
    gauge!(EFFECTS_PENDING).set(effects as f64);
    gauge!(UNKNOWN).set(unknown as f64);
    gauge!(UNKNOWN_AGE).set(oldest.as_secs_f64());
}

/// A turn ended with a result.
pub(super) fn turn_settled(effect: &'static str, outcome: &'static str, duration: Duration) {
    counter!(TURNS, "effect" => effect, "outcome" => outcome, "error_type" => "").increment(1);
    histogram!(TURN_DURATION, "effect" => effect).record(duration);
}

/// A turn ended and the truth is unknown.
pub(super) fn turn_unknown(effect: &'static str, kind: FaultKind, duration: Duration) {
    let error_type = kind.as_str();
    counter!(TURNS, "effect" => effect, "outcome" => "unknown", "error_type" => error_type)
        .increment(1);
    histogram!(TURN_DURATION, "effect" => effect).record(duration);
}

/// A result could not be handed in yet.
pub(super) fn submit_retried() {
    counter!(SUBMIT_RETRIES).increment(1);
}

/// A hint was dealt with.
pub(super) fn hint(outcome: &'static str) {
    counter!(HINTS, "outcome" => outcome).increment(1);
}
