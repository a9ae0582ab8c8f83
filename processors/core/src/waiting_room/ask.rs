//! What is asked of a room, and what is said to that.

use std::collections::BTreeSet;

use boxoffice_topics::waiting_room::SessionEnd;
use boxoffice_topics::{
    AccountId, LotterySeed, Outcome, PerformanceId, Refusal, RefusalCode, WaitingRoomIntent,
    WaitingRoomOutcome, WaitingRoomRules,
};

use super::admit::entries_end;
use super::queue::Presence;
use super::{Lottery, WaitingRoom};
use crate::decide::Asked;
use crate::performance::{Performance, SaleState};

pub(crate) fn ask(asked: &Asked<'_>, intent: &WaitingRoomIntent) -> Result<Outcome, Refusal> {
    let outcome = match *intent {
        WaitingRoomIntent::Set { performance, rules } => set(asked, performance, rules)?,
        WaitingRoomIntent::DrawLottery { performance, seed } => {
            draw_lottery(asked, performance, seed)?
        }
        WaitingRoomIntent::Join { performance } => join(asked, performance)?,
        WaitingRoomIntent::Heartbeat { performance } => heartbeat(asked, performance)?,
        WaitingRoomIntent::Leave { performance } => leave(asked, performance)?,
    };
    Ok(Outcome::WaitingRoom(outcome))
}

fn set(
    asked: &Asked<'_>,
    performance: PerformanceId,
    rules: Option<WaitingRoomRules>,
) -> Result<WaitingRoomOutcome, Refusal> {
    let show = asked.performance(performance)?;
    let Some(new) = rules else {
        room_that_is_on(show)?;
        return Ok(WaitingRoomOutcome::Set { performance, rules });
    };
    if new.validate().is_err() {
        return Err(RefusalCode::WaitingRoomRulesInvalid.into());
    }
    let lottery = show.waiting_room().and_then(|room| room.lottery.rules());
    if new.lottery != lottery && !may_change_lottery(asked, show) {
        return Err(RefusalCode::LotteryFixed.into());
    }
    if let Some(rules) = new.lottery.filter(|_| new.lottery != lottery)
        && entries_end(show, &rules).is_some_and(|end| end <= asked.now)
    {
        return Err(RefusalCode::LotteryTooLate.into());
    }
    Ok(WaitingRoomOutcome::Set { performance, rules })
}

/// Whoever joins relies on the lottery as it was then.
fn may_change_lottery(asked: &Asked<'_>, performance: &Performance) -> bool {
    let nobody_relies_on_it = performance.waiting_room().is_none_or(|room| {
        let runs = matches!(room.lottery, Lottery::Closed { .. } | Lottery::Drawn { .. });
        room.queue.next().0 == 0 && !runs
    });
    nobody_relies_on_it && performance.sale_state(asked.now) == SaleState::Scheduled
}

fn draw_lottery(
    asked: &Asked<'_>,
    performance: PerformanceId,
    seed: LotterySeed,
) -> Result<WaitingRoomOutcome, Refusal> {
    match room_that_is_on(asked.performance(performance)?)?.lottery {
        Lottery::None => Err(RefusalCode::NoLottery.into()),
        Lottery::Open { .. } => Err(RefusalCode::LotteryStillOpen.into()),
        Lottery::Drawn { .. } => Err(RefusalCode::LotteryAlreadyDrawn.into()),
        Lottery::Closed { rules, .. } if seed.commitment() != rules.commitment => {
            Err(RefusalCode::SeedMismatch.into())
        }
        Lottery::Closed { .. } => {
            Ok(WaitingRoomOutcome::LotteryDrawn { performance, seed: Some(seed) })
        }
    }
}

fn join(asked: &Asked<'_>, performance: PerformanceId) -> Result<WaitingRoomOutcome, Refusal> {
    let show = asked.performance(performance)?;
    let room = room_that_is_on(show)?;
    let account = asked.account;
    if show.sale_state(asked.now) == SaleState::Closed {
        return Err(RefusalCode::SaleClosed.into());
    }
    if let Some(inside) = inside(asked, performance, room) {
        return Ok(inside);
    }
    if let Some((number, _)) = room.queue.find(account) {
        return Ok(WaitingRoomOutcome::Returned { performance, account, number });
    }
    if room.queue.is_full() {
        return Err(RefusalCode::WaitingRoomFull.into());
    }
    Ok(WaitingRoomOutcome::Joined { performance, account, number: room.queue.next() })
}

fn heartbeat(asked: &Asked<'_>, performance: PerformanceId) -> Result<WaitingRoomOutcome, Refusal> {
    let room = room_that_is_on(asked.performance(performance)?)?;
    let account = asked.account;
    if let Some(inside) = inside(asked, performance, room) {
        return Ok(inside);
    }
    match room.queue.find(account) {
        Some((number, waiter)) if waiter.presence == Presence::Waiting => {
            Ok(WaitingRoomOutcome::Seen { performance, account, number })
        }
        // A heartbeat that comes after its buyer has left brings nobody back.
        Some(_) | None => Err(RefusalCode::NotWaiting.into()),
    }
}

fn leave(asked: &Asked<'_>, performance: PerformanceId) -> Result<WaitingRoomOutcome, Refusal> {
    let room = room_that_is_on(asked.performance(performance)?)?;
    let account = asked.account;
    match room.queue.find(account) {
        Some((number, waiter)) if waiter.presence == Presence::Waiting => {
            Ok(WaitingRoomOutcome::Left { performance, account, number })
        }
        Some(_) | None if room.sessions.end_of(account).is_some() => {
            let end = SessionEnd::Left;
            Ok(WaitingRoomOutcome::SessionEnded { performance, account, end })
        }
        Some(_) | None => Err(RefusalCode::NotWaiting.into()),
    }
}

/// What somebody who is inside is told.
fn inside(
    asked: &Asked<'_>,
    performance: PerformanceId,
    room: &WaitingRoom,
) -> Option<WaitingRoomOutcome> {
    let account = asked.account;
    let session_ends_at = room.session_of(account, asked.now)?;
    Some(WaitingRoomOutcome::Inside { performance, account, session_ends_at })
}

fn room_that_is_on(performance: &Performance) -> Result<&WaitingRoom, Refusal> {
    let room = performance.waiting_room().filter(|room| room.rules.is_some());
    room.ok_or(RefusalCode::WaitingRoomOff.into())
}

/// Who buys goes out, whichever intent confirmed the order: the place is free in the same step.
/// One tick may confirm several orders of a buyer, and end the session of the same buyer.
pub(crate) fn end_sessions_of_buyers(asked: &Asked<'_>, outcomes: &mut Vec<Outcome>) {
    let buyer = |outcome: &Outcome| {
        let Outcome::OrderConfirmed { performance, account, .. } = *outcome else { return None };
        Some((performance, account))
    };
    let mut buyers: Vec<_> = outcomes.iter().filter_map(buyer).collect();
    if buyers.is_empty() {
        return;
    }
    let out = |outcome: &Outcome| {
        let Outcome::WaitingRoom(outcome) = *outcome else { return None };
        let WaitingRoomOutcome::SessionEnded { performance, account, .. } = outcome else {
            return None;
        };
        Some((performance, account))
    };
    let mut out: BTreeSet<_> = outcomes.iter().filter_map(out).collect();
    buyers.retain(|&(performance, account)| {
        is_inside(asked, performance, account) && out.insert((performance, account))
    });
    outcomes.extend(buyers.into_iter().map(|(performance, account)| {
        let end = SessionEnd::Bought;
        Outcome::WaitingRoom(WaitingRoomOutcome::SessionEnded { performance, account, end })
    }));
}

fn is_inside(asked: &Asked<'_>, performance: PerformanceId, account: AccountId) -> bool {
    let room = asked.state.performance(performance).and_then(Performance::waiting_room);
    room.is_some_and(|room| room.sessions.end_of(account).is_some())
}
