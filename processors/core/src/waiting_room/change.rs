//! Making outcomes so. Nothing here judges.

use boxoffice_topics::{
    EntrantsDigest, LotterySeed, PerformanceId, Timestamp, WaitingRoomOutcome, WaitingRoomRules,
};

use super::{Lottery, Pace, Queue, SavedWaitingRoom, Sessions, WaitingRoom};
use crate::performance::Performance;
use crate::state::State;

impl State {
    pub(crate) fn change_waiting_room(&mut self, outcome: &WaitingRoomOutcome) {
        let (id, now) = (outcome.performance(), self.now);
        let performance = self.performance_mut(id);
        if let WaitingRoomOutcome::Set { rules: Some(rules), .. } = outcome
            && performance.room.is_none()
        {
            performance.room = Some(Box::new(WaitingRoom::new(rules.admissions_per_minute, now)));
        }
        let room = performance.waiting_room();
        let is_entrant = room.is_some_and(|room| room.takes_entries(performance, now));
        match &mut performance.room {
            Some(room) => room.change(outcome, is_entrant, now),
            None => panic!("an outcome names the waiting room of {id}, which has none"),
        }
        self.schedule_room(id);
    }

    /// Lists when a tick has something to do in a room.
    pub(crate) fn schedule_room(&mut self, id: PerformanceId) {
        let Some(index) = self.performance_by_id.get(&id).copied() else { return };
        self.schedule_room_at(index);
    }

    /// Gives a performance the room that a snapshot has of it, listed as it was.
    pub(crate) fn restore_room(&mut self, id: PerformanceId, saved: SavedWaitingRoom) {
        let Some(index) = self.performance_by_id.get(&id).copied() else { return };
        let room = WaitingRoom::restore(saved);
        self.rooms_due.extend(room.due.map(|due| (due, index)));
        self.performance_mut(id).room = Some(Box::new(room));
    }

    /// Whatever a tick did not do in the rooms that were due is not due any more.
    pub(crate) fn schedule_due_rooms(&mut self) {
        let now = self.now;
        let due: Vec<_> =
            self.rooms_due.iter().take_while(|(due, _)| *due <= now).map(|(_, at)| *at).collect();
        due.into_iter().for_each(|index| self.schedule_room_at(index));
    }

    /// The performances whose rooms a tick has something to do in, the first due first.
    pub(crate) fn rooms_due(&self, now: Timestamp) -> impl Iterator<Item = &Performance> {
        let due = self.rooms_due.iter().take_while(move |(due, _)| *due <= now);
        due.filter_map(|(_, index)| self.performances.get(*index))
    }

    fn schedule_room_at(&mut self, index: usize) {
        let Some(performance) = self.performances.get_mut(index) else { return };
        let Some(room) = &performance.room else { return };
        let (before, due) = (room.due, room.due(performance, self.now));
        if before == due {
            return;
        }
        if let Some(room) = &mut performance.room {
            room.due = due;
        }
        before.map(|before| self.rooms_due.remove(&(before, index)));
        due.map(|due| self.rooms_due.insert((due, index)));
    }
}

impl WaitingRoom {
    pub(super) fn new(admissions_per_minute: u32, now: Timestamp) -> Self {
        Self {
            rules: None,
            lottery: Lottery::None,
            queue: Queue::default(),
            sessions: Sessions::default(),
            pace: Pace::new(admissions_per_minute, now),
            resumed_at: Timestamp::default(),
            due: None,
        }
    }

    /// Who joins is an entrant of the lottery, or is not.
    fn change(&mut self, outcome: &WaitingRoomOutcome, is_entrant: bool, now: Timestamp) {
        match *outcome {
            WaitingRoomOutcome::Set { performance, rules } => self.set(performance, rules, now),
            WaitingRoomOutcome::Joined { account, number, .. } => {
                assert!(number == self.queue.next(), "INV-20: join {number} is not next");
                self.queue.push(account, now);
                if is_entrant {
                    self.lottery.enter(number, account);
                }
            }
            WaitingRoomOutcome::Seen { number, .. }
            | WaitingRoomOutcome::Returned { number, .. } => {
                self.queue.see(number, now);
            }
            WaitingRoomOutcome::Left { number, .. } => self.queue.leave(number),
            WaitingRoomOutcome::LotteryClosed { entrants, digest, draw_by, .. } => {
                self.close_lottery(entrants, digest, draw_by);
            }
            WaitingRoomOutcome::LotteryDrawn { seed, .. } => self.draw_lottery(seed),
            WaitingRoomOutcome::Admitted { account, number, session_ends_at, .. } => {
                self.queue.call(number);
                self.pace.spend(now);
                self.sessions.open(account, session_ends_at);
                let cap = self.rules.map_or(0, |rules| rules.active_buyers_max);
                assert!(self.sessions.count() <= cap, "INV-21: an admission above the cap");
            }
            WaitingRoomOutcome::Missed { number, .. } => self.queue.call(number),
            WaitingRoomOutcome::Inside { .. } => (),
            WaitingRoomOutcome::SessionEnded { account, .. } => self.sessions.close(account),
        }
    }

    fn set(&mut self, id: PerformanceId, rules: Option<WaitingRoomRules>, now: Timestamp) {
        if self.rules.is_none() {
            // Nobody was heard while the room was off.
            self.resumed_at = now;
        }
        self.rules = rules;
        let Some(rules) = rules else { return };
        self.pace.change(rules.admissions_per_minute, now);
        if rules.lottery != self.lottery.rules() {
            self.lottery = rules.lottery.map_or(Lottery::None, |rules| {
                let digest = EntrantsDigest::new(id, &rules.commitment);
                Lottery::Open { rules, entrants: 0, digest }
            });
        }
    }

    fn close_lottery(&mut self, entrants: u32, digest: EntrantsDigest, draw_by: Timestamp) {
        let Some(rules) = self.lottery.rules() else { return };
        self.lottery = if entrants == 0 {
            // Nobody to draw: nobody has to wait for the seed.
            Lottery::Drawn { rules, entrants, digest, seed: None }
        } else {
            Lottery::Closed { rules, entrants, digest, draw_by }
        };
    }

    fn draw_lottery(&mut self, seed: Option<LotterySeed>) {
        let Lottery::Closed { rules, entrants, digest, .. } = self.lottery else {
            panic!("INV-20: a lottery is drawn before its entries have ended, or twice")
        };
        self.queue.shuffle(seed.as_ref(), &digest, entrants);
        self.lottery = Lottery::Drawn { rules, entrants, digest, seed };
    }
}
