//! The loop of one partition: decide beside the sync, release after it, publish in order.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_log::{Batch, Durability, Log, LogError, LogReader, TopicPartition};
use boxoffice_topics::envelope::ChainHash;
use boxoffice_topics::{Offset, PartitionId, Step};
use bytes::Bytes;
use tokio::time::{Interval, MissedTickBehavior};

use crate::checkpoint::{CheckpointError, Checkpoints, Snapshot};
use crate::clock::Clock;
use crate::config::Config;
use crate::decider::Decider;
use crate::error::Error;
use crate::metric_definitions::PartitionMetrics;
use crate::records::{expect_offset, take_append};
use crate::recover::Recovered;
use crate::ticks::{self, Ticks};

/// The wait before a full disk is tried again.
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// A shorter distance between snapshots would only keep the disk busy.
const CHECKPOINT_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Gets every step whose intent is durable, in the order of the log, each of them once in the
/// life of this process. Runs in the loop: it must not block.
pub trait Release: Send + 'static {
    /// The steps of intents side by side. They are shared, because replies keep them.
    fn release(&mut self, steps: Vec<Arc<Step>>);
}

/// How a partition ended that was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The offset after the last record, which is the end of both topics.
    pub next: Offset,
    /// The chained hash after it.
    pub chain: ChainHash,
}

type InFlight<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// The owner of one partition.
pub struct Partition<L: Log, R, C> {
    log: L,
    intents: TopicPartition,
    outcomes: TopicPartition,
    config: Config,
    checkpoints: Checkpoints,
    release: R,
    clock: C,
    metrics: PartitionMetrics,
    decider: Decider,
    /// Decided, and their intents may not be durable yet.
    waiting: VecDeque<Decided>,
    waiting_steps: usize,
    /// Released, and not yet on their way to the outcomes topic.
    unpublished: Vec<Bytes>,
    /// Every step before this is in the outcomes topic.
    published_end: Offset,
    publishing: InFlight<Result<Offset, LogError>>,
    /// What is on its way there, to be sent again when the disk was full.
    in_publication: Vec<Bytes>,
    /// Nothing more is published, because the disk was full at the end.
    has_given_up: bool,
    ticks: Ticks,
    ticking: InFlight<Result<Offset, LogError>>,
    /// A state that is saved as soon as all its steps are published.
    to_save: Option<Snapshot>,
    saving: InFlight<Result<(), CheckpointError>>,
    saved_end: Offset,
    /// Where to end, once that is known.
    stop_at: Option<Offset>,
}

/// The steps of one batch.
struct Decided {
    end: Offset,
    steps: Vec<Arc<Step>>,
    records: Vec<Bytes>,
}

/// What the loop waits for.
enum Event {
    Durable(Result<(), LogError>),
    Published(Result<Offset, LogError>),
    Ticked(Result<Offset, LogError>),
    Saved(Result<(), CheckpointError>),
    Stop,
    TickDue,
    CheckpointDue,
    Read(Result<Batch, LogError>),
}

impl<L: Log, R: Release, C: Clock> Partition<L, R, C> {
    /// The owner of a recovered partition. Whoever builds views starts them from
    /// `recovered.state`: `release` gets what comes after it.
    #[must_use]
    pub fn new(
        log: L,
        recovered: Recovered,
        checkpoints: Checkpoints,
        config: Config,
        release: R,
        clock: C,
    ) -> Self {
        let partition = recovered.state.partition();
        let next = recovered.next();
        Self {
            intents: TopicPartition::intents(partition),
            outcomes: TopicPartition::outcomes(partition),
            metrics: PartitionMetrics::new(partition),
            decider: Decider::new(log.log_id(), recovered.state, recovered.chain),
            ticks: Ticks::new(config.tick_interval),
            waiting: VecDeque::new(),
            waiting_steps: 0,
            unpublished: Vec::new(),
            published_end: next,
            publishing: None,
            in_publication: Vec::new(),
            has_given_up: false,
            ticking: None,
            to_save: None,
            saving: None,
            saved_end: recovered.snapshot.unwrap_or(Offset::ZERO.next()),
            stop_at: None,
            log,
            config,
            checkpoints,
            release,
            clock,
        }
    }

    /// Runs until `shutdown` and through everything that is in the log by then, or until
    /// something is wrong. Ingest must have finished before `shutdown`.
    ///
    /// # Errors
    /// Any [`Error`]: the process must stop, because this partition answers nobody any more.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Finished, Error> {
        let mut reader = self.log.read(self.intents, self.decider.next_offset()).await?;
        let mut shutdown = pin!(shutdown);
        let period = self.config.checkpoint_interval.max(CHECKPOINT_INTERVAL_MIN);
        // The first one a period from now: what was recovered needs no snapshot at once.
        let mut checkpoint_due =
            tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        checkpoint_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.publish();
            self.save();
            if self.is_done() {
                break;
            }
            let event = self.next_event(&mut reader, &mut checkpoint_due, shutdown.as_mut()).await;
            self.handle(event).await?;
        }
        self.save_last().await;
        Ok(Finished { next: self.decider.next_offset(), chain: self.decider.chain() })
    }

    /// What has waited longest comes first, and reading last: nothing is starved by it.
    async fn next_event(
        &mut self,
        reader: &mut L::Reader,
        checkpoint_due: &mut Interval,
        shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Event {
        let running = self.stop_at.is_none();
        let may_read =
            self.waiting_steps + self.unpublished.len() < self.config.waiting_steps_max.get();
        let tick = if running { self.ticks.due(self.decider.state()) } else { None };
        tokio::select! {
            biased;
            durable = durable(&self.log, self.intents, self.waiting.front()) => {
                Event::Durable(durable)
            }
            published = in_flight(&mut self.publishing) => Event::Published(published),
            ticked = in_flight(&mut self.ticking) => Event::Ticked(ticked),
            saved = in_flight(&mut self.saving) => Event::Saved(saved),
            () = shutdown, if running => Event::Stop,
            () = ticks::wait(&self.clock, tick) => Event::TickDue,
            _ = checkpoint_due.tick() => Event::CheckpointDue,
            batch = reader.next(), if may_read => Event::Read(batch),
        }
    }

    async fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Read(batch) => self.decide(&batch?)?,
            Event::Durable(durable) => {
                durable?;
                self.release_first();
            }
            Event::Published(appended) => {
                self.publishing = None;
                self.published(appended)?;
            }
            Event::TickDue => self.tick(),
            Event::Ticked(appended) => {
                self.ticking = None;
                self.ticked(appended)?;
            }
            Event::CheckpointDue => self.want_checkpoint(),
            Event::Saved(saved) => {
                self.saving = None;
                self.saved(saved);
            }
            Event::Stop => self.stop_at = Some(self.log.end(self.intents).await?),
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.stop_at.is_some_and(|end| end <= self.decider.next_offset())
            && self.waiting.is_empty()
            && self.publishing.is_none()
            && self.ticking.is_none()
    }

    fn decide(&mut self, batch: &Batch) -> Result<(), Error> {
        let started = Instant::now();
        let count = batch.records.len();
        let (mut steps, mut records) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (offset, record) in batch.iter() {
            records.push(self.decider.advance(offset, record)?);
            let step = self.decider.take_step();
            self.metrics.step(&step);
            self.ticks.decided(&step, self.decider.state());
            steps.push(step);
        }
        self.waiting.push_back(Decided { end: batch.end(), steps, records });
        self.waiting_steps += count;
        let quarantined = self.decider.quarantined();
        self.metrics.batch(started.elapsed(), quarantined, self.waiting_steps);
        if self.unsaved_records() >= self.config.checkpoint_records.get() {
            self.want_checkpoint();
        }
        Ok(())
    }

    /// The intents of the first waiting batch are durable.
    fn release_first(&mut self) {
        let Some(Decided { steps, records, .. }) = self.waiting.pop_front() else {
            return;
        };
        self.waiting_steps -= steps.len();
        self.release.release(steps);
        if self.unpublished.is_empty() {
            self.unpublished = records;
        } else {
            self.unpublished.extend(records);
        }
    }

    /// Starts the next append to the outcomes topic, unless one is in flight.
    fn publish(&mut self) {
        if self.publishing.is_some() || self.unpublished.is_empty() || self.has_given_up {
            return;
        }
        self.in_publication = take_append(&mut self.unpublished);
        let (log, outcomes) = (self.log.clone(), self.outcomes);
        let records = self.in_publication.clone();
        self.publishing = Some(Box::pin(async move {
            let appended = log.append(outcomes, records, Durability::Written).await;
            if appended.as_ref().is_err_and(LogError::is_retriable) {
                tokio::time::sleep(FULL_PAUSE).await;
            }
            appended
        }));
    }

    fn published(&mut self, appended: Result<Offset, LogError>) -> Result<(), Error> {
        let mut records = std::mem::take(&mut self.in_publication);
        match appended {
            Ok(first) => {
                expect_offset(self.outcomes, self.published_end, first)?;
                self.published_end = self.published_end.plus(records.len() as u64);
                Ok(())
            }
            Err(error) if error.is_retriable() => {
                tracing::warn!(partition = %self.id(), %error, "steps not published yet");
                records.append(&mut self.unpublished);
                self.unpublished = records;
                // A full disk does not keep the process alive: the next start publishes this.
                self.has_given_up = self.stop_at.is_some();
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn tick(&mut self) {
        let records = vec![self.ticks.send(self.clock.now())];
        let (log, intents) = (self.log.clone(), self.intents);
        self.ticking =
            Some(Box::pin(async move { log.append(intents, records, Durability::Synced).await }));
    }

    fn ticked(&mut self, appended: Result<Offset, LogError>) -> Result<(), Error> {
        match appended {
            Ok(offset) => {
                self.ticks.appended(offset, self.decider.state());
                self.stop_at = self.stop_at.map(|end| end.max(offset.next()));
                Ok(())
            }
            Err(error) if error.is_retriable() => {
                tracing::warn!(partition = %self.id(), %error, "tick refused");
                self.ticks.refused();
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn id(&self) -> PartitionId {
        self.intents.partition
    }

    fn unsaved_records(&self) -> u64 {
        self.decider.next_offset().number().saturating_sub(self.saved_end.number())
    }

    /// Takes a snapshot in memory. It is saved when everything that it knows is published, and
    /// so durable.
    fn want_checkpoint(&mut self) {
        let age_records = self.unsaved_records();
        self.metrics.checkpoint(self.decider.state(), age_records);
        if age_records > 0 && self.to_save.is_none() && self.saving.is_none() {
            self.to_save = Some(self.snapshot());
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { state: self.decider.state().clone(), chain: self.decider.chain() }
    }

    fn save(&mut self) {
        let published_end = self.published_end;
        let is_published = |snapshot: &mut Snapshot| snapshot.state.next_offset() <= published_end;
        let Some(snapshot) = self.to_save.take_if(is_published) else {
            return;
        };
        // Set before it is known to be written: after a failure the next one comes at its time,
        // not at every batch.
        self.saved_end = snapshot.state.next_offset();
        let (checkpoints, log_id) = (self.checkpoints.clone(), self.log.log_id());
        self.saving = Some(Box::pin(async move { checkpoints.save(log_id, snapshot).await }));
    }

    /// The log is the truth: without a snapshot the next start only takes longer.
    fn saved(&mut self, saved: Result<(), CheckpointError>) {
        if let Err(error) = saved {
            tracing::error!(partition = %self.id(), %error, "snapshot not written");
            self.metrics.checkpoint_failed();
        }
    }

    /// The next start begins here.
    async fn save_last(&mut self) {
        if let Some(saving) = self.saving.take() {
            self.saved(saving.await);
        }
        let is_published = self.published_end == self.decider.next_offset();
        if is_published && self.unsaved_records() > 0 {
            let saved = self.checkpoints.save(self.log.log_id(), self.snapshot()).await;
            self.saved(saved);
        }
    }
}

/// Returns when the intents of the first waiting batch are durable.
async fn durable<L: Log>(
    log: &L,
    intents: TopicPartition,
    first: Option<&Decided>,
) -> Result<(), LogError> {
    match first {
        Some(decided) => log.wait_durable(intents, decided.end).await,
        None => std::future::pending().await,
    }
}

/// Returns when something that is in flight has arrived. The caller forgets it then.
async fn in_flight<T>(future: &mut InFlight<T>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
