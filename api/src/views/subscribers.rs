//! Those who listen to an account. A listener that cannot keep up is dropped; it comes back and
//! resumes by position, so nobody else pays for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use boxoffice_core::State;
use boxoffice_topics::{AccountId, PartitionId, Step};
use tokio::sync::mpsc;

use super::concern::owner;

/// A step that concerns a listener.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its partition.
    pub partition: PartitionId,
    /// The step.
    pub step: Arc<Step>,
}

/// The listeners of every account.
#[derive(Debug)]
pub struct Subscribers {
    by_account: Mutex<HashMap<AccountId, Vec<Listener>>>,
    count: AtomicUsize,
    next_id: AtomicU64,
    listeners_max: usize,
    events_max: usize,
}

#[derive(Debug)]
struct Listener {
    id: u64,
    events: mpsc::Sender<Live>,
}

/// A place among the listeners. It ends when it is dropped.
#[derive(Debug)]
pub struct Subscription<S: std::borrow::Borrow<super::Views>> {
    views: S,
    account: AccountId,
    id: u64,
    /// What happens from now on. The end means that the listener was too slow.
    pub events: mpsc::Receiver<Live>,
}

impl Subscribers {
    /// At most so many listeners, with so many events waiting for each.
    #[must_use]
    pub fn new(listeners_max: usize, events_max: usize) -> Self {
        Self {
            by_account: Mutex::default(),
            count: AtomicUsize::new(0),
            next_id: AtomicU64::new(0),
            listeners_max,
            events_max,
        }
    }

    /// How many listen.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether anybody listens. A listener that is being added at this very moment reads what it
    /// misses from the log: see [`Subscribers::subscribe`].
    pub(super) fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// Listens to an account; `None` when too many do. Ends of partitions that are read after
    /// this call divide what comes live from what must be read back; what is in both is dropped
    /// by its offset.
    pub fn subscribe<S: std::borrow::Borrow<super::Views>>(
        views: S,
        account: AccountId,
    ) -> Option<Subscription<S>> {
        let subscribers = &views.borrow().subscribers;
        let (sender, events) = mpsc::channel(subscribers.events_max);
        let id = subscribers.next_id.fetch_add(1, Ordering::Relaxed);
        {
            let mut by_account = subscribers.lock();
            if subscribers.count() >= subscribers.listeners_max {
                return None;
            }
            by_account.entry(account).or_default().push(Listener { id, events: sender });
            subscribers.count.fetch_add(1, Ordering::SeqCst);
        }
        Some(Subscription { views, account, id, events })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, Vec<Listener>>> {
        self.by_account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, partition: PartitionId, steps: &[Arc<Step>], state: &State) {
        let mut by_account = self.lock();
        let mut told = Vec::new();
        for step in steps {
            told.clear();
            for outcome in &step.outcomes {
                let Some(account) = owner(outcome, step, state) else {
                    continue;
                };
                if told.contains(&account) {
                    continue;
                }
                told.push(account);
                if let Some(listeners) = by_account.get_mut(&account) {
                    let live = Live { partition, step: Arc::clone(step) };
                    // A full buffer closes the stream; the subscription takes itself out.
                    listeners.retain(|listener| {
                        let kept = listener.events.try_send(live.clone()).is_ok();
                        if !kept {
                            self.count.fetch_sub(1, Ordering::SeqCst);
                        }
                        kept
                    });
                }
            }
        }
    }

    fn remove(&self, account: AccountId, id: u64) {
        let mut by_account = self.lock();
        let Some(listeners) = by_account.get_mut(&account) else {
            return;
        };
        let before = listeners.len();
        listeners.retain(|listener| listener.id != id);
        self.count.fetch_sub(before - listeners.len(), Ordering::SeqCst);
        if listeners.is_empty() {
            by_account.remove(&account);
        }
    }
}

impl<S: std::borrow::Borrow<super::Views>> Subscription<S> {
    /// The views that it listens to.
    pub fn views(&self) -> &super::Views {
        self.views.borrow()
    }

    /// Whose events these are.
    pub const fn account(&self) -> AccountId {
        self.account
    }
}

impl<S: std::borrow::Borrow<super::Views>> Drop for Subscription<S> {
    fn drop(&mut self) {
        self.views.borrow().subscribers.remove(self.account, self.id);
    }
}
