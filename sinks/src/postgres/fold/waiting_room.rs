//! Waiting rooms: the rules, the lottery, and whose turn came.

use boxoffice_topics::waiting_room::SessionEnd;
use boxoffice_topics::{
    AccountId, JoinNumber, PerformanceId, WaitingRoomOutcome, WaitingRoomRules,
};
use uuid::Uuid;

use super::{At, Fold, uuid};
use crate::postgres::columns::{Moment, TurnState};
use crate::postgres::error::Error;
use crate::postgres::rows::{Row as _, TurnRow, WaitingRoomRow};

impl Fold {
    pub(super) fn apply_waiting_room(
        &mut self,
        at: At,
        outcome: &WaitingRoomOutcome,
    ) -> Result<(), Error> {
        match *outcome {
            WaitingRoomOutcome::Set { performance, rules } => {
                self.set_waiting_room(at, performance, rules)?;
            }
            WaitingRoomOutcome::Joined { performance, number, .. } => {
                self.waiting_room(performance)?.joins = i64::from(number.0) + 1;
            }
            WaitingRoomOutcome::LotteryClosed { performance, entrants, digest, draw_by } => {
                let row = self.waiting_room(performance)?;
                row.entries_closed_at = Some(at.now);
                row.entrants = Some(entrants.into());
                row.digest = Some(digest.to_string());
                row.draw_by = Some(Moment(draw_by));
            }
            WaitingRoomOutcome::LotteryDrawn { performance, seed } => {
                let row = self.waiting_room(performance)?;
                row.drawn_at = Some(at.now);
                row.seed = seed.map(|seed| seed.to_string());
            }
            WaitingRoomOutcome::Admitted { performance, account, number, session_ends_at } => {
                let ends_at = Some(Moment(session_ends_at));
                self.turns.put(turn(at, performance, account, number, ends_at));
            }
            WaitingRoomOutcome::Missed { performance, account, number } => {
                self.turns.put(turn(at, performance, account, number, None));
            }
            WaitingRoomOutcome::SessionEnded { performance, account, end } => {
                self.end_session(at, performance, account, end)?;
            }
            // What becomes of a place in the line is told by its turn.
            WaitingRoomOutcome::Seen { .. }
            | WaitingRoomOutcome::Left { .. }
            | WaitingRoomOutcome::Returned { .. }
            | WaitingRoomOutcome::Inside { .. } => (),
        }
        Ok(())
    }

    /// The turn that let an account in which is still inside, when memory has it.
    pub(in crate::postgres) fn session(
        &self,
        performance_id: Uuid,
        account_id: Uuid,
    ) -> Option<&TurnRow> {
        let turn = |number| (performance_id, account_id, number);
        self.turns.range(turn(0)..=turn(i64::MAX)).find(|row| row.state == TurnState::Inside)
    }

    fn waiting_room(&mut self, performance: PerformanceId) -> Result<&mut WaitingRoomRow, Error> {
        self.waiting_rooms.change(&uuid(performance.as_u128()))
    }

    fn set_waiting_room(
        &mut self,
        at: At,
        performance: PerformanceId,
        rules: Option<WaitingRoomRules>,
    ) -> Result<(), Error> {
        let Some(rules) = rules else {
            let row = self.waiting_room(performance)?;
            row.is_on = false;
            row.changed_at = at.now;
            return Ok(());
        };
        let before = self.waiting_rooms.get(&uuid(performance.as_u128()));
        let joins = before.map_or(0, |before| before.joins);
        let mut row = room(at, performance, rules, joins);
        // Its lottery goes on, unless it is another one from now on.
        if let Some(before) = before.filter(|before| has_same_lottery(before, &row)) {
            row.entries_closed_at = before.entries_closed_at;
            row.entrants = before.entrants;
            row.digest = before.digest.clone();
            row.draw_by = before.draw_by;
            row.drawn_at = before.drawn_at;
            row.seed = before.seed.clone();
        }
        self.waiting_rooms.put(row);
        Ok(())
    }

    fn end_session(
        &mut self,
        at: At,
        performance: PerformanceId,
        account: AccountId,
        end: SessionEnd,
    ) -> Result<(), Error> {
        let session = self.session(uuid(performance.as_u128()), uuid(account.as_u128()));
        let missing = || Error::RowMissing {
            table: TurnRow::TABLE,
            key: format!("session of {account} in {performance}"),
        };
        let key = session.ok_or_else(missing)?.key();
        let row = self.turns.change(&key)?;
        row.state = end.into();
        row.ended_at = Some(at.now);
        Ok(())
    }
}

fn room(at: At, performance: PerformanceId, rules: WaitingRoomRules, joins: i64) -> WaitingRoomRow {
    let lottery = rules.lottery;
    WaitingRoomRow {
        performance_id: uuid(performance.as_u128()),
        is_on: true,
        admissions_per_minute: rules.admissions_per_minute.into(),
        active_buyers_max: rules.active_buyers_max.into(),
        session_ms: rules.session_ms.into(),
        grace_ms: rules.grace_ms.into(),
        commitment: lottery.map(|lottery| lottery.commitment.to_string()),
        closes_before_ms: lottery.map(|lottery| lottery.closes_before_ms.into()),
        draw_within_ms: lottery.map(|lottery| lottery.draw_within_ms.into()),
        entries_closed_at: None,
        entrants: None,
        digest: None,
        draw_by: None,
        drawn_at: None,
        seed: None,
        joins,
        changed_at: at.now,
    }
}

fn has_same_lottery(one: &WaitingRoomRow, other: &WaitingRoomRow) -> bool {
    one.commitment == other.commitment
        && one.closes_before_ms == other.closes_before_ms
        && one.draw_within_ms == other.draw_within_ms
}

/// A turn: missed, unless a session begins.
fn turn(
    at: At,
    performance: PerformanceId,
    account: AccountId,
    number: JoinNumber,
    session_ends_at: Option<Moment>,
) -> TurnRow {
    let is_admitted = session_ends_at.is_some();
    TurnRow {
        performance_id: uuid(performance.as_u128()),
        account_id: uuid(account.as_u128()),
        number: number.0.into(),
        state: if is_admitted { TurnState::Inside } else { TurnState::Missed },
        called_at: at.now,
        session_ends_at,
        ended_at: None,
    }
}
