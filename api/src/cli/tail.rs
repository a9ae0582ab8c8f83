//! `boxoffice tail`: what any consumer could do, over HTTP. The log belongs to the server.

use std::io::{self, Write as _};
use std::process::ExitCode;

use futures_util::StreamExt as _;

use super::reading::{Reader, Server, checked};
use super::{CliError, DataDir, Signing};

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TopicName {
    Intents,
    Outcomes,
}

/// Reads as an operator, with a token signed by the secret of the data directory.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice tail intents
  boxoffice tail outcomes --partition 2 --from 1000 --follow | jq .outcomes")]
pub(super) struct Args {
    /// Which topic.
    #[arg(value_enum)]
    topic: TopicName,
    /// Which partition.
    #[arg(long, default_value = "0")]
    partition: u16,
    /// Offset of the first record.
    #[arg(long, default_value = "0")]
    from: u64,
    /// Go on as records come.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    signing: Signing,
}

impl Args {
    fn path(&self, last: &str) -> String {
        let topic = match self.topic {
            TopicName::Intents => "intents",
            TopicName::Outcomes => "outcomes",
        };
        format!("/v1/topics/{topic}/partitions/{}/{last}", self.partition)
    }
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let reader = Reader::open(&args.server, &args.data_dir, &args.signing, "boxoffice tail")?;
    if args.follow {
        let path = format!("{}?from={}", args.path("stream"), args.from);
        return follow(reader.request(&path)).await;
    }
    let mut output = io::stdout();
    let print = |record: &serde_json::Value| Ok(writeln!(output, "{record}")?);
    reader.pages(&args.path("records"), args.from, print).await?;
    Ok(ExitCode::SUCCESS)
}

/// The data of server-sent events, one per line.
async fn follow(request: reqwest::RequestBuilder) -> Result<ExitCode, CliError> {
    let sent = request.send().await.map_err(CliError::other)?;
    let mut pieces = checked(sent).await?.bytes_stream();
    let mut buffer = Vec::new();
    while let Some(piece) = pieces.next().await {
        buffer.extend_from_slice(&piece.map_err(CliError::other)?);
        let Some(end) = buffer.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let mut output = io::stdout().lock();
        for line in buffer[..end].split(|byte| *byte == b'\n') {
            if let Some(record) = line.strip_prefix(b"data: ") {
                output.write_all(record)?;
                output.write_all(b"\n")?;
            }
        }
        output.flush()?;
        buffer.drain(..=end);
    }
    Err("the server ended the stream".into())
}
