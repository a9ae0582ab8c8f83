//! PostgreSQL for tests, from the first of three places that has one:
//!
//! 1. the server at `BOXOFFICE_TEST_POSTGRES_URL`, whose user may create databases;
//! 2. a container, where a Docker daemon answers: of the image `BOXOFFICE_TEST_POSTGRES_IMAGE`
//!    (`name:tag`), or of the one that `tests/images/build.sh` makes;
//! 3. the installed server binaries, in a temporary directory.
//!
//! Every test gets a database of its own. Tests that take the server away start their own server.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, query_scalar};
use tokio::sync::OnceCell;

use crate::guard::Guard;

mod binaries;
mod container;

/// Names the server that every test of this run shares.
pub const URL_VARIABLE: &str = "BOXOFFICE_TEST_POSTGRES_URL";

/// User and password of the servers that are started here.
const USER: &str = "postgres";
const PASSWORD: &str = "postgres";

/// Starting takes two seconds on an idle machine; a busy one with a cold disk has taken twenty.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A service that could not be started, stopped or asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The operating system refused.
    #[error("{context}: {error}")]
    Io {
        /// What was being done.
        context: String,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// A program ended in a way that it should not.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which program.
        program: String,
        /// The end of what it wrote.
        output: String,
    },
    /// The container could not be started, stopped or asked.
    #[error("container: {0}")]
    Container(#[from] testcontainers::TestcontainersError),
    /// The server could not be asked.
    #[error("postgres: {0}")]
    Sql(#[from] sqlx::Error),
    /// There is no PostgreSQL to be had on this machine.
    #[error(
        "no PostgreSQL: {URL_VARIABLE} is not set, no container could be started, \
         and no server binaries are installed"
    )]
    Nowhere,
}

impl ServiceError {
    fn io(context: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        |error| Self::Io { context: context.into(), error }
    }
}

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    origin: Origin,
    /// URL of the server's own database, without the database's name.
    base_url: String,
}

#[derive(Debug)]
enum Origin {
    Elsewhere,
    Container(Box<container::Container>),
    Binaries(binaries::Binaries),
}

impl Postgres {
    /// The server of the environment, or else a new one that nobody shares.
    ///
    /// # Errors
    /// When there is none to be had, or it does not start.
    pub async fn start() -> Result<Self, ServiceError> {
        match std::env::var(URL_VARIABLE) {
            Ok(url) => Ok(Self { origin: Origin::Elsewhere, base_url: without_database(&url) }),
            Err(_) => Self::start_own().await,
        }
    }

    /// A new server, which may be stopped and killed.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_own() -> Result<Self, ServiceError> {
        match Self::start_in_container().await {
            Ok(server) => Ok(server),
            Err(error) if container::image_from_environment().is_some() => Err(error),
            Err(error) => {
                let line = format!("no PostgreSQL container, trying installed binaries: {error}");
                // Without a place to write, the line is lost and the tests go on.
                drop(writeln!(std::io::stderr(), "{line}"));
                Self::start_from_binaries().await
            }
        }
    }

    /// A new server in a container.
    ///
    /// # Errors
    /// When no Docker daemon answers, or it does not have the image.
    pub async fn start_in_container() -> Result<Self, ServiceError> {
        let container = container::Container::start().await?;
        let base_url = base_url(container.port());
        Self { origin: Origin::Container(Box::new(container)), base_url }.ready().await
    }

    /// A new server from the installed binaries.
    ///
    /// # Errors
    /// When none are installed, or they fail.
    pub async fn start_from_binaries() -> Result<Self, ServiceError> {
        let binaries = binaries::Binaries::start()?;
        let base_url = base_url(binaries.port());
        Self { origin: Origin::Binaries(binaries), base_url }.ready().await
    }

    /// URL of the server's own database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/postgres", self.base_url)
    }

    /// Stops the server as an operator would: transactions in flight are rolled back.
    ///
    /// # Errors
    /// When it does not stop.
    ///
    /// # Panics
    /// When the server is somebody else's.
    pub async fn stop(&mut self) -> Result<(), ServiceError> {
        match &mut self.origin {
            Origin::Elsewhere => panic!("the server of the environment is not ours to stop"),
            Origin::Container(container) => container.stop().await,
            Origin::Binaries(binaries) => binaries.stop(),
        }
    }

    /// Kills the server in the middle of whatever it does.
    ///
    /// # Errors
    /// When it cannot be killed.
    ///
    /// # Panics
    /// When the server is somebody else's.
    pub async fn kill(&mut self) -> Result<(), ServiceError> {
        match &mut self.origin {
            Origin::Elsewhere => panic!("the server of the environment is not ours to kill"),
            Origin::Container(container) => container.kill().await,
            Origin::Binaries(binaries) => binaries.kill(),
        }
    }

    /// Starts the server again, with its data and at its old address.
    ///
    /// # Errors
    /// When it does not start.
    ///
    /// # Panics
    /// When the server is somebody else's.
    pub async fn start_again(&mut self) -> Result<(), ServiceError> {
        match &mut self.origin {
            Origin::Elsewhere => panic!("the server of the environment is not ours to start"),
            Origin::Container(container) => container.start_again().await?,
            Origin::Binaries(binaries) => binaries.spawn()?,
        }
        self.wait_until_ready().await
    }

    /// A new, empty database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&self) -> Result<Database, ServiceError> {
        let name = format!("boxoffice_{}", uuid::Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&self.url()).await?;
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        connection.close().await?;
        let lasting = matches!(self.origin, Origin::Elsewhere);
        Ok(Database {
            url: format!("{}/{name}", self.base_url),
            server: lasting.then(|| self.url()),
            name,
        })
    }

    async fn ready(mut self) -> Result<Self, ServiceError> {
        self.wait_until_ready().await?;
        Ok(self)
    }

    /// Whether it answers. Another test may have taken the port first: its server is none of ours, and
    /// ends when that test does.
    async fn answers(&self) -> Result<bool, sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url()).await?;
        let is_own = match &self.origin {
            Origin::Binaries(binaries) => {
                let asked = query_scalar::<_, String>("SHOW data_directory");
                binaries.data_directory() == Path::new(&asked.fetch_one(&mut connection).await?)
            }
            _ => true,
        };
        connection.close().await?;
        Ok(is_own)
    }

    async fn wait_until_ready(&mut self) -> Result<(), ServiceError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match self.answers().await {
                Ok(true) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Ok(false) | Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
            }
            if let Origin::Binaries(binaries) = &mut self.origin {
                binaries.respawn_if_ended(deadline)?;
            }
        }
    }
}

/// A database of one test, dropped with it.
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    /// URL of the server, when the server outlives the test.
    server: Option<String>,
}

impl Database {
    /// A new database on the server that all tests of this process share.
    ///
    /// # Panics
    /// When there is no server to be had: a test cannot go on without.
    pub async fn fresh() -> Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        let server = SHARED.get_or_try_init(Postgres::start).await;
        let server = server.unwrap_or_else(|error| panic!("start PostgreSQL: {error}"));
        server.database().await.unwrap_or_else(|error| panic!("create a database: {error}"))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let work = async move {
            let mut connection = PgConnection::connect(&server).await?;
            connection.execute(AssertSqlSafe(statement)).await?;
            connection.close().await
        };
        // The test's own runtime may be the one that is going down, so another one does it. A
        // database that cannot be dropped is left to the owner of the server.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            drop(std::thread::spawn(move || runtime.block_on(work)).join());
        }
    }
}

fn base_url(port: u16) -> String {
    format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}")
}

/// `postgres://user@host/name?options` without `/name?options`.
fn without_database(url: &str) -> String {
    let authority = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[authority..].find(['/', '?']).map_or(url.len(), |length| authority + length);
    url[..end].to_owned()
}

/// A port that is free now.
///
/// # Panics
/// When the machine has none left.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn guard() -> Result<Guard, ServiceError> {
    Guard::new().map_err(ServiceError::io("make a temporary directory"))
}
