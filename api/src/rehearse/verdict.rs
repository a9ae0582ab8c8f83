//! What only the owner of a data directory can find out, once its node has ended: whether
//! deciding everything again gives the same outcomes, and whether the rows are their fold.

use boxoffice_log::journal::{Journal, JournalConfig};
use boxoffice_log::{Log as _, LogError, TopicPartition};
use boxoffice_processors::replay;
use boxoffice_sinks::postgres::{self, DatabaseUrl, DatabaseUrlInvalid, PgPool, Totals};
use boxoffice_topics::{PartitionId, PerformanceId};

use crate::config::{Config, Database};
use crate::node::LOG_DIR;

/// What was compared; None where nothing could be.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub(super) replay: Option<Compared>,
    pub(super) postgres: Option<Compared>,
    /// What the rows of these performances add up to.
    pub(super) totals: Option<Totals>,
}

/// How much was compared, and what differs.
#[derive(Clone, Debug, Default)]
pub(super) struct Compared {
    pub(super) records: u64,
    pub(super) differences: Vec<String>,
}

/// The log or the database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum VerdictError {
    /// The log.
    #[error("log: {0}")]
    Log(#[from] LogError),
    /// A partition.
    #[error(transparent)]
    Replay(#[from] boxoffice_processors::Error),
    /// The database.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// The address of the database.
    #[error(transparent)]
    Url(#[from] DatabaseUrlInvalid),
}

/// Verifies everything that a node of this configuration left behind, and adds up these
/// performances.
pub(super) async fn verify(
    config: &Config,
    performances: &[PerformanceId],
) -> Result<Verdict, VerdictError> {
    let log = Journal::open(&JournalConfig::new(config.data_dir.join(LOG_DIR), config.partitions))?;
    let mut replayed = Compared::default();
    for partition in (0..log.partitions()).filter_map(PartitionId::new) {
        let report = replay::verify(&log, partition, |_| ()).await?;
        replayed.records += report.records;
        replayed.differences.extend(report.first_difference.map(|difference| {
            format!("partition {partition} at {}: {}", difference.offset, difference.reason)
        }));
    }
    let rows = read_rows(config, &log, performances).await?;
    log.close()?;
    let (postgres, totals) = rows.unzip();
    Ok(Verdict { replay: Some(replayed), postgres, totals })
}

async fn read_rows(
    config: &Config,
    log: &Journal,
    performances: &[PerformanceId],
) -> Result<Option<(Compared, Totals)>, VerdictError> {
    match &config.database {
        Database::None => Ok(None),
        Database::Url(url) => {
            let pool = url.parse::<DatabaseUrl>()?.pool();
            let found = judge_rows(log, &pool, performances).await;
            pool.close().await;
            found.map(Some)
        }
        #[cfg(feature = "embedded-postgres")]
        Database::Embedded => {
            let directory = config.data_dir.join(crate::node::POSTGRES_DIR);
            let database = postgres::Embedded::start(&directory).await?;
            let found = judge_rows(log, database.pool(), performances).await;
            database.stop().await?;
            found.map(Some)
        }
        #[cfg(not(feature = "embedded-postgres"))]
        Database::Embedded => Ok(None),
    }
}

async fn judge_rows(
    log: &Journal,
    pool: &PgPool,
    performances: &[PerformanceId],
) -> Result<(Compared, Totals), VerdictError> {
    let compared = differences(log, pool).await?;
    Ok((compared, postgres::totals(pool, performances).await?))
}

/// Rows that differ, and partitions that are not written to their end.
async fn differences(log: &Journal, pool: &PgPool) -> Result<Compared, VerdictError> {
    let comparison = postgres::compare(log, pool).await?;
    let mut records = 0;
    let mut differences: Vec<String> =
        comparison.differences.iter().map(ToString::to_string).collect();
    for position in &comparison.positions {
        let end = log.end(TopicPartition::outcomes(position.partition)).await?;
        records += position.next.number();
        if position.next != end {
            let (partition, next) = (position.partition, position.next);
            differences.push(format!("partition {partition} is written to {next} of {end}"));
        }
    }
    Ok(Compared { records, differences })
}
