//! Looks through a journal that nobody has open, and cuts it where it is damaged when somebody
//! who was asked wants that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use boxoffice_topics::{LogId, PartitionId};

use super::disk::{Disk, FileSystem, write_zeros};
use super::inspect::{Inspection, index_of};
use super::segment::{self, FIRST_BLOCK, Location, SegmentHeader, SegmentReader};
use crate::{LogError, Topic, TopicPartition};

/// What is in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The log's random name.
    pub log_id: LogId,
    /// Partitions of each topic.
    pub partitions: u16,
    /// Partitions that the log was made with.
    pub dealt: u16,
    /// Segment files, one made ahead included.
    pub segments: usize,
    /// Whole blocks before the end or the damage.
    pub blocks: u64,
    /// Whole records before the end or the damage, genesis records included.
    pub records: Vec<(TopicPartition, u64)>,
    /// What a crash left behind the end. The next open cuts it off; nothing durable is in it.
    pub torn_tail: Option<TornTail>,
    /// Where durable bytes have changed.
    pub damage: Option<Damage>,
}

/// What a crash left behind the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: PathBuf,
    /// Its first byte.
    pub position: u64,
    /// How long it is.
    pub bytes: u64,
}

/// Durable bytes that have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// The first byte of the damaged part.
    pub position: u64,
    /// What is wrong there.
    pub reason: Arc<str>,
}

/// Reads the whole journal in a directory and changes nothing.
///
/// # Errors
/// When it is open, when there is none, or when the disk cannot read it. Damage is no error but
/// part of the report, unless it hides which log this is.
pub fn verify(dir: &Path) -> Result<Report, LogError> {
    verify_on(&existing(dir)?)
}

/// Like [`verify`], on any disk.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(disk: &dyn Disk) -> Result<Report, LogError> {
    let _lock = disk
        .lock()
        .map_err(|error| LogError::io("lock the journal", error))?
        .ok_or_else(|| LogError::Locked(disk.path("")))?;
    inspect(disk)
}

/// Cuts a damaged journal off at the damage: everything from there on is lost for good. Does
/// nothing to a journal without damage. Returns what was found before.
///
/// # Errors
/// As [`verify`], and when the disk cannot be written.
pub fn repair(dir: &Path) -> Result<Report, LogError> {
    repair_on(&existing(dir)?)
}

/// Like [`repair`], on any disk.
///
/// # Errors
/// As [`repair`].
pub fn repair_on(disk: &dyn Disk) -> Result<Report, LogError> {
    let _lock = disk
        .lock()
        .map_err(|error| LogError::io("lock the journal", error))?
        .ok_or_else(|| LogError::Locked(disk.path("")))?;
    let mut inspection = begin(disk)?;
    match inspection.walk(disk) {
        Err(LogError::Damaged { file, position, .. }) => {
            let number = (0..=u32::MAX)
                .take(inspection.segments.last().map_or(1, |last| *last as usize + 2))
                .find(|number| disk.path(&segment::file_name(*number)) == file)
                .unwrap_or_default();
            let report = inspect(disk)?;
            cut(disk, &inspection, Location { segment: number, position })
                .map_err(|error| LogError::io("cut the journal", error))?;
            Ok(report)
        }
        Ok(_) => inspect(disk),
        Err(error) => Err(error),
    }
}

/// Later segments go first, the last one before the others, so that a crash in between leaves
/// damage that another repair finds.
fn cut(disk: &dyn Disk, inspection: &Inspection, at: Location) -> std::io::Result<()> {
    for later in inspection.segments.range(at.segment + 1..).rev() {
        disk.remove(&segment::file_name(*later))?;
        disk.sync_directory()?;
    }
    match SegmentReader::open_any_length(disk, at.segment) {
        Ok((segment, _)) if at.position >= FIRST_BLOCK => {
            write_zeros(&*segment.file, at.position, segment.header.length)
        }
        _ => {
            let first = SegmentReader::open(disk, 0).map_err(std::io::Error::other)?.header;
            segment::make(disk, SegmentHeader { number: at.segment, ..first }, &[]).map(drop)
        }
    }
}

fn existing(dir: &Path) -> Result<FileSystem, LogError> {
    FileSystem::existing(dir)
        .map_err(|error| LogError::io(format!("open {}", dir.display()), error))
}

fn begin(disk: &dyn Disk) -> Result<Inspection, LogError> {
    Inspection::begin(disk)?.ok_or_else(|| {
        LogError::Mismatch(Arc::from(format!("there is no log in {}", disk.path("").display())))
    })
}

fn inspect(disk: &dyn Disk) -> Result<Report, LogError> {
    let mut inspection = begin(disk)?;
    let (torn_tail, damage) = match inspection.walk(disk) {
        Ok(tail) => {
            let Location { segment, position } = tail.location;
            let torn = TornTail {
                file: disk.path(&segment::file_name(segment)),
                position,
                bytes: tail.torn_to - position,
            };
            (Some(torn).filter(|torn| torn.bytes > 0), None)
        }
        Err(LogError::Damaged { file, position, reason }) => {
            (None, Some(Damage { file, position, reason }))
        }
        Err(error) => return Err(error),
    };
    let mut records = Vec::new();
    for topic in Topic::ALL {
        for partition in (0..inspection.partitions).filter_map(PartitionId::new) {
            let of = TopicPartition { topic, partition };
            let index = index_of(of, inspection.partitions);
            records.extend(index.map(|index| (of, inspection.ends[index])));
        }
    }
    Ok(Report {
        log_id: inspection.log_id,
        partitions: inspection.partitions,
        dealt: inspection.dealt,
        segments: inspection.segments.len(),
        blocks: inspection.blocks,
        records,
        torn_tail,
        damage,
    })
}
