//! Who is still there: every waiter gives a sign of life within the grace time, as long as there
//! is somebody to give it to.
//!
//! A gap between two records may be an outage, in which nobody could be heard, and nobody may lose
//! a place by that: every grace time begins anew. Clients beat at half of the grace time, so the
//! more of them wait, the shorter is the gap that tells an outage. In a line of a few people gaps
//! are usual, and those who are gone must not keep their places by them.

use boxoffice_topics::{Timestamp, WaitingRoomRules};

use super::WaitingRoom;
use super::queue::Waiter;
use crate::state::State;

/// The shortest gap that is an outage, in milliseconds.
const OUTAGE_MS_MIN: u32 = 5_000;
/// How many times as long a gap is as the beats of those who wait lie apart, if half of them are
/// gone: less than one gap in a thousand is that long by chance.
const OUTAGE_BEATS: u32 = 8;

impl WaitingRoom {
    /// When a waiter counts as gone without another sign of life.
    pub(super) fn heartbeat_by(&self, waiter: &Waiter, rules: WaitingRoomRules) -> Timestamp {
        waiter.seen_at.max(self.resumed_at).plus_millis(rules.grace_ms)
    }

    /// Whether nobody could be heard between two records side by side.
    pub(super) fn resumes(&self, before: Timestamp, now: Timestamp) -> bool {
        self.rules.is_some_and(|rules| {
            let beats_ms = rules.grace_ms.checked_div(self.queue.waiting()).unwrap_or(u32::MAX);
            // Who waits alone beats at half of the grace time, give or take the network.
            let alone_ms = (rules.grace_ms / 8).saturating_mul(5);
            let outage_ms = beats_ms.saturating_mul(OUTAGE_BEATS).min(alone_ms);
            now > before.plus_millis(outage_ms.max(OUTAGE_MS_MIN))
        })
    }
}

impl State {
    /// Log time goes on, perhaps after a gap.
    pub(crate) fn resume_rooms(&mut self, now: Timestamp) {
        let before = self.now;
        if now <= before.plus_millis(OUTAGE_MS_MIN) {
            return;
        }
        let rooms = self.performances.iter_mut().filter_map(|it| it.room.as_mut());
        for room in rooms.filter(|room| room.resumes(before, now)) {
            room.resumed_at = now;
        }
    }
}
