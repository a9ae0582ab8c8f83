//! Outcomes of campaigns and coupons. The code that opens a campaign is in none of them.

use boxoffice_topics::CouponOutcome;
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::campaign::{CampaignJson, TermsJson};

/// One fact about a campaign or a coupon.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CouponOutcomeJson {
    /// A campaign exists now.
    CampaignCreated {
        /// Its id.
        campaign: String,
        /// All of it but its code.
        definition: Box<CampaignJson>,
    },
    /// A campaign is another now.
    CampaignChanged {
        /// Which.
        campaign: String,
        /// All of it but its code.
        definition: Box<CampaignJson>,
        /// Number of its terms, from zero.
        version: u16,
    },
    /// No coupons are issued for the time being.
    CampaignPaused {
        /// Of which campaign.
        campaign: String,
    },
    /// Coupons are issued again.
    CampaignResumed {
        /// Of which campaign.
        campaign: String,
    },
    /// A buyer has a coupon.
    CouponIssued {
        /// The coupon.
        coupon: String,
        /// Of which campaign.
        campaign: String,
        /// Number of its terms.
        version: u16,
        /// The how-manieth it is, from one.
        number: u32,
    },
    /// A use of the coupon is kept for an order.
    CouponReserved {
        /// The coupon.
        coupon: String,
        /// For which order.
        order: String,
    },
    /// The order is confirmed: the use is gone.
    CouponUsed {
        /// The coupon.
        coupon: String,
        /// By which order.
        order: String,
    },
    /// The order died: the use that was kept for it is free.
    CouponReleased {
        /// The coupon.
        coupon: String,
        /// By which order.
        order: String,
    },
    /// The order was refunded, and the coupon may be used once more.
    CouponReturned {
        /// The coupon.
        coupon: String,
        /// By which order.
        order: String,
    },
    /// A performance knows what the coupons of a campaign elsewhere are good for.
    CampaignAnnounced {
        /// Which performance.
        performance: String,
        /// The campaign.
        campaign: String,
        /// Number of the terms.
        version: u16,
        /// The terms.
        terms: Box<TermsJson>,
    },
    /// A performance knows of a coupon of a campaign elsewhere that can be used.
    CouponGranted {
        /// Which performance.
        performance: String,
        /// The campaign.
        campaign: String,
        /// Number of the coupon's terms.
        version: u16,
        /// The coupon.
        coupon: String,
    },
    /// A performance knows that a coupon of a campaign elsewhere has no use left.
    CouponSpent {
        /// Which performance.
        performance: String,
        /// The coupon.
        coupon: String,
    },
}

impl From<&CouponOutcome> for CouponOutcomeJson {
    fn from(outcome: &CouponOutcome) -> Self {
        match outcome {
            CouponOutcome::CampaignCreated { campaign, definition } => Self::CampaignCreated {
                campaign: campaign.to_string(),
                definition: Box::new((&**definition).into()),
            },
            CouponOutcome::CampaignChanged { campaign, definition, version } => {
                Self::CampaignChanged {
                    campaign: campaign.to_string(),
                    definition: Box::new((&**definition).into()),
                    version: *version,
                }
            }
            CouponOutcome::CampaignPaused { campaign } => {
                Self::CampaignPaused { campaign: campaign.to_string() }
            }
            CouponOutcome::CampaignResumed { campaign } => {
                Self::CampaignResumed { campaign: campaign.to_string() }
            }
            CouponOutcome::Issued { coupon, campaign, version, number, .. } => Self::CouponIssued {
                coupon: coupon.to_string(),
                campaign: campaign.to_string(),
                version: *version,
                number: *number,
            },
            CouponOutcome::Reserved { coupon, order } => {
                Self::CouponReserved { coupon: coupon.to_string(), order: order.to_string() }
            }
            CouponOutcome::Used { coupon, order } => {
                Self::CouponUsed { coupon: coupon.to_string(), order: order.to_string() }
            }
            CouponOutcome::Released { coupon, order } => {
                Self::CouponReleased { coupon: coupon.to_string(), order: order.to_string() }
            }
            CouponOutcome::Returned { coupon, order } => {
                Self::CouponReturned { coupon: coupon.to_string(), order: order.to_string() }
            }
            CouponOutcome::Announced { .. }
            | CouponOutcome::Granted { .. }
            | CouponOutcome::Spent { .. } => Self::known_by_a_performance(outcome),
        }
    }
}

impl CouponOutcomeJson {
    fn known_by_a_performance(outcome: &CouponOutcome) -> Self {
        match outcome {
            CouponOutcome::Announced { performance, campaign, version, terms } => {
                Self::CampaignAnnounced {
                    performance: performance.to_string(),
                    campaign: campaign.to_string(),
                    version: *version,
                    terms: Box::new((&**terms).into()),
                }
            }
            CouponOutcome::Granted { performance, campaign, version, coupon, .. } => {
                Self::CouponGranted {
                    performance: performance.to_string(),
                    campaign: campaign.to_string(),
                    version: *version,
                    coupon: coupon.to_string(),
                }
            }
            CouponOutcome::Spent { performance, coupon } => Self::CouponSpent {
                performance: performance.to_string(),
                coupon: coupon.to_string(),
            },
            other => unreachable!("{other:?} is not what a performance is told"),
        }
    }
}
