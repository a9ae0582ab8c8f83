//! `boxoffice tickets`: the keys of tickets, and codes verified without a server.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use boxoffice_topics::{PerformanceId, Timestamp};
use serde_json::json;

use super::{CliError, DataDir};
use crate::config::KeySetSource;
use crate::json::moment;
use crate::tickets::{Before, PublicKeys, TicketCode, TicketKeys};

/// From the first byte sent to the last byte received, for a key set at a URL.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Tickets and their keys.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Make a new key, with which codes are signed from now on; a running server notices.
    RotateKey(RotateArgs),
    /// Say what a code says, and whether it is good. Ends with 1 when it is not.
    Verify(VerifyArgs),
}

/// Old codes stay good, unless a key has leaked.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice tickets rotate-key
  boxoffice tickets rotate-key --revoke-older")]
pub(super) struct RotateArgs {
    /// Codes of older keys admit nobody any more. Holders get new ones when they look again.
    #[arg(long)]
    revoke_older: bool,
    #[command(flatten)]
    data_dir: DataDir,
}

/// Needs no connection when the keys are in a file. A code says nothing about whether its ticket
/// was used or refunded since: that is what check-in is for.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  curl http://localhost:8080/v1/ticket-keys > keys.json
  boxoffice tickets verify 'BX1:...' --keys keys.json
  boxoffice tickets verify 'BX1:...' --keys https://tickets.example/v1/ticket-keys")]
pub(super) struct VerifyArgs {
    /// The code.
    code: String,
    /// The published keys: a file or a URL.
    #[arg(long)]
    keys: KeySetSource,
    /// The performance that it must be for.
    #[arg(long)]
    performance: Option<PerformanceId>,
}

pub(super) async fn run(action: Action) -> Result<ExitCode, CliError> {
    match action {
        Action::RotateKey(args) => rotate(&args),
        Action::Verify(args) => verify(&args).await,
    }
}

fn rotate(args: &RotateArgs) -> Result<ExitCode, CliError> {
    let before = if args.revoke_older { Before::Revoked } else { Before::Kept };
    let kid = TicketKeys::rotate(&args.data_dir.data_dir, before).map_err(CliError::other)?;
    writeln!(io::stdout(), "{kid}")?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(args: &VerifyArgs) -> Result<ExitCode, CliError> {
    let keys = PublicKeys::parse(&key_set(&args.keys).await?).map_err(CliError::Other)?;
    let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    let (verdict, code) = match keys.verify(&args.code) {
        Ok(code) => (verdict(&code, args.performance, now), Some(code)),
        Err(error) => (Err(error.to_string()), None),
    };
    let document = json!({
        "good": verdict.is_ok(),
        "reason": verdict.as_ref().err(),
        "ticket": code.map(|code| code.ticket.to_string()),
        "performance": code.map(|code| code.performance.to_string()),
        "generation": code.map(|code| code.generation),
        "expires_at": code.map(|code| moment(code.expires_at).0.to_string()),
    });
    writeln!(io::stdout(), "{document}")?;
    Ok(if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(
    code: &TicketCode,
    performance: Option<PerformanceId>,
    now: Timestamp,
) -> Result<(), String> {
    if performance.is_some_and(|performance| performance != code.performance) {
        return Err("the code is for another performance".into());
    }
    if code.expires_at < now {
        return Err("the code has expired".into());
    }
    Ok(())
}

async fn key_set(source: &KeySetSource) -> Result<String, CliError> {
    let read = |file: &PathBuf| {
        std::fs::read_to_string(file)
            .map_err(|error| CliError::Other(format!("{}: {error}", file.display())))
    };
    match source {
        KeySetSource::File(file) => read(file),
        KeySetSource::Url(url) => {
            let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).build();
            let request = client.map_err(CliError::other)?.get(url).send();
            let response = request.await.and_then(reqwest::Response::error_for_status);
            response.map_err(CliError::other)?.text().await.map_err(CliError::other)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_code_is_good_for_its_performance_until_it_expires() {
        let dir = tempfile::tempdir().unwrap();
        let keys = TicketKeys::open_or_create(dir.path()).unwrap();
        let performance = PerformanceId::from_u128(7);
        let ticket = "1018-2-80.1".parse().unwrap();
        let expires_at = Timestamp::from_millis(1_790_000_000_000);
        let code = TicketCode { performance, ticket, generation: 0, expires_at };
        let file = dir.path().join("keys.json");
        std::fs::write(&file, serde_json::to_string(&keys.published()).unwrap()).unwrap();
        let source = KeySetSource::File(file);
        let known = PublicKeys::parse(&key_set(&source).await.unwrap()).unwrap();
        let read = known.verify(&keys.sign(&code)).unwrap();
        assert_eq!(verdict(&read, None, expires_at), Ok(()));
        assert_eq!(verdict(&read, Some(performance), expires_at), Ok(()));
        assert!(verdict(&read, Some(PerformanceId::from_u128(8)), expires_at).is_err());
        assert!(verdict(&read, None, expires_at.plus_millis(1)).is_err());
        let nowhere = KeySetSource::File(dir.path().join("nothing"));
        assert!(key_set(&nowhere).await.is_err());
    }
}
