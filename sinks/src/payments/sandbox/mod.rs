//! The sandbox: a payment provider that speaks the Toss protocol on its own port and keeps its
//! own books, so that the whole way of the money can be walked without a contract.
//!
//! It is as unkind as the real one: an idempotency key gives the first answer whatever the body
//! says, a request goes on when its caller has gone, and a payment can be told to be slow, to
//! fail after it was booked, or to be booked after it was refused.
//!
//! The books are written to a file before an answer leaves, so they survive `kill -9`; with
//! [`SandboxConfig::sync`] they survive a power cut too. `/sandbox/*` needs no secret: it stands
//! for the buyer's browser. Never show this port to the world.

mod answer;
mod behaviour;
mod books;
mod journal;
mod provider;
mod routes;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::toss::SecretKey;
pub use behaviour::Behaviour;
use provider::Provider;

/// How the sandbox behaves.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The secret key that callers must know.
    pub secret_key: SecretKey,
    /// Where the books are kept; `None` keeps them in memory only.
    pub directory: Option<PathBuf>,
    /// Whether the books are synced before an answer leaves. Lines that gather during a sync
    /// share the next one. Without it they survive the end of the process, but no power cut.
    /// Default: true.
    pub sync: bool,
    /// Where webhooks go; `None` sends none.
    pub webhook_url: Option<String>,
    /// Wait before a webhook is sent again; each next wait is four times as long, seven times in
    /// all. The real provider begins with a minute. Default: 1 s.
    pub webhook_retry: Duration,
    /// How long a payment can be confirmed. Default: 30 minutes.
    pub lifetime: Duration,
    /// What a payment does that is not told. Default: it is approved.
    pub default_behaviour: Behaviour,
}

impl SandboxConfig {
    /// The defaults, with this secret.
    #[must_use]
    pub fn new(secret_key: SecretKey) -> Self {
        Self {
            secret_key,
            directory: None,
            sync: true,
            webhook_url: None,
            webhook_retry: Duration::from_secs(1),
            lifetime: Duration::from_secs(30 * 60),
            default_behaviour: Behaviour::Approve,
        }
    }
}

/// The sandbox cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The books are in use.
    #[error("the sandbox's books are in use by another process")]
    Locked,
    /// The books cannot be understood.
    #[error("line {line} of the sandbox's books is damaged: {error}")]
    Damaged {
        /// The line, from one.
        line: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// The operating system refused.
    #[error("run the sandbox: {0}")]
    Io(#[from] std::io::Error),
    /// The webhook client could not be made.
    #[error("make the webhook client: {0}")]
    Client(#[source] reqwest::Error),
}

/// A sandbox with its books open.
#[derive(Clone)]
pub struct Sandbox {
    provider: Arc<Provider>,
}

impl Sandbox {
    /// Opens the books. Must be called within a runtime: late bookings go on from here.
    ///
    /// # Errors
    /// When the books cannot be opened or are damaged.
    pub fn open(config: SandboxConfig) -> Result<Self, SandboxError> {
        let provider = Arc::new(Provider::open(config)?);
        provider.resume();
        Ok(Self { provider })
    }

    /// The protocol, and `/sandbox/*`.
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.provider))
    }

    /// The books as `GET /sandbox/books` shows them.
    #[must_use]
    pub fn books(&self) -> serde_json::Value {
        self.provider.audit().0
    }
}

/// Opens the books and answers on the listener until the future is dropped.
///
/// # Errors
/// When the books cannot be opened or the listener fails.
pub async fn serve(listener: TcpListener, config: SandboxConfig) -> Result<(), SandboxError> {
    let sandbox = Sandbox::open(config)?;
    axum::serve(listener, sandbox.router()).await?;
    Ok(())
}
