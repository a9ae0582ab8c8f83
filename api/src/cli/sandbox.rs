//! `boxoffice sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use boxoffice_sinks::payments::sandbox::{SandboxConfig, serve};
use boxoffice_sinks::payments::toss::SecretKey;

use super::CliError;
use super::signals::Signals;
use crate::http::server;

/// It speaks the Toss protocol and keeps its own books. No money moves.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Example:
  boxoffice sandbox --listen 127.0.0.1:8090 --webhook-url http://127.0.0.1:8080/v1/webhooks/toss &
  boxoffice serve --provider-url http://127.0.0.1:8090")]
pub(super) struct Args {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:8090", env = "BOXOFFICE_SANDBOX_LISTEN")]
    listen: SocketAddr,
    /// Where webhooks go; without it none are sent.
    #[arg(long)]
    webhook_url: Option<String>,
    /// Where the books are kept; without it they are in memory only.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// The secret key that callers must know.
    #[arg(long, default_value = "test_sk_boxoffice", env = "BOXOFFICE_SANDBOX_SECRET")]
    secret_key: String,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let mut config = SandboxConfig::new(SecretKey::new(args.secret_key));
    config.directory = args.directory;
    config.webhook_url = args.webhook_url;
    let mut signals = Signals::listen()?;
    let listener = server::bind(args.listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(url = format!("http://{address}"), "the sandbox provider listens");
    tokio::select! {
        served = serve(listener, config) => served.map_err(CliError::other)?,
        () = signals.received() => (),
    }
    Ok(ExitCode::SUCCESS)
}
