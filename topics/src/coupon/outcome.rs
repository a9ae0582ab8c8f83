//! What was decided about campaigns and coupons.

use minicbor::{Decode, Encode};

use super::{CampaignDefinition, CouponTerms, Issuer};
use crate::ids::{AccountId, CampaignId, CouponId, OrderId, PerformanceId};
use crate::money::Money;
use crate::outcome::Outcome;

/// A discount that a coupon gives to one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Discount {
    /// The coupon.
    #[n(0)]
    pub coupon: CouponId,
    /// Its campaign.
    #[n(1)]
    pub campaign: CampaignId,
    /// Who bears it.
    #[n(2)]
    pub issuer: Issuer,
    /// How much it takes off.
    #[n(3)]
    pub amount: Money,
}

/// What was decided about campaigns and coupons.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CouponOutcome {
    /// A campaign exists now.
    #[n(1)]
    CampaignCreated {
        /// Its id.
        #[n(0)]
        campaign: CampaignId,
        /// All of it.
        #[n(1)]
        definition: Box<CampaignDefinition>,
    },
    /// A campaign is another now.
    #[n(2)]
    CampaignChanged {
        /// Which.
        #[n(0)]
        campaign: CampaignId,
        /// All of it.
        #[n(1)]
        definition: Box<CampaignDefinition>,
        /// Number of its terms, from zero: the old ones when the terms are the same.
        #[n(2)]
        version: u16,
    },
    /// No coupons are issued for the time being.
    #[n(3)]
    CampaignPaused {
        /// Of which campaign.
        #[n(0)]
        campaign: CampaignId,
    },
    /// Coupons are issued again.
    #[n(4)]
    CampaignResumed {
        /// Of which campaign.
        #[n(0)]
        campaign: CampaignId,
    },
    /// A buyer has a coupon.
    #[n(5)]
    Issued {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// Of which campaign.
        #[n(1)]
        campaign: CampaignId,
        /// Whose it is.
        #[n(2)]
        account: AccountId,
        /// Number of its terms.
        #[n(3)]
        version: u16,
        /// The how-manieth it is, from one.
        #[n(4)]
        number: u32,
    },
    /// A use of the coupon is kept for an order.
    #[n(6)]
    Reserved {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// For which order.
        #[n(1)]
        order: OrderId,
    },
    /// The order is confirmed: the use is gone.
    #[n(7)]
    Used {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// By which order.
        #[n(1)]
        order: OrderId,
    },
    /// The order died: the use that was kept for it is free.
    #[n(8)]
    Released {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// By which order.
        #[n(1)]
        order: OrderId,
    },
    /// The order was refunded, and the coupon may be used once more.
    #[n(9)]
    Returned {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// By which order.
        #[n(1)]
        order: OrderId,
    },
    /// A performance knows what the coupons of a campaign elsewhere are good for.
    #[n(10)]
    Announced {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The campaign.
        #[n(1)]
        campaign: CampaignId,
        /// Number of the terms.
        #[n(2)]
        version: u16,
        /// The terms.
        #[n(3)]
        terms: Box<CouponTerms>,
    },
    /// A performance knows of a coupon of a campaign elsewhere that can be used.
    #[n(11)]
    Granted {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The campaign.
        #[n(1)]
        campaign: CampaignId,
        /// Number of the coupon's terms.
        #[n(2)]
        version: u16,
        /// The coupon.
        #[n(3)]
        coupon: CouponId,
        /// Whose it is.
        #[n(4)]
        account: AccountId,
    },
    /// A performance knows that a coupon of a campaign elsewhere has no use left.
    #[n(12)]
    Spent {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The coupon.
        #[n(1)]
        coupon: CouponId,
    },
}

impl From<CouponOutcome> for Outcome {
    fn from(outcome: CouponOutcome) -> Self {
        Self::Coupon(outcome)
    }
}
