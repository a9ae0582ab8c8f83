//! What every log does, whatever is behind it.

use std::sync::Arc;

use boxoffice_log::journal::disk::simulated::SimulatedDisk;
use boxoffice_log::journal::{Journal, JournalConfig};
use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{Durability, Log, LogError, LogReader};
use boxoffice_topics::Offset;
use bytes::Bytes;

use crate::support::{
    GENESIS, PARTITIONS, assert_in_order, config, intents, outcomes, read_from, record,
};

async fn offsets_are_dense_and_records_keep_their_order(log: impl Log) {
    assert_eq!((log.log_id(), log.partitions()), (GENESIS.log_id, PARTITIONS.get()));
    let mut next = 1;
    for count in [1, 3, 1, 40, 30, 40, 40, 2] {
        for to in [intents(0), outcomes(2)] {
            let records = (next..next + count).map(|number| record(to, number)).collect();
            let durability = if count == 3 { Durability::Written } else { Durability::Synced };
            assert_eq!(log.append(to, records, durability).await.unwrap(), Offset::new(next));
        }
        next += count;
    }
    assert_eq!(assert_in_order(&log, intents(0)).await, next);
    assert_eq!(assert_in_order(&log, outcomes(2)).await, next);
    assert_eq!(assert_in_order(&log, intents(1)).await, 1);
}

async fn a_reader_begins_anywhere(log: impl Log) {
    let of = intents(1);
    for number in 1..200 {
        log.append(of, vec![record(of, number)], Durability::Written).await.unwrap();
    }
    for first in [0, 1, 2, 57, 198, 199] {
        let records = read_from(&log, of, first).await;
        assert_eq!(records.len() as u64, 200 - first);
        for (number, found) in (first..).zip(&records).skip(usize::from(first == 0)) {
            assert_eq!(*found, record(of, number));
        }
    }
    assert!(log.read(of, Offset::new(200)).await.is_ok());
    assert!(matches!(
        log.read(of, Offset::new(201)).await,
        Err(LogError::OutOfRange { asked, end }) if asked == Offset::new(201) && end == Offset::new(200)
    ));
}

async fn a_reader_at_the_tail_follows_it(log: impl Log) {
    let of = intents(2);
    let mut reader = log.read(of, Offset::new(1)).await.unwrap();
    let follower = tokio::spawn(async move {
        let mut next = Offset::new(1);
        while next < Offset::new(301) {
            let batch = reader.next().await.unwrap();
            assert_eq!(batch.first, next);
            for (offset, found) in batch.iter() {
                assert_eq!(*found, record(of, offset.number()));
            }
            next = batch.end();
        }
    });
    for number in 1..301 {
        let durability = if number % 3 == 0 { Durability::Synced } else { Durability::Written };
        log.append(of, vec![record(of, number)], durability).await.unwrap();
        tokio::task::yield_now().await;
    }
    follower.await.unwrap();
}

async fn appends_from_many_tasks_are_all_kept(log: impl Log) {
    let tasks: Vec<_> = (0..16u64)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                let to = intents((task % 3) as u16);
                let mut places = Vec::new();
                for round in 0..20 {
                    let name = |part| Bytes::from(format!("{task}-{round}-{part}"));
                    let records = vec![name(0), name(1)];
                    let first = log.append(to, records.clone(), Durability::Synced).await.unwrap();
                    places.push((to, first, records));
                }
                places
            })
        })
        .collect();
    for task in tasks {
        let mut last = Offset::ZERO;
        for (to, first, records) in task.await.unwrap() {
            assert!(first > last, "appends one after another keep their order");
            last = first;
            let found = read_from(&log, to, first.number()).await;
            assert_eq!(found[..2], records, "an append is side by side");
        }
    }
    for partition in 0..3 {
        let tasks = if partition == 0 { 6 } else { 5 };
        let end = log.end(intents(partition)).await.unwrap();
        assert_eq!(end, Offset::new(1 + tasks * 20 * 2));
    }
}

async fn waiting_for_durability_ends_for_written_records_too(log: impl Log) {
    let of = outcomes(0);
    log.wait_durable(of, Offset::new(1)).await.unwrap();
    log.append(of, vec![record(of, 1)], Durability::Written).await.unwrap();
    log.wait_durable(of, Offset::new(2)).await.unwrap();
    let waiter = tokio::spawn({
        let log = log.clone();
        async move { log.wait_durable(of, Offset::new(4)).await }
    });
    log.append(of, vec![record(of, 2)], Durability::Synced).await.unwrap();
    log.append(of, vec![record(of, 3)], Durability::Written).await.unwrap();
    waiter.await.unwrap().unwrap();
}

async fn an_append_without_records_is_a_barrier(log: impl Log) {
    let of = intents(0);
    log.append(of, vec![record(of, 1)], Durability::Written).await.unwrap();
    let end = log.append(of, Vec::new(), Durability::Synced).await.unwrap();
    assert_eq!(end, Offset::new(2));
    assert_eq!(log.end(of).await.unwrap(), Offset::new(2));
}

async fn empty_records_are_kept(log: impl Log) {
    let of = intents(0);
    let records = vec![Bytes::new(), Bytes::from_static(b"a"), Bytes::new()];
    log.append(of, records.clone(), Durability::Synced).await.unwrap();
    assert_eq!(read_from(&log, of, 1).await, records);
}

async fn a_partition_that_does_not_exist_is_refused(log: impl Log) {
    let nowhere = intents(3);
    let append = log.append(nowhere, vec![Bytes::new()], Durability::Synced).await;
    assert!(matches!(append, Err(LogError::Mismatch(_))));
    assert!(matches!(log.end(nowhere).await, Err(LogError::Mismatch(_))));
    assert!(matches!(log.read(nowhere, Offset::ZERO).await, Err(LogError::Mismatch(_))));
}

macro_rules! every_log_keeps {
    ($($rule:ident;)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::MemoryLog::new(super::PARTITIONS, super::GENESIS)).await;
            })*
        }
        mod journal {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(super::journal(super::config())).await;
            })*
        }
        mod journal_that_reads_from_disk_only {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let config = super::JournalConfig { recent_bytes: 0, ..super::config() };
                super::$rule(super::journal(config)).await;
            })*
        }
        mod journal_with_a_tiny_queue {
            $(#[tokio::test]
            async fn $rule() {
                let config = super::JournalConfig {
                    queue_bytes: 64,
                    block_bytes: 1,
                    recent_bytes: 1_000,
                    ..super::config()
                };
                super::$rule(super::journal(config)).await;
            })*
        }
        mod journal_on_a_real_disk {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let dir = tempfile::tempdir().unwrap();
                let config = super::JournalConfig { dir: dir.path().join("log"), ..super::config() };
                super::$rule(super::Journal::open(&config).unwrap()).await;
            })*
        }
        #[cfg(feature = "fluvio")]
        mod fluvio {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                if let Some(cluster) = crate::servers::Cluster::any().await {
                    super::$rule(cluster.log().await).await;
                }
            })*
        }
    };
}

fn journal(config: JournalConfig) -> Journal {
    Journal::open_on(Arc::new(SimulatedDisk::new()), &config).unwrap()
}

every_log_keeps! {
    offsets_are_dense_and_records_keep_their_order;
    a_reader_begins_anywhere;
    a_reader_at_the_tail_follows_it;
    appends_from_many_tasks_are_all_kept;
    waiting_for_durability_ends_for_written_records_too;
    an_append_without_records_is_a_barrier;
    empty_records_are_kept;
    a_partition_that_does_not_exist_is_refused;
}

#[tokio::test]
async fn memory_acknowledges_nothing_that_is_held_back() {
    let log = MemoryLog::new(PARTITIONS, GENESIS);
    let of = intents(0);
    log.hold_back();
    let append = tokio::spawn({
        let log = log.clone();
        async move { log.append(of, vec![record(of, 1)], Durability::Synced).await }
    });
    let mut reader = log.read(of, Offset::new(1)).await.unwrap();
    assert_eq!(reader.next().await.unwrap().records, [record(of, 1)]);
    assert!(!append.is_finished());
    let crashed = log.clone();
    log.let_through();
    assert_eq!(append.await.unwrap().unwrap(), Offset::new(1));
    assert_eq!(crashed.crash().end(of).await.unwrap(), Offset::new(2));
}

#[tokio::test]
async fn memory_loses_in_a_crash_what_was_held_back() {
    let log = MemoryLog::new(PARTITIONS, GENESIS);
    let of = intents(0);
    log.hold_back();
    log.append(of, vec![record(of, 1)], Durability::Written).await.unwrap();
    let survivor = log.crash();
    assert_eq!(survivor.end(of).await.unwrap(), Offset::new(1));
    assert!(matches!(log.end(of).await, Err(LogError::Stopped(_))));
}
