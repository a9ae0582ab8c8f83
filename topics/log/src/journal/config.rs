//! How a journal is opened. Nothing here changes what was written before.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_topics::Genesis;

use super::block::SECTOR_BYTES;
use crate::LogError;

/// The smallest segment, for tests that want many of them.
const SEGMENT_BYTES_MIN: u64 = 32 * 1024;
/// The largest segment: making one must not take minutes.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// The largest append: far above any batch, far below a segment.
const APPEND_BYTES_MAX: u64 = 16 << 20;

/// The longest that an append waits for others.
const DELAY_MAX: Duration = Duration::from_millis(100);

/// How a journal is opened.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// The directory, which is made when there is none. It belongs to the journal alone.
    pub dir: PathBuf,
    /// Partitions of each topic that a new log has, and an old one was made with.
    pub partitions: NonZeroU16,
    /// Bytes of each new segment, a multiple of 512.
    pub segment_bytes: u64,
    /// Bytes of records that may wait for the writer before appends wait.
    pub queue_bytes: u32,
    /// Bytes of records after which a block is written although more are waiting.
    pub block_bytes: u32,
    /// The least time from the beginning of one commit to that of the next. The first append after
    /// a pause is committed at once; under load more appends share a block and a sync.
    pub commit_interval: Duration,
    /// How long an append that asks for no sync waits at most for one that does, to be written in
    /// the same block.
    pub written_delay: Duration,
    /// Bytes of records kept in memory for readers that follow the tail.
    pub recent_bytes: usize,
    /// How long appends are refused at once after the disk was found full.
    pub full_retry: Duration,
    /// What a new log is called; a random name and the time of day when absent.
    pub genesis: Option<Genesis>,
}

impl JournalConfig {
    /// The defaults, which suit a machine that sells.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, partitions: NonZeroU16) -> Self {
        Self {
            dir: dir.into(),
            partitions,
            // At 10 MB/s a segment lasts 6 seconds, and the next one is made in a fraction of one.
            segment_bytes: 64 << 20,
            // A quarter of a second of the fastest disk seen.
            queue_bytes: 32 << 20,
            // Larger blocks do not make syncs cheaper per byte.
            block_bytes: 1 << 20,
            // About half of a sync: less would pay for syncs that hardly anybody shares.
            commit_interval: Duration::from_micros(100),
            // What is derived may be seen this much later; under load it never waits so long.
            written_delay: Duration::from_millis(1),
            // A reader may fall about a second behind before it goes to the disk.
            recent_bytes: 32 << 20,
            // A full disk is noticed to have room again within a second.
            full_retry: Duration::from_millis(250),
            genesis: None,
        }
    }

    /// Bytes of the largest append.
    pub(crate) fn append_bytes_max(&self) -> u64 {
        (self.segment_bytes / 4).min(APPEND_BYTES_MAX)
    }

    pub(crate) fn check(&self) -> Result<(), LogError> {
        let range = SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX;
        let whole = self.segment_bytes.is_multiple_of(SECTOR_BYTES as u64);
        let sane = range.contains(&self.segment_bytes)
            && whole
            && self.queue_bytes > 0
            && self.commit_interval.max(self.written_delay) <= DELAY_MAX
            && self.partitions.get() <= boxoffice_topics::partition::PARTITIONS_MAX;
        if sane {
            return Ok(());
        }
        Err(LogError::Mismatch(Arc::from(format!(
            "a journal has 1 to {} partitions, a queue, delays of at most {DELAY_MAX:?}, and \
             segments of {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX} bytes in steps of {SECTOR_BYTES}",
            boxoffice_topics::partition::PARTITIONS_MAX
        ))))
    }
}
