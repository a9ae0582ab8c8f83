//! The database that the processes of one log share: how it is reached, and its schema.
//!
//! It is the sinks' database, and nothing of theirs is touched: everything here is in a schema of
//! its own, and named with it. Unlike theirs, commits are durable: a lease that a crash of the
//! server takes back would have had its epoch twice.

use std::fmt;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Executor, PgConnection, PgPool};

/// Where our tables are.
const SCHEMA: &str = "boxoffice_processors";
/// Where it is noted which migrations have run: the sinks have their own list.
const MIGRATIONS_TABLE: &str = "boxoffice_processors._sqlx_migrations";

/// Connections for snapshots of several partitions at once; each keeps one busy for a second or so.
const CONNECTIONS_MAX: u32 = 2;
/// How long one attempt to get a connection takes at most, so that a server that does not answer
/// is noticed.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// After this long a server that was asked for one statement counts as gone. A piece of a snapshot
/// takes milliseconds, but disks of databases have stood still for seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What every connection needs, however the server is configured. Turns of nodes read what the one
/// before has committed, which only this isolation lets them.
const SESSION: &str =
    "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'";

/// The shared database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The text is not the address of a database.
    #[error("not a postgres:// address: {0}")]
    Address(String),
    /// The database, or the way to it.
    #[error("postgres: {0}")]
    Sql(#[from] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("postgres schema {SCHEMA}: {0}")]
    Schema(MigrateError),
    /// The database did not answer.
    #[error("postgres did not answer in time")]
    TimedOut,
}

impl From<MigrateError> for DatabaseError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::Sql(error)
            }
            other => Self::Schema(other),
        }
    }
}

impl DatabaseError {
    /// Whether the same may succeed later: the server or the way to it was the reason.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Address(_) | Self::Schema(_) => false,
            Self::TimedOut => true,
            Self::Sql(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| RETRIABLE.iter().any(|it| code.starts_with(it)))
            }
            Self::Sql(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::WorkerCrashed
            ),
        }
    }
}

/// Classes of SQLSTATE that say something of the server's moment and nothing of the statement:
/// connection, rollback, resources, operator, system; and a server that is read-only for now.
const RETRIABLE: [&str; 6] = ["08", "40", "53", "57", "58", "25006"];

/// The database that the processes of one log share. Clones share its connections.
#[derive(Clone)]
pub struct SharedDatabase {
    pool: PgPool,
}

impl fmt::Debug for SharedDatabase {
    /// Without the password, which the options would show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.pool.connect_options();
        let (host, port) = (options.get_host(), options.get_port());
        let database = options.get_database().unwrap_or_default();
        write!(f, "SharedDatabase({host}:{port}/{database})")
    }
}

impl SharedDatabase {
    /// Opens the database at a `postgres://` address, and brings our schema up to date. Several
    /// processes may do so at once.
    ///
    /// # Errors
    /// When the address is none, or the database cannot be reached or changed.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(DatabaseError::Address("it must begin with postgres://".into()));
        }
        let options: PgConnectOptions =
            url.parse().map_err(|error: sqlx::Error| DatabaseError::Address(error.to_string()))?;
        let options = options.application_name("boxoffice processors");
        let database = Self { pool: pool(options, CONNECTIONS_MAX) };
        database.migrate().await?;
        Ok(database)
    }

    async fn migrate(&self) -> Result<(), DatabaseError> {
        let mut migrator: Migrator = sqlx::migrate!("./migrations");
        migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
        migrator.create_schema(SCHEMA);
        // A newer program may have been here: its migrations work with the one that ran before, and
        // that one must be able to start again while nodes are replaced one by one.
        migrator.set_ignore_missing(true);
        // On a connection of its own: whatever fails, the lock that it takes ends with it.
        let alone = pool(PgConnectOptions::clone(&self.pool.connect_options()), 1);
        let migrated = migrator.run(&alone).await;
        alone.close().await;
        Ok(migrated?)
    }

    /// Connections for work that may wait for one.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection that nobody shares.
    pub(crate) async fn connect(&self) -> Result<PgConnection, DatabaseError> {
        let mut connection = self.pool.connect_options().connect().await?;
        connection.execute(SESSION).await?;
        Ok(connection)
    }
}

/// Connections, none of which is made yet.
fn pool(options: PgConnectOptions, connections_max: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SESSION).await.map(drop) })
        })
        .connect_lazy_with(options)
}

/// Gives up on a server that does not answer.
pub(crate) async fn in_time<T, E: Into<DatabaseError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(DatabaseError::TimedOut),
    }
}
