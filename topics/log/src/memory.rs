//! A log in memory, for tests of everything that uses a log.
//!
//! It can hold durability back, so that a test can show that nothing is released before it is
//! durable, and it can crash, stop and be full.

use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boxoffice_topics::{Genesis, LogId, Offset, PartitionId};
use bytes::Bytes;
use tokio::sync::watch;

use crate::{Batch, Durability, Log, LogError, LogReader, Topic, TopicPartition};

/// Records in one answer of a reader.
const TAKE_RECORDS_MAX: usize = 1_024;

/// A log in memory. Clones share it.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

struct Shared {
    genesis: Genesis,
    /// Partitions that the log was made with.
    dealt: u16,
    state: Mutex<State>,
    /// Moves whenever anything changes.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    intents: Vec<Partition>,
    outcomes: Vec<Partition>,
    held_back: bool,
    full: bool,
    stopped: Option<Arc<str>>,
}

#[derive(Clone)]
struct Partition {
    records: Vec<Bytes>,
    durable: usize,
}

impl State {
    fn partition(&mut self, of: TopicPartition) -> Result<&mut Partition, LogError> {
        let partitions = match of.topic {
            Topic::Intents => &mut self.intents,
            Topic::Outcomes => &mut self.outcomes,
        };
        partitions
            .get_mut(usize::from(of.partition.number()))
            .ok_or_else(|| LogError::Mismatch(Arc::from(format!("there is no {of}"))))
    }

    fn check(&self) -> Result<(), LogError> {
        self.stopped.clone().map_or(Ok(()), |reason| Err(LogError::Stopped(reason)))
    }

    fn sync(&mut self) {
        for partition in self.intents.iter_mut().chain(&mut self.outcomes) {
            partition.durable = partition.records.len();
        }
    }
}

impl MemoryLog {
    /// A log that has its genesis records.
    #[must_use]
    pub fn new(partitions: NonZeroU16, genesis: Genesis) -> Self {
        let first = Partition { records: vec![Bytes::from(genesis.to_record())], durable: 1 };
        let all = vec![first; usize::from(partitions.get())];
        let state = State { intents: all.clone(), outcomes: all, ..State::default() };
        Self::with(partitions.get(), genesis, state)
    }

    fn with(dealt: u16, genesis: Genesis, state: State) -> Self {
        let (state, changed) = (Mutex::new(state), watch::Sender::new(0));
        Self { shared: Arc::new(Shared { genesis, dealt, state, changed }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.shared.changed.send_modify(|changes| *changes += 1);
    }

    /// Nothing more becomes durable, and no synced append is acknowledged, until
    /// [`MemoryLog::let_through`].
    pub fn hold_back(&self) {
        self.change(|state| state.held_back = true);
    }

    /// Makes everything durable and ends [`MemoryLog::hold_back`].
    pub fn let_through(&self) {
        self.change(|state| {
            state.held_back = false;
            state.sync();
        });
    }

    /// Refuses appends with [`LogError::Full`], or no longer.
    pub fn set_full(&self, full: bool) {
        self.change(|state| state.full = full);
    }

    /// Stops the log, as a disk that fails does.
    pub fn stop(&self, reason: &str) {
        self.change(|state| state.stopped = Some(Arc::from(reason)));
    }

    /// The log as the next process finds it after a loss of power now: what is durable and
    /// nothing else. This one stops.
    #[must_use]
    pub fn crash(&self) -> Self {
        let survivors = |partitions: &[Partition]| {
            let keep = |partition: &Partition| Partition {
                records: partition.records[..partition.durable].to_vec(),
                durable: partition.durable,
            };
            partitions.iter().map(keep).collect()
        };
        let mut survived = State::default();
        self.change(|state| {
            survived.intents = survivors(&state.intents);
            survived.outcomes = survivors(&state.outcomes);
            state.stopped = Some(Arc::from("the power is gone"));
        });
        Self::with(self.shared.dealt, self.shared.genesis, survived)
    }

    /// Every record of a partition, durable or not.
    #[must_use]
    pub fn records(&self, of: TopicPartition) -> Vec<Bytes> {
        self.state().partition(of).map(|partition| partition.records.clone()).unwrap_or_default()
    }

    /// Every partition of both topics.
    pub fn topic_partitions(&self) -> impl Iterator<Item = TopicPartition> + use<> {
        let partitions = self.partitions();
        Topic::ALL.into_iter().flat_map(move |topic| {
            let partitions = (0..partitions).filter_map(PartitionId::new);
            partitions.map(move |partition| TopicPartition { topic, partition })
        })
    }
}

impl Log for MemoryLog {
    type Reader = MemoryReader;

    fn log_id(&self) -> LogId {
        self.shared.genesis.log_id
    }

    fn partitions(&self) -> u16 {
        self.state().intents.len() as u16
    }

    fn dealt(&self) -> u16 {
        self.shared.dealt
    }

    async fn grow(&self, partitions: u16) -> Result<(), LogError> {
        let mut state = self.state();
        state.check()?;
        if state.full {
            return Err(LogError::Full);
        }
        let genesis = vec![Bytes::from(self.shared.genesis.to_record())];
        let first = Partition { records: genesis, durable: 1 };
        let partitions = usize::from(partitions).max(state.intents.len());
        state.intents.resize(partitions, first.clone());
        state.outcomes.resize(partitions, first);
        Ok(())
    }

    async fn append(
        &self,
        to: TopicPartition,
        records: Vec<Bytes>,
        durability: Durability,
    ) -> Result<Offset, LogError> {
        let (first, end) = {
            let mut state = self.state();
            state.check()?;
            if state.full && !records.is_empty() {
                return Err(LogError::Full);
            }
            let partition = state.partition(to)?;
            let first = partition.records.len() as u64;
            partition.records.extend(records);
            let end = partition.records.len() as u64;
            if durability == Durability::Synced && !state.held_back {
                state.sync();
            }
            (Offset::new(first), Offset::new(end))
        };
        self.shared.changed.send_modify(|changes| *changes += 1);
        if durability == Durability::Synced {
            self.wait_durable(to, end).await?;
        }
        Ok(first)
    }

    async fn end(&self, of: TopicPartition) -> Result<Offset, LogError> {
        let mut state = self.state();
        state.check()?;
        Ok(Offset::new(state.partition(of)?.records.len() as u64))
    }

    async fn wait_durable(&self, of: TopicPartition, end: Offset) -> Result<(), LogError> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            {
                let mut state = self.state();
                let written = state.partition(of)?.records.len() as u64;
                if written >= end.number() && !state.held_back && state.stopped.is_none() {
                    state.sync();
                }
                if state.partition(of)?.durable as u64 >= end.number() {
                    return Ok(());
                }
                state.check()?;
            }
            changed.changed().await.map_err(|_| gone())?;
        }
    }

    async fn read(&self, from: TopicPartition, at: Offset) -> Result<MemoryReader, LogError> {
        let end = Offset::new(self.state().partition(from)?.records.len() as u64);
        if at > end {
            return Err(LogError::OutOfRange { asked: at, end });
        }
        let changed = self.shared.changed.subscribe();
        Ok(MemoryReader { log: self.clone(), of: from, next: at, changed })
    }
}

fn gone() -> LogError {
    LogError::Stopped(Arc::from("the log is closed"))
}

/// Reads one partition of a log in memory.
pub struct MemoryReader {
    log: MemoryLog,
    of: TopicPartition,
    next: Offset,
    changed: watch::Receiver<u64>,
}

impl LogReader for MemoryReader {
    async fn next(&mut self) -> Result<Batch, LogError> {
        loop {
            self.changed.borrow_and_update();
            {
                let mut state = self.log.state();
                let stopped = state.check();
                let partition = state.partition(self.of)?;
                let whole = partition.records.len();
                let end = if stopped.is_err() { partition.durable } else { whole };
                let start = self.next.number() as usize;
                if start < end {
                    let end = end.min(start + TAKE_RECORDS_MAX);
                    let records = partition.records[start..end].to_vec();
                    let batch = Batch { first: self.next, records };
                    self.next = batch.end();
                    return Ok(batch);
                }
                stopped?;
            }
            self.changed.changed().await.map_err(|_| gone())?;
        }
    }
}
