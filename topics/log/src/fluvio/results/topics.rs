//! The result topics in the cluster: made beside the log, and grown with it.

use std::sync::Arc;
use std::time::Duration;

use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::topic::{
    AddPartition, CleanupPolicy, SegmentBasedPolicy, TopicSpec, TopicStorageConfig,
    UpdateTopicAction,
};
use fluvio::{Fluvio, FluvioAdmin};

use super::ResultTopic;
use crate::LogError;
use crate::fluvio::config::{FluvioConfig, SEGMENT_BYTES};
use crate::fluvio::connect::{connect, within};
use crate::fluvio::topics::TopicDescription;

/// Copies of each partition. More of them would need a cluster that keeps them the same; what is
/// lost here is written again.
const REPLICAS: u32 = 1;
/// How long records are kept: longer than a consumer should be away. They are all in the log and can
/// be written again, and a server that starts again reads through everything that it keeps.
const RETENTION_SECONDS: u32 = 7 * 24 * 60 * 60;
/// How long anything about topics may take: making many partitions takes seconds.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the server may take to find leaders for partitions that it has made.
const LEADERS_TIMEOUT: Duration = Duration::from_secs(15);
/// The distance between two looks at them.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The result topics of a log that the cluster has.
///
/// # Errors
/// [`LogError::Away`] when the cluster does not answer.
pub async fn describe(config: &FluvioConfig) -> Result<Vec<TopicDescription>, LogError> {
    let (_client, admin) = admin(config).await?;
    let topics = within(ADMIN_TIMEOUT, "list topics", admin.all::<TopicSpec>()).await;
    let topics = topics.map_err(away)?.into_iter();
    let is_ours = |name: &str| ResultTopic::ALL.iter().any(|topic| topic.name_in(config) == name);
    let ours = topics.filter(|topic| is_ours(&topic.name));
    Ok(ours.map(|topic| description(topic.name, &topic.spec)).collect())
}

/// Makes the topics that are missing, and waits until they can be written to.
///
/// # Errors
/// As [`prepare`].
pub async fn create(config: &FluvioConfig, partitions: u16) -> Result<(), LogError> {
    let existing = describe(config).await?;
    let (_client, admin) = admin(config).await?;
    for topic in ResultTopic::ALL {
        let name = topic.name_in(config);
        if existing.iter().any(|found| found.name == name) {
            continue;
        }
        let mut spec = TopicSpec::new_computed(u32::from(partitions), REPLICAS, None);
        let policy = SegmentBasedPolicy { time_in_seconds: RETENTION_SECONDS };
        spec.set_cleanup_policy(CleanupPolicy::Segment(policy));
        spec.set_storage(TopicStorageConfig {
            segment_size: Some(SEGMENT_BYTES),
            max_partition_size: Some(u64::MAX),
        });
        let what = format!("make topic {name}");
        within(ADMIN_TIMEOUT, &what, admin.create(name, false, spec)).await.map_err(away)?;
    }
    prepare(config, partitions).await
}

/// Checks that every topic is there, adds partitions until each has as many as the log, and waits
/// until they can be written to.
///
/// # Errors
/// [`LogError::Mismatch`] when a topic is missing or has settings that lose records,
/// [`LogError::Away`] when the cluster does not answer.
pub async fn prepare(config: &FluvioConfig, partitions: u16) -> Result<(), LogError> {
    let found = describe(config).await?;
    refuse_faults(config, &found)?;
    let (_client, admin) = admin(config).await?;
    for topic in found {
        let count = u32::from(partitions).saturating_sub(topic.partitions);
        if count > 0 {
            let what = format!("add partitions to topic {}", topic.name);
            let action = UpdateTopicAction::AddPartition(AddPartition { count });
            let adding = admin.update::<TopicSpec>(topic.name, action);
            within(ADMIN_TIMEOUT, &what, adding).await.map_err(away)?;
        }
    }
    wait_for_leaders(config, &admin, partitions).await
}

fn refuse_faults(config: &FluvioConfig, found: &[TopicDescription]) -> Result<(), LogError> {
    let mut faults = Vec::new();
    for topic in ResultTopic::ALL {
        let name = topic.name_in(config);
        match found.iter().find(|found| found.name == name) {
            None => faults.push(format!("there is no topic {name}: run `boxoffice topics create`")),
            Some(found) => {
                faults.extend(found.faults.iter().map(|fault| format!("topic {name} {fault}")));
            }
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(LogError::Mismatch(Arc::from(faults.join("; "))))
}

fn description(name: String, spec: &TopicSpec) -> TopicDescription {
    let storage = spec.get_storage();
    let mut faults = Vec::new();
    if spec.replication_factor() != Some(REPLICAS) {
        faults.push("has replicas: a failover would lose acknowledged records".to_owned());
    }
    let segment_bytes = storage.and_then(|storage| storage.segment_size);
    if segment_bytes.is_none_or(|bytes| bytes > SEGMENT_BYTES) {
        faults
            .push(format!("has segments above {SEGMENT_BYTES} bytes: readers would lose records"));
    }
    TopicDescription {
        name,
        partitions: spec.partitions(),
        replicas: spec.replication_factor(),
        segment_bytes,
        partition_bytes_max: storage.and_then(|storage| storage.max_partition_size),
        retention_seconds: spec.retention_secs(),
        faults,
    }
}

/// A partition that was just made has no leader yet: who writes to it waits for nothing.
async fn wait_for_leaders(
    config: &FluvioConfig,
    admin: &FluvioAdmin,
    partitions: u16,
) -> Result<(), LogError> {
    let looking = async {
        loop {
            let all =
                within(ADMIN_TIMEOUT, "list partitions", admin.all::<PartitionSpec>()).await?;
            let online = all.iter().filter(|partition| {
                let number = number_of(config, &partition.name);
                number.is_some_and(|number| number < partitions) && partition.status.is_online()
            });
            if online.count() >= ResultTopic::ALL.len() * usize::from(partitions) {
                return Ok::<_, String>(());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    let what = "wait for the leaders of result topics";
    within(LEADERS_TIMEOUT, what, looking).await.map_err(away)
}

/// The number of a partition of the cluster, which is named topic-number, when it is of a result
/// topic of this log.
fn number_of(config: &FluvioConfig, partition: &str) -> Option<u16> {
    ResultTopic::ALL.into_iter().find_map(|topic| {
        let rest = partition.strip_prefix(&topic.name_in(config))?;
        rest.strip_prefix('-')?.parse().ok()
    })
}

/// A client for the cluster's administration. It needs the other one.
async fn admin(config: &FluvioConfig) -> Result<(Fluvio, FluvioAdmin), LogError> {
    let client = connect(config).await.map_err(away)?;
    let admin = client.admin().await;
    Ok((client, admin))
}

fn away(reason: String) -> LogError {
    LogError::Away(Arc::from(reason))
}
