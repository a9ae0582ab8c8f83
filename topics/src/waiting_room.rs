//! The words of the waiting room: what a promoter rules, what is asked, and what was decided.
//!
//! Variant and field numbers are part of the log and never change their meaning.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::definition::{DefinitionInvalid, check_count};
use crate::ids::{AccountId, PerformanceId};
use crate::lottery::{EntrantsDigest, LotteryCommitment, LotterySeed};
use crate::time::Timestamp;

/// Admissions in one minute: 10,000 in a second is more than the doors of any sale can take.
pub const ADMISSIONS_PER_MINUTE_MAX: u32 = 600_000;
/// Buyers inside at once: each has a session in memory.
pub const ACTIVE_BUYERS_MAX: u32 = 1_000_000;
/// The shortest session: a page has to load and a seat has to be chosen.
pub const SESSION_MS_MIN: u32 = 10_000;
/// The longest session: a day.
pub const SESSION_MS_MAX: u32 = 86_400_000;
/// The shortest grace time: a phone changes from one network to another.
pub const GRACE_MS_MIN: u32 = 10_000;
/// The longest grace time: a day.
pub const GRACE_MS_MAX: u32 = 86_400_000;
/// The longest time between the end of a lottery's entries and the sale, and the longest wait for
/// its seed: a day.
pub const LOTTERY_MS_MAX: u32 = 86_400_000;

/// The rules of a waiting room. All of them may change during a sale, the lottery only until
/// somebody has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WaitingRoomRules {
    /// How many are admitted in a minute; zero pauses.
    #[n(0)]
    pub admissions_per_minute: u32,
    /// How many may be inside at once. A lower cap throws nobody out: it waits until enough have
    /// left.
    #[n(1)]
    pub active_buyers_max: u32,
    /// How long one may stay inside without buying, in milliseconds.
    #[n(2)]
    pub session_ms: u32,
    /// How long one may be silent and keep the place, in milliseconds.
    #[n(3)]
    pub grace_ms: u32,
    /// Shuffles those who come before the sale.
    #[n(4)]
    pub lottery: Option<LotteryRules>,
}

/// The rules of a lottery among those who come before the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LotteryRules {
    /// What the seed was sealed with.
    #[n(0)]
    pub commitment: LotteryCommitment,
    /// Entries end that long before the sale opens by schedule, in milliseconds, so that the draw
    /// is over when the doors open. A sale that is opened by hand ends them at once.
    #[n(1)]
    pub closes_before_ms: u32,
    /// How long the seed is awaited after that, in milliseconds. Then the draw is made without it.
    #[n(2)]
    pub draw_within_ms: u32,
}

impl WaitingRoomRules {
    /// Checks everything that the rest of the system relies on.
    ///
    /// # Errors
    /// Names the first field that is wrong, as a path from the root of the rules.
    pub fn validate(&self) -> Result<(), DefinitionInvalid> {
        let range = |field: &str, value: u32, min: u32, max: u32| {
            check_count(field, value as usize, min as usize, max as usize)
        };
        let rate = self.admissions_per_minute;
        range("admissions_per_minute", rate, 0, ADMISSIONS_PER_MINUTE_MAX)?;
        range("active_buyers_max", self.active_buyers_max, 1, ACTIVE_BUYERS_MAX)?;
        range("session_ms", self.session_ms, SESSION_MS_MIN, SESSION_MS_MAX)?;
        range("grace_ms", self.grace_ms, GRACE_MS_MIN, GRACE_MS_MAX)?;
        let Some(lottery) = self.lottery else { return Ok(()) };
        range("lottery.closes_before_ms", lottery.closes_before_ms, 0, LOTTERY_MS_MAX)?;
        range("lottery.draw_within_ms", lottery.draw_within_ms, 1_000, LOTTERY_MS_MAX)
    }
}

/// Which join into a performance's room this was, dense from zero. It is the place in the line,
/// unless a lottery shuffles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct JoinNumber(#[n(0)] pub u32);

impl fmt::Display for JoinNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What somebody asks of a waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum WaitingRoomIntent {
    /// A promoter sets or changes the rules. Without rules everybody goes through.
    #[n(1)]
    Set {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The rules from now on.
        #[n(1)]
        rules: Option<WaitingRoomRules>,
    },
    /// A promoter reveals the seed of the lottery.
    #[n(2)]
    DrawLottery {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The seed whose hash was published.
        #[n(1)]
        seed: LotterySeed,
    },
    /// A buyer wants to wait. Who waits already keeps the place: a refresh costs nothing.
    #[n(3)]
    Join {
        /// For which performance.
        #[n(0)]
        performance: PerformanceId,
    },
    /// A buyer is still there.
    #[n(4)]
    Heartbeat {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
    },
    /// A buyer waits no longer, or goes out.
    #[n(5)]
    Leave {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
    },
}

impl WaitingRoomIntent {
    /// Whose room it is about.
    #[must_use]
    pub const fn performance(&self) -> PerformanceId {
        match self {
            Self::Set { performance, .. }
            | Self::DrawLottery { performance, .. }
            | Self::Join { performance }
            | Self::Heartbeat { performance }
            | Self::Leave { performance } => *performance,
        }
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "set_waiting_room",
            Self::DrawLottery { .. } => "draw_lottery",
            Self::Join { .. } => "join_waiting_room",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Leave { .. } => "leave_waiting_room",
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SessionEnd {
    /// The buyer has bought.
    #[n(1)]
    Bought,
    /// The buyer went out.
    #[n(2)]
    Left,
    /// The session's time ran out.
    #[n(3)]
    Expired,
}

/// One fact about a waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum WaitingRoomOutcome {
    /// The rules changed.
    #[n(1)]
    Set {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The rules from now on; without rules everybody goes through.
        #[n(1)]
        rules: Option<WaitingRoomRules>,
    },
    /// A buyer has a place in the line.
    #[n(2)]
    Joined {
        /// For which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// The how many-th join this was.
        #[n(2)]
        number: JoinNumber,
    },
    /// A buyer who waits gave a sign of life.
    #[n(3)]
    Seen {
        /// For which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// The join that counts.
        #[n(2)]
        number: JoinNumber,
    },
    /// A buyer waits no longer.
    #[n(4)]
    Left {
        /// For which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// The join that counted.
        #[n(2)]
        number: JoinNumber,
    },
    /// The lottery takes no more entries. Who joins from now on waits behind all of them.
    #[n(5)]
    LotteryClosed {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The joins below this number are drawn.
        #[n(1)]
        entrants: u32,
        /// The hash over all of them in the order of their joins.
        #[n(2)]
        digest: EntrantsDigest,
        /// How long the seed is awaited.
        #[n(3)]
        draw_by: Timestamp,
    },
    /// The order of the entrants is known to everybody.
    #[n(6)]
    LotteryDrawn {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The seed; `None` when it was not revealed in time, and the digest alone decides.
        #[n(1)]
        seed: Option<LotterySeed>,
    },
    /// A buyer may go in.
    #[n(7)]
    Admitted {
        /// To which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// The join that led there.
        #[n(2)]
        number: JoinNumber,
        /// When the session ends by itself.
        #[n(3)]
        session_ends_at: Timestamp,
    },
    /// A buyer's turn came when nothing had been heard for longer than the grace time. The place
    /// is gone; joining again leads behind the others.
    #[n(8)]
    Missed {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// The join that led there.
        #[n(2)]
        number: JoinNumber,
    },
    /// A buyer is inside already, until the same moment as before.
    #[n(9)]
    Inside {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// When the session ends by itself.
        #[n(2)]
        session_ends_at: Timestamp,
    },
    /// A buyer is no longer inside: the place is free.
    #[n(10)]
    SessionEnded {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// Why.
        #[n(2)]
        end: SessionEnd,
    },
    /// A buyer joined again and has the place that was there: a sign of life, too.
    #[n(11)]
    Returned {
        /// For which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Who.
        #[n(1)]
        account: AccountId,
        /// The join that counts.
        #[n(2)]
        number: JoinNumber,
    },
}

impl WaitingRoomOutcome {
    /// Whose room it is about.
    #[must_use]
    pub const fn performance(&self) -> PerformanceId {
        match self {
            Self::Set { performance, .. }
            | Self::Joined { performance, .. }
            | Self::Seen { performance, .. }
            | Self::Left { performance, .. }
            | Self::LotteryClosed { performance, .. }
            | Self::LotteryDrawn { performance, .. }
            | Self::Admitted { performance, .. }
            | Self::Missed { performance, .. }
            | Self::Inside { performance, .. }
            | Self::Returned { performance, .. }
            | Self::SessionEnded { performance, .. } => *performance,
        }
    }

    /// Which buyer it is about; `None` when it is about the room.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Set { .. } | Self::LotteryClosed { .. } | Self::LotteryDrawn { .. } => None,
            Self::Joined { account, .. }
            | Self::Seen { account, .. }
            | Self::Left { account, .. }
            | Self::Admitted { account, .. }
            | Self::Missed { account, .. }
            | Self::Inside { account, .. }
            | Self::Returned { account, .. }
            | Self::SessionEnded { account, .. } => Some(*account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> WaitingRoomRules {
        let commitment = LotterySeed::from_bytes([7; 32]).commitment();
        WaitingRoomRules {
            admissions_per_minute: 600,
            active_buyers_max: 1_000,
            session_ms: 600_000,
            grace_ms: 300_000,
            lottery: Some(LotteryRules { commitment, closes_before_ms: 0, draw_within_ms: 60_000 }),
        }
    }

    #[test]
    fn rules_outside_of_the_limits_are_named() {
        assert_eq!(rules().validate(), Ok(()));
        let field = |change: fn(&mut WaitingRoomRules)| {
            let mut changed = rules();
            change(&mut changed);
            changed.validate().unwrap_err().field
        };
        assert_eq!(field(|r| r.admissions_per_minute = 600_001), "admissions_per_minute");
        assert_eq!(field(|r| r.active_buyers_max = 0), "active_buyers_max");
        assert_eq!(field(|r| r.active_buyers_max = 1_000_001), "active_buyers_max");
        assert_eq!(field(|r| r.session_ms = 9_999), "session_ms");
        assert_eq!(field(|r| r.grace_ms = 9_999), "grace_ms");
        let late = |r: &mut WaitingRoomRules| {
            r.lottery.as_mut().unwrap().closes_before_ms = 86_400_001;
        };
        assert_eq!(field(late), "lottery.closes_before_ms");
        let never = |r: &mut WaitingRoomRules| r.lottery.as_mut().unwrap().draw_within_ms = 0;
        assert_eq!(field(never), "lottery.draw_within_ms");
    }
}
