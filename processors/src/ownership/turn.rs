//! One turn of a node: the statement that does everything at once.

use std::time::Duration;

use boxoffice_topics::LogId;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use super::{Kind, LeaseTerms};
use crate::database::{DatabaseError, SharedDatabase};

/// Something that a node owns by the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u16,
    pub(super) epoch: u64,
    /// It is to be given back.
    pub(super) is_leaving: bool,
}

/// A node as the database knows it. Its name is for people; its id is random, so that a process that
/// is started again is another node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) database: SharedDatabase,
    pub(super) log_id: LogId,
    pub(super) kind: Kind,
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) terms: LeaseTerms,
}

/// What a node says in its turn.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// How many there are.
    pub(super) numbers: u16,
    /// What it gives back.
    pub(super) ended: Vec<u16>,
    /// What it cannot take again yet.
    pub(super) busy: Vec<u16>,
}

impl Node {
    /// Takes a turn, on the connection of the last one if it still has that, and returns everything
    /// that the node owns. After an error the connection is gone: an answer may still come on it.
    pub(super) async fn take_turn(
        &self,
        connection: Option<PgConnection>,
        said: &Said,
    ) -> Result<(PgConnection, Vec<Row>), DatabaseError> {
        let turn = async {
            let mut connection = self.connected(connection).await?;
            let rows = query_as::<_, (i32, i64, bool)>(
                "SELECT number, epoch, leaving
                 FROM boxoffice_processors.take_turn($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(Uuid::from_bytes(self.log_id.to_bytes()))
            .bind(self.kind.name())
            .bind(self.id)
            .bind(&self.name)
            .bind(millis(self.terms.lease()))
            .bind(i32::from(said.numbers))
            .bind(integers(&said.ended))
            .bind(integers(&said.busy))
            .fetch_all(&mut connection)
            .await?;
            Ok((connection, rows.into_iter().filter_map(row).collect()))
        };
        self.in_time(turn).await
    }

    /// Leaves: whatever it owns is free at once.
    pub(super) async fn leave(
        &self,
        connection: Option<PgConnection>,
    ) -> Result<(), DatabaseError> {
        let leave = async {
            let mut connection = self.connected(connection).await?;
            query("DELETE FROM boxoffice_processors.nodes WHERE node_id = $1")
                .bind(self.id)
                .execute(&mut connection)
                .await?;
            Ok(())
        };
        self.in_time(leave).await
    }

    async fn connected(
        &self,
        connection: Option<PgConnection>,
    ) -> Result<PgConnection, DatabaseError> {
        if let Some(connection) = connection {
            return Ok(connection);
        }
        let mut connection = self.database.connect().await?;
        // What was given up on must not happen much later, when it would be taken for a sign of life.
        query("SELECT set_config('statement_timeout', $1, false)")
            .bind(millis(self.terms.answer_timeout()).to_string())
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        let timeout = self.terms.answer_timeout();
        tokio::time::timeout(timeout, work).await.unwrap_or(Err(DatabaseError::TimedOut))
    }
}

/// A row that no node of this program can have written is nobody's.
fn row((number, epoch, is_leaving): (i32, i64, bool)) -> Option<Row> {
    Some(Row { number: number.try_into().ok()?, epoch: epoch.try_into().ok()?, is_leaving })
}

fn integers(numbers: &[u16]) -> Vec<i32> {
    numbers.iter().copied().map(i32::from).collect()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
