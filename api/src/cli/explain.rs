//! `boxoffice explain`: why an intent was decided as it was, from the log on disk.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use boxoffice_topics::IntentId;

use super::CliError;
use super::source::StoppedLog;
use crate::explain::{EarlierJson, ExplanationJson, LaterJson, from_log};

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
    let explanation = from_log(&log, args.id, progress()).await.map_err(CliError::other)?;
    if args.json {
        let document = serde_json::to_string(&explanation).map_err(CliError::other)?;
        writeln!(io::stdout(), "{document}")?;
    } else {
        as_text(&explanation)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Steps between two words to whoever waits: a second or less on any machine.
const PROGRESS_STEPS: u64 = 250_000;

/// The partition is read from its beginning, which may take a while: who sits at a terminal is told how
/// far it is.
fn progress() -> impl FnMut(u64) {
    let is_watched = io::stderr().is_terminal();
    move |steps| {
        if is_watched && steps.is_multiple_of(PROGRESS_STEPS) {
            // Nobody is helped by an explanation that fails because its progress cannot be told.
            drop(writeln!(io::stderr(), "{steps} steps read"));
        }
    }
}

fn as_text(explanation: &ExplanationJson) -> Result<(), CliError> {
    let ExplanationJson { asked, at, decided, rule, earlier, counted, later, sentence, .. } =
        explanation;
    let mut output = io::stdout().lock();
    writeln!(output, "{asked} at {at}: {decided}")?;
    if let Some(rule) = rule {
        writeln!(output, "rule     {rule}")?;
    }
    let only = earlier.iter().filter(|_| counted.is_empty());
    for EarlierJson { partition, offset, at, about, what, .. } in only.chain(counted) {
        writeln!(output, "earlier  partition {partition} offset {offset} at {at}: {about} {what}")?;
    }
    if let Some(LaterJson { partition, offset, at, what, .. }) = later {
        writeln!(output, "later    partition {partition} offset {offset} at {at}: {what}")?;
    }
    writeln!(output, "{sentence}")?;
    Ok(())
}
