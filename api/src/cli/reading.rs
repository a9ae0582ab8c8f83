//! Reading a running server as an operator, with a token signed by the secret of the data
//! directory. The log belongs to the server.

use reqwest::RequestBuilder;
use serde_json::Value;

use super::{CliError, DataDir, Signing};
use crate::http::auth::{Names, Role, Signer};
use crate::http::rate_limit;

/// Long enough for a night of watching.
const TOKEN_SECONDS: i64 = 86_400;

/// Which server is read.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Server {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "BOXOFFICE_URL")]
    url: String,
}

/// Asks one server.
pub(super) struct Reader {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Reader {
    /// A reader that calls itself `subject`.
    pub(super) fn open(
        server: &Server,
        data_dir: &DataDir,
        signing: &Signing,
        subject: &str,
    ) -> Result<Self, CliError> {
        let names = Names::open(&data_dir.data_dir)?;
        let expires_at = jiff::Timestamp::now().as_second() + TOKEN_SECONDS;
        let token =
            Signer::new(&signing.auth(), &names)?.sign(subject, Role::Operator, expires_at)?;
        let client = reqwest::Client::builder().no_proxy().build().map_err(CliError::other)?;
        Ok(Self { client, url: server.url.trim_end_matches('/').to_owned(), token })
    }

    /// A request that is not sent yet.
    pub(super) fn request(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// One document. Waits when the server says that these are too many requests.
    pub(super) async fn get(&self, path: &str) -> Result<Value, CliError> {
        loop {
            let sent = self.request(path).send().await.map_err(CliError::other)?;
            match rate_limit::pause(sent.status(), sent.headers()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return checked(sent).await?.json().await.map_err(CliError::other),
            }
        }
    }

    /// Sends a document and reads the answer.
    pub(super) async fn post(&self, path: &str, document: &Value) -> Result<Value, CliError> {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let sent = request.json(document).send().await.map_err(CliError::other)?;
        checked(sent).await?.json().await.map_err(CliError::other)
    }

    /// Every record of a topic from an offset to the end that there is now.
    pub(super) async fn pages(
        &self,
        records: &str,
        mut from: u64,
        mut take: impl FnMut(&Value) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        loop {
            let page = self.get(&format!("{records}?from={from}&limit=1000")).await?;
            page["records"].as_array().into_iter().flatten().try_for_each(&mut take)?;
            let next = page["next"].as_u64().unwrap_or(from);
            if next == from || next >= page["end"].as_u64().unwrap_or(0) {
                return Ok(());
            }
            from = next;
        }
    }
}

/// The answer, when it is not a problem.
pub(super) async fn checked(response: reqwest::Response) -> Result<reqwest::Response, CliError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem: Value = response.json().await.unwrap_or_default();
    let said = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("no reason");
    Err(CliError::Other(format!("the server answered {status}: {said}")))
}
