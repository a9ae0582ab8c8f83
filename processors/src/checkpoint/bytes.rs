//! A snapshot as bytes, wherever they are kept.
//!
//! ```text
//!   0  magic "BXSNAP"   6  format version 1 (u16)     8  partition (u64)
//!  16  log id           32  next offset (u64)         40  chained hash
//!  72  body length (u64)   80  BLAKE3 of bytes 0..80 and of the body
//! 112  body: the state, as the core encodes it
//! ```
//!
//! Numbers are little endian.

use boxoffice_core::{SnapshotError, State};
use boxoffice_topics::envelope::ChainHash;
use boxoffice_topics::{LogId, PartitionId};

use super::Snapshot;

const MAGIC: &[u8; 6] = b"BXSNAP";
const VERSION: u16 = 1;
const DIGEST_AT: usize = 80;
const BODY_AT: usize = 112;

/// Bytes that are not the snapshot that was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// They are not what was written, or a newer program wrote them.
    #[error("{0}")]
    Header(&'static str),
    /// They were made from another log.
    #[error("it is of log {0}")]
    OtherLog(LogId),
    /// The body is not a state.
    #[error("{0}")]
    Body(SnapshotError),
}

pub(super) fn encode(log_id: LogId, snapshot: &Snapshot) -> Vec<u8> {
    let body = snapshot.state.to_snapshot();
    let prefix = prefix(log_id, snapshot, &body);
    let mut bytes = Vec::with_capacity(BODY_AT + body.len());
    bytes.extend_from_slice(&prefix);
    bytes.extend_from_slice(&digest(&prefix, &body));
    bytes.extend_from_slice(&body);
    bytes
}

fn prefix(log_id: LogId, snapshot: &Snapshot, body: &[u8]) -> [u8; DIGEST_AT] {
    let mut prefix = [0; DIGEST_AT];
    prefix[..6].copy_from_slice(MAGIC);
    prefix[6..8].copy_from_slice(&VERSION.to_le_bytes());
    let partition = u64::from(snapshot.state.partition().number());
    prefix[8..16].copy_from_slice(&partition.to_le_bytes());
    prefix[16..32].copy_from_slice(&log_id.to_bytes());
    prefix[32..40].copy_from_slice(&snapshot.state.next_offset().number().to_le_bytes());
    prefix[40..72].copy_from_slice(snapshot.chain.as_bytes());
    prefix[72..80].copy_from_slice(&(body.len() as u64).to_le_bytes());
    prefix
}

fn digest(prefix: &[u8], body: &[u8]) -> [u8; 32] {
    blake3::Hasher::new().update(prefix).update(body).finalize().into()
}

pub(super) fn decode(
    bytes: &[u8],
    log_id: LogId,
    partition: PartitionId,
) -> Result<Snapshot, Unfit> {
    if bytes.len() < BODY_AT || bytes[..6] != *MAGIC {
        return Err(Unfit::Header("not a snapshot"));
    }
    if bytes[6..8] != VERSION.to_le_bytes() {
        return Err(Unfit::Header("its format is of another version"));
    }
    let (prefix, body) = (&bytes[..DIGEST_AT], &bytes[BODY_AT..]);
    if bytes[DIGEST_AT..BODY_AT] != digest(prefix, body) {
        return Err(Unfit::Header("its bytes were changed"));
    }
    if prefix[8..16] != u64::from(partition.number()).to_le_bytes() {
        return Err(Unfit::Header("it is of another partition"));
    }
    let mut found = [0; 16];
    found.copy_from_slice(&prefix[16..32]);
    let found = LogId::from_bytes(found);
    if found != log_id {
        return Err(Unfit::OtherLog(found));
    }
    let state = State::from_snapshot(body).map_err(Unfit::Body)?;
    if prefix[32..40] != state.next_offset().number().to_le_bytes() {
        return Err(Unfit::Header("its offset is not the offset of its state"));
    }
    let mut chain = [0; 32];
    chain.copy_from_slice(&prefix[40..72]);
    Ok(Snapshot { state, chain: ChainHash::from_bytes(chain) })
}
