//! The bytes of a code: what it says, then the signature. `docs/WIRE.md` has the layout.

use boxoffice_topics::{IntentId, OrderId, PerformanceId, TicketId, Timestamp};

use super::base45;

/// Before the letters of every code, so that a scanner knows what it sees.
const PREFIX: &str = "BX1:";
/// The version of the layout.
const VERSION: u8 = 1;
/// What is signed begins with this, so that no other signature of the same key is a ticket's.
const CONTEXT: &[u8] = b"boxoffice ticket code\0";
const PAYLOAD_BYTES: usize = 37;
const SIGNATURE_BYTES: usize = 64;

/// The name of a key: the first bytes of the BLAKE3 of its public key.
pub(super) type KeyId = [u8; 4];

/// What a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketCode {
    /// The performance that the ticket is for.
    pub performance: PerformanceId,
    /// The ticket.
    pub ticket: TicketId,
    /// How often it had changed hands when the code was made.
    pub generation: u16,
    /// Until when it admits, to the second.
    pub expires_at: Timestamp,
}

/// A code that is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It is not spelled like one.
    #[error("this is not the code of a ticket")]
    Malformed,
    /// A newer program made it.
    #[error("the code has version {0}, which this program does not know")]
    Version(u8),
    /// Its key is not among those that are known.
    #[error("the code is signed with a key that is not known")]
    KeyUnknown,
    /// Somebody has changed it, or made it up.
    #[error("the signature of the code is wrong")]
    Forged,
}

/// A code whose signature was not looked at yet.
pub(super) struct Unverified {
    pub(super) code: TicketCode,
    pub(super) key: KeyId,
    pub(super) signed: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// The letters of a code that this key signs.
pub(super) fn write(code: &TicketCode, key: KeyId, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let mut bytes = Vec::with_capacity(PAYLOAD_BYTES + SIGNATURE_BYTES);
    bytes.push(VERSION);
    bytes.extend(key);
    bytes.extend(code.performance.to_bytes());
    bytes.extend(code.ticket.order.0.packed().to_be_bytes());
    bytes.extend(code.ticket.number.to_be_bytes());
    bytes.extend(code.generation.to_be_bytes());
    bytes.extend(seconds(code.expires_at).to_be_bytes());
    let signature = sign(&signed(&bytes));
    bytes.extend(signature);
    format!("{PREFIX}{}", base45::encode(&bytes))
}

/// What the letters of a code say, and what has to be verified.
pub(super) fn read(text: &str) -> Result<Unverified, CodeError> {
    let letters = text.trim().strip_prefix(PREFIX).ok_or(CodeError::Malformed)?;
    let bytes = base45::decode(letters).ok_or(CodeError::Malformed)?;
    match bytes.first() {
        Some(&VERSION) => (),
        Some(&other) => return Err(CodeError::Version(other)),
        None => return Err(CodeError::Malformed),
    }
    if bytes.len() != PAYLOAD_BYTES + SIGNATURE_BYTES {
        return Err(CodeError::Malformed);
    }
    let (payload, signature) = bytes.split_at(PAYLOAD_BYTES);
    let mut rest = &payload[1..];
    let key = take(&mut rest)?;
    let performance = PerformanceId::from_bytes(take(&mut rest)?);
    let order = IntentId::from_packed(i64::from_be_bytes(take(&mut rest)?));
    let order = OrderId(order.ok_or(CodeError::Malformed)?);
    let number = u16::from_be_bytes(take(&mut rest)?);
    let generation = u16::from_be_bytes(take(&mut rest)?);
    let expires_at_ms = i64::from(u32::from_be_bytes(take(&mut rest)?)) * 1_000;
    let expires_at = Timestamp::from_millis(expires_at_ms);
    let ticket = TicketId { order, number };
    let code = TicketCode { performance, ticket, generation, expires_at };
    Ok(Unverified { code, key, signed: signed(payload), signature: signature.to_vec() })
}

fn signed(payload: &[u8]) -> Vec<u8> {
    [CONTEXT, payload].concat()
}

/// Seconds since 1970, rounded up so that a code lasts as long as its ticket; the last second that
/// has 32 bits, in 2106, stands for whatever comes later.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().saturating_add(999) / 1_000).unwrap_or(u32::MAX)
}

fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N], CodeError> {
    let (taken, rest) = from.split_first_chunk().ok_or(CodeError::Malformed)?;
    *from = rest;
    Ok(*taken)
}
