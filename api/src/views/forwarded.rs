//! Those who wait for an intent that is answered in another partition than it was accepted in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boxoffice_topics::IntentId;

use super::waiter::Waiter;

/// Waiters by the name under which their intents were accepted.
#[derive(Debug, Default)]
pub(super) struct Forwarded {
    waiting: Mutex<HashMap<IntentId, Arc<Waiter>>>,
}

impl Forwarded {
    fn lock(&self) -> MutexGuard<'_, HashMap<IntentId, Arc<Waiter>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self, origin: IntentId, waiter: Arc<Waiter>) {
        self.lock().insert(origin, waiter);
    }

    /// The waiter, whom nobody else answers from now on.
    pub(super) fn take(&self, origin: IntentId) -> Option<Arc<Waiter>> {
        let mut waiting = self.lock();
        if waiting.is_empty() { None } else { waiting.remove(&origin) }
    }
}
