//! The words of the waiting room.
//!
//! ```text
//! promoter room rate=60 cap=2 session=20000 grace=10000 lottery=7 lead=0 within=5000
//! promoter room off
//! promoter draw 7
//! alice join | alice beat | alice leave | alice stands
//! ```

use boxoffice_topics::{
    AccountId, Intent, LotteryRules, LotterySeed, PerformanceId, WaitingRoomIntent,
    WaitingRoomOutcome, WaitingRoomRules,
};

use super::{SHOW, Table};
use crate::Standing;

impl Table {
    pub(super) fn waiting_room_intent<'a>(
        &self,
        performance: PerformanceId,
        what: &str,
        rest: &[&str],
    ) -> Intent<'a> {
        Intent::WaitingRoom(match what {
            "room" => WaitingRoomIntent::Set { performance, rules: rules(rest) },
            "draw" => WaitingRoomIntent::DrawLottery { performance, seed: seed(rest[0]) },
            "join" => WaitingRoomIntent::Join { performance },
            "beat" => WaitingRoomIntent::Heartbeat { performance },
            "leave" => WaitingRoomIntent::Leave { performance },
            other => panic!("unknown word {other}"),
        })
    }

    pub(super) fn tell_waiting_room(&self, outcome: &WaitingRoomOutcome) -> String {
        let who = |account: &AccountId| &self.people[account];
        match outcome {
            WaitingRoomOutcome::Set { rules: Some(_), .. } => "set".into(),
            WaitingRoomOutcome::Set { rules: None, .. } => "off".into(),
            WaitingRoomOutcome::Joined { number, .. } => format!("joined {number}"),
            WaitingRoomOutcome::Seen { number, .. } => format!("seen {number}"),
            WaitingRoomOutcome::Returned { number, .. } => format!("returned {number}"),
            WaitingRoomOutcome::Left { number, .. } => format!("left {number}"),
            WaitingRoomOutcome::LotteryClosed { entrants, draw_by, .. } => {
                format!("entries {entrants} draw by {}", draw_by.as_millis())
            }
            WaitingRoomOutcome::LotteryDrawn { seed: Some(_), .. } => "drawn".into(),
            WaitingRoomOutcome::LotteryDrawn { seed: None, .. } => "drawn without seed".into(),
            WaitingRoomOutcome::Admitted { account, session_ends_at, .. } => {
                format!("admitted {} until {}", who(account), session_ends_at.as_millis())
            }
            WaitingRoomOutcome::Missed { account, .. } => format!("missed {}", who(account)),
            WaitingRoomOutcome::Inside { session_ends_at, .. } => {
                format!("inside until {}", session_ends_at.as_millis())
            }
            WaitingRoomOutcome::SessionEnded { account, end, .. } => {
                format!("out {} {}", who(account), format!("{end:?}").to_lowercase())
            }
        }
    }

    /// What a view shows somebody.
    pub(super) fn standing(&mut self, who: &str) -> String {
        let account = self.account(who);
        let state = self.states.iter().find(|state| state.performance(SHOW).is_some());
        let state = state.expect("a performance");
        let (now, show) = (state.now(), state.performance(SHOW).expect("a performance"));
        match show.standing(account, now) {
            Standing::Through => "through".into(),
            Standing::Outside => "outside".into(),
            Standing::Inside { session_ends_at } => {
                format!("inside until {}", session_ends_at.as_millis())
            }
            Standing::Waiting(wait) => {
                let told = |number: Option<u64>| number.map_or("?".into(), |it| it.to_string());
                let ahead = told(wait.ahead.map(u64::from));
                let (estimate, poll) = (told(wait.estimate_ms), wait.next_poll_ms);
                let beat = wait.heartbeat_by.as_millis();
                format!("ahead {ahead} wait {estimate} poll {poll} beat {beat}")
            }
        }
    }
}

fn rules(words: &[&str]) -> Option<WaitingRoomRules> {
    if words == ["off"] {
        return None;
    }
    let option = |name: &str| {
        let value = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value.parse::<u32>().expect("a number"))
    };
    let lottery = option("lottery").map(|number| LotteryRules {
        commitment: seed(&number.to_string()).commitment(),
        closes_before_ms: option("lead").unwrap_or(0),
        draw_within_ms: option("within").unwrap_or(5_000),
    });
    Some(WaitingRoomRules {
        admissions_per_minute: option("rate").unwrap_or(60),
        active_buyers_max: option("cap").unwrap_or(2),
        session_ms: option("session").unwrap_or(20_000),
        grace_ms: option("grace").unwrap_or(10_000),
        lottery,
    })
}

fn seed(text: &str) -> LotterySeed {
    LotterySeed::from_bytes([text.parse().expect("a number below 256"); 32])
}
