//! The sink: what a batch is about is loaded, folded, and written with its progress.

use std::time::Duration;

use boxoffice_topics::LogId;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

use super::copy::CopyBuffer;
use super::error::Error;
use super::fold::Fold;
use super::load::load;
use super::read::{begin_progress, read_progress, refuse_other_log};
use super::write::{write_changes, write_moves};
use crate::progress::Position;
use crate::runner::{Sink, StepBatch};

/// After this long a server counts as gone, even when its connection looks alive. The largest
/// performance is written in a few seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to date.
///
/// # Errors
/// When the database cannot be reached, or has a schema that this program does not know.
pub async fn migrate(pool: &PgPool) -> Result<(), Error> {
    Ok(MIGRATIONS.run(pool).await?)
}

/// Writes steps into Postgres.
#[derive(Debug)]
pub struct PostgresSink {
    pool: PgPool,
    fold: Fold,
    copy: CopyBuffer,
}

impl PostgresSink {
    /// A sink into the database of a pool. It brings the schema up to date when it first reaches
    /// the database.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool, fold: Fold::new(), copy: CopyBuffer::default() }
    }
}

impl Sink for PostgresSink {
    type Error = Error;

    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn open(&mut self, log_id: LogId, partitions: u16) -> Result<Vec<Position>, Error> {
        // What memory has may be ahead of the database after a write that failed.
        self.fold = Fold::new();
        in_time(self.positions(log_id, partitions)).await
    }

    async fn write(&mut self, batch: &StepBatch) -> Result<u64, Error> {
        in_time(self.write_rows(batch)).await
    }
}

impl PostgresSink {
    async fn positions(&self, log_id: LogId, partitions: u16) -> Result<Vec<Position>, Error> {
        // The schema of another log's database is that log's own matter.
        refuse_other_log(&mut *self.pool.acquire().await?, log_id).await?;
        migrate(&self.pool).await?;
        let mut transaction = self.pool.begin().await?;
        begin_progress(&mut transaction, log_id, partitions).await?;
        let positions = read_progress(&mut transaction, log_id, partitions).await?;
        transaction.commit().await?;
        Ok(positions)
    }

    async fn write_rows(&mut self, batch: &StepBatch) -> Result<u64, Error> {
        let mut transaction = self.pool.begin().await?;
        write_moves(&mut transaction, &batch.moves).await?;
        let begins = batch.moves.iter().map(|step| (step.from.partition, step.from.next)).collect();
        let missing = self.fold.missing(&batch.steps, &begins);
        load(&mut transaction, &mut self.fold, &missing).await?;
        for (partition, step) in &batch.steps {
            self.fold.apply(*partition, step)?;
        }
        let rows = write_changes(&mut transaction, &self.fold, &mut self.copy).await?;
        transaction.commit().await?;
        self.fold.forget_settled();
        Ok(rows)
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(ANSWER_TIMEOUT, work).await.map_err(|_| Error::TimedOut)?
}
