//! `boxoffice serve`.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;

use super::CliError;
use super::signals::Signals;
use crate::config::{Config, Database, KeySetSource, Overrides, Provider, duration};
use crate::log_store::{LogStore, LogTls};
use crate::node::{Node, NodeError};
use crate::roles::Roles;

/// The exit code of a node whose log or partition stopped.
const STOPPED: u8 = 3;

/// Flags win over variables, variables over the file, the file over the defaults.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice serve
  boxoffice serve --listen 0.0.0.0:8080 --data-dir /var/lib/boxoffice
  boxoffice serve --log fluvio://127.0.0.1:9003/boxoffice
  boxoffice serve --database postgres://boxoffice@db/boxoffice --config boxoffice.toml
  boxoffice serve --roles processor --log fluvio://sc:9003/boxoffice --database postgres://db/boxoffice")]
pub(super) struct Args {
    /// TOML file with every setting; boxoffice.example.toml shows them.
    #[arg(long, env = "BOXOFFICE_CONFIG")]
    config: Option<PathBuf>,
    /// What this process does, for instance `api,sinks` [default: api,processor,sinks]. Less than
    /// everything needs `--log fluvio://...` and `--database postgres://...`.
    #[arg(long, env = "BOXOFFICE_ROLES")]
    roles: Option<Roles>,
    /// What others call this process [default: host and process id].
    #[arg(long, env = "BOXOFFICE_NODE_NAME")]
    node_name: Option<String>,
    /// Where HTTP is served [default: 127.0.0.1:8080]. Port 0 takes a free one.
    #[arg(long, env = "BOXOFFICE_LISTEN")]
    listen: Option<SocketAddr>,
    /// Where everything durable is kept [default: ./data].
    #[arg(long, env = "BOXOFFICE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Where the secret of names and the keys of tickets are: every process of one log needs the same
    /// ones [default: the data directory].
    #[arg(long, env = "BOXOFFICE_SECRETS_DIR")]
    secrets_dir: Option<PathBuf>,
    /// Partitions of each topic, fixed when the data directory is made [default: 4].
    #[arg(long, env = "BOXOFFICE_PARTITIONS")]
    partitions: Option<NonZeroU16>,
    /// Where the log is kept: `embedded`, or `fluvio://host:port/prefix` after
    /// `boxoffice topics create` [default: embedded].
    #[arg(long, env = "BOXOFFICE_LOG_URL")]
    log: Option<LogStore>,
    #[command(flatten)]
    log_tls: Option<LogTls>,
    /// `embedded`, `none` or `postgres://...` [default: embedded].
    #[arg(long, env = "BOXOFFICE_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Write outcomes as JSON to topics for any client of the log's cluster. It needs a database at
    /// `postgres://...`.
    #[arg(long, env = "BOXOFFICE_RESULT_TOPICS")]
    result_topics: bool,
    /// Who takes the money [default: sandbox].
    #[arg(long, value_enum, env = "BOXOFFICE_PROVIDER")]
    provider: Option<Provider>,
    /// Where the sandbox provider listens [default: 127.0.0.1:0].
    #[arg(long, env = "BOXOFFICE_SANDBOX_LISTEN")]
    sandbox_listen: Option<SocketAddr>,
    /// A provider that runs elsewhere, for instance `http://127.0.0.1:8090`.
    #[arg(long, env = "BOXOFFICE_PROVIDER_URL")]
    provider_url: Option<String>,
    /// File or URL of the JSON Web Key Set that tokens are verified with, instead of the secret of
    /// the data directory.
    #[arg(long, env = "BOXOFFICE_JWKS")]
    jwks: Option<String>,
}

impl Args {
    fn config(self) -> Result<Config, CliError> {
        // Not parsed by clap, which would repeat a mistyped URL with its password.
        let database =
            self.database.map(Database::try_from).transpose().map_err(CliError::other)?;
        let overrides = Overrides {
            roles: self.roles,
            node_name: self.node_name,
            listen: self.listen,
            data_dir: self.data_dir,
            secrets_dir: self.secrets_dir,
            partitions: self.partitions,
            log: self.log,
            log_tls: self.log_tls,
            database,
            result_topics: self.result_topics.then_some(true),
            provider: self.provider,
            sandbox_listen: self.sandbox_listen,
            provider_url: self.provider_url,
            jwks: self.jwks.map(KeySetSource::from),
        };
        Ok(Config::load(self.config.as_deref(), overrides)?)
    }
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let config = args.config()?;
    let mut signals = Signals::listen()?;
    let drain = duration(config.drain_timeout_ms);
    let mut node = tokio::select! {
        node = Node::start(config) => node?,
        // Nothing was served yet, and a recovery that is cut short begins again.
        () = signals.received() => return Ok(ExitCode::SUCCESS),
    };
    tracing::info!(
        url = node.url(),
        roles = %node.config().roles,
        docs = format!("{}/docs", node.url()),
        sandbox.url = node.sandbox_url(),
        data_dir = %node.config().data_dir.display(),
        "boxoffice serves"
    );
    tokio::select! {
        error = node.failed() => return Ok(stopped(&error)),
        () = signals.received() => tracing::info!("draining"),
    }
    tokio::select! {
        ended = node.shutdown() => match ended {
            Ok(()) => tracing::info!("drained"),
            Err(error) => return Ok(stopped(&error)),
        },
        // What is accepted is durable: the next start goes on with it.
        () = tokio::time::sleep(drain) => tracing::warn!("the drain timeout is over"),
        () = signals.received() => tracing::warn!("a second signal ended draining"),
    }
    Ok(ExitCode::SUCCESS)
}

/// What has stopped can acknowledge nothing; only a new start can find out what is so.
fn stopped(error: &NodeError) -> ExitCode {
    tracing::error!(error = %error, "the node stopped");
    ExitCode::from(STOPPED)
}
