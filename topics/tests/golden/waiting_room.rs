//! The records of the waiting room.

use boxoffice_topics::waiting_room::SessionEnd;
use boxoffice_topics::{
    EntrantsDigest, JoinNumber, LotteryRules, LotterySeed, WaitingRoomIntent, WaitingRoomOutcome,
    WaitingRoomRules,
};

use super::*;

const GOLDEN: &str = include_str!("../../testdata/v1-waiting-room.hex");

fn seed() -> LotterySeed {
    LotterySeed::from_bytes([7; 32])
}

fn rules() -> WaitingRoomRules {
    let commitment = seed().commitment();
    let lottery = LotteryRules { commitment, closes_before_ms: 300_000, draw_within_ms: 60_000 };
    WaitingRoomRules {
        admissions_per_minute: 1_500,
        active_buyers_max: 1_000,
        session_ms: 600_000,
        grace_ms: 300_000,
        lottery: Some(lottery),
    }
}

fn intents() -> Vec<Intent<'static>> {
    let performance = PerformanceId::from_u128(7);
    [
        WaitingRoomIntent::Set { performance, rules: Some(rules()) },
        WaitingRoomIntent::Set { performance, rules: None },
        WaitingRoomIntent::DrawLottery { performance, seed: seed() },
        WaitingRoomIntent::Join { performance },
        WaitingRoomIntent::Heartbeat { performance },
        WaitingRoomIntent::Leave { performance },
    ]
    .map(Intent::WaitingRoom)
    .into()
}

fn outcomes() -> Vec<Outcome> {
    let (performance, account) = (PerformanceId::from_u128(7), AccountId::from_u128(9));
    let at = Timestamp::from_millis(1_790_000_000_000);
    let number = JoinNumber(4_711);
    let digest = EntrantsDigest::new(performance, &seed().commitment());
    let plain = WaitingRoomRules { lottery: None, ..rules() };
    let ended = |end| WaitingRoomOutcome::SessionEnded { performance, account, end };
    [
        WaitingRoomOutcome::Set { performance, rules: Some(rules()) },
        WaitingRoomOutcome::Set { performance, rules: Some(plain) },
        WaitingRoomOutcome::Set { performance, rules: None },
        WaitingRoomOutcome::Joined { performance, account, number },
        WaitingRoomOutcome::Seen { performance, account, number },
        WaitingRoomOutcome::Left { performance, account, number },
        WaitingRoomOutcome::LotteryClosed { performance, entrants: 4_712, digest, draw_by: at },
        WaitingRoomOutcome::LotteryDrawn { performance, seed: Some(seed()) },
        WaitingRoomOutcome::LotteryDrawn { performance, seed: None },
        WaitingRoomOutcome::Admitted { performance, account, number, session_ends_at: at },
        WaitingRoomOutcome::Missed { performance, account, number },
        WaitingRoomOutcome::Inside { performance, account, session_ends_at: at },
        ended(SessionEnd::Bought),
        ended(SessionEnd::Left),
        ended(SessionEnd::Expired),
        WaitingRoomOutcome::Returned { performance, account, number },
    ]
    .map(Outcome::WaitingRoom)
    .into()
}

fn step() -> Step {
    Step { outcomes: outcomes(), ..super::step() }
}

#[test]
fn today_writes_the_bytes_of_the_waiting_room() {
    group::check_written(GOLDEN, &intents(), &step());
}

#[test]
fn today_reads_the_bytes_of_the_waiting_room() {
    group::check_read(GOLDEN, &intents(), &step());
}
