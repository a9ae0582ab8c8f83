//! JSON Web Tokens: each key has one algorithm, and a token fits it or is refused.

use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode_header};
use serde::{Deserialize, Serialize};

use super::jwks::{KeySet, KeySetError};
use super::{Names, Role, Stranger};
use crate::config::{Auth, PublicKeyAlgorithm};

/// How far our clock and the signer's may be apart.
pub(super) const LEEWAY_SECONDS: i64 = 60;
/// Longest subject: an e-mail address or a UUID fits, a document does not.
pub const SUBJECT_BYTES_MAX: usize = 256;
/// A shared secret shorter than its hash can be guessed offline.
const SECRET_BYTES_MIN: usize = 32;

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// A key file cannot be read or written.
    #[error("{}: {error}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The file is not a secret that boxoffice made.
    #[error("{} does not hold 64 hexadecimal digits", .0.display())]
    SecretMalformed(PathBuf),
    /// The shared secret is too short to be one.
    #[error("{} holds fewer than {SECRET_BYTES_MIN} bytes", .0.display())]
    SecretTooShort(PathBuf),
    /// The public key is not one for its algorithm.
    #[error("{}: {error}", .file.display())]
    PublicKey {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: jsonwebtoken::errors::Error,
    },
    /// The key set cannot be used.
    #[error("key set {location}: {error}")]
    KeySet {
        /// Where it should be.
        location: String,
        /// What is wrong with it.
        error: KeySetError,
    },
    /// The token could not be signed.
    #[error("sign token: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// What a token says. Other claims are ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who.
    pub sub: String,
    /// May do what.
    pub role: Role,
    /// Until when, in seconds since the Unix epoch.
    pub exp: i64,
    /// For whom the token was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<serde_json::Value>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
}

/// What every token must say, whichever key signed it.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    audience: Option<String>,
    issuer: Option<String>,
}

impl Rules {
    fn of(config: &Auth) -> Self {
        Self { audience: config.audience.clone(), issuer: config.issuer.clone() }
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS.unsigned_abs();
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

/// A key, and the one algorithm that it is good for.
pub(super) struct Key {
    key: DecodingKey,
    validation: Validation,
}

impl Key {
    pub(super) fn new(key: DecodingKey, algorithm: Algorithm, rules: &Rules) -> Self {
        Self { key, validation: rules.validation(algorithm) }
    }

    pub(super) fn verify(&self, token: &str) -> Result<Claims, ErrorKind> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(jsonwebtoken::errors::Error::into_kind)?
            .claims;
        if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX {
            return Err(ErrorKind::InvalidSubject);
        }
        Ok(claims)
    }
}

/// Checks tokens against the configured key, or the configured set of keys.
pub struct Verifier(Keys);

enum Keys {
    One(Box<Key>),
    Set(KeySet),
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// The verifier that the configuration asks for.
    ///
    /// # Errors
    /// When a key file or the key set cannot be used.
    pub async fn open(config: &Auth, names: &Names) -> Result<Self, AuthError> {
        let rules = Rules::of(config);
        if let Some(source) = &config.jwks {
            let refresh = Duration::from_secs(config.jwks_refresh_seconds.get().into());
            return KeySet::open(source, refresh, rules).await.map(|set| Self(Keys::Set(set)));
        }
        let (key, algorithm) = match (&config.public_key_file, config.algorithm) {
            (Some(file), Some(algorithm)) => public_key(file, algorithm)?,
            _ => (DecodingKey::from_secret(&shared_secret(config, names)?), Algorithm::HS256),
        };
        Ok(Self(Keys::One(Box::new(Key::new(key, algorithm, &rules)))))
    }

    /// Grows when a key is gone: what was verified in an earlier generation is so no more.
    pub(super) fn generation(&self) -> u64 {
        match &self.0 {
            Keys::One(_) => 0,
            Keys::Set(set) => set.generation(),
        }
    }

    /// What the token says, when it may be believed, and in which generation.
    ///
    /// # Errors
    /// When the token is malformed, forged, expired, not yet valid or not for us.
    pub(super) fn verify(&self, token: &str) -> Result<(Claims, u64), ErrorKind> {
        // Whatever is wrong with the header is not the fault of a claim.
        let header = decode_header(token).map_err(|_| ErrorKind::InvalidToken)?;
        // It names extensions that must be understood (RFC 7515, section 4.1.11); we know none.
        if header.crit.is_some() {
            return Err(ErrorKind::InvalidToken);
        }
        match &self.0 {
            Keys::One(key) => key.verify(token).map(|claims| (claims, 0)),
            Keys::Set(set) => set.verify(&header, token),
        }
    }
}

const FOR_SOMEBODY_ELSE: Stranger = Stranger::invalid("the token was made for somebody else");

/// Why a token is not believed. It says enough to mend an honest mistake.
pub(super) fn stranger(error: ErrorKind) -> Stranger {
    match error {
        ErrorKind::ExpiredSignature => {
            Stranger { code: "token_expired", detail: "the token has expired" }
        }
        ErrorKind::ImmatureSignature => Stranger::invalid("the token is not valid yet"),
        ErrorKind::InvalidAudience | ErrorKind::InvalidIssuer => FOR_SOMEBODY_ELSE,
        ErrorKind::MissingRequiredClaim(claim) if matches!(&*claim, "aud" | "iss") => {
            FOR_SOMEBODY_ELSE
        }
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::InvalidSubject
        | ErrorKind::Json(_) => Stranger::invalid(
            "the token must carry `sub`, `exp` and `role` (buyer, promoter or operator)",
        ),
        _ => Stranger::invalid("the token cannot be verified"),
    }
}

fn read(file: &PathBuf) -> Result<Vec<u8>, AuthError> {
    std::fs::read(file).map_err(|error| AuthError::File { file: file.clone(), error })
}

fn shared_secret(config: &Auth, names: &Names) -> Result<Vec<u8>, AuthError> {
    let Some(file) = &config.secret_file else {
        return Ok(names.token_secret().to_vec());
    };
    let secret = read(file)?.trim_ascii().to_vec();
    if secret.len() < SECRET_BYTES_MIN {
        return Err(AuthError::SecretTooShort(file.clone()));
    }
    Ok(secret)
}

fn public_key(
    file: &PathBuf,
    algorithm: PublicKeyAlgorithm,
) -> Result<(DecodingKey, Algorithm), AuthError> {
    let pem = read(file)?;
    let (key, algorithm) = match algorithm {
        PublicKeyAlgorithm::RS256 => (DecodingKey::from_rsa_pem(&pem), Algorithm::RS256),
        PublicKeyAlgorithm::ES256 => (DecodingKey::from_ec_pem(&pem), Algorithm::ES256),
        PublicKeyAlgorithm::EdDSA => (DecodingKey::from_ed_pem(&pem), Algorithm::EdDSA),
    };
    key.map(|key| (key, algorithm))
        .map_err(|error| AuthError::PublicKey { file: file.clone(), error })
}

/// Signs tokens with the shared secret: for the command line, rehearsals and tests.
pub struct Signer {
    key: EncodingKey,
    audience: Option<String>,
    issuer: Option<String>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    /// The signer whose tokens [`Verifier::open`] of the same configuration believes.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub fn new(config: &Auth, names: &Names) -> Result<Self, AuthError> {
        Ok(Self {
            key: EncodingKey::from_secret(&shared_secret(config, names)?),
            audience: config.audience.clone(),
            issuer: config.issuer.clone(),
        })
    }

    /// A token for this subject until `exp`, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, subject: &str, role: Role, exp: i64) -> Result<String, AuthError> {
        let claims = Claims {
            sub: subject.to_owned(),
            role,
            exp,
            aud: self.audience.clone().map(Into::into),
            iss: self.issuer.clone(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.key)
            .map_err(AuthError::Sign)
    }
}
