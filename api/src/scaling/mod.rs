//! Scales a running node: spreads the slots evenly over a number of partitions, one move after
//! another (decision 21).
//!
//! The coordinator keeps nothing: what is to be moved follows from where slots are. What has left
//! arrives by the posts in the log, whatever becomes of the coordinator; whoever asks again after a
//! crash gets the rest.

pub mod plan;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_ingest::{Draft, Ingest};
use boxoffice_topics::partition::{PARTITIONS_MAX, SLOTS};
use boxoffice_topics::{
    AccountId, Intent, IntentKey, Outcome, RefusalCode, ScalingIntent, Slot, Step,
};
use tokio::sync::{mpsc, oneshot, watch};

use self::plan::{Wanted, plan};
use crate::node::Grow;
use crate::views::{Progress, Views, Waiter};

/// How often the coordinator looks whether slots have arrived: a small part of any move.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// The wait before a partition with a full queue is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// What the coordinator is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Over how many partitions slots are to be spread, by whoever asked last.
    pub to: Option<u16>,
    /// How many moves this process had seen before.
    pub moves_before: u64,
    /// Slots that have still to be moved for it.
    pub slots_left: usize,
    /// Why it could not go on.
    pub failed: Option<String>,
}

impl Status {
    /// Whether slots are being moved.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.to.is_some() && self.slots_left > 0 && self.failed.is_none()
    }
}

/// Asks the coordinator.
#[derive(Debug)]
pub struct Scaling {
    target: mpsc::Sender<u16>,
    status: watch::Receiver<Status>,
}

/// The coordinator has more to do than it can remember.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("another scaling waits already")]
pub struct Busy;

impl Scaling {
    /// A coordinator, and whoever asks it.
    #[must_use]
    pub fn new(
        views: &Arc<Views>,
        ingest: &Ingest<Arc<Waiter>>,
        grow: mpsc::Sender<Grow>,
    ) -> (Self, Coordinator) {
        let (target, targets) = mpsc::channel(1);
        let (told, status) = watch::channel(Status::default());
        let (views, ingest) = (Arc::clone(views), ingest.clone());
        let coordinator = Coordinator { views, ingest, grow, targets, status: told };
        (Self { target, status }, coordinator)
    }

    /// Whether slots can be spread over so many partitions.
    #[must_use]
    pub const fn is_possible(to: u16) -> bool {
        to > 0 && to <= PARTITIONS_MAX
    }

    /// Spreads the slots over so many partitions. What was asked before is finished first.
    ///
    /// # Errors
    /// When another scaling waits already.
    pub fn scale(&self, to: u16) -> Result<(), Busy> {
        self.target.try_send(to).map_err(|_| Busy)
    }

    /// What the coordinator is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }
}

/// Moves slots.
#[derive(Debug)]
pub struct Coordinator {
    views: Arc<Views>,
    ingest: Ingest<Arc<Waiter>>,
    grow: mpsc::Sender<Grow>,
    targets: mpsc::Receiver<u16>,
    status: watch::Sender<Status>,
}

impl Coordinator {
    /// Does what is asked until nobody can ask any more.
    pub async fn run(mut self) {
        while let Some(to) = self.targets.recv().await {
            let slots_left = usize::from(SLOTS);
            let moves_before = self.views.moves().count();
            let begun = Status { to: Some(to), moves_before, slots_left, failed: None };
            self.status.send_replace(begun);
            tracing::info!(to, "scaling");
            let scaled = self.scale(to).await;
            match &scaled {
                Ok(()) => tracing::info!(to, "scaled"),
                Err(reason) => tracing::error!(to, reason, "scaling stopped"),
            }
            self.status.send_modify(|status| status.failed = scaled.err());
        }
    }

    async fn scale(&self, to: u16) -> Result<(), String> {
        self.grow_to(to).await?;
        loop {
            self.settle().await;
            let moves = self.plan(to);
            let mut left: usize = moves.iter().map(|wanted| wanted.slots.len()).sum();
            self.status.send_modify(|status| status.slots_left = left);
            if moves.is_empty() {
                return Ok(());
            }
            for wanted in moves {
                left = left.saturating_sub(wanted.slots.len());
                self.carry_out(wanted).await?;
                self.settle().await;
                // The last one is over when a look at the states says so.
                self.status.send_modify(|status| status.slots_left = left.max(1));
            }
        }
    }

    async fn grow_to(&self, partitions: u16) -> Result<(), String> {
        let stopped = || "the node is shutting down".to_owned();
        let (done, grown) = oneshot::channel();
        self.grow.send(Grow { partitions, done }).await.map_err(|_| stopped())?;
        grown.await.map_err(|_| stopped())?
    }

    /// What is to be moved, as slots are now.
    fn plan(&self, to: u16) -> Vec<Wanted> {
        let map = self.views.map();
        let owners: Vec<_> =
            (0..SLOTS).filter_map(Slot::new).map(|slot| (slot, map.partition_of(slot))).collect();
        let mut occupied = BTreeSet::new();
        for look in self.views.looks() {
            occupied.extend(look.state().performances().map(|show| Slot::of(show.id())));
        }
        plan(&owners, &occupied, to)
    }

    /// Returns when nothing is under way.
    async fn settle(&self) {
        let is_leaving = |partition| self.views.look_at(partition).state().departure().is_some();
        while self.views.partitions().any(is_leaving) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Asks for one move. One that is not possible any more is planned anew.
    async fn carry_out(&self, Wanted { from, to, slots }: Wanted) -> Result<(), String> {
        let dealt = self.views.map().dealt_over();
        let intent = Intent::Scaling(ScalingIntent::MoveSlots { slots, to, dealt });
        let (account, key) = (AccountId::default(), IntentKey::default());
        let draft = Draft { account, key, traceparent: None, intent: &intent };
        loop {
            let waiter = Arc::new(Waiter::default());
            match self.ingest.submit(from, draft, Arc::clone(&waiter)) {
                Ok(()) => return outcome_of(&waiter.wait().await),
                Err(error) if error.is_retriable() => tokio::time::sleep(BUSY_PAUSE).await,
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

fn outcome_of(progress: &Progress) -> Result<(), String> {
    match progress {
        Progress::Decided(step) => refusal_of(step),
        Progress::Refused(error) if error.is_retriable() => Ok(()),
        Progress::Refused(error) => Err(error.to_string()),
        Progress::Queued | Progress::Accepted(_) | Progress::DecidedLongAgo(_) => Ok(()),
    }
}

fn refusal_of(step: &Step) -> Result<(), String> {
    match step.reply() {
        Some(Outcome::Refused { refusal }) if refusal.code == RefusalCode::MoveInvalid => {
            Err(refusal.code.meaning().to_owned())
        }
        // Somebody else was faster.
        _ => Ok(()),
    }
}
