//! What a room does because time has passed: it ends sessions and entries, and lets in who is
//! next.

use boxoffice_topics::waiting_room::SessionEnd;
use boxoffice_topics::{LotteryRules, Outcome, Timestamp, WaitingRoomOutcome, WaitingRoomRules};

use super::queue::Waiter;
use super::{Lottery, WaitingRoom};
use crate::decide::Asked;
use crate::performance::{Performance, SaleState};

/// What the rooms of a partition do in one tick, so that a step stays a small record. What is
/// left is due at the next tick, which then comes at once.
pub(crate) const CALLED_PER_TICK_MAX: usize = 500;

/// Does what is due in every room.
pub(crate) fn admit(asked: &Asked<'_>, outcomes: &mut Vec<Outcome>) {
    let most = outcomes.len().saturating_add(CALLED_PER_TICK_MAX);
    for performance in asked.state.rooms_due(asked.now) {
        let Some(room) = performance.waiting_room() else { continue };
        let (now, resumes) = (asked.now, room.resumes(asked.state.now, asked.now));
        let turn = Turn { performance, room, now, resumes, most };
        turn.take(outcomes);
    }
}

/// One room in one tick.
struct Turn<'s> {
    performance: &'s Performance,
    room: &'s WaitingRoom,
    now: Timestamp,
    /// Nobody could be heard until this tick.
    resumes: bool,
    /// Outcomes that the step may have.
    most: usize,
}

impl Turn<'_> {
    fn take(&self, outcomes: &mut Vec<Outcome>) {
        let Some(rules) = self.room.rules else { return };
        let before = outcomes.len();
        self.end_sessions(outcomes);
        let ended = outcomes.len().saturating_sub(before);
        let ended = u32::try_from(ended).unwrap_or(u32::MAX);
        self.run_lottery(outcomes);
        if self.room.lottery.is_settled()
            && self.performance.sale_state(self.now) == SaleState::Open
        {
            let active = self.room.sessions.count().saturating_sub(ended);
            let free = rules.active_buyers_max.saturating_sub(active);
            let possible = free.min(self.room.pace.possible(self.now));
            self.call(possible, rules, outcomes);
        }
    }

    fn end_sessions(&self, outcomes: &mut Vec<Outcome>) {
        let over = self.room.sessions.iter().take_while(|(end, _)| *end <= self.now);
        for (_, account) in over.take(self.most.saturating_sub(outcomes.len())) {
            let (performance, end) = (self.performance.id(), SessionEnd::Expired);
            let ended = WaitingRoomOutcome::SessionEnded { performance, account, end };
            outcomes.push(Outcome::WaitingRoom(ended));
        }
    }

    fn run_lottery(&self, outcomes: &mut Vec<Outcome>) {
        if outcomes.len() >= self.most
            || self.room.lottery_due(self.performance).is_none_or(|due| due > self.now)
        {
            return;
        }
        let performance = self.performance.id();
        outcomes.push(Outcome::WaitingRoom(match self.room.lottery {
            Lottery::None | Lottery::Drawn { .. } => return,
            Lottery::Open { rules, entrants, digest } => WaitingRoomOutcome::LotteryClosed {
                performance,
                entrants,
                digest,
                draw_by: self.now.plus_millis(rules.draw_within_ms),
            },
            Lottery::Closed { .. } => WaitingRoomOutcome::LotteryDrawn { performance, seed: None },
        }));
    }

    /// Calls those who are next until `possible` have come in. Who left is passed over without a
    /// word, who has been silent is told so, and neither costs anybody an admission.
    fn call(&self, mut possible: u32, rules: WaitingRoomRules, outcomes: &mut Vec<Outcome>) {
        let performance = self.performance.id();
        let mut in_turn = self.room.queue.in_turn();
        while possible > 0 && outcomes.len() < self.most {
            let Some((number, waiter)) = in_turn.next() else { break };
            let account = waiter.account;
            outcomes.push(Outcome::WaitingRoom(if self.is_silent(waiter, rules) {
                WaitingRoomOutcome::Missed { performance, account, number }
            } else {
                possible = possible.saturating_sub(1);
                let session_ends_at = self.now.plus_millis(rules.session_ms);
                WaitingRoomOutcome::Admitted { performance, account, number, session_ends_at }
            }));
        }
    }

    fn is_silent(&self, waiter: &Waiter, rules: WaitingRoomRules) -> bool {
        !self.resumes && self.room.heartbeat_by(waiter, rules) < self.now
    }
}

impl WaitingRoom {
    /// When a tick has something to do here.
    pub(super) fn due(&self, performance: &Performance, now: Timestamp) -> Option<Timestamp> {
        let rules = self.rules?;
        let session = self.sessions.first_end();
        let admission = self.admission_due(performance, rules, now);
        [session, self.lottery_due(performance), admission].into_iter().flatten().min()
    }

    fn lottery_due(&self, performance: &Performance) -> Option<Timestamp> {
        match self.lottery {
            Lottery::None | Lottery::Drawn { .. } => None,
            Lottery::Open { rules, .. } => entries_end(performance, &rules),
            Lottery::Closed { draw_by, .. } => Some(draw_by),
        }
    }

    /// Whether who joins now is among those who will be drawn. Entries end on time, also when the
    /// tick that says so is late.
    pub(super) fn takes_entries(&self, performance: &Performance, now: Timestamp) -> bool {
        let is_open = matches!(self.lottery, Lottery::Open { .. });
        is_open && self.lottery_due(performance).is_none_or(|end| now < end)
    }

    fn admission_due(
        &self,
        performance: &Performance,
        rules: WaitingRoomRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let is_full = self.sessions.count() >= rules.active_buyers_max;
        if is_full || self.queue.waiting() == 0 || !self.lottery.is_settled() {
            return None;
        }
        let at = self.pace.possible_at()?.max(performance.opens_at()?);
        // By then, or since then, the sale may be over.
        (performance.sale_state(at.max(now)) == SaleState::Open).then_some(at)
    }
}

/// When a lottery with these rules takes no more entries, as far as that is known.
pub(super) fn entries_end(performance: &Performance, rules: &LotteryRules) -> Option<Timestamp> {
    let by_hand = performance.is_opened_by_hand();
    let notice_ms = if by_hand { 0 } else { rules.closes_before_ms };
    performance.opens_at().map(|opens| earlier(opens, notice_ms))
}

fn earlier(moment: Timestamp, millis: u32) -> Timestamp {
    Timestamp::from_millis(moment.as_millis().saturating_sub(millis.into()))
}
