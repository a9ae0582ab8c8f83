//! Those who wait for an intent that is answered in another partition than it was accepted in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boxoffice_topics::{IntentId, PartitionId};

use super::waiter::Waiter;

/// Where each intent was forwarded to, and who waits for it.
type Waiting = HashMap<IntentId, (PartitionId, Arc<Waiter>)>;

/// Waiters by the name under which their intents were accepted.
#[derive(Debug, Default)]
pub(super) struct Forwarded {
    waiting: Mutex<Waiting>,
}

impl Forwarded {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self, origin: IntentId, to: PartitionId, waiter: Arc<Waiter>) {
        self.lock().insert(origin, (to, waiter));
    }

    /// The intents that were forwarded to a partition and are waited for.
    pub(super) fn waiting_for(&self, partition: PartitionId) -> Vec<IntentId> {
        let waiting = self.lock();
        let there = waiting.iter().filter(|(_, (to, _))| *to == partition);
        there.map(|(origin, _)| *origin).collect()
    }

    /// The waiter, whom nobody else answers from now on.
    pub(super) fn take(&self, origin: IntentId) -> Option<Arc<Waiter>> {
        let mut waiting = self.lock();
        if waiting.is_empty() { None } else { waiting.remove(&origin).map(|(_, waiter)| waiter) }
    }
}
