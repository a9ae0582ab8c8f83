//! Lots of points, what orders have of them, and the ledger into the database.

use sqlx::{PgConnection, query};

use super::copy_rows;
use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::rows::{PointsEntryRow, PointsLotRow, PointsUseRow};

const COPY_POINTS_LEDGER: &str = "\
    COPY points_ledger (account_id, partition, step_offset, outcome_index, kind, \
    order_id, lot_id, currency, amount_minor, free_minor, reserved_minor, owed_minor, \
    booked_at) FROM STDIN (FORMAT binary)";

pub(super) async fn write(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let mut written = write_lots(to, &fold.points_lots.changed()).await?;
    written += write_uses(to, &fold.points_uses.changed()).await?;
    written +=
        copy_rows(to, copy, COPY_POINTS_LEDGER, &fold.points_ledger.changed(), copy_entry).await?;
    Ok(written)
}

async fn write_lots(to: &mut PgConnection, rows: &[&PointsLotRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO points_lots
         SELECT * FROM UNNEST($1::bigint[], $2::uuid[], $3::text[], $4::bigint[], $5::text[],
                $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                $11::bigint[], $12::bigint[], $13::timestamptz[], $14::timestamptz[])
         ON CONFLICT (lot_id) DO UPDATE
            SET free_minor = EXCLUDED.free_minor, reserved_minor = EXCLUDED.reserved_minor,
                spent_minor = EXCLUDED.spent_minor, taken_back_minor = EXCLUDED.taken_back_minor,
                expired_minor = EXCLUDED.expired_minor, debt_paid_minor = EXCLUDED.debt_paid_minor",
    )
    .bind(column!(rows, |row| row.lot_id))
    .bind(column!(rows, |row| row.account_id))
    .bind(column!(rows, |row| row.source.as_str()))
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.currency.as_str()))
    .bind(column!(rows, |row| row.amount_minor))
    .bind(column!(rows, |row| row.free_minor))
    .bind(column!(rows, |row| row.reserved_minor))
    .bind(column!(rows, |row| row.spent_minor))
    .bind(column!(rows, |row| row.taken_back_minor))
    .bind(column!(rows, |row| row.expired_minor))
    .bind(column!(rows, |row| row.debt_paid_minor))
    .bind(column!(rows, |row| row.expires_at))
    .bind(column!(rows, |row| row.credited_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

async fn write_uses(to: &mut PgConnection, rows: &[&PointsUseRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO points_uses
         SELECT * FROM UNNEST($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[],
                $6::timestamptz[], $7::timestamptz[])
         ON CONFLICT (order_id, number) DO UPDATE
            SET lot_id = EXCLUDED.lot_id, amount_minor = EXCLUDED.amount_minor,
                state = EXCLUDED.state, reserved_at = EXCLUDED.reserved_at,
                settled_at = EXCLUDED.settled_at",
    )
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.number))
    .bind(column!(rows, |row| row.lot_id))
    .bind(column!(rows, |row| row.amount_minor))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.reserved_at))
    .bind(column!(rows, |row| row.settled_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

/// An entry is put once and never changes.
fn copy_entry(copy: &mut CopyBuffer, row: &PointsEntryRow) -> Result<(), Error> {
    copy.row(13)
        .field(row.account_id)?
        .field(row.partition)?
        .field(row.step_offset)?
        .field(row.outcome_index)?
        .field(row.kind.as_str())?
        .field(row.order_id)?
        .field(row.lot_id)?
        .field(row.currency.as_str())?
        .field(row.amount_minor)?
        .field(row.free_minor)?
        .field(row.reserved_minor)?
        .field(row.owed_minor)?
        .field(row.booked_at)?;
    Ok(())
}
