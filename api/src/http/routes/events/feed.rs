//! The events of one listener: what it missed is read back first, then what happens live. The
//! same step is never shown twice and none is left out.

use std::collections::VecDeque;
use std::sync::Arc;

use boxoffice_log::{Log as _, LogReader as _, TopicPartition};
use boxoffice_topics::envelope::step_from_record;
use boxoffice_topics::{Offset, PartitionId, Step};
use tokio::sync::OwnedSemaphorePermit;

use super::positions::Positions;
use crate::http::router::App;
use crate::json::{EventJson, OutcomeJson, moment};
use crate::views::{Found, Subscription, Views, concerns};

/// Steps that are looked at before anybody else gets a turn.
const STEPS_PER_TURN: usize = 1_024;

pub(super) struct Feed {
    app: App,
    subscription: Subscription<Arc<Views>>,
    /// What the listener has seen.
    positions: Positions,
    /// Partitions that are still being read back, and to where.
    missed: VecDeque<(PartitionId, Offset)>,
    /// What was read back and not yet shown.
    ready: VecDeque<(PartitionId, Arc<Step>)>,
    /// Reading back is work: few do it at once.
    _turn: Option<OwnedSemaphorePermit>,
}

/// One event.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) body: EventJson,
}

impl Feed {
    pub(super) fn new(
        app: App,
        subscription: Subscription<Arc<Views>>,
        positions: Positions,
        ends: &Positions,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let missed = app.views.partitions().map(|partition| (partition, ends.of(partition)));
        let missed = missed.filter(|(partition, end)| positions.of(*partition) < *end).collect();
        Self { app, subscription, positions, missed, ready: VecDeque::new(), _turn: turn }
    }

    pub(super) fn id(&self) -> String {
        self.positions.to_text()
    }

    /// The next event; `None` when the listener was too slow or the log failed.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((partition, step)) = self.ready.pop_front() {
                if let Some(event) = self.show(partition, &step) {
                    return Some(event);
                }
                continue;
            }
            if let Some((partition, end)) = self.missed.front().copied() {
                if self.positions.of(partition) >= end {
                    self.missed.pop_front();
                } else {
                    self.read_back(partition, end).await?;
                }
                continue;
            }
            self._turn = None;
            let live = self.subscription.events.recv().await?;
            self.ready.push_back((live.partition, live.step));
        }
    }

    /// Moves past the step, and shows it when it concerns the listener.
    fn show(&mut self, partition: PartitionId, step: &Step) -> Option<Event> {
        if step.offset < self.positions.of(partition) {
            return None;
        }
        self.positions.advance(partition, step.offset.next());
        let account = self.subscription.account();
        let look = self.app.views.look_for(partition, step);
        let outcomes = step.outcomes.iter();
        let outcomes: Vec<_> = outcomes
            .filter(|outcome| concerns(account, outcome, step, look.state()))
            .map(|outcome| OutcomeJson::of(outcome, look.scene()))
            .collect();
        if outcomes.is_empty() {
            return None;
        }
        let body = EventJson {
            partition: partition.number(),
            offset: step.offset.number(),
            at: moment(step.now).0.to_string(),
            outcomes,
        };
        Some(Event { id: self.id(), body })
    }

    /// Reads a few of the steps that were missed, from memory or from the outcomes topic.
    async fn read_back(&mut self, partition: PartitionId, end: Offset) -> Option<()> {
        let from = self.positions.of(partition).max(Offset::ZERO.next());
        self.positions.advance(partition, from);
        let to = end.min(from.plus(STEPS_PER_TURN as u64));
        let mut at = from;
        while at < to {
            match self.app.views.find(partition, at) {
                Found::Recent(step) => {
                    self.ready.push_back((partition, step));
                    at = at.next();
                }
                Found::InTheLog => at = self.read_log(partition, at, to).await?,
                Found::NotYet => break,
            }
        }
        tokio::task::yield_now().await;
        Some(())
    }

    async fn read_log(
        &mut self,
        partition: PartitionId,
        from: Offset,
        to: Offset,
    ) -> Option<Offset> {
        let outcomes = TopicPartition::outcomes(partition);
        let complain = |error: &dyn std::fmt::Display| {
            tracing::error!(partition = %partition, offset = %from, error = %error, "read events back");
        };
        // What was released and is not published yet is waited for.
        let log = &self.app.log;
        let end = log.end(outcomes).await.map_err(|error| complain(&error)).ok()?;
        let mut reader =
            log.read(outcomes, from.min(end)).await.map_err(|error| complain(&error)).ok()?;
        let batch = reader.next().await.map_err(|error| complain(&error)).ok()?;
        let mut at = from;
        let asked = batch.iter().filter(|(offset, _)| (from..to).contains(offset));
        for (offset, record) in asked {
            let (_, step) = step_from_record(record).map_err(|error| complain(&error)).ok()?;
            self.ready.push_back((partition, Arc::new(step)));
            at = offset.next();
        }
        Some(at)
    }
}
