//! The Postgres sink against a real server: the rows are the fold of the log, however often a
//! batch comes and wherever a write is cut off.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use boxoffice_log::Log;
use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::postgres::{Error, PostgresSink, Replace, compare, rebuild};
use boxoffice_sinks::runner::{self, Phase, Sink, Status};
use boxoffice_tests::services::{Database, Postgres};
use boxoffice_topics::Offset;
use sqlx::{AssertSqlSafe, Executor, PgPool, query};

#[allow(dead_code, reason = "the benchmark needs more of it")]
mod support;

use support::follow::{
    CutOff, Running, batch, config, ends, follow_to_end, is_fold_of, kill_who_waits, lines, pool,
    tables,
};
use support::story::Story;

const LOG_ID: u128 = 0xb0b0;

async fn story(partitions: u16) -> MemoryLog {
    let log = support::log(partitions, LOG_ID);
    for partition in 0..partitions {
        let mut story = Story::begin(&log, partition, u128::from(partition) + 77);
        story.tell();
        story.scribe.write().await;
    }
    log
}

#[tokio::test]
async fn everything_that_happens_has_its_row() {
    let database = Database::fresh().await;
    let (log, pool) = (story(1).await, pool(&database));
    follow_to_end(&log, &pool).await;
    is_fold_of(&log, &pool).await;

    let orders = "SELECT concat_ws(' ', o.state, total_minor, reseated, cancel_reason,
                         (SELECT string_agg(place || CASE WHEN voided_at IS NULL THEN '' ELSE '!' END,
                                            ',' ORDER BY number)
                            FROM tickets t WHERE t.order_id = o.order_id),
                         (SELECT string_agg(p.state, ',' ORDER BY payment_id)
                            FROM payments p WHERE p.order_id = o.order_id),
                         (SELECT string_agg(r.state || ':' || reason, ',' ORDER BY refund)
                            FROM refunds r WHERE r.order_id = o.order_id))
                    FROM orders o ORDER BY order_id";
    assert_eq!(
        lines(&pool, orders).await,
        [
            "refunded 165000 f by_buyer A-1-4!,A-2-4! captured refunded:order_cancelled",
            "confirmed 165000 f A-1-4 captured",
            "confirmed 165000 f A-1-5 captured,captured failed:duplicate_capture",
            "confirmed 165000 t A-1-6 captured",
            "refunded 165000 f expired captured refunded:late_capture",
            "cancelled 165000 f by_buyer captured requested:amount_mismatch",
            "confirmed 0 f FLOOR,FLOOR,FLOOR",
        ]
    );
    let holds =
        "SELECT concat_ws(' ', h.state, string_agg(place || '*' || quantity, ',' ORDER BY place))
                   FROM holds h JOIN hold_places USING (hold_id) WHERE h.state <> 'ordered'
                  GROUP BY hold_id, h.state ORDER BY hold_id";
    assert_eq!(
        lines(&pool, holds).await,
        ["released A-1-1*1,A-1-2*1", "expired A-1-1*1,FLOOR*2", "live A-1-3*1"]
    );
    let houses = "SELECT concat_ws(' ', name, currency, sale_switch,
                         (SELECT count(*) FROM seats), (SELECT count(*) FROM seats WHERE accessible),
                         (SELECT string_agg(code || ':' || price_minor, ',' ORDER BY price_level)
                            FROM price_levels),
                         (SELECT string_agg(code || ':' || COALESCE(capacity, 0), ',' ORDER BY section)
                            FROM sections))
                    FROM performances";
    assert_eq!(
        lines(&pool, houses).await,
        ["The Night of the Whale KRW closed 20 2 R:165000,S:110000,STANDING:99000 FLOOR:50,A:0"]
    );
    let prices = "SELECT price_minor::text FROM tickets ORDER BY order_id, number LIMIT 2";
    assert_eq!(lines(&pool, prices).await, ["165000", "110000"]);
    let ledger =
        "SELECT concat_ws(' ', captured_minor, refunded_minor, refunds_open, tickets_valid)
                    FROM order_ledger ORDER BY order_id";
    assert_eq!(
        lines(&pool, ledger).await,
        [
            "165000 165000 0 0",
            "165000 0 0 1",
            "330000 0 1 1",
            "165000 0 0 1",
            "165000 165000 0 0",
            "1 0 1 0",
            "0 0 0 3"
        ]
    );
    let epoch =
        "SELECT (extract(epoch FROM min(created_at)) * 1000)::bigint::text FROM performances";
    assert_eq!(lines(&pool, epoch).await, [(support::BEGIN_MS + 1).to_string()]);
}

#[tokio::test]
async fn ids_read_as_clients_see_them() {
    let database = Database::fresh().await;
    let (log, pool) = (story(2).await, pool(&database));
    follow_to_end(&log, &pool).await;
    let ids: Vec<(i64, String)> = sqlx::query_as("SELECT hold_id, readable_id(hold_id) FROM holds")
        .fetch_all(&pool)
        .await
        .unwrap();
    for (packed, readable) in ids {
        assert_eq!(boxoffice_topics::IntentId::from_packed(packed).unwrap().to_string(), readable);
    }
}

#[tokio::test]
async fn a_batch_that_comes_twice_changes_nothing() {
    let database = Database::fresh().await;
    let (log, pool) = (story(1).await, pool(&database));
    let mut sink = PostgresSink::new(pool.clone());
    let begin = sink.open(log.log_id(), 1).await.unwrap()[0];
    let whole = batch(&log, begin, usize::MAX).await;
    sink.write(&whole).await.unwrap();
    is_fold_of(&log, &pool).await;
    for sink in [&mut sink, &mut PostgresSink::new(pool.clone())] {
        assert!(matches!(sink.write(&whole).await, Err(Error::ProgressMoved)));
        is_fold_of(&log, &pool).await;
        assert_eq!(sink.open(log.log_id(), 1).await.unwrap(), [whole.moves[0].to]);
    }
}

#[tokio::test]
async fn rows_are_the_same_however_the_log_is_cut_into_batches() {
    let log = story(1).await;
    for steps_max in [1, 2, 3, 7] {
        for restarts in [false, true] {
            let database = Database::fresh().await;
            let pool = pool(&database);
            let mut sink = PostgresSink::new(pool.clone());
            let mut at = sink.open(log.log_id(), 1).await.unwrap()[0];
            loop {
                let batch = batch(&log, at, steps_max).await;
                if batch.steps.is_empty() {
                    break;
                }
                sink.write(&batch).await.unwrap();
                at = batch.moves[0].to;
                if restarts {
                    sink = PostgresSink::new(pool.clone());
                    assert_eq!(sink.open(log.log_id(), 1).await.unwrap(), [at]);
                }
            }
            is_fold_of(&log, &pool).await;
        }
    }
}

/// The projection of nothing.
async fn empty(pool: &PgPool) {
    let statement = format!("TRUNCATE {}", tables(pool).await.join(", "));
    query(AssertSqlSafe(statement)).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_write_that_is_cut_off_anywhere_is_whole_or_not_there() {
    let log = story(1).await;
    let (mut cut, mut whole) = (0, false);
    let database = Database::fresh().await;
    while !whole {
        let pool = pool(&database);
        let mut sink = PostgresSink::new(pool.clone());
        let begin = sink.open(log.log_id(), 1).await.unwrap()[0];
        let first = batch(&log, begin, 20).await;
        let future = Box::pin(sink.write(&first));
        whole = CutOff { future, waits_left: cut }.await.is_some();
        drop(pool);

        let pool = support::follow::pool(&database);
        let comparison = compare(&log, &pool).await.unwrap();
        assert!(comparison.is_identical(), "cut off after {cut} waits: {comparison:?}");
        if !whole {
            empty(&pool).await;
        }
        cut += 1;
    }
    assert!(cut > 1, "no write was cut off");
}

#[tokio::test]
async fn a_database_that_has_lost_a_table_says_which_and_what_helps() {
    let database = Database::fresh().await;
    let (log, pool) = (story(1).await, pool(&database));
    let never_written = compare(&log, &pool).await.unwrap_err().to_string();
    assert!(never_written.contains("start the node"), "{never_written}");
    follow_to_end(&log, &pool).await;
    pool.execute("DROP TABLE refunds CASCADE").await.unwrap();
    let lost = compare(&log, &pool).await.unwrap_err().to_string();
    let helps = "\"refunds\" does not exist: start the node, or run `boxoffice rebuild postgres`";
    assert!(lost.contains(helps), "{lost}");
}

#[tokio::test]
async fn a_sink_whose_connection_is_killed_before_any_statement_catches_up() {
    let tables = ["progress", "performances", "seats", "holds", "orders", "payments", "tickets"];
    let database = Database::fresh().await;
    let (log, pool) = (support::log(tables.len() as u16, LOG_ID), pool(&database));
    let killer = support::follow::pool(&database);
    let mut running = Running::start(&log, &pool);
    running.reach(&[Offset::new(1)].repeat(tables.len())).await;
    for (partition, table) in (0..).zip(tables) {
        let mut locked = killer.begin().await.unwrap();
        locked.execute(AssertSqlSafe(format!("LOCK TABLE {table}"))).await.unwrap();
        let mut story = Story::begin(&log, partition, u128::from(partition) + 77);
        story.tell();
        story.scribe.write().await;
        kill_who_waits(&killer).await;
        locked.rollback().await.unwrap();
        running.reach(&ends(&log).await).await;
        is_fold_of(&log, &killer).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn sales_go_on_while_the_server_is_away_and_the_sink_catches_up() {
    let mut server = Postgres::start_own().await.unwrap();
    let database = server.database().await.unwrap();
    let (log, pool) = (support::log(1, LOG_ID), pool(&database));
    let mut story = Story::begin(&log, 0, 77);
    let mut running = Running::start(&log, &pool);
    story.create();
    story.scribe.write().await;
    running.reach(&ends(&log).await).await;

    server.kill().await.unwrap();
    story.tell_after_creation();
    story.scribe.write().await;
    let retrying = |status: &Status| matches!(status.phase, Phase::Retrying(_));
    running.status.wait_for(retrying).await.unwrap();

    server.start_again().await.unwrap();
    running.reach(&ends(&log).await).await;
    assert_eq!(running.status.borrow().lag_records, 0);
    running.stop().await;
    is_fold_of(&log, &pool).await;
}

#[tokio::test]
async fn a_sink_that_starts_before_its_server_waits_for_it() {
    let mut server = Postgres::start_own().await.unwrap();
    let database = server.database().await.unwrap();
    let (log, pool) = (story(1).await, pool(&database));
    server.stop().await.unwrap();
    let mut running = Running::start(&log, &pool);
    let retrying = |status: &Status| matches!(status.phase, Phase::Retrying(_));
    running.status.wait_for(retrying).await.unwrap();
    server.start_again().await.unwrap();
    running.reach(&ends(&log).await).await;
    running.stop().await;
    is_fold_of(&log, &pool).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = Database::fresh().await;
    let (log, pool) = (story(1).await, pool(&database));
    follow_to_end(&log, &pool).await;
    query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'from the future', true, '', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let (error, status) = Running::start(&log, &pool).fail().await;
    assert!(matches!(error, runner::Error::Sink(Error::Schema(_))), "{error:?}");
    assert_eq!(status.phase, Phase::Stopped(Some(error.to_string())));
}

#[tokio::test]
async fn every_planted_difference_is_found() {
    let database = Database::fresh().await;
    let (log, pool) = (story(2).await, pool(&database));
    follow_to_end(&log, &pool).await;
    is_fold_of(&log, &pool).await;
    for (table, planted) in [
        ("tickets", "UPDATE tickets SET price_minor = 1 WHERE place = 'A-1-5'"),
        ("orders", "DELETE FROM orders WHERE state = 'refunded'"),
        ("holds", "UPDATE holds SET state = 'released' WHERE state = 'live'"),
        (
            "payments",
            "INSERT INTO payments SELECT payment_id + 1, order_id, state, amount_minor,
                      currency, payment_key, NULL, NULL, NULL, requested_at, NULL
                      FROM payments LIMIT 1",
        ),
        ("seats", "UPDATE seats SET label = 'A-1-11' WHERE seat = 3"),
        ("refunds", "DELETE FROM refunds"),
        ("performances", "UPDATE performances SET name = 'The Night of the Shark'"),
    ] {
        query(planted).execute(&pool).await.unwrap();
        let comparison = compare(&log, &pool).await.unwrap();
        assert_eq!(comparison.differences.len(), 1, "{comparison:?}");
        assert_eq!(comparison.differences[0].table, table);
        rebuild(log.clone(), &pool, config(), Replace::OwnRows).await.unwrap();
        is_fold_of(&log, &pool).await;
    }
}

#[tokio::test]
async fn a_seat_with_two_valid_tickets_is_refused_by_the_database() {
    let database = Database::fresh().await;
    let (log, pool) = (story(1).await, pool(&database));
    follow_to_end(&log, &pool).await;
    let twice = "INSERT INTO tickets SELECT order_id, number + 100, performance_id, account_id,
                 section, seat, place, price_level, price_minor, currency, issued_at, NULL
                 FROM tickets WHERE voided_at IS NULL AND seat IS NOT NULL";
    let error = query(twice).execute(&pool).await.unwrap_err();
    assert!(error.as_database_error().unwrap().is_unique_violation());
}

#[cfg(feature = "embedded-postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn the_database_in_process_has_the_same_rows_and_keeps_them() {
    use boxoffice_sinks::postgres::Embedded;

    let directory = tempfile::tempdir().unwrap();
    let log = story(2).await;
    let embedded = Embedded::start(directory.path()).await.unwrap();
    follow_to_end(&log, embedded.pool()).await;
    is_fold_of(&log, embedded.pool()).await;
    embedded.stop().await.unwrap();

    let embedded = Embedded::start(directory.path()).await.unwrap();
    is_fold_of(&log, embedded.pool()).await;
    follow_to_end(&log, embedded.pool()).await;
    rebuild(log.clone(), embedded.pool(), config(), Replace::OwnRows).await.unwrap();
    is_fold_of(&log, embedded.pool()).await;
    embedded.stop().await.unwrap();
}
