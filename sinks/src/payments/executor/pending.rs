//! Which effects have no result yet, and when each is looked at next.
//!
//! Turns are taken in the order in which they fall due, so an effect that came first is asked
//! first and a retry waits its time without keeping anybody else waiting. Knows no provider.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{OrderId, PaymentId};
use tokio::time::Instant;

use super::config::ExecutorConfig;
use crate::payments::effect::{Effect, Subject};
use crate::payments::provider::Fault;
use crate::retry::Backoff;

/// A capture or refund that was asked for and whose truth is not known.
#[derive(Clone, Debug)]
pub struct UnknownAttempt {
    /// The effect.
    pub effect: EffectName,
    /// Whether money is to be given back rather than taken.
    pub is_refund: bool,
    /// The payment.
    pub payment: PaymentId,
    /// Its order.
    pub order: OrderId,
    /// Time since this process first asked.
    pub age: Duration,
    /// How often it was asked.
    pub tries: u32,
    /// What went wrong the last time.
    pub last_error: Fault,
}

/// The effects without a result.
#[derive(Debug, Default)]
pub(super) struct Pending {
    entries: BTreeMap<Subject, Entry>,
    due: BinaryHeap<Reverse<Due>>,
    tickets: u64,
    unknown: usize,
}

#[derive(Debug)]
struct Entry {
    effect: Arc<Effect>,
    /// An earlier process, or an earlier turn, may have sent the request.
    asked_before: bool,
    first_asked: Instant,
    tries: u32,
    last_error: Option<Fault>,
    backoff: Backoff,
    /// The ticket in the queue that counts; `None` while a turn is under way.
    ticket: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    ticket: u64,
    subject: Subject,
}

/// What there was to hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hurried {
    /// The effect has its result, or was never asked for.
    NotPending,
    /// Its turn is due now. Whatever is true at this moment will be seen by it.
    Due,
    /// Its turn is under way and may have seen an older truth.
    UnderWay,
}

/// One look at one effect.
pub(super) struct Turn {
    pub(super) effect: Arc<Effect>,
    pub(super) asked_before: bool,
}

impl Pending {
    /// Adds an effect, due at once. An effect that is there already stays as it is.
    pub(super) fn insert(
        &mut self,
        effect: Effect,
        asked_before: bool,
        now: Instant,
        config: &ExecutorConfig,
    ) {
        let subject = effect.subject();
        if self.entries.contains_key(&subject) {
            return;
        }
        let entry = Entry {
            effect: Arc::new(effect),
            asked_before,
            first_asked: now,
            tries: 0,
            last_error: None,
            backoff: config.backoff(),
            ticket: None,
        };
        self.entries.insert(subject, entry);
        self.schedule(subject, now);
    }

    fn schedule(&mut self, subject: Subject, at: Instant) {
        let Some(entry) = self.entries.get_mut(&subject) else {
            return;
        };
        self.tickets += 1;
        entry.ticket = Some(self.tickets);
        self.due.push(Reverse(Due { at, ticket: self.tickets, subject }));
    }

    /// When the next turn falls due.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        while let Some(Reverse(due)) = self.due.peek() {
            if self.entries.get(&due.subject).is_some_and(|it| it.ticket == Some(due.ticket)) {
                return Some(due.at);
            }
            self.due.pop();
        }
        None
    }

    /// Takes the turn that is due first.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Turn> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(due) = self.due.pop()?;
        let entry = self.entries.get_mut(&due.subject)?;
        entry.ticket = None;
        if entry.tries == 0 {
            entry.first_asked = now;
        }
        Some(Turn { effect: Arc::clone(&entry.effect), asked_before: entry.asked_before })
    }

    /// A turn ended without the truth: there will be another.
    pub(super) fn put_back(
        &mut self,
        subject: Subject,
        fault: Fault,
        now: Instant,
        config: &ExecutorConfig,
    ) {
        let Some(entry) = self.entries.get_mut(&subject) else {
            return;
        };
        if entry.last_error.replace(fault).is_none() {
            self.unknown += 1;
        }
        entry.asked_before = true;
        entry.tries = entry.tries.saturating_add(1);
        let wait = if fault.kind.needs_somebody() {
            config.misconfigured_wait()
        } else {
            entry.backoff.next_delay()
        };
        self.schedule(subject, now + wait);
    }

    /// The effect has its result.
    pub(super) fn settle(&mut self, subject: Subject) {
        if self.entries.remove(&subject).is_some_and(|entry| entry.last_error.is_some()) {
            self.unknown -= 1;
        }
    }

    /// Looks at the effect now instead of later.
    pub(super) fn hurry(&mut self, subject: Subject, now: Instant) -> Hurried {
        match self.entries.get(&subject).map(|entry| entry.ticket) {
            None => Hurried::NotPending,
            Some(None) => Hurried::UnderWay,
            Some(Some(_)) => {
                self.schedule(subject, now);
                Hurried::Due
            }
        }
    }

    /// How many effects have no result.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them were asked for.
    pub(super) const fn unknown_len(&self) -> usize {
        self.unknown
    }

    /// Time since the oldest unknown attempt was first asked for.
    pub(super) fn oldest_unknown(&self, now: Instant) -> Duration {
        let unknown = self.entries.values().filter(|entry| entry.last_error.is_some());
        let first = unknown.map(|entry| entry.first_asked).min();
        first.map_or(Duration::ZERO, |first| now.saturating_duration_since(first))
    }

    /// Every unknown attempt, the oldest first.
    pub(super) fn unknown(&self, now: Instant) -> Vec<UnknownAttempt> {
        let attempt = |entry: &Entry| {
            Some(UnknownAttempt {
                effect: entry.effect.name(),
                is_refund: matches!(*entry.effect, Effect::Refund { .. }),
                payment: entry.effect.payment(),
                order: entry.effect.order(),
                age: now.saturating_duration_since(entry.first_asked),
                tries: entry.tries,
                last_error: entry.last_error?,
            })
        };
        let mut attempts: Vec<_> = self.entries.values().filter_map(attempt).collect();
        attempts.sort_by_key(|attempt| (Reverse(attempt.age), attempt.effect));
        attempts
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::{Currency, Money, Offset, PartitionId};

    use super::*;
    use crate::payments::provider::FaultKind;

    fn effect(offset: u64) -> Effect {
        Effect::Capture {
            name: EffectName::new(PartitionId::new(0).unwrap(), Offset::new(offset), 0),
            payment: format!("1-0-{offset}").parse().unwrap(),
            order: "1-0-1".parse().unwrap(),
            amount: Money::new(1, Currency::KRW),
            payment_key: "k".into(),
        }
    }

    fn take(pending: &mut Pending, now: Instant) -> Option<u64> {
        pending.take_due(now).map(|turn| turn.effect.payment().0.offset().number())
    }

    #[test]
    fn turns_come_in_the_order_in_which_they_fall_due() {
        let config = ExecutorConfig::default();
        let (mut pending, now) = (Pending::default(), Instant::now());
        (1..=3).for_each(|offset| pending.insert(effect(offset), false, now, &config));
        pending.insert(effect(1), false, now, &config);
        assert_eq!(take(&mut pending, now), Some(1));
        pending.put_back(effect(1).subject(), FaultKind::Timeout.into(), now, &config);
        assert_eq!(take(&mut pending, now), Some(2));
        assert_eq!(take(&mut pending, now), Some(3));
        assert_eq!(take(&mut pending, now + config.backoff_min), Some(1));
        assert_eq!(take(&mut pending, now + config.backoff_max), None);
        assert_eq!((pending.len(), pending.unknown_len()), (3, 1));
    }

    #[test]
    fn a_settled_effect_is_not_asked_again_and_a_hurried_one_at_once() {
        let config = ExecutorConfig { backoff_min: Duration::from_secs(9), ..Default::default() };
        let (mut pending, now) = (Pending::default(), Instant::now());
        pending.insert(effect(1), false, now, &config);
        pending.insert(effect(2), false, now, &config);
        assert_eq!(pending.hurry(effect(2).subject(), now), Hurried::Due);
        pending.settle(effect(1).subject());
        assert_eq!(take(&mut pending, now), Some(2));
        assert_eq!(pending.hurry(effect(2).subject(), now), Hurried::UnderWay);
        assert_eq!(take(&mut pending, now), None);
        pending.put_back(effect(2).subject(), FaultKind::Timeout.into(), now, &config);
        assert_eq!(pending.hurry(effect(2).subject(), now), Hurried::Due);
        assert_eq!(take(&mut pending, now), Some(2));
        pending.settle(effect(2).subject());
        assert_eq!(pending.hurry(effect(2).subject(), now), Hurried::NotPending);
        assert_eq!((pending.len(), pending.unknown_len(), pending.next_due()), (0, 0, None));
    }
}
