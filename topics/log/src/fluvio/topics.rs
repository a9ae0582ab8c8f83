//! The topics of a log in a cluster: made with the settings that lose nothing, and refused with
//! others.

use std::sync::Arc;
use std::time::Duration;

use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::topic::{
    AddPartition, CleanupPolicy, SegmentBasedPolicy, TopicSpec, TopicStorageConfig,
    UpdateTopicAction,
};
use fluvio::{Fluvio, FluvioAdmin};

use super::config::{FluvioConfig, SEGMENT_BYTES};
use super::connect::{connect, within};
use crate::{LogError, Topic};

/// Copies of each partition. With more of them a failover loses acknowledged records and leaves
/// copies that differ: the volume below has to be the one that does not fail.
const REPLICAS: u32 = 1;
/// The longest time that a cluster can be told to keep records: 136 years.
const RETENTION_SECONDS: u32 = u32::MAX;
/// How long anything about topics may take: making many partitions takes seconds.
pub(super) const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the server may take to find leaders for partitions that it has made.
const LEADERS_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the server may take to show partitions that were added: it shows them at once, and what
/// is not there yet would be added again.
const ADDED_PAUSE: Duration = Duration::from_millis(200);
/// The distance between two looks at them.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// One topic as the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name in the cluster.
    pub name: String,
    /// Its partitions.
    pub partitions: u32,
    /// Copies of each partition, when the cluster places them.
    pub replicas: Option<u32>,
    /// Bytes of a segment, when it has a limit of its own.
    pub segment_bytes: Option<u32>,
    /// Bytes after which the oldest segments of a partition are removed, when that is set.
    pub partition_bytes_max: Option<u64>,
    /// After how many seconds segments are removed.
    pub retention_seconds: u32,
    /// What would lose records, in words.
    pub faults: Vec<String>,
}

/// The topics of a log that the cluster has.
///
/// # Errors
/// [`LogError::Away`] when the cluster does not answer.
pub async fn describe(config: &FluvioConfig) -> Result<Vec<TopicDescription>, LogError> {
    let (_client, admin) = admin(config).await?;
    let mut found = Vec::new();
    for (name, spec) in specs(&admin).await? {
        if Topic::ALL.iter().any(|topic| config.topic_name(*topic) == name) {
            found.push(description(config, name, &spec));
        }
    }
    Ok(found)
}

/// The prefixes of all logs that the cluster has both topics of.
///
/// # Errors
/// [`LogError::Away`] when the cluster does not answer.
pub async fn list(config: &FluvioConfig) -> Result<Vec<String>, LogError> {
    let (_client, admin) = admin(config).await?;
    let names: Vec<String> = specs(&admin).await?.into_iter().map(|(name, _)| name).collect();
    let ending = |topic: Topic| format!("-{}", topic.name());
    let has_other = |prefix: &&str| names.contains(&format!("{prefix}{}", ending(Topic::Outcomes)));
    let prefixes = names.iter().filter_map(|name| name.strip_suffix(&ending(Topic::Intents)));
    Ok(prefixes.filter(has_other).map(str::to_owned).collect())
}

/// Makes the topics that are missing and waits until they can be written to.
pub(super) async fn create(config: &FluvioConfig, partitions: u16) -> Result<(), LogError> {
    let existing = describe(config).await?;
    let (_client, admin) = admin(config).await?;
    for topic in Topic::ALL {
        let name = config.topic_name(topic);
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
    check(config).await?;
    wait_for_leaders(config, partitions).await
}

/// Adds partitions until each topic has so many, and waits until they can be written to. When two
/// processes add some at once the cluster keeps the last and tells both that it was done: it is
/// looked at again. There may be more in the end than was asked for, which are no part of the log.
pub(super) async fn grow(config: &FluvioConfig, partitions: u16) -> Result<(), LogError> {
    let (_client, admin) = admin(config).await?;
    let adding = async {
        while add_missing(config, &admin, partitions).await? {
            tokio::time::sleep(ADDED_PAUSE).await;
        }
        Ok::<_, LogError>(())
    };
    within(ADMIN_TIMEOUT, "add partitions", adding).await.map_err(away)?;
    wait_for_leaders(config, partitions).await
}

/// Adds the partitions that are missing, and says whether there were any.
async fn add_missing(
    config: &FluvioConfig,
    admin: &FluvioAdmin,
    partitions: u16,
) -> Result<bool, LogError> {
    let mut missing = false;
    for topic in describe(config).await? {
        let count = u32::from(partitions).saturating_sub(topic.partitions);
        if count > 0 {
            missing = true;
            let what = format!("add partitions to topic {}", topic.name);
            let action = UpdateTopicAction::AddPartition(AddPartition { count });
            let adding = admin.update::<TopicSpec>(topic.name, action);
            within(ADMIN_TIMEOUT, &what, adding).await.map_err(away)?;
        }
    }
    Ok(missing)
}

/// Refuses topics that are missing or would lose records, and says how many partitions both have.
pub(super) async fn check(config: &FluvioConfig) -> Result<u16, LogError> {
    let found = describe(config).await?;
    let mut faults = Vec::new();
    for topic in Topic::ALL {
        let name = config.topic_name(topic);
        match found.iter().find(|found| found.name == name) {
            None => faults.push(format!("there is no topic {name}: run `boxoffice topics create`")),
            Some(found) => {
                faults.extend(found.faults.iter().map(|fault| format!("topic {name} {fault}")));
            }
        }
    }
    if faults.is_empty() {
        let both = found.iter().map(|found| found.partitions).min().unwrap_or_default();
        return Ok(u16::try_from(both).unwrap_or(u16::MAX));
    }
    Err(LogError::Mismatch(Arc::from(faults.join("; "))))
}

fn description(config: &FluvioConfig, name: String, spec: &TopicSpec) -> TopicDescription {
    let storage = spec.get_storage();
    let mut found = TopicDescription {
        name,
        partitions: spec.partitions(),
        replicas: spec.replication_factor(),
        segment_bytes: storage.and_then(|storage| storage.segment_size),
        partition_bytes_max: storage.and_then(|storage| storage.max_partition_size),
        retention_seconds: spec.retention_secs(),
        faults: Vec::new(),
    };
    found.faults = faults(config, &found);
    found
}

fn faults(config: &FluvioConfig, found: &TopicDescription) -> Vec<String> {
    let mut faults = Vec::new();
    let partitions = config.partitions.map_or(1, |partitions| u32::from(partitions.get()));
    if found.partitions < partitions {
        faults.push(format!("has {} partitions, not {partitions}", found.partitions));
    }
    if found.replicas != Some(REPLICAS) {
        faults.push("has replicas: a failover would lose acknowledged records".to_owned());
    }
    if found.segment_bytes.is_none_or(|bytes| bytes > SEGMENT_BYTES) {
        faults
            .push(format!("has segments above {SEGMENT_BYTES} bytes: readers would lose records"));
    }
    if found.retention_seconds < RETENTION_SECONDS {
        faults.push(format!("removes records after {} seconds", found.retention_seconds));
    }
    if found.partition_bytes_max.is_none_or(|bytes| bytes < u64::MAX) {
        faults.push("removes records of large partitions".to_owned());
    }
    faults
}

/// A topic that was just made has no leaders yet: who writes to it waits for nothing.
async fn wait_for_leaders(config: &FluvioConfig, partitions: u16) -> Result<(), LogError> {
    let (_client, admin) = admin(config).await?;
    let looking = async {
        loop {
            let all =
                within(ADMIN_TIMEOUT, "list partitions", admin.all::<PartitionSpec>()).await?;
            let online = all.iter().filter(|partition| {
                let number = number_of(config, &partition.name);
                number.is_some_and(|number| number < partitions) && partition.status.is_online()
            });
            if online.count() >= Topic::ALL.len() * usize::from(partitions) {
                return Ok::<_, String>(());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    within(LEADERS_TIMEOUT, "wait for the leaders of partitions", looking).await.map_err(away)
}

/// The number of a partition of the cluster, which is named topic-number, when it is of this log.
fn number_of(config: &FluvioConfig, partition: &str) -> Option<u16> {
    Topic::ALL.into_iter().find_map(|topic| {
        let rest = partition.strip_prefix(&config.topic_name(topic))?;
        rest.strip_prefix('-')?.parse().ok()
    })
}

async fn specs(admin: &FluvioAdmin) -> Result<Vec<(String, TopicSpec)>, LogError> {
    let topics = within(ADMIN_TIMEOUT, "list topics", admin.all::<TopicSpec>()).await;
    let topics = topics.map_err(away)?;
    Ok(topics.into_iter().map(|topic| (topic.name, topic.spec)).collect())
}

/// A client for the cluster's administration. It needs the other one.
pub(super) async fn admin(config: &FluvioConfig) -> Result<(Fluvio, FluvioAdmin), LogError> {
    let client = connect(config).await.map_err(away)?;
    let admin = client.admin().await;
    Ok((client, admin))
}

pub(super) fn away(reason: String) -> LogError {
    LogError::Away(Arc::from(reason))
}
