//! What is said to those who wait: arithmetic, never a search.

use boxoffice_topics::{AccountId, JoinNumber, Timestamp, WaitingRoomRules};

use super::queue::Presence;
use super::{Lottery, WaitingRoom};
use crate::performance::{Performance, SaleState};

/// The shortest time between two looks: positions change with every tick, and nobody reads
/// faster.
const POLL_MS_MIN: u32 = 1_000;
/// The longest: whoever is far away still sees that the line moves.
const POLL_MS_MAX: u32 = 60_000;
/// Looks that a wait is divided into: who is twice as far away looks half as often.
const POLLS_OF_A_WAIT: u64 = 10;

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no waiting room, or it is off: everybody goes through.
    Through,
    /// Admitted, until that moment.
    Inside {
        /// When the session ends by itself.
        session_ends_at: Timestamp,
    },
    /// In the line.
    Waiting(Wait),
    /// Neither.
    Outside,
}

/// A place in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The join that counts.
    pub number: JoinNumber,
    /// How many are called before, at most. It only gets smaller. `None` before the draw.
    pub ahead: Option<u32>,
    /// How long until the turn if every session lasts its full length, in milliseconds: an upper
    /// bound as long as the rules stay as they are. `None` when that cannot be told: before the
    /// draw, at rate zero, or when nobody knows when the sale opens.
    pub estimate_ms: Option<u64>,
    /// When to look again, in milliseconds.
    pub next_poll_ms: u32,
    /// Who gives no sign of life up to this moment and is called after it misses the turn.
    pub heartbeat_by: Timestamp,
}

impl Performance {
    /// The waiting room, which may be off; `None` when there never was one.
    #[must_use]
    pub fn waiting_room(&self) -> Option<&WaitingRoom> {
        self.room.as_deref()
    }

    /// Where an account stands at a moment.
    #[must_use]
    pub fn standing(&self, account: AccountId, now: Timestamp) -> Standing {
        let Some((room, rules)) = self.waiting_room().and_then(|room| Some((room, room.rules?)))
        else {
            return Standing::Through;
        };
        if let Some(session_ends_at) = room.session_of(account, now) {
            return Standing::Inside { session_ends_at };
        }
        match room.queue.find(account) {
            Some((number, waiter)) if waiter.presence == Presence::Waiting => {
                let heartbeat_by = room.heartbeat_by(waiter, rules);
                Standing::Waiting(room.wait(self, rules, number, heartbeat_by, now))
            }
            Some(_) | None => Standing::Outside,
        }
    }

    /// Whether an account may hold, as far as the waiting room is asked.
    pub(crate) fn lets_in(&self, account: AccountId, now: Timestamp) -> bool {
        self.waiting_room()
            .is_none_or(|room| room.rules.is_none() || room.session_of(account, now).is_some())
    }
}

impl WaitingRoom {
    /// The rules; `None` when the room is off.
    #[must_use]
    pub fn rules(&self) -> Option<&WaitingRoomRules> {
        self.rules.as_ref()
    }

    /// Where its lottery stands.
    #[must_use]
    pub fn lottery(&self) -> &Lottery {
        &self.lottery
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.queue.waiting()
    }

    /// Places that are passed: one number for everybody. Who has it and knows how many were
    /// ahead at some moment knows how many are ahead now.
    #[must_use]
    pub fn passed(&self) -> u32 {
        self.queue.passed()
    }

    /// How many are inside.
    #[must_use]
    pub fn active(&self) -> u32 {
        self.sessions.count()
    }

    /// When the session of an account that is inside ends by itself.
    #[must_use]
    pub fn session_of(&self, account: AccountId, now: Timestamp) -> Option<Timestamp> {
        self.sessions.end_of(account).filter(|end| *end > now)
    }

    fn wait(
        &self,
        performance: &Performance,
        rules: WaitingRoomRules,
        number: JoinNumber,
        heartbeat_by: Timestamp,
        now: Timestamp,
    ) -> Wait {
        let ahead = self.ahead(number);
        let until_start = self.until_start(performance, now);
        let estimate_ms = ahead.zip(until_start).and_then(|(ahead, until_start)| {
            let from = super::pace::later(now, until_start);
            until_start.checked_add(self.estimate_from(rules, ahead, from)?)
        });
        let next_poll_ms = match estimate_ms.or_else(|| self.until_news(until_start, now)) {
            Some(wait) => u32::try_from(wait / POLLS_OF_A_WAIT).unwrap_or(u32::MAX),
            None => POLL_MS_MAX,
        };
        let next_poll_ms = next_poll_ms.clamp(POLL_MS_MIN, POLL_MS_MAX);
        Wait { number, ahead, estimate_ms, next_poll_ms, heartbeat_by }
    }

    /// Places ahead, once the order is known.
    fn ahead(&self, number: JoinNumber) -> Option<u32> {
        let is_known = match self.lottery {
            Lottery::None | Lottery::Drawn { .. } => true,
            Lottery::Open { .. } => false,
            Lottery::Closed { entrants, .. } => number.0 >= entrants,
        };
        is_known.then(|| self.queue.ahead(number))
    }

    /// How long until the first admission, at most: the sale is open and the draw is made.
    fn until_start(&self, performance: &Performance, now: Timestamp) -> Option<u64> {
        if performance.sale_state(now) == SaleState::Closed {
            return None;
        }
        let open = millis_between(now, performance.opens_at()?);
        match self.lottery {
            Lottery::Closed { draw_by, .. } => Some(open.max(millis_between(now, draw_by))),
            Lottery::None | Lottery::Open { .. } | Lottery::Drawn { .. } => Some(open),
        }
    }

    /// How long until more can be told than now.
    fn until_news(&self, until_start: Option<u64>, now: Timestamp) -> Option<u64> {
        match self.lottery {
            Lottery::Closed { draw_by, .. } => Some(millis_between(now, draw_by)),
            Lottery::None | Lottery::Open { .. } | Lottery::Drawn { .. } => {
                until_start.filter(|millis| *millis > 0)
            }
        }
    }

    /// How long it takes from a moment of the sale until somebody with that many ahead is in.
    ///
    /// Two things hold an admission up: the rate, and the session that must end because the room
    /// is full. In the longest chain every `cap` admissions cost one session, and the rest of it
    /// goes by the rate.
    fn estimate_from(&self, rules: WaitingRoomRules, ahead: u32, from: Timestamp) -> Option<u64> {
        let (active, ahead) = (u64::from(self.sessions.count()), u64::from(ahead));
        let by_rate = self.pace.wait_ms(ahead.saturating_add(1), from)?;
        let cap = u64::from(rules.active_buyers_max);
        let before = active.saturating_add(ahead);
        let rounds = before.checked_div(cap)?;
        let rest = before.checked_rem(cap)?.saturating_add(1).saturating_sub(active);
        let sessions = rounds.checked_mul(rules.session_ms.into())?;
        let by_cap = sessions.checked_add(self.pace.wait_ms(rest, from)?)?;
        Some(by_rate.max(by_cap))
    }
}

/// Zero when the later moment is over.
fn millis_between(now: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.as_millis().saturating_sub(now.as_millis())).unwrap_or(0)
}
