//! A log in a Fluvio cluster, for several machines.
//!
//! What it promises: an append that was acknowledged survives the end of any process, also by
//! kill -9. It survives a loss of power only as far as the disk of the cluster does, because the
//! cluster does not sync. It is kept once and in order whatever the client or the cluster does.
//! Many processes append intents side by side; a partition of outcomes is written by the one that
//! owns it, and who takes it over ends the writing of the one before. A topic that came back
//! shorter, or as another one, stops the log and is never passed over.
//!
//! A record of a topic is a block of records of the log, so that offsets of the log are dense
//! whatever else is in the topic: see `frame` for the bytes and `fold` for what counts.

use std::fmt;
use std::sync::Arc;

use boxoffice_topics::{LogId, Offset, PartitionId};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{Durability, Log, LogError, TopicPartition};

mod config;
mod connect;
pub mod data_servers;
mod fold;
mod follower;
mod frame;
mod open;
mod partitions;
mod queue;
mod reader;
pub mod results;
mod sender;
mod state;
mod tail;
#[cfg(test)]
mod tests;
pub mod topics;
mod writer;

pub use config::{FluvioConfig, FluvioTls, FluvioUrl, FluvioUrlInvalid};
pub use reader::FluvioReader;

use self::partitions::{Partition, Partitions};
use self::queue::{Append, Request};
use self::sender::APPEND_BYTES_MAX;
use self::state::Shared;
use self::writer::Errand;

/// A log in a cluster that is open for reading and writing. Clones share it; the last one to go
/// closes it.
#[derive(Clone)]
pub struct FluvioLog {
    shared: Arc<Shared>,
    log_id: LogId,
    dealt: u16,
    partitions: Arc<Partitions>,
}

impl FluvioLog {
    /// Opens a log whose topics were prepared, and reads its partitions to the end. It takes
    /// nothing over from anybody: see [`Log::own`].
    ///
    /// # Errors
    /// [`LogError::Away`] when the cluster does not answer, [`LogError::Mismatch`] when its
    /// topics are missing or have other settings, [`LogError::Diverged`] when records are missing.
    pub async fn open(config: &FluvioConfig) -> Result<Self, LogError> {
        open::open(config).await
    }

    /// Prepares a cluster: makes the topics and begins every partition, and opens the log. What
    /// is prepared already stays as it is.
    ///
    /// # Errors
    /// As [`FluvioLog::open`]; [`LogError::Diverged`] too when a partition of a log that was in
    /// use is empty.
    pub async fn create(config: &FluvioConfig) -> Result<Self, LogError> {
        open::create(config).await
    }

    /// A partition, also one that another process has added: slots may be on their way there before
    /// anybody here was told.
    async fn partition(&self, of: TopicPartition) -> Result<&Partition, LogError> {
        if of.partition.number() >= self.partitions() {
            open::grow(self, open::announced(self).await?).await?;
        }
        self.partitions.get(of)
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
}

impl fmt::Debug for FluvioLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FluvioLog").field("log_id", &self.log_id).finish_non_exhaustive()
    }
}

impl Log for FluvioLog {
    type Reader = FluvioReader;

    fn log_id(&self) -> LogId {
        self.log_id
    }

    fn partitions(&self) -> u16 {
        self.partitions.count()
    }

    fn dealt(&self) -> u16 {
        self.dealt
    }

    /// Adds partitions for every process. One that was opened before finds them when it grows to
    /// the same number.
    async fn grow(&self, partitions: u16) -> Result<(), LogError> {
        open::grow(self, partitions).await
    }

    async fn announced(&self) -> Result<u16, LogError> {
        open::announced(self).await
    }

    async fn own(&self, partition: PartitionId) -> Result<(), LogError> {
        self.partitions.get(TopicPartition::outcomes(partition))?.errand(Errand::Own).await?;
        // Of every outcome before, the intent was acknowledged before: its end comes after.
        self.partitions.get(TopicPartition::intents(partition))?.errand(Errand::Look).await?;
        Ok(())
    }

    async fn disown(&self, partition: PartitionId) -> Result<(), LogError> {
        self.partitions.get(TopicPartition::outcomes(partition))?.errand(Errand::Disown).await?;
        Ok(())
    }

    /// Both durabilities are the same here: a cluster knows one acknowledgement.
    async fn append(
        &self,
        to: TopicPartition,
        records: Vec<Bytes>,
        _durability: Durability,
    ) -> Result<Offset, LogError> {
        let partition = self.partition(to).await?;
        let bytes = frame::records_bytes(&records);
        if bytes > APPEND_BYTES_MAX {
            return Err(LogError::TooLarge { bytes, limit: APPEND_BYTES_MAX });
        }
        let (reply, answer) = oneshot::channel();
        partition.send(Request::Append(Append { records, bytes, reply })).await?;
        answer.await.unwrap_or_else(|_| Err(self.shared.gone()))
    }

    async fn end(&self, of: TopicPartition) -> Result<Offset, LogError> {
        let partition = self.partitions.get(of)?;
        self.shared.check()?;
        Ok(Offset::new(*partition.state.end.borrow()))
    }

    async fn wait_durable(&self, of: TopicPartition, end: Offset) -> Result<(), LogError> {
        let mut acknowledged = self.partitions.get(of)?.state.end.subscribe();
        let mut stop = self.shared.stop.subscribe();
        tokio::select! {
            biased;
            _ = acknowledged.wait_for(|known| *known >= end.number()) => Ok(()),
            _ = stop.wait_for(|stopped| *stopped) => Err(self.shared.gone()),
        }
    }

    async fn read(&self, from: TopicPartition, at: Offset) -> Result<FluvioReader, LogError> {
        let state = &self.partitions.get(from)?.state;
        let end = Offset::new(*state.end.borrow());
        if at > end {
            return Err(LogError::OutOfRange { asked: at, end });
        }
        let (shared, state) = (Arc::clone(&self.shared), Arc::clone(state));
        Ok(FluvioReader::new(shared, state, self.log_id, from, at))
    }
}
