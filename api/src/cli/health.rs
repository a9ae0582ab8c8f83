//! `boxoffice health`: whether a server is well, for images that have no other program to ask with.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use super::CliError;

/// From the first byte sent to the last byte received. Whoever is slower helps no buyer.
const TIMEOUT: Duration = Duration::from_secs(4);

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  boxoffice health
  boxoffice health --url http://127.0.0.1:8090/healthz")]
pub(super) struct Args {
    /// The page that answers 200 when all is well.
    #[arg(long, default_value = "http://127.0.0.1:8080/readyz", env = "BOXOFFICE_HEALTH_URL")]
    url: String,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
    let asked = client.map_err(CliError::other)?.get(args.url).send().await;
    let response = asked.map_err(CliError::other)?;
    let is_well = response.status().is_success();
    let said = response.text().await.map_err(CliError::other)?;
    writeln!(io::stdout(), "{}", said.trim_end())?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_is_well_when_its_page_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Router::new()
            .route("/well", get(async || "{}"))
            .route("/ill", get(async || (StatusCode::SERVICE_UNAVAILABLE, "{}")));
        let serving = tokio::spawn(async move { axum::serve(listener, pages).await });
        let ask = async |page: &str| run(Args { url: format!("http://{address}/{page}") }).await;
        assert_eq!(ask("well").await.unwrap(), ExitCode::SUCCESS);
        assert_eq!(ask("ill").await.unwrap(), ExitCode::FAILURE);
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
        assert!(ask("well").await.is_err());
    }
}
