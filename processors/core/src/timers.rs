//! What becomes due, and when.
//!
//! Timers of one duration are armed in the order of their deadlines, so each duration has a
//! lane in which adding costs nothing. A timer whose thing has ended stays in its lane until it
//! is the first there: whoever reads asks the state whether a timer is still meant.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use boxoffice_topics::inventory::ChannelNumber;
use boxoffice_topics::{AccountId, HoldId, OrderId, PerformanceId, TicketId, Timestamp};

/// What is due at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Hold(HoldId),
    Order(OrderId),
    Reserving(OrderId),
    Points(AccountId),
    Channel(PerformanceId, ChannelNumber),
    Companions(PerformanceId),
    TicketOffer(TicketId),
}

/// Timers by deadline.
type Lane<'t> = Box<dyn Iterator<Item = &'t (Timestamp, Due)> + 't>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    lanes: BTreeMap<u32, VecDeque<(Timestamp, Due)>>,
    /// Timers of any duration.
    others: BTreeSet<(Timestamp, Due)>,
}

impl Timers {
    /// Arms a timer. `duration_ms` only picks the lane.
    pub(crate) fn arm(&mut self, duration_ms: u32, deadline: Timestamp, due: Due) {
        let lane = self.lanes.entry(duration_ms).or_default();
        let timer = (deadline, due);
        if lane.back().is_none_or(|last| *last <= timer) {
            lane.push_back(timer);
        } else {
            let place = lane.partition_point(|other| *other < timer);
            lane.insert(place, timer);
        }
    }

    /// Arms a timer whose duration few others share: in a lane it would push through the rest.
    pub(crate) fn arm_at(&mut self, deadline: Timestamp, due: Due) {
        self.others.insert((deadline, due));
    }

    /// Arms the timers of another state.
    pub(crate) fn absorb(&mut self, other: Self) {
        for (duration_ms, lane) in other.lanes {
            for (deadline, due) in lane {
                self.arm(duration_ms, deadline, due);
            }
        }
        self.others.extend(other.others);
    }

    /// The earliest deadline, which may be of a thing that has ended.
    pub(crate) fn earliest(&self) -> Option<Timestamp> {
        let first_of_lanes = self.lanes.values().filter_map(|lane| lane.front());
        first_of_lanes.chain(self.others.first()).map(|(deadline, _)| *deadline).min()
    }

    /// Every timer with its deadline up to `now`, by deadline and then by id, each once: a thing
    /// that is armed again for the same moment has two entries.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Due)> {
        let mut before = None;
        let boxed = |lane| -> Lane<'_> { Box::new(VecDeque::iter(lane)) };
        let others: Lane<'_> = Box::new(self.others.iter());
        let lanes = self.lanes.values().map(boxed).chain([others]);
        let mut lanes: Vec<_> = lanes.map(Iterator::peekable).collect();
        std::iter::from_fn(move || {
            lanes
                .iter_mut()
                .filter_map(|lane| lane.peek().map(|timer| **timer).map(|timer| (timer, lane)))
                .min_by_key(|(timer, _)| *timer)
                .and_then(|(_, lane)| lane.next().copied())
        })
        .take_while(move |(deadline, _)| *deadline <= now)
        .filter(move |timer| before.replace(*timer) != Some(*timer))
    }

    /// Drops timers that are first in their lane and no longer meant.
    pub(crate) fn drop_stale(&mut self, is_meant: impl Fn(Timestamp, Due) -> bool) {
        for lane in self.lanes.values_mut() {
            while lane.front().is_some_and(|&(deadline, due)| !is_meant(deadline, due)) {
                lane.pop_front();
            }
        }
        while self.others.first().is_some_and(|&(deadline, due)| !is_meant(deadline, due)) {
            self.others.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::{IntentId, Offset, PartitionId, Slot};

    use super::*;

    fn hold(offset: u64) -> Due {
        let (slot, partition) = (Slot::new(0).unwrap(), PartitionId::new(0).unwrap());
        Due::Hold(HoldId(IntentId::new(slot, partition, Offset::new(offset))))
    }

    #[test]
    fn due_timers_come_by_deadline_whatever_their_lane() {
        let at = Timestamp::from_millis;
        let mut timers = Timers::default();
        timers.arm(10, at(30), hold(3));
        timers.arm(10, at(10), hold(1));
        timers.arm(20, at(20), hold(2));
        timers.arm(20, at(40), hold(4));
        assert_eq!(timers.earliest(), Some(at(10)));
        let due: Vec<_> = timers.due(at(30)).map(|(_, due)| due).collect();
        assert_eq!(due, [hold(1), hold(2), hold(3)]);
        timers.drop_stale(|deadline, _| deadline > at(20));
        assert_eq!(timers.earliest(), Some(at(30)));
    }
}
