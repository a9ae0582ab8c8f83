//! Reads a whole journal, changes nothing, and says where it ends.
//!
//! The one rule of the tail: at the first block that is not whole the log ends there, unless
//! something later proves that the place had been synced. A later block proves it by what it says
//! was durable when it was written; a later segment proves it by being in use, because a segment
//! is left only after its last sync. Then bytes that were durable have changed, and that is
//! damage.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use boxoffice_topics::{Genesis, LogId};

use super::block::{BlockKind, Chain, Frame};
use super::disk::Disk;
use super::index::Index;
use super::segment::{self, FIRST_BLOCK, Location, SegmentReader, file_name};
use crate::{LogError, Topic, TopicPartition};

/// Where the log ends and the next block goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    pub(crate) location: Location,
    /// What was surely synced of the segment; the rest up to the end may be in a cache only.
    pub(crate) durable_to: u64,
    /// The end of what a crash left behind the end: cut off before anything is written.
    pub(crate) torn_to: u64,
}

/// What is in a journal. Filled while walking, so that it says how far it got on an error.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) log_id: LogId,
    /// Partitions that the log was made with.
    pub(crate) dealt: u16,
    /// Partitions that it has by now.
    pub(crate) partitions: u16,
    pub(crate) segments: BTreeSet<u32>,
    pub(crate) blocks: u64,
    pub(crate) chain: Chain,
    /// The offset after the last record, by [`index_of`].
    pub(crate) ends: Vec<u64>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) genesis: Option<Genesis>,
}

/// The place of a topic partition in lists: those of one partition are side by side, so that lists
/// grow at their ends.
pub(crate) fn index_of(of: TopicPartition, partitions: u16) -> Option<usize> {
    let within = of.partition.number() < partitions;
    let beside = match of.topic {
        Topic::Intents => 0,
        Topic::Outcomes => 1,
    };
    within.then(|| 2 * usize::from(of.partition.number()) + beside)
}

impl Inspection {
    /// Reads which log this is; `None` when there is none.
    pub(crate) fn begin(disk: &dyn Disk) -> Result<Option<Self>, LogError> {
        let names = disk.list().map_err(|error| LogError::io("list the journal", error))?;
        let segments = BTreeSet::from_iter(segment::numbers(&names));
        if segments.is_empty() {
            return Ok(None);
        }
        let first = SegmentReader::open(disk, 0)?.header;
        let lists = 2 * usize::from(first.partitions);
        Ok(Some(Self {
            log_id: first.log_id,
            dealt: first.partitions,
            partitions: first.partitions,
            segments,
            blocks: 0,
            chain: Chain::default(),
            ends: vec![0; lists],
            indexes: vec![Index::default(); lists],
            genesis: None,
        }))
    }

    /// Walks through every block to the end.
    pub(crate) fn walk(&mut self, disk: &dyn Disk) -> Result<Tail, LogError> {
        let mut number = 0;
        loop {
            let mut segment = self.open(disk, number)?;
            if let Some(tail) = self.walk_segment(disk, &mut segment)? {
                self.check_unused(disk, tail)?;
                self.check_genesis(disk)?;
                return Ok(tail);
            }
            number += 1;
        }
    }

    fn open(&self, disk: &dyn Disk, number: u32) -> Result<SegmentReader, LogError> {
        let segment = SegmentReader::open(disk, number)?;
        let path = disk.path(&file_name(number));
        if segment.header.log_id != self.log_id {
            return Err(LogError::Mismatch(Arc::from(format!(
                "{} belongs to log {}, not to {}",
                path.display(),
                segment.header.log_id,
                self.log_id
            ))));
        }
        if segment.header.partitions != self.dealt {
            return Err(LogError::Mismatch(Arc::from(format!(
                "{} has {} partitions, not {}",
                path.display(),
                segment.header.partitions,
                self.dealt
            ))));
        }
        Ok(segment)
    }

    /// `None` when the log goes on in the next segment.
    fn walk_segment(
        &mut self,
        disk: &dyn Disk,
        segment: &mut SegmentReader,
    ) -> Result<Option<Tail>, LogError> {
        let number = segment.header.number;
        let mut location = Location { segment: number, position: FIRST_BLOCK };
        let mut durable_to = FIRST_BLOCK;
        loop {
            let position = location.position;
            let block =
                segment.block(position).map_err(|error| unreadable(disk, location, error))?;
            let Some((header, frames)) = block else {
                let torn_to = find_end(disk, segment, location)?;
                return Ok(Some(Tail { location, durable_to, torn_to }));
            };
            if header.chain != self.chain || header.durable_to > position {
                return Err(damaged(disk, location, "the block is not the one that follows"));
            }
            for frame in frames {
                let frame =
                    frame.map_err(|_| damaged(disk, location, "the block makes no sense"))?;
                self.note_growth(&frame);
                let index = index_of(frame.of, self.partitions)
                    .filter(|index| self.ends[*index] == frame.first)
                    .ok_or_else(|| damaged(disk, location, "the records are not the next ones"))?;
                if frame.first == 0 {
                    let genesis = frame.ranges().next().map(|range| &frame.records[range]);
                    self.note_genesis(genesis.unwrap_or_default())
                        .map_err(|reason| damaged(disk, location, &reason))?;
                }
                self.ends[index] = frame.end();
                self.indexes[index].note(frame.first, location);
            }
            self.blocks += 1;
            self.chain = header.next();
            durable_to = header.durable_to;
            location.position += header.padded_bytes() as u64;
            if header.kind == BlockKind::Seal {
                return Ok(None);
            }
        }
    }

    /// A partition after the last one begins with its genesis record.
    fn note_growth(&mut self, frame: &Frame<'_>) {
        if frame.first == 0 && frame.of.partition.number() == self.partitions {
            self.partitions += 1;
            let lists = 2 * usize::from(self.partitions);
            self.ends.resize(lists, 0);
            self.indexes.resize(lists, Index::default());
        }
    }

    fn note_genesis(&mut self, record: &[u8]) -> Result<(), String> {
        let genesis = Genesis::from_record(record)
            .map_err(|error| format!("the first record of a partition is no genesis: {error}"))?;
        if genesis.log_id != self.log_id {
            return Err(format!("the genesis record names log {}", genesis.log_id));
        }
        self.genesis = Some(genesis);
        Ok(())
    }

    /// A segment is made with its genesis records, and partitions come later with theirs in one
    /// block, so they can only be lost by damage.
    fn check_genesis(&self, disk: &dyn Disk) -> Result<(), LogError> {
        if self.ends.contains(&0) {
            let first = Location { segment: 0, position: FIRST_BLOCK };
            return Err(damaged(disk, first, "the genesis records are missing"));
        }
        Ok(())
    }

    /// What follows the tail must have been made and never used.
    fn check_unused(&self, disk: &dyn Disk, tail: Tail) -> Result<(), LogError> {
        for (number, expected) in
            self.segments.range(tail.location.segment + 1..).zip(tail.location.segment + 1..)
        {
            let mut later = self.open(disk, expected)?;
            debug_assert_eq!(*number, expected, "a missing segment is an error");
            for position in later.sectors_from(FIRST_BLOCK) {
                let written = later.is_written(position).map_err(|error| {
                    unreadable(disk, Location { segment: expected, position }, error)
                })?;
                if written {
                    return Err(damaged(
                        disk,
                        tail.location,
                        "the block is not whole, and the next segment is in use",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The end of what is written behind the last whole block.
fn find_end(disk: &dyn Disk, segment: &mut SegmentReader, tail: Location) -> Result<u64, LogError> {
    let mut torn_to = tail.position;
    for position in segment.sectors_from(tail.position) {
        let at = Location { position, ..tail };
        if !segment.is_written(position).map_err(|error| unreadable(disk, at, error))? {
            continue;
        }
        torn_to = position + FIRST_BLOCK;
        let later = segment.block_header(position).map_err(|error| unreadable(disk, at, error))?;
        if later.is_some_and(|later| later.durable_to > tail.position) {
            return Err(damaged(
                disk,
                tail,
                "the block is not whole, and a later one says that it was synced",
            ));
        }
    }
    Ok(torn_to)
}

fn damaged(disk: &dyn Disk, at: Location, reason: &str) -> LogError {
    LogError::Damaged {
        file: disk.path(&file_name(at.segment)),
        position: at.position,
        reason: Arc::from(reason),
    }
}

/// A disk that cannot give a part back is damage with a place, too.
fn unreadable(disk: &dyn Disk, at: Location, error: io::Error) -> LogError {
    let path = disk.path(&file_name(at.segment));
    LogError::io(format!("read {} at byte {}", path.display(), at.position), error)
}
