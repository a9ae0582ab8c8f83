//! `boxoffice replay`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use boxoffice_log::Log as _;
use boxoffice_processors::replay::{ReplayReport, verify};
use boxoffice_sinks::postgres::{Comparison, compare};
use boxoffice_topics::PartitionId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::source::StoppedLog;
use super::{CliError, Opened};
use crate::config::Database;

/// Nothing is written. The server must not run on the data directory.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice replay --verify
  boxoffice replay --verify --database none --json

Ends with 1 when anything differs.")]
pub(super) struct Args {
    /// Compare with what is published, and with the rows of the database.
    #[arg(long, required = true)]
    verify: bool,
    /// Whose rows are compared: `embedded`, `none` or `postgres://...`.
    #[arg(long, default_value = if cfg!(feature = "embedded-postgres") { "embedded" } else { "none" },
        env = "BOXOFFICE_DATABASE", hide_env_values = true)]
    database: Database,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: StoppedLog,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let log = args.source.open().await?;
    let mut reports = Vec::new();
    for partition in (0..log.partitions()).filter_map(PartitionId::new) {
        let bar = bar(&format!("partition {partition}"));
        let progress = |progress: boxoffice_processors::Progress| {
            bar.set_length(progress.end.number());
            bar.set_position(progress.next.number());
        };
        reports.push(verify(&log, partition, progress).await?);
        bar.finish_and_clear();
    }
    let comparison = match &args.database {
        Database::None => None,
        database => {
            let opened = Opened::open(database, &args.source.data_dir).await?;
            // Closed whatever comes: a database in process waits for its connection when it is dropped.
            let comparison = compare(&log, opened.pool()).await;
            let closed = opened.close().await;
            let comparison = comparison?;
            closed?;
            Some(comparison)
        }
    };
    let identical = reports.iter().all(ReplayReport::is_identical)
        && comparison.as_ref().is_none_or(Comparison::is_identical);
    if args.json {
        as_json(&reports, comparison.as_ref())?
    } else {
        as_text(&reports, comparison.as_ref())?
    }
    Ok(if identical { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A bar on standard error; none where nobody sees it.
pub(super) fn bar(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec}");
    let bar = ProgressBar::new(0).with_message(what.to_owned());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn as_text(reports: &[ReplayReport], comparison: Option<&Comparison>) -> Result<(), CliError> {
    let mut output = io::stdout().lock();
    for report in reports {
        let ReplayReport { partition, records, unpublished, chain, .. } = report;
        match &report.first_difference {
            None => writeln!(
                output,
                "partition {partition}: {records} intents decided again, identical \
                 ({unpublished} not published yet), chain {chain}"
            )?,
            Some(difference) => writeln!(
                output,
                "partition {partition}: differs at offset {}: {}\n  published {}\n  decided   {}",
                difference.offset, difference.reason, difference.published, difference.decided
            )?,
        }
    }
    if let Some(comparison) = comparison {
        writeln!(
            output,
            "postgres: {} rows, {}",
            comparison.rows,
            if comparison.is_identical() { "identical" } else { "different" }
        )?;
        for difference in &comparison.differences {
            writeln!(output, "  {difference}")?;
        }
    }
    Ok(())
}

fn as_json(reports: &[ReplayReport], comparison: Option<&Comparison>) -> Result<(), CliError> {
    let partitions: Vec<_> = reports
        .iter()
        .map(|report| {
            json!({
                "partition": report.partition.number(),
                "records": report.records,
                "unpublished": report.unpublished,
                "quarantined": report.quarantined,
                "identical": report.is_identical(),
                "first_difference": report.first_difference.as_ref().map(|it| json!({
                    "offset": it.offset.number(), "reason": it.reason,
                })),
                "chain": report.chain.to_string(),
            })
        })
        .collect();
    let postgres = comparison.map(|comparison| {
        let differences: Vec<_> = comparison.differences.iter().map(ToString::to_string).collect();
        json!({
            "rows": comparison.rows,
            "identical": comparison.is_identical(),
            "differences": differences,
        })
    });
    let report = json!({
        "replay_identical": reports.iter().all(ReplayReport::is_identical),
        "postgres_identical": comparison.map(Comparison::is_identical),
        "partitions": partitions,
        "postgres": postgres,
    });
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}
