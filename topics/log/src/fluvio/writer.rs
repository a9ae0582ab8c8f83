//! The one writer of a partition: it takes what is queued, sends it as one block, waits for the
//! answer and gives it on. The next block gathers meanwhile.
//!
//! After an error it does not know whether the block is there, or will come there. It makes a new
//! client, writes a fence, and reads up to the fence: what is before it counts, and what comes
//! after it from before is passed over by every reader. So a block is written again only when it
//! is certain that the first one does not count.

use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_topics::{Genesis, LogId, Offset};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::connect::Away;
use super::fold::Folded;
use super::follower::{Cursor, Follower};
use super::frame::{self, WriterId};
use super::sender::Sender;
use super::state::{PartitionState, Shared};
use crate::metric_definitions::WriterMetrics;
use crate::{LogError, TopicPartition};

/// Bytes of records after which a block is sent although more are waiting: larger blocks do not
/// make a write cheaper per byte.
const BLOCK_BYTES: u64 = 1 << 20;
/// The wait after an error: a cluster that comes back needs some seconds at most.
const PAUSE: Duration = Duration::from_millis(200);
/// How long reading up to a fence may go without a record.
const CATCH_UP_STALL: Duration = Duration::from_secs(10);

/// Records for one partition.
pub(super) struct Append {
    pub(super) records: Vec<Bytes>,
    /// Bytes in a block.
    pub(super) bytes: u64,
    pub(super) reply: oneshot::Sender<Result<Offset, LogError>>,
}

/// What did not work.
pub(super) enum Trouble {
    /// The cluster; it may later.
    Away(Away),
    /// The log; it never will.
    Stop(LogError),
}

impl From<Away> for Trouble {
    fn from(reason: Away) -> Self {
        Self::Away(reason)
    }
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        Self::Stop(error)
    }
}

/// The writer of one partition.
pub(super) struct Writer {
    shared: Arc<Shared>,
    of: TopicPartition,
    state: Arc<PartitionState>,
    id: WriterId,
    cursor: Cursor,
    sender: Option<Sender>,
    /// It has read the partition to the end at least once.
    owns: bool,
    metrics: WriterMetrics,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        of: TopicPartition,
        state: Arc<PartitionState>,
        session: u128,
    ) -> Self {
        let id = WriterId { session, attempt: 0 };
        let (cursor, metrics) = (Cursor::default(), WriterMetrics::register());
        Self { shared, of, state, id, cursor, sender: None, owns: false, metrics }
    }

    /// The log that the partition belongs to, once it has a genesis record.
    pub(super) fn log_id(&self) -> Option<LogId> {
        self.cursor.fold.log_id
    }

    /// The end of the partition.
    pub(super) fn next(&self) -> u64 {
        self.cursor.fold.next
    }

    /// Takes the partition over and reads it to the end.
    ///
    /// # Errors
    /// [`LogError::Away`] when the cluster did not answer for as long as an append would wait.
    pub(super) async fn begin(mut self) -> Result<Self, LogError> {
        let since = Instant::now();
        loop {
            match self.take_over().await {
                Ok(()) => return Ok(self),
                Err(Trouble::Stop(error)) => return Err(error),
                Err(Trouble::Away(reason)) => {
                    if since.elapsed() >= self.shared.config.patience {
                        return Err(LogError::Away(Arc::from(reason)));
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Writes the first record of an empty partition.
    pub(super) async fn make(&mut self, genesis: Genesis) -> Result<(), LogError> {
        let records = [Bytes::from(genesis.to_record())];
        let mut nobody = Queue::new(mpsc::channel(1).1);
        self.write(genesis.log_id, &records, &mut nobody).await
    }

    /// Writes until everybody has gone, or until the log stops.
    pub(super) async fn run(mut self, log_id: LogId, mut queue: Queue) {
        let mut stopped = self.shared.stop.subscribe();
        loop {
            let batch = tokio::select! {
                batch = queue.gather() => batch,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            let Some(batch) = batch else { return };
            // The log stops before anybody is told that there will be no answer.
            match self.commit(log_id, &batch, &mut queue).await {
                Ok(first) => answer(batch, first),
                Err(error) => return self.shared.stop(&error),
            }
        }
    }

    /// Writes a batch and returns the offset of its first record.
    async fn commit(
        &mut self,
        log_id: LogId,
        batch: &[Append],
        queue: &mut Queue,
    ) -> Result<u64, LogError> {
        let first = self.next();
        let records: Vec<Bytes> =
            batch.iter().flat_map(|append| append.records.iter().cloned()).collect();
        if !records.is_empty() {
            let started = Instant::now();
            self.write(log_id, &records, queue).await?;
            self.metrics.commit_seconds.record(started.elapsed());
            self.metrics.batch_records.record(records.len() as f64);
        }
        Ok(first)
    }

    /// Writes records as the next block, however often the cluster goes away meanwhile.
    async fn write(
        &mut self,
        log_id: LogId,
        records: &[Bytes],
        queue: &mut Queue,
    ) -> Result<(), LogError> {
        let (first, since) = (self.next(), Instant::now());
        loop {
            match self.try_write(log_id, first, records).await {
                Ok(()) => return Ok(()),
                Err(Trouble::Stop(error)) => return Err(error),
                Err(Trouble::Away(reason)) => self.wait(reason, since, queue).await?,
            }
        }
    }

    /// Bears with a cluster that is away. What waits in the queue is refused before long: nothing
    /// of it was sent.
    async fn wait(
        &mut self,
        reason: Away,
        since: Instant,
        queue: &mut Queue,
    ) -> Result<(), LogError> {
        self.sender = None;
        self.metrics.reconnects.increment(1);
        tracing::warn!(of = %self.of, reason, "the cluster is away");
        let (config, outage) = (&self.shared.config, since.elapsed());
        if outage >= config.outage_max {
            let reason = format!("{}: the cluster was away for {outage:?}: {reason}", self.of);
            return Err(LogError::Stopped(Arc::from(reason)));
        }
        if outage >= config.patience {
            let away = LogError::Away(Arc::from(reason));
            queue.refuse(&away);
        }
        self.shared.check()?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    async fn try_write(
        &mut self,
        log_id: LogId,
        first: u64,
        records: &[Bytes],
    ) -> Result<(), Trouble> {
        if self.sender.is_none() {
            self.take_over().await?;
        }
        if self.next() > first {
            // The block was there before the fence.
            return Ok(());
        }
        let Some(sender) = &self.sender else { return Err(Trouble::Away(String::new())) };
        let header = self.cursor.fold.next_block(log_id, self.id, records.len());
        let block = frame::seal(&header, records);
        let mut after = self.cursor;
        after.take(self.of, &block)?;
        self.metrics.written_bytes.increment(block.len() as u64);
        let position = sender.send(block).await?;
        if position == self.cursor.position {
            self.cursor = after;
            self.publish();
            return Ok(());
        }
        // Something came between. When it is a fence of another process, the block is in vain.
        let others = self.catch_up(position).await?;
        if others || self.next() == first { Err(self.replaced().into()) } else { Ok(()) }
    }

    /// Makes a new client and a fence, and reads up to it. From then on nothing of before comes
    /// into the log any more.
    async fn take_over(&mut self) -> Result<(), Trouble> {
        self.id.attempt += 1;
        let sender = Sender::open(&self.shared.config, self.of).await?;
        let position = sender.send(frame::fence(self.id)).await?;
        let others = self.catch_up(position).await?;
        if self.owns && others {
            return Err(self.replaced().into());
        }
        self.owns = true;
        self.sender = Some(sender);
        Ok(())
    }

    /// Reads up to a record that is known to be there, and says whether another process took the
    /// partition over on the way.
    async fn catch_up(&mut self, last: u64) -> Result<bool, Trouble> {
        if last < self.cursor.position {
            let (of, position) = (self.of, self.cursor.position);
            let reason = format!("{of} came back with {last} records of {position}");
            return Err(LogError::Diverged(Arc::from(reason)).into());
        }
        self.state.written.send_replace(last + 1);
        let config = Arc::clone(&self.shared.config);
        let written = self.state.written.subscribe();
        let mut follower = Follower::new(config, self.of, self.cursor, written);
        let mut others = false;
        while self.cursor.position <= last {
            let position = self.cursor.position;
            let next = tokio::time::timeout(CATCH_UP_STALL, follower.next()).await;
            let followed = next.map_err(|_| format!("record {position} did not come"))??;
            match followed.folded {
                Folded::Fence(writer) => others |= writer.session != self.id.session,
                Folded::Unreadable(reason) => {
                    self.metrics.quarantined.increment(1);
                    tracing::error!(of = %self.of, position, %reason, "record quarantined");
                }
                Folded::Block(_) | Folded::Repeated => {}
            }
            self.cursor = follower.cursor;
            self.publish();
        }
        Ok(others)
    }

    fn publish(&self) {
        self.state.note(&self.cursor);
        self.state.written.send_if_modified(|written| {
            let further = self.cursor.position > *written;
            *written = self.cursor.position.max(*written);
            further
        });
        self.state.end.send_replace(self.next());
    }

    fn replaced(&self) -> LogError {
        let reason = format!("another process writes to {} of the cluster", self.of);
        LogError::Stopped(Arc::from(reason))
    }
}

/// Tells everybody of a batch where the records are.
fn answer(batch: Vec<Append>, mut next: u64) {
    for append in batch {
        // A caller that went away does not take its records back.
        append.reply.send(Ok(Offset::new(next))).unwrap_or_default();
        next += append.records.len() as u64;
    }
}

/// What is queued for a writer.
pub(super) struct Queue {
    requests: mpsc::Receiver<Append>,
    /// Received, and too much for the block before.
    held: Option<Append>,
}

impl Queue {
    pub(super) fn new(requests: mpsc::Receiver<Append>) -> Self {
        Self { requests, held: None }
    }

    /// Waits for an append and takes what can share its block. `None` when there will be no more.
    async fn gather(&mut self) -> Option<Vec<Append>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.requests.recv().await?,
        };
        let mut bytes = first.bytes;
        let mut batch = vec![first];
        while let Ok(append) = self.requests.try_recv() {
            bytes += append.bytes;
            if bytes > BLOCK_BYTES {
                self.held = Some(append);
                break;
            }
            batch.push(append);
        }
        Some(batch)
    }

    /// Answers everything that waits.
    fn refuse(&mut self, error: &LogError) {
        while let Some(append) = self.held.take().or_else(|| self.requests.try_recv().ok()) {
            append.reply.send(Err(error.clone())).unwrap_or_default();
        }
    }
}
