//! One node: the log, its partitions and what they tell each other, the sinks, the payment executor
//! and HTTP, wired together.
//!
//! A node fails as a whole: when the log or a partition stops, nothing may be acknowledged any
//! more, so the process ends and recovers at its next start. Postgres and the payment provider
//! may come and go.

mod background;
mod crew;
mod database;
mod followers;
mod messengers;
mod open;
mod owners;
mod payments;
mod results;
mod sale;
mod sinks;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use boxoffice_ingest::Acceptance;
use boxoffice_log::journal::create_directory;
use boxoffice_log::{AnyLog, Log as _, LogError};
use boxoffice_processors::ownership::{Kind, LeaseTerms, Leases};
use boxoffice_processors::{Checkpoints, DatabaseError, SharedDatabase};
use boxoffice_topics::{LogId, Offset, PartitionId};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::{Config, Database, duration};
use crate::health::{self, Health};
use crate::http::auth::{AuthError, Authenticator, Names, Verifier};
use crate::http::rate_limit::RateLimits;
use crate::http::router::{Front, Services};
use crate::http::server;
use crate::scaling::Scaling;
use crate::tickets::{KeysError, TicketKeys};
use crate::views::{Views, Waiter};

pub use self::crew::Grow;
use self::owners::Owners;
use self::payments::Sandbox;
use self::sale::{Begun, Sale};
use self::sinks::Sinks;
pub use self::sinks::SinksStatus;

/// Folder of the journal in the data directory.
pub const LOG_DIR: &str = "log";
/// Folder of the snapshots in the data directory.
pub const SNAPSHOTS_DIR: &str = "snapshots";
/// Folder of the embedded database in the data directory.
pub const POSTGRES_DIR: &str = "postgres";
/// Folder of the sandbox provider's books in the data directory.
pub const SANDBOX_DIR: &str = "sandbox";

/// A node that cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data directory cannot be made.
    #[error("{}: {error}", .dir.display())]
    DataDir {
        /// The directory.
        dir: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The address cannot be served.
    #[error("listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// More partitions than a log can have.
    #[error("a log has at most {} partitions", boxoffice_topics::partition::PARTITIONS_MAX)]
    TooManyPartitions,
    /// Tokens cannot be verified.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Codes of tickets cannot be signed.
    #[error(transparent)]
    TicketKeys(#[from] KeysError),
    /// There is what was made from a log, and no log.
    #[error("{} is missing, but {} was made from it: restore the log", .log.display(), .beside.display())]
    LogLost {
        /// Where the log was.
        log: PathBuf,
        /// What is still there.
        beside: PathBuf,
    },
    /// The log cannot be opened or has stopped.
    #[error("log: {0}")]
    Log(#[from] LogError),
    /// A partition cannot be recovered or has stopped.
    #[error("partition {partition}: {error}")]
    Partition {
        /// Which.
        partition: PartitionId,
        /// Why.
        error: boxoffice_processors::Error,
    },
    /// The database that the processes of one log share cannot be used.
    #[error("the shared database: {0}")]
    Shared(#[from] DatabaseError),
    /// The payment executor cannot start or has stopped.
    #[error("payments: {0}")]
    Payments(String),
    /// The system gives no thread to the sinks.
    #[error("start the thread of the sinks: {0}")]
    Background(std::io::Error),
    /// Messages between keys are no longer brought.
    #[error("messages of partition {partition}: {error}")]
    Messages {
        /// The partition that sends them.
        partition: PartitionId,
        /// Why.
        error: boxoffice_processors::Error,
    },
    /// Something broke an invariant.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    url: String,
    front: Front,
    config: Config,
    log: AnyLog,
    stop_http: watch::Sender<bool>,
    http: JoinHandle<()>,
    stop_crew: watch::Sender<bool>,
    crew: JoinHandle<Result<(), NodeError>>,
    scaling: JoinHandle<()>,
    sinks: Option<Sinks>,
    sandbox: Option<Sandbox>,
}

/// Gives tokens back to those who wait.
struct Answers(Arc<Views>);

impl Acceptance<Arc<Waiter>> for Answers {
    fn accepted(&self, partition: PartitionId, first: Offset, tokens: Vec<Arc<Waiter>>) {
        self.0.accepted(partition, first, tokens);
    }

    fn refused(&self, error: &LogError, tokens: Vec<Arc<Waiter>>) {
        Views::refused(error, tokens);
    }
}

impl Node {
    /// Starts a node: opens the log, recovers its partitions or reads what others have decided, then
    /// serves.
    ///
    /// # Errors
    /// When a part that selling needs cannot start.
    pub async fn start(config: Config) -> Result<Self, NodeError> {
        // Before anything is measured: what is registered earlier counts for nobody.
        let recorder = health::recorder();
        let dir = &config.data_dir;
        create_directory(dir).map_err(|error| NodeError::DataDir { dir: dir.clone(), error })?;
        let cluster = open::cluster(&config).await?;
        let edge = Edge::open(&config).await?;
        let log = match cluster {
            Some(log) => log,
            None => open::journal(&config).await?.into(),
        };
        let shared = Shared::open(&config, &log).await?;
        let checkpoints = match &shared {
            Some(shared) => shared.checkpoints(),
            None => Checkpoints::new(config.data_dir.join(SNAPSHOTS_DIR)),
        };
        let (states, begun) = Begun::begin(&log, &checkpoints, shared.is_some()).await?;
        let sale = Sale::open(&config, &log, states)?;
        let sandbox = Sandbox::start(&config, &edge.url).await?;
        let sinks = match config.roles.sinks {
            true => Some(sale.start_sinks(&config, &log, sandbox.as_ref(), shared.as_ref())?),
            false => None,
        };
        let leases = shared.as_ref().filter(|_| config.roles.processor);
        let leases = leases.map(|shared| shared.leases(Kind::Processor));
        let mut owners = Owners::new(&log, checkpoints.clone(), leases);
        let decided = begun.start(&sale.views, &mut owners);
        let (grow, grow_asked) = mpsc::channel(1);
        let (scaling, coordinator) = Scaling::new(&sale.views, &sale.ingest, grow);
        let scaling_task = tokio::spawn(coordinator.run());
        let (stop_http, http_stopped) = watch::channel(false);
        let sinks_status = sinks.as_ref().map(|sinks| sinks.status().clone());
        let front = Front::new(Arc::new(Services {
            roles: config.roles,
            authenticator: Authenticator::new(
                edge.verifier,
                Arc::clone(&edge.names),
                &config.limits,
            ),
            rate_limits: RateLimits::start(&config.limits),
            names: edge.names,
            ticket_keys: edge.ticket_keys,
            views: Arc::clone(&sale.views),
            ingest: sale.ingest.clone(),
            log: log.clone(),
            scaling,
            limits: config.limits.clone(),
            health: Health::new(sinks_status, recorder),
            owners: shared.map(|shared| shared.database),
            stop: http_stopped.clone(),
        }));
        let (stop_crew, crew) = sale.crew(&log, checkpoints, owners, decided, grow_asked).start();
        let http = serve_http(edge.listener, front.clone(), &config, http_stopped);
        let (url, scaling) = (edge.url, scaling_task);
        Ok(Self {
            url,
            front,
            config,
            log,
            stop_http,
            http,
            stop_crew,
            crew,
            scaling,
            sinks,
            sandbox,
        })
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the sandbox provider is, when this node runs it.
    #[must_use]
    pub fn sandbox_url(&self) -> Option<&str> {
        self.sandbox.as_ref().map(|sandbox| sandbox.url.as_str())
    }

    /// The configuration it runs with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Answers requests without a connection, for tests.
    #[must_use]
    pub const fn front(&self) -> &Front {
        &self.front
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &AnyLog {
        &self.log
    }

    /// Returns when a part that selling needs has failed: the process must end.
    pub async fn failed(&mut self) -> NodeError {
        let sinks = async {
            match &mut self.sinks {
                Some(sinks) => sinks.failed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut self.crew => match ended {
                Ok(Err(error)) => error,
                Ok(Ok(())) | Err(_) => NodeError::Ended("the partitions"),
            },
            error = sinks => error,
            _ = &mut self.http => NodeError::Ended("HTTP"),
        }
    }

    /// Lets requests in flight end, appends what is queued, decides and publishes it, writes the
    /// rows that have come so far, and closes the log.
    ///
    /// # Errors
    /// The first failure on the way. The rest is still shut down.
    pub async fn shutdown(self) -> Result<(), NodeError> {
        self.stop_http.send_replace(true);
        if !self.http.is_finished() {
            self.http.await.map_err(|_| NodeError::Ended("HTTP"))?;
        }
        if let Some(sinks) = &self.sinks {
            sinks.drain().await;
        }
        // What is planned is planned again; what has left goes on by itself.
        self.scaling.abort();
        self.stop_crew.send_replace(true);
        let mut result = Ok(());
        if !self.crew.is_finished() {
            result = self.crew.await.unwrap_or(Err(NodeError::Ended("the partitions")));
        }
        if let Some(sinks) = self.sinks {
            result = result.and(sinks.shut_down().await);
        }
        let log = self.log;
        let closed = tokio::task::spawn_blocking(move || log.close()).await;
        let closed = closed.map_err(|_| NodeError::Ended("the log"))?;
        result.and(closed.map_err(NodeError::from))
    }
}

/// Where clients come in, and how they are known.
struct Edge {
    names: Arc<Names>,
    ticket_keys: TicketKeys,
    verifier: Verifier,
    listener: TcpListener,
    url: String,
}

impl Edge {
    async fn open(config: &Config) -> Result<Self, NodeError> {
        let names = Arc::new(Names::open_or_create(config.secrets_dir())?);
        let ticket_keys = TicketKeys::open_or_create(config.secrets_dir())?;
        let verifier = Verifier::open(&config.auth, &names).await?;
        let listen = |error| NodeError::Listen { address: config.listen, error };
        let listener = server::bind(config.listen).await.map_err(listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(listen)?);
        Ok(Self { names, ticket_keys, verifier, listener, url })
    }
}

/// What the processes of one log share beside it.
struct Shared {
    database: SharedDatabase,
    log_id: LogId,
    node_name: String,
}

impl Shared {
    /// Nothing, where one process does everything.
    async fn open(config: &Config, log: &AnyLog) -> Result<Option<Self>, NodeError> {
        let Database::Url(url) = &config.database else { return Ok(None) };
        if !config.is_shared() {
            return Ok(None);
        }
        let database = SharedDatabase::open(url).await?;
        let node_name = config.node_name.clone().unwrap_or_else(host_and_process);
        Ok(Some(Self { database, log_id: log.log_id(), node_name }))
    }

    fn checkpoints(&self) -> Checkpoints {
        Checkpoints::in_postgres(&self.database)
    }

    fn leases(&self, kind: Kind) -> Leases {
        let (name, terms) = (self.node_name.clone(), LeaseTerms::default());
        Leases::new(&self.database, self.log_id, kind, name, terms)
    }
}

fn host_and_process() -> String {
    // Elsewhere than on Linux the number alone has to do.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), std::process::id())
}

fn serve_http(
    listener: TcpListener,
    front: Front,
    config: &Config,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let limits = server::Limits {
        connections_max: config.limits.connections_max.get(),
        address_connections_max: config.limits.address_connections_max,
        header_timeout: duration(config.limits.header_timeout_ms),
        write_timeout: duration(config.limits.write_timeout_ms),
        drain_timeout: duration(config.drain_timeout_ms) / 2,
    };
    tokio::spawn(server::serve(listener, front, limits, stop))
}

/// Returns when the flag is set, or when nobody can set it any more.
async fn until(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("the node ended without a signal");
    }
}
