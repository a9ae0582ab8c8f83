//! The public keys: a JSON Web Key Set that scanners take along.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::code::{self, CodeError, KeyId, TicketCode};

/// Bytes of an Ed25519 public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// The keys that sign tickets, as a JSON Web Key Set (RFC 7517, RFC 8037).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketKeySetJson {
    /// The oldest first. New codes are signed with the last one.
    pub keys: Vec<TicketKeyJson>,
}

/// A key that signs tickets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketKeyJson {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// Its name: the first four bytes of the BLAKE3 of the key, in hexadecimal.
    #[schema(example = "5f0c2a91")]
    pub kid: String,
    /// The public key in base64url.
    pub x: String,
}

/// Keys that verify.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(BTreeMap<KeyId, [u8; PUBLIC_KEY_BYTES]>);

impl PublicKeys {
    /// The keys of a published set. Keys for other purposes are passed over.
    ///
    /// # Errors
    /// When the text is no key set, or a key of it is damaged.
    pub fn parse(text: &str) -> Result<Self, String> {
        let set: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let keys = set["keys"].as_array().ok_or("it has no list of `keys`")?;
        let ours = keys.iter().filter(|key| key["kty"] == "OKP" && key["crv"] == "Ed25519");
        let mut known = Self::default();
        for key in ours {
            let x = key["x"].as_str().and_then(|x| URL_SAFE_NO_PAD.decode(x).ok());
            let bytes = x.and_then(|x| <[u8; PUBLIC_KEY_BYTES]>::try_from(x).ok());
            known.add(bytes.ok_or("one of its keys is not an Ed25519 key in base64url")?);
        }
        Ok(known)
    }

    /// What a code says, when it is good.
    ///
    /// # Errors
    /// When it is malformed, or no key that is known has signed it.
    pub fn verify(&self, text: &str) -> Result<TicketCode, CodeError> {
        let read = code::read(text)?;
        let key = self.0.get(&read.key).ok_or(CodeError::KeyUnknown)?;
        let verified = UnparsedPublicKey::new(&ED25519, key).verify(&read.signed, &read.signature);
        verified.map_err(|_| CodeError::Forged)?;
        Ok(read.code)
    }

    pub(super) fn add(&mut self, key: [u8; PUBLIC_KEY_BYTES]) {
        self.0.insert(key_id(&key), key);
    }
}

pub(super) fn key_id(public_key: &[u8]) -> KeyId {
    let [first, second, third, fourth, ..] = *blake3::hash(public_key).as_bytes();
    [first, second, third, fourth]
}

/// A public key as it is published.
pub(super) fn published(public_key: &[u8]) -> TicketKeyJson {
    TicketKeyJson {
        kty: "OKP".into(),
        crv: "Ed25519".into(),
        alg: "EdDSA".into(),
        usage: "sig".into(),
        kid: key_id(public_key).iter().map(|byte| format!("{byte:02x}")).collect(),
        x: URL_SAFE_NO_PAD.encode(public_key),
    }
}
