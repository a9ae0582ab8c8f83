//! The one thread that writes: it takes everything that is queued, writes one block, shows it to
//! readers, syncs once if anybody asked for that, and answers. The next batch gathers meanwhile.
//! Commits keep a small distance, and what asks for no sync waits a little for what does, so that
//! more appends share a block and a sync.
//!
//! After the first failure it never writes, syncs or acknowledges again: what is on the disk is
//! not known any more, and the next open finds out.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use boxoffice_topics::Offset;
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use super::block::{self, BlockKind, Chain, Place, SECTOR_BYTES};
use super::disk::{DiskFile, DiskLock, write_all_at, write_zeros};
use super::recover::is_full;
use super::segment::{FIRST_BLOCK, Location};
use super::spare::{NoSpare, Spare};
use super::tail::{CLOSED, Shared};
use crate::metric_definitions::Metrics;
use crate::{Durability, LogError, TopicPartition};

mod growth;

/// What an append takes in memory beside its records.
const RECORD_OVERHEAD_BYTES: usize = size_of::<Bytes>();

/// Above the records of any batch, which has at least four bytes for each of them.
const BATCH_RECORDS_MAX: u64 = 1 << 32;

/// What the writer is asked to do.
pub(crate) enum Request {
    Append(Append),
    /// So many partitions shall there be.
    Grow(u16, oneshot::Sender<Result<(), LogError>>),
    Close,
}

/// Records for one partition.
pub(crate) struct Append {
    pub(crate) to: TopicPartition,
    /// Place of the partition in lists.
    pub(crate) index: usize,
    pub(crate) records: Vec<Bytes>,
    /// Bytes of the frame.
    pub(crate) bytes: u64,
    /// Room that the append takes in the queue.
    pub(crate) permits: u32,
    pub(crate) durability: Durability,
    pub(crate) reply: oneshot::Sender<Result<Offset, LogError>>,
}

/// The segment that is written to.
pub(crate) struct Current {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) number: u32,
    pub(crate) length: u64,
    pub(crate) position: u64,
    pub(crate) durable_to: u64,
}

impl Current {
    /// Whether a block fits and leaves room for the seal.
    fn has_room(&self, block_bytes: usize) -> bool {
        self.position + (block_bytes + SECTOR_BYTES) as u64 <= self.length
    }
}

/// What the writer knows of a partition.
#[derive(Clone, Copy)]
struct Progress {
    next: u64,
    /// Whether it has records that are not durable.
    dirty: bool,
}

/// What a commit has taken from the queue.
#[derive(Default)]
struct Taken {
    bytes: u64,
    permits: usize,
    wants_sync: bool,
}

/// Why a commit did not happen.
enum Failure {
    /// There is no room; nothing has changed.
    Full,
    /// Nothing is certain any more.
    Stop(Arc<str>),
}

impl Failure {
    fn stop(context: &str, error: &std::io::Error) -> Self {
        Self::Stop(Arc::from(format!("{context}: {error}")))
    }
}

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    /// Nobody will append any more.
    closing: bool,
    queue: Arc<Semaphore>,
    current: Current,
    chain: Chain,
    spare: Spare,
    progress: Vec<Progress>,
    /// Partitions that have records that are not durable.
    dirty: Vec<usize>,
    /// Partitions that the batch appends to.
    touched: Vec<usize>,
    /// Appends kept in memory, oldest first: partition and bytes.
    kept: VecDeque<(usize, usize)>,
    kept_bytes: usize,
    recent_bytes: usize,
    block_bytes: u64,
    commit_interval: Duration,
    written_delay: Duration,
    committed_at: Option<Instant>,
    batch: Vec<Append>,
    /// Who waits for partitions that the batch begins.
    growing: Vec<(u16, oneshot::Sender<Result<(), LogError>>)>,
    answers: Vec<(Append, Offset)>,
    buffer: Vec<u8>,
    metrics: Metrics,
    _lock: DiskLock,
}

/// What a writer starts with.
pub(crate) struct Start {
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) queue: Arc<Semaphore>,
    pub(crate) current: Current,
    pub(crate) chain: Chain,
    pub(crate) spare: Spare,
    pub(crate) ends: Vec<u64>,
    pub(crate) recent_bytes: usize,
    pub(crate) block_bytes: u64,
    pub(crate) commit_interval: Duration,
    pub(crate) written_delay: Duration,
    pub(crate) metrics: Metrics,
    pub(crate) lock: DiskLock,
}

/// However the thread ends, nobody waits for it in vain.
struct Ended {
    shared: Arc<Shared>,
    queue: Arc<Semaphore>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let panicked = std::thread::panicking();
        self.shared.stop(Arc::from(if panicked { "the writer panicked" } else { CLOSED }));
        self.queue.close();
    }
}

impl Writer {
    pub(crate) fn new(start: Start) -> Self {
        let progress = start.ends.iter().map(|next| Progress { next: *next, dirty: false });
        Self {
            shared: start.shared,
            requests: start.requests,
            closing: false,
            queue: start.queue,
            current: start.current,
            chain: start.chain,
            spare: start.spare,
            progress: progress.collect(),
            dirty: Vec::new(),
            touched: Vec::new(),
            kept: VecDeque::new(),
            kept_bytes: 0,
            recent_bytes: start.recent_bytes,
            block_bytes: start.block_bytes,
            commit_interval: start.commit_interval,
            written_delay: start.written_delay,
            committed_at: None,
            batch: Vec::new(),
            growing: Vec::new(),
            answers: Vec::new(),
            buffer: Vec::new(),
            metrics: start.metrics,
            _lock: start.lock,
        }
    }

    /// Writes until everybody has gone, or until it fails.
    pub(crate) fn run(mut self) {
        let (shared, queue) = (Arc::clone(&self.shared), Arc::clone(&self.queue));
        let _ended = Ended { shared, queue };
        while self.gather() {
            let done = match self.commit() {
                Ok(()) => Ok(()),
                Err(Failure::Full) => self.refuse(),
                Err(Failure::Stop(reason)) => Err(reason),
            };
            if let Err(reason) = done {
                return self.stop(reason);
            }
        }
        if let Err(reason) = self.close() {
            self.stop(reason);
        }
    }

    /// Waits until there is something to do and takes what can share its commit. `false` when
    /// there will be nothing more.
    fn gather(&mut self) -> bool {
        let first =
            if self.closing { self.requests.try_recv().ok() } else { self.requests.recv().ok() };
        let Some(first) = first else { return false };
        let mut taken = Taken::default();
        self.take(first, &mut taken);
        self.take_queued(&mut taken);
        self.await_sync(&mut taken);
        self.keep_distance(&mut taken);
        self.queue.add_permits(taken.permits);
        true
    }

    /// Lets appends gather until the last commit is long enough ago.
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread of its own, which waits for time alone"
    )]
    fn keep_distance(&mut self, taken: &mut Taken) {
        let now = Instant::now();
        let due = self.committed_at.map_or(now, |before| before + self.commit_interval);
        if due > now {
            std::thread::sleep(due - now);
            self.take_queued(taken);
        }
        self.committed_at = Some(due.max(now));
    }

    /// Lets appends that ask for no sync wait for one that does: a write of their own would only
    /// delay it.
    fn await_sync(&mut self, taken: &mut Taken) {
        let due = Instant::now() + self.written_delay;
        while !(taken.wants_sync || self.closing || taken.bytes >= self.block_bytes) {
            let left = due.saturating_duration_since(Instant::now());
            let Ok(request) = self.requests.recv_timeout(left) else { break };
            self.take(request, taken);
        }
        self.take_queued(taken);
    }

    /// Takes what is queued, up to the size of a block.
    fn take_queued(&mut self, taken: &mut Taken) {
        while taken.bytes < self.block_bytes {
            let Ok(request) = self.requests.try_recv() else { return };
            self.take(request, taken);
        }
    }

    fn take(&mut self, request: Request, taken: &mut Taken) {
        match request {
            // What was queued before is still to be received.
            Request::Close => self.closing = true,
            Request::Grow(partitions, reply) => {
                taken.wants_sync = true;
                self.begin_partitions(partitions);
                self.growing.push((partitions, reply));
            }
            Request::Append(append) => {
                taken.bytes += append.bytes;
                taken.permits += append.permits as usize;
                taken.wants_sync |= append.durability == Durability::Synced;
                self.batch.push(append);
            }
        }
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        self.drop_beyond_limit();
        let synced = self.batch.iter().any(|append| append.durability == Durability::Synced);
        let bytes = self.batch.iter().filter(|append| !append.records.is_empty());
        let bytes = bytes.map(|append| append.bytes as usize).sum::<usize>();
        if bytes > 0 {
            let block_bytes = block::padded(block::HEADER_BYTES + bytes);
            // More than once when a segment made ahead is shorter than is asked for today.
            while !self.current.has_room(block_bytes) {
                self.next_segment()?;
            }
            self.encode();
            self.write(BlockKind::Records)?;
        }
        self.publish(synced);
        if synced {
            self.sync()?;
            for (append, first) in self.answers.drain(..) {
                // A caller that went away does not take its records back.
                append.reply.send(Ok(first)).unwrap_or_default();
            }
        }
        self.show_partitions();
        self.metrics.commit_seconds.record(started.elapsed());
        Ok(())
    }

    /// Ids have room for that many offsets and no more.
    fn drop_beyond_limit(&mut self) {
        let fits = |append: &mut Append| {
            let next = self.progress[append.index].next;
            next.saturating_add(append.records.len() as u64) < Offset::LIMIT - BATCH_RECORDS_MAX
        };
        for append in self.batch.extract_if(.., |append| !fits(append)) {
            let full = LogError::Mismatch(Arc::from(format!("partition {} is full", append.to)));
            append.reply.send(Err(full)).unwrap_or_default();
        }
    }

    /// Gives out offsets and encodes the batch.
    fn encode(&mut self) {
        block::begin(&mut self.buffer);
        for append in self.batch.iter().filter(|append| !append.records.is_empty()) {
            let progress = &mut self.progress[append.index];
            block::push_frame(&mut self.buffer, append.to, progress.next, &append.records);
            progress.next += append.records.len() as u64;
        }
    }

    /// Writes what is in the buffer as one block.
    fn write(&mut self, kind: BlockKind) -> Result<(), Failure> {
        let place = Place {
            log_id: self.shared.genesis.log_id,
            segment: self.current.number,
            position: self.current.position,
        };
        let durable_to = self.current.durable_to;
        let next = block::finish(&mut self.buffer, kind, place, self.chain, durable_to);
        let position = self.current.position;
        match write_all_at(&*self.current.file, &self.buffer, position) {
            Ok(()) => {
                self.chain = next;
                self.current.position += self.buffer.len() as u64;
                self.metrics.written_bytes.increment(self.buffer.len() as u64);
                Ok(())
            }
            Err(error) if is_full(&error) => {
                // Only on file systems that do not write in place. What is refused must not be
                // found by a later open, so what was written of it goes first.
                let end = position + self.buffer.len() as u64;
                write_zeros(&*self.current.file, position, end)
                    .map_err(|error| Failure::stop("take back a block", &error))?;
                if kind == BlockKind::Records {
                    for append in &self.batch {
                        self.progress[append.index].next -= append.records.len() as u64;
                    }
                }
                Err(Failure::Full)
            }
            Err(error) => Err(Failure::stop("write a block", &error)),
        }
    }

    /// Shows the batch to readers and answers those who did not ask for a sync.
    fn publish(&mut self, synced: bool) {
        let block_start = self.current.position.saturating_sub(self.buffer.len() as u64);
        let location = Location { segment: self.current.number, position: block_start };
        let mut records_count = 0;
        for mut append in self.batch.drain(..) {
            let index = append.index;
            let records = std::mem::take(&mut append.records);
            let progress = &mut self.progress[index];
            let mut recent = self.shared.state(index).recent();
            let first = Offset::new(recent.end());
            if !records.is_empty() {
                let bytes: usize = records.iter().map(Bytes::len).sum();
                let bytes = bytes + records.len() * RECORD_OVERHEAD_BYTES;
                records_count += records.len();
                recent.push(records, location);
                self.kept.push_back((index, bytes));
                self.kept_bytes += bytes;
                self.touched.push(index);
                if !std::mem::replace(&mut progress.dirty, true) {
                    self.dirty.push(index);
                }
            }
            drop(recent);
            self.answers.push((append, first));
        }
        while self.kept_bytes > self.recent_bytes {
            let Some((index, bytes)) = self.kept.pop_front() else { break };
            self.shared.state(index).recent().forget_oldest();
            self.kept_bytes -= bytes;
        }
        if synced {
            for index in &self.dirty {
                self.shared.state(*index).promise(self.progress[*index].next);
            }
        }
        self.touched.sort_unstable();
        self.touched.dedup();
        for index in self.touched.drain(..) {
            self.shared.state(index).written.send_replace(self.progress[index].next);
        }
        let written = |answer: &mut (Append, Offset)| answer.0.durability == Durability::Written;
        for (append, first) in self.answers.extract_if(.., written) {
            append.reply.send(Ok(first)).unwrap_or_default();
        }
        if records_count > 0 {
            self.metrics.batch_records.record(records_count as f64);
        }
        if self.current.position > self.current.length / 2 {
            self.spare.begin();
        }
    }

    /// Makes everything that was written durable, and says so.
    fn sync(&mut self) -> Result<(), Failure> {
        if self.dirty.is_empty() && self.current.durable_to == self.current.position {
            return Ok(());
        }
        let started = Instant::now();
        self.current.file.sync().map_err(|error| Failure::stop("sync the log", &error))?;
        self.metrics.sync_seconds.record(started.elapsed());
        self.current.durable_to = self.current.position;
        for index in self.dirty.drain(..) {
            let progress = &mut self.progress[index];
            progress.dirty = false;
            self.shared.state(index).durable.send_replace(progress.next);
        }
        Ok(())
    }

    /// Leaves the segment for the next one. Everything in it is durable before anything is
    /// written to the next: recovery relies on that.
    fn next_segment(&mut self) -> Result<(), Failure> {
        self.spare.ensure().map_err(|none| match none {
            NoSpare::Full => Failure::Full,
            NoSpare::Failed(error) => Failure::stop("make a segment", &error),
        })?;
        block::begin(&mut self.buffer);
        self.write(BlockKind::Seal)?;
        self.sync()?;
        let Some(next) = self.spare.take() else { return Err(Failure::Full) };
        self.current = Current {
            file: next.file,
            number: next.header.number,
            length: next.header.length,
            position: FIRST_BLOCK,
            durable_to: FIRST_BLOCK,
        };
        Ok(())
    }

    /// Answers every record of the batch with `Full`. A sync needs no room and is still done.
    fn refuse(&mut self) -> Result<(), Arc<str>> {
        for append in self.batch.extract_if(.., |append| !append.records.is_empty()) {
            self.metrics.refused_full.increment(1);
            append.reply.send(Err(LogError::Full)).unwrap_or_default();
        }
        self.refuse_partitions();
        match self.commit() {
            Err(Failure::Stop(reason)) => Err(reason),
            Ok(()) | Err(Failure::Full) => Ok(()),
        }
    }

    /// Syncs everything and marks the end, so that damage to the last records is told from a
    /// torn tail.
    fn close(&mut self) -> Result<(), Arc<str>> {
        let closed = self.sync().and_then(|()| {
            block::begin(&mut self.buffer);
            if self.current.has_room(SECTOR_BYTES) {
                self.write(BlockKind::Close)?;
            }
            self.sync()
        });
        match closed {
            // The mark is not needed.
            Ok(()) | Err(Failure::Full) => Ok(()),
            Err(Failure::Stop(reason)) => Err(reason),
        }
    }

    fn stop(&mut self, reason: Arc<str>) {
        tracing::error!(reason = &*reason, "the log stopped");
        self.shared.stop(Arc::clone(&reason));
        self.queue.close();
        let answered = self.answers.drain(..).map(|(append, _)| append);
        for append in answered.chain(self.batch.drain(..)) {
            append.reply.send(Err(LogError::Stopped(Arc::clone(&reason)))).unwrap_or_default();
        }
        while let Ok(request) = self.requests.try_recv() {
            if let Request::Append(append) = request {
                append.reply.send(Err(LogError::Stopped(Arc::clone(&reason)))).unwrap_or_default();
            }
        }
    }
}
