//! What can go wrong between the log and Postgres, and whether time heals it.

use boxoffice_log::LogError;
use sqlx::migrate::MigrateError;
use uuid::Uuid;

use crate::progress::ProgressError;
use crate::runner::Failure;

/// A projection that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database, or the way to it.
    #[error("postgres: {0}")]
    Database(sqlx::Error),
    /// The database was never written, or has lost a table in a crash.
    #[error("postgres: {reason}: start the node, or run `boxoffice rebuild postgres`")]
    TableMissing {
        /// What the database said.
        reason: String,
    },
    /// The database did not answer.
    #[error("postgres did not answer in time")]
    TimedOut,
    /// The schema is not the one of this program.
    #[error("postgres schema: {0}")]
    Schema(MigrateError),
    /// The rows do not come from this log.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// The progress in the database is not where this sink left it: another sink is writing, or
    /// the server lost a transaction when it crashed. Where it stands is read again.
    #[error("the progress in postgres moved")]
    ProgressMoved,
    /// A step is about a row that is not there.
    #[error("postgres lacks a row of {table}, {key}: rebuild the projection")]
    RowMissing {
        /// Which table.
        table: &'static str,
        /// The row's key.
        key: String,
    },
    /// A step is about a place that its performance does not have.
    #[error("order {order} is for a place that its performance does not have")]
    PlaceUnknown {
        /// Which order.
        order: String,
    },
    /// A definition in the database cannot be read.
    #[error("definition of performance {performance}: {reason}")]
    DefinitionMalformed {
        /// Which performance.
        performance: Uuid,
        /// What is wrong with it.
        reason: String,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database in process.
    #[cfg(feature = "embedded-postgres")]
    #[error("embedded postgres: {0}")]
    Embedded(String),
}

/// SQLSTATE `undefined_table`.
const UNDEFINED_TABLE: &str = "42P01";

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(said) if said.code().as_deref() == Some(UNDEFINED_TABLE) => {
                Self::TableMissing { reason: said.message().to_owned() }
            }
            _ => Self::Database(error),
        }
    }
}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Schema(other),
        }
    }
}

impl Failure for Error {
    fn is_retriable(&self) -> bool {
        match self {
            Self::Database(error) => is_retriable(error),
            Self::ProgressMoved | Self::TimedOut => true,
            _ => false,
        }
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::Database(sqlx::Error::Database(error)) => match error.code().as_deref() {
                Some("40001" | "40P01") => "serialization",
                Some(code) if code.starts_with("53") => "resources",
                Some(code) if code.starts_with("57") => "shutdown",
                _ => "database",
            },
            Self::Database(_) | Self::TimedOut => "connection",
            Self::ProgressMoved => "progress_moved",
            Self::Schema(_) => "schema",
            Self::Progress(_) => "progress",
            _ => "projection",
        }
    }

    fn is_other_log(&self) -> bool {
        matches!(self, Self::Progress(ProgressError::OtherLog { .. }))
    }
}

/// Classes of SQLSTATE that say something of the server's moment and nothing of the statement:
/// connection, rollback, resources, operator, system; and a server that is read-only for now.
const RETRIABLE_CODES: [&str; 7] = ["08", "40", "53", "57", "58", "25006", "55P03"];

fn is_retriable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| RETRIABLE_CODES.iter().any(|class| code.starts_with(class))),
        // A connection that breaks in the middle of an answer looks like a protocol error.
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}
