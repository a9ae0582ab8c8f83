//! PostgreSQL in this process, with its data in a directory: the default where nobody has
//! installed a server.
//!
//! It serves one connection at a time, so its pool has one.

use std::path::Path;

use pglite_oxide::PgliteServer;
use sqlx::PgPool;

use super::config::DatabaseUrl;
use super::error::Error;

/// A database in this process. It ends with [`Embedded::stop`], or when it is dropped after its
/// pool was closed.
pub struct Embedded {
    server: PgliteServer,
    pool: PgPool,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("root", &self.server.root()).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Starts the database in a directory, which is made when it does not exist.
    ///
    /// # Errors
    /// When the directory cannot be used, or another process uses it.
    pub async fn start(directory: &Path) -> Result<Self, Error> {
        let directory = directory.to_owned();
        let start = move || PgliteServer::builder().path(directory).start();
        let server = tokio::task::spawn_blocking(start)
            .await
            .map_err(embedded)?
            .map_err(|error| Error::Embedded(format!("{error:#}")))?;
        let url: DatabaseUrl = server.connection_uri().parse().map_err(embedded)?;
        Ok(Self { server, pool: url.pool_of(1) })
    }

    /// The pool of its one connection.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Its address, for a program that wants to look at it while the pool is closed.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.connection_uri()
    }

    /// Closes the connection and ends the database.
    ///
    /// # Errors
    /// When the database did not end well.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { server, pool } = self;
        pool.close().await;
        tokio::task::spawn_blocking(move || server.shutdown())
            .await
            .map_err(embedded)?
            .map_err(|error| Error::Embedded(format!("{error:#}")))
    }
}

fn embedded(error: impl std::fmt::Display) -> Error {
    Error::Embedded(error.to_string())
}
