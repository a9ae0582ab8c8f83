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

mod activity;
mod concern;
mod forwarded;
mod moves;
mod read_back;
mod recent;
mod subscribers;
mod waiter;

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use boxoffice_core::{State, apply};
use boxoffice_log::LogError;
use boxoffice_topics::partition::PARTITIONS_MAX;
use boxoffice_topics::{
    IntentId, LogId, Offset, Outcome, PartitionId, PartitionMap, Routes, ScalingOutcome, Slot, Step,
};
use tokio::sync::watch;

pub use self::activity::Activity;
pub use self::concern::concerns;
use self::forwarded::Forwarded;
pub use self::moves::{Move, Moves};
pub use self::read_back::read_step;
use self::recent::Recent;
pub use self::subscribers::{Live, Subscribers, Subscription};
pub use self::waiter::{Progress, Waiter};
use crate::json::Scene;

/// The views of every partition.
#[derive(Debug)]
pub struct Views {
    log_id: LogId,
    dealt: PartitionMap,
    routes: Arc<Routes>,
    /// By number. Partitions come and never go.
    partitions: Box<[OnceLock<PartitionView>]>,
    recent_steps: usize,
    subscribers: Subscribers,
    forwarded: Forwarded,
    moves: Moves,
    /// Moves on when slots have gone from one partition to another.
    moved: watch::Sender<u64>,
}

struct PartitionView {
    state: RwLock<State>,
    /// What is on its way to another partition, as it was when it left, for those who read it.
    departing: RwLock<Option<Arc<State>>>,
    recent: Mutex<Recent>,
    activity: Activity,
}

impl PartitionView {
    fn new(state: State, recent_steps: usize) -> Self {
        Self {
            recent: Mutex::new(Recent::new(state.next_offset(), recent_steps)),
            departing: RwLock::new(departing(&state)),
            state: RwLock::new(state.into_replica()),
            activity: Activity::default(),
        }
    }

    fn departing(&self) -> RwLockWriteGuard<'_, Option<Arc<State>>> {
        self.departing.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn departing(state: &State) -> Option<Arc<State>> {
    state.departing_state().map(State::into_replica).map(Arc::new)
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

/// Where an intent is answered that was forwarded.
#[derive(Clone, Debug)]
pub struct Answered {
    /// In which partition.
    pub partition: PartitionId,
    /// At which offset.
    pub offset: Offset,
    /// The step, when it is still in memory.
    pub step: Option<Arc<Step>>,
}

/// The state of one partition, for as long as somebody looks at it.
pub struct Look<'a> {
    state: Seen<'a>,
    log_id: LogId,
}

enum Seen<'a> {
    Here(RwLockReadGuard<'a, State>),
    /// On its way to another partition.
    Departing(Arc<State>),
}

impl Look<'_> {
    /// The state.
    #[must_use]
    pub fn state(&self) -> &State {
        match &self.state {
            Seen::Here(state) => state,
            Seen::Departing(state) => state,
        }
    }

    /// What outcomes are shown with.
    #[must_use]
    pub fn scene(&self) -> Scene<'_> {
        Scene { log_id: self.log_id, state: self.state() }
    }
}

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

impl Views {
    /// Views that start from recovered states, one for each partition in order. `routes` are those
    /// of ingest, and are switched where slots have arrived since they were dealt.
    #[must_use]
    pub fn new(
        log_id: LogId,
        dealt: PartitionMap,
        routes: Arc<Routes>,
        states: Vec<State>,
        recent_steps: usize,
        subscribers: Subscribers,
    ) -> Self {
        for state in &states {
            state.moved_here().for_each(|moved| routes.switch(moved, state.partition()));
        }
        let views = states.into_iter().map(|state| PartitionView::new(state, recent_steps));
        let later = std::iter::repeat_with(OnceLock::new);
        let partitions = views.map(OnceLock::from).chain(later).take(PARTITIONS_MAX.into());
        Self {
            log_id,
            dealt,
            routes,
            partitions: partitions.collect(),
            recent_steps,
            subscribers,
            forwarded: Forwarded::default(),
            moves: Moves::default(),
            moved: watch::Sender::new(0),
        }
    }

    /// Shows one partition more: the next one.
    pub fn add(&self, state: State) {
        let partition = state.partition();
        let at = usize::from(partition.number());
        let moved_here: Vec<_> = state.moved_here().collect();
        self.partitions[at].get_or_init(|| PartitionView::new(state, self.recent_steps));
        // Slots may have arrived before it was read.
        moved_here.into_iter().for_each(|moved| self.routes.switch(moved, partition));
        // What was forwarded there may be answered before anybody here could look.
        for origin in self.forwarded.waiting_for(partition) {
            if let Some(Answered { step, .. }) = self.answer_of(origin, partition)
                && let Some(waiter) = self.forwarded.take(origin)
            {
                step.map_or_else(|| waiter.decided_long_ago(), |step| waiter.decided(step));
            }
        }
    }

    /// Which partition has each slot by now. A slot on its way is where it was.
    #[must_use]
    pub fn map(&self) -> PartitionMap {
        self.routes.map(&self.dealt)
    }

    /// The moves of slots that were seen.
    #[must_use]
    pub const fn moves(&self) -> &Moves {
        &self.moves
    }

    /// Changes when slots have gone from one partition to another.
    #[must_use]
    pub fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// What is asked of a partition.
    #[must_use]
    pub fn activity(&self, partition: PartitionId) -> &Activity {
        &self.view(partition).activity
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
        let partitions = self.partitions.iter().take_while(|view| view.get().is_some()).count();
        (0..partitions as u16).filter_map(PartitionId::new)
    }

    /// The partition of this number, when there is one.
    #[must_use]
    pub fn partition(&self, number: u16) -> Option<PartitionId> {
        let is_there = self.partitions.get(usize::from(number))?.get().is_some();
        PartitionId::new(number).filter(|_| is_there)
    }

    /// Looks at the partition that has a slot. A slot on its way is seen as it was when it left.
    #[must_use]
    pub fn look(&self, slot: Slot) -> Look<'_> {
        loop {
            let partition = self.routes.partition_of(slot);
            let look = self.look_at(partition);
            // It may have gone while its old partition was waited for. Now that one stands still.
            if self.routes.partition_of(slot) != partition {
                continue;
            }
            let leaving = look.state().departure().map_or(&[][..], |departure| departure.slots);
            if leaving.iter().any(|moving| moving.slot == slot) {
                return self.departing(partition).unwrap_or(look);
            }
            return look;
        }
    }

    /// Looks at one partition.
    #[must_use]
    pub fn look_at(&self, partition: PartitionId) -> Look<'_> {
        let view = self.view(partition);
        let state = view.state.read().unwrap_or_else(PoisonError::into_inner);
        Look { state: Seen::Here(state), log_id: self.log_id }
    }

    /// Looks at what a step is about, wherever that is by now.
    #[must_use]
    pub fn look_for(&self, partition: PartitionId, step: &Step) -> Look<'_> {
        match step.intent {
            Some(intent) => self.look(intent.slot()),
            None => self.look_at(partition),
        }
    }

    /// Looks at everything: each partition, and what is on its way from it.
    pub fn looks(&self) -> impl Iterator<Item = Look<'_>> {
        self.partitions().flat_map(|partition| {
            let leaves = self.departing(partition).filter(|_| self.is_under_way(partition));
            [Some(self.look_at(partition)), leaves].into_iter().flatten()
        })
    }

    fn departing(&self, partition: PartitionId) -> Option<Look<'_>> {
        let departing = self.view(partition).departing.read();
        let state = departing.unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(Look { state: Seen::Departing(state), log_id: self.log_id })
    }

    /// Whether what leaves a partition has not arrived yet.
    fn is_under_way(&self, partition: PartitionId) -> bool {
        let look = self.look_at(partition);
        let first = look.state().departure().and_then(|it| it.slots.first().copied());
        first.is_some_and(|moving| self.routes.partition_of(moving.slot) == partition)
    }

    fn view(&self, partition: PartitionId) -> &PartitionView {
        let view = self.partitions[usize::from(partition.number())].get();
        view.unwrap_or_else(|| unreachable!("partitions are shown before they are named"))
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
        self.view(partition).activity.count(steps);
        // What was decided of slots before they left is told while their state is still here.
        for steps in steps.chunk_by(|_, next| !has_fence(next)) {
            self.release_some(partition, steps);
        }
    }

    fn release_some(&self, partition: PartitionId, steps: &[Arc<Step>]) {
        let view = self.view(partition);
        // Who looks for what leaves waits here, and nobody else waits for it to be read.
        let departing = steps.first().is_some_and(|step| has_fence(step)).then(|| view.departing());
        {
            let mut state = view.state.write().unwrap_or_else(PoisonError::into_inner);
            steps.iter().for_each(|step| apply(&mut state, step));
        }
        if let Some(mut departing) = departing {
            let state = view.state.read().unwrap_or_else(PoisonError::into_inner);
            *departing = self::departing(&state);
            self.moves.left(&state, departing.as_deref());
        }
        if steps.iter().any(|step| has_forgotten(step)) {
            *view.departing() = None;
        }
        steps.iter().for_each(|step| self.note_arrival(partition, step));
        let mut answered = Vec::with_capacity(steps.len());
        self.recent(partition).push(steps, &mut answered);
        for (waiter, step) in answered {
            self.answer(waiter, step);
        }
        for step in steps {
            if let Some(origin) = step.forwarded_from()
                && step.answered_in().is_none()
                && let Some(waiter) = self.forwarded.take(origin)
            {
                waiter.decided(Arc::clone(step));
            }
        }
        if self.subscribers.any() {
            for step in steps {
                let look = self.look_for(partition, step);
                self.subscribers.tell(partition, std::slice::from_ref(step), look.state());
            }
        }
    }

    /// Sends intents where slots have arrived.
    fn note_arrival(&self, partition: PartitionId, step: &Step) {
        for outcome in &step.outcomes {
            if let Outcome::Scaling(ScalingOutcome::SlotsArrived { fence, slots }) = outcome {
                slots.iter().for_each(|moved| self.routes.switch(*moved, partition));
                self.moves.arrived(*fence, partition, slots.len());
                self.moved.send_modify(|moves| *moves += 1);
            }
        }
    }

    /// Answers a waiter with the step of its intent, or lets it wait for the partition that the
    /// intent was forwarded to.
    fn answer(&self, waiter: Arc<Waiter>, step: Arc<Step>) {
        let (Some(to), Some(origin)) = (step.answered_in(), step.intent) else {
            return waiter.decided(step);
        };
        self.forwarded.wait(origin, to, waiter);
        // It may have been answered before it was waited for.
        if let Some(Answered { step: Some(step), .. }) = self.answer_of(origin, to)
            && let Some(waiter) = self.forwarded.take(origin)
        {
            waiter.decided(step);
        }
    }

    /// Where the intent is answered that was forwarded to a partition; `None` when it is not answered
    /// yet.
    #[must_use]
    pub fn answer_of(&self, origin: IntentId, mut to: PartitionId) -> Option<Answered> {
        loop {
            let partition = self.partition(to.number())?;
            let offset = self.look_at(partition).state().answered_at(origin)?;
            match self.find(partition, offset) {
                Found::Recent(step) => match step.answered_in() {
                    Some(further) => to = further,
                    None => return Some(Answered { partition, offset, step: Some(step) }),
                },
                Found::InTheLog => return Some(Answered { partition, offset, step: None }),
                Found::NotYet => return None,
            }
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
                Some(step) => self.answer(waiter, step),
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

/// Whether slots leave with a step.
fn has_fence(step: &Step) -> bool {
    step.outcomes
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Scaling(ScalingOutcome::SlotsLeft { .. })))
}

/// Whether the receiver of slots has said that it has them.
fn has_forgotten(step: &Step) -> bool {
    step.outcomes
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Scaling(ScalingOutcome::SlotsForgotten { .. })))
}
