//! Topics are made with the settings that lose nothing, and refused with others.

use boxoffice_log::fluvio::topics::{describe, list};
use boxoffice_log::fluvio::{FluvioConfig, FluvioLog};
use boxoffice_log::{Durability, Log, LogError, Topic};
use boxoffice_topics::{Genesis, LogId, Offset};
use fluvio::metadata::topic::{CleanupPolicy, SegmentBasedPolicy, TopicSpec, TopicStorageConfig};

use crate::servers::Cluster;
use crate::support::{GENESIS, PARTITIONS, intents, outcomes};

/// The settings that are asked for, by the API that others would use.
fn sound(replicas: u32) -> TopicSpec {
    let mut spec = TopicSpec::new_computed(u32::from(PARTITIONS.get()), replicas, None);
    spec.set_cleanup_policy(CleanupPolicy::Segment(SegmentBasedPolicy {
        time_in_seconds: u32::MAX,
    }));
    spec.set_storage(TopicStorageConfig {
        segment_size: Some(16 << 20),
        max_partition_size: Some(u64::MAX),
    });
    spec
}

async fn refusal(cluster: &Cluster, config: &FluvioConfig, spec: TopicSpec) -> String {
    let client = cluster.client().await;
    let admin = client.admin().await;
    for topic in Topic::ALL {
        admin.create(config.topic_name(topic), false, spec.clone()).await.unwrap();
    }
    for opened in [FluvioLog::open(config).await, FluvioLog::create(config).await] {
        assert!(matches!(opened, Err(LogError::Mismatch(_))), "{opened:?}");
    }
    FluvioLog::open(config).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_would_lose_records_are_refused() {
    let Some(cluster) = Cluster::any().await else { return };
    let mut short = sound(1);
    short.set_cleanup_policy(CleanupPolicy::Segment(SegmentBasedPolicy { time_in_seconds: 3_600 }));
    let mut small = sound(1);
    small.get_storage_mut().unwrap().max_partition_size = Some(1 << 30);
    let mut long = sound(1);
    long.get_storage_mut().unwrap().segment_size = Some(1 << 30);
    let mut plain = TopicSpec::new_computed(u32::from(PARTITIONS.get()), 1, None);
    plain.set_compression_type(Default::default());
    let mut fewer = TopicSpec::new_computed(2, 1, None);
    fewer
        .set_storage(TopicStorageConfig { segment_size: Some(16 << 20), max_partition_size: None });
    let cases = [
        ("short", short, "after 3600 seconds"),
        ("small", small, "large partitions"),
        ("long", long, "segments above"),
        ("plain", plain, "segments above"),
        ("fewer", fewer, "2 partitions, not 3"),
    ];
    for (name, spec, expected) in cases {
        let mut config = cluster.config();
        config.prefix = format!("{}-{name}", config.prefix);
        let refusal = refusal(&cluster, &config, spec).await;
        assert!(refusal.contains(expected), "{name}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_with_replicas_are_refused() {
    let Some(cluster) = Cluster::start(2).await else { return };
    let refusal = refusal(&cluster, &cluster.config(), sound(2)).await;
    assert!(refusal.contains("replicas"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_not_prepared_is_refused() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = cluster.config();
    let error = FluvioLog::open(&config).await.unwrap_err();
    assert!(error.to_string().contains("topics create"), "{error}");
    // The topics are there, and no partition has begun.
    let client = cluster.client().await;
    let admin = client.admin().await;
    for topic in Topic::ALL {
        admin.create(config.topic_name(topic), false, sound(1)).await.unwrap();
    }
    cluster.wait_for_leaders().await;
    let error = FluvioLog::open(&config).await.unwrap_err();
    assert!(error.to_string().contains("topics create"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_prepared_once() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = cluster.config();
    for _ in 0..2 {
        let log = FluvioLog::create(&config).await.unwrap();
        assert_eq!((log.log_id(), log.partitions()), (GENESIS.log_id, PARTITIONS.get()));
        log.close().unwrap();
    }
    assert!(list(&config).await.unwrap().contains(&config.prefix));
    let topics = describe(&config).await.unwrap();
    assert_eq!(topics.len(), 2);
    for topic in topics {
        assert!(topic.faults.is_empty(), "{topic:?}");
        assert_eq!((topic.partitions, topic.replicas), (3, Some(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_prepare_one_log() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = cluster.config();
    let client = cluster.client().await;
    let admin = client.admin().await;
    for topic in Topic::ALL {
        admin.create(config.topic_name(topic), false, sound(1)).await.unwrap();
    }
    cluster.wait_for_leaders().await;
    let named = |number| {
        let genesis = Some(Genesis { log_id: LogId::from_u128(number), ..GENESIS });
        FluvioConfig { genesis, ..config.clone() }
    };
    let (one, other) = (named(1), named(2));
    let (one, other) = tokio::join!(FluvioLog::create(&one), FluvioLog::create(&other));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.log_id(), other.log_id());
    for of in (0..PARTITIONS.get()).flat_map(|number| [intents(number), outcomes(number)]) {
        let end = one.append(of, Vec::new(), Durability::Synced).await.unwrap();
        assert_eq!(end, Offset::new(1), "{of} has one genesis record");
    }
}
