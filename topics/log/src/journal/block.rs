//! The bytes of a block: what one commit writes.
//!
//! ```text
//!  0  magic "BXBK"
//!  4  length (u32): header and frames, without the padding
//!  8  sequence number (u64): dense over the whole log
//! 16  durable to (u64): the bytes of this segment that were synced before this block was written
//! 24  previous (u32): header checksum of the block before, whatever segment it is in
//! 28  kind (u32)
//! 32  CRC-32C of everything after the header, padding included
//! 36  CRC-32C of log id, segment number, position and bytes 0..36
//! 40  frames: topic (u8), zero (u8), partition (u16), records (u32), first offset (u64),
//!     bytes that follow in this frame (u32), length of each record (u32), the records
//! ..  zeros up to a multiple of 512
//! ```
//!
//! All numbers are little endian. The header checksum knows where the block belongs, so that a
//! block of another log or of another place is never taken for one of here. An append is one
//! frame, so it is there whole or not at all.

use boxoffice_topics::{LogId, PartitionId};
use bytes::Bytes;

use crate::{Topic, TopicPartition};

/// What a disk writes whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 512;
/// Bytes before the frames.
pub(crate) const HEADER_BYTES: usize = 40;
const FRAME_HEADER_BYTES: usize = 20;
const MAGIC: [u8; 4] = *b"BXBK";

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum BlockKind {
    /// It carries records.
    Records = 1,
    /// It is the last of its segment; the log goes on in the next.
    Seal = 2,
    /// The log was closed here with everything synced.
    Close = 3,
}

/// Where a block is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) log_id: LogId,
    pub(crate) segment: u32,
    pub(crate) position: u64,
}

impl Place {
    fn seed(self) -> u32 {
        let id = crc32c::crc32c(&self.log_id.to_bytes());
        let segment = crc32c::crc32c_append(id, &self.segment.to_le_bytes());
        crc32c::crc32c_append(segment, &self.position.to_le_bytes())
    }
}

/// What ties a block to the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Sequence number of the next block.
    pub(crate) sequence: u64,
    /// Header checksum of the last block.
    pub(crate) previous: u32,
}

/// A header that passed its checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockHeader {
    pub(crate) kind: BlockKind,
    pub(crate) chain: Chain,
    pub(crate) durable_to: u64,
    length: usize,
    body_checksum: u32,
    checksum: u32,
}

impl BlockHeader {
    /// Reads a header. `None` when these bytes are no header of a block at this place.
    pub(crate) fn parse(bytes: &[u8], place: Place) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        if bytes[..4] != MAGIC {
            return None;
        }
        let checksum = u32_at(bytes, 36);
        if checksum != crc32c::crc32c_append(place.seed(), &bytes[..36]) {
            return None;
        }
        let kinds = [BlockKind::Records, BlockKind::Seal, BlockKind::Close];
        let kind = kinds.into_iter().find(|kind| *kind as u32 == u32_at(bytes, 28))?;
        let length = u32_at(bytes, 4) as usize;
        (length >= HEADER_BYTES).then_some(Self {
            kind,
            chain: Chain { sequence: u64_at(bytes, 8), previous: u32_at(bytes, 24) },
            durable_to: u64_at(bytes, 16),
            length,
            body_checksum: u32_at(bytes, 32),
            checksum,
        })
    }

    /// Bytes of the block on disk.
    pub(crate) fn padded_bytes(&self) -> usize {
        padded(self.length)
    }

    /// The frames, when the block is whole.
    pub(crate) fn frames<'a>(&self, block: &'a [u8]) -> Option<Frames<'a>> {
        let body = block.get(HEADER_BYTES..self.padded_bytes())?;
        (crc32c::crc32c(body) == self.body_checksum)
            .then(|| Frames { rest: &body[..self.length - HEADER_BYTES] })
    }

    /// What the next block must say.
    pub(crate) fn next(&self) -> Chain {
        Chain { sequence: self.chain.sequence + 1, previous: self.checksum }
    }
}

/// The number of bytes rounded up to whole sectors.
pub(crate) fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(SECTOR_BYTES)
}

/// Bytes of the frame of these records.
pub(crate) fn frame_bytes(records: &[Bytes]) -> u64 {
    let bytes = records.iter().map(|record| 4 + record.len() as u64).sum::<u64>();
    FRAME_HEADER_BYTES as u64 + bytes
}

/// Empties the buffer and leaves room for the header.
pub(crate) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER_BYTES, 0);
}

/// Adds one append.
pub(crate) fn push_frame(buffer: &mut Vec<u8>, to: TopicPartition, first: u64, records: &[Bytes]) {
    let start = buffer.len();
    buffer.extend_from_slice(&[to.topic as u8, 0]);
    buffer.extend_from_slice(&to.partition.number().to_le_bytes());
    buffer.extend_from_slice(&(records.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&first.to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
    for record in records {
        buffer.extend_from_slice(&(record.len() as u32).to_le_bytes());
    }
    for record in records {
        buffer.extend_from_slice(record);
    }
    let body = (buffer.len() - start - FRAME_HEADER_BYTES) as u32;
    buffer[start + 16..start + FRAME_HEADER_BYTES].copy_from_slice(&body.to_le_bytes());
}

/// Pads the block, writes its header and returns what the next block must say.
pub(crate) fn finish(
    buffer: &mut Vec<u8>,
    kind: BlockKind,
    place: Place,
    chain: Chain,
    durable_to: u64,
) -> Chain {
    let length = buffer.len();
    buffer.resize(padded(length), 0);
    let body_checksum = crc32c::crc32c(&buffer[HEADER_BYTES..]);
    buffer[..4].copy_from_slice(&MAGIC);
    buffer[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    buffer[8..16].copy_from_slice(&chain.sequence.to_le_bytes());
    buffer[16..24].copy_from_slice(&durable_to.to_le_bytes());
    buffer[24..28].copy_from_slice(&chain.previous.to_le_bytes());
    buffer[28..32].copy_from_slice(&(kind as u32).to_le_bytes());
    buffer[32..36].copy_from_slice(&body_checksum.to_le_bytes());
    let checksum = crc32c::crc32c_append(place.seed(), &buffer[..36]);
    buffer[36..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Chain { sequence: chain.sequence + 1, previous: checksum }
}

/// One append, still encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) of: TopicPartition,
    pub(crate) first: u64,
    lengths: &'a [u8],
    /// The records, end to end.
    pub(crate) records: &'a [u8],
}

impl Frame<'_> {
    /// The offset after the last record.
    pub(crate) fn end(&self) -> u64 {
        self.first + (self.lengths.len() / 4) as u64
    }

    /// Where each record is in [`Frame::records`].
    pub(crate) fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.lengths.chunks_exact(4).scan(0, |start, length| {
            let from = *start;
            *start += u32_at(length, 0) as usize;
            Some(from..*start)
        })
    }
}

/// The frames of a block: `Err` at one that makes no sense.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
}

/// The checksum is right and the content is not: not written by this program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Malformed;

impl<'a> Frames<'a> {
    fn parse(&mut self) -> Option<Frame<'a>> {
        let (header, rest) = self.rest.split_at_checked(FRAME_HEADER_BYTES)?;
        let topic = Topic::ALL.into_iter().find(|topic| *topic as u8 == header[0])?;
        let partition = PartitionId::new(u16::from_le_bytes([header[2], header[3]]))?;
        let count = u32_at(header, 4) as usize;
        let (body, rest) = rest.split_at_checked(u32_at(header, 16) as usize)?;
        let (lengths, records) = body.split_at_checked(count.checked_mul(4)?)?;
        let frame = Frame {
            of: TopicPartition { topic, partition },
            first: u64_at(header, 8),
            lengths,
            records,
        };
        let sum = lengths.chunks_exact(4).map(|length| u64::from(u32_at(length, 0))).sum::<u64>();
        self.rest = rest;
        (count > 0 && sum == records.len() as u64).then_some(frame)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.parse();
        if frame.is_none() {
            self.rest = &[];
        }
        Some(frame.ok_or(Malformed))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | (u64::from(u32_at(bytes, at + 4)) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { log_id: LogId::from_u128(7), segment: 3, position: 512 };

    fn block() -> Vec<u8> {
        let mut buffer = Vec::new();
        begin(&mut buffer);
        let partition = PartitionId::new(5).unwrap();
        let records = [Bytes::from_static(b"one"), Bytes::new(), Bytes::from_static(b"three")];
        push_frame(&mut buffer, TopicPartition::intents(partition), 9, &records);
        push_frame(&mut buffer, TopicPartition::outcomes(partition), 1, &records[..1]);
        let chain = Chain { sequence: 4, previous: 77 };
        finish(&mut buffer, BlockKind::Records, PLACE, chain, 512);
        buffer
    }

    #[test]
    fn a_block_keeps_its_frames() {
        let block = block();
        let header = BlockHeader::parse(&block, PLACE).unwrap();
        assert_eq!(header.padded_bytes(), block.len());
        assert_eq!(header.chain, Chain { sequence: 4, previous: 77 });
        let frames: Vec<_> = header.frames(&block).unwrap().map(Result::unwrap).collect();
        assert_eq!((frames[0].first, frames[0].end(), frames[1].end()), (9, 12, 2));
        let ranges: Vec<_> = frames[0].ranges().collect();
        assert_eq!(ranges, [0..3, 3..3, 3..8]);
        assert_eq!(frames[0].records, b"onethree");
    }

    #[test]
    fn a_block_belongs_to_one_place_of_one_log() {
        let block = block();
        for place in [
            Place { log_id: LogId::from_u128(8), ..PLACE },
            Place { segment: 4, ..PLACE },
            Place { position: 1024, ..PLACE },
        ] {
            assert!(BlockHeader::parse(&block, place).is_none());
        }
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let whole = block();
        for bit in 0..whole.len() * 8 {
            let mut block = whole.clone();
            block[bit / 8] ^= 1 << (bit % 8);
            let header = BlockHeader::parse(&block, PLACE);
            assert!(header.is_none_or(|header| header.frames(&block).is_none()), "bit {bit}");
        }
    }

    /// These bytes are in every journal ever written: a change here needs a new version.
    #[test]
    fn the_format_is_pinned() {
        let block = block();
        assert_eq!(block.len(), 512);
        assert_eq!(crc32c::crc32c(&block), 1_622_923_276);
    }
}
