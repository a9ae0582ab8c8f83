//! Campaigns, their coupons, and what orders did with them.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Row, readable_id};
use crate::postgres::columns::{
    CouponState, CouponUseState, CurrencyCode, IssuerWord, Moment, ReductionWord,
};

/// A campaign.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct CampaignRow {
    pub(in crate::postgres) campaign_id: i64,
    pub(in crate::postgres) name: String,
    pub(in crate::postgres) is_spanning: bool,
    pub(in crate::postgres) performances: Vec<Uuid>,
    pub(in crate::postgres) asks_code: bool,
    pub(in crate::postgres) opens_at: Moment,
    pub(in crate::postgres) closes_at: Moment,
    pub(in crate::postgres) quantity: i64,
    pub(in crate::postgres) account_limit: i32,
    pub(in crate::postgres) version: i32,
    pub(in crate::postgres) issued: i64,
    pub(in crate::postgres) paused_at: Option<Moment>,
    pub(in crate::postgres) created_at: Moment,
    pub(in crate::postgres) changed_at: Option<Moment>,
}

/// What the coupons of a campaign are good for, in one version.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct CampaignTermsRow {
    pub(in crate::postgres) campaign_id: i64,
    pub(in crate::postgres) version: i32,
    pub(in crate::postgres) reduction: ReductionWord,
    pub(in crate::postgres) amount_minor: Option<i64>,
    pub(in crate::postgres) basis_points: Option<i32>,
    pub(in crate::postgres) cap_minor: Option<i64>,
    pub(in crate::postgres) currency: CurrencyCode,
    pub(in crate::postgres) minimum_spend_minor: i64,
    pub(in crate::postgres) price_levels: Vec<String>,
    pub(in crate::postgres) issuer: IssuerWord,
    pub(in crate::postgres) uses: i32,
    pub(in crate::postgres) expires_at: Moment,
    pub(in crate::postgres) returned_on_refund: bool,
}

/// A coupon.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct CouponRow {
    pub(in crate::postgres) coupon_id: i64,
    pub(in crate::postgres) campaign_id: i64,
    pub(in crate::postgres) account_id: Uuid,
    pub(in crate::postgres) version: i32,
    pub(in crate::postgres) number: i64,
    pub(in crate::postgres) state: CouponState,
    pub(in crate::postgres) uses: i32,
    pub(in crate::postgres) uses_left: i32,
    pub(in crate::postgres) uses_reserved: i32,
    pub(in crate::postgres) issued_at: Moment,
}

impl CouponRow {
    /// Moves uses between those that are left and those that orders have.
    pub(in crate::postgres) fn move_uses(&mut self, left: i32, reserved: i32) {
        self.uses_left += left;
        self.uses_reserved += reserved;
        self.state = match (self.uses_left, self.uses_reserved) {
            (1.., _) => CouponState::Free,
            (_, 1..) => CouponState::Reserved,
            (_, _) => CouponState::Used,
        };
    }
}

/// One use of a coupon.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub(in crate::postgres) struct CouponUseRow {
    pub(in crate::postgres) coupon_id: i64,
    pub(in crate::postgres) order_id: i64,
    pub(in crate::postgres) state: CouponUseState,
    pub(in crate::postgres) reserved_at: Moment,
    pub(in crate::postgres) settled_at: Option<Moment>,
}

row!(
    CampaignRow,
    "campaigns",
    i64,
    |row| row.campaign_id,
    |row| readable_id(row.campaign_id),
    |_| false
);
row!(
    CampaignTermsRow,
    "campaign_terms",
    (i64, i32),
    |row| (row.campaign_id, row.version),
    |row| format!("{}.{}", readable_id(row.campaign_id), row.version),
    |_| false
);
row!(CouponRow, "coupons", i64, |row| row.coupon_id, |row| readable_id(row.coupon_id), |row| row
    .uses_reserved
    == 0);
row!(
    CouponUseRow,
    "coupon_uses",
    (i64, i64),
    |row| (row.coupon_id, row.order_id),
    |row| format!("{} {}", readable_id(row.coupon_id), readable_id(row.order_id)),
    |row| row.state != CouponUseState::Reserved
);
