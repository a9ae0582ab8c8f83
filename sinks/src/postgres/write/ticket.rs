//! Rules of tickets, offers and scans into the database.

use sqlx::{PgConnection, query};

use super::copy_rows;
use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::rows::{ScanRow, TicketRulesRow, TransferRow};

const COPY_SCANS: &str = "\
    COPY ticket_scans (scan_id, order_id, number, performance_id, kind, gate, scanned_at, entry, \
    scan, recorded_at) FROM STDIN (FORMAT binary)";

pub(super) async fn write(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let mut written = write_rules(to, &fold.ticket_rules.changed()).await?;
    written += write_transfers(to, &fold.ticket_transfers.changed()).await?;
    written += copy_rows(to, copy, COPY_SCANS, &fold.ticket_scans.changed(), copy_scan).await?;
    Ok(written)
}

async fn write_rules(to: &mut PgConnection, rows: &[&TicketRulesRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO ticket_rules
         SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::bigint[], $4::bigint[],
                $5::boolean[], $6::bigint[], $7::timestamptz[])
         ON CONFLICT (performance_id) DO UPDATE
            SET transfers_max = EXCLUDED.transfers_max,
                transfers_close_before_ms = EXCLUDED.transfers_close_before_ms,
                offer_ttl_ms = EXCLUDED.offer_ttl_ms, reentry = EXCLUDED.reentry,
                admits_after_start_ms = EXCLUDED.admits_after_start_ms,
                changed_at = EXCLUDED.changed_at",
    )
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.transfers_max))
    .bind(column!(rows, |row| row.transfers_close_before_ms))
    .bind(column!(rows, |row| row.offer_ttl_ms))
    .bind(column!(rows, |row| row.reentry))
    .bind(column!(rows, |row| row.admits_after_start_ms))
    .bind(column!(rows, |row| row.changed_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

async fn write_transfers(to: &mut PgConnection, rows: &[&TransferRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO ticket_transfers
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::integer[], $4::uuid[], $5::uuid[],
                $6::uuid[], $7::text[], $8::integer[], $9::timestamptz[], $10::timestamptz[],
                $11::timestamptz[])
         ON CONFLICT (transfer_id) DO UPDATE
            SET state = EXCLUDED.state, generation = EXCLUDED.generation,
                ended_at = EXCLUDED.ended_at",
    )
    .bind(column!(rows, |row| row.transfer_id))
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.number))
    .bind(column!(rows, |row| row.performance_id))
    .bind(column!(rows, |row| row.from_account_id))
    .bind(column!(rows, |row| row.to_account_id))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.generation))
    .bind(column!(rows, |row| row.offered_at))
    .bind(column!(rows, |row| row.lapses_at))
    .bind(column!(rows, |row| row.ended_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}

/// A scan never changes, and a night has as many as the house has places.
fn copy_scan(copy: &mut CopyBuffer, row: &ScanRow) -> Result<(), Error> {
    copy.row(10)
        .field(row.scan_id)?
        .field(row.order_id)?
        .field(row.number)?
        .field(row.performance_id)?
        .field(row.kind.as_str())?
        .field(&*row.gate)?
        .field(row.scanned_at)?
        .field(row.entry)?
        .field(row.scan)?
        .field(row.recorded_at)?;
    Ok(())
}
