//! The most recent steps of one partition, and the waiters whose steps are still to come.

use std::collections::VecDeque;
use std::sync::Arc;

use boxoffice_topics::{Offset, Step};

use super::Found;
use super::waiter::Waiter;

pub(super) struct Recent {
    /// Offset of the first step in the ring.
    first: Offset,
    steps: VecDeque<Arc<Step>>,
    steps_max: usize,
    /// Ascending: intents of one partition are accepted in the order of their offsets.
    waiting: VecDeque<(Offset, Arc<Waiter>)>,
}

impl Recent {
    pub(super) fn new(end: Offset, steps_max: usize) -> Self {
        Self { first: end, steps: VecDeque::new(), steps_max, waiting: VecDeque::new() }
    }

    pub(super) fn end(&self) -> Offset {
        self.first.plus(self.steps.len() as u64)
    }

    pub(super) fn find(&self, offset: Offset) -> Found {
        let Some(index) = offset.number().checked_sub(self.first.number()) else {
            return Found::InTheLog;
        };
        let step = usize::try_from(index).ok().and_then(|index| self.steps.get(index));
        step.map_or(Found::NotYet, |step| Found::Recent(Arc::clone(step)))
    }

    /// Adds steps and takes out those who waited for them.
    pub(super) fn push(
        &mut self,
        steps: &[Arc<Step>],
        answered: &mut Vec<(Arc<Waiter>, Arc<Step>)>,
    ) {
        for step in steps {
            assert!(step.offset == self.end(), "{} was released out of order", step.offset);
            if self.steps.len() == self.steps_max {
                self.steps.pop_front();
                self.first = self.first.next();
            }
            self.steps.push_back(Arc::clone(step));
            if self.waiting.front().is_some_and(|(offset, _)| *offset == step.offset)
                && let Some((_, waiter)) = self.waiting.pop_front()
            {
                answered.push((waiter, Arc::clone(step)));
            }
        }
    }

    pub(super) fn wait(&mut self, offset: Offset, waiter: Arc<Waiter>) {
        debug_assert!(self.waiting.back().is_none_or(|(last, _)| *last < offset));
        self.waiting.push_back((offset, waiter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(offsets: std::ops::Range<u64>) -> Vec<Arc<Step>> {
        offsets.map(|n| Arc::new(Step { offset: Offset::new(n), ..Step::default() })).collect()
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_knows_what_is_to_come() {
        let mut recent = Recent::new(Offset::new(5), 3);
        recent.push(&steps(5..10), &mut Vec::new());
        assert!(matches!(recent.find(Offset::new(6)), Found::InTheLog));
        assert!(matches!(recent.find(Offset::new(7)), Found::Recent(_)));
        assert!(matches!(recent.find(Offset::new(10)), Found::NotYet));
        assert_eq!(recent.end(), Offset::new(10));
    }

    #[test]
    fn a_waiter_is_taken_out_with_its_step_and_ticks_have_none() {
        let mut recent = Recent::new(Offset::new(1), 8);
        recent.wait(Offset::new(2), Arc::new(Waiter::default()));
        let mut answered = Vec::new();
        recent.push(&steps(1..4), &mut answered);
        assert_eq!(answered.len(), 1);
        assert_eq!(answered[0].1.offset, Offset::new(2));
        assert!(recent.waiting.is_empty());
    }
}
