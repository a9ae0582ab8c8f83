//! How far a sink is behind is true whatever the sink does: it is what an operator is woken by.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::progress::Position;
use boxoffice_sinks::runner::{self, Config, Failure, Phase, Sink, Status, StepBatch};
use boxoffice_tests::services::{Database, Postgres};
use boxoffice_topics::{LogId, PartitionId};
use sqlx::Executor;
use tokio::sync::{oneshot, watch};

#[allow(dead_code, reason = "other tests need more of it")]
mod support;

use support::follow::{Running, config, ends, follow_to_end, pool};
use support::story::Story;

const LOG_ID: u128 = 0xb0b0;

async fn story(log_id: u128) -> (MemoryLog, Story) {
    let log = support::log(1, log_id);
    let mut story = Story::begin(&log, 0, 77);
    story.create();
    story.scribe.write().await;
    (log, story)
}

async fn records(log: &MemoryLog) -> u64 {
    ends(log).await.iter().map(|end| end.number()).sum()
}

async fn reaches(running: &mut Running, lag_records: u64) {
    running.status.wait_for(|status| status.lag_records == lag_records).await.unwrap();
}

#[tokio::test]
async fn a_write_that_hangs_is_measured() {
    let database = Database::fresh().await;
    let (log, mut story) = story(LOG_ID).await;
    let (pool, others) = (pool(&database), pool(&database));
    let mut running = Running::start(&log, &pool);
    running.reach(&ends(&log).await).await;
    let written = records(&log).await;

    let mut locked = others.begin().await.unwrap();
    locked.execute("LOCK TABLE progress").await.unwrap();
    story.tell_after_creation();
    story.scribe.write().await;
    reaches(&mut running, records(&log).await - written).await;
    assert_eq!(running.status.borrow().phase, Phase::Following);
    locked.rollback().await.unwrap();
    reaches(&mut running, 0).await;
    running.stop().await;
}

#[tokio::test]
async fn a_sink_that_has_stopped_is_measured() {
    let database = Database::fresh().await;
    let pool = pool(&database);
    follow_to_end(&story(LOG_ID + 1).await.0, &pool).await;
    let (log, mut story) = story(LOG_ID).await;
    let mut running = Running::start(&log, &pool);
    let has_stopped = |status: &Status| matches!(status.phase, Phase::Stopped(_));
    running.status.wait_for(has_stopped).await.unwrap();
    reaches(&mut running, records(&log).await).await;
    story.tell_after_creation();
    story.scribe.write().await;
    reaches(&mut running, records(&log).await).await;
    running.fail().await;
}

#[tokio::test]
async fn before_a_sink_has_said_where_it_stands_everything_is_missing() {
    let mut server = Postgres::start_own().await.unwrap();
    let database = server.database().await.unwrap();
    server.stop().await.unwrap();
    let (log, _) = story(LOG_ID).await;
    let mut running = Running::start(&log, &pool(&database));
    reaches(&mut running, records(&log).await).await;
    running.stop().await;
}

/// Writes once, and nowhere; then it fails, and time might heal it.
struct Failing {
    writes: Arc<AtomicU64>,
}

#[derive(Debug, thiserror::Error)]
#[error("away")]
struct Away;

impl Failure for Away {
    fn is_retriable(&self) -> bool {
        true
    }

    fn error_type(&self) -> &'static str {
        "away"
    }

    fn is_other_log(&self) -> bool {
        false
    }
}

impl Sink for Failing {
    type Error = Away;

    fn name(&self) -> &'static str {
        "failing"
    }

    async fn open(&mut self, log_id: LogId, _: u16) -> Result<Vec<Position>, Away> {
        Ok(vec![Position::start(log_id, PartitionId::new(0).unwrap())])
    }

    async fn write(&mut self, _: &StepBatch) -> Result<u64, Away> {
        if self.writes.fetch_add(1, Ordering::Relaxed) == 0 { Ok(0) } else { Err(Away) }
    }
}

#[tokio::test]
async fn a_sink_whose_last_write_fails_ends_all_the_same() {
    let (log, mut story) = story(LOG_ID).await;
    let (status, mut watched) = watch::channel(Status::default());
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let writes = Arc::new(AtomicU64::new(0));
    let sink = Failing { writes: writes.clone() };
    // The second write waits for the end.
    let config = Config { write_interval: Duration::from_secs(3_600), ..config() };
    let task = tokio::spawn(runner::run(log.clone(), sink, config, status, stopped));
    let ends = ends(&log).await;
    watched.wait_for(|status| status.has_reached(&ends)).await.unwrap();
    story.tell_after_creation();
    story.scribe.write().await;
    // There is one thread: the sink reads what was written while this gives way.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    task.await.unwrap().unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 2);
    assert_eq!(watched.borrow().phase, Phase::Stopped(None));
}
