//! A waiting room: its rules, what is asked of it, and what everybody sees of it.

use std::ops::RangeInclusive;

use boxoffice_core::{Lottery, Performance, Standing, Wait, WaitingRoom};
use boxoffice_topics::waiting_room::{
    GRACE_MS_MAX, GRACE_MS_MIN, LOTTERY_MS_MAX, SESSION_MS_MAX, SESSION_MS_MIN,
};
use boxoffice_topics::{
    Intent, LotteryCommitment, LotteryRules, LotterySeed, PartitionId, PerformanceId, Timestamp,
    WaitingRoomIntent, WaitingRoomRules,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::Tag;
use super::values::{Parsed, moment};
use crate::http::problem::Problem;

/// Code of what is wrong with rules.
const INVALID: &str = "waiting_room_rules_invalid";

/// The rules of a waiting room. All of them may change during a sale, the lottery only until
/// somebody has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitingRoomRulesJson {
    /// How many are admitted in a minute; zero pauses.
    #[schema(example = 600)]
    pub admissions_per_minute: u32,
    /// How many may be inside at once.
    #[schema(example = 2_000)]
    pub active_buyers_max: u32,
    /// How long one may stay inside without buying.
    #[schema(example = 600)]
    pub session_seconds: u32,
    /// How long one may be silent and keep the place.
    #[schema(example = 120)]
    pub grace_seconds: u32,
    /// Shuffles those who come before the sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lottery: Option<LotteryRulesJson>,
}

/// The rules of a lottery among those who come before the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LotteryRulesJson {
    /// BLAKE3 of the seed, as 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub commitment: Parsed<LotteryCommitment>,
    /// Entries end that long before the sale opens by schedule.
    #[schema(example = 60)]
    pub closes_before_seconds: u32,
    /// How long the seed is awaited after that. Then the draw is made without it.
    #[schema(example = 60)]
    pub draw_within_seconds: u32,
}

impl WaitingRoomRulesJson {
    fn to_rules(self) -> Result<WaitingRoomRules, Problem> {
        let Self { admissions_per_minute, active_buyers_max, .. } = self;
        let session = SESSION_MS_MIN..=SESSION_MS_MAX;
        let grace = GRACE_MS_MIN..=GRACE_MS_MAX;
        let rules = WaitingRoomRules {
            admissions_per_minute,
            active_buyers_max,
            session_ms: milliseconds("session_seconds", self.session_seconds, session)?,
            grace_ms: milliseconds("grace_seconds", self.grace_seconds, grace)?,
            lottery: self.lottery.map(LotteryRulesJson::to_rules).transpose()?,
        };
        rules.validate().map_err(|error| {
            Problem::invalid(INVALID, error.reason).path(format!("rules.{}", error.field))
        })?;
        Ok(rules)
    }
}

impl LotteryRulesJson {
    fn to_rules(self) -> Result<LotteryRules, Problem> {
        let (closes, draw) = (self.closes_before_seconds, self.draw_within_seconds);
        Ok(LotteryRules {
            commitment: self.commitment.0,
            closes_before_ms: milliseconds(
                "lottery.closes_before_seconds",
                closes,
                0..=LOTTERY_MS_MAX,
            )?,
            draw_within_ms: milliseconds(
                "lottery.draw_within_seconds",
                draw,
                1_000..=LOTTERY_MS_MAX,
            )?,
        })
    }
}

fn milliseconds(field: &str, seconds: u32, limits: RangeInclusive<u32>) -> Result<u32, Problem> {
    seconds.checked_mul(1_000).filter(|ms| limits.contains(ms)).ok_or_else(|| {
        let (least, most) = (limits.start() / 1_000, limits.end() / 1_000);
        Problem::invalid(INVALID, format!("must be {least} to {most}, is {seconds}"))
            .path(format!("rules.{field}"))
    })
}

impl From<&WaitingRoomRules> for WaitingRoomRulesJson {
    fn from(rules: &WaitingRoomRules) -> Self {
        Self {
            admissions_per_minute: rules.admissions_per_minute,
            active_buyers_max: rules.active_buyers_max,
            session_seconds: rules.session_ms / 1_000,
            grace_seconds: rules.grace_ms / 1_000,
            lottery: rules.lottery.map(|lottery| LotteryRulesJson {
                commitment: Parsed(lottery.commitment),
                closes_before_seconds: lottery.closes_before_ms / 1_000,
                draw_within_seconds: lottery.draw_within_ms / 1_000,
            }),
        }
    }
}

/// Sets or changes the rules of a waiting room.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetWaitingRoom {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// The rules from now on; `null` turns the room off, and everybody goes through.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub rules: Option<WaitingRoomRulesJson>,
}

/// Reveals the seed of a lottery.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawLottery {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// The seed whose hash was published, as 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub seed: Parsed<LotterySeed>,
}

/// What a buyer asks of the waiting room of a performance.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitingRoomVisit {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
}

impl SetWaitingRoom {
    pub(super) fn to_intent(&self) -> Result<Intent<'static>, Problem> {
        let rules = self.rules.map(WaitingRoomRulesJson::to_rules).transpose()?;
        Ok(Intent::WaitingRoom(WaitingRoomIntent::Set { performance: self.performance.0, rules }))
    }
}

impl DrawLottery {
    pub(super) fn to_intent(&self) -> Intent<'static> {
        let (performance, seed) = (self.performance.0, self.seed.0);
        Intent::WaitingRoom(WaitingRoomIntent::DrawLottery { performance, seed })
    }
}

/// A waiting room, and where the one who asks stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaitingRoomJson {
    /// Of which performance.
    pub performance: String,
    /// The partition whose outcomes tell everything about it.
    pub partition: u16,
    /// The rules; absent when the room is off and everybody goes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<WaitingRoomRulesJson>,
    /// How many wait.
    pub waiting: u32,
    /// How many are inside.
    pub inside: u32,
    /// Places that are passed: the same number for everybody.
    pub passed: u32,
    /// The lottery, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lottery: Option<LotteryJson>,
    /// Where the buyer stands whose token came with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<StandingJson>,
}

/// A lottery: everything that is needed to compute its order again, but the entrants.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LotteryJson {
    /// `open`, `closed` or `drawn`.
    pub state: &'static str,
    /// BLAKE3 of the seed.
    pub commitment: String,
    /// The hash over those who joined: final when entries have ended.
    pub digest: String,
    /// The joins below this number are drawn; absent while entries are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrants: Option<u32>,
    /// How long the seed is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw_by: Option<String>,
    /// The seed; absent when it is not revealed, or when the draw was made without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
}

/// Where a buyer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StandingJson {
    /// There is no waiting room: everybody goes through.
    Through,
    /// Neither waiting nor inside.
    Outside,
    /// Admitted.
    Inside {
        /// When the session ends by itself.
        session_ends_at: String,
    },
    /// In the row.
    Waiting {
        /// The how many-th join it was.
        number: u32,
        /// How many are called before, at most; absent before the draw.
        #[serde(skip_serializing_if = "Option::is_none")]
        ahead: Option<u32>,
        /// How long until the turn, at most; absent when nobody can tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        estimate_seconds: Option<u64>,
        /// When to look again.
        next_poll_seconds: u32,
        /// Who gives no sign of life up to this moment and is called after it misses the turn.
        heartbeat_by: String,
    },
}

impl WaitingRoomJson {
    /// The room of a performance at a moment, without anybody's standing.
    #[must_use]
    pub fn of(performance: &Performance, partition: PartitionId) -> Self {
        let room = performance.waiting_room();
        let count = |count: fn(&WaitingRoom) -> u32| room.map_or(0, count);
        Self {
            performance: performance.id().to_string(),
            partition: partition.number(),
            rules: room.and_then(WaitingRoom::rules).map(WaitingRoomRulesJson::from),
            waiting: count(WaitingRoom::waiting),
            inside: count(WaitingRoom::active),
            passed: count(WaitingRoom::passed),
            lottery: room.and_then(|room| LotteryJson::of(room.lottery())),
            standing: None,
        }
    }
}

impl LotteryJson {
    fn of(lottery: &Lottery) -> Option<Self> {
        let commitment = lottery.rules()?.commitment.to_string();
        let open = |state, digest: String| Self {
            state,
            commitment,
            digest,
            entrants: None,
            draw_by: None,
            seed: None,
        };
        match *lottery {
            Lottery::None => None,
            Lottery::Open { digest, .. } => Some(open("open", digest.to_string())),
            Lottery::Closed { entrants, digest, draw_by, .. } => Some(Self {
                entrants: Some(entrants),
                draw_by: Some(moment(draw_by).0.to_string()),
                ..open("closed", digest.to_string())
            }),
            Lottery::Drawn { entrants, digest, seed, .. } => Some(Self {
                entrants: Some(entrants),
                seed: seed.map(|seed| seed.to_string()),
                ..open("drawn", digest.to_string())
            }),
        }
    }
}

impl From<Standing> for StandingJson {
    fn from(standing: Standing) -> Self {
        let shown = |at: Timestamp| moment(at).0.to_string();
        match standing {
            Standing::Through => Self::Through,
            Standing::Outside => Self::Outside,
            Standing::Inside { session_ends_at } => {
                Self::Inside { session_ends_at: shown(session_ends_at) }
            }
            Standing::Waiting(Wait { number, ahead, estimate_ms, next_poll_ms, heartbeat_by }) => {
                Self::Waiting {
                    number: number.0,
                    ahead,
                    // An upper bound stays one.
                    estimate_seconds: estimate_ms.map(|ms| ms.div_ceil(1_000)),
                    next_poll_seconds: next_poll_ms.div_ceil(1_000),
                    heartbeat_by: shown(heartbeat_by),
                }
            }
        }
    }
}
