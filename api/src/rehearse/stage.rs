//! Where the rehearsal happens: a private node on a directory of its own, or a server that runs
//! already.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use boxoffice_topics::PerformanceId;
use tempfile::TempDir;

use super::Args;
use super::client::Addresses;
use super::verdict::{Verdict, VerdictError, verify};
use crate::config::{Auth, Config};
use crate::http::auth::{AuthError, Names, Signer};
use crate::node::{Node, NodeError};

/// Requests per second of one account, and at once, on a private node: nobody who plays a part
/// needs as many, and every request is counted all the same.
const ACCOUNT_REQUESTS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");

/// A stage that could not be set up or cleared.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The server's tokens cannot be made.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Neither a data directory nor a secret.
    #[error("beside --url, name the server's --data-dir or --token-secret: tokens must be signed")]
    SecretMissing,
    /// The temporary data directory cannot be made.
    #[error("make a temporary data directory: {0}")]
    Directory(#[source] std::io::Error),
    /// The private node does not start, or failed.
    #[error("private node: {0}")]
    Node(#[from] NodeError),
    /// The private node runs no sandbox.
    #[error("the private node runs no sandbox provider")]
    SandboxMissing,
    /// What it left behind cannot be read.
    #[error(transparent)]
    Verdict(#[from] VerdictError),
}

/// Where to ask, and who is believed there.
#[derive(Debug)]
pub(super) struct Stage {
    addresses: Addresses,
    auth: Auth,
    names: Option<Names>,
}

/// The node of a rehearsal that brings its own.
#[derive(Debug)]
pub(super) struct PrivateNode {
    node: Node,
    config: Config,
    directory: Option<TempDir>,
}

/// Sets the stage; there is a private node unless a server was named.
pub(super) async fn open(args: &Args) -> Result<(Stage, Option<PrivateNode>), StageError> {
    if let (Some(server), Some(sandbox)) = (&args.url, &args.sandbox_url) {
        return Ok((Stage::at(server, sandbox, args)?, None));
    }
    let private = PrivateNode::start(args).await?;
    let sandbox = private.node.sandbox_url().ok_or(StageError::SandboxMissing)?;
    let addresses = addresses(private.node.url(), sandbox);
    let names = Some(Names::open(&private.config.data_dir)?);
    Ok((Stage { addresses, auth: Auth::default(), names }, Some(private)))
}

impl Stage {
    fn at(server: &str, sandbox: &str, args: &Args) -> Result<Self, StageError> {
        let names = args.data_dir.as_deref().map(Names::open).transpose()?;
        if names.is_none() && args.token_secret.is_none() {
            return Err(StageError::SecretMissing);
        }
        let auth = Auth { secret_file: args.token_secret.clone(), ..Auth::default() };
        Ok(Self { addresses: addresses(server, sandbox), auth, names })
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// How the server names accounts and keys, when its secret is known.
    pub(super) fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    pub(super) fn signer(&self) -> Result<Signer, AuthError> {
        // A secret file wins over the names, so beside one any names will do.
        let nameless = Names::new(&[]);
        Signer::new(&self.auth, self.names.as_ref().unwrap_or(&nameless))
    }
}

impl PrivateNode {
    async fn start(args: &Args) -> Result<Self, StageError> {
        let (data_dir, directory) = match &args.data_dir {
            Some(data_dir) => (data_dir.clone(), None),
            None => {
                let made = tempfile::Builder::new().prefix("boxoffice-rehearsal-").tempdir();
                let directory = made.map_err(StageError::Directory)?;
                (directory.path().to_owned(), Some(directory))
            }
        };
        let mut config = Config { data_dir, ..Config::default() };
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.limits.account_requests_per_second = ACCOUNT_REQUESTS.get();
        config.limits.account_requests_burst = ACCOUNT_REQUESTS;
        // All buyers have the address of this machine.
        config.limits.address_connections_max = 0;
        config.partitions = args.partitions.unwrap_or(config.partitions);
        if let Some(database) = &args.database {
            config.database = database.clone();
        }
        let node = Node::start(config.clone()).await?;
        Ok(Self { node, config, directory })
    }

    /// Waits until the node fails.
    pub(super) async fn failed(&mut self) -> StageError {
        self.node.failed().await.into()
    }

    /// Ends the node, decides everything again and adds up these performances.
    pub(super) async fn close(
        self,
        performances: &[String],
    ) -> Result<(Verdict, Remains), StageError> {
        self.node.shutdown().await?;
        let ids = performances.iter().filter_map(|id| id.parse().ok());
        let ids: Vec<PerformanceId> = ids.collect();
        let verdict = verify(&self.config, &ids).await?;
        Ok((verdict, Remains { directory: self.directory }))
    }
}

/// The data directory that a private node leaves behind; a temporary one goes with it.
#[derive(Debug)]
pub(super) struct Remains {
    directory: Option<TempDir>,
}

impl Remains {
    /// Keeps a temporary directory, and says where it is.
    pub(super) fn keep(self) -> Option<PathBuf> {
        self.directory.map(TempDir::keep)
    }
}

fn addresses(server: &str, sandbox: &str) -> Addresses {
    let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
    Addresses { server: trimmed(server), sandbox: trimmed(sandbox) }
}
