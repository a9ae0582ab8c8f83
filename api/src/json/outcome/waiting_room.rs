//! Outcomes of a waiting room.

use boxoffice_topics::WaitingRoomOutcome;
use boxoffice_topics::waiting_room::SessionEnd;
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::values::moment;
use crate::json::waiting_room::WaitingRoomRulesJson;

/// One fact about a waiting room.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WaitingRoomOutcomeJson {
    /// The rules changed.
    WaitingRoomSet {
        /// Of which performance.
        performance: String,
        /// The rules from now on; without rules everybody goes through.
        rules: Option<WaitingRoomRulesJson>,
    },
    /// A buyer has a place in the row.
    WaitingRoomJoined {
        /// For which performance.
        performance: String,
        /// Who: the keyed hash that the lottery's digest is made of.
        account: String,
        /// The how many-th join this was, from zero.
        number: u32,
    },
    /// A buyer joined again and has the place that was there.
    WaitingRoomReturned {
        /// For which performance.
        performance: String,
        /// The join that counts.
        number: u32,
    },
    /// A buyer who waits gave a sign of life.
    HeartbeatSeen {
        /// For which performance.
        performance: String,
        /// The join that counts.
        number: u32,
    },
    /// A buyer waits no longer.
    WaitingRoomLeft {
        /// For which performance.
        performance: String,
        /// The join that counted.
        number: u32,
    },
    /// The lottery takes no more entries.
    LotteryClosed {
        /// Of which performance.
        performance: String,
        /// The joins below this number are drawn.
        entrants: u32,
        /// The hash over all of them in the order of their joins.
        digest: String,
        /// How long the seed is awaited.
        draw_by: String,
    },
    /// The order of the entrants is known to everybody.
    LotteryDrawn {
        /// Of which performance.
        performance: String,
        /// The seed; `null` when it was not revealed in time.
        seed: Option<String>,
    },
    /// A buyer may go in.
    Admitted {
        /// To which performance.
        performance: String,
        /// The join that led there.
        number: u32,
        /// When the session ends by itself.
        session_ends_at: String,
    },
    /// A buyer's turn came when nothing had been heard for longer than the grace time.
    TurnMissed {
        /// Of which performance.
        performance: String,
        /// The join that led there.
        number: u32,
    },
    /// A buyer is inside already, until the same moment as before.
    Inside {
        /// Of which performance.
        performance: String,
        /// When the session ends by itself.
        session_ends_at: String,
    },
    /// A buyer is no longer inside.
    SessionEnded {
        /// Of which performance.
        performance: String,
        /// `bought`, `left` or `expired`.
        reason: &'static str,
    },
}

impl From<&WaitingRoomOutcome> for WaitingRoomOutcomeJson {
    fn from(outcome: &WaitingRoomOutcome) -> Self {
        let performance = outcome.performance().to_string();
        match *outcome {
            WaitingRoomOutcome::Set { rules, .. } => {
                Self::WaitingRoomSet { performance, rules: rules.as_ref().map(Into::into) }
            }
            WaitingRoomOutcome::Joined { account, number, .. } => Self::WaitingRoomJoined {
                performance,
                account: account.to_string(),
                number: number.0,
            },
            WaitingRoomOutcome::Returned { number, .. } => {
                Self::WaitingRoomReturned { performance, number: number.0 }
            }
            WaitingRoomOutcome::Seen { number, .. } => {
                Self::HeartbeatSeen { performance, number: number.0 }
            }
            WaitingRoomOutcome::Left { number, .. } => {
                Self::WaitingRoomLeft { performance, number: number.0 }
            }
            WaitingRoomOutcome::LotteryClosed { entrants, digest, draw_by, .. } => {
                Self::LotteryClosed {
                    performance,
                    entrants,
                    digest: digest.to_string(),
                    draw_by: moment(draw_by).0.to_string(),
                }
            }
            WaitingRoomOutcome::LotteryDrawn { seed, .. } => {
                Self::LotteryDrawn { performance, seed: seed.map(|seed| seed.to_string()) }
            }
            WaitingRoomOutcome::Admitted { number, session_ends_at, .. } => Self::Admitted {
                performance,
                number: number.0,
                session_ends_at: moment(session_ends_at).0.to_string(),
            },
            WaitingRoomOutcome::Missed { number, .. } => {
                Self::TurnMissed { performance, number: number.0 }
            }
            WaitingRoomOutcome::Inside { session_ends_at, .. } => {
                Self::Inside { performance, session_ends_at: moment(session_ends_at).0.to_string() }
            }
            WaitingRoomOutcome::SessionEnded { end, .. } => {
                Self::SessionEnded { performance, reason: end_name(end) }
            }
        }
    }
}

const fn end_name(end: SessionEnd) -> &'static str {
    match end {
        SessionEnd::Bought => "bought",
        SessionEnd::Left => "left",
        SessionEnd::Expired => "expired",
    }
}
