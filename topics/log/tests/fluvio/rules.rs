//! What the client of a cluster does by itself, and what the log makes of it.

use std::time::Duration;

use boxoffice_log::fluvio::{FluvioConfig, FluvioLog};
use boxoffice_log::{Durability, Log, Topic};
use boxoffice_topics::Offset;
use bytes::Bytes;
use fluvio::Isolation;
use fluvio::consumer::{ConsumerConfigExtBuilder, Record, RetryMode};
use futures_util::StreamExt;

use crate::servers::Cluster;
use crate::support::{assert_in_order, intents, read_from, record};

/// How long a plain stream may be quiet before it is at the end.
const QUIET: Duration = Duration::from_millis(500);

/// Everything that a plain client finds in one partition of the intents.
async fn plain(cluster: &Cluster, config: &FluvioConfig, partition: u32) -> Vec<Record> {
    let client = cluster.client().await;
    let settings = ConsumerConfigExtBuilder::default()
        .topic(config.topic_name(Topic::Intents))
        .partition(partition)
        .offset_start(fluvio::Offset::beginning())
        .isolation(Isolation::ReadUncommitted)
        .max_bytes(config.fetch_bytes as i32)
        .retry_mode(RetryMode::Disabled)
        .build()
        .unwrap();
    let mut stream = Box::pin(client.consumer_with_config(settings)).await.unwrap();
    let mut records = Vec::new();
    while let Ok(Some(record)) = tokio::time::timeout(QUIET, stream.next()).await {
        records.push(record.unwrap());
    }
    records
}

fn large(number: u64) -> Bytes {
    Bytes::from(vec![number as u8; 10_000])
}

async fn append_large(log: &FluvioLog, count: u64) {
    for number in 1..=count {
        let appended = log.append(intents(0), vec![large(number)], Durability::Synced).await;
        assert_eq!(appended.unwrap(), Offset::new(number));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_client_loses_at_the_end_of_a_fetch_is_read_again() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = FluvioConfig { fetch_bytes: 64 << 10, ..cluster.config() };
    let log = FluvioLog::create(&config).await.unwrap();
    append_large(&log, 100).await;
    let found = plain(&cluster, &config, 0).await;
    assert!(found.len() < 100, "a plain client misses records: {} of more than 101", found.len());
    let records = read_from(&log, intents(0), 1).await;
    assert_eq!(records, (1..=100).map(large).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_takes_in_a_whole_segment() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = cluster.config();
    let log = FluvioLog::create(&config).await.unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let log = log.clone();
            let records = vec![Bytes::from(vec![7; 100_000]); 10];
            tokio::spawn(async move { log.append(intents(0), records, Durability::Synced).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let found = plain(&cluster, &config, 0).await;
    let offsets: Vec<i64> = found.iter().map(Record::offset).collect();
    assert_eq!(offsets, (0..found.len() as i64).collect::<Vec<_>>());
    assert!(found.len() >= 41, "three segments of blocks, and the genesis record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_in_the_partition_that_was_named() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = cluster.config();
    let log = FluvioLog::create(&config).await.unwrap();
    for partition in 0..3 {
        let of = intents(partition);
        log.append(of, vec![record(of, 1)], Durability::Synced).await.unwrap();
    }
    for partition in 0..3 {
        let found = plain(&cluster, &config, partition).await;
        for other in 0..3 {
            let name = format!("{} 1 ", intents(other));
            let with_name = |record: &&Record| {
                record.value().windows(name.len()).any(|window| window == name.as_bytes())
            };
            let expected = usize::from(u32::from(other) == partition);
            assert_eq!(found.iter().filter(with_name).count(), expected, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_found_again_as_it_was_left() {
    let Some(cluster) = Cluster::any().await else { return };
    let log = cluster.log().await;
    let of = intents(1);
    for first in [1, 4, 7] {
        let records = (first..first + 3).map(|number| record(of, number)).collect();
        log.append(of, records, Durability::Synced).await.unwrap();
    }
    log.close().unwrap();
    let log = FluvioLog::open(&cluster.config()).await.unwrap();
    assert_eq!(assert_in_order(&log, of).await, 10);
    let next = log.append(of, vec![record(of, 10)], Durability::Synced).await.unwrap();
    assert_eq!(next, Offset::new(10));
    assert_eq!(assert_in_order(&log, of).await, 11);
}
