//! The keys of somebody else: a JSON Web Key Set (RFC 7517) from a file or a URL, kept fresh.
//!
//! A token names its key (`kid`); the set says what the key is and which algorithm it is good for.
//! The set has public keys only, and where it is, the configuration says: what a token's header
//! says about keys beside `kid` (`jku`, `jwk`, `x5u`, `x5c`) is not looked at.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use reqwest::Url;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::AuthError;
use super::tokens::{Claims, Key, Rules};
use crate::causes::with_causes;
use crate::config::KeySetSource;
use crate::http::metric_definitions;

/// Bytes of a key set. A key has some 500, with a chain of certificates 5,000.
const KEY_SET_BYTES_MAX: usize = 256 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// From the first byte sent to the last byte received.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Least time between two readings: tokens with made-up keys must not become requests to whoever
/// has the set.
const REFRESH_DISTANCE: Duration = Duration::from_secs(5);

/// A key set that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// It cannot be read.
    #[error("{0}")]
    Read(String),
    /// It is too large to be one.
    #[error("it has more than {KEY_SET_BYTES_MAX} bytes")]
    TooLarge,
    /// It is no key set.
    #[error("it is no JSON Web Key Set: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Whoever can read the set could sign with this key.
    #[error("it has a symmetric key, which is no key to publish")]
    Symmetric,
    /// One of its keys is damaged.
    #[error("key {id:?}: {error}")]
    Key {
        /// Which.
        id: String,
        /// What is wrong with it.
        error: jsonwebtoken::errors::Error,
    },
    /// Two of its keys cannot be told from one another.
    #[error("two keys are named {0:?}")]
    Ambiguous(String),
    /// It has nothing to verify with.
    #[error("it has no key with a `kid` for RS256, ES256 or EdDSA")]
    Useless,
}

/// The current keys, and the task that keeps them so.
pub(super) struct KeySet {
    shared: Arc<Shared>,
    _refreshing: AbortOnDropHandle<()>,
}

struct Shared {
    place: Place,
    rules: Rules,
    current: RwLock<Arc<Generation>>,
    /// That of `current`, for those who need nothing else.
    generation: AtomicU64,
    /// Somebody has asked for a key that is unknown.
    wanted: Notify,
}

struct Generation {
    number: u64,
    keys: Keys,
}

/// By `kid`.
type Keys = HashMap<String, PublicKey>;

struct PublicKey {
    published: Jwk,
    key: Key,
}

impl KeySet {
    /// Reads the set, and goes on doing so at this interval.
    pub(super) async fn open(
        source: &KeySetSource,
        interval: Duration,
        rules: Rules,
    ) -> Result<Self, AuthError> {
        let location = match source {
            KeySetSource::Url(url) => url.clone(),
            KeySetSource::File(file) => file.display().to_string(),
        };
        let refuse = |error| AuthError::KeySet { location: location.clone(), error };
        let place = Place::new(source).map_err(refuse)?;
        let document = place.read().await.map_err(refuse)?;
        let keys = parse(&document, &rules).map_err(refuse)?;
        let shared = Arc::new(Shared {
            place,
            rules,
            current: RwLock::new(Arc::new(Generation { number: 0, keys })),
            generation: AtomicU64::new(0),
            wanted: Notify::new(),
        });
        let refreshing = tokio::spawn(Arc::clone(&shared).keep_fresh(interval));
        Ok(Self { shared, _refreshing: AbortOnDropHandle::new(refreshing) })
    }

    pub(super) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// What the token says, when the key that it names has signed it, and in which generation.
    pub(super) fn verify(&self, header: &Header, token: &str) -> Result<(Claims, u64), ErrorKind> {
        let id = header.kid.as_ref().ok_or(ErrorKind::InvalidToken)?;
        let current =
            Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner));
        match current.keys.get(id) {
            Some(public) => Ok((public.key.verify(token)?, current.number)),
            None => {
                self.shared.wanted.notify_one();
                Err(ErrorKind::InvalidToken)
            }
        }
    }
}

impl Shared {
    async fn keep_fresh(self: Arc<Self>, interval: Duration) {
        let distance = REFRESH_DISTANCE.min(interval);
        loop {
            tokio::time::sleep(distance).await;
            // Either way it is time.
            let wanted = tokio::time::timeout(interval - distance, self.wanted.notified()).await;
            tracing::debug!(wanted = wanted.is_ok(), "the key set is read again");
            let read = self.place.read().await;
            match read.and_then(|document| parse(&document, &self.rules)) {
                Ok(keys) => self.replace(keys),
                Err(error) => {
                    metric_definitions::key_set_refreshed("failed");
                    tracing::warn!(error = %error, "the key set cannot be refreshed; its keys stay");
                }
            }
        }
    }

    fn replace(&self, keys: Keys) {
        metric_definitions::key_set_refreshed("ok");
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let stays = |(id, old): (&String, &PublicKey)| {
            keys.get(id).is_some_and(|new| new.published == old.published)
        };
        let number = current.number + u64::from(!current.keys.iter().all(stays));
        *current = Arc::new(Generation { number, keys });
        self.generation.store(number, Ordering::Release);
    }
}

/// Where the set is.
enum Place {
    Url { http: reqwest::Client, url: Url },
    File(PathBuf),
}

impl Place {
    fn new(source: &KeySetSource) -> Result<Self, KeySetError> {
        let url = match source {
            KeySetSource::Url(url) => url,
            KeySetSource::File(file) => return Ok(Self::File(file.clone())),
        };
        let url = Url::parse(url).map_err(|error| KeySetError::Read(error.to_string()))?;
        let mut builder = reqwest::Client::builder();
        if url.scheme() == "http" {
            // The same machine or its neighbour: neither a proxy nor roots are in between.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(FETCH_TIMEOUT)
            // Keys come from the place that was configured, and from no other.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(not_fetched)?;
        Ok(Self::Url { http, url })
    }

    async fn read(&self) -> Result<Vec<u8>, KeySetError> {
        match self {
            Self::Url { http, url } => fetch(http, url).await,
            Self::File(file) => {
                let not_read = |error: std::io::Error| KeySetError::Read(error.to_string());
                let file = tokio::fs::File::open(file).await.map_err(not_read)?;
                let mut document = Vec::new();
                let mut file = file.take(KEY_SET_BYTES_MAX as u64 + 1);
                file.read_to_end(&mut document).await.map_err(not_read)?;
                refuse_large(document.len())?;
                Ok(document)
            }
        }
    }
}

async fn fetch(http: &reqwest::Client, url: &Url) -> Result<Vec<u8>, KeySetError> {
    let mut response = http.get(url.clone()).send().await.map_err(not_fetched)?;
    let status = response.status();
    if status != reqwest::StatusCode::OK {
        return Err(KeySetError::Read(format!("the server answered {status}")));
    }
    let mut document = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(not_fetched)? {
        refuse_large(document.len() + piece.len())?;
        document.extend_from_slice(&piece);
    }
    Ok(document)
}

/// The location is said by whoever shows the error.
fn not_fetched(error: reqwest::Error) -> KeySetError {
    KeySetError::Read(with_causes(&error.without_url()))
}

fn refuse_large(bytes: usize) -> Result<(), KeySetError> {
    if bytes > KEY_SET_BYTES_MAX { Err(KeySetError::TooLarge) } else { Ok(()) }
}

/// The keys that tokens can be verified with. A set may have others beside them: for encryption,
/// or for algorithms that are not ours.
fn parse(document: &[u8], rules: &Rules) -> Result<Keys, KeySetError> {
    let set: JwkSet = serde_json::from_slice(document)?;
    let mut keys = Keys::new();
    for published in set.keys {
        if matches!(published.algorithm, AlgorithmParameters::OctetKey(_)) {
            return Err(KeySetError::Symmetric);
        }
        let (Some(algorithm), Some(id)) = (algorithm(&published), published.common.key_id.clone())
        else {
            continue;
        };
        let key = DecodingKey::from_jwk(&published)
            .map_err(|error| KeySetError::Key { id: id.clone(), error })?;
        let key = Key::new(key, algorithm, rules);
        if keys.insert(id.clone(), PublicKey { published, key }).is_some() {
            return Err(KeySetError::Ambiguous(id));
        }
    }
    if keys.is_empty() { Err(KeySetError::Useless) } else { Ok(keys) }
}

/// The one algorithm that a key is good for. The kind of the key decides it; what else the key
/// says about itself can only make it good for nothing.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let common = &jwk.common;
    let agrees = common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
    let signs = common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let verifies =
        common.key_operations.as_ref().is_none_or(|them| them.contains(&KeyOperations::Verify));
    (agrees && signs && verifies).then_some(algorithm)
}
