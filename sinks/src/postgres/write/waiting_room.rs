//! Waiting rooms and turns into the database.

use sqlx::{PgConnection, query};

use super::{copy_rows, updated};
use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::rows::{TurnRow, WaitingRoomRow};

const COPY_TURNS: &str = "\
    COPY turns (performance_id, account_id, number, state, called_at, session_ends_at, \
    ended_at) FROM STDIN (FORMAT binary)";

pub(super) async fn write(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let mut written = write_waiting_rooms(to, &fold.waiting_rooms.changed()).await?;
    let turns = fold.turns.changes();
    written += copy_rows(to, copy, COPY_TURNS, &turns.new, copy_turn).await?;
    written += update_turns(to, &turns.changed).await?;
    Ok(written)
}

async fn write_waiting_rooms(
    to: &mut PgConnection,
    rows: &[&WaitingRoomRow],
) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO waiting_rooms
         SELECT * FROM UNNEST($1::uuid[], $2::boolean[], $3::bigint[], $4::bigint[], $5::bigint[],
                $6::bigint[], $7::text[], $8::bigint[], $9::bigint[], $10::timestamptz[],
                $11::bigint[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::text[],
                $16::bigint[], $17::timestamptz[])
         ON CONFLICT (performance_id) DO UPDATE
            SET is_on = EXCLUDED.is_on, admissions_per_minute = EXCLUDED.admissions_per_minute,
                active_buyers_max = EXCLUDED.active_buyers_max,
                session_ms = EXCLUDED.session_ms, grace_ms = EXCLUDED.grace_ms,
                commitment = EXCLUDED.commitment, closes_before_ms = EXCLUDED.closes_before_ms,
                draw_within_ms = EXCLUDED.draw_within_ms,
                entries_closed_at = EXCLUDED.entries_closed_at, entrants = EXCLUDED.entrants,
                digest = EXCLUDED.digest, draw_by = EXCLUDED.draw_by,
                drawn_at = EXCLUDED.drawn_at, seed = EXCLUDED.seed, joins = EXCLUDED.joins,
                changed_at = EXCLUDED.changed_at",
    )
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.is_on))
    .bind(column!(rows, |row| row.admissions_per_minute))
    .bind(column!(rows, |row| row.active_buyers_max))
    .bind(column!(rows, |row| row.session_ms))
    .bind(column!(rows, |row| row.grace_ms))
    .bind(column!(rows, |row| row.commitment.as_deref()))
    .bind(column!(rows, |row| row.closes_before_ms))
    .bind(column!(rows, |row| row.draw_within_ms))
    .bind(column!(rows, |row| row.entries_closed_at))
    .bind(column!(rows, |row| row.entrants))
    .bind(column!(rows, |row| row.digest.as_deref()))
    .bind(column!(rows, |row| row.draw_by))
    .bind(column!(rows, |row| row.drawn_at))
    .bind(column!(rows, |row| row.seed.as_deref()))
    .bind(column!(rows, |row| row.joins))
    .bind(column!(rows, |row| row.changed_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

fn copy_turn(copy: &mut CopyBuffer, row: &TurnRow) -> Result<(), Error> {
    copy.row(7)
        .field(row.performance_id)?
        .field(row.account_id)?
        .field(row.number)?
        .field(row.state.as_str())?
        .field(row.called_at)?
        .field(row.session_ends_at)?
        .field(row.ended_at)?;
    Ok(())
}

async fn update_turns(to: &mut PgConnection, rows: &[&TurnRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let done = query(
        "UPDATE turns SET state = t.state, ended_at = t.ended_at
           FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[])
                AS t(performance_id, account_id, number, state, ended_at)
          WHERE turns.performance_id = t.performance_id AND turns.account_id = t.account_id
            AND turns.number = t.number",
    )
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.account_id))
    .bind(column!(rows, |row| row.number))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.ended_at))
    .execute(to)
    .await?;
    updated(done.rows_affected(), rows)
}
