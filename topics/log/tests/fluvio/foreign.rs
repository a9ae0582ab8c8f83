//! Records that boxoffice did not write, and logs that are others than they were.

use std::time::Duration;

use boxoffice_log::fluvio::{FluvioConfig, FluvioLog};
use boxoffice_log::{Durability, Log, LogError, LogReader, Topic};
use boxoffice_topics::{Genesis, LogId, Offset};
use fluvio::{Fluvio, RecordKey, TopicProducerConfigBuilder};

use crate::servers::Cluster;
use crate::support::{GENESIS, assert_in_order, intents, record};

/// Writes something to the first partition of the intents with a plain client.
async fn write(client: &Fluvio, topic: &str, value: Vec<u8>) {
    let settings = TopicProducerConfigBuilder::default()
        .max_request_size(16 << 20)
        .set_specific_partitioner(0)
        .build()
        .unwrap();
    let producer = Box::pin(client.topic_producer_with_config(topic, settings)).await.unwrap();
    producer.send(RecordKey::NULL, value).await.unwrap().wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_somebody_else_are_passed_over() {
    let Some(cluster) = Cluster::any().await else { return };
    let (log, config, of) = (cluster.log().await, cluster.config(), intents(0));
    let mut follower = log.read(of, Offset::new(1)).await.unwrap();
    let client = cluster.client().await;
    // Not a record of boxoffice, none at all, one of a version to come, and one far too large.
    let strangers =
        [b"hello".to_vec(), Vec::new(), b"BXF\x02 of the future".to_vec(), vec![b'x'; 9 << 20]];
    for (number, stranger) in (1..).zip(strangers) {
        write(&client, &config.topic_name(Topic::Intents), stranger).await;
        let appended = log.append(of, vec![record(of, number)], Durability::Synced).await;
        assert_eq!(appended.unwrap(), Offset::new(number));
        let batch = follower.next().await.unwrap();
        assert_eq!((batch.first, batch.records), (Offset::new(number), vec![record(of, number)]));
    }
    assert_eq!(assert_in_order(&log, of).await, 5);
    log.close().unwrap();
    let log = FluvioLog::open(&config).await.unwrap();
    assert_eq!(assert_in_order(&log, of).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_log_under_the_same_name_stops_the_log() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let (log, config, of) = (cluster.log().await, cluster.config(), intents(0));
    for number in 1..10 {
        log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
    }
    let mut follower = log.read(of, Offset::new(9)).await.unwrap();
    assert_eq!(follower.next().await.unwrap().records, [record(of, 9)]);
    // A volume that was replaced: the topics are there, and nothing is in them.
    cluster.kill_data(0);
    std::fs::remove_dir_all(cluster.data_dir(0)).unwrap();
    cluster.start_data(0);
    let genesis = Some(Genesis { log_id: LogId::from_u128(7), ..GENESIS });
    let patience = Duration::from_secs(30);
    let other = FluvioConfig { genesis, patience, ..config };
    let other = FluvioLog::create(&other).await.unwrap();
    // It is longer than the first one was.
    for number in 1..30 {
        other.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
    }
    // Neither who follows it nor who begins now takes it for the first one.
    for mut reader in [follower, log.read(of, Offset::new(5)).await.unwrap()] {
        let found = reader.next().await.unwrap_err();
        assert!(matches!(found, LogError::Diverged(_)), "{found:?}");
    }
    let refused = log.append(of, vec![record(of, 10)], Durability::Synced).await;
    let Err(LogError::Stopped(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("another one than before"), "{reason}");
}
