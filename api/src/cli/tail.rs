//! `boxoffice tail`: what any consumer could do, over HTTP. The log belongs to the server.

use std::io::{self, Write as _};
use std::process::ExitCode;

use futures_util::StreamExt as _;
use serde_json::Value;

use super::{CliError, DataDir, Signing};
use crate::http::auth::{Names, Role, Signer};
use crate::http::rate_limit;

/// Long enough for a night of watching.
const TOKEN_SECONDS: i64 = 86_400;

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
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "BOXOFFICE_URL")]
    url: String,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    signing: Signing,
}

impl Args {
    fn address(&self, last: &str) -> String {
        let topic = match self.topic {
            TopicName::Intents => "intents",
            TopicName::Outcomes => "outcomes",
        };
        let (url, partition) = (self.url.trim_end_matches('/'), self.partition);
        format!("{url}/v1/topics/{topic}/partitions/{partition}/{last}")
    }
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let names = Names::open(&args.data_dir.data_dir)?;
    let expires_at = jiff::Timestamp::now().as_second() + TOKEN_SECONDS;
    let signer = Signer::new(&args.signing.auth(), &names)?;
    let token = signer.sign("boxoffice tail", Role::Operator, expires_at)?;
    let client = reqwest::Client::builder().no_proxy().build().map_err(CliError::other)?;
    let get = |address: &str| client.get(address).bearer_auth(&token);
    if args.follow {
        let address = format!("{}?from={}", args.address("stream"), args.from);
        return follow(get(&address)).await;
    }
    let mut from = args.from;
    loop {
        let address = format!("{}?from={from}&limit=1000", args.address("records"));
        let sent = get(&address).send().await.map_err(CliError::other)?;
        if let Some(pause) = rate_limit::pause(sent.status(), sent.headers()) {
            tokio::time::sleep(pause).await;
            continue;
        }
        let response = checked(sent).await?;
        let page: Value = response.json().await.map_err(CliError::other)?;
        let mut output = io::stdout().lock();
        for record in page["records"].as_array().into_iter().flatten() {
            writeln!(output, "{record}")?;
        }
        let next = page["next"].as_u64().unwrap_or(from);
        if next == from || next >= page["end"].as_u64().unwrap_or(0) {
            return Ok(ExitCode::SUCCESS);
        }
        from = next;
    }
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

/// The answer, when it is not a problem.
async fn checked(response: reqwest::Response) -> Result<reqwest::Response, CliError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem: Value = response.json().await.unwrap_or_default();
    let said = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("no reason");
    Err(CliError::Other(format!("the server answered {status}: {said}")))
}
