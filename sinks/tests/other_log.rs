//! A database that holds the rows of another log, or of another past of this one, is left as it is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::postgres::{Error, Replace, rebuild};
use boxoffice_sinks::progress::ProgressError;
use boxoffice_sinks::runner::{self, Phase};
use boxoffice_tests::services::Database;
use sqlx::{Executor, PgPool};

#[allow(dead_code, reason = "other tests need more of it")]
mod support;

use support::follow::{Running, all_rows, config, follow_to_end, is_fold_of, pool};
use support::story::Story;

const LOG_ID: u128 = 0xb0b0;

async fn story(partitions: u16, log_id: u128, performance: u128) -> MemoryLog {
    let log = support::log(partitions, log_id);
    for partition in 0..partitions {
        let mut story = Story::begin(&log, partition, u128::from(partition) + performance);
        story.tell();
        story.scribe.write().await;
    }
    log
}

fn progress(error: runner::Error<Error>) -> ProgressError {
    match error {
        runner::Error::Progress(error) | runner::Error::Sink(Error::Progress(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// How a sink ends that is started on a log.
async fn refusal(log: &MemoryLog, pool: &PgPool) -> ProgressError {
    let before = all_rows(pool).await;
    let (error, status) = Running::start(log, pool).fail().await;
    assert_eq!(status.phase, Phase::Stopped(Some(error.to_string())));
    assert_eq!(all_rows(pool).await, before);
    let error = progress(error);
    assert_eq!(status.is_other_log, matches!(error, ProgressError::OtherLog { .. }));
    error
}

#[tokio::test]
async fn a_sink_writes_nothing_beside_rows_that_its_log_does_not_continue() {
    let database = Database::fresh().await;
    let pool = pool(&database);
    follow_to_end(&story(2, LOG_ID, 77).await, &pool).await;

    for partitions in [1, 2, 3] {
        let other = refusal(&support::log(partitions, LOG_ID + 1), &pool).await;
        assert_eq!(
            other.to_string(),
            "partition 0: the rows come from log 00000000-0000-0000-0000-00000000b0b0, \
             this is log 00000000-0000-0000-0000-00000000b0b1"
        );
    }
    let shorter = refusal(&support::log(2, LOG_ID), &pool).await;
    assert!(matches!(shorter, ProgressError::Shorter { .. }));
    let narrower = refusal(&story(1, LOG_ID, 77).await, &pool).await;
    assert!(matches!(narrower, ProgressError::FewerPartitions { .. }));
    let different = refusal(&story(2, LOG_ID, 177).await, &pool).await;
    assert!(matches!(different, ProgressError::Different { .. }));
}

#[tokio::test]
async fn a_rebuild_leaves_the_rows_of_another_log_alone_unless_it_is_told() {
    let database = Database::fresh().await;
    let pool = pool(&database);
    let (theirs, ours) = (story(2, LOG_ID, 77).await, story(1, LOG_ID + 1, 177).await);
    follow_to_end(&theirs, &pool).await;
    let before = all_rows(&pool).await;

    let refused = rebuild(ours.clone(), &pool, config(), Replace::OwnRows).await.unwrap_err();
    assert!(refused.is_other_log(), "{refused:?}");
    assert_eq!(all_rows(&pool).await, before);
    is_fold_of(&theirs, &pool).await;

    rebuild(ours.clone(), &pool, config(), Replace::AnyRows).await.unwrap();
    is_fold_of(&ours, &pool).await;
    rebuild(ours.clone(), &pool, config(), Replace::OwnRows).await.unwrap();
    is_fold_of(&ours, &pool).await;
    let refused = rebuild(theirs, &pool, config(), Replace::OwnRows).await.unwrap_err();
    assert!(refused.is_other_log(), "{refused:?}");
}

/// Another program, with a schema of its own, writes what this log is about to throw away.
#[tokio::test]
async fn the_schema_of_another_log_is_not_brought_up_to_date() {
    let database = Database::fresh().await;
    let pool = pool(&database);
    let older = "CREATE TABLE progress (partition integer PRIMARY KEY, log_id uuid NOT NULL,
                        next_offset bigint NOT NULL, chain bytea NOT NULL);
                 INSERT INTO progress VALUES (0, gen_random_uuid(), 0, '')";
    pool.execute(older).await.unwrap();
    let log = story(1, LOG_ID, 77).await;
    let (error, status) = Running::start(&log, &pool).fail().await;
    assert!(status.is_other_log && matches!(progress(error), ProgressError::OtherLog { .. }));
    let refused = rebuild(log, &pool, config(), Replace::OwnRows).await.unwrap_err();
    assert!(refused.is_other_log(), "{refused:?}");
    assert_eq!(support::follow::tables(&pool).await, ["progress"]);
}
