//! `boxoffice partitions`: looks at the partitions of a running server, and spreads the work over
//! more or fewer of them.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::reading::{Reader, Server};
use super::{CliError, DataDir, Signing};

/// How often progress is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What to do.
#[derive(Clone, Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  boxoffice partitions list
  boxoffice partitions scale --to 8")]
pub(super) enum Action {
    /// Who has what: slots, offset, lag, rate and the hottest performances.
    List(ListArgs),
    /// Spread the slots over so many partitions while they sell. Safe to repeat after a crash.
    Scale(ScaleArgs),
}

/// Which server, and as whom.
#[derive(Clone, Debug, clap::Args)]
struct Access {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    signing: Signing,
}

impl Access {
    fn open(&self) -> Result<Reader, CliError> {
        Reader::open(&self.server, &self.data_dir, &self.signing, "boxoffice partitions")
    }
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Print the document as it is.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct ScaleArgs {
    /// How many partitions.
    #[arg(long)]
    to: u16,
    #[command(flatten)]
    access: Access,
}

pub(super) async fn run(action: Action) -> Result<ExitCode, CliError> {
    match action {
        Action::List(args) => list(&args).await,
        Action::Scale(args) => scale(&args).await,
    }
}

async fn list(args: &ListArgs) -> Result<ExitCode, CliError> {
    let seen = args.access.open()?.get("/v1/partitions").await?;
    let mut output = io::stdout().lock();
    if args.json {
        writeln!(output, "{seen}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        output,
        "partition  owner             slots  performances  offset      undecided  lag         rate  hottest"
    )?;
    for partition in seen["partitions"].as_array().into_iter().flatten() {
        writeln!(output, "{}", line(partition))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One partition.
fn line(partition: &Value) -> String {
    let lag = partition["lag_records"].as_u64().map_or_else(|| "-".to_owned(), |n| n.to_string());
    let hot =
        |it: &Value| format!("{} {} {}/s", text(&it["performance"]), text(&it["name"]), it["rate"]);
    let hottest: Vec<_> = partition["hottest"].as_array().into_iter().flatten().map(hot).collect();
    let mut line = format!(
        "{:<9}  {:<16}  {:<5}  {:<12}  {:<10}  {:<9}  {:<10}  {:<4}  {}",
        partition["partition"],
        owner(partition),
        partition["slots"],
        partition["performances"],
        partition["next_offset"],
        partition["undecided"],
        lag,
        partition["rate"],
        hottest.join(", "),
    );
    if let Some(leaving) = partition["leaving"].as_object() {
        let of = |key: &str| leaving.get(key).cloned().unwrap_or_default();
        let (slots, to) = (of("slots"), of("to"));
        line += &format!(
            "  ({slots} leave for {to}: {} of {} bytes, {} intents wait)",
            of("posted_bytes"),
            of("bytes"),
            of("waiting")
        );
    }
    line.trim_end().to_owned()
}

/// Who decides it, where several processes do.
fn owner(partition: &Value) -> String {
    let owner = &partition["owner"];
    let name = owner["name"].as_str().unwrap_or("-");
    match owner["is_alive"].as_bool() {
        Some(false) => format!("{name} (silent)"),
        _ => name.to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn scale(args: &ScaleArgs) -> Result<ExitCode, CliError> {
    let reader = args.access.open()?;
    let mut seen = reader.post("/v1/partitions/scale", &json!({ "to": args.to })).await?;
    let mut said = String::new();
    let mut output = io::stdout();
    loop {
        let scaling = &seen["scaling"];
        let is_ours = scaling["to"] == args.to;
        match text(&scaling["state"]) {
            "failed" if is_ours => {
                return Err(CliError::Other(text(&scaling["error"]).to_owned()));
            }
            "done" if is_ours => break,
            _ => (),
        }
        let now = format!("{} slots are left to move", scaling["slots_left"]);
        if is_ours && said != now {
            writeln!(output, "{now}")?;
            said = now;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
        seen = reader.get("/v1/partitions").await?;
    }
    let moves = &seen["moves"];
    writeln!(
        output,
        "{} partitions; {} moves since the server began, {} of them with performances, which \
         waited {} us (median), {} us at most",
        args.to,
        moves["count"],
        moves["with_performances"],
        moves["pause_median_us"],
        moves["pause_max_us"],
    )?;
    Ok(ExitCode::SUCCESS)
}
