//! How far the database is.

use boxoffice_topics::envelope::ChainHash;
use boxoffice_topics::{LogId, Offset, PartitionId};
use sqlx::{FromRow, PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::error::Error;
use super::fold::uuid;
use crate::progress::{Position, ProgressError};

#[derive(FromRow)]
pub(crate) struct ProgressRow {
    partition: i32,
    log_id: Uuid,
    next_offset: i64,
    chain: Vec<u8>,
}

/// Makes sure that the database has no rows of another log. It may have no tables at all.
///
/// # Errors
/// [`ProgressError::OtherLog`] when it has.
pub(crate) async fn refuse_other_log(from: &mut PgConnection, log_id: LogId) -> Result<(), Error> {
    let has_progress: bool =
        query_scalar("SELECT to_regclass('progress') IS NOT NULL").fetch_one(&mut *from).await?;
    if !has_progress {
        return Ok(());
    }
    let other: Option<ProgressRow> = query_as(
        "SELECT partition, log_id, next_offset, chain FROM progress
          WHERE log_id <> $1 ORDER BY partition LIMIT 1",
    )
    .bind(uuid(log_id.as_u128()))
    .fetch_optional(from)
    .await?;
    other.map_or(Ok(()), |row| position(row, log_id).map(drop))
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

/// Where a row says that a partition stands; it is of this log.
///
/// # Errors
/// [`ProgressError::OtherLog`] when it is not.
pub(crate) fn position(row: ProgressRow, log_id: LogId) -> Result<Position, Error> {
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
