//! Snapshots in a real PostgreSQL: whoever is the next owner goes on from them.

use boxoffice_log::Log;
use boxoffice_log::memory::MemoryLog;
use boxoffice_tests::services::Database;
use boxoffice_topics::{
    Intent, LogId, Offset, PerformanceDefinition, PerformanceId, Row, Section, SectionKind,
};
use bytes::Bytes;
use sqlx::{AssertSqlSafe, query, query_as, query_scalar};

use super::world::{Node, create, log_named, new_log, quiet, record, recover_from, script};
use crate::{Checkpoints, SharedDatabase};

async fn open(database: &Database) -> SharedDatabase {
    SharedDatabase::open(database.url()).await.unwrap()
}

/// Runs the records in some lives, each with a snapshot at its end.
async fn lives(log: &MemoryLog, database: &SharedDatabase, parts: &[&[Bytes]]) {
    for part in parts {
        let checkpoints = Checkpoints::in_postgres(database);
        let mut node = Node::start_from(log, checkpoints, quiet()).await;
        node.ask(part).await;
        node.finish().await;
    }
}

/// The next offset and the pieces of every snapshot that is kept.
async fn kept(database: &SharedDatabase) -> Vec<(i64, i64)> {
    let kept = query_as(
        "SELECT next_offset, count(*) FROM boxoffice_processors.snapshots
         GROUP BY next_offset ORDER BY next_offset",
    );
    kept.fetch_all(database.pool()).await.unwrap()
}

async fn change(database: &SharedDatabase, statement: &str) {
    let changed = query(AssertSqlSafe(statement)).execute(database.pool()).await.unwrap();
    assert_eq!(changed.rows_affected(), 1, "{statement}");
}

#[tokio::test]
async fn the_last_two_are_kept_and_a_damaged_one_is_passed_over() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let (log, records) = (new_log(), script());
    lives(&log, &database, &[&records[..3], &records[3..6], &records[6..]]).await;
    assert_eq!(kept(&database).await, [(7, 1), (9, 1)]);
    let checkpoints = Checkpoints::in_postgres(&database);
    let newest = recover_from(&log, &checkpoints).await.unwrap();
    assert_eq!((newest.snapshot, newest.decided), (Some(Offset::new(9)), 0));
    let flip = "UPDATE boxoffice_processors.snapshots
                SET bytes = set_byte(bytes, length(bytes) - 1, 255 - get_byte(bytes, length(bytes) - 1))
                WHERE next_offset =";
    change(&database, &format!("{flip} 9")).await;
    let older = recover_from(&log, &checkpoints).await.unwrap();
    assert_eq!((older.snapshot, older.decided), (Some(Offset::new(7)), 2));
    change(&database, &format!("{flip} 7")).await;
    let none = recover_from(&log, &checkpoints).await.unwrap();
    assert_eq!((none.snapshot, none.decided), (None, 8));
    assert!(newest.chain == older.chain && older.chain == none.chain);
    let bytes = none.state.to_snapshot();
    assert!(newest.state.to_snapshot() == bytes && older.state.to_snapshot() == bytes);
}

#[tokio::test]
async fn snapshots_of_another_log_are_not_seen() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let records = script();
    lives(&new_log(), &database, &[&records]).await;
    let other = log_named(LogId::from_u128(0xb1));
    let recovered = recover_from(&other, &Checkpoints::in_postgres(&database)).await.unwrap();
    assert_eq!((recovered.snapshot, recovered.next()), (None, Offset::new(1)));
    lives(&other, &database, &[&records[..2]]).await;
    let logs = "SELECT count(DISTINCT log_id) FROM boxoffice_processors.snapshots";
    let logs: i64 = query_scalar(logs).fetch_one(database.pool()).await.unwrap();
    assert_eq!(logs, 2, "neither removes what the other has");
}

/// A performance whose rows have long names: its state has almost a tenth of a megabyte.
fn large_house(number: u128) -> Intent<'static> {
    let Intent::CreatePerformance { definition } = create() else { unreachable!() };
    let row = |row: u32| Row {
        label: format!("ROW{row:013}"),
        first_seat: 1,
        seats: 1,
        price_level: 0,
        accessible: Vec::new(),
        sold: None,
    };
    let rows = (0..4_000).map(row).collect();
    let sections = vec![Section { code: "A".to_owned(), kind: SectionKind::Reserved { rows } }];
    let performance = PerformanceId::from_u128(number);
    let definition = Box::new(PerformanceDefinition { performance, sections, ..*definition });
    Intent::CreatePerformance { definition }
}

#[tokio::test]
async fn a_snapshot_of_many_pieces_comes_back_whole_or_not_at_all() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let log = new_log();
    let records: Vec<Bytes> =
        (0..64).map(|number| record(number, 0, &large_house(number.into()))).collect();
    lives(&log, &database, &[&records]).await;
    let [(65, pieces)] = kept(&database).await[..] else { panic!("one snapshot") };
    assert!(pieces > 5, "more than five megabytes: {pieces}");
    let checkpoints = Checkpoints::in_postgres(&database);
    let recovered = recover_from(&log, &checkpoints).await.unwrap();
    assert_eq!((recovered.snapshot, recovered.decided), (Some(Offset::new(65)), 0));
    let piece = "DELETE FROM boxoffice_processors.snapshots WHERE piece = 3";
    change(&database, piece).await;
    let again = recover_from(&log, &checkpoints).await.unwrap();
    assert_eq!((again.snapshot, again.decided), (None, 64));
    assert!(again.state.to_snapshot() == recovered.state.to_snapshot());
    // Saved again under the same offset, over what is left of the damaged one.
    lives(&log, &database, &[&[]]).await;
    assert_eq!(kept(&database).await, [(65, pieces)]);
    let mended = recover_from(&log, &checkpoints).await.unwrap();
    assert_eq!(mended.snapshot, Some(Offset::new(65)));
    assert_eq!(log.log_id(), LogId::from_u128(0xb0));
}
