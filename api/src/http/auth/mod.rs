//! Who asks: bearer tokens, roles, and the keyed names of accounts.
//!
//! The algorithm of a token is pinned by the key that was configured; what the token's header
//! says can only disagree with it. Nothing in a token says where a key is: at most, the name of an
//! unknown one makes the configured key set be read again. Subjects never reach the log: an
//! account is a keyed hash.

mod cache;
mod jwks;
mod names;
mod tokens;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use boxoffice_topics::AccountId;
use serde::{Deserialize, Serialize};

pub use names::Names;
pub use tokens::{AuthError, Claims, SUBJECT_BYTES_MAX, Signer, Verifier};

use self::cache::{Cache, Now, Verified};
use crate::http::problem::Problem;
use crate::http::router::{App, Services};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys, and sees what is theirs.
    Buyer,
    /// Puts performances on sale.
    Promoter,
    /// Runs the house: reads the topics. The process's own records come in through no role.
    Operator,
}

/// Somebody whose token was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub account: AccountId,
    /// May do what.
    pub role: Role,
}

/// Why nobody is known to have sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stranger {
    code: &'static str,
    detail: &'static str,
}

impl Stranger {
    const fn invalid(detail: &'static str) -> Self {
        Self { code: "token_invalid", detail }
    }
}

impl From<Stranger> for Problem {
    fn from(stranger: Stranger) -> Self {
        Self::unauthorized(stranger.code, stranger.detail)
    }
}

/// Longest token that is looked at. Ours have about 200 bytes; a provider's with many claims 2,000.
const TOKEN_BYTES_MAX: usize = 4_096;

/// Verifies tokens, and remembers the verified ones until they expire.
#[derive(Debug)]
pub struct Authenticator {
    verifier: Verifier,
    names: Arc<Names>,
    cache: Cache,
}

impl Authenticator {
    /// An authenticator that believes this verifier.
    #[must_use]
    pub fn new(verifier: Verifier, names: Arc<Names>) -> Self {
        Self { verifier, names, cache: Cache::default() }
    }

    /// Who sent these headers.
    ///
    /// # Errors
    /// When the token is missing, malformed, forged, expired or not for us.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Stranger> {
        let token = bearer(headers)?;
        let seconds = jiff::Timestamp::now().as_second();
        let now = Now { seconds, generation: self.verifier.generation() };
        let digest = Cache::digest(token);
        if let Some(caller) = self.cache.get(&digest, now) {
            return Ok(caller);
        }
        let (claims, generation) = self.verifier.verify(token).map_err(tokens::stranger)?;
        let caller = Caller { account: self.names.account(&claims.sub), role: claims.role };
        let verified = Verified { caller, expires_at_seconds: claims.exp, generation };
        self.cache.put(digest, verified, now);
        Ok(caller)
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Stranger> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Stranger {
            code: "token_missing",
            detail: "send one header `Authorization: Bearer <token>`",
        });
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token {
        Some(token) if token.len() <= TOKEN_BYTES_MAX => Ok(token),
        Some(_) => Err(Stranger::invalid("the token is too long")),
        None => Err(Stranger::invalid("the scheme must be Bearer")),
    }
}

impl Caller {
    /// Who sent this request.
    ///
    /// # Errors
    /// 401.
    pub fn of(parts: &Parts, app: &Services) -> Result<Self, Problem> {
        // The front has authenticated the request before it counted it.
        let known = parts.extensions.get::<Result<Self, Stranger>>().copied();
        let caller = known.unwrap_or_else(|| app.authenticator.authenticate(&parts.headers));
        caller.map_err(Problem::from)
    }

    /// Refuses every role but this one.
    ///
    /// # Errors
    /// 403.
    pub fn require(self, role: Role) -> Result<Self, Problem> {
        self.require_one_of(&[role])
    }

    /// Refuses every role but these.
    ///
    /// # Errors
    /// 403.
    pub fn require_one_of(self, roles: &[Role]) -> Result<Self, Problem> {
        if roles.contains(&self.role) {
            return Ok(self);
        }
        Err(Problem::forbidden(match roles {
            [Role::Buyer] => "only a buyer may do this",
            [Role::Promoter] => "only a promoter may do this",
            [Role::Operator] => "only an operator may do this",
            _ => "your role may not do this",
        }))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(parts, app)
    }
}

/// A buyer: the caller of everything that belongs to somebody.
#[derive(Clone, Copy, Debug)]
pub struct Buyer(pub AccountId);

impl FromRequestParts<App> for Buyer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Caller::of(parts, app)?.require(Role::Buyer).map(|caller| Self(caller.account))
    }
}

/// Anybody: whoever shows a token shows a good one.
#[derive(Clone, Copy, Debug)]
pub struct Visitor(pub Option<Caller>);

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self(None));
        }
        Caller::of(parts, app).map(|caller| Self(Some(caller)))
    }
}

/// An operator: the only one who reads whole topics.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Caller::of(parts, app)?.require(Role::Operator).map(|_| Self)
    }
}
