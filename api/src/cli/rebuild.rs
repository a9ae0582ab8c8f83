//! `boxoffice rebuild`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use boxoffice_sinks::postgres::{self, Replace};
use boxoffice_sinks::runner;

use super::source::StoppedLog;
use super::{CliError, Opened};
use crate::config::Database;

#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Target {
    /// Empty the tables and fold the log into them again. The server must not run.
    Postgres(Args),
}

/// What is rebuilt from what.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// `embedded` or `postgres://...`.
    #[arg(long, default_value = "embedded", env = "BOXOFFICE_DATABASE", hide_env_values = true)]
    database: Database,
    /// Also throw away the tables when they are those of another log.
    #[arg(long)]
    replace_other_log: bool,
    #[command(flatten)]
    source: StoppedLog,
}

pub(super) async fn run(target: Target) -> Result<ExitCode, CliError> {
    let Target::Postgres(args) = target;
    let log = args.source.open().await?;
    let opened = Opened::open(&args.database, &args.source.data_dir).await?;
    let replace = if args.replace_other_log { Replace::AnyRows } else { Replace::OwnRows };
    let config = runner::Config::default();
    let rebuilt = postgres::rebuild(log, opened.pool(), config, replace).await;
    let closed = opened.close().await;
    let ends = rebuilt.map_err(refusal)?;
    closed?;
    let records: u64 = ends.iter().map(|end| end.number()).sum();
    writeln!(io::stdout(), "postgres: rebuilt from {records} records")?;
    Ok(ExitCode::SUCCESS)
}

fn refusal(error: runner::Error<postgres::Error>) -> CliError {
    if error.is_other_log() {
        let hint = "nothing was changed; --replace-other-log throws them away all the same";
        return CliError::Other(format!("postgres: {error}: {hint}"));
    }
    CliError::other(error)
}
