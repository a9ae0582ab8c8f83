//! The sinks of a node: the rows in Postgres, and the payment executor.
//!
//! Where several processes could be sinks, a lease says whose turn it is; the others stand by. Two at
//! once would do no harm: rows move on from where they are in the same transaction, and a payment is
//! asked for under the same name.

use std::sync::Arc;

use boxoffice_ingest::Ingest;
use boxoffice_log::AnyLog;
use boxoffice_processors::ownership::{Change, Leases};
use boxoffice_sinks::payments::ExecutorHandle;
use boxoffice_sinks::runner::Status;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::background::Background;
use super::payments::{Payments, pending};
use super::{NodeError, database, results};
use crate::config::{Config, Database};
use crate::views::{Views, Waiter};

/// How far the sinks may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Working,
    /// Nothing more is asked of the provider.
    Draining,
    /// Rows are written no more.
    Over,
}

/// What others may know of the sinks.
#[derive(Clone, Debug)]
pub struct SinksStatus {
    /// The rows; none without a database.
    pub rows: Option<watch::Receiver<Status>>,
    /// The topics for consumers; none where they are not written.
    pub results: Option<watch::Receiver<Status>>,
    /// The payment executor, while it is this process's turn.
    pub executor: watch::Receiver<Option<ExecutorHandle>>,
}

/// The sinks.
#[derive(Debug)]
pub(super) struct Sinks {
    phase: watch::Sender<Phase>,
    task: JoinHandle<Result<(), NodeError>>,
    status: SinksStatus,
}

/// What the sinks work with.
pub(super) struct Parts {
    pub(super) config: Config,
    /// Where the provider is, when it is the sandbox of this process.
    pub(super) sandbox_url: Option<String>,
    pub(super) log: AnyLog,
    pub(super) views: Arc<Views>,
    pub(super) ingest: Ingest<Arc<Waiter>>,
}

impl Sinks {
    /// Starts them, when it is their turn.
    pub(super) fn start(parts: Parts, turn: Turn) -> Result<Self, NodeError> {
        let (phase, phases) = watch::channel(Phase::Working);
        let (executor, executor_watched) = watch::channel(None);
        let rows = watch::Sender::new(Status::default());
        let has_rows = parts.config.database != Database::None;
        let results = watch::Sender::new(Status::default());
        let status = SinksStatus {
            rows: has_rows.then(|| rows.subscribe()),
            results: parts.config.results.enabled.then(|| results.subscribe()),
            executor: executor_watched,
        };
        let background = Background::start().map_err(NodeError::Background)?;
        let work = Work { parts, turn, background, executor, rows, results, phases };
        Ok(Self { phase, task: tokio::spawn(work.run()), status })
    }

    pub(super) const fn status(&self) -> &SinksStatus {
        &self.status
    }

    /// Returns when they have failed. Dropping the future loses nothing.
    pub(super) async fn failed(&mut self) -> NodeError {
        match (&mut self.task).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => NodeError::Ended("the sinks"),
        }
    }

    /// Asks nothing more of the provider. What is under way is taken up again by whoever is next.
    pub(super) async fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
        // When the task has gone, so has the executor.
        drop(self.status.executor.clone().wait_for(Option::is_none).await);
    }

    /// Writes the rows that have come so far, and ends.
    pub(super) async fn shut_down(self) -> Result<(), NodeError> {
        self.phase.send_replace(Phase::Over);
        if self.task.is_finished() {
            return Ok(());
        }
        self.task.await.map_err(|_| NodeError::Ended("the sinks"))?
    }
}

/// Whose turn it is.
pub(super) enum Turn {
    /// Nobody else's.
    Always,
    /// By a lease; whether it is held.
    Leased(Box<Leases>, bool),
}

impl Turn {
    /// Returns when it has come, or is over. Dropping the future loses nothing.
    async fn changed(&mut self) {
        match self {
            Self::Always => std::future::pending().await,
            Self::Leased(leases, held) => match leases.changed(1).await {
                Change::Gained { epoch, .. } => {
                    tracing::info!(epoch, "the sinks are this process's now");
                    *held = true;
                }
                Change::Lost { why, .. } => {
                    tracing::info!(?why, "the sinks are another process's now");
                    *held = false;
                }
            },
        }
    }

    const fn has_come(&self) -> bool {
        match self {
            Self::Always => true,
            Self::Leased(_, held) => *held,
        }
    }

    async fn give_back(&mut self) {
        if let Self::Leased(leases, _) = self {
            leases.give_back(0);
        }
    }

    async fn leave(self) {
        if let Self::Leased(leases, _) = self
            && let Err(error) = leases.leave().await
        {
            tracing::warn!(%error, "others take over when the lease has run out");
        }
    }
}

struct Work {
    parts: Parts,
    turn: Turn,
    background: Background,
    executor: watch::Sender<Option<ExecutorHandle>>,
    rows: watch::Sender<Status>,
    results: watch::Sender<Status>,
    phases: watch::Receiver<Phase>,
}

impl Work {
    async fn run(mut self) -> Result<(), NodeError> {
        while *self.phases.borrow() == Phase::Working {
            if self.turn.has_come() {
                self.take_turn().await?;
                self.turn.give_back().await;
            } else {
                tokio::select! {
                    () = self.turn.changed() => {}
                    () = reached(self.phases.clone(), Phase::Draining) => {}
                }
            }
        }
        self.turn.leave().await;
        Ok(())
    }

    /// Works until the turn is over or the process ends.
    async fn take_turn(&mut self) -> Result<(), NodeError> {
        let (stop_sinks, rows_stopped) = watch::channel(false);
        let Parts { config, log, .. } = &self.parts;
        let background = &self.background;
        let stop = rows_stopped.clone();
        let results = results::start(config, log, background, self.results.clone(), stop);
        let rows = database::start(config, log, background, self.rows.clone(), rows_stopped);
        let effects = pending(&self.parts.views);
        let mut payments = Payments::start(&self.parts, effects)?;
        self.executor.send_replace(Some(payments.handle().clone()));
        let result = tokio::select! {
            error = payments.failed() => Err(error),
            () = turn_over(&mut self.turn) => Ok(()),
            () = reached(self.phases.clone(), Phase::Draining) => Ok(()),
        };
        payments.stop().await;
        self.executor.send_replace(None);
        if result.is_ok() && self.turn.has_come() {
            reached(self.phases.clone(), Phase::Over).await;
        }
        stop_sinks.send_replace(true);
        for (sink, name) in [(rows, "the postgres sink"), (results, "the result topics")] {
            if let Some(sink) = sink {
                sink.await.map_err(|_| NodeError::Ended(name))?;
            }
        }
        result
    }
}

async fn turn_over(turn: &mut Turn) {
    while turn.has_come() {
        turn.changed().await;
    }
}

async fn reached(mut phases: watch::Receiver<Phase>, phase: Phase) {
    // Whoever could say more has gone.
    drop(phases.wait_for(|now| *now >= phase).await);
}
