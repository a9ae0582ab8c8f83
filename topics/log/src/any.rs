//! A log of the kind that the configuration names.

use boxoffice_topics::{LogId, Offset, PartitionId};
use bytes::Bytes;

#[cfg(feature = "fluvio")]
use crate::fluvio::{FluvioLog, FluvioReader};
use crate::journal::{Journal, JournalReader};
use crate::{Batch, Durability, Log, LogError, LogReader, TopicPartition};

/// The embedded journal or a log in a cluster, chosen when the process starts.
#[derive(Clone, Debug)]
pub enum AnyLog {
    /// In the data directory.
    Journal(Journal),
    /// In a cluster.
    #[cfg(feature = "fluvio")]
    Fluvio(FluvioLog),
}

/// Reads one partition of it.
pub enum AnyReader {
    /// Of the embedded journal.
    Journal(Box<JournalReader>),
    /// Of a log in a cluster.
    #[cfg(feature = "fluvio")]
    Fluvio(FluvioReader),
}

impl AnyLog {
    /// Makes everything durable that was accepted, and accepts nothing more. Blocks meanwhile.
    ///
    /// # Errors
    /// When the log had failed before or fails now.
    pub fn close(&self) -> Result<(), LogError> {
        match self {
            Self::Journal(log) => log.close(),
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.close(),
        }
    }
}

impl From<Journal> for AnyLog {
    fn from(log: Journal) -> Self {
        Self::Journal(log)
    }
}

#[cfg(feature = "fluvio")]
impl From<FluvioLog> for AnyLog {
    fn from(log: FluvioLog) -> Self {
        Self::Fluvio(log)
    }
}

impl Log for AnyLog {
    type Reader = AnyReader;

    fn log_id(&self) -> LogId {
        match self {
            Self::Journal(log) => log.log_id(),
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.log_id(),
        }
    }

    fn partitions(&self) -> u16 {
        match self {
            Self::Journal(log) => log.partitions(),
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.partitions(),
        }
    }

    fn dealt(&self) -> u16 {
        match self {
            Self::Journal(log) => log.dealt(),
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.dealt(),
        }
    }

    async fn grow(&self, partitions: u16) -> Result<(), LogError> {
        match self {
            Self::Journal(log) => log.grow(partitions).await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.grow(partitions).await,
        }
    }

    async fn announced(&self) -> Result<u16, LogError> {
        match self {
            Self::Journal(log) => log.announced().await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.announced().await,
        }
    }

    async fn own(&self, partition: PartitionId) -> Result<(), LogError> {
        match self {
            Self::Journal(log) => log.own(partition).await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.own(partition).await,
        }
    }

    async fn disown(&self, partition: PartitionId) -> Result<(), LogError> {
        match self {
            Self::Journal(log) => log.disown(partition).await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.disown(partition).await,
        }
    }

    async fn append(
        &self,
        to: TopicPartition,
        records: Vec<Bytes>,
        durability: Durability,
    ) -> Result<Offset, LogError> {
        match self {
            Self::Journal(log) => log.append(to, records, durability).await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.append(to, records, durability).await,
        }
    }

    async fn end(&self, of: TopicPartition) -> Result<Offset, LogError> {
        match self {
            Self::Journal(log) => log.end(of).await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.end(of).await,
        }
    }

    async fn wait_durable(&self, of: TopicPartition, end: Offset) -> Result<(), LogError> {
        match self {
            Self::Journal(log) => log.wait_durable(of, end).await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.wait_durable(of, end).await,
        }
    }

    async fn read(&self, from: TopicPartition, at: Offset) -> Result<AnyReader, LogError> {
        match self {
            Self::Journal(log) => {
                log.read(from, at).await.map(|reader| AnyReader::Journal(Box::new(reader)))
            }
            #[cfg(feature = "fluvio")]
            Self::Fluvio(log) => log.read(from, at).await.map(AnyReader::Fluvio),
        }
    }
}

impl LogReader for AnyReader {
    async fn next(&mut self) -> Result<Batch, LogError> {
        match self {
            Self::Journal(reader) => reader.next().await,
            #[cfg(feature = "fluvio")]
            Self::Fluvio(reader) => reader.next().await,
        }
    }
}
