//! Snapshots shorten recovery and change nothing else.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use boxoffice_topics::{LogId, Offset};

use super::world::{
    Node, after_genesis, intents, log_named, log_with, new_log, outcomes, quiet, recover_in, script,
};
use crate::{Config, Error};

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("0")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// Runs the script in three lives, so that there are three snapshots.
async fn three_lives(folder: &Path) -> boxoffice_log::memory::MemoryLog {
    let (log, records) = (new_log(), script());
    for part in [&records[..3], &records[3..6], &records[6..]] {
        let mut node = Node::start(&log, folder, quiet()).await;
        node.ask(part).await;
        node.finish().await;
    }
    log
}

#[tokio::test]
async fn the_last_two_are_kept_and_a_damaged_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let log = three_lives(folder.path()).await;
    let paths = snapshots(folder.path());
    assert_eq!(paths.len(), 2);
    let newest = recover_in(&log, folder.path()).await.unwrap();
    assert_eq!((newest.snapshot, newest.decided), (Some(Offset::new(9)), 0));
    damage(&paths[1]);
    let older = recover_in(&log, folder.path()).await.unwrap();
    assert_eq!((older.snapshot, older.decided), (Some(Offset::new(7)), 2));
    damage(&paths[0]);
    let none = recover_in(&log, folder.path()).await.unwrap();
    assert_eq!((none.snapshot, none.decided), (None, 8));
    assert!(newest.chain == older.chain && older.chain == none.chain);
    let bytes = none.state.to_snapshot();
    assert!(newest.state.to_snapshot() == bytes && older.state.to_snapshot() == bytes);
}

#[tokio::test]
async fn a_snapshot_is_taken_after_so_many_records() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let config = Config { checkpoint_records: NonZeroU64::new(3).unwrap(), ..quiet() };
    let mut node = Node::start(&log, folder.path(), config).await;
    node.ask(&script()).await;
    let log = log.crash();
    node.failed().await;
    let recovered = recover_in(&log, folder.path()).await.unwrap();
    assert_eq!(recovered.next(), Offset::new(9));
}

#[tokio::test]
async fn a_snapshot_whose_steps_were_lost_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let log = three_lives(folder.path()).await;
    let (asked, published) = (after_genesis(&log, intents()), after_genesis(&log, outcomes()));
    let shorter = log_with(&asked, &published[..7]).await;
    let recovered = recover_in(&shorter, folder.path()).await.unwrap();
    assert_eq!((recovered.snapshot, recovered.published), (Some(Offset::new(7)), 1));
    assert_eq!(after_genesis(&shorter, outcomes()), published);
    let shorter = log_with(&asked, &published[..2]).await;
    let recovered = recover_in(&shorter, folder.path()).await.unwrap();
    assert_eq!((recovered.snapshot, recovered.published), (None, 6));
    assert_eq!(after_genesis(&shorter, outcomes()), published);
}

#[tokio::test]
async fn a_snapshot_of_lost_intents_stops_the_partition() {
    let folder = tempfile::tempdir().unwrap();
    let log = three_lives(folder.path()).await;
    let (asked, published) = (after_genesis(&log, intents()), after_genesis(&log, outcomes()));
    let shorter = log_with(&asked[..4], &published[..4]).await;
    let error = recover_in(&shorter, folder.path()).await.unwrap_err();
    assert!(matches!(error, Error::SnapshotAhead { .. }));
    assert_eq!(error.to_string(), "partition 0: a snapshot is at 9, after the intents at 5");
}

#[tokio::test]
async fn snapshots_of_another_log_stop_the_partition() {
    let folder = tempfile::tempdir().unwrap();
    three_lives(folder.path()).await;
    let other = LogId::from_u128(0xb1);
    let error = recover_in(&log_named(other), folder.path()).await.unwrap_err();
    assert!(matches!(error, Error::SnapshotOfOtherLog { expected, .. } if expected == other));
}
