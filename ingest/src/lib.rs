//! The way into the log: an intent is checked, stamped, encoded, queued and appended.
//!
//! [`Ingest::submit`] does the first four in the caller's task and never waits: a full queue is
//! an answer. One task per partition appends whatever has gathered as one batch, with one batch
//! in flight, so that the next one fills while the disk syncs. This crate knows nothing of what
//! an intent leads to, and nothing of who waits for it: callers hand in a token and get it back.
//!
//! Invariants:
//! - A token comes back exactly once: accepted with its place in the log, or refused.
//! - An accepted intent is on stable storage.
//! - Intents of one partition are accepted in the order in which they were submitted.

mod appender;
mod config;
mod metric_definitions;
mod stamp;
mod submit;
#[cfg(test)]
mod tests;
mod validate;

pub use appender::{Acceptance, Appenders};
pub use config::Config;
pub use submit::{Draft, Ingest, SubmitError, start};
pub use validate::{
    IntentInvalid, PAYMENT_KEY_BYTES_MAX, SEAT_LABEL_BYTES_MAX, TRACEPARENT_BYTES_MAX, validate,
};
