//! A log in a Fluvio cluster, for several machines.
//!
//! What it promises: an append that was acknowledged survives the end of any process, also by
//! kill -9. It survives a loss of power only as far as the disk of the cluster does, because the
//! cluster does not sync. It is kept once and in order whatever the client or the cluster does;
//! of two processes that write to one partition the later one goes on and the other stops. A
//! topic that came back shorter, or as another one, stops the log and is never passed over.
//!
//! A record of a topic is a block of records of the log, so that offsets of the log are dense
//! whatever else is in the topic: see `frame` for the bytes and `fold` for what counts.

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;

use boxoffice_topics::{LogId, Offset, PartitionId};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{mpsc, oneshot};

use crate::journal::random_genesis;
use crate::{Durability, Log, LogError, Topic, TopicPartition};

mod config;
mod connect;
mod fold;
mod follower;
mod frame;
mod reader;
pub mod results;
mod sender;
mod state;
#[cfg(test)]
mod tests;
pub mod topics;
mod writer;

pub use config::{FluvioConfig, FluvioTls, FluvioUrl, FluvioUrlInvalid};
pub use reader::FluvioReader;

use self::sender::APPEND_BYTES_MAX;
use self::state::Shared;
use self::writer::{Append, Queue, Writer};

/// Appends that wait for a writer before callers wait: ingest has one batch in flight for each
/// partition, and ticks and messages come one at a time too.
const QUEUE_APPENDS: usize = 256;
/// Partitions that are read side by side when a log is opened: each fetches a whole segment.
const OPENING: usize = 8;

/// A log in a cluster that is open for reading and writing. Clones share it; the last one to go
/// closes it.
#[derive(Clone)]
pub struct FluvioLog {
    shared: Arc<Shared>,
    log_id: LogId,
    writers: Arc<[mpsc::Sender<Append>]>,
}

impl FluvioLog {
    /// Opens a log whose topics were prepared, takes all its partitions over from whoever had
    /// them, and reads them to the end.
    ///
    /// # Errors
    /// [`LogError::Away`] when the cluster does not answer, [`LogError::Mismatch`] when its
    /// topics are missing or have other settings, [`LogError::Diverged`] when records are missing.
    pub async fn open(config: &FluvioConfig) -> Result<Self, LogError> {
        let (shared, writers) = begin(config).await?;
        let log_id = one_log(&writers)?.ok_or_else(|| mismatch(not_prepared(config)))?;
        if writers.iter().any(|writer| writer.next() == 0) {
            return Err(mismatch(not_prepared(config)));
        }
        Ok(Self::run(shared, log_id, writers))
    }

    /// Prepares a cluster: makes the topics and begins every partition, and opens the log. What
    /// is prepared already stays as it is.
    ///
    /// # Errors
    /// As [`FluvioLog::open`]; [`LogError::Diverged`] too when a partition of a log that was in
    /// use is empty.
    pub async fn create(config: &FluvioConfig) -> Result<Self, LogError> {
        config.check()?;
        topics::create(config).await?;
        let (shared, mut writers) = begin(config).await?;
        let mut genesis = config.genesis.unwrap_or_else(random_genesis);
        genesis.log_id = one_log(&writers)?.unwrap_or(genesis.log_id);
        let is_used = writers.iter().any(|writer| writer.next() > 1);
        let missing = writers.iter().any(|writer| writer.next() == 0);
        if is_used && missing {
            let reason =
                format!("{}: a partition of a log that was in use is empty", config.prefix);
            return Err(LogError::Diverged(Arc::from(reason)));
        }
        for writer in writers.iter_mut().filter(|writer| writer.next() == 0) {
            writer.make(genesis).await?;
        }
        Ok(Self::run(shared, genesis.log_id, writers))
    }

    /// Accepts nothing more. Everything that was acknowledged is in the cluster already.
    ///
    /// # Errors
    /// [`LogError::Stopped`] when the log had failed before.
    pub fn close(&self) -> Result<(), LogError> {
        let result = self.shared.check();
        self.shared.close();
        result
    }

    fn run(shared: Arc<Shared>, log_id: LogId, writers: Vec<Writer>) -> Self {
        let start = |writer: Writer| {
            let (sender, requests) = mpsc::channel(QUEUE_APPENDS);
            tokio::spawn(writer.run(log_id, Queue::new(requests)));
            sender
        };
        let writers = writers.into_iter().map(start).collect();
        Self { shared, log_id, writers }
    }
}

impl fmt::Debug for FluvioLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FluvioLog").field("log_id", &self.log_id).finish_non_exhaustive()
    }
}

/// Checks the topics and takes every partition over.
async fn begin(config: &FluvioConfig) -> Result<(Arc<Shared>, Vec<Writer>), LogError> {
    config.check()?;
    topics::check(config).await?;
    let shared = Arc::new(Shared::new(Arc::new(config.clone())));
    let session = uuid::Uuid::new_v4().as_u128();
    let begin = |(index, of)| {
        let state = Arc::clone(shared.state(index));
        Writer::new(Arc::clone(&shared), of, state, session).begin()
    };
    let partitions = topic_partitions(config.partitions).enumerate();
    let writers: Vec<Writer> =
        stream::iter(partitions.map(begin)).buffered(OPENING).try_collect().await?;
    Ok((shared, writers))
}

/// Every partition of both topics, in the order of lists.
fn topic_partitions(partitions: NonZeroU16) -> impl Iterator<Item = TopicPartition> {
    Topic::ALL.into_iter().flat_map(move |topic| {
        let partitions = (0..partitions.get()).filter_map(PartitionId::new);
        partitions.map(move |partition| TopicPartition { topic, partition })
    })
}

/// The log that all partitions belong to which are not empty.
fn one_log(writers: &[Writer]) -> Result<Option<LogId>, LogError> {
    let mut ids = writers.iter().filter_map(Writer::log_id);
    let Some(first) = ids.next() else { return Ok(None) };
    match ids.find(|other| *other != first) {
        None => Ok(Some(first)),
        Some(other) => Err(LogError::Diverged(Arc::from(format!(
            "its partitions belong to two logs, {first} and {other}"
        )))),
    }
}

fn not_prepared(config: &FluvioConfig) -> String {
    format!("the topics of {} were not prepared: run `boxoffice topics create`", config.prefix)
}

fn mismatch(reason: String) -> LogError {
    LogError::Mismatch(Arc::from(reason))
}

impl Log for FluvioLog {
    type Reader = FluvioReader;

    fn log_id(&self) -> LogId {
        self.log_id
    }

    fn partitions(&self) -> u16 {
        self.shared.config.partitions.get()
    }

    /// Both durabilities are the same here: a cluster knows one acknowledgement.
    async fn append(
        &self,
        to: TopicPartition,
        records: Vec<Bytes>,
        _durability: Durability,
    ) -> Result<Offset, LogError> {
        let index = self.shared.index_of(to)?;
        let bytes = frame::records_bytes(&records);
        if bytes > APPEND_BYTES_MAX {
            return Err(LogError::TooLarge { bytes, limit: APPEND_BYTES_MAX });
        }
        let (reply, answer) = oneshot::channel();
        let append = Append { records, bytes, reply };
        self.writers[index].send(append).await.map_err(|_| self.shared.gone())?;
        answer.await.unwrap_or_else(|_| Err(self.shared.gone()))
    }

    async fn end(&self, of: TopicPartition) -> Result<Offset, LogError> {
        let index = self.shared.index_of(of)?;
        self.shared.check()?;
        Ok(Offset::new(*self.shared.state(index).end.borrow()))
    }

    async fn wait_durable(&self, of: TopicPartition, end: Offset) -> Result<(), LogError> {
        let index = self.shared.index_of(of)?;
        let mut acknowledged = self.shared.state(index).end.subscribe();
        let mut stop = self.shared.stop.subscribe();
        tokio::select! {
            biased;
            _ = acknowledged.wait_for(|known| *known >= end.number()) => Ok(()),
            _ = stop.wait_for(|stopped| *stopped) => Err(self.shared.gone()),
        }
    }

    async fn read(&self, from: TopicPartition, at: Offset) -> Result<FluvioReader, LogError> {
        let index = self.shared.index_of(from)?;
        let end = Offset::new(*self.shared.state(index).end.borrow());
        if at > end {
            return Err(LogError::OutOfRange { asked: at, end });
        }
        Ok(FluvioReader::new(Arc::clone(&self.shared), self.log_id, from, index, at))
    }
}
