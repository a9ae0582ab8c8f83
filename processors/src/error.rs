//! Why a partition stops.

use std::path::PathBuf;

use boxoffice_log::{LogError, TopicPartition};
use boxoffice_topics::envelope::{ChainHash, EnvelopeError};
use boxoffice_topics::{LogId, Offset, PartitionId};

/// A partition that cannot go on. Only a restart, or somebody who looks, can help.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log failed.
    #[error("the log failed: {0}")]
    Log(#[from] LogError),
    /// The log gave another record than the next one.
    #[error("{topic}: offset {found} came where {expected} was expected")]
    OffsetUnexpected {
        /// Of which topic and partition.
        topic: TopicPartition,
        /// The next offset.
        expected: Offset,
        /// What came.
        found: Offset,
    },
    /// A record belongs to another log.
    #[error("{topic}: offset {offset} belongs to log {found}, not to {expected}")]
    OtherLog {
        /// Of which topic and partition.
        topic: TopicPartition,
        /// Where.
        offset: Offset,
        /// The log that was opened.
        expected: LogId,
        /// The log that the record names.
        found: LogId,
    },
    /// A record that this program wrote cannot be read.
    #[error("{topic}: offset {offset} cannot be read: {error}")]
    Unreadable {
        /// Of which topic and partition.
        topic: TopicPartition,
        /// Where.
        offset: Offset,
        /// Why.
        error: EnvelopeError,
    },
    /// There are outcomes of intents that are not there: the intents topic has lost records.
    #[error(
        "partition {partition}: outcomes end at {outcomes_end}, after the intents at {intents_end}"
    )]
    OutcomesAhead {
        /// Which partition.
        partition: PartitionId,
        /// End of the outcomes topic.
        outcomes_end: Offset,
        /// End of the intents topic.
        intents_end: Offset,
    },
    /// A snapshot knows intents that are not there: the intents topic has lost records.
    #[error(
        "partition {partition}: a snapshot is at {snapshot}, after the intents at {intents_end}"
    )]
    SnapshotAhead {
        /// Which partition.
        partition: PartitionId,
        /// The next offset of the snapshot.
        snapshot: Offset,
        /// End of the intents topic.
        intents_end: Offset,
    },
    /// The log is not the one that the snapshots beside it were made from.
    #[error("{} was made from log {found}, but the log is {expected}: restore the log", .path.display())]
    SnapshotOfOtherLog {
        /// The snapshot.
        path: PathBuf,
        /// The log that was opened.
        expected: LogId,
        /// The log that the snapshot names.
        found: LogId,
    },
    /// Deciding again led to another outcome than the published one.
    #[error(
        "partition {partition}: the step at {offset} was published with hash {published} \
         and is now decided with hash {decided}"
    )]
    Diverged {
        /// Which partition.
        partition: PartitionId,
        /// Place of the input.
        offset: Offset,
        /// The chained hash in the outcomes topic.
        published: ChainHash,
        /// The chained hash of what is decided now.
        decided: ChainHash,
    },
    /// A published step does not follow from the one before it.
    #[error(
        "{topic}: the step at {offset} has hash {found}, but what is before it leads to {expected}"
    )]
    ChainBroken {
        /// Of which topic and partition.
        topic: TopicPartition,
        /// Place of the input.
        offset: Offset,
        /// The chained hash that follows from the steps before it and its payload.
        expected: ChainHash,
        /// The chained hash that it names.
        found: ChainHash,
    },
}

impl Error {
    /// Whether the same may succeed later in this process.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retriable(),
            Self::OffsetUnexpected { .. }
            | Self::OtherLog { .. }
            | Self::Unreadable { .. }
            | Self::OutcomesAhead { .. }
            | Self::SnapshotAhead { .. }
            | Self::SnapshotOfOtherLog { .. }
            | Self::Diverged { .. }
            | Self::ChainBroken { .. } => false,
        }
    }
}
