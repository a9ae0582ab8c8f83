//! `boxoffice rebuild`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use boxoffice_sinks::{postgres, runner};

use super::{CliError, DataDir, Opened};
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
    #[command(flatten)]
    data_dir: DataDir,
}

pub(super) async fn run(target: Target) -> Result<ExitCode, CliError> {
    let Target::Postgres(args) = target;
    let log = args.data_dir.open_log()?;
    let opened = Opened::open(&args.database, &args.data_dir).await?;
    let rebuilt = postgres::rebuild(log, opened.pool(), runner::Config::default()).await;
    let closed = opened.close().await;
    let ends = rebuilt.map_err(CliError::other)?;
    closed?;
    let records: u64 = ends.iter().map(|end| end.number()).sum();
    writeln!(io::stdout(), "postgres: rebuilt from {records} records")?;
    Ok(ExitCode::SUCCESS)
}
