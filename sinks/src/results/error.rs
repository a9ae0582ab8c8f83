//! What can go wrong between the log, the result topics and Postgres.

use boxoffice_log::LogError;
use boxoffice_log::fluvio::results::ResultTopic;
use boxoffice_topics::PartitionId;

use crate::postgres;
use crate::progress::ProgressError;
use crate::runner::Failure;

/// Result topics that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The positions in Postgres, or the way to them.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// The cluster.
    #[error("result topics: {0}")]
    Cluster(LogError),
    /// A topic has lost records or was made again. All of them are written again, from the first
    /// outcome.
    #[error("{}, partition {partition}: it came back shorter", .topic.name())]
    Shorter {
        /// Which topic.
        topic: ResultTopic,
        /// Which partition.
        partition: PartitionId,
    },
    /// A row in Postgres that this program did not write.
    #[error("postgres: {0} cannot be read")]
    Malformed(&'static str),
    /// Something failed before, and the sink was not opened again.
    #[error("the result topics are not open")]
    NotOpen,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Postgres(error.into())
    }
}

impl From<ProgressError> for Error {
    fn from(error: ProgressError) -> Self {
        Self::Postgres(error.into())
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        Self::Cluster(error)
    }
}

impl Failure for Error {
    fn is_retriable(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_retriable(),
            Self::Cluster(error) => matches!(error, LogError::Away(_)),
            Self::Shorter { .. } | Self::NotOpen => true,
            Self::Malformed(_) => false,
        }
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::Postgres(error) => error.error_type(),
            Self::Cluster(LogError::Away(_)) => "cluster_away",
            Self::Cluster(_) => "cluster",
            Self::Shorter { .. } => "topic_shorter",
            Self::Malformed(_) => "malformed",
            Self::NotOpen => "not_open",
        }
    }

    fn is_other_log(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.is_other_log())
    }
}
