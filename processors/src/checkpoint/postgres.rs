//! Snapshots in the database that the processes of a log share, so that whoever becomes the owner of
//! a partition finds them. Rows are of one log: another log's are not seen.

use std::fmt;

use boxoffice_topics::{LogId, PartitionId};
use sqlx::{PgConnection, query, query_scalar};
use uuid::Uuid;

use super::KEPT;
use crate::database::{DatabaseError, SharedDatabase, in_time};

/// Bytes of one row: the server holds a few copies of a value while it takes it in.
const PIECE_BYTES: usize = 1 << 20;

/// Where the snapshots of one partition are.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    database: SharedDatabase,
    log_id: Uuid,
    partition: i32,
}

/// One snapshot on its shelf.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    shelf: Shelf,
    next_offset: i64,
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshot {} of partition {}", self.next_offset, self.shelf.partition)
    }
}

impl Shelf {
    pub(super) fn new(database: &SharedDatabase, log_id: LogId, partition: PartitionId) -> Self {
        let log_id = Uuid::from_bytes(log_id.to_bytes());
        Self { database: database.clone(), log_id, partition: partition.number().into() }
    }

    pub(super) async fn newest_first(&self) -> Result<Vec<Rows>, DatabaseError> {
        let offsets = query_scalar(
            "SELECT DISTINCT next_offset FROM boxoffice_processors.snapshots
             WHERE log_id = $1 AND partition = $2 ORDER BY next_offset DESC",
        );
        let offsets = offsets.bind(self.log_id).bind(self.partition);
        let offsets = in_time(offsets.fetch_all(self.database.pool())).await?;
        let rows = |next_offset| Rows { shelf: self.clone(), next_offset };
        Ok(offsets.into_iter().map(rows).collect())
    }

    /// Writes a snapshot and forgets all but the last two, in one transaction.
    pub(super) async fn save(&self, next_offset: u64, bytes: &[u8]) -> Result<(), DatabaseError> {
        // Names pack offsets into 41 bits.
        let next_offset = i64::try_from(next_offset).unwrap_or(i64::MAX);
        let mut transaction = in_time(self.database.pool().begin()).await?;
        let mut pieces = 0;
        for (piece, bytes) in (0..).zip(bytes.chunks(PIECE_BYTES)) {
            in_time(self.write_piece(&mut transaction, next_offset, piece, bytes)).await?;
            pieces = piece + 1;
        }
        in_time(self.forget_rest(&mut transaction, next_offset, pieces)).await?;
        in_time(transaction.commit()).await
    }

    /// Two owners may write the same snapshot, one of them a moment before it hears that it is none.
    async fn write_piece(
        &self,
        connection: &mut PgConnection,
        next_offset: i64,
        piece: i32,
        bytes: &[u8],
    ) -> Result<(), sqlx::Error> {
        let write = query(
            "INSERT INTO boxoffice_processors.snapshots
                 (log_id, partition, next_offset, piece, bytes)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (log_id, partition, next_offset, piece)
                 DO UPDATE SET bytes = excluded.bytes",
        );
        let write = write.bind(self.log_id).bind(self.partition).bind(next_offset).bind(piece);
        write.bind(bytes).execute(connection).await.map(drop)
    }

    /// Removes what another program may have written longer, and all but the last snapshots.
    async fn forget_rest(
        &self,
        connection: &mut PgConnection,
        next_offset: i64,
        pieces: i32,
    ) -> Result<(), sqlx::Error> {
        let forget = query(
            "DELETE FROM boxoffice_processors.snapshots
             WHERE log_id = $1 AND partition = $2 AND (
                 (next_offset = $3 AND piece >= $4)
                 OR next_offset NOT IN (
                     SELECT DISTINCT next_offset FROM boxoffice_processors.snapshots
                     WHERE log_id = $1 AND partition = $2 ORDER BY next_offset DESC LIMIT $5))",
        );
        let forget = forget.bind(self.log_id).bind(self.partition).bind(next_offset).bind(pieces);
        forget.bind(KEPT as i64).execute(connection).await.map(drop)
    }
}

impl Rows {
    /// The bytes. None, when the snapshot was forgotten meanwhile: they are no snapshot then.
    pub(super) async fn load(&self) -> Result<Vec<u8>, DatabaseError> {
        let mut bytes = Vec::new();
        for piece in 0_i32.. {
            let next = query_scalar::<_, Vec<u8>>(
                "SELECT bytes FROM boxoffice_processors.snapshots
                 WHERE log_id = $1 AND partition = $2 AND next_offset = $3 AND piece = $4",
            );
            let next = next.bind(self.shelf.log_id).bind(self.shelf.partition);
            let next = next.bind(self.next_offset).bind(piece);
            let next = in_time(next.fetch_optional(self.shelf.database.pool())).await?;
            let Some(next) = next else { break };
            bytes.extend_from_slice(&next);
        }
        Ok(bytes)
    }
}
