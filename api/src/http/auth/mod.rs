//! Who asks: bearer tokens, roles, and the keyed names of accounts.
//!
//! The algorithm of a token is pinned by the key that was configured; what the token's header
//! says can only disagree with it. Nothing in a token says where a key is: at most, the name of an
//! unknown one makes the configured key set be read again. Subjects never reach the log: an
//! account is a keyed hash.

mod bad_tokens;
mod cache;
mod jwks;
mod names;
mod session;
mod tokens;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use boxoffice_topics::AccountId;
use serde::{Deserialize, Serialize};

pub use names::Names;
pub use session::Session;
pub use tokens::{AuthError, Claims, SUBJECT_BYTES_MAX, Signer, Verifier};

use self::bad_tokens::BadTokens;
use self::cache::{Cache, Digest, Now, Verified};
use crate::config::Limits;
use crate::http::metric_definitions;
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
    /// Stands at a door: shows tickets to the log.
    Gate,
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
    /// They have sent no token.
    const WITHOUT_TOKEN: Self =
        Self { code: "token_missing", detail: "send one header `Authorization: Bearer <token>`" };
    /// Their address has sent so many bad ones that this one is not looked at.
    const UNCHECKED: Self = Self {
        code: "too_many_bad_tokens",
        detail: "too many tokens from this address could not be verified",
    };
    /// Theirs may be good: it is us who cannot tell.
    const KEYS_OUTDATED: Self = Self {
        code: "keys_outdated",
        detail: "the keys that tokens are verified with could not be read for too long",
    };

    const fn invalid(detail: &'static str) -> Self {
        Self { code: "token_invalid", detail }
    }

    /// Why, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Why, for people.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        self.detail
    }
}

impl From<Stranger> for Problem {
    fn from(stranger: Stranger) -> Self {
        let Stranger { code, detail } = stranger;
        match stranger {
            Stranger::UNCHECKED => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code).detail(detail).retry_after_seconds(1)
            }
            Stranger::KEYS_OUTDATED => Self::unavailable(code, detail),
            _ => Self::unauthorized(code, detail),
        }
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
    bad_tokens: BadTokens,
}

impl Authenticator {
    /// An authenticator that believes this verifier.
    #[must_use]
    pub fn new(verifier: Verifier, names: Arc<Names>, limits: &Limits) -> Self {
        Self { verifier, names, cache: Cache::default(), bad_tokens: BadTokens::new(limits) }
    }

    /// Who sent these headers from this address.
    ///
    /// # Errors
    /// When the token is missing, malformed, forged, expired or not for us, or cannot be looked at.
    pub fn authenticate(&self, headers: &HeaderMap, from: IpAddr) -> Result<Caller, Stranger> {
        let token = bearer(headers)?;
        let (now, digest) = (self.now()?, Cache::digest(token));
        if let Some(known) = self.cache.get(&digest, now) {
            return Ok(known.caller);
        }
        if self.bad_tokens.exhausted(from, Instant::now()) {
            metric_definitions::rate_limited("bad_tokens");
            return Err(Stranger::UNCHECKED);
        }
        let verified = self.verify(token, digest, now);
        if verified.is_err() {
            self.bad_tokens.count(from, Instant::now());
        }
        verified.map(|verified| verified.caller)
    }

    /// How long a token that was good before is still good.
    ///
    /// # Errors
    /// When it is good no more.
    fn look_again(&self, token: &str) -> Result<Duration, Stranger> {
        let (now, digest) = (self.now()?, Cache::digest(token));
        let verified = match self.cache.get(&digest, now) {
            Some(known) => known,
            None => self.verify(token, digest, now)?,
        };
        Ok(verified.left(now))
    }

    /// Measures what changes while nothing happens.
    pub fn measure(&self) {
        if let Some(age) = self.verifier.age() {
            metric_definitions::key_set_age(age);
        }
    }

    fn now(&self) -> Result<Now, Stranger> {
        let seconds = jiff::Timestamp::now().as_second();
        let generation = self.verifier.generation().ok_or(Stranger::KEYS_OUTDATED)?;
        Ok(Now { seconds, generation })
    }

    fn verify(&self, token: &str, digest: Digest, now: Now) -> Result<Verified, Stranger> {
        let (claims, generation) = self.verifier.verify(token).map_err(tokens::stranger)?;
        let caller = Caller { account: self.names.account(&claims.sub), role: claims.role };
        let verified = Verified { caller, expires_at_seconds: claims.exp, generation };
        self.cache.put(digest, verified, now);
        Ok(verified)
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Stranger> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Stranger::WITHOUT_TOKEN);
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
        // The front has authenticated every request that it counts; the others share one address.
        let known = parts.extensions.get::<Result<Self, Stranger>>().copied();
        let nowhere = Ipv4Addr::UNSPECIFIED.into();
        let caller =
            known.unwrap_or_else(|| app.authenticator.authenticate(&parts.headers, nowhere));
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
