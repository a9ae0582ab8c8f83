//! How a log comes to have its partitions: it is opened, made, or grows.
//!
//! A partition begins with its genesis record, of which the first one counts. The partitions that
//! have begun are announced in the first partition of the intents, so whoever was interrupted, or
//! does the same beside another process, leaves nothing half done: what is not announced is no
//! part of the log yet.

use std::sync::Arc;

use boxoffice_topics::partition::PARTITIONS_MAX;
use boxoffice_topics::{Genesis, LogId, Offset, PartitionId};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::config::FluvioConfig;
use super::fold::{Extent, Fold};
use super::partitions::{Partition, Partitions, topic_partitions};
use super::state::Shared;
use super::writer::Errand;
use super::{FluvioLog, topics};
use crate::journal::random_genesis;
use crate::{Log as _, LogError, LogReader as _, Topic, TopicPartition};

/// Where the partitions are announced.
const FIRST: TopicPartition =
    TopicPartition::intents(PartitionId::new(0).expect("it is below every limit"));
/// Partitions that are read side by side when a log is opened: each fetches a whole segment.
const OPENING: usize = 8;

/// A partition, and what is known of it.
type Read = (Partition, Fold);

pub(super) async fn open(config: &FluvioConfig) -> Result<FluvioLog, LogError> {
    config.check()?;
    let has = topics::check(config).await?;
    let shared = Arc::new(Shared::new(Arc::new(config.clone())));
    let first = Partition::start(&shared, FIRST);
    let announced = first.errand(Errand::Look).await?.extent;
    let extent = extent(config, has, announced)?;
    let others = topic_partitions(0..extent.partitions).filter(|of| *of != FIRST);
    let others = others.map(|of| Partition::start(&shared, of));
    let (decided, mut asked): (Vec<_>, Vec<_>) =
        others.partition(|partition| partition.of.topic == Topic::Outcomes);
    asked.push(first);
    // Outcomes first: in a log that is in use, the intents of all of them are known then.
    let mut read = look(decided).await?;
    read.extend(look(asked).await?);
    let log_id = one_log(&read)?.ok_or_else(|| not_prepared(config))?;
    match read.iter().find(|(_, fold)| fold.next == 0) {
        None => Ok(run(shared, log_id, extent, read)),
        Some(_) if announced.is_none() => Err(not_prepared(config)),
        Some((partition, _)) => Err(emptied(partition)),
    }
}

pub(super) async fn create(config: &FluvioConfig) -> Result<FluvioLog, LogError> {
    config.check()?;
    let partitions = config.partitions.ok_or_else(|| mismatch("how many partitions?".into()))?;
    topics::create(config, partitions.get()).await?;
    let shared = Arc::new(Shared::new(Arc::new(config.clone())));
    let mut read = look(start(&shared, 0..partitions.get())).await?;
    let first = read[0].0.clone();
    if read[0].1.extent.is_none() {
        begin_all(config, &mut read).await?;
        first.errand(Errand::Announce(partitions.get())).await?;
    }
    drop((first, read));
    open(config).await
}

/// Begins every partition of a log that nobody has used.
async fn begin_all(config: &FluvioConfig, read: &mut [Read]) -> Result<(), LogError> {
    let is_used = read.iter().any(|(_, fold)| fold.next > 1);
    if let Some((partition, _)) = read.iter().find(|(_, fold)| is_used && fold.next == 0) {
        return Err(emptied(partition));
    }
    let mut genesis = config.genesis.unwrap_or_else(random_genesis);
    for at in 0..read.len() {
        // Another process may make the log at the same time: who was first in the first
        // partition has named it.
        genesis.log_id = one_log(read)?.unwrap_or(genesis.log_id);
        let (partition, fold) = &mut read[at];
        if fold.next == 0 {
            *fold = partition.errand(Errand::Begin(genesis)).await?;
        }
    }
    one_log(read)?;
    Ok(())
}

/// How many partitions the log has, by whoever has added some.
pub(super) async fn announced(log: &FluvioLog) -> Result<u16, LogError> {
    let extent = log.partitions.get(FIRST)?.errand(Errand::Look).await?.extent;
    Ok(extent.map_or(log.partitions.count(), |extent| extent.partitions))
}

pub(super) async fn grow(log: &FluvioLog, partitions: u16) -> Result<(), LogError> {
    let _growing = log.partitions.growing.lock().await;
    let count = log.partitions.count();
    if partitions <= count {
        return Ok(());
    }
    if partitions > PARTITIONS_MAX {
        return Err(mismatch(format!("a log has at most {PARTITIONS_MAX} partitions")));
    }
    let first = log.partitions.get(FIRST)?;
    let mut extent = first.errand(Errand::Look).await?.extent;
    if extent.is_none() {
        // A log that was made before there were announcements has never grown.
        extent = first.errand(Errand::Announce(count)).await?.extent;
    }
    let announced = extent.map_or(count, |extent| extent.partitions);
    if announced < partitions {
        topics::grow(&log.shared.config, partitions).await?;
    }
    let genesis = genesis(log).await?;
    let mut added = Vec::new();
    for (partition, fold) in look(start(&log.shared, count..partitions)).await? {
        if fold.next == 0 && partition.of.partition.number() < announced {
            return Err(emptied(&partition));
        }
        if fold.next == 0 {
            partition.errand(Errand::Begin(genesis)).await?;
        }
        added.push(partition);
    }
    if announced < partitions {
        first.errand(Errand::Announce(partitions)).await?;
    }
    log.partitions.add(added);
    log.partitions.set_count(partitions);
    Ok(())
}

/// The record that every partition of a log begins with.
async fn genesis(log: &FluvioLog) -> Result<Genesis, LogError> {
    let first = log.read(FIRST, Offset::ZERO).await?.next().await?;
    let record = first.records.first().and_then(|record| Genesis::from_record(record).ok());
    record.ok_or_else(|| mismatch(format!("{FIRST} does not begin with a genesis record")))
}

fn start(shared: &Arc<Shared>, partitions: std::ops::Range<u16>) -> Vec<Partition> {
    topic_partitions(partitions).map(|of| Partition::start(shared, of)).collect()
}

/// Reads partitions to their ends.
async fn look(partitions: Vec<Partition>) -> Result<Vec<Read>, LogError> {
    let looking = partitions.into_iter().map(async |partition: Partition| {
        let fold = partition.errand(Errand::Look).await?;
        Ok::<_, LogError>((partition, fold))
    });
    stream::iter(looking).buffered(OPENING).try_collect().await
}

/// How many partitions the log has: what is announced, and in a log that was made before there
/// were announcements, what the topics have.
fn extent(config: &FluvioConfig, has: u16, announced: Option<Extent>) -> Result<Extent, LogError> {
    let wanted = config.partitions.map(std::num::NonZeroU16::get);
    let known = wanted.unwrap_or(has);
    let extent = announced.unwrap_or(Extent { dealt: known, partitions: known });
    if let Some(wanted) = wanted.filter(|wanted| *wanted != extent.dealt) {
        let made = extent.dealt;
        return Err(mismatch(format!("the log was made with {made} partitions, not {wanted}")));
    }
    if extent.partitions > has {
        let (prefix, partitions) = (&config.prefix, extent.partitions);
        let reason = format!("topics of {prefix} have {has} partitions of {partitions}");
        return Err(LogError::Diverged(Arc::from(reason)));
    }
    Ok(extent)
}

/// The log that all partitions belong to which are not empty.
fn one_log(read: &[Read]) -> Result<Option<LogId>, LogError> {
    let mut ids = read.iter().filter_map(|(_, fold)| fold.log_id);
    let Some(first) = ids.next() else { return Ok(None) };
    match ids.find(|other| *other != first) {
        None => Ok(Some(first)),
        Some(other) => Err(LogError::Diverged(Arc::from(format!(
            "its partitions belong to two logs, {first} and {other}"
        )))),
    }
}

fn run(shared: Arc<Shared>, log_id: LogId, extent: Extent, read: Vec<Read>) -> FluvioLog {
    let partitions = Partitions::new();
    partitions.add(read.into_iter().map(|(partition, _)| partition).collect());
    partitions.set_count(extent.partitions);
    FluvioLog { shared, log_id, dealt: extent.dealt, partitions: Arc::new(partitions) }
}

fn not_prepared(config: &FluvioConfig) -> LogError {
    let prefix = &config.prefix;
    mismatch(format!("the topics of {prefix} were not prepared: run `boxoffice topics create`"))
}

fn emptied(partition: &Partition) -> LogError {
    let reason = format!("{} of a log that was in use is empty", partition.of);
    LogError::Diverged(Arc::from(reason))
}

fn mismatch(reason: String) -> LogError {
    LogError::Mismatch(Arc::from(reason))
}
