//! The bytes of one record of a Fluvio topic: a block of records of this log, or a word about who
//! writes and how many partitions there are.
//!
//! ```text
//!  0  magic "BXF"           3  version 1
//!  4  CRC-32C of bytes 0..4 and of everything from 8 on
//!  8  kind (u32)           12  attempt of the writer (u32)
//! 16  session of the writer (16 bytes)
//! 32  log id (16 bytes, zero where no block is)
//! 48  chained hash before the block (16 bytes, zero where no block is)
//! 64  where the block begins, or a number of partitions (u64)
//! 72  records (u32)        76  length of each record (u32), then the records
//! ```
//!
//! All numbers are little endian. An append is within one block, and a block is one record of
//! Fluvio: it is there whole or not at all.

use boxoffice_topics::{Genesis, LogId};
use bytes::Bytes;

const MAGIC: [u8; 3] = *b"BXF";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 76;
const LENGTH_BYTES: usize = 4;
/// Bytes of a hash in the chain: enough to tell histories apart, which nobody forges.
const HASH_BYTES: usize = 16;

/// Who writes: one process that has opened the log, and how often it has begun to write since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriterId {
    pub(super) session: u128,
    pub(super) attempt: u32,
}

/// The hash over all blocks so far, of a partition or of a session in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain([u8; HASH_BYTES]);

impl Chain {
    /// Before the first block of a log.
    pub(super) fn of_log(log_id: LogId) -> Self {
        Self::default().extended_by(&log_id.to_bytes())
    }

    pub(super) fn extended_by(self, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(body);
        let mut hash = [0; HASH_BYTES];
        hasher.finalize_xof().fill(&mut hash);
        Self(hash)
    }
}

/// What a frame is for. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    /// From here on this writer writes alone, and nobody else.
    Fence = 1,
    /// Records of the writer that writes alone; it begins where the partition ends.
    Block = 2,
    /// Nothing, at a place that is known to whoever wrote it.
    Mark = 3,
    /// The first record of a partition. Only the first of them counts.
    Genesis = 4,
    /// So many partitions have begun.
    Partitions = 5,
    /// From here on this is the attempt of its session that counts, beside other sessions.
    Session = 6,
    /// Records of one session; it begins where the session stands.
    SessionBlock = 7,
    /// From here on this is the attempt that counts of the session that writes alone.
    Renewal = 8,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Fence,
        Self::Block,
        Self::Mark,
        Self::Genesis,
        Self::Partitions,
        Self::Session,
        Self::SessionBlock,
        Self::Renewal,
    ];

    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }
}

/// A frame that passed its checksum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) writer: WriterId,
    pub(super) log_id: LogId,
    pub(super) chain: Chain,
    pub(super) first: u64,
    pub(super) count: u32,
}

/// Why bytes are not a frame of this log. They are passed over and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("boxoffice did not write it")]
    Foreign,
    #[error("it has version {0}, and this program knows {VERSION}")]
    Version(u8),
    #[error("its checksum differs")]
    Checksum,
    #[error("its parts do not add up")]
    Content,
}

/// A frame without records.
fn word(kind: Kind, writer: WriterId, first: u64) -> Vec<u8> {
    let (log_id, chain) = (LogId::from_u128(0), Chain::default());
    seal(&Header { kind, writer, log_id, chain, first, count: 0 }, &[])
}

/// A writer takes a partition over for itself.
pub(super) fn fence(writer: WriterId) -> Vec<u8> {
    word(Kind::Fence, writer, 0)
}

/// A writer that has a partition for itself begins again after an error.
pub(super) fn renewal(writer: WriterId) -> Vec<u8> {
    word(Kind::Renewal, writer, 0)
}

/// A writer begins beside others, or begins again after an error.
pub(super) fn session(writer: WriterId) -> Vec<u8> {
    word(Kind::Session, writer, 0)
}

/// A place in a partition that changes nothing.
pub(super) fn mark(by: WriterId) -> Vec<u8> {
    word(Kind::Mark, by, 0)
}

/// The number of partitions that have begun.
pub(super) fn partitions(by: WriterId, number: u16) -> Vec<u8> {
    word(Kind::Partitions, by, u64::from(number))
}

/// The first record of a partition.
pub(super) fn genesis(by: WriterId, genesis: &Genesis) -> Vec<u8> {
    let log_id = genesis.log_id;
    let (kind, chain) = (Kind::Genesis, Chain::of_log(log_id));
    let header = Header { kind, writer: by, log_id, chain, first: 0, count: 1 };
    seal(&header, &[Bytes::from(genesis.to_record())])
}

/// The bytes that records take in a block.
pub(super) fn records_bytes(records: &[Bytes]) -> u64 {
    records.iter().map(|record| (LENGTH_BYTES + record.len()) as u64).sum()
}

/// Writes a frame. The header's count is that of the records.
pub(super) fn seal(header: &Header, records: &[Bytes]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER_BYTES + records_bytes(records) as usize);
    frame.extend_from_slice(&MAGIC);
    frame.push(VERSION);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&(header.kind as u32).to_le_bytes());
    frame.extend_from_slice(&header.writer.attempt.to_le_bytes());
    frame.extend_from_slice(&header.writer.session.to_le_bytes());
    frame.extend_from_slice(&header.log_id.to_bytes());
    frame.extend_from_slice(&header.chain.0);
    frame.extend_from_slice(&header.first.to_le_bytes());
    frame.extend_from_slice(&header.count.to_le_bytes());
    for record in records {
        frame.extend_from_slice(&(record.len() as u32).to_le_bytes());
    }
    for record in records {
        frame.extend_from_slice(record);
    }
    let sum = checksum(&frame);
    frame[4..8].copy_from_slice(&sum.to_le_bytes());
    frame
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

/// Checks a frame and reads its header.
pub(super) fn open(frame: &[u8]) -> Result<Header, Unreadable> {
    if frame.len() < 4 || frame[..3] != MAGIC {
        return Err(Unreadable::Foreign);
    }
    if frame[3] != VERSION {
        return Err(Unreadable::Version(frame[3]));
    }
    if frame.len() < HEADER_BYTES {
        return Err(Unreadable::Content);
    }
    if u32_at(frame, 4) != checksum(frame) {
        return Err(Unreadable::Checksum);
    }
    let kind = Kind::from_number(u32_at(frame, 8)).ok_or(Unreadable::Content)?;
    let header = Header {
        kind,
        writer: WriterId {
            attempt: u32_at(frame, 12),
            session: u128::from_le_bytes(array_at(frame, 16)),
        },
        log_id: LogId::from_bytes(array_at(frame, 32)),
        chain: Chain(array_at(frame, 48)),
        first: u64::from_le_bytes(array_at(frame, 64)),
        count: u32_at(frame, 72),
    };
    let lengths = lengths(frame, header.count).ok_or(Unreadable::Content)?;
    let records_bytes: usize = lengths.sum();
    let whole = HEADER_BYTES + header.count as usize * LENGTH_BYTES + records_bytes;
    if whole == frame.len() { Ok(header) } else { Err(Unreadable::Content) }
}

/// The records of a block that was opened, without copying them.
pub(super) fn records(frame: &Bytes, header: &Header) -> Vec<Bytes> {
    let mut at = HEADER_BYTES + header.count as usize * LENGTH_BYTES;
    let cut = |length| {
        let record = frame.slice(at..at + length);
        at += length;
        record
    };
    lengths(frame, header.count).into_iter().flatten().map(cut).collect()
}

/// What of a frame is hashed into the chain.
pub(super) fn body(frame: &[u8]) -> &[u8] {
    &frame[HEADER_BYTES..]
}

fn lengths(frame: &[u8], count: u32) -> Option<impl Iterator<Item = usize>> {
    let end = HEADER_BYTES.checked_add((count as usize).checked_mul(LENGTH_BYTES)?)?;
    let table = frame.get(HEADER_BYTES..end)?;
    Some((0..count as usize).map(|index| u32_at(table, index * LENGTH_BYTES) as usize))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}
