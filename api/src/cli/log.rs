//! `boxoffice log`.

use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;

use boxoffice_log::journal::{Report, repair, verify};

use super::{CliError, DataDir};
use crate::node::LOG_DIR;

#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Read every byte and check every checksum. Changes nothing. Ends with 1 at damage.
    Verify {
        #[command(flatten)]
        data_dir: DataDir,
    },
    /// Cut a damaged log off at the damage. Everything from there on is lost for good.
    Repair {
        #[command(flatten)]
        data_dir: DataDir,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

pub(super) fn run(action: Action) -> Result<ExitCode, CliError> {
    match action {
        Action::Verify { data_dir } => {
            let report = verify(&data_dir.data_dir.join(LOG_DIR))?;
            show(&report)?;
            let clean = report.damage.is_none();
            Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Action::Repair { data_dir, yes } => {
            let dir = data_dir.data_dir.join(LOG_DIR);
            let report = verify(&dir)?;
            show(&report)?;
            if report.damage.is_none() {
                return Ok(ExitCode::SUCCESS);
            }
            if !yes && !confirmed()? {
                return Err("nothing was changed".into());
            }
            repair(&dir)?;
            writeln!(io::stdout(), "repaired: the log ends before the damage now")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show(report: &Report) -> Result<(), CliError> {
    let mut output = io::stdout().lock();
    let Report { log_id, partitions, segments, blocks, .. } = report;
    writeln!(
        output,
        "log {log_id}: {partitions} partitions, {segments} segments, {blocks} blocks"
    )?;
    for (topic, records) in &report.records {
        writeln!(output, "  {topic}: {records} records")?;
    }
    if let Some(tail) = &report.torn_tail {
        let (file, position, bytes) = (tail.file.display(), tail.position, tail.bytes);
        writeln!(output, "  torn tail: {file} at byte {position}, {bytes} bytes; nothing durable")?;
    }
    match &report.damage {
        None => writeln!(output, "  no damage")?,
        Some(damage) => {
            let (file, position) = (damage.file.display(), damage.position);
            writeln!(output, "  DAMAGED: {file} at byte {position}: {}", damage.reason)?;
        }
    }
    Ok(())
}

fn confirmed() -> Result<bool, CliError> {
    write!(io::stdout(), "Cut the log there? Accepted intents will be lost. Type `cut`: ")?;
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "cut")
}
