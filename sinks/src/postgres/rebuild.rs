//! The projection thrown away and folded again.

use boxoffice_log::{Log, TopicPartition};
use boxoffice_topics::{LogId, Offset, PartitionId};
use sqlx::{PgPool, query};
use tokio::sync::watch;

use super::error::Error;
use super::read::refuse_other_log;
use super::sink::{PostgresSink, migrate};
use crate::runner::{self, Config, Phase, Status};

/// Whose rows a rebuild may throw away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Those of the log that they are rebuilt from. Rows of another log are left as they are, and
    /// the rebuild is refused.
    OwnRows,
    /// Whatever is there.
    AnyRows,
}

/// Empties the projection, folds the log again up to its end of now, and returns where every
/// partition stands then.
///
/// When it is interrupted, the projection is the fold of a part of the log, and the sink goes on
/// from there.
///
/// # Errors
/// When the database has rows that are not to be replaced, or it or the log fails; see
/// [`runner::run`] for what is tried again.
pub async fn rebuild<L: Log>(
    log: L,
    pool: &PgPool,
    config: Config,
    replace: Replace,
) -> Result<Vec<Offset>, runner::Error<Error>> {
    empty(pool, log.log_id(), replace).await.map_err(runner::Error::Sink)?;
    let mut ends = Vec::new();
    for partition in (0..log.partitions()).filter_map(PartitionId::new) {
        ends.push(log.end(TopicPartition::outcomes(partition)).await?);
    }
    let (status, mut watched) = watch::channel(Status::default());
    let wanted = ends.clone();
    let is_over = move |status: &Status| {
        matches!(status.phase, Phase::Stopped(_)) || status.has_reached(&wanted)
    };
    let reached = async move {
        // An error means that the runner has ended by itself.
        drop(watched.wait_for(is_over).await);
    };
    runner::run(log, PostgresSink::new(pool.clone()), config, status, reached).await?;
    Ok(ends)
}

async fn empty(pool: &PgPool, log_id: LogId, replace: Replace) -> Result<(), Error> {
    if replace == Replace::OwnRows {
        // The schema of another log's database is not brought up to date either.
        refuse_other_log(&mut *pool.acquire().await?, log_id).await?;
    }
    migrate(pool).await?;
    let mut transaction = pool.begin().await?;
    // Nobody writes progress between the look at it and its end.
    query("LOCK TABLE progress").execute(&mut *transaction).await?;
    if replace == Replace::OwnRows {
        refuse_other_log(&mut transaction, log_id).await?;
    }
    query(
        "TRUNCATE progress, performances, price_levels, sections, seats, holds, orders, payments,
                  refunds, tickets, waiting_rooms, turns, campaigns, campaign_terms, coupons,
                  coupon_uses, points_lots, points_uses, points_ledger, ticket_rules,
                  ticket_transfers, ticket_scans, refund_terms,
                  ticket_refunds, performance_cancellations,
                  settlement_terms, settlement_lines,
                  channels, allotments, channel_holds, companion_releases, shaped_seats, nights",
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}
