//! What a sink has read and not yet written: the steps that change something, in an order in which
//! they may be taken. It knows nothing of where they go.

use std::collections::BTreeMap;

use boxoffice_log::Batch;
use boxoffice_topics::coupon::CouponOutcome;
use boxoffice_topics::waiting_room::WaitingRoomOutcome;
use boxoffice_topics::{Outcome, PartitionId, Step};
use tokio::time::Instant;

use crate::causal::{may_follow, receiver};
use crate::progress::{Cursor, Position, ProgressError};
use crate::runner::Config;

/// Steps that were read of one partition, the first of which are taken.
pub(crate) struct Read<R> {
    pub(crate) partition: PartitionId,
    pub(crate) reader: R,
    pub(crate) batch: Batch,
    pub(crate) taken: usize,
}

impl<R> Read<R> {
    pub(crate) fn is_taken(&self) -> bool {
        self.taken == self.batch.records.len()
    }
}

/// What was read and is not yet written.
pub(crate) struct Pending {
    concerns: fn(&Step) -> bool,
    pub(crate) steps: Vec<(PartitionId, Step)>,
    pub(crate) outcomes: usize,
    /// Where each partition stood before.
    pub(crate) moved: BTreeMap<PartitionId, Position>,
    moved_at: Option<Instant>,
    /// Slots go to a partition that is not followed yet.
    pub(crate) is_grown: bool,
}

impl Pending {
    /// Nothing yet, for a sink that these steps concern.
    pub(crate) const fn new(concerns: fn(&Step) -> bool) -> Self {
        Self {
            concerns,
            steps: Vec::new(),
            outcomes: 0,
            moved: BTreeMap::new(),
            moved_at: None,
            is_grown: false,
        }
    }

    /// Takes what may be taken: one partition may wait for another.
    pub(crate) fn take_all<R>(
        &mut self,
        cursors: &mut [Cursor],
        read: &mut [Read<R>],
    ) -> Result<(), ProgressError> {
        loop {
            let mut is_over = true;
            for read in &mut *read {
                let before = read.taken;
                self.take(cursors, read)?;
                is_over &= read.taken == before;
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn take<R>(&mut self, cursors: &mut [Cursor], read: &mut Read<R>) -> Result<(), ProgressError> {
        let at = usize::from(read.partition.number());
        let before = cursors[at].position();
        for (offset, record) in read.batch.iter().skip(read.taken) {
            let mut ahead = cursors[at].clone();
            let step = ahead.accept(offset, record)?;
            let next_of = |of: PartitionId| {
                cursors.get(usize::from(of.number())).map(|cursor| cursor.position().next)
            };
            if step.as_ref().is_some_and(|step| !may_follow(step, next_of)) {
                break;
            }
            cursors[at] = ahead;
            read.taken += 1;
            self.add(read.partition, step, cursors.len());
        }
        if cursors[at].position().next > before.next {
            self.moved.entry(before.partition).or_insert(before);
            self.moved_at.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn add(&mut self, partition: PartitionId, step: Option<Step>, partitions: usize) {
        let Some(step) = step else { return };
        self.is_grown |= receiver(&step).is_some_and(|to| usize::from(to.number()) >= partitions);
        if (self.concerns)(&step) {
            self.outcomes += step.outcomes.iter().map(weight).sum::<usize>();
            self.steps.push((partition, step));
        }
    }

    pub(crate) fn due(&self, config: &Config, written_at: Option<Instant>) -> Option<Instant> {
        let moved_at = self.moved_at?;
        if self.steps.is_empty() {
            return Some(moved_at + config.idle_interval);
        }
        Some(written_at.map_or(moved_at, |written_at| written_at + config.write_interval))
    }
}

/// Whether a step changes any row.
pub(crate) fn changes_something(step: &Step) -> bool {
    step.outcomes.iter().any(|outcome| match outcome {
        Outcome::Refused { .. }
        | Outcome::Repeated { .. }
        | Outcome::MessageSent { .. }
        | Outcome::MessageReceived { .. }
        | Outcome::Scaling(_) => false,
        // What becomes of one's place in the line is told by the turn.
        Outcome::WaitingRoom(outcome) => !matches!(
            outcome,
            WaitingRoomOutcome::Seen { .. }
                | WaitingRoomOutcome::Left { .. }
                | WaitingRoomOutcome::Returned { .. }
                | WaitingRoomOutcome::Inside { .. }
        ),
        // A performance repeats what the campaign's own outcomes say.
        Outcome::Coupon(outcome) => !matches!(
            outcome,
            CouponOutcome::Announced { .. }
                | CouponOutcome::Granted { .. }
                | CouponOutcome::Spent { .. }
        ),
        _ => true,
    })
}

fn weight(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::PerformanceCreated { definition } => 1 + definition.seat_count() as usize,
        _ => 1,
    }
}
