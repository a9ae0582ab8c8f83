//! The durable log: topics of partitions of records with dense offsets.
//!
//! The traits are shaped by what a distributed log can keep: batches are atomic, an append is
//! acknowledged as a whole, positions belong to the reader. What a record means is none of this
//! crate's business; it keeps bytes.

use std::fmt;
use std::future::Future;

use boxoffice_topics::{LogId, Offset, PartitionId};
use bytes::Bytes;

mod any;
mod error;
#[cfg(feature = "fluvio")]
pub mod fluvio;
pub mod journal;
pub mod memory;
mod metric_definitions;

pub use any::{AnyLog, AnyReader};
pub use error::LogError;

/// The two topics of the pipeline. Numbers are part of the journal's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Topic {
    /// What was asked: the only truth.
    Intents = 1,
    /// What was decided: derived from the intents.
    Outcomes = 2,
}

impl Topic {
    /// Both topics.
    pub const ALL: [Self; 2] = [Self::Intents, Self::Outcomes];

    /// The topic's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intents => "intents",
            Self::Outcomes => "outcomes",
        }
    }
}

/// One partition of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Which topic.
    pub topic: Topic,
    /// Which of its partitions.
    pub partition: PartitionId,
}

impl TopicPartition {
    /// A partition of the intents topic.
    #[must_use]
    pub const fn intents(partition: PartitionId) -> Self {
        Self { topic: Topic::Intents, partition }
    }

    /// A partition of the outcomes topic.
    #[must_use]
    pub const fn outcomes(partition: PartitionId) -> Self {
        Self { topic: Topic::Outcomes, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic.name(), self.partition)
    }
}

/// When an append is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the records are on stable storage.
    Synced,
    /// When readers can see them. For records that can be derived again: they become durable
    /// with the next synced append.
    Written,
}

/// Records side by side in one partition.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Offset of the first record.
    pub first: Offset,
    /// The records, never empty.
    pub records: Vec<Bytes>,
}

impl Batch {
    /// The offset after the last record.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.first.plus(self.records.len() as u64)
    }

    /// Every record with its offset.
    pub fn iter(&self) -> impl Iterator<Item = (Offset, &Bytes)> {
        (0..).map(|index| self.first.plus(index)).zip(&self.records)
    }
}

/// A log. Every partition of either topic begins with a genesis record at offset zero.
pub trait Log: Clone + Send + Sync + 'static {
    /// Reads one partition.
    type Reader: LogReader;

    /// The log's random name, as its genesis records have it.
    fn log_id(&self) -> LogId;

    /// How many partitions each topic has by now.
    fn partitions(&self) -> u16;

    /// How many partitions each topic had when the log was made: slots were dealt to those.
    fn dealt(&self) -> u16 {
        self.partitions()
    }

    /// Adds partitions until each topic has so many. What is there stays as it is; a log that has
    /// as many already does nothing.
    ///
    /// # Errors
    /// [`LogError::Full`] when nothing was added and a later try may succeed,
    /// [`LogError::TooLarge`] and [`LogError::Mismatch`] when no try can succeed; any other error
    /// means that the log has stopped.
    fn grow(&self, partitions: u16) -> impl Future<Output = Result<(), LogError>> + Send {
        let has = self.partitions();
        let why = || LogError::Mismatch(format!("this log keeps its {has} partitions").into());
        std::future::ready(if partitions <= has { Ok(()) } else { Err(why()) })
    }

    /// How many partitions each topic has by now, also by what another process has added. This process
    /// has those when it has grown to as many.
    ///
    /// # Errors
    /// As [`Log::append`].
    fn announced(&self) -> impl Future<Output = Result<u16, LogError>> + Send {
        std::future::ready(Ok(self.partitions()))
    }

    /// Makes this process the only one that writes outcomes of a partition, and the ends of both
    /// its topics certain: they cover what was acknowledged to anybody before. Whoever wrote
    /// there until now is replaced. A log that one process has open needs none of this.
    ///
    /// # Errors
    /// [`LogError::Away`] when it did not come about and a later try may succeed; else as
    /// [`Log::append`].
    fn own(&self, _partition: PartitionId) -> impl Future<Output = Result<(), LogError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Gives up what [`Log::own`] has made.
    ///
    /// # Errors
    /// When the log has stopped.
    fn disown(&self, _partition: PartitionId) -> impl Future<Output = Result<(), LogError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Appends records side by side and returns the offset of the first, when they are as
    /// durable as was asked. Batches that are appended to one partition one after another keep
    /// their order.
    ///
    /// Dropping the future does not take the records back. Without records nothing is appended:
    /// the answer is the end of the partition, once all before it is as durable as was asked.
    ///
    /// # Errors
    /// [`LogError::Full`] when nothing was appended and a later try may succeed,
    /// [`LogError::TooLarge`] and [`LogError::Mismatch`] when nothing was appended and no try can
    /// succeed, also to outcomes of a partition that this process does not own;
    /// [`LogError::Replaced`] when another process owns it by now: the outcome is unknown and the
    /// rest of the log goes on. Any other error means that the outcome is unknown and the log
    /// accepts nothing more.
    fn append(
        &self,
        to: TopicPartition,
        records: Vec<Bytes>,
        durability: Durability,
    ) -> impl Future<Output = Result<Offset, LogError>> + Send;

    /// The offset after the last record that readers can see. Of what other processes write, it
    /// covers what was read here: an append without records finds out the rest.
    ///
    /// # Errors
    /// When the log has stopped or cannot say for certain.
    fn end(&self, of: TopicPartition) -> impl Future<Output = Result<Offset, LogError>> + Send;

    /// Returns when every record before `end` is on stable storage.
    ///
    /// # Errors
    /// When the log has stopped: those records may be lost.
    fn wait_durable(
        &self,
        of: TopicPartition,
        end: Offset,
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Opens a reader at an offset, which may be the end.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] beyond the end.
    fn read(
        &self,
        from: TopicPartition,
        at: Offset,
    ) -> impl Future<Output = Result<Self::Reader, LogError>> + Send;
}

/// Follows one partition.
pub trait LogReader: Send + 'static {
    /// The next records, without a gap. Waits at the tail. Records may be written but not yet
    /// durable: see [`Log::wait_durable`]. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the log has stopped, or is damaged at the reader's position.
    fn next(&mut self) -> impl Future<Output = Result<Batch, LogError>> + Send;
}
