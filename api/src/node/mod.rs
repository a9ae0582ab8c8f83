//! One node: the log, its partitions and what they tell each other, the sinks, the payment executor
//! and HTTP, wired together.
//!
//! A node fails as a whole: when the log or a partition stops, nothing may be acknowledged any
//! more, so the process ends and recovers at its next start. Postgres and the payment provider
//! may come and go.

mod background;
mod crew;
mod database;
mod messengers;
mod payments;
mod results;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_core::State;
use boxoffice_ingest::Acceptance;
#[cfg(feature = "fluvio")]
use boxoffice_log::TopicPartition;
#[cfg(feature = "fluvio")]
use boxoffice_log::fluvio::FluvioLog;
use boxoffice_log::journal::{Journal, JournalConfig, create_directory};
use boxoffice_log::{AnyLog, Log as _, LogError};
use boxoffice_processors::{Checkpoints, Recovered, owners, recover};
use boxoffice_topics::{LogId, Offset, PartitionId, PartitionMap, Routes};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::config::{Config, Limits, duration};
use crate::health::{self, Health};
use crate::http::auth::{AuthError, Authenticator, Names, Verifier};
use crate::http::rate_limit::RateLimits;
use crate::http::router::{Front, Services};
use crate::http::server;
use crate::log_store::LogStore;
#[cfg(feature = "fluvio")]
use crate::log_store::fluvio_config;
use crate::scaling::Scaling;
use crate::tickets::{KeysError, TicketKeys};
use crate::views::{Subscribers, Views, Waiter};

use self::background::Background;
use self::crew::Crew;
pub use self::crew::Grow;
use self::payments::Payments;

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
    payments: Payments,
    stop_sink: watch::Sender<bool>,
    sinks: Vec<JoinHandle<()>>,
    _background: Background,
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
    /// Starts a node: opens the log, recovers every partition, then serves.
    ///
    /// # Errors
    /// When a part that selling needs cannot start.
    pub async fn start(config: Config) -> Result<Self, NodeError> {
        // Before anything is measured: what is registered earlier counts for nobody.
        let recorder = health::recorder();
        let dir = &config.data_dir;
        create_directory(dir).map_err(|error| NodeError::DataDir { dir: dir.clone(), error })?;
        let map = PartitionMap::dealt(config.partitions).ok_or(NodeError::TooManyPartitions)?;
        let cluster = open_cluster(&config).await?;
        let names = Arc::new(Names::open_or_create(dir)?);
        let ticket_keys = TicketKeys::open_or_create(dir)?;
        let verifier = Verifier::open(&config.auth, &names).await?;
        let listen = |error| NodeError::Listen { address: config.listen, error };
        let listener = server::bind(config.listen).await.map_err(listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(listen)?);
        let log = match cluster {
            Some(log) => log,
            None => open_journal(&config).await?.into(),
        };
        let checkpoints = Checkpoints::new(dir.join(SNAPSHOTS_DIR));
        let recovered = recover_all(&log, &checkpoints).await?;

        let states: Vec<State> = recovered.iter().map(|it| it.state.clone()).collect();
        let pending = payments::pending(&states);
        let map = owners(&map, &states.iter().collect::<Vec<_>>());
        let routes = Arc::new(Routes::new(&map));
        let views = Arc::new(replicas(&config.limits, log.log_id(), map, &routes, states));
        let answers = Arc::new(Answers(Arc::clone(&views)));
        let ingest_config = boxoffice_ingest::Config::default();
        let (ingest, appenders) = boxoffice_ingest::start(&log, routes, &ingest_config, &answers);
        let payments = Payments::start(&config, &url, &log, &views, &ingest, pending).await?;

        let background = Background::start().map_err(NodeError::Background)?;
        let (stop_sink, sink_stopped) = watch::channel(false);
        let (results, results_status) =
            results::start_watched(&config, &log, &background, sink_stopped.clone()).unzip();
        let (sink, sink_status) = database::start(&config, &log, &background, sink_stopped).unzip();
        let (crew, grow) = Crew::new(&log, &views, (&ingest, appenders), answers, checkpoints);
        let (stop_crew, crew) = crew.start(recovered);
        let (scaling, coordinator) = Scaling::new(&views, &ingest, grow);
        let scaling_task = tokio::spawn(coordinator.run());
        let (stop_http, http_stopped) = watch::channel(false);
        let front = Front::new(Arc::new(Services {
            authenticator: Authenticator::new(verifier, Arc::clone(&names), &config.limits),
            rate_limits: RateLimits::start(&config.limits),
            names,
            ticket_keys,
            views,
            ingest,
            log: log.clone(),
            scaling,
            limits: config.limits.clone(),
            health: Health::new(sink_status, results_status, payments.handle().clone(), recorder),
            stop: http_stopped.clone(),
        }));
        let http = serve_http(listener, front.clone(), &config, http_stopped);
        Ok(Self {
            url,
            front,
            config,
            log,
            stop_http,
            http,
            stop_crew,
            crew,
            scaling: scaling_task,
            payments,
            stop_sink,
            sinks: sink.into_iter().chain(results).collect(),
            _background: background,
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
        self.payments.sandbox_url()
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
        tokio::select! {
            ended = &mut self.crew => match ended {
                Ok(Err(error)) => error,
                Ok(Ok(())) | Err(_) => NodeError::Ended("the partitions"),
            },
            error = self.payments.failed() => error,
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
        self.payments.stop().await;
        // What is planned is planned again; what has left goes on by itself.
        self.scaling.abort();
        self.stop_crew.send_replace(true);
        let mut result = Ok(());
        if !self.crew.is_finished() {
            result = self.crew.await.unwrap_or(Err(NodeError::Ended("the partitions")));
        }
        self.stop_sink.send_replace(true);
        for sink in self.sinks {
            result = result.and(sink.await.map_err(|_| NodeError::Ended("a sink")));
        }
        let log = self.log;
        let closed = tokio::task::spawn_blocking(move || log.close()).await;
        let closed = closed.map_err(|_| NodeError::Ended("the log"))?;
        result.and(closed.map_err(NodeError::from))
    }
}

fn replicas(
    limits: &Limits,
    log_id: LogId,
    map: PartitionMap,
    routes: &Arc<Routes>,
    states: Vec<State>,
) -> Views {
    let subscribers =
        Subscribers::new(limits.subscribers_max.get(), limits.subscriber_events_max.get());
    let recent_steps = limits.recent_steps.get();
    Views::new(log_id, map, Arc::clone(routes), states, recent_steps, subscribers)
}

/// Opens the log when it is in a cluster. That is done before a secret is made: accounts of a log
/// that was in use have names that only its own secret can make.
async fn open_cluster(config: &Config) -> Result<Option<AnyLog>, NodeError> {
    match &config.log {
        LogStore::Embedded => Ok(None),
        #[cfg(feature = "fluvio")]
        LogStore::Fluvio(url) => {
            let fluvio = fluvio_config(url, config.partitions, config.log_tls.as_ref());
            let log = FluvioLog::open(&fluvio).await?;
            if !Names::has_secret(&config.data_dir) && is_used(&log).await? {
                return Err(AuthError::SecretLost(Names::file(&config.data_dir)).into());
            }
            Ok(Some(log.into()))
        }
    }
}

/// Whether anything was ever asked.
#[cfg(feature = "fluvio")]
async fn is_used(log: &FluvioLog) -> Result<bool, LogError> {
    for partition in (0..log.partitions()).filter_map(PartitionId::new) {
        if log.end(TopicPartition::intents(partition)).await? > Offset::ZERO.next() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens the log of the data directory.
async fn open_journal(config: &Config) -> Result<Journal, NodeError> {
    let log = config.data_dir.join(LOG_DIR);
    let folds = [SNAPSHOTS_DIR, POSTGRES_DIR].map(|name| config.data_dir.join(name));
    if !log.exists()
        && let Some(beside) = folds.into_iter().find(|path| path.exists())
    {
        return Err(NodeError::LogLost { log, beside });
    }
    let journal = JournalConfig::new(log, config.partitions);
    let opened = tokio::task::spawn_blocking(move || Journal::open(&journal)).await;
    Ok(opened.map_err(|_| NodeError::Ended("the log"))??)
}

/// Recovers every partition, side by side.
async fn recover_all(log: &AnyLog, checkpoints: &Checkpoints) -> Result<Vec<Recovered>, NodeError> {
    const REPORT_INTERVAL: Duration = Duration::from_secs(2);
    let mut recovering = JoinSet::new();
    for partition in (0..log.partitions()).filter_map(PartitionId::new) {
        let (log, checkpoints) = (log.clone(), checkpoints.clone());
        recovering.spawn(async move {
            let mut reported_at = std::time::Instant::now();
            let progress = |progress: boxoffice_processors::Progress| {
                if reported_at.elapsed() >= REPORT_INTERVAL {
                    reported_at = std::time::Instant::now();
                    tracing::info!(%partition, next = %progress.next, end = %progress.end, "recovering");
                }
            };
            let recovered = recover(&log, partition, &checkpoints, progress).await;
            recovered.map_err(|error| NodeError::Partition { partition, error })
        });
    }
    let mut recovered = Vec::new();
    while let Some(one) = recovering.join_next().await {
        recovered.push(one.map_err(|_| NodeError::Ended("recovery"))??);
    }
    recovered.sort_by_key(|it| it.state.partition());
    Ok(recovered)
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
