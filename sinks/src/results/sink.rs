//! The sink: records are made of what has come, written round by round, and the positions move when
//! all of them are acknowledged.

use std::time::Duration;

use boxoffice_log::fluvio::FluvioConfig;
use boxoffice_topics::{LogId, Step};
use sqlx::PgPool;

use super::compose::{Composer, Tails};
use super::session::{Known, Session};
use super::subject::{Subjects, ids};
use super::{Error, Present, kind, store};
use crate::postgres;
use crate::postgres::read::refuse_other_log;
use crate::progress::Position;
use crate::runner::{Sink, StepBatch};

/// After this long Postgres or the cluster counts as gone, even when the connection looks alive.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Writes the result topics.
#[derive(Debug)]
pub struct ResultsSink<P> {
    config: FluvioConfig,
    pool: PgPool,
    open: Option<Open<P>>,
}

/// What is known from the opening to the first error.
#[derive(Debug)]
struct Open<P> {
    log_id: LogId,
    session: Session,
    present: P,
    tails: Tails,
}

impl<P: Present> ResultsSink<P> {
    /// A sink into the topics of a log's cluster. It keeps its positions in the database of a pool,
    /// which must allow a transaction to wait for the cluster.
    #[must_use]
    pub const fn new(config: FluvioConfig, pool: PgPool) -> Self {
        Self { config, pool, open: None }
    }

    async fn begin(&mut self, log_id: LogId, partitions: u16) -> Result<Vec<Position>, Error> {
        // The schema of another log's database is that log's own matter.
        refuse_other_log(&mut *self.pool.acquire().await?, log_id).await?;
        postgres::migrate(&self.pool).await?;
        let mut transaction = self.pool.begin().await?;
        store::at_one_moment(&mut transaction).await?;
        let positions = store::positions(&mut transaction, log_id, partitions).await?;
        let (tails, known) = store::tails(&mut transaction).await?;
        let mut present = P::default();
        for outcome in store::definitions(&mut transaction).await? {
            present.learn(&outcome);
        }
        transaction.commit().await?;
        let session = self.connect(log_id, partitions, &present, &known).await?;
        self.open = Some(Open { log_id, session, present, tails });
        Ok(positions)
    }

    /// Opens the topics; when one has lost records, everything is written again: what readers have
    /// already is a repeat to them.
    async fn connect(
        &self,
        log_id: LogId,
        partitions: u16,
        present: &P,
        known: &Known,
    ) -> Result<Session, Error> {
        let opened = Session::open(&self.config, log_id, partitions, present, known).await;
        if matches!(opened, Err(Error::Shorter { .. })) {
            let mut transaction = self.pool.begin().await?;
            store::forget(&mut transaction).await?;
            transaction.commit().await?;
        }
        opened
    }

    async fn write_results(&self, open: &mut Open<P>, batch: &StepBatch) -> Result<u64, Error> {
        let mut transaction = self.pool.begin().await?;
        store::move_positions(&mut transaction, &batch.moves).await?;
        let outcomes = batch.steps.iter().flat_map(|(_, step)| &step.outcomes);
        let known = store::subjects(&mut transaction, &ids(outcomes)).await?;
        let (mut subjects, before) = (Subjects::new(known), open.tails.clone());
        let mut composer = Composer {
            log_id: open.log_id,
            present: &mut open.present,
            subjects: &mut subjects,
            tails: &mut open.tails,
        };
        let composed = composer.compose(&batch.steps);
        for round in composed.rounds {
            open.session.write(round).await?;
        }
        let known = &open.session.known;
        store::keep_tails(&mut transaction, &before, &open.tails, known).await?;
        store::keep_definitions(&mut transaction, &composed.definitions).await?;
        store::keep_subjects(&mut transaction, &subjects).await?;
        transaction.commit().await?;
        Ok(composed.records)
    }
}

impl<P: Present> Sink for ResultsSink<P> {
    type Error = Error;

    fn name(&self) -> &'static str {
        "results"
    }

    fn concerns(step: &Step) -> bool {
        kind::concerns(step)
    }

    async fn open(&mut self, log_id: LogId, partitions: u16) -> Result<Vec<Position>, Error> {
        // Nothing is sent behind what may not be there.
        self.open = None;
        in_time(self.begin(log_id, partitions)).await
    }

    async fn write(&mut self, batch: &StepBatch) -> Result<u64, Error> {
        let mut open = self.open.take().ok_or(Error::NotOpen)?;
        let written = in_time(self.write_results(&mut open, batch)).await?;
        self.open = Some(open);
        Ok(written)
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let done = tokio::time::timeout(ANSWER_TIMEOUT, work).await;
    done.map_err(|_| Error::Postgres(postgres::Error::TimedOut))?
}
