//! A sink that is driven by hand or follows a log, and what the database has afterwards.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{Log, LogReader, TopicPartition};
use boxoffice_sinks::postgres::{DatabaseUrl, Error, PostgresSink, compare};
use boxoffice_sinks::progress::{Cursor, Position};
use boxoffice_sinks::runner::{self, Config, Move, Phase, Status, StepBatch};
use boxoffice_tests::services::Database;
use boxoffice_topics::{Offset, PartitionId};
use sqlx::{AssertSqlSafe, PgPool, query_scalar};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Connections to a database.
pub(crate) fn pool(database: &Database) -> PgPool {
    database.url().parse::<DatabaseUrl>().unwrap().pool()
}

/// Writes often and retries soon.
pub(crate) fn config() -> Config {
    Config {
        write_interval: Duration::from_millis(1),
        idle_interval: Duration::from_millis(1),
        retry_first: Duration::from_millis(1),
        retry_max: Duration::from_millis(50),
        lag_interval: Duration::from_millis(5),
        ..Config::default()
    }
}

/// A sink that follows a log.
pub(crate) struct Running {
    pub(crate) status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), runner::Error<Error>>>,
}

impl Running {
    pub(crate) fn start(log: &MemoryLog, pool: &PgPool) -> Self {
        let (sender, status) = watch::channel(Status::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let sink = PostgresSink::new(pool.clone());
        let task = tokio::spawn(runner::run(log.clone(), sink, config(), sender, stopped));
        Self { status, stop, task }
    }

    pub(crate) async fn reach(&mut self, ends: &[Offset]) {
        self.status.wait_for(|status| status.has_reached(ends)).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    /// Waits until it stops by itself, and ends it.
    pub(crate) async fn fail(mut self) -> (runner::Error<Error>, Status) {
        let is_over = |status: &Status| matches!(status.phase, Phase::Stopped(_));
        let status = self.status.wait_for(is_over).await.unwrap().clone();
        self.stop.send(()).unwrap();
        (self.task.await.unwrap().unwrap_err(), status)
    }
}

/// Where every partition ends.
pub(crate) async fn ends(log: &MemoryLog) -> Vec<Offset> {
    let mut ends = Vec::new();
    for partition in partitions(log) {
        ends.push(log.end(TopicPartition::outcomes(partition)).await.unwrap());
    }
    ends
}

/// Every partition.
pub(crate) fn partitions(log: &MemoryLog) -> impl Iterator<Item = PartitionId> + use<> {
    (0..log.partitions()).filter_map(PartitionId::new)
}

/// Lets a sink write everything that the log has.
pub(crate) async fn follow_to_end(log: &MemoryLog, pool: &PgPool) {
    let mut running = Running::start(log, pool);
    running.reach(&ends(log).await).await;
    running.stop().await;
}

/// The comparison found rows, and no difference.
#[track_caller]
pub(crate) fn assert_identical(comparison: &boxoffice_sinks::postgres::Comparison) {
    let differences: Vec<_> = comparison.differences.iter().map(ToString::to_string).collect();
    assert_eq!(differences, Vec::<String>::new());
    assert!(comparison.rows > 0);
}

/// The database is the fold of the log.
pub(crate) async fn is_fold_of(log: &MemoryLog, pool: &PgPool) {
    assert_identical(&compare(log, pool).await.unwrap());
}

/// Every table of the projection, the progress included.
pub(crate) async fn tables(pool: &PgPool) -> Vec<String> {
    let sql = "SELECT table_name::text FROM information_schema.tables
                WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
                  AND table_name <> '_sqlx_migrations' ORDER BY table_name";
    lines(pool, sql).await
}

/// Every row of every table.
pub(crate) async fn all_rows(pool: &PgPool) -> Vec<String> {
    let mut rows = Vec::new();
    for table in tables(pool).await {
        let sql = format!("SELECT '{table} ' || t::text FROM {table} t ORDER BY t::text");
        rows.extend(query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap());
    }
    rows
}

/// Ends the backend that waits for a lock, as soon as one does.
pub(crate) async fn kill_who_waits(pool: &PgPool) {
    let sql = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while lines(pool, sql).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

/// What a query of one column of text says.
pub(crate) async fn lines(pool: &PgPool, sql: &'static str) -> Vec<String> {
    query_scalar(sql).fetch_all(pool).await.unwrap()
}

/// What one partition has for a sink that stands at a position: at most so many steps.
pub(crate) async fn batch(log: &MemoryLog, from: Position, steps_max: usize) -> StepBatch {
    let mut cursor = Cursor::new(log.log_id(), from);
    let topic = TopicPartition::outcomes(from.partition);
    let mut batch = StepBatch::default();
    let end = log.end(topic).await.unwrap();
    let mut reader = log.read(topic, cursor.read_from()).await.unwrap();
    while cursor.position().next < end && batch.steps.len() < steps_max {
        for (offset, record) in reader.next().await.unwrap().iter() {
            if batch.steps.len() == steps_max {
                break;
            }
            if let Some(step) = cursor.accept(offset, record).unwrap() {
                batch.steps.push((from.partition, step));
            }
        }
    }
    batch.moves.push(Move { from, to: cursor.position() });
    batch
}

/// A future that is dropped when it has waited so often.
pub(crate) struct CutOff<F> {
    pub(crate) future: Pin<Box<F>>,
    pub(crate) waits_left: usize,
}

impl<F: Future> Future for CutOff<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.waits_left == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.waits_left -= 1;
                Poll::Pending
            }
        }
    }
}
