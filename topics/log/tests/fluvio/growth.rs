//! Partitions that are added to a log.

use boxoffice_log::fluvio::topics::describe;
use boxoffice_log::fluvio::{FluvioConfig, FluvioLog};
use boxoffice_log::{Durability, Log, LogError, Topic};
use boxoffice_topics::partition::PARTITIONS_MAX;
use boxoffice_topics::{Offset, PartitionId};
use fluvio::metadata::topic::{AddPartition, TopicSpec, UpdateTopicAction};

use crate::servers::Cluster;
use crate::support::{PARTITIONS, assert_in_order, intents, outcomes, record};

/// Uses a partition that was added, and looks at all of them.
async fn assert_grown(log: &FluvioLog, partitions: u16) {
    assert_eq!((log.partitions(), log.dealt()), (partitions, PARTITIONS.get()));
    let last = partitions - 1;
    log.own(PartitionId::new(last).unwrap()).await.unwrap();
    for of in [intents(last), outcomes(last)] {
        let end = log.end(of).await.unwrap().number();
        log.append(of, vec![record(of, end)], Durability::Synced).await.unwrap();
    }
    for of in (0..partitions).flat_map(|number| [intents(number), outcomes(number)]) {
        assert_in_order(log, of).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_grows_and_keeps_what_it_has() {
    let Some(cluster) = Cluster::any().await else { return };
    let (log, config, of) = (cluster.log().await, cluster.config(), intents(1));
    let beside = FluvioLog::open(&config).await.unwrap();
    log.append(of, vec![record(of, 1)], Durability::Synced).await.unwrap();
    log.grow(5).await.unwrap();
    log.grow(4).await.unwrap();
    assert_grown(&log, 5).await;
    assert_eq!(beside.partitions(), 3, "it was opened before");
    beside.grow(5).await.unwrap();
    assert_grown(&beside, 5).await;
    log.close().unwrap();
    for config in [config.clone(), FluvioConfig { partitions: None, ..config.clone() }] {
        assert_grown(&FluvioLog::open(&config).await.unwrap(), 5).await;
    }
    // It is prepared as it is.
    assert_grown(&FluvioLog::create(&config).await.unwrap(), 5).await;
    for topic in describe(&config).await.unwrap() {
        assert!(topic.partitions == 5 && topic.faults.is_empty(), "{topic:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_grow_a_log_at_once() {
    let Some(cluster) = Cluster::any().await else { return };
    let (first, config) = (cluster.log().await, cluster.config());
    let second = FluvioLog::open(&config).await.unwrap();
    let (one, other) = tokio::join!(first.grow(6), second.grow(5));
    one.unwrap();
    other.unwrap();
    assert_eq!((first.partitions(), second.partitions()), (6, 5));
    assert_grown(&second, 5).await;
    assert_grown(&first, 6).await;
    assert_grown(&FluvioLog::open(&config).await.unwrap(), 6).await;
    // Each has one genesis record, whoever of the two was later.
    let of = intents(3);
    let end = first.append(of, Vec::new(), Durability::Synced).await.unwrap();
    assert_eq!(end, Offset::new(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_that_was_interrupted_is_no_part_of_the_log_and_can_be_done_again() {
    let Some(cluster) = Cluster::any().await else { return };
    let (log, config) = (cluster.log().await, cluster.config());
    // As far as it came: one topic has two more, the other has none.
    let client = cluster.client().await;
    let admin = client.admin().await;
    let action = UpdateTopicAction::AddPartition(AddPartition { count: 2 });
    admin.update::<TopicSpec>(config.topic_name(Topic::Intents), action).await.unwrap();
    for config in [config.clone(), FluvioConfig { partitions: None, ..config.clone() }] {
        assert_eq!(FluvioLog::open(&config).await.unwrap().partitions(), 3);
    }
    assert_eq!(FluvioLog::create(&config).await.unwrap().partitions(), 3);
    log.grow(5).await.unwrap();
    assert_grown(&log, 5).await;
    assert_grown(&FluvioLog::open(&config).await.unwrap(), 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_says_how_many_partitions_it_was_made_with() {
    let Some(cluster) = Cluster::any().await else { return };
    let (log, config) = (cluster.log().await, cluster.config());
    log.grow(4).await.unwrap();
    let config = FluvioConfig { partitions: std::num::NonZeroU16::new(4), ..config };
    for opened in [FluvioLog::open(&config).await, FluvioLog::create(&config).await] {
        let Err(LogError::Mismatch(reason)) = opened else { panic!("{opened:?}") };
        assert!(reason.contains("was made with 3 partitions, not 4"), "{reason}");
    }
    assert!(matches!(log.grow(PARTITIONS_MAX + 1).await, Err(LogError::Mismatch(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_came_back_empty_is_not_begun_again() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let (log, config) = (cluster.log().await, cluster.config());
    let patience = std::time::Duration::from_secs(30);
    let config = FluvioConfig { patience, ..config };
    log.grow(4).await.unwrap();
    log.close().unwrap();
    cluster.kill_data(0);
    // Nothing but its genesis record was ever there.
    let folder = format!("{}-3", config.topic_name(Topic::Outcomes));
    std::fs::remove_dir_all(cluster.data_dir(0).join(folder)).unwrap();
    cluster.start_data(0);
    for opened in [FluvioLog::open(&config).await, FluvioLog::create(&config).await] {
        let Err(LogError::Diverged(reason)) = opened else { panic!("{opened:?}") };
        assert!(reason.contains("outcomes/3"), "{reason}");
    }
}
