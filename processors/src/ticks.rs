//! When the next tick is due: at most one is on its way, and they keep a distance.

use std::time::Duration;

use boxoffice_core::State;
use boxoffice_topics::envelope::intent_to_record;
use boxoffice_topics::{
    AccountId, Header, Intent, IntentKey, Offset, Outcome, ScalingOutcome, Step, Timestamp,
};
use bytes::Bytes;
use tokio::time::Instant;

use crate::clock::Clock;

/// The wait after a disk that was full: ticks free seats, they do not make room.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// What has become of the last tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// It is decided, or there was none.
    Decided,
    /// It is being appended.
    OnItsWay,
    /// It is in the log here and not yet decided.
    At(Offset),
}

#[derive(Debug)]
pub(crate) struct Ticks {
    interval: Duration,
    last: Last,
    not_before: Instant,
    /// The last step of no intent, and whether it ended anything.
    seen: Option<(Offset, bool)>,
}

impl Ticks {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, last: Last::Decided, not_before: Instant::now(), seen: None }
    }

    /// When the next tick shall be appended: by the wall clock, and by the distance to the last
    /// one. `None` while one is on its way or nothing waits.
    pub(crate) fn due(&self, state: &State) -> Option<(Timestamp, Instant)> {
        if self.last != Last::Decided {
            return None;
        }
        // Log time can be ahead of this machine's clock, and the core goes by log time.
        let due_at = state.due_at()?;
        let at = if due_at <= state.now() { Timestamp::default() } else { due_at };
        Some((at, self.not_before))
    }

    /// A tick goes out now.
    pub(crate) fn send(&mut self, now: Timestamp) -> Bytes {
        self.last = Last::OnItsWay;
        self.not_before = Instant::now() + self.interval;
        let (account, key) = (AccountId::default(), IntentKey::default());
        let header = Header { recorded_at: now, account, key, fingerprint: 0, traceparent: None };
        intent_to_record(&header, &Intent::Tick).into()
    }

    /// The tick is in the log.
    pub(crate) fn appended(&mut self, offset: Offset, state: &State) {
        self.last = Last::At(offset);
        self.settle(state);
    }

    /// The disk was full.
    pub(crate) fn refused(&mut self) {
        self.last = Last::Decided;
        self.not_before = Instant::now() + FULL_PAUSE;
    }

    /// A step was decided.
    pub(crate) fn decided(&mut self, step: &Step, state: &State) {
        if step.intent.is_none() {
            self.seen = Some((step.offset, !step.outcomes.is_empty()));
            self.settle(state);
        }
        // Intents of slots that leave wait until a tick has posted them.
        if let Some(Outcome::Scaling(ScalingOutcome::SlotsLeft { .. })) = step.reply() {
            self.not_before = Instant::now();
        }
    }

    fn settle(&mut self, state: &State) {
        let Last::At(offset) = self.last else { return };
        if state.next_offset() <= offset {
            return;
        }
        self.last = Last::Decided;
        // A tick ends a limited number of things: what is left need not wait. It must have ended
        // something, else this would never come to rest.
        let more_is_due = state.due_at().is_some_and(|due_at| due_at <= state.now());
        if more_is_due && self.seen == Some((offset, true)) {
            self.not_before = Instant::now();
        }
    }
}

/// Returns when a tick is due.
pub(crate) async fn wait(clock: &impl Clock, due: Option<(Timestamp, Instant)>) {
    match due {
        Some((at, not_before)) => {
            tokio::time::sleep_until(not_before).await;
            clock.wait_until(at).await;
        }
        None => std::future::pending().await,
    }
}
