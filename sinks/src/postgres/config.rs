//! How to reach the database.

use std::str::FromStr;
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

/// Connections of a pool on a server: the sink has one, the audit another.
const SERVER_CONNECTIONS_MAX: u32 = 2;
/// How long one attempt to get a connection takes at most, so that a server that does not answer
/// is noticed.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Where a database is, checked.
#[derive(Clone, Debug)]
pub struct DatabaseUrl(PgConnectOptions);

/// The text is not the address of a database.
#[derive(Debug, thiserror::Error)]
#[error("not a postgres:// address: {0}")]
pub struct DatabaseUrlInvalid(String);

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: &str| DatabaseUrlInvalid(reason.into());
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(invalid("it must begin with postgres://"));
        }
        let options: PgConnectOptions =
            text.parse().map_err(|error: sqlx::Error| invalid(&error.to_string()))?;
        Ok(Self(options.application_name("boxoffice")))
    }
}

impl DatabaseUrl {
    /// A pool of connections to a server. None is made yet: the server may be away.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        self.pool_of(SERVER_CONNECTIONS_MAX)
    }

    /// A pool of this many connections, none of which is made yet.
    pub(super) fn pool_of(&self, connections_max: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // A transaction that the server forgets takes its progress along, and the
                    // sink finds that out and writes it again: nobody has to wait for the disk.
                    connection.execute("SET synchronous_commit = off").await.map(drop)
                })
            })
            .connect_lazy_with(self.0.clone())
    }
}
