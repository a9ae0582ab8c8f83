//! The embedded journal: both topics with all their partitions in one log of segments, so that
//! one sync covers everything that was appended since the last.
//!
//! What it promises: an append that was acknowledged as synced survives a kill at any
//! instruction and a loss of power at any instant. What a crash tears is cut off; what was
//! durable and has changed is an error that names file and byte. It knows nothing of what a
//! record means, its own genesis record excepted.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use boxoffice_topics::partition::PARTITIONS_MAX;
use boxoffice_topics::{Genesis, LogId, Offset};
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use crate::metric_definitions::Metrics;
use crate::{Durability, Log, LogError, TopicPartition};

mod block;
mod config;
pub mod disk;
mod index;
mod inspect;
mod reader;
mod recover;
mod segment;
mod spare;
mod tail;
mod verify;
mod writer;

pub use config::JournalConfig;
pub use disk::create_directory;
pub use reader::JournalReader;
#[cfg(feature = "fluvio")]
pub(crate) use recover::random_genesis;
pub use verify::{Damage, Report, TornTail, repair, repair_on, verify, verify_on};

use self::disk::{Disk, FileSystem};
use self::recover::{Recovered, recover};
use self::segment::SegmentHeader;
use self::spare::{Spare, Unused};
use self::tail::{CLOSED, Shared};
use self::writer::{Append, Current, Request, Start, Writer};

/// A journal that is open. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    queue: Arc<Semaphore>,
    queue_bytes: u32,
    append_bytes_max: u64,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in a directory, or makes one there. Blocks while it reads the log.
    ///
    /// # Errors
    /// [`LogError::Locked`] when another process has it, [`LogError::Damaged`] when durable bytes
    /// have changed, [`LogError::Mismatch`] when it is another log than was asked for.
    pub fn open(config: &JournalConfig) -> Result<Self, LogError> {
        let disk = FileSystem::create(&config.dir).map_err(|error| {
            LogError::io(format!("make the directory {}", config.dir.display()), error)
        })?;
        Self::open_on(Arc::new(disk), config)
    }

    /// Like [`Journal::open`], on any disk. The directory of the configuration is not looked at.
    ///
    /// # Errors
    /// As [`Journal::open`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the queue is bounded in bytes: every append takes its room from a semaphore first"
    )]
    pub fn open_on(disk: Arc<dyn Disk>, config: &JournalConfig) -> Result<Self, LogError> {
        config.check()?;
        let lock = disk
            .lock()
            .map_err(|error| LogError::io("lock the journal", error))?
            .ok_or_else(|| LogError::Locked(disk.path("")))?;
        let Recovered { inspection, genesis, tail, file, segment_length, spare } =
            recover(&*disk, config)?;
        let ends = inspection.ends;
        let found = ends.iter().copied().zip(inspection.indexes);
        let shared = Arc::new(Shared::new(Arc::clone(&disk), genesis, inspection.dealt, found));
        let metrics = Metrics::register();
        let next = SegmentHeader {
            log_id: genesis.log_id,
            partitions: inspection.dealt,
            number: tail.location.segment + 1,
            length: config.segment_bytes,
        };
        let ready = spare.map(|spare| Unused { file: spare.file, header: spare.header });
        let seconds = metrics.prepare_seconds.clone();
        let spare = Spare::new(disk, next, ready, config.full_retry, seconds);
        let queue = Arc::new(Semaphore::new(config.queue_bytes as usize));
        let (sender, requests) = mpsc::channel();
        let append_bytes_max = config.append_bytes_max();
        let writer = Writer::new(Start {
            shared: Arc::clone(&shared),
            requests,
            queue: Arc::clone(&queue),
            current: Current {
                file,
                number: tail.location.segment,
                length: segment_length,
                position: tail.location.position,
                durable_to: tail.location.position,
            },
            chain: inspection.chain,
            spare,
            ends,
            recent_bytes: config.recent_bytes,
            block_bytes: u64::from(config.block_bytes).min(append_bytes_max),
            commit_interval: config.commit_interval,
            written_delay: config.written_delay,
            metrics,
            lock,
        });
        let writer = std::thread::Builder::new()
            .name("boxoffice-log".into())
            .spawn(move || writer.run())
            .map_err(|error| LogError::io("start the writer", error))?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                requests: sender,
                queue,
                queue_bytes: config.queue_bytes,
                append_bytes_max,
                writer: Mutex::new(Some(writer)),
            }),
        })
    }

    /// The record at the start of every partition.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        self.inner.shared.genesis
    }

    /// Syncs everything that was accepted and ends the writer, for all clones. Blocks meanwhile.
    ///
    /// # Errors
    /// [`LogError::Stopped`] when the log had failed before or fails now.
    pub fn close(&self) -> Result<(), LogError> {
        self.inner.end();
        match self.inner.shared.stopped() {
            Some(LogError::Stopped(reason)) if &*reason != CLOSED => Err(LogError::Stopped(reason)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("log_id", &self.log_id()).finish_non_exhaustive()
    }
}

impl Inner {
    fn end(&self) {
        // A writer that is gone needs no telling.
        self.requests.send(Request::Close).unwrap_or_default();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that panicked has said so.
            writer.join().unwrap_or_default();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

impl Log for Journal {
    type Reader = JournalReader;

    fn log_id(&self) -> LogId {
        self.inner.shared.genesis.log_id
    }

    fn partitions(&self) -> u16 {
        self.inner.shared.partitions()
    }

    fn dealt(&self) -> u16 {
        self.inner.shared.dealt
    }

    async fn grow(&self, partitions: u16) -> Result<(), LogError> {
        let inner = &*self.inner;
        if partitions > PARTITIONS_MAX {
            let text = format!("a log has at most {PARTITIONS_MAX} partitions");
            return Err(LogError::Mismatch(Arc::from(text)));
        }
        let missing = u64::from(partitions.saturating_sub(self.partitions()));
        let genesis = [Bytes::from(self.genesis().to_record())];
        let (bytes, limit) = (2 * missing * block::frame_bytes(&genesis), inner.append_bytes_max);
        if bytes > limit {
            return Err(LogError::TooLarge { bytes, limit });
        }
        let (reply, answer) = oneshot::channel();
        let grow = Request::Grow(partitions, reply);
        inner.requests.send(grow).map_err(|_| inner.shared.gone())?;
        answer.await.unwrap_or_else(|_| Err(inner.shared.gone()))
    }

    async fn append(
        &self,
        to: TopicPartition,
        records: Vec<Bytes>,
        durability: Durability,
    ) -> Result<Offset, LogError> {
        let inner = &*self.inner;
        let index = inner.shared.index_of(to)?;
        let bytes = block::frame_bytes(&records);
        if bytes > inner.append_bytes_max {
            return Err(LogError::TooLarge { bytes, limit: inner.append_bytes_max });
        }
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX).min(inner.queue_bytes);
        let room = inner.queue.acquire_many(permits).await.map_err(|_| inner.shared.gone())?;
        // The writer gives it back when it takes the append.
        room.forget();
        let (reply, answer) = oneshot::channel();
        let append = Append { to, index, records, bytes, permits, durability, reply };
        inner.requests.send(Request::Append(append)).map_err(|_| inner.shared.gone())?;
        answer.await.unwrap_or_else(|_| Err(inner.shared.gone()))
    }

    async fn end(&self, of: TopicPartition) -> Result<Offset, LogError> {
        let shared = &self.inner.shared;
        let index = shared.index_of(of)?;
        match shared.stopped() {
            Some(stopped) => Err(stopped),
            None => Ok(Offset::new(shared.state(index).recent().end())),
        }
    }

    async fn wait_durable(&self, of: TopicPartition, end: Offset) -> Result<(), LogError> {
        let shared = &self.inner.shared;
        let state = shared.state(shared.index_of(of)?);
        let mut written = state.written.subscribe();
        let mut durable = state.durable.subscribe();
        loop {
            if *durable.borrow_and_update() >= end.number() {
                return Ok(());
            }
            let visible = *written.borrow_and_update();
            if let Some(stopped) = shared.stopped() {
                return Err(stopped);
            }
            if state.promised() >= end.number() {
                durable.changed().await.map_err(|_| shared.gone())?;
            } else if visible >= end.number() {
                // Nobody asked for a sync that covers these records.
                self.append(of, Vec::new(), Durability::Synced).await?;
            } else {
                written.changed().await.map_err(|_| shared.gone())?;
            }
        }
    }

    async fn read(&self, from: TopicPartition, at: Offset) -> Result<JournalReader, LogError> {
        let shared = &self.inner.shared;
        let index = shared.index_of(from)?;
        let end = Offset::new(shared.state(index).recent().end());
        if at > end {
            return Err(LogError::OutOfRange { asked: at, end });
        }
        Ok(JournalReader::new(Arc::clone(shared), from, index, at.number()))
    }
}
