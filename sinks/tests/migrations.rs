//! Rows that an earlier program wrote are, after the migrations, what the program of today would have
//! written, and it goes on from them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::path::Path;

use boxoffice_log::Log;
use boxoffice_log::memory::MemoryLog;
use boxoffice_sinks::postgres::{PostgresSink, migrate};
use boxoffice_sinks::runner::Sink;
use boxoffice_tests::services::Database;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgPool, query, query_scalar};

#[allow(dead_code, reason = "other tests need more of it")]
mod support;

use support::follow::{batch, follow_to_end, lines, pool, tables};
use support::story::Story;

const LOG_ID: u128 = 0xe0e0;
/// The last migration before refunds had terms: orders did not say how many refunds are open.
const BEFORE_REFUNDS: usize = 3;
/// Steps between two moments at which the program is replaced.
const STEPS: usize = 4;

/// The schema of a program that knew the first so many migrations.
async fn old_schema(pool: &PgPool, migrations: usize) {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = std::fs::read_dir(all).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let folder = tempfile::tempdir().unwrap();
    for file in &files[..migrations] {
        std::fs::copy(file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    Migrator::new(folder.path()).await.unwrap().run(pool).await.unwrap();
}

/// Every row of a table, column by column.
async fn rows(pool: &PgPool, table: &str) -> Vec<String> {
    let sql = format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1");
    query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap()
}

/// Copies what an earlier schema has columns for, and returns its tables.
async fn copy_rows(from: &PgPool, to: &PgPool) -> Vec<String> {
    let tables = tables(to).await;
    for table in &tables {
        let insert = format!(
            "INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1::jsonb)"
        );
        for row in rows(from, table).await {
            query(AssertSqlSafe(insert.clone())).bind(row).execute(to).await.unwrap();
        }
    }
    tables
}

async fn same_rows(one: &PgPool, other: &PgPool, tables: &[String], when: &str) {
    for table in tables {
        assert_eq!(rows(one, table).await, rows(other, table).await, "{table} {when}");
    }
}

/// Steps that are written by the sink of today.
async fn write(log: &MemoryLog, pool: &PgPool, steps: usize) -> usize {
    let mut sink = PostgresSink::new(pool.clone());
    let at = sink.open(log.log_id(), log.partitions()).await.unwrap()[0];
    let batch = batch(log, at, steps).await;
    sink.write(&batch).await.unwrap();
    batch.steps.len()
}

#[tokio::test]
async fn orders_of_before_there_were_terms_know_their_open_refunds() {
    let log = support::log(1, LOG_ID);
    let mut story = Story::begin(&log, 0, 77);
    story.tell();
    story.scribe.write().await;
    let database = Database::fresh().await;
    let today = pool(&database);
    let database_of_all = Database::fresh().await;
    let whole = pool(&database_of_all);
    follow_to_end(&log, &whole).await;
    let mut open_refunds = Vec::new();
    while write(&log, &today, STEPS).await > 0 {
        let database = Database::fresh().await;
        let old = pool(&database);
        old_schema(&old, BEFORE_REFUNDS).await;
        let tables = copy_rows(&today, &old).await;
        migrate(&old).await.unwrap();
        same_rows(&old, &today, &tables, "after the migrations").await;
        open_refunds.extend(lines(&old, "SELECT refunds_left::text FROM orders").await);
        follow_to_end(&log, &old).await;
        same_rows(&old, &whole, &tables, "at the end").await;
    }
    // There were orders with an open refund, and orders without.
    assert!(["0", "1"].iter().all(|count| open_refunds.iter().any(|it| it == count)));
}
