//! Rows out of the database: progress, and the rows that a batch is about.

use boxoffice_topics::envelope::ChainHash;
use boxoffice_topics::{LogId, Offset, PartitionId};
use sqlx::{FromRow, PgConnection, query, query_as};
use uuid::Uuid;

use super::error::Error;
use super::fold::{Fold, uuid};
use super::house::House;
use super::missing::Missing;
use super::rows::{HoldRow, OrderRow, PaymentRow, PerformanceRow, RefundRow, TicketRow};
use crate::progress::{Position, ProgressError};

#[derive(FromRow)]
struct ProgressRow {
    partition: i32,
    log_id: Uuid,
    next_offset: i64,
    chain: Vec<u8>,
}

/// Makes sure that every partition has its progress.
pub(super) async fn begin_progress(
    to: &mut PgConnection,
    log_id: LogId,
    partitions: u16,
) -> Result<(), Error> {
    let starts = (0..partitions).filter_map(PartitionId::new);
    let starts = starts.map(|partition| Position::start(log_id, partition));
    let (numbers, chains): (Vec<_>, Vec<_>) = starts
        .map(|start| (i32::from(start.partition.number()), start.chain.as_bytes().to_vec()))
        .unzip();
    query(
        "INSERT INTO progress (partition, log_id, next_offset, chain)
         SELECT p.partition, $1, 0, p.chain
           FROM UNNEST($2::integer[], $3::bytea[]) AS p(partition, chain)
         ON CONFLICT DO NOTHING",
    )
    .bind(uuid(log_id.as_u128()))
    .bind(numbers)
    .bind(chains)
    .execute(to)
    .await?;
    Ok(())
}

/// The progress of every partition, in order; it is that of this log.
pub(super) async fn read_progress(
    from: &mut PgConnection,
    log_id: LogId,
    partitions: u16,
) -> Result<Vec<Position>, Error> {
    let rows: Vec<ProgressRow> =
        query_as("SELECT partition, log_id, next_offset, chain FROM progress ORDER BY partition")
            .fetch_all(from)
            .await?;
    let (written, found) = (rows.len(), usize::from(partitions));
    if written > found {
        return Err(ProgressError::FewerPartitions { written, found }.into());
    }
    rows.into_iter().map(|row| position(row, log_id)).collect()
}

fn position(row: ProgressRow, log_id: LogId) -> Result<Position, Error> {
    let malformed = || Error::RowMissing { table: "progress", key: row.partition.to_string() };
    let number = u16::try_from(row.partition).map_err(|_| malformed())?;
    let partition = PartitionId::new(number).ok_or_else(malformed)?;
    let written = LogId::from_u128(row.log_id.as_u128());
    if written != log_id {
        return Err(ProgressError::OtherLog { partition, written, found: log_id }.into());
    }
    let chain: [u8; 32] = row.chain.as_slice().try_into().map_err(|_| malformed())?;
    let next = Offset::new(u64::try_from(row.next_offset).map_err(|_| malformed())?);
    Ok(Position { partition, next, chain: ChainHash::from_bytes(chain) })
}

/// Reads what a batch is about into a fold.
pub(super) async fn load(
    from: &mut PgConnection,
    fold: &mut Fold,
    missing: &Missing,
) -> Result<(), Error> {
    if !missing.performances.is_empty() {
        let sql = "SELECT * FROM performances WHERE performance_id = ANY($1)";
        let rows = query_as(sql).bind(&missing.performances).fetch_all(&mut *from).await?;
        for row in rows {
            let row: PerformanceRow = row;
            fold.houses.insert(row.performance_id, House::of(&row)?);
            fold.performances.load(row);
        }
    }
    if !missing.holds.is_empty() {
        let sql = "SELECT * FROM holds WHERE hold_id = ANY($1)";
        let rows: Vec<HoldRow> = query_as(sql).bind(&missing.holds).fetch_all(&mut *from).await?;
        rows.into_iter().for_each(|row| fold.holds.load(row));
    }
    if !missing.orders.is_empty() {
        let sql = "SELECT * FROM orders WHERE order_id = ANY($1)";
        let rows: Vec<OrderRow> = query_as(sql).bind(&missing.orders).fetch_all(&mut *from).await?;
        rows.into_iter().for_each(|row| fold.orders.load(row));
    }
    if !missing.payments.is_empty() {
        let sql = "SELECT * FROM payments WHERE payment_id = ANY($1)";
        let rows: Vec<PaymentRow> =
            query_as(sql).bind(&missing.payments).fetch_all(&mut *from).await?;
        rows.into_iter().for_each(|row| fold.payments.load(row));
    }
    if !missing.refunds.is_empty() {
        let sql = "SELECT * FROM refunds WHERE refund = ANY($1)";
        let rows: Vec<RefundRow> =
            query_as(sql).bind(&missing.refunds).fetch_all(&mut *from).await?;
        rows.into_iter().for_each(|row| fold.refunds.load(row));
    }
    if !missing.tickets_of.is_empty() {
        let sql = "SELECT * FROM tickets WHERE order_id = ANY($1)";
        let rows: Vec<TicketRow> =
            query_as(sql).bind(&missing.tickets_of).fetch_all(&mut *from).await?;
        rows.into_iter().for_each(|row| fold.tickets.load(row));
    }
    Ok(())
}
