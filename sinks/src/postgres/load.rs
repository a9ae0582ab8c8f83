//! Rows out of the database: what a batch is about and memory has forgotten.

use sqlx::postgres::{PgHasArrayType, PgRow};
use sqlx::{Encode, FromRow, PgConnection, Postgres, Type, query_as};
use uuid::Uuid;

use super::error::Error;
use super::fold::Fold;
use super::house::House;
use super::missing::Missing;
use super::rows::{ChannelRow, CouponUseRow, PerformanceRow, Row, TurnRow};
use super::table::Table;

/// Reads what a batch is about into a fold.
pub(super) async fn load(
    from: &mut PgConnection,
    fold: &mut Fold,
    missing: &Missing,
) -> Result<(), Error> {
    load_performances(from, fold, &missing.performances).await?;
    let sql = "SELECT * FROM holds WHERE hold_id = ANY($1)";
    load_rows(from, &mut fold.holds, sql, &missing.holds).await?;
    let sql = "SELECT * FROM orders WHERE order_id = ANY($1)";
    load_rows(from, &mut fold.orders, sql, &missing.orders).await?;
    let sql = "SELECT * FROM payments WHERE payment_id = ANY($1)";
    load_rows(from, &mut fold.payments, sql, &missing.payments).await?;
    let sql = "SELECT * FROM refunds WHERE refund = ANY($1)";
    load_rows(from, &mut fold.refunds, sql, &missing.refunds).await?;
    let sql = "SELECT * FROM tickets WHERE order_id = ANY($1)";
    load_rows(from, &mut fold.tickets, sql, &missing.tickets_of).await?;
    let sql = "SELECT * FROM waiting_rooms WHERE performance_id = ANY($1)";
    load_rows(from, &mut fold.waiting_rooms, sql, &missing.waiting_rooms).await?;
    load_sessions(from, fold, &missing.sessions_of).await?;
    load_coupons(from, fold, missing).await?;
    load_channels(from, fold, &missing.channels).await?;
    load_points(from, fold, missing).await?;
    let sql = "SELECT * FROM ticket_transfers WHERE transfer_id = ANY($1)";
    load_rows(from, &mut fold.ticket_transfers, sql, &missing.ticket_transfers).await
}

/// Reads the rows of one table whose keys are in a list.
async fn load_rows<R, K>(
    from: &mut PgConnection,
    table: &mut Table<R>,
    sql: &'static str,
    keys: &[K],
) -> Result<(), Error>
where
    R: Row + Send + Unpin + for<'r> FromRow<'r, PgRow>,
    K: Sync + for<'q> Encode<'q, Postgres> + Type<Postgres> + PgHasArrayType,
{
    if keys.is_empty() {
        return Ok(());
    }
    let rows: Vec<R> = query_as(sql).bind(keys).fetch_all(from).await?;
    rows.into_iter().for_each(|row| table.load(row));
    Ok(())
}

async fn load_performances(
    from: &mut PgConnection,
    fold: &mut Fold,
    keys: &[Uuid],
) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = "SELECT * FROM performances WHERE performance_id = ANY($1)";
    let rows: Vec<PerformanceRow> = query_as(sql).bind(keys).fetch_all(from).await?;
    for row in rows {
        fold.houses.insert(row.performance_id, House::of(&row)?);
        fold.performances.load(row);
    }
    Ok(())
}

async fn load_sessions(
    from: &mut PgConnection,
    fold: &mut Fold,
    of: &[(Uuid, Uuid)],
) -> Result<(), Error> {
    if of.is_empty() {
        return Ok(());
    }
    let (performances, accounts): (Vec<_>, Vec<_>) = of.iter().copied().unzip();
    let rows: Vec<TurnRow> = query_as(
        "SELECT turns.* FROM turns
           JOIN UNNEST($1::uuid[], $2::uuid[]) AS wanted(performance_id, account_id)
          USING (performance_id, account_id)
          WHERE state = 'inside'",
    )
    .bind(performances)
    .bind(accounts)
    .fetch_all(from)
    .await?;
    rows.into_iter().for_each(|row| fold.turns.load(row));
    Ok(())
}

async fn load_coupons(
    from: &mut PgConnection,
    fold: &mut Fold,
    missing: &Missing,
) -> Result<(), Error> {
    let sql = "SELECT * FROM campaigns WHERE campaign_id = ANY($1)";
    load_rows(from, &mut fold.campaigns, sql, &missing.campaigns).await?;
    let sql = "SELECT * FROM campaign_terms WHERE campaign_id = ANY($1)";
    load_rows(from, &mut fold.campaign_terms, sql, &missing.campaigns).await?;
    let sql = "SELECT * FROM coupons WHERE coupon_id = ANY($1)";
    load_rows(from, &mut fold.coupons, sql, &missing.coupons).await?;
    if missing.coupon_uses.is_empty() {
        return Ok(());
    }
    let (coupons, orders): (Vec<_>, Vec<_>) = missing.coupon_uses.iter().copied().unzip();
    let rows: Vec<CouponUseRow> = query_as(
        "SELECT coupon_uses.* FROM coupon_uses
           JOIN UNNEST($1::bigint[], $2::bigint[]) AS wanted(coupon_id, order_id)
          USING (coupon_id, order_id)",
    )
    .bind(coupons)
    .bind(orders)
    .fetch_all(from)
    .await?;
    rows.into_iter().for_each(|row| fold.coupon_uses.load(row));
    Ok(())
}

async fn load_channels(
    from: &mut PgConnection,
    fold: &mut Fold,
    of: &[(Uuid, i32)],
) -> Result<(), Error> {
    if of.is_empty() {
        return Ok(());
    }
    let (performances, channels): (Vec<_>, Vec<_>) = of.iter().copied().unzip();
    let rows: Vec<ChannelRow> = query_as(
        "SELECT channels.* FROM channels
           JOIN UNNEST($1::uuid[], $2::integer[]) AS wanted(performance_id, channel)
          USING (performance_id, channel)",
    )
    .bind(performances)
    .bind(channels)
    .fetch_all(from)
    .await?;
    rows.into_iter().for_each(|row| fold.channels.load(row));
    Ok(())
}

async fn load_points(
    from: &mut PgConnection,
    fold: &mut Fold,
    missing: &Missing,
) -> Result<(), Error> {
    let sql = "SELECT * FROM points_lots WHERE lot_id = ANY($1)";
    load_rows(from, &mut fold.points_lots, sql, &missing.points_lots).await?;
    let sql = "SELECT * FROM points_uses WHERE order_id = ANY($1)";
    load_rows(from, &mut fold.points_uses, sql, &missing.points_of).await?;
    let sql = "SELECT * FROM points_lots
                WHERE lot_id IN (SELECT lot_id FROM points_uses WHERE order_id = ANY($1))";
    load_rows(from, &mut fold.points_lots, sql, &missing.points_of).await
}
