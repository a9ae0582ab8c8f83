//! What waits for the writer of a partition.

use boxoffice_topics::Offset;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::fold::Fold;
use super::writer::Errand;
use crate::LogError;

/// Bytes of records after which a block is sent although more are waiting: larger blocks do not
/// make a write cheaper per byte.
const BLOCK_BYTES: u64 = 1 << 20;

/// How the answer comes back.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// Records for one partition.
pub(super) struct Append {
    pub(super) records: Vec<Bytes>,
    /// Bytes in a block.
    pub(super) bytes: u64,
    pub(super) reply: Reply<Offset>,
}

/// What is asked of a writer.
pub(super) enum Request {
    Append(Append),
    /// The answer is what is known of the partition afterwards.
    Errand(Errand, Reply<Fold>),
}

/// What a writer does next.
pub(super) enum Work {
    /// Appends that share a block.
    Append(Vec<Append>),
    Errand(Errand, Reply<Fold>),
}

/// What is queued for a writer.
pub(super) struct Queue {
    requests: mpsc::Receiver<Request>,
    /// Received, and not for the block before.
    held: Option<Request>,
}

impl Queue {
    pub(super) fn new(requests: mpsc::Receiver<Request>) -> Self {
        Self { requests, held: None }
    }

    /// Waits for a request, and takes what can share a block with it. `None` when there will be
    /// no more.
    pub(super) async fn gather(&mut self) -> Option<Work> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.requests.recv().await?,
        };
        let append = match first {
            Request::Errand(errand, reply) => return Some(Work::Errand(errand, reply)),
            Request::Append(append) => append,
        };
        let mut bytes = append.bytes;
        let mut batch = vec![append];
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Append(append) if bytes + append.bytes <= BLOCK_BYTES => {
                    bytes += append.bytes;
                    batch.push(append);
                }
                request => {
                    self.held = Some(request);
                    break;
                }
            }
        }
        Some(Work::Append(batch))
    }

    /// Answers everything that waits.
    pub(super) fn refuse(&mut self, error: &LogError) {
        while let Some(request) = self.held.take().or_else(|| self.requests.try_recv().ok()) {
            match request {
                Request::Append(append) => refuse(vec![append], error),
                Request::Errand(_, reply) => reply.send(Err(error.clone())).unwrap_or_default(),
            }
        }
    }
}

/// Tells everybody of a batch where the records are.
pub(super) fn answer(batch: Vec<Append>, mut next: u64) {
    for append in batch {
        // A caller that went away does not take its records back.
        append.reply.send(Ok(Offset::new(next))).unwrap_or_default();
        next += append.records.len() as u64;
    }
}

/// Tells everybody of a batch what is wrong.
pub(super) fn refuse(batch: Vec<Append>, error: &LogError) {
    for append in batch {
        append.reply.send(Err(error.clone())).unwrap_or_default();
    }
}
