//! The outside of every record: a prefix of 12 bytes, a header, a payload.
//!
//! ```text
//!  0  magic "BX"        2  version 1     3  kind
//!  4  header length (u16, little endian)  6  reserved, zero (u16)
//!  8  CRC-32C (u32, little endian) of bytes 0..8 and of everything from 12 on
//! 12  header (CBOR)     ..  payload (CBOR)
//! ```
//!
//! The header can be read without the payload. Readers refuse an unknown version or kind by
//! name; nothing is guessed.

use minicbor::{Decode, Encode};

use crate::codec::{decode_whole, encode_into};
use crate::ids::{AccountId, IntentKey, LogId, Offset};
use crate::intent::Intent;
use crate::step::Step;
use crate::time::Timestamp;

/// Bytes before the header.
pub const PREFIX_BYTES: usize = 12;
/// Bytes of the largest record: a house of 200,000 seats in rows fits, and a distributed log takes
/// it in one piece.
pub const RECORD_BYTES_MAX: usize = 128 * 1024;
/// Bytes of the largest intent. Ingest refuses what would be larger: the step that repeats a
/// definition has more around it, and must fit into a record too.
pub const INTENT_BYTES_MAX: usize = RECORD_BYTES_MAX - 1024;

const MAGIC: [u8; 2] = *b"BX";
const VERSION: u8 = 1;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// The first record of every partition: which log this is.
    Genesis = 1,
    /// An intent, in the intents topic.
    Intent = 2,
    /// A step, in the outcomes topic.
    Step = 3,
}

impl RecordKind {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Genesis, Self::Intent, Self::Step].into_iter().find(|kind| *kind as u8 == number)
    }
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The record ends too early, or is too long.
    #[error(
        "record of {0} bytes is shorter than its prefix says or longer than {RECORD_BYTES_MAX}"
    )]
    Length(usize),
    /// It was not written by boxoffice.
    #[error("not a boxoffice record")]
    Magic,
    /// It was written by a newer boxoffice.
    #[error("record version {0} is newer than this program ({VERSION})")]
    Version(u8),
    /// Its kind is unknown, or not the one that belongs here.
    #[error("record kind {0} does not belong here")]
    Kind(u8),
    /// Its bytes changed after it was written.
    #[error("record checksum differs: its bytes were changed")]
    Checksum,
    /// Its header or payload is not what its kind says.
    #[error("record content: {0}")]
    Content(#[from] minicbor::decode::Error),
}

/// A record, opened: the parts are still encoded.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// What the record is.
    pub kind: RecordKind,
    /// Encoded header.
    pub header: &'a [u8],
    /// Encoded payload.
    pub payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Checks the prefix and the checksum and finds the parts.
    ///
    /// # Errors
    /// Any [`EnvelopeError`] but `Content`.
    pub fn open(record: &'a [u8]) -> Result<Self, EnvelopeError> {
        if record.len() < PREFIX_BYTES || record.len() > RECORD_BYTES_MAX {
            return Err(EnvelopeError::Length(record.len()));
        }
        let (prefix, rest) = record.split_at(PREFIX_BYTES);
        if prefix[..2] != MAGIC {
            return Err(EnvelopeError::Magic);
        }
        if prefix[2] != VERSION {
            return Err(EnvelopeError::Version(prefix[2]));
        }
        let stored = u32::from_le_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]);
        if stored != checksum(&prefix[..8], rest) {
            return Err(EnvelopeError::Checksum);
        }
        let kind = RecordKind::from_number(prefix[3]).ok_or(EnvelopeError::Kind(prefix[3]))?;
        let header_bytes = usize::from(u16::from_le_bytes([prefix[4], prefix[5]]));
        if header_bytes > rest.len() {
            return Err(EnvelopeError::Length(record.len()));
        }
        let (header, payload) = rest.split_at(header_bytes);
        Ok(Self { kind, header, payload })
    }

    /// The header of a step.
    ///
    /// # Errors
    /// When the record is not a step.
    pub fn step_header(&self) -> Result<StepHeader, EnvelopeError> {
        Ok(decode_whole(self.expect(RecordKind::Step)?.header)?)
    }

    /// The step.
    ///
    /// # Errors
    /// When the record is not a step that this version knows.
    pub fn step(&self) -> Result<Step, EnvelopeError> {
        Ok(decode_whole(self.expect(RecordKind::Step)?.payload)?)
    }

    fn expect(self, kind: RecordKind) -> Result<Self, EnvelopeError> {
        if self.kind == kind { Ok(self) } else { Err(EnvelopeError::Kind(self.kind as u8)) }
    }
}

fn checksum(start: &[u8], rest: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(start), rest)
}

/// Appends a record to `buffer`.
fn seal<H: Encode<()>>(kind: RecordKind, header: &H, payload: &[u8], buffer: &mut Vec<u8>) {
    let start = buffer.len();
    buffer.extend_from_slice(&[MAGIC[0], MAGIC[1], VERSION, kind as u8, 0, 0, 0, 0, 0, 0, 0, 0]);
    encode_into(header, buffer);
    let header_bytes = buffer.len() - start - PREFIX_BYTES;
    let header_bytes = u16::try_from(header_bytes).unwrap_or_else(|_| unreachable!("header size"));
    buffer.extend_from_slice(payload);
    buffer[start + 4..start + 6].copy_from_slice(&header_bytes.to_le_bytes());
    let (prefix, rest) = buffer[start..].split_at(PREFIX_BYTES);
    let sum = checksum(&prefix[..8], rest);
    buffer[start + 8..start + 12].copy_from_slice(&sum.to_le_bytes());
}

/// The first record of a partition of either topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Genesis {
    /// The log's random name.
    #[n(0)]
    pub log_id: LogId,
    /// When the log was made.
    #[n(1)]
    pub created_at: Timestamp,
}

impl Genesis {
    /// The whole record.
    #[must_use]
    pub fn to_record(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(64);
        seal(RecordKind::Genesis, self, &[], &mut record);
        record
    }

    /// Reads the first record of a partition.
    ///
    /// # Errors
    /// When the record is not a genesis record.
    pub fn from_record(record: &[u8]) -> Result<Self, EnvelopeError> {
        let envelope = Envelope::open(record)?.expect(RecordKind::Genesis)?;
        Ok(decode_whole(envelope.header)?)
    }
}

/// The header of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// The stamp of ingest.
    #[n(0)]
    pub recorded_at: Timestamp,
    /// Who asks; zero for control records.
    #[n(1)]
    pub account: AccountId,
    /// What makes it the same intent when it comes again; zero for a tick.
    #[n(2)]
    pub key: IntentKey,
    /// XXH3-64 of the payload.
    #[n(3)]
    pub fingerprint: u64,
    /// The caller's W3C `traceparent`.
    #[n(4)]
    pub traceparent: Option<Box<str>>,
}

/// Writes an intent as a record. The fingerprint in the header is computed here.
#[must_use]
pub fn intent_to_record(header: &Header, intent: &Intent<'_>) -> Vec<u8> {
    let mut record = Vec::with_capacity(PREFIX_BYTES + 224);
    intent_into(header.clone(), intent, &mut Vec::with_capacity(128), &mut record);
    record
}

/// Writes an intent as a record at the end of `buffer`; `scratch` is overwritten. Who keeps both
/// buffers allocates nothing.
pub fn intent_into(
    header: Header,
    intent: &Intent<'_>,
    scratch: &mut Vec<u8>,
    buffer: &mut Vec<u8>,
) {
    scratch.clear();
    encode_into(intent, scratch);
    let fingerprint = xxhash_rust::xxh3::xxh3_64(scratch);
    seal(RecordKind::Intent, &Header { fingerprint, ..header }, scratch, buffer);
}

/// Reads an intent. Texts are borrowed from the record.
///
/// # Errors
/// When the record is not an intent that this version knows.
pub fn intent_from_record(record: &[u8]) -> Result<(Header, Intent<'_>), EnvelopeError> {
    let envelope = Envelope::open(record)?.expect(RecordKind::Intent)?;
    Ok((decode_whole(envelope.header)?, decode_whole(envelope.payload)?))
}

/// The chained hash over every step of a partition: BLAKE3 of the previous hash and the payload.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct ChainHash(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl ChainHash {
    /// The hash before the first step: BLAKE3 of the log's id.
    #[must_use]
    pub fn of_log(log_id: LogId) -> Self {
        Self(blake3::hash(&log_id.to_bytes()).into())
    }

    /// The hash after one more step.
    #[must_use]
    pub fn extended_by(self, payload: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(payload);
        Self(hasher.finalize().into())
    }

    /// A hash that was kept somewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The header of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StepHeader {
    /// The log of the input.
    #[n(0)]
    pub log_id: LogId,
    /// Fencing number of the writer. Not part of what is hashed.
    #[n(1)]
    pub epoch: u64,
    /// Place of the input in the partition of the same number.
    #[n(2)]
    pub input: Offset,
    /// The chained hash after this step.
    #[n(3)]
    pub chain: ChainHash,
}

/// Writes a step as a record and returns the chained hash after it.
///
/// # Panics
/// When the step is larger than a record may be: nobody could read it, so it is not published.
pub fn step_to_record(
    log_id: LogId,
    epoch: u64,
    before: ChainHash,
    step: &Step,
    scratch: &mut Vec<u8>,
) -> (Vec<u8>, ChainHash) {
    scratch.clear();
    encode_into(step, scratch);
    let chain = before.extended_by(scratch);
    let header = StepHeader { log_id, epoch, input: step.offset, chain };
    let mut record = Vec::with_capacity(PREFIX_BYTES + 80 + scratch.len());
    seal(RecordKind::Step, &header, scratch, &mut record);
    assert!(record.len() <= RECORD_BYTES_MAX, "the step at {} is too large", step.offset);
    (record, chain)
}

/// Reads the header of a step, without its payload.
///
/// # Errors
/// When the record is not a step.
pub fn step_header_from_record(record: &[u8]) -> Result<StepHeader, EnvelopeError> {
    Envelope::open(record)?.step_header()
}

/// Reads a step.
///
/// # Errors
/// When the record is not a step that this version knows.
pub fn step_from_record(record: &[u8]) -> Result<(StepHeader, Step), EnvelopeError> {
    let envelope = Envelope::open(record)?;
    Ok((envelope.step_header()?, envelope.step()?))
}
