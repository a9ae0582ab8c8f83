//! The payment executor: runs every pending effect until its result is in the log.
//!
//! One loop owns the pending effects. It takes turns in the order in which they fall due, at most
//! [`ExecutorConfig::concurrency`] at a time, and no turn waits: an effect whose truth is unknown
//! goes back into the queue. Stopping abandons the turns that are under way, which is what a
//! crash would do; the next start repeats them under the same names.
//!
//! INV-1: an effect leaves the queue only when its result is in the log.
//! INV-2: a fault is never booked as a result.

mod config;
mod follow;
mod hint;
mod pending;
mod turn;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use boxoffice_log::{Log, LogError};
use boxoffice_topics::envelope::EnvelopeError;
use boxoffice_topics::{Intent, IntentKey, Offset, PartitionId};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use super::effect::{Change, Effect, Subject};
use super::metric_definitions;
use super::naming::{Naming, ResultKind};
use super::provider::{Fault, PaymentProvider};
pub use config::ExecutorConfig;
pub use follow::FollowFrom;
use follow::Followers;
use hint::{Hint, HintResult, KnownHint};
pub use hint::{HintAnswer, HintError, PaymentLookup};
pub use pending::UnknownAttempt;
use pending::{Hurried, Pending};
use turn::{Caller, TurnEnd};

/// Changes that are read ahead of the loop. A follower waits when it is full.
const CHANGES_MAX: usize = 1_024;
/// Hints that wait. The provider sends one again that is turned away.
const HINTS_WAITING_MAX: usize = 256;
/// Hints that are looked at together. They share the provider with the effects, which matter more.
const HINTS_AT_ONCE_MAX: usize = 16;
/// How often the gauges are set: often enough for any scraper.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// A result was not handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// There is no room now; a later try may succeed.
    #[error("ingest is full")]
    Busy,
    /// The log takes no more intents.
    #[error("ingest has stopped")]
    Stopped,
}

/// Takes results as intents.
pub trait ResultIntents: Send + Sync + 'static {
    /// Returns when the intent is durable. A result that comes again has the same key.
    ///
    /// # Errors
    /// When the intent was not accepted.
    fn submit(
        &self,
        intent: Intent<'_>,
        key: IntentKey,
    ) -> impl Future<Output = Result<(), SubmitError>> + Send;
}

/// The executor cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The outcomes cannot be read.
    #[error("follow the outcomes: {0}")]
    Log(#[from] LogError),
    /// A record cannot be understood.
    #[error("outcomes of partition {partition}, offset {offset}: {error}")]
    Unreadable {
        /// The partition.
        partition: PartitionId,
        /// Where.
        offset: Offset,
        /// What is wrong.
        error: EnvelopeError,
    },
    /// A record was made by another log.
    #[error("outcomes of partition {partition}, offset {offset}: a step of another log")]
    ForeignLog {
        /// The partition.
        partition: PartitionId,
        /// Where.
        offset: Offset,
    },
    /// Steps are missing.
    #[error("outcomes of partition {partition}: the step of {expected} is missing before {found}")]
    Hole {
        /// The partition.
        partition: PartitionId,
        /// The input whose step should come next.
        expected: Offset,
        /// The input whose step came.
        found: Offset,
    },
    /// The log takes no more intents.
    #[error("results cannot be handed in: ingest has stopped")]
    IngestStopped,
}

/// What the executor works with.
pub struct ExecutorParts<L, P, R, K> {
    /// The log whose outcomes are followed.
    pub log: L,
    /// The payment provider.
    pub provider: P,
    /// Where results go.
    pub results: R,
    /// Where hints find their attempt.
    pub lookup: K,
}

/// The executor, before it runs.
pub struct Executor<L, P, R, K> {
    log: L,
    caller: Arc<Caller<P, R>>,
    lookup: K,
    follow_from: Vec<FollowFrom>,
    shared: Arc<Shared>,
    hints: mpsc::Receiver<Hint>,
    turns: JoinSet<(Subject, Duration, TurnEnd)>,
    hints_at_once: JoinSet<()>,
    /// Hints that came while the turn of their attempt was under way. They wait for its end: it
    /// may have asked before what the hint is about happened.
    parked: Vec<KnownHint>,
    /// Somebody was called to act, and nothing has gone through since.
    misconfigured: bool,
    /// The last report said that the truth of some attempts is unknown.
    unknown_reported: bool,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    stop: Notify,
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Talks to a running executor.
#[derive(Clone, Debug)]
pub struct ExecutorHandle {
    shared: Arc<Shared>,
    hints: mpsc::Sender<Hint>,
}

impl ExecutorHandle {
    /// Every attempt whose truth is unknown, the oldest first.
    #[must_use]
    pub fn unknown(&self) -> Vec<UnknownAttempt> {
        self.shared.pending().unknown(Instant::now())
    }

    /// How many effects have no result yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shared.pending().len()
    }

    /// Somebody says that a payment has changed. Returns when the provider was asked and what it
    /// says is in the log, so that whoever brought the hint brings it again after an error.
    ///
    /// # Errors
    /// When the hint should come again.
    pub async fn hint(
        &self,
        payment_key: &str,
        provider_order_id: &str,
    ) -> Result<HintAnswer, HintError> {
        let (reply, answer) = oneshot::channel::<HintResult>();
        let (payment_key, order_id) = (payment_key.into(), provider_order_id.into());
        self.hints.try_send(Hint { payment_key, order_id, reply }).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => HintError::Busy,
                mpsc::error::TrySendError::Closed(_) => HintError::Stopped,
            },
        )?;
        answer.await.map_err(|_| HintError::Stopped)?
    }

    /// Stops the executor. Effects under way are abandoned and resumed by the next start.
    pub fn stop(&self) {
        self.shared.stop.notify_one();
    }
}

impl<L, P, R, K> Executor<L, P, R, K>
where
    L: Log,
    P: PaymentProvider,
    R: ResultIntents,
    K: PaymentLookup,
{
    /// An executor that resumes the recovered state's pending effects and then follows the
    /// outcomes. `pending` and `follow_from` must be of the same state.
    #[must_use]
    pub fn new(
        parts: ExecutorParts<L, P, R, K>,
        pending: Vec<Effect>,
        follow_from: Vec<FollowFrom>,
        config: ExecutorConfig,
    ) -> (Self, ExecutorHandle) {
        metric_definitions::describe();
        let ExecutorParts { log, provider, results, lookup } = parts;
        let naming = Naming::new(log.log_id());
        let caller = Arc::new(Caller { provider, results, naming, config });
        let shared = Arc::new(Shared::default());
        let (sender, hints) = mpsc::channel(HINTS_WAITING_MAX);
        for effect in pending {
            // The process before this one may have sent the request.
            shared.pending().insert(effect, true, Instant::now(), &config);
        }
        let handle = ExecutorHandle { shared: Arc::clone(&shared), hints: sender };
        let executor = Self {
            log,
            caller,
            lookup,
            follow_from,
            shared,
            hints,
            turns: JoinSet::new(),
            hints_at_once: JoinSet::new(),
            parked: Vec::new(),
            misconfigured: false,
            unknown_reported: false,
        };
        (executor, handle)
    }

    /// Runs until it is stopped.
    ///
    /// # Errors
    /// When the outcomes cannot be followed or results cannot be handed in any more.
    pub async fn run(mut self) -> Result<(), ExecutorError> {
        let (sender, mut changes) = mpsc::channel(CHANGES_MAX);
        let mut followers = Followers::new(self.log.clone(), sender);
        std::mem::take(&mut self.follow_from).into_iter().for_each(|from| followers.add(from));
        let shared = Arc::clone(&self.shared);
        let mut gauges = tokio::time::interval(GAUGE_INTERVAL);
        gauges.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wake = self.start_turns();
            tokio::select! {
                () = shared.stop.notified() => return Ok(()),
                Some(ended) = self.turns.join_next() => self.end_turn(finished(ended))?,
                Some(change) = changes.recv() => match change {
                    Change::Receiver(partition) => followers.add_new(partition),
                    change => self.take_change(change),
                },
                Some(hint) = self.hints.recv(),
                    if self.hints_at_once.len() < HINTS_AT_ONCE_MAX => self.start_hint(hint),
                Some(ended) = self.hints_at_once.join_next() => finished(ended),
                Some(ended) = followers.tasks.join_next() => finished(ended)?,
                () = sleep_until(wake) => (),
                _ = gauges.tick() => self.set_gauges(),
            }
        }
    }

    /// Starts what is due while there is room. Returns when to look again; with no room that is
    /// when a turn ends.
    fn start_turns(&mut self) -> Option<Instant> {
        let concurrency = self.caller.config.concurrency.get();
        let mut pending = self.shared.pending();
        let now = Instant::now();
        while self.turns.len() < concurrency {
            let Some(turn) = pending.take_due(now) else {
                return pending.next_due();
            };
            let caller = Arc::clone(&self.caller);
            self.turns.spawn(async move {
                let end = caller.turn(&turn.effect, turn.asked_before).await;
                (turn.effect.subject(), now.elapsed(), end)
            });
        }
        None
    }

    fn end_turn(
        &mut self,
        (subject, duration, end): (Subject, Duration, TurnEnd),
    ) -> Result<(), ExecutorError> {
        let effect = match subject {
            Subject::Capture(_) => "capture",
            Subject::Refund(_) => "refund",
        };
        match end {
            TurnEnd::Settled(kind) => {
                metric_definitions::turn_settled(effect, kind.as_str(), duration);
                self.misconfigured = false;
                self.shared.pending().settle(subject);
                self.unpark(subject, Some(kind));
                if kind == ResultKind::Failed {
                    tracing::error!(effect = ?subject, "the provider refuses a refund");
                }
                Ok(())
            }
            TurnEnd::Unknown(fault) => {
                metric_definitions::turn_unknown(effect, fault.kind, duration);
                self.report_fault(subject, fault);
                let now = Instant::now();
                self.shared.pending().put_back(subject, fault, now, &self.caller.config);
                self.unpark(subject, None);
                Ok(())
            }
            TurnEnd::Stopped => Err(ExecutorError::IngestStopped),
        }
    }

    /// A misconfiguration stops every payment, so it is reported once and not for each of them.
    fn report_fault(&mut self, subject: Subject, fault: Fault) {
        let error_type = fault.kind.as_str();
        if fault.kind.needs_somebody() && !self.misconfigured {
            self.misconfigured = true;
            tracing::error!(
                error_type,
                code = %fault.code,
                effect = ?subject,
                "the payment provider refuses this shop; payments wait until that is repaired"
            );
        } else {
            tracing::debug!(error_type, code = %fault.code, effect = ?subject, "effect is unknown");
        }
    }

    fn take_change(&mut self, change: Change) {
        let mut pending = self.shared.pending();
        match change {
            Change::Requested(effect) => {
                pending.insert(effect, false, Instant::now(), &self.caller.config);
            }
            Change::Settled(subject) => pending.settle(subject),
            Change::Receiver(_) => (),
        }
    }

    fn start_hint(&mut self, hint: Hint) {
        let order = self.caller.naming.order_of(&hint.order_id);
        let found = order.and_then(|order| {
            let payment = self.lookup.payment_by_key(order, &hint.payment_key)?;
            Some((order, payment))
        });
        let Some((order, payment)) = found else {
            return hint.answer(Ok(HintAnswer::Unknown));
        };
        let known = KnownHint { hint, order, payment };
        let hurried = self.shared.pending().hurry(Subject::Capture(payment), Instant::now());
        match hurried {
            Hurried::NotPending => self.look_at(known),
            Hurried::Due => known.hint.answer(Ok(HintAnswer::Hurried)),
            Hurried::UnderWay if self.parked.len() < HINTS_WAITING_MAX => self.parked.push(known),
            Hurried::UnderWay => known.hint.answer(Err(HintError::Busy)),
        }
    }

    fn look_at(&mut self, known: KnownHint) {
        let caller = Arc::clone(&self.caller);
        self.hints_at_once.spawn(async move { caller.take_hint(known).await });
    }

    /// The turn that hints waited for has ended.
    fn unpark(&mut self, subject: Subject, settled: Option<ResultKind>) {
        let is_about = |known: &mut KnownHint| Subject::Capture(known.payment) == subject;
        for known in self.parked.extract_if(.., is_about).collect::<Vec<_>>() {
            match settled {
                None => {
                    self.shared.pending().hurry(subject, Instant::now());
                    known.hint.answer(Ok(HintAnswer::Hurried));
                }
                Some(ResultKind::Captured) => known.hint.answer(Ok(HintAnswer::Captured)),
                Some(_) => self.look_at(known),
            }
        }
    }

    fn set_gauges(&mut self) {
        let (pending, unknown, oldest) = {
            let pending = self.shared.pending();
            (pending.len(), pending.unknown_len(), pending.oldest_unknown(Instant::now()))
        };
        metric_definitions::pending(pending, unknown, oldest);
        // A provider that is away makes every attempt unknown: one line says so, and one that it
        // is over.
        if self.unknown_reported != (unknown > 0) {
            self.unknown_reported = unknown > 0;
            if unknown > 0 {
                tracing::warn!(unknown, pending, "payment attempts have an unknown result");
            } else {
                tracing::info!("every payment attempt has a known result again");
            }
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

/// A panic in a task is a broken invariant: it goes on in the loop and ends the executor.
fn finished<T>(joined: Result<T, JoinError>) -> T {
    match joined {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
