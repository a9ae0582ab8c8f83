//! Tokens for the people of a rehearsal.

use std::time::Duration;

use crate::http::auth::{AuthError, Role, Signer};

/// Longer than any rehearsal.
const TOKEN_TTL: Duration = Duration::from_secs(24 * 3_600);

/// Makes tokens that the server believes.
#[derive(Debug)]
pub(super) struct Mint {
    signer: Signer,
    expires_at_seconds: i64,
}

impl Mint {
    pub(super) fn new(signer: Signer) -> Self {
        let ttl_seconds = i64::try_from(TOKEN_TTL.as_secs()).unwrap_or(i64::MAX);
        let expires_at_seconds = jiff::Timestamp::now().as_second().saturating_add(ttl_seconds);
        Self { signer, expires_at_seconds }
    }

    /// A token for a subject in a role.
    pub(super) fn token(&self, role: Role, subject: &str) -> Result<String, AuthError> {
        self.signer.sign(subject, role, self.expires_at_seconds)
    }
}
