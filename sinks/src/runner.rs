//! Drives one sink: reads every partition of the outcomes topic, collects what has come, hands
//! it to the sink in one piece, and tries again for as long as the sink says that it may help.
//!
//! One task drives all partitions, because one write carries all of them; a step with which slots
//! arrive waits for the one with which they left. Nothing is kept over a
//! failure: the sink is asked again where it stands, and reading starts from there. How far it is
//! behind is measured beside it, also when it hangs, waits or has stopped. The runner knows nothing
//! of rows, connections or messages.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use boxoffice_log::{Batch, Durability, Log, LogError, LogReader, TopicPartition};
use boxoffice_topics::{LogId, Offset, PartitionId, Step};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::lag::Lag;
use crate::metric_definitions;
use crate::pending::{Pending, Read, changes_something};
use crate::progress::{Cursor, Position, ProgressError};
use crate::retry::Backoff;

/// Steps that are written together, and how far every partition moves by them.
#[derive(Debug, Default)]
pub struct StepBatch {
    /// The steps that change something, in the order of each partition.
    pub steps: Vec<(PartitionId, Step)>,
    /// One for each partition that moves.
    pub moves: Vec<Move>,
}

/// A partition's way through a batch.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// Where the sink must stand, or the batch is not its next one.
    pub from: Position,
    /// Where it stands afterwards.
    pub to: Position,
}

/// Writes steps somewhere.
pub trait Sink: Send {
    /// What can go wrong.
    type Error: Failure;

    /// The sink's name in logs and metrics.
    fn name(&self) -> &'static str;

    /// Whether a step changes anything that the sink writes. Others only move its positions.
    fn concerns(step: &Step) -> bool {
        changes_something(step)
    }

    /// Begins, or begins again after a failure. Returns the position of every partition, in
    /// order.
    fn open(
        &mut self,
        log_id: LogId,
        partitions: u16,
    ) -> impl Future<Output = Result<Vec<Position>, Self::Error>> + Send;

    /// Writes a batch and its moves, all of it or nothing, and returns how many rows changed.
    fn write(&mut self, batch: &StepBatch)
    -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

/// What the runner asks of an error.
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// Whether the same may work later.
    fn is_retriable(&self) -> bool;

    /// One of a few words, for metrics.
    fn error_type(&self) -> &'static str;

    /// Whether the target holds what comes from another log.
    fn is_other_log(&self) -> bool;
}

/// How large and how frequent writes are.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Outcomes, seats of new performances included, after which a batch is written at once.
    pub batch_outcomes_max: usize,
    /// The least time from the end of one write to the next. The first change after a pause is written
    /// immediately; under load this makes batches, which is what makes a sink cheap.
    pub write_interval: Duration,
    /// How long positions wait that moved past steps without changes.
    pub idle_interval: Duration,
    /// The first ceiling of the delay before another try.
    pub retry_first: Duration,
    /// The highest ceiling of that delay.
    pub retry_max: Duration,
    /// How often the lag is measured when nothing is written.
    pub lag_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_outcomes_max: 16_384,
            write_interval: Duration::from_millis(100),
            idle_interval: Duration::from_secs(1),
            retry_first: Duration::from_millis(100),
            retry_max: Duration::from_secs(10),
            lag_interval: Duration::from_secs(1),
        }
    }
}

/// What a sink is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not reached its target yet.
    Starting,
    /// It writes what comes.
    Following,
    /// Something failed that may work later: the type of the error.
    Retrying(&'static str),
    /// It has ended: on request, or for the reason given.
    Stopped(Option<String>),
}

/// What others may know of a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// Records that it has not yet written. Until it has said where it stands, that is all.
    pub lag_records: u64,
    /// The next offset of every partition: what is before it is written.
    pub next_offsets: Vec<Offset>,
    /// It has stopped, because its target holds what comes from another log: that is no matter of
    /// time, somebody has set it up wrongly.
    pub is_other_log: bool,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            phase: Phase::Starting,
            lag_records: 0,
            next_offsets: Vec::new(),
            is_other_log: false,
        }
    }
}

impl Status {
    /// Whether everything before these ends is written.
    #[must_use]
    pub fn has_reached(&self, ends: &[Offset]) -> bool {
        self.next_offsets.len() == ends.len()
            && self.next_offsets.iter().zip(ends).all(|(next, end)| next >= end)
    }
}

/// Why a sink stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error + 'static> {
    /// Its target failed in a way that time does not heal.
    #[error(transparent)]
    Sink(E),
    /// The log does not continue what was written.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl<E: Failure> Error<E> {
    /// Whether the sink's target holds what comes from another log.
    #[must_use]
    pub fn is_other_log(&self) -> bool {
        match self {
            Self::Sink(error) => error.is_other_log(),
            Self::Progress(error) => matches!(error, ProgressError::OtherLog { .. }),
            Self::Log(_) => false,
        }
    }
}

/// Runs a sink until `shutdown` is ready; what has been read by then is written first. A sink that
/// stops before says so at once, and is only measured from then on: how far it is behind is never
/// more worth knowing.
///
/// # Errors
/// When the log fails or does not continue what was written, or the sink says that trying again
/// does not help.
pub async fn run<L: Log, S: Sink>(
    log: L,
    sink: S,
    config: Config,
    status: watch::Sender<Status>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error<S::Error>> {
    metric_definitions::describe();
    let name = sink.name();
    let lag = Lag { log: &log, sink: name, status: &status };
    let mut shutdown = Shutdown { future: std::pin::pin!(shutdown), is_over: false };
    let mut measuring = std::pin::pin!(lag.keep_measuring(config.lag_interval));
    let runner = Runner { log: &log, sink, config, lag: &lag, status: &status };
    let ended = tokio::select! {
        ended = runner.run(&mut shutdown) => ended,
        never = measuring.as_mut() => match never {},
    };
    let error = match ended {
        Ok(()) => {
            enter(name, &status, Phase::Stopped(None));
            return Ok(());
        }
        Err(error) => error,
    };
    tracing::error!(sink.name = name, %error, "sink stopped");
    status.send_modify(|status| status.is_other_log = error.is_other_log());
    enter(name, &status, Phase::Stopped(Some(error.to_string())));
    tokio::select! {
        () = shutdown.wait() => Err(error),
        never = measuring => match never {},
    }
}

/// The wish to end, which may be asked for again after it has come.
struct Shutdown<'f, F> {
    future: Pin<&'f mut F>,
    is_over: bool,
}

impl<F: Future<Output = ()>> Shutdown<'_, F> {
    async fn wait(&mut self) {
        if !self.is_over {
            self.future.as_mut().await;
            self.is_over = true;
        }
    }
}

struct Runner<'a, L, S> {
    log: &'a L,
    sink: S,
    config: Config,
    lag: &'a Lag<'a, L>,
    status: &'a watch::Sender<Status>,
}

impl<L: Log, S: Sink> Runner<'_, L, S> {
    /// Follows the log, and begins again for as long as that may help.
    async fn run(
        mut self,
        shutdown: &mut Shutdown<'_, impl Future<Output = ()> + Send>,
    ) -> Result<(), Error<S::Error>> {
        let mut backoff = Backoff::new(self.config.retry_first, self.config.retry_max);
        loop {
            match self.session(&mut backoff, shutdown).await {
                Err(Error::Sink(error)) if error.is_retriable() => self.note_failure(&error).await,
                Ok(Ended::Grown) => continue,
                Ok(Ended::OnRequest) => return Ok(()),
                Err(error) => return Err(error),
            }
            tokio::select! {
                biased;
                () = shutdown.wait() => return Ok(()),
                () = tokio::time::sleep(backoff.next_delay()) => (),
            }
        }
    }

    /// Opens the sink and follows the log until something fails or ends.
    async fn session(
        &mut self,
        backoff: &mut Backoff,
        shutdown: &mut Shutdown<'_, impl Future<Output = ()> + Send>,
    ) -> Result<Ended, Error<S::Error>> {
        let (log_id, partitions) = (self.log.log_id(), self.log.partitions());
        let positions = tokio::select! {
            positions = self.sink.open(log_id, partitions) => positions.map_err(Error::Sink)?,
            () = shutdown.wait() => return Ok(Ended::OnRequest),
        };
        let mut cursors: Vec<_> =
            positions.into_iter().map(|position| Cursor::new(log_id, position)).collect();
        let mut followers = FuturesUnordered::new();
        for cursor in &cursors {
            followers.push(follow(cursor.position().partition, self.open_reader(cursor).await?));
        }
        self.note_positions(&cursors).await?;
        self.enter(Phase::Following);
        let mut pending = Pending::new(S::concerns);
        let mut read = Vec::new();
        let mut written_at = None;
        loop {
            let due = pending.due(&self.config, written_at);
            let end = tokio::select! {
                biased;
                () = shutdown.wait() => true,
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => false,
                Some((partition, reader, batch)) = followers.next() => {
                    read.push(Read { partition, reader, batch: batch?, taken: 0 });
                    pending.take_all(&mut cursors, &mut read)?;
                    let done = read.extract_if(.., |read| read.is_taken());
                    followers.extend(done.map(|read| follow(read.partition, read.reader)));
                    if pending.outcomes < self.config.batch_outcomes_max && !pending.is_grown {
                        continue;
                    }
                    false
                }
            };
            let is_grown = pending.is_grown;
            if !pending.moved.is_empty() {
                let taken = std::mem::replace(&mut pending, Pending::new(S::concerns));
                self.write(taken, &cursors).await?;
                written_at = Some(Instant::now());
                backoff.reset();
            }
            if end {
                return Ok(Ended::OnRequest);
            }
            if is_grown {
                return Ok(Ended::Grown);
            }
        }
    }

    /// Opens a reader on the last record that was written, or as near to it as the log reaches:
    /// outcomes that a crash took are decided again from the intents, to the same bytes.
    async fn open_reader(&self, cursor: &Cursor) -> Result<L::Reader, Error<S::Error>> {
        let Position { partition, next, .. } = cursor.position();
        let outcomes = TopicPartition::outcomes(partition);
        let end = self.log.end(outcomes).await?;
        if next > end {
            // An append of nothing finds the end, also when others write there.
            let intents = TopicPartition::intents(partition);
            let end = self.log.append(intents, Vec::new(), Durability::Written).await?;
            if next > end {
                return Err(ProgressError::Shorter { partition, written: next, end }.into());
            }
        }
        Ok(self.log.read(outcomes, cursor.read_from().min(end)).await?)
    }

    async fn write(&mut self, pending: Pending, cursors: &[Cursor]) -> Result<(), Error<S::Error>> {
        let position = |partition: PartitionId| cursors[usize::from(partition.number())].position();
        let moves = pending.moved.into_iter();
        let moves = moves.map(|(partition, from)| Move { from, to: position(partition) }).collect();
        let batch = StepBatch { steps: pending.steps, moves };
        let started = Instant::now();
        let rows = self.sink.write(&batch).await.map_err(Error::Sink)?;
        let name = self.sink.name();
        let moved = |step: &Move| step.to.next.number() - step.from.next.number();
        let steps = batch.moves.iter().map(moved).sum();
        metric_definitions::written(name, steps, rows, started.elapsed());
        self.note_positions(cursors).await
    }

    async fn note_positions(&self, cursors: &[Cursor]) -> Result<(), Error<S::Error>> {
        let next_offsets = cursors.iter().map(|cursor| cursor.position().next).collect();
        Ok(self.lag.measure(Some(next_offsets)).await?)
    }

    async fn note_failure(&self, error: &S::Error) {
        let (name, error_type) = (self.sink.name(), error.error_type());
        metric_definitions::retried(name, error_type);
        self.lag.measure_if_possible().await;
        if !matches!(self.status.borrow().phase, Phase::Retrying(_)) {
            tracing::warn!(sink.name = name, %error, "sink waits for its target");
        }
        self.enter(Phase::Retrying(error_type));
    }

    fn enter(&self, phase: Phase) {
        enter(self.sink.name(), self.status, phase);
    }
}

fn enter(sink: &'static str, status: &watch::Sender<Status>, phase: Phase) {
    metric_definitions::following(sink, phase == Phase::Following);
    status.send_modify(|status| {
        if phase == Phase::Following && status.phase != phase {
            tracing::info!(sink.name = sink, "sink follows the log");
        }
        status.phase = phase;
    });
}

/// How a session ended that did not fail.
enum Ended {
    /// It was asked to.
    OnRequest,
    /// There are more partitions to follow.
    Grown,
}

async fn follow<R: LogReader>(
    partition: PartitionId,
    mut reader: R,
) -> (PartitionId, R, Result<Batch, LogError>) {
    let batch = reader.next().await;
    (partition, reader, batch)
}
