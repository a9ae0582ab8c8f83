//! What buyers look at: a replica of every partition's state, fed by the steps that its processor
//! releases, the most recent of those steps, and those who wait for one.
//!
//! Replicas are read-your-writes and need no database. Views never decide anything; they apply
//! what was decided, with the core's own `apply`.
//!
//! Invariants:
//! - A step is visible here before anybody is told of it.
//! - Steps of one partition arrive in the order of their offsets, without a hole.
//! - A waiter is answered exactly once, whichever of acceptance and release comes first.

mod concern;
mod read_back;
mod recent;
mod subscribers;
mod waiter;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use boxoffice_core::{State, apply};
use boxoffice_log::LogError;
use boxoffice_topics::{IntentId, LogId, Offset, PartitionId, PartitionMap, Slot, Step};

pub use self::concern::concerns;
pub use self::read_back::read_step;
use self::recent::Recent;
pub use self::subscribers::{Live, Subscribers, Subscription};
pub use self::waiter::{Progress, Waiter};
use crate::json::Scene;

/// The views of every partition.
#[derive(Debug)]
pub struct Views {
    log_id: LogId,
    map: PartitionMap,
    partitions: Vec<PartitionView>,
    subscribers: Subscribers,
}

struct PartitionView {
    state: RwLock<State>,
    recent: Mutex<Recent>,
}

impl std::fmt::Debug for PartitionView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionView").finish_non_exhaustive()
    }
}

/// Where a step was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// Here it is.
    Recent(Arc<Step>),
    /// It was released so long ago that only the log has it.
    InTheLog,
    /// It has not been released.
    NotYet,
}

/// The state of one partition, for as long as somebody looks at it.
pub struct Look<'a> {
    state: RwLockReadGuard<'a, State>,
    log_id: LogId,
}

impl Look<'_> {
    /// The state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What outcomes are shown with.
    #[must_use]
    pub fn scene(&self) -> Scene<'_> {
        Scene { log_id: self.log_id, state: &self.state }
    }
}

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

impl Views {
    /// Views that start from recovered states, one for each partition of the map in its order.
    #[must_use]
    pub fn new(
        log_id: LogId,
        map: PartitionMap,
        states: Vec<State>,
        recent_steps: usize,
        subscribers: Subscribers,
    ) -> Self {
        let partitions = states.into_iter().map(|state| PartitionView {
            recent: Mutex::new(Recent::new(state.next_offset(), recent_steps)),
            state: RwLock::new(state.into_replica()),
        });
        Self { log_id, map, partitions: partitions.collect(), subscribers }
    }

    /// The log's random name.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        self.log_id
    }

    /// Those who listen.
    #[must_use]
    pub const fn subscribers(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Every partition, in order.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        self.map.partitions()
    }

    /// The partition of this number, when there is one.
    #[must_use]
    pub fn partition(&self, number: u16) -> Option<PartitionId> {
        PartitionId::new(number).filter(|_| usize::from(number) < self.partitions.len())
    }

    /// Looks at the partition that owns a slot.
    #[must_use]
    pub fn look(&self, slot: Slot) -> Look<'_> {
        self.look_at(self.map.partition_of(slot))
    }

    /// Looks at one partition.
    #[must_use]
    pub fn look_at(&self, partition: PartitionId) -> Look<'_> {
        let view = self.view(partition);
        let state = view.state.read().unwrap_or_else(PoisonError::into_inner);
        Look { state, log_id: self.log_id }
    }

    fn view(&self, partition: PartitionId) -> &PartitionView {
        &self.partitions[usize::from(partition.number())]
    }

    fn recent(&self, partition: PartitionId) -> MutexGuard<'_, Recent> {
        self.view(partition).recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The offset after the last released step.
    #[must_use]
    pub fn released_end(&self, partition: PartitionId) -> Offset {
        self.recent(partition).end()
    }

    /// The step of an intent.
    #[must_use]
    pub fn find(&self, partition: PartitionId, offset: Offset) -> Found {
        self.recent(partition).find(offset)
    }

    /// The step of an intent by its name; `None` for a partition that does not exist.
    #[must_use]
    pub fn find_intent(&self, id: IntentId) -> Option<Found> {
        self.partition(id.partition().number()).map(|partition| self.find(partition, id.offset()))
    }

    /// Makes steps visible, then answers who waits for them and tells who listens.
    pub fn release(&self, partition: PartitionId, steps: &[Arc<Step>]) {
        let view = self.view(partition);
        {
            let mut state = view.state.write().unwrap_or_else(PoisonError::into_inner);
            steps.iter().for_each(|step| apply(&mut state, step));
        }
        let mut answered = Vec::with_capacity(steps.len());
        self.recent(partition).push(steps, &mut answered);
        for (waiter, step) in answered {
            waiter.decided(step);
        }
        if self.subscribers.any() {
            let state = view.state.read().unwrap_or_else(PoisonError::into_inner);
            self.subscribers.tell(partition, steps, &state);
        }
    }

    /// Places the waiters of intents that are durable, side by side from `first` on.
    pub fn accepted(&self, partition: PartitionId, first: Offset, waiters: Vec<Arc<Waiter>>) {
        let mut answered = Vec::new();
        {
            let mut recent = self.recent(partition);
            for (offset, waiter) in (0..).map(|index| first.plus(index)).zip(waiters) {
                waiter.accepted(offset);
                match recent.find(offset) {
                    Found::Recent(step) => answered.push((waiter, Some(step))),
                    Found::InTheLog => answered.push((waiter, None)),
                    Found::NotYet => recent.wait(offset, waiter),
                }
            }
        }
        for (waiter, step) in answered {
            match step {
                Some(step) => waiter.decided(step),
                None => waiter.decided_long_ago(),
            }
        }
    }

    /// Answers the waiters of intents that were not accepted.
    pub fn refused(error: &LogError, waiters: Vec<Arc<Waiter>>) {
        for waiter in waiters {
            waiter.refused(error.clone());
        }
    }
}
