//! Campaigns, coupons and their uses into the database.

use sqlx::{PgConnection, query};

use super::{copy_rows, updated};
use crate::postgres::copy::CopyBuffer;
use crate::postgres::error::Error;
use crate::postgres::fold::Fold;
use crate::postgres::rows::{CampaignRow, CampaignTermsRow, CouponRow, CouponUseRow};

const COPY_CAMPAIGNS: &str = "\
    COPY campaigns (campaign_id, name, is_spanning, performances, asks_code, opens_at, \
    closes_at, quantity, account_limit, version, issued, paused_at, created_at, \
    changed_at) FROM STDIN (FORMAT binary)";
const COPY_CAMPAIGN_TERMS: &str = "\
    COPY campaign_terms (campaign_id, version, reduction, amount_minor, basis_points, \
    cap_minor, currency, minimum_spend_minor, price_levels, issuer, uses, expires_at, \
    returned_on_refund) FROM STDIN (FORMAT binary)";
const COPY_COUPONS: &str = "\
    COPY coupons (coupon_id, campaign_id, account_id, version, number, state, uses, \
    uses_left, uses_reserved, issued_at) FROM STDIN (FORMAT binary)";

pub(super) async fn write(
    to: &mut PgConnection,
    fold: &Fold,
    copy: &mut CopyBuffer,
) -> Result<u64, Error> {
    let campaigns = fold.campaigns.changes();
    let mut written = copy_rows(to, copy, COPY_CAMPAIGNS, &campaigns.new, copy_campaign).await?;
    written += update_campaigns(to, &campaigns.changed).await?;
    // Terms never change: a campaign gets other ones.
    let terms = fold.campaign_terms.changed();
    written += copy_rows(to, copy, COPY_CAMPAIGN_TERMS, &terms, copy_terms).await?;
    // Thousands in a second of a flash issue, one for each claim.
    let coupons = fold.coupons.changes();
    written += copy_rows(to, copy, COPY_COUPONS, &coupons.new, copy_coupon).await?;
    written += update_coupons(to, &coupons.changed).await?;
    written += write_uses(to, &fold.coupon_uses.changed()).await?;
    Ok(written)
}

fn copy_campaign(copy: &mut CopyBuffer, row: &CampaignRow) -> Result<(), Error> {
    copy.row(14)
        .field(row.campaign_id)?
        .field(row.name.as_str())?
        .field(row.is_spanning)?
        .field(&row.performances)?
        .field(row.asks_code)?
        .field(row.opens_at)?
        .field(row.closes_at)?
        .field(row.quantity)?
        .field(row.account_limit)?
        .field(row.version)?
        .field(row.issued)?
        .field(row.paused_at)?
        .field(row.created_at)?
        .field(row.changed_at)?;
    Ok(())
}

/// Performances of a campaign never change.
async fn update_campaigns(to: &mut PgConnection, rows: &[&CampaignRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let done = query(
        "UPDATE campaigns
            SET name = c.name, asks_code = c.asks_code, opens_at = c.opens_at,
                closes_at = c.closes_at, quantity = c.quantity, account_limit = c.account_limit,
                version = c.version, issued = c.issued, paused_at = c.paused_at,
                changed_at = c.changed_at
           FROM UNNEST($1::bigint[], $2::text[], $3::boolean[], $4::timestamptz[],
                $5::timestamptz[], $6::bigint[], $7::integer[], $8::integer[], $9::bigint[],
                $10::timestamptz[], $11::timestamptz[])
                AS c(campaign_id, name, asks_code, opens_at, closes_at, quantity, account_limit,
                     version, issued, paused_at, changed_at)
          WHERE campaigns.campaign_id = c.campaign_id",
    )
    .bind(column!(rows, |row| row.campaign_id))
    .bind(column!(rows, |row| &*row.name))
    .bind(column!(rows, |row| row.asks_code))
    .bind(column!(rows, |row| row.opens_at))
    .bind(column!(rows, |row| row.closes_at))
    .bind(column!(rows, |row| row.quantity))
    .bind(column!(rows, |row| row.account_limit))
    .bind(column!(rows, |row| row.version))
    .bind(column!(rows, |row| row.issued))
    .bind(column!(rows, |row| row.paused_at))
    .bind(column!(rows, |row| row.changed_at))
    .execute(to)
    .await?;
    updated(done.rows_affected(), rows)
}

fn copy_terms(copy: &mut CopyBuffer, row: &CampaignTermsRow) -> Result<(), Error> {
    copy.row(13)
        .field(row.campaign_id)?
        .field(row.version)?
        .field(row.reduction.as_str())?
        .field(row.amount_minor)?
        .field(row.basis_points)?
        .field(row.cap_minor)?
        .field(row.currency.as_str())?
        .field(row.minimum_spend_minor)?
        .field(&row.price_levels)?
        .field(row.issuer.as_str())?
        .field(row.uses)?
        .field(row.expires_at)?
        .field(row.returned_on_refund)?;
    Ok(())
}

fn copy_coupon(copy: &mut CopyBuffer, row: &CouponRow) -> Result<(), Error> {
    copy.row(10)
        .field(row.coupon_id)?
        .field(row.campaign_id)?
        .field(row.account_id)?
        .field(row.version)?
        .field(row.number)?
        .field(row.state.as_str())?
        .field(row.uses)?
        .field(row.uses_left)?
        .field(row.uses_reserved)?
        .field(row.issued_at)?;
    Ok(())
}

async fn update_coupons(to: &mut PgConnection, rows: &[&CouponRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let done = query(
        "UPDATE coupons
            SET state = c.state, uses_left = c.uses_left, uses_reserved = c.uses_reserved
           FROM UNNEST($1::bigint[], $2::text[], $3::integer[], $4::integer[])
                AS c(coupon_id, state, uses_left, uses_reserved)
          WHERE coupons.coupon_id = c.coupon_id",
    )
    .bind(column!(rows, |row| row.coupon_id))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.uses_left))
    .bind(column!(rows, |row| row.uses_reserved))
    .execute(to)
    .await?;
    updated(done.rows_affected(), rows)
}

async fn write_uses(to: &mut PgConnection, rows: &[&CouponUseRow]) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    query(
        "INSERT INTO coupon_uses
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[],
                $5::timestamptz[])
         ON CONFLICT (coupon_id, order_id) DO UPDATE
            SET state = EXCLUDED.state, reserved_at = EXCLUDED.reserved_at,
                settled_at = EXCLUDED.settled_at",
    )
    .bind(column!(rows, |row| row.coupon_id))
    .bind(column!(rows, |row| row.order_id))
    .bind(column!(rows, |row| row.state.as_str()))
    .bind(column!(rows, |row| row.reserved_at))
    .bind(column!(rows, |row| row.settled_at))
    .execute(to)
    .await?;
    Ok(rows.len() as u64)
}
