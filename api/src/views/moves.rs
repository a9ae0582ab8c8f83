//! The moves of slots that this process has seen, with how long each of them took: from the fence
//! until intents go to the new owner.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use boxoffice_core::State;
use boxoffice_topics::PartitionId;
use boxoffice_topics::outcome::EffectName;

use crate::http::metric_definitions;

/// Moves that are remembered: those of one scaling of a large house.
const MOVES_MAX: usize = 4_096;

/// A move that is over.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// From which partition.
    pub from: PartitionId,
    /// To which partition.
    pub to: PartitionId,
    /// How many slots.
    pub slots: usize,
    /// Bytes of their state.
    pub bytes: u64,
    /// How many performances they have.
    pub performances: usize,
    /// From the fence until intents went to the new owner.
    pub pause: Duration,
}

/// What is known of moves.
#[derive(Debug, Default)]
pub struct Moves {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    under_way: HashMap<PartitionId, (Instant, u64, usize)>,
    over: VecDeque<Move>,
    /// Moves that are over, also those that are not remembered any more.
    count: u64,
}

impl Moves {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Slots have just left.
    pub(super) fn left(&self, state: &State, departing: Option<&State>) {
        let bytes = state.departure().map_or(0, |departure| departure.bytes);
        let shows = departing.map_or(0, |departing| departing.performances().len());
        self.lock().under_way.insert(state.partition(), (Instant::now(), bytes, shows));
    }

    /// Slots have arrived, and intents go there. Of those that left in an earlier process nothing
    /// is known.
    pub(super) fn arrived(&self, fence: EffectName, to: PartitionId, slots: usize) {
        let from = fence.partition();
        let mut inner = self.lock();
        let Some((left, bytes, performances)) = inner.under_way.remove(&from) else { return };
        let pause = left.elapsed();
        metric_definitions::slots_moved(slots, performances, pause);
        if inner.over.len() == MOVES_MAX {
            inner.over.pop_front();
        }
        inner.count += 1;
        inner.over.push_back(Move { from, to, slots, bytes, performances, pause });
    }

    /// How many moves are over.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// The latest moves after the first `before`, the oldest first.
    #[must_use]
    pub fn since(&self, before: u64) -> Vec<Move> {
        let inner = self.lock();
        let later = usize::try_from(inner.count.saturating_sub(before)).unwrap_or(usize::MAX);
        inner.over.iter().skip(inner.over.len().saturating_sub(later)).copied().collect()
    }

    /// The latest moves, the oldest first.
    #[must_use]
    pub fn over(&self) -> Vec<Move> {
        self.lock().over.iter().copied().collect()
    }
}
