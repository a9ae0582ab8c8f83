//! The projection thrown away and folded again.

use boxoffice_log::{Log, TopicPartition};
use boxoffice_topics::{Offset, PartitionId};
use sqlx::{PgPool, query};
use tokio::sync::watch;

use super::error::Error;
use super::sink::{PostgresSink, migrate};
use crate::runner::{self, Config, Status};

/// Empties the projection, folds the log again up to its end of now, and returns where every
/// partition stands then.
///
/// When it is interrupted, the projection is the fold of a part of the log, and the sink goes on
/// from there.
///
/// # Errors
/// When the database or the log fails; see [`runner::run`] for what is tried again.
pub async fn rebuild<L: Log>(
    log: L,
    pool: &PgPool,
    config: Config,
) -> Result<Vec<Offset>, runner::Error<Error>> {
    empty(pool).await.map_err(runner::Error::Sink)?;
    let mut ends = Vec::new();
    for partition in (0..log.partitions()).filter_map(PartitionId::new) {
        ends.push(log.end(TopicPartition::outcomes(partition)).await?);
    }
    let (status, mut watched) = watch::channel(Status::default());
    let wanted = ends.clone();
    let reached = async move {
        // An error means that the runner has ended by itself.
        drop(watched.wait_for(|status| status.has_reached(&wanted)).await);
    };
    runner::run(log, PostgresSink::new(pool.clone()), config, status, reached).await?;
    Ok(ends)
}

async fn empty(pool: &PgPool) -> Result<(), Error> {
    migrate(pool).await?;
    query(
        "TRUNCATE progress, performances, price_levels, sections, seats, holds, orders, payments,
                  refunds, tickets, waiting_rooms, turns, campaigns, campaign_terms, coupons,
                  coupon_uses, points_lots, points_uses, points_ledger",
    )
    .execute(pool)
    .await?;
    Ok(())
}
