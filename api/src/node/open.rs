//! Opens the log, wherever it is, and finds out what is in it.

use std::time::{Duration, Instant};

#[cfg(feature = "fluvio")]
use boxoffice_log::LogError;
#[cfg(feature = "fluvio")]
use boxoffice_log::TopicPartition;
#[cfg(feature = "fluvio")]
use boxoffice_log::fluvio::FluvioLog;
use boxoffice_log::journal::{Journal, JournalConfig};
use boxoffice_log::{AnyLog, Log as _};
use boxoffice_processors::{Checkpoints, Followed, Progress, Recovered, follow, recover};
use boxoffice_topics::PartitionId;
use tokio::task::JoinSet;

use super::{LOG_DIR, NodeError, POSTGRES_DIR, SNAPSHOTS_DIR};
use crate::config::Config;
#[cfg(feature = "fluvio")]
use crate::http::auth::{AuthError, Names};
use crate::log_store::LogStore;
#[cfg(feature = "fluvio")]
use crate::log_store::fluvio_config;

/// How often a long recovery says how far it is.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// Opens the log when it is in a cluster. That is done before a secret is made: accounts of a log
/// that was in use have names that only its own secret can make.
pub(super) async fn cluster(config: &Config) -> Result<Option<AnyLog>, NodeError> {
    match &config.log {
        LogStore::Embedded => Ok(None),
        #[cfg(feature = "fluvio")]
        LogStore::Fluvio(url) => {
            let fluvio = fluvio_config(url, config.partitions, config.log_tls.as_ref());
            let log = FluvioLog::open(&fluvio).await?;
            if !Names::has_secret(config.secrets_dir()) && is_used(&log).await? {
                return Err(AuthError::SecretLost(Names::file(config.secrets_dir())).into());
            }
            Ok(Some(log.into()))
        }
    }
}

/// Whether anything was ever asked.
#[cfg(feature = "fluvio")]
async fn is_used(log: &FluvioLog) -> Result<bool, LogError> {
    for partition in (0..log.partitions()).filter_map(PartitionId::new) {
        if log.end(TopicPartition::intents(partition)).await?.number() > 1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens the log of the data directory.
pub(super) async fn journal(config: &Config) -> Result<Journal, NodeError> {
    let log = config.data_dir.join(LOG_DIR);
    let folds = [SNAPSHOTS_DIR, POSTGRES_DIR].map(|name| config.data_dir.join(name));
    if !log.exists()
        && let Some(beside) = folds.into_iter().find(|path| path.exists())
    {
        return Err(NodeError::LogLost { log, beside });
    }
    let journal = JournalConfig::new(log, config.partitions);
    let opened = tokio::task::spawn_blocking(move || Journal::open(&journal)).await;
    Ok(opened.map_err(|_| NodeError::Ended("the log"))??)
}

/// Every partition of a log.
pub(super) fn partitions(log: &AnyLog) -> impl Iterator<Item = PartitionId> + use<> {
    (0..log.partitions()).filter_map(PartitionId::new)
}

/// Says now and then how far a long reading is.
fn reporting(what: &'static str) -> impl FnMut(Progress) + Send {
    let mut reported_at = Instant::now();
    move |Progress { partition, next, end }| {
        if reported_at.elapsed() >= REPORT_INTERVAL {
            reported_at = Instant::now();
            tracing::info!(%partition, %next, %end, "{what}");
        }
    }
}

/// Takes every partition over and recovers it, side by side.
pub(super) async fn recover_all(
    log: &AnyLog,
    checkpoints: &Checkpoints,
) -> Result<Vec<Recovered>, NodeError> {
    let mut recovering = JoinSet::new();
    for partition in partitions(log) {
        let (log, checkpoints) = (log.clone(), checkpoints.clone());
        recovering.spawn(async move { recover_one(&log, partition, &checkpoints).await });
    }
    let mut recovered = all(recovering, "recovery").await?;
    recovered.sort_by_key(|it| it.state.partition());
    Ok(recovered)
}

/// Takes one partition over and recovers it.
pub(super) async fn recover_one(
    log: &AnyLog,
    partition: PartitionId,
    checkpoints: &Checkpoints,
) -> Result<Recovered, NodeError> {
    let owned = log.own(partition).await.map_err(boxoffice_processors::Error::from);
    let recovered = match owned {
        Ok(()) => recover(log, partition, checkpoints, reporting("recovering")).await,
        Err(error) => Err(error),
    };
    recovered.map_err(|error| NodeError::Partition { partition, error })
}

/// Reads what was decided in every partition, side by side, as others have published it.
pub(super) async fn follow_all(
    log: &AnyLog,
    checkpoints: &Checkpoints,
) -> Result<Vec<Followed<AnyLog>>, NodeError> {
    let mut following = JoinSet::new();
    for partition in partitions(log) {
        let (log, checkpoints) = (log.clone(), checkpoints.clone());
        following.spawn(async move { follow_one(&log, partition, &checkpoints).await });
    }
    let mut followed = all(following, "reading").await?;
    followed.sort_by_key(|it| it.state.partition());
    Ok(followed)
}

/// Reads what was decided in one partition.
pub(super) async fn follow_one(
    log: &AnyLog,
    partition: PartitionId,
    checkpoints: &Checkpoints,
) -> Result<Followed<AnyLog>, NodeError> {
    let followed = follow(log, partition, checkpoints, reporting("reading what was decided")).await;
    followed.map_err(|error| NodeError::Partition { partition, error })
}

async fn all<T: 'static>(
    mut running: JoinSet<Result<T, NodeError>>,
    what: &'static str,
) -> Result<Vec<T>, NodeError> {
    let mut all = Vec::new();
    while let Some(one) = running.join_next().await {
        all.push(one.map_err(|_| NodeError::Ended(what))??);
    }
    Ok(all)
}
