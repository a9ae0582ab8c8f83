//! Follows one partition: from the disk while it is far behind, from memory at the tail.

use std::sync::Arc;

use boxoffice_topics::Offset;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::block::BlockKind;
use super::segment::{FIRST_BLOCK, Location, SegmentReader, file_name};
use super::tail::{Found, Shared};
use crate::{Batch, LogError, LogReader, TopicPartition};

/// Bytes of records after which a reader from disk answers.
const ANSWER_BYTES: usize = 1 << 20;

/// Reads one partition of a journal.
pub struct JournalReader {
    shared: Arc<Shared>,
    of: TopicPartition,
    index: usize,
    next: u64,
    written: watch::Receiver<u64>,
    /// Where to go on reading from disk.
    place: Option<Place>,
    /// A read from disk that is under way; it outlives the future that began it.
    reading: Option<JoinHandle<Result<Read, LogError>>>,
}

/// Records, and where to go on.
type Read = (Vec<Bytes>, Place);

/// A place on disk that is known to be at or before a record.
struct Place {
    offset: u64,
    position: u64,
    segment: SegmentReader,
}

impl JournalReader {
    pub(crate) fn new(shared: Arc<Shared>, of: TopicPartition, index: usize, next: u64) -> Self {
        let written = shared.state(index).written.subscribe();
        Self { shared, of, index, next, written, place: None, reading: None }
    }

    fn batch(&mut self, records: Vec<Bytes>) -> Batch {
        let first = Offset::new(self.next);
        self.next += records.len() as u64;
        Batch { first, records }
    }

    fn begin_reading(&mut self, until: u64, near: Option<Location>) {
        let place = self.place.take().filter(|place| place.offset == self.next);
        let (shared, of, next) = (Arc::clone(&self.shared), self.of, self.next);
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let place = match place {
                Some(place) => place,
                None => Place::find(&shared, of, next, near)?,
            };
            place.read(&shared, of, until)
        }));
    }
}

impl LogReader for JournalReader {
    async fn next(&mut self) -> Result<Batch, LogError> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = reading.await;
                self.reading = None;
                let (records, place) = read.map_err(|error| {
                    LogError::io("read the log", std::io::Error::other(error))
                })??;
                self.place = Some(place);
                return Ok(self.batch(records));
            }
            // Seen before looking, so that nothing that comes after is missed.
            self.written.borrow_and_update();
            let stopped = self.shared.stopped();
            let state = self.shared.state(self.index);
            let limit = if stopped.is_some() { *state.durable.borrow() } else { u64::MAX };
            let found = state.recent().find(self.next, limit);
            match found {
                Found::Records(records) => return Ok(self.batch(records)),
                Found::OnDisk { until, near } => self.begin_reading(until, near),
                Found::Nothing => {
                    if let Some(stopped) = stopped {
                        return Err(stopped);
                    }
                    if self.written.changed().await.is_err() {
                        return Err(self.shared.gone());
                    }
                }
            }
        }
    }
}

impl Place {
    fn find(
        shared: &Shared,
        of: TopicPartition,
        offset: u64,
        near: Option<Location>,
    ) -> Result<Self, LogError> {
        let near = near.ok_or_else(|| {
            LogError::Mismatch(Arc::from(format!("offset {offset} of {of} is nowhere")))
        })?;
        let segment = SegmentReader::open(&*shared.disk, near.segment)?;
        Ok(Self { offset, position: near.position, segment })
    }

    /// Reads records before `until`, at least one.
    fn read(mut self, shared: &Shared, of: TopicPartition, until: u64) -> Result<Read, LogError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        self.segment.forget();
        while self.offset < until && bytes < ANSWER_BYTES {
            let position = self.position;
            let number = self.segment.header.number;
            let path = || shared.disk.path(&file_name(number));
            let damaged = |reason: &str| LogError::Damaged {
                file: path(),
                position,
                reason: Arc::from(reason),
            };
            let block = self.segment.block(position).map_err(|error| {
                LogError::io(format!("read {} at byte {position}", path().display()), error)
            })?;
            let (header, frames) = block.ok_or_else(|| damaged("the block is not whole"))?;
            for frame in frames {
                let frame = frame.map_err(|_| damaged("the block makes no sense"))?;
                if frame.of != of || frame.end() <= self.offset || frame.first >= until {
                    continue;
                }
                if frame.first > self.offset {
                    return Err(damaged("records are missing before this block"));
                }
                let skip = (self.offset - frame.first) as usize;
                let take = (frame.end().min(until) - self.offset) as usize;
                let whole = Bytes::copy_from_slice(frame.records);
                bytes += whole.len();
                records
                    .extend(frame.ranges().skip(skip).take(take).map(|range| whole.slice(range)));
                self.offset += take as u64;
            }
            if self.offset >= until {
                // The block may have more, which is not to be seen yet.
                break;
            }
            self.position += header.padded_bytes() as u64;
            if header.kind == BlockKind::Seal {
                self.segment = SegmentReader::open(&*shared.disk, number + 1)?;
                self.position = FIRST_BLOCK;
            }
        }
        Ok((records, self))
    }
}
