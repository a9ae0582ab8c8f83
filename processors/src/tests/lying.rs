//! A log with a planted bug: the checks of crashes must find it.

use boxoffice_log::memory::{MemoryLog, MemoryReader};
use boxoffice_log::{Durability, Log, LogError, TopicPartition};
use boxoffice_topics::{LogId, Offset};
use bytes::Bytes;

/// What the log does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// Nothing.
    Nothing,
    /// It acknowledges an append as synced that is only written.
    Append,
    /// It says that everything is durable.
    WaitDurable,
}

/// A log in memory that lies.
#[derive(Clone)]
pub(super) struct LyingLog {
    pub(super) log: MemoryLog,
    pub(super) lie: Lie,
}

impl Log for LyingLog {
    type Reader = MemoryReader;

    fn log_id(&self) -> LogId {
        self.log.log_id()
    }

    fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    async fn append(
        &self,
        to: TopicPartition,
        records: Vec<Bytes>,
        durability: Durability,
    ) -> Result<Offset, LogError> {
        let durability = if self.lie == Lie::Append { Durability::Written } else { durability };
        self.log.append(to, records, durability).await
    }

    async fn end(&self, of: TopicPartition) -> Result<Offset, LogError> {
        self.log.end(of).await
    }

    async fn wait_durable(&self, of: TopicPartition, end: Offset) -> Result<(), LogError> {
        if self.lie == Lie::WaitDurable {
            return Ok(());
        }
        self.log.wait_durable(of, end).await
    }

    async fn read(&self, from: TopicPartition, at: Offset) -> Result<MemoryReader, LogError> {
        self.log.read(from, at).await
    }
}
