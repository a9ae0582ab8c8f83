//! The command line. Output goes to standard output through a writer; one readable line per error
//! goes to standard error.

mod explain;
mod health;
mod log;
mod lottery;
mod partitions;
mod reading;
mod rebuild;
mod replay;
mod sandbox;
mod serve;
mod signals;
mod source;
mod tail;
mod tickets;
mod token;
#[cfg(feature = "fluvio")]
mod topics;

use std::error::Error;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use boxoffice_log::LogError;
use boxoffice_log::journal::Journal;
use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::config::{Auth, ConfigError, Database};
use crate::http::auth::AuthError;
use crate::node::{LOG_DIR, NodeError, POSTGRES_DIR};
use crate::rehearse::{self, RehearseError};

/// Sells seats when everybody wants them at the same second.
#[derive(Debug, Parser)]
#[command(
    name = "boxoffice",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  boxoffice serve
  boxoffice token --role buyer --subject alice
  boxoffice tail outcomes --partition 0 --follow
  boxoffice rehearse --buyers 20000 --json

Exit codes:
  0  done
  1  it failed, or a check found something; standard error says what
  2  the command line is wrong
  3  the log or a partition stopped while serving: start again to recover"
)]
struct Cli {
    /// How messages on standard error look.
    #[arg(long, global = true, value_enum, default_value = "human", env = "BOXOFFICE_LOG_FORMAT")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sell: HTTP, partitions, payments and the database in one process.
    Serve(serve::Args),
    /// Ask a running server whether it sells. Ends with 1 when it does not.
    Health(health::Args),
    /// Print a bearer token for somebody.
    Token(token::Args),
    /// Print the records of a running server's topic, one JSON object per line.
    Tail(tail::Args),
    /// Decide everything again from the first intent and compare outcomes and rows.
    Replay(replay::Args),
    /// Say why an intent was decided as it was, and which earlier record stood in its way.
    Explain(explain::Args),
    /// Build a projection again from the log.
    #[command(subcommand)]
    Rebuild(rebuild::Target),
    /// Seal the lottery of a waiting room, or compute it again.
    #[command(subcommand)]
    Lottery(lottery::Action),
    /// Make new keys of tickets, and verify codes without a server.
    #[command(subcommand)]
    Tickets(tickets::Action),
    /// Look at the partitions of a running server, and spread the work over more or fewer.
    #[command(subcommand)]
    Partitions(partitions::Action),
    /// Look at the log on disk.
    #[command(subcommand)]
    Log(log::Action),
    /// Prepare a Fluvio cluster for a log, and look at what it has.
    #[cfg(feature = "fluvio")]
    #[command(subcommand)]
    Topics(topics::Action),
    /// Run the sandbox payment provider as a process of its own.
    Sandbox(sandbox::Args),
    /// Hold a dress rehearsal with synthetic buyers, and audit it.
    Rehearse(rehearse::Args),
}

/// The data directory that a command works on.
#[derive(Clone, Debug, clap::Args)]
struct DataDir {
    /// Where everything durable is kept.
    #[arg(long, default_value = "./data", env = "BOXOFFICE_DATA_DIR")]
    data_dir: PathBuf,
}

impl DataDir {
    /// Opens the log that is there. A log says itself how many partitions it was made with.
    fn open_log(&self) -> Result<Journal, CliError> {
        let dir = self.data_dir.join(LOG_DIR);
        let report = boxoffice_log::journal::verify(&dir)?;
        let partitions = std::num::NonZeroU16::new(report.dealt);
        let partitions = partitions.ok_or("the log has no partitions")?;
        Ok(Journal::open(&boxoffice_log::journal::JournalConfig::new(dir, partitions))?)
    }
}

/// A database that a command works on: one in the data directory, or a server.
fn no_database() -> CliError {
    CliError::Other("name a database: --database embedded or --database postgres://...".into())
}

/// A command that failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("log: {0}")]
    Log(#[from] LogError),
    #[error(transparent)]
    Processor(#[from] boxoffice_processors::Error),
    #[error(transparent)]
    Postgres(#[from] boxoffice_sinks::postgres::Error),
    #[error(transparent)]
    Rehearse(#[from] RehearseError),
    #[error("write the output: {0}")]
    Output(#[from] io::Error),
    #[error("{0}")]
    Other(String),
}

impl From<&str> for CliError {
    fn from(text: &str) -> Self {
        Self::Other(text.to_owned())
    }
}

impl CliError {
    fn other(error: impl Error) -> Self {
        Self::Other(error.to_string())
    }

    /// Whoever reads our output may leave when it has seen enough.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // The first provider stays; there is nobody else who could have chosen one.
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
    start_messages(cli.log_format, matches!(cli.command, Command::Serve(_) | Command::Sandbox(_)));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("start the runtime: {error}")),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

async fn run(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Health(args) => health::run(args).await,
        Command::Token(args) => token::run(args),
        Command::Tail(args) => tail::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Rebuild(target) => rebuild::run(target).await,
        Command::Lottery(action) => lottery::run(action).await,
        Command::Tickets(action) => tickets::run(action).await,
        Command::Partitions(action) => partitions::run(action).await,
        Command::Log(action) => log::run(action),
        #[cfg(feature = "fluvio")]
        Command::Topics(action) => topics::run(action).await,
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::Rehearse(args) => Ok(rehearse::run(args).await?),
    }
}

/// A server tells what it does; a command speaks when something is wrong.
fn start_messages(format: LogFormat, is_server: bool) {
    // The client of a cluster tells of every connection, and its errors come back to who called it.
    let default = if is_server { "info,fluvio=off" } else { "warn,fluvio=off" };
    let filter = EnvFilter::try_from_env("BOXOFFICE_LOG").unwrap_or_else(|_| default.into());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Human => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// One line, whatever the error was made of.
fn complain(error: &str) -> ExitCode {
    let line: String = error.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    // Without a standard error there is nobody to tell.
    writeln!(io::stderr(), "boxoffice: {line}").unwrap_or_default();
    ExitCode::FAILURE
}

/// The database of a command, and its end.
enum Opened {
    #[cfg(feature = "embedded-postgres")]
    Embedded(Box<boxoffice_sinks::postgres::Embedded>),
    Server(boxoffice_sinks::postgres::PgPool),
}

impl Opened {
    async fn open(database: &Database, data_dir: &DataDir) -> Result<Self, CliError> {
        match database {
            Database::None => Err(no_database()),
            Database::Url(url) => {
                let url: boxoffice_sinks::postgres::DatabaseUrl =
                    url.parse().map_err(CliError::other)?;
                Ok(Self::Server(url.pool()))
            }
            #[cfg(feature = "embedded-postgres")]
            Database::Embedded => {
                let dir = data_dir.data_dir.join(POSTGRES_DIR);
                let database = boxoffice_sinks::postgres::Embedded::start(&dir).await?;
                Ok(Self::Embedded(Box::new(database)))
            }
            #[cfg(not(feature = "embedded-postgres"))]
            Database::Embedded => {
                let dir = data_dir.data_dir.join(POSTGRES_DIR);
                let dir = dir.display();
                Err(CliError::Other(format!("{dir}: built without the embedded database")))
            }
        }
    }

    fn pool(&self) -> &boxoffice_sinks::postgres::PgPool {
        match self {
            #[cfg(feature = "embedded-postgres")]
            Self::Embedded(database) => database.pool(),
            Self::Server(pool) => pool,
        }
    }

    async fn close(self) -> Result<(), CliError> {
        match self {
            #[cfg(feature = "embedded-postgres")]
            Self::Embedded(database) => Ok(database.stop().await?),
            Self::Server(pool) => {
                pool.close().await;
                Ok(())
            }
        }
    }
}

/// Which key signs, for commands that sign.
#[derive(Clone, Debug, clap::Args)]
struct Signing {
    /// File with the shared secret of HS256, when the server has `auth.secret_file`.
    #[arg(long, env = "BOXOFFICE_TOKEN_SECRET")]
    token_secret: Option<PathBuf>,
}

impl Signing {
    fn auth(&self) -> Auth {
        Auth { secret_file: self.token_secret.clone(), ..Auth::default() }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
