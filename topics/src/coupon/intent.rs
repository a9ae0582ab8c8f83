//! What is asked about campaigns and coupons.

use minicbor::{Decode, Encode};

use super::CampaignDefinition;
use crate::ids::{CampaignId, CouponId};
use crate::partition::Slot;

/// What somebody asks of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CouponIntent<'a> {
    /// A promoter makes a campaign.
    #[n(1)]
    CreateCampaign {
        /// All of it.
        #[n(0)]
        definition: Box<CampaignDefinition>,
    },
    /// A promoter changes a campaign, also while it runs. Coupons that are out keep their terms.
    #[n(2)]
    ChangeCampaign {
        /// Which.
        #[n(0)]
        campaign: CampaignId,
        /// All of it, as it shall be; the scope stays.
        #[n(1)]
        definition: Box<CampaignDefinition>,
    },
    /// A promoter stops the issue of coupons. Those that are out stay good.
    #[n(3)]
    PauseCampaign {
        /// Which.
        #[n(0)]
        campaign: CampaignId,
    },
    /// A promoter lets the issue go on.
    #[n(4)]
    ResumeCampaign {
        /// Which.
        #[n(0)]
        campaign: CampaignId,
    },
    /// A buyer wants a coupon: first come, first served.
    #[n(5)]
    ClaimCoupon {
        /// Of which campaign.
        #[n(0)]
        campaign: CampaignId,
        /// What the buyer knows, when the campaign asks for it.
        #[b(1)]
        code: Option<&'a str>,
    },
}

impl CouponIntent<'_> {
    /// The slot of the intent's key.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::CreateCampaign { definition } => definition.scope.slot(),
            Self::ChangeCampaign { campaign, .. }
            | Self::PauseCampaign { campaign }
            | Self::ResumeCampaign { campaign }
            | Self::ClaimCoupon { campaign, .. } => campaign.0.slot(),
        }
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateCampaign { .. } => "create_campaign",
            Self::ChangeCampaign { .. } => "change_campaign",
            Self::PauseCampaign { .. } => "pause_campaign",
            Self::ResumeCampaign { .. } => "resume_campaign",
            Self::ClaimCoupon { .. } => "claim_coupon",
        }
    }
}

/// Which coupon an order takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum CouponChoice {
    /// The one that makes it cheapest, when there is one.
    #[default]
    #[n(1)]
    Best,
    /// This one, or the order is not placed.
    #[n(2)]
    Named(#[n(0)] CouponId),
    /// None.
    #[n(3)]
    Nothing,
}
