//! Segment files: their names, their first sector, how one is made and how one is read.
//!
//! A segment appears under its name whole: zero-filled, with its first sector, synced. What is
//! behind the first sector is blocks and then zeros.

use std::io;
use std::sync::Arc;

use boxoffice_topics::LogId;

use super::block::{BlockHeader, Frames, HEADER_BYTES, Place, SECTOR_BYTES};
use super::disk::{Disk, DiskFile, write_all_at, write_zeros};
use crate::LogError;

/// Where the first block of a segment is.
pub(crate) const FIRST_BLOCK: u64 = SECTOR_BYTES as u64;
const MAGIC: [u8; 8] = *b"BXSEGMNT";
const VERSION: u32 = 1;
/// Read at once while walking through blocks.
const WINDOW_BYTES: u64 = 1 << 20;

/// Where a block is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(crate) segment: u32,
    pub(crate) position: u64,
}

/// The name of a segment's file.
pub(crate) fn file_name(number: u32) -> String {
    format!("segment-{number:010}")
}

/// The name of a segment's file while it is being made.
pub(crate) fn unfinished_name(number: u32) -> String {
    format!("{}.unfinished", file_name(number))
}

/// The numbers of the segments among these files, in order.
pub(crate) fn numbers(names: &[String]) -> Vec<u32> {
    let number = |name: &String| {
        let number = name.strip_prefix("segment-")?.parse().ok()?;
        (*name == file_name(number)).then_some(number)
    };
    let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// The first sector of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log_id: LogId,
    pub(crate) partitions: u16,
    pub(crate) number: u32,
    pub(crate) length: u64,
}

impl SegmentHeader {
    fn to_sector(self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        sector[..8].copy_from_slice(&MAGIC);
        sector[8..12].copy_from_slice(&VERSION.to_le_bytes());
        sector[12..14].copy_from_slice(&self.partitions.to_le_bytes());
        sector[16..32].copy_from_slice(&self.log_id.to_bytes());
        sector[32..36].copy_from_slice(&self.number.to_le_bytes());
        sector[40..48].copy_from_slice(&self.length.to_le_bytes());
        let checksum = crc32c::crc32c(&sector[..508]);
        sector[508..].copy_from_slice(&checksum.to_le_bytes());
        sector
    }

    fn from_sector(sector: &[u8; SECTOR_BYTES]) -> Result<Self, Unreadable> {
        let u32_at = |at: usize| {
            u32::from_le_bytes([sector[at], sector[at + 1], sector[at + 2], sector[at + 3]])
        };
        if sector[..8] != MAGIC || u32_at(508) != crc32c::crc32c(&sector[..508]) {
            return Err(Unreadable::Damaged);
        }
        if u32_at(8) != VERSION {
            return Err(Unreadable::Version(u32_at(8)));
        }
        let mut log_id = [0; 16];
        log_id.copy_from_slice(&sector[16..32]);
        Ok(Self {
            log_id: LogId::from_bytes(log_id),
            partitions: u16::from_le_bytes([sector[12], sector[13]]),
            number: u32_at(32),
            length: u64::from(u32_at(40)) | (u64::from(u32_at(44)) << 32),
        })
    }
}

enum Unreadable {
    Damaged,
    Version(u32),
}

/// Makes a segment with these bytes as its first blocks. It has its name only when it is whole
/// and durable; a crash before leaves an unfinished file that the next open removes.
pub(crate) fn make(
    disk: &dyn Disk,
    header: SegmentHeader,
    blocks: &[u8],
) -> io::Result<Arc<dyn DiskFile>> {
    let unfinished = unfinished_name(header.number);
    let made = disk.create(&unfinished).and_then(|file| {
        file.reserve(header.length)?;
        write_zeros(&*file, 0, header.length)?;
        write_all_at(&*file, &header.to_sector(), 0)?;
        write_all_at(&*file, blocks, FIRST_BLOCK)?;
        file.sync()?;
        disk.rename(&unfinished, &file_name(header.number))?;
        disk.sync_directory()?;
        Ok(file)
    });
    if made.is_err() {
        // Room for others while the disk is full. If this fails too, the next open removes it.
        disk.remove(&unfinished).ok();
    }
    made
}

fn damaged(disk: &dyn Disk, number: u32, position: u64, reason: &str) -> LogError {
    let file = disk.path(&file_name(number));
    LogError::Damaged { file, position, reason: Arc::from(reason) }
}

/// A segment that is being read through a window.
pub(crate) struct SegmentReader {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn DiskFile>,
    window_start: u64,
    window: Vec<u8>,
}

impl SegmentReader {
    /// Opens a segment and reads its first sector.
    pub(crate) fn open(disk: &dyn Disk, number: u32) -> Result<Self, LogError> {
        let (reader, length) = Self::open_any_length(disk, number)?;
        if length < reader.header.length {
            return Err(damaged(disk, number, length, "the segment is cut short"));
        }
        Ok(reader)
    }

    /// Like [`SegmentReader::open`], with the length of the file, which may be cut short.
    pub(crate) fn open_any_length(disk: &dyn Disk, number: u32) -> Result<(Self, u64), LogError> {
        let name = file_name(number);
        let path = disk.path(&name);
        let context = |error| LogError::io(format!("read {}", path.display()), error);
        let file = match disk.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(disk, number, 0, "the segment is missing"));
            }
            opened => opened.map_err(context)?,
        };
        let length = file.length().map_err(context)?;
        if length < FIRST_BLOCK {
            return Err(damaged(disk, number, 0, "the segment is cut short"));
        }
        let mut sector = [0; SECTOR_BYTES];
        file.read_at(&mut sector, 0).map_err(context)?;
        let header =
            SegmentHeader::from_sector(&sector).map_err(|unreadable| match unreadable {
                Unreadable::Damaged => {
                    damaged(disk, number, 0, "the first sector of the segment is not whole")
                }
                Unreadable::Version(version) => LogError::Mismatch(Arc::from(format!(
                    "{} has version {version}, and this program knows versions to {VERSION}",
                    path.display()
                ))),
            })?;
        if header.number != number {
            return Err(LogError::Mismatch(Arc::from(format!(
                "{} was made as segment {}",
                path.display(),
                header.number
            ))));
        }
        Ok((Self { header, file, window_start: 0, window: Vec::new() }, length))
    }

    fn place(&self, position: u64) -> Place {
        Place { log_id: self.header.log_id, segment: self.header.number, position }
    }

    /// Bytes of the segment; `None` beyond its end.
    fn bytes(&mut self, position: u64, length: usize) -> io::Result<Option<&[u8]>> {
        let end = position + length as u64;
        if end > self.header.length {
            return Ok(None);
        }
        let window_end = self.window_start + self.window.len() as u64;
        if position < self.window_start || end > window_end {
            let wanted = (length as u64).max(WINDOW_BYTES).min(self.header.length - position);
            // Nothing may be taken for read when reading fails.
            self.window_start = 0;
            let mut window = std::mem::take(&mut self.window);
            window.resize(wanted as usize, 0);
            self.file.read_at(&mut window, position)?;
            self.window = window;
            self.window_start = position;
        }
        let start = (position - self.window_start) as usize;
        Ok(Some(&self.window[start..start + length]))
    }

    /// Reads from the disk again: more may be written there by now.
    pub(crate) fn forget(&mut self) {
        self.window.clear();
    }

    /// The header of the block at a position, when there is one.
    pub(crate) fn block_header(&mut self, position: u64) -> io::Result<Option<BlockHeader>> {
        let place = self.place(position);
        let bytes = self.bytes(position, HEADER_BYTES)?;
        Ok(bytes.and_then(|bytes| BlockHeader::parse(bytes, place)))
    }

    /// The block at a position, when it is whole.
    pub(crate) fn block(&mut self, position: u64) -> io::Result<Option<(BlockHeader, Frames<'_>)>> {
        let Some(header) = self.block_header(position)? else { return Ok(None) };
        let block = self.bytes(position, header.padded_bytes())?;
        Ok(block.and_then(|block| Some((header, header.frames(block)?))))
    }

    /// Whether the sector at a position has anything but zeros in it.
    pub(crate) fn is_written(&mut self, position: u64) -> io::Result<bool> {
        let sector = self.bytes(position, SECTOR_BYTES)?;
        Ok(sector.is_some_and(|sector| sector != [0; SECTOR_BYTES]))
    }

    /// Every sector from a position on.
    pub(crate) fn sectors_from(&self, position: u64) -> impl Iterator<Item = u64> + use<> {
        (position..self.header.length).step_by(SECTOR_BYTES)
    }
}
