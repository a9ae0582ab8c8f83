//! One who waits for an intent: first for its place in the log, then for its step.
//!
//! A waiter is one allocation and is woken once: when what it waits for is there.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use boxoffice_log::LogError;
use boxoffice_topics::{Offset, Step};

/// Waits for one intent.
#[derive(Debug, Default)]
pub struct Waiter {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    progress: Progress,
    wants_acceptance_only: bool,
    waker: Option<Waker>,
}

/// How far an intent has come.
#[derive(Clone, Debug, Default)]
pub enum Progress {
    /// It waits for the disk.
    #[default]
    Queued,
    /// It is durable at this place.
    Accepted(Offset),
    /// It is decided.
    Decided(Arc<Step>),
    /// It was decided so long ago that only the log has the step.
    DecidedLongAgo(Offset),
    /// It was not accepted.
    Refused(LogError),
}

impl Waiter {
    /// Who is content when the intent is durable.
    #[must_use]
    pub fn for_acceptance() -> Self {
        let inner = Inner { wants_acceptance_only: true, ..Inner::default() };
        Self { inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, progress: Progress) {
        let waker = {
            let mut inner = self.lock();
            inner.progress = progress;
            if inner.is_over() { inner.waker.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn accepted(&self, offset: Offset) {
        self.advance(Progress::Accepted(offset));
    }

    pub(super) fn decided(&self, step: Arc<Step>) {
        self.advance(Progress::Decided(step));
    }

    pub(super) fn decided_long_ago(&self) {
        let offset = match self.lock().progress {
            Progress::Accepted(offset) => offset,
            _ => return,
        };
        self.advance(Progress::DecidedLongAgo(offset));
    }

    pub(super) fn refused(&self, error: LogError) {
        self.advance(Progress::Refused(error));
    }

    /// How far the intent has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.lock().progress.clone()
    }

    /// Returns when what was waited for is there. One task may wait at a time.
    pub async fn wait(&self) -> Progress {
        poll_fn(|context| {
            let mut inner = self.lock();
            if inner.is_over() {
                return Poll::Ready(inner.progress.clone());
            }
            match &mut inner.waker {
                Some(waker) => waker.clone_from(context.waker()),
                waker => *waker = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }
}

impl Inner {
    const fn is_over(&self) -> bool {
        match self.progress {
            Progress::Queued => false,
            Progress::Accepted(_) => self.wants_acceptance_only,
            Progress::Decided(_) | Progress::DecidedLongAgo(_) | Progress::Refused(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiter_sleeps_through_acceptance_and_wakes_for_the_step() {
        let waiter = Arc::new(Waiter::default());
        let waiting = tokio::spawn({
            let waiter = Arc::clone(&waiter);
            async move { waiter.wait().await }
        });
        tokio::task::yield_now().await;
        waiter.accepted(Offset::new(3));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        waiter.decided(Arc::default());
        assert!(matches!(waiting.await.unwrap(), Progress::Decided(_)));
    }

    #[tokio::test]
    async fn who_wants_no_more_wakes_for_acceptance() {
        let waiter = Waiter::for_acceptance();
        waiter.accepted(Offset::new(3));
        assert!(matches!(waiter.wait().await, Progress::Accepted(offset) if offset.number() == 3));
    }
}
