//! A token that is used for longer than one request: whoever listens does so no longer than the
//! token is good.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::{Stranger, bearer};
use crate::http::problem::Problem;
use crate::http::router::App;

/// How soon a token ends whose key was taken back.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The token of a request, to be looked at again.
pub struct Session {
    app: App,
    token: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl FromRequestParts<App> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?.to_owned();
        Ok(Self { app: App::clone(app), token })
    }
}

impl Session {
    /// Returns when the token is good no more, and says why.
    pub async fn ended(self) -> Stranger {
        loop {
            match self.app.authenticator.look_again(&self.token) {
                Ok(left) => tokio::time::sleep(left.min(LOOK_AGAIN)).await,
                Err(stranger) => return stranger,
            }
        }
    }
}
