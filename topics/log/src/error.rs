//! What can go wrong with a log.

use std::path::PathBuf;
use std::sync::Arc;

use boxoffice_topics::Offset;

use crate::TopicPartition;

/// A log that cannot do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Nothing was appended: the disk is full. A later try may succeed.
    #[error("the disk is full")]
    Full,
    /// Nothing was appended: the cluster does not answer. A later try may succeed.
    #[error("the cluster is away: {0}")]
    Away(Arc<str>),
    /// The log is not the one that it was: it is shorter, or another one under the same name.
    #[error("the log is not the one that it was: {0}")]
    Diverged(Arc<str>),
    /// The log accepts and acknowledges nothing more.
    #[error("the log has stopped: {0}")]
    Stopped(Arc<str>),
    /// Another process has taken the partition over, and this one no longer writes to it. The
    /// log goes on.
    #[error("another process writes to {0} now")]
    Replaced(TopicPartition),
    /// Another process has the log open.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// Bytes that were durable have changed.
    #[error("{} is damaged at byte {position}: {reason}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The first byte of the damaged part.
        position: u64,
        /// What is wrong there.
        reason: Arc<str>,
    },
    /// The records can never be appended together. Nothing was appended.
    #[error("an append of {bytes} bytes is larger than the limit, {limit}")]
    TooLarge {
        /// What the append takes in the log.
        bytes: u64,
        /// What an append may take.
        limit: u64,
    },
    /// The offset is beyond the end of the partition.
    #[error("offset {asked} is beyond the end, {end}")]
    OutOfRange {
        /// The offset that was asked for.
        asked: Offset,
        /// The end of the partition.
        end: Offset,
    },
    /// The log on disk is of another shape than was asked for.
    #[error("{0}")]
    Mismatch(Arc<str>),
    /// The operating system refused.
    #[error("{context}: {error}")]
    Io {
        /// What was being done.
        context: Arc<str>,
        /// What the operating system said.
        error: Arc<std::io::Error>,
    },
}

impl LogError {
    pub(crate) fn io(context: impl Into<Arc<str>>, error: std::io::Error) -> Self {
        Self::Io { context: context.into(), error: Arc::new(error) }
    }

    /// Whether the same call may succeed later on the same log.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Full | Self::Away(_))
    }
}
