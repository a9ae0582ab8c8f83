//! `boxoffice explain`: why an intent was decided as it was, from the log on disk.

use std::io::{self, Write as _};
use std::process::ExitCode;

use boxoffice_topics::IntentId;

use super::CliError;
use super::source::StoppedLog;
use crate::explain::{ExplanationJson, from_log};

/// The server must not run on the data directory; of a running one, ask
/// `/v1/intents/{id}/explanation`. Nobody but who asked is named.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice explain 1018-2-77
  boxoffice explain 1018-2-77 --json")]
pub(super) struct Args {
    /// The intent.
    id: IntentId,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: StoppedLog,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let log = args.source.open().await?;
    let explanation = from_log(&log, args.id).await.map_err(CliError::other)?;
    if args.json {
        let document = serde_json::to_string(&explanation).map_err(CliError::other)?;
        writeln!(io::stdout(), "{document}")?;
    } else {
        as_text(&explanation)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(explanation: &ExplanationJson) -> Result<(), CliError> {
    let ExplanationJson { asked, at, decided, rule, earlier, sentence, .. } = explanation;
    let mut output = io::stdout().lock();
    writeln!(output, "{asked} at {at}: {decided}")?;
    if let Some(rule) = rule {
        writeln!(output, "rule     {rule}")?;
    }
    if let Some(earlier) = earlier {
        writeln!(output, "earlier  partition {} offset {}", earlier.partition, earlier.offset)?;
    }
    writeln!(output, "{sentence}")?;
    Ok(())
}
