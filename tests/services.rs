//! The servers of the tests themselves: each of the three ways, an outage, and no leftovers.
//!
//! A way that this machine does not have is skipped in words. `BOXOFFICE_TEST_REQUIRE_SERVICES`
//! (for instance `container,binaries`) turns the skipping of those ways into a failure.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]
#![allow(clippy::print_stderr, reason = "a skipped way is said")]

use boxoffice_tests::services::{Database, Postgres, ServiceError, URL_VARIABLE};
use sqlx::{Connection, Executor, PgConnection, Row};

async fn count_rows(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.fetch_one("SELECT count(*) FROM kept").await.unwrap().get(0)
}

async fn write_row(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)").await.unwrap();
    connection.execute("INSERT INTO kept VALUES (1)").await.unwrap();
}

/// The server, or `None` when this machine does not have this way.
fn available(way: &str, server: Result<Postgres, ServiceError>) -> Option<Postgres> {
    let required = std::env::var("BOXOFFICE_TEST_REQUIRE_SERVICES").unwrap_or_default();
    match server {
        Ok(server) => Some(server),
        Err(error) if required.split(',').any(|required| required == way) => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: no PostgreSQL by {way}: {error}");
            None
        }
    }
}

async fn check_outages(mut server: Postgres) {
    let database = server.database().await.unwrap();
    write_row(database.url()).await;
    server.stop().await.unwrap();
    assert!(PgConnection::connect(database.url()).await.is_err());
    server.start_again().await.unwrap();
    write_row(database.url()).await;
    server.kill().await.unwrap();
    assert!(PgConnection::connect(database.url()).await.is_err());
    server.start_again().await.unwrap();
    assert_eq!(count_rows(database.url()).await, 2);
}

#[tokio::test]
async fn a_server_in_a_container_keeps_its_rows_over_a_stop_and_a_kill() {
    if let Some(server) = available("container", Postgres::start_in_container().await) {
        check_outages(server).await;
    }
}

#[tokio::test]
async fn a_server_from_installed_binaries_keeps_its_rows_over_a_stop_and_a_kill() {
    if let Some(server) = available("binaries", Postgres::start_from_binaries().await) {
        check_outages(server).await;
    }
}

#[tokio::test]
async fn a_server_of_the_environment_is_used_and_left_as_it_was() {
    if std::env::var(URL_VARIABLE).is_err() {
        eprintln!("skipped: {URL_VARIABLE} is not set");
        return;
    }
    let server = Postgres::start().await.unwrap();
    let database = server.database().await.unwrap();
    write_row(database.url()).await;
    let url = database.url().to_owned();
    drop(database);
    assert!(PgConnection::connect(&url).await.is_err(), "the database is still there");
    assert!(PgConnection::connect(&server.url()).await.is_ok());
}

#[tokio::test]
async fn every_database_is_fresh() {
    let (first, second) = (Database::fresh().await, Database::fresh().await);
    write_row(first.url()).await;
    write_row(second.url()).await;
    assert_eq!(count_rows(first.url()).await, 1);
    assert_eq!(count_rows(second.url()).await, 1);
}
