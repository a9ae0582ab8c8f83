//! The caller's half of ingest: check, stamp, encode, queue. Never waits.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use boxoffice_log::Log;
use boxoffice_topics::envelope::{INTENT_BYTES_MAX, intent_into};
use boxoffice_topics::partition::PARTITIONS_MAX;
use boxoffice_topics::{AccountId, Header, Intent, IntentKey, PartitionId, Routes, Slot};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::appender::{Acceptance, Appenders, Queued};
use crate::config::Config;
use crate::metric_definitions::SubmitMetrics;
use crate::stamp::Stamp;
use crate::validate::{IntentInvalid, TRACEPARENT_BYTES_MAX, validate};

/// An intent with what the edge knows about it.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Who asks; zero for what the system itself records.
    pub account: AccountId,
    /// What makes it the same intent when it comes again.
    pub key: IntentKey,
    /// The caller's W3C `traceparent`.
    pub traceparent: Option<&'a str>,
    /// What is asked.
    pub intent: &'a Intent<'a>,
}

/// An intent that was not queued. Its token is dropped, and nothing is in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It breaks a limit.
    #[error(transparent)]
    Invalid(#[from] IntentInvalid),
    /// More intents wait than the disk can take soon.
    #[error("too many intents are waiting")]
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// The log has failed or the process is shutting down.
    #[error("intents are no longer accepted")]
    Stopped,
    /// This log has no such partition.
    #[error("partition {0} does not exist")]
    PartitionUnknown(PartitionId),
}

impl SubmitError {
    /// Whether the same call may succeed later in this process.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

/// Takes intents from any number of tasks.
///
/// `T` is the caller's token for an intent: whatever it needs to answer who asked.
pub struct Ingest<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    routes: Arc<Routes>,
    /// By partition. They come and never go.
    queues: Box<[OnceLock<mpsc::Sender<Queued<T>>>]>,
    stamp: Stamp,
    retry_after: Duration,
    metrics: SubmitMetrics,
}

impl<T> Clone for Ingest<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Ingest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").finish_non_exhaustive()
    }
}

/// Starts one appending task for each partition of the log. Intents go where `routes` say.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn start<L: Log, T: Send + 'static>(
    log: &L,
    routes: Arc<Routes>,
    config: &Config,
    acceptance: &Arc<impl Acceptance<T>>,
) -> (Ingest<T>, Appenders) {
    let queues = std::iter::repeat_with(OnceLock::new).take(PARTITIONS_MAX.into()).collect();
    let shared = Shared {
        routes,
        queues,
        stamp: Stamp::default(),
        retry_after: config.retry_after,
        metrics: SubmitMetrics::new(),
    };
    let ingest = Ingest { shared: Arc::new(shared) };
    let mut appenders = Appenders::new();
    ingest.grow(&mut appenders, log, config, acceptance);
    (ingest, appenders)
}

impl<T> Ingest<T> {
    /// Starts an appending task for each partition of the log that has none.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn grow<L: Log>(
        &self,
        appenders: &mut Appenders,
        log: &L,
        config: &Config,
        acceptance: &Arc<impl Acceptance<T>>,
    ) where
        T: Send + 'static,
    {
        let queues = self.shared.queues.iter().take(log.partitions().into());
        for (partition, queue) in (0..).filter_map(PartitionId::new).zip(queues) {
            queue.get_or_init(|| {
                let (sender, receiver) = mpsc::channel(config.queue_records_max.get());
                appenders.spawn(partition, log.clone(), receiver, config, Arc::clone(acceptance));
                sender
            });
        }
    }

    /// The slot of the intent's key and the partition that gets it; `None` for a tick, which has
    /// no key.
    #[must_use]
    pub fn route(&self, intent: &Intent<'_>) -> Option<(Slot, PartitionId)> {
        intent.slot().map(|slot| (slot, self.shared.routes.partition_of(slot)))
    }

    /// Queues an intent for its partition. The token comes back through [`Acceptance`].
    ///
    /// # Errors
    /// When the intent breaks a limit, when the queue is full, or when ingest has stopped.
    pub fn submit(
        &self,
        partition: PartitionId,
        draft: Draft<'_>,
        token: T,
    ) -> Result<(), SubmitError> {
        let queued = self.try_submit(partition, draft, token);
        if let Err(error) = &queued {
            self.shared.metrics.refused(error);
        }
        queued
    }

    fn try_submit(
        &self,
        partition: PartitionId,
        draft: Draft<'_>,
        token: T,
    ) -> Result<(), SubmitError> {
        let shared = &*self.shared;
        validate(draft.intent)?;
        let queue = shared
            .queues
            .get(usize::from(partition.number()))
            .and_then(OnceLock::get)
            .ok_or(SubmitError::PartitionUnknown(partition))?;
        // A place is taken before the work is done: under overload an answer costs almost nothing.
        let place = queue.try_reserve().map_err(|error| match error {
            TrySendError::Full(()) => SubmitError::Busy { retry_after: shared.retry_after },
            TrySendError::Closed(()) => SubmitError::Stopped,
        })?;
        let record = self.encode(draft)?;
        place.send(Queued { record, token });
        Ok(())
    }

    fn encode(&self, draft: Draft<'_>) -> Result<Bytes, IntentInvalid> {
        let traceparent = draft.traceparent.filter(|text| text.len() <= TRACEPARENT_BYTES_MAX);
        let header = Header {
            recorded_at: self.shared.stamp.now(),
            account: draft.account,
            key: draft.key,
            fingerprint: 0,
            traceparent: traceparent.map(Box::from),
        };
        BUFFERS.with_borrow_mut(|Buffers { payload, record }| {
            record.clear();
            intent_into(header, draft.intent, payload, record);
            if record.len() > INTENT_BYTES_MAX {
                return Err(too_large(draft.intent, record.len()));
            }
            // A copy of the exact size: one allocation, where handing over the buffer would cost
            // two and keep its slack in memory.
            Ok(Bytes::copy_from_slice(record))
        })
    }
}

/// Encoding buffers of one thread.
struct Buffers {
    payload: Vec<u8>,
    record: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> =
        const { RefCell::new(Buffers { payload: Vec::new(), record: Vec::new() }) };
}

/// Only a definition can be that large.
fn too_large(intent: &Intent<'_>, bytes: usize) -> IntentInvalid {
    let field = match intent {
        Intent::CreatePerformance { .. } => "sections",
        _ => "intent",
    };
    let reason = format!("must fit into a record of {INTENT_BYTES_MAX} bytes, needs {bytes}");
    IntentInvalid { field: field.to_owned(), reason }
}
