//! What the buyers sent and what they were told: the client's side of the audit.
//!
//! Written once for each intent, when its last answer is in. Knows nothing of the server's log.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::findings::{Findings, Invariant};

/// Latencies are kept in microseconds, from the first send of an intent to its final answer.
const LATENCY_MICROS_MAX: u64 = 600_000_000;

/// A place that the server acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) partition: u16,
    pub(super) offset: u64,
}

/// The final answer to an intent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// It was decided so.
    Decided(Vec<Value>),
    /// It was refused with this code.
    Refused(String),
}

/// An answer as it is kept: as JSON text, because a rehearsal keeps many of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Told {
    /// These outcomes.
    Decided(Box<str>),
    /// A refusal with this code.
    Refused(Box<str>),
}

impl From<&Reply> for Told {
    fn from(reply: &Reply) -> Self {
        match reply {
            Reply::Decided(outcomes) => Self::Decided(json!(outcomes).to_string().into()),
            Reply::Refused(code) => Self::Refused(code.as_str().into()),
        }
    }
}

/// One intent that was sent, with everything that came back.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) subject: Box<str>,
    /// The `Idempotency-Key`, unique in the run unless it was repeated on purpose.
    pub(super) key: Box<str>,
    pub(super) body: Box<str>,
    /// Every place that was acknowledged: more than one when it was sent again.
    pub(super) acknowledged: Vec<Place>,
    /// None when the buyer gave up.
    pub(super) reply: Option<Told>,
}

/// Everything that was sent.
#[derive(Debug)]
pub(super) struct Ledger {
    inner: Mutex<Entries>,
}

/// What the ledger has.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) sent: Vec<Sent>,
    pub(super) latency_micros: Histogram<u64>,
    pub(super) surprises: Findings,
    /// Sends beyond the first of each intent.
    pub(super) retries: u64,
    pub(super) answered: u64,
}

impl Entries {
    fn new(latency_micros: Histogram<u64>) -> Self {
        Self {
            sent: Vec::new(),
            latency_micros,
            surprises: Findings::default(),
            retries: 0,
            answered: 0,
        }
    }
}

impl Ledger {
    pub(super) fn new() -> Result<Self, hdrhistogram::CreationError> {
        let latency_micros = Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, 3)?;
        Ok(Self { inner: Mutex::new(Entries::new(latency_micros)) })
    }

    /// Enters an intent whose last answer is in.
    pub(super) fn enter(&self, sent: Sent, latency: Duration, retries: u64) {
        let mut inner = self.lock();
        if sent.reply.is_some() {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LATENCY_MICROS_MAX);
            inner.latency_micros.saturating_record(micros);
            inner.answered += 1;
        }
        inner.retries += retries;
        inner.sent.push(sent);
    }

    /// Notes an answer that nobody should get.
    pub(super) fn surprise(&self, detail: impl FnOnce() -> String) {
        self.lock().surprises.note(Invariant::AnswersAsExpected, detail);
    }

    /// Takes out what was sent since the last time.
    pub(super) fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.lock().sent)
    }

    /// Takes everything out.
    pub(super) fn close(&self) -> Entries {
        let mut inner = self.lock();
        let latency_micros = inner.latency_micros.clone();
        std::mem::replace(&mut *inner, Entries::new(latency_micros))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
