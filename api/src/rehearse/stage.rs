//! Where the rehearsal happens: a private node on a directory of its own, or a server that runs
//! already.

use std::path::PathBuf;

use super::Args;
use super::client::Addresses;
use crate::config::Auth;
use crate::http::auth::{AuthError, Names, Signer};

/// A stage that could not be set up or cleared.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The server's tokens cannot be made.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Neither a data directory nor a secret.
    #[error("with --url, name the server's --data-dir or its --token-secret: tokens must be signed")]
    SecretMissing,
    /// The data directory cannot be made.
    #[error("make a temporary data directory: {0}")]
    Directory(#[source] std::io::Error),
}

/// Where the rehearsal happens.
#[derive(Debug)]
pub(super) struct Stage {
    addresses: Addresses,
    auth: Auth,
    names: Option<Names>,
}

/// What only the owner of the data directory can find out, after the server has ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// Differences that deciding everything again brought up; None when it was not tried.
    pub(super) replay: Option<Vec<String>>,
    /// Differences between the rows and the fold; None when it was not tried.
    pub(super) postgres: Option<Vec<String>>,
}

impl Stage {
    pub(super) async fn open(args: &Args) -> Result<Self, StageError> {
        let server = args.url.clone().unwrap_or_default();
        let sandbox = args.sandbox_url.clone().unwrap_or_default();
        let addresses = Addresses {
            server: server.trim_end_matches('/').to_owned(),
            sandbox: sandbox.trim_end_matches('/').to_owned(),
        };
        let names = args.data_dir.as_deref().map(Names::open).transpose()?;
        if names.is_none() && args.token_secret.is_none() {
            return Err(StageError::SecretMissing);
        }
        let auth = Auth { secret_file: args.token_secret.clone(), ..Auth::default() };
        Ok(Self { addresses, auth, names })
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub(super) fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    pub(super) fn signer(&self) -> Result<Signer, AuthError> {
        // The secret file wins over the names, so any will do beside one.
        let nameless = Names::new(&[]);
        Signer::new(&self.auth, self.names.as_ref().unwrap_or(&nameless))
    }

    pub(super) async fn close(self, _verify: bool) -> Result<Verdict, StageError> {
        Ok(Verdict::default())
    }
}
