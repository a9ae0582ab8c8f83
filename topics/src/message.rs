//! Messages: what one key tells another, through the log.
//!
//! A step says that a message is sent; the runtime appends it to the partition of the slot that
//! the message names itself. It may come twice, and it may come late; from one partition to
//! another it comes in order. Variant and field numbers are part of the log and never change
//! their meaning.

use minicbor::{Decode, Encode};

use crate::coupon::CouponTerms;
use crate::ids::{AccountId, CampaignId, CouponId, OrderId, PerformanceId};
use crate::money::Money;
use crate::partition::Slot;
use crate::refusal::RefusalCode;
use crate::time::Timestamp;

/// What one key tells another.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Message {
    /// A campaign tells a performance what its coupons are good for.
    #[n(1)]
    CampaignAnnounced {
        /// To which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The campaign.
        #[n(1)]
        campaign: CampaignId,
        /// Number of the terms, from zero without a gap.
        #[n(2)]
        version: u16,
        /// The terms.
        #[n(3)]
        terms: Box<CouponTerms>,
    },
    /// A campaign tells a performance that an account has a coupon to use.
    #[n(2)]
    CouponGranted {
        /// To which performance.
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
    /// A campaign tells a performance that a coupon has no use left.
    #[n(3)]
    CouponSpent {
        /// To which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The coupon.
        #[n(1)]
        coupon: CouponId,
    },
    /// An order asks for a use of a coupon.
    #[n(4)]
    ReserveCoupon {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// The order.
        #[n(1)]
        order: OrderId,
        /// Who orders.
        #[n(2)]
        account: AccountId,
    },
    /// The order has the use.
    #[n(5)]
    CouponReserved {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// The coupon.
        #[n(1)]
        coupon: CouponId,
    },
    /// The order does not have the use.
    #[n(6)]
    CouponRefused {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// The coupon.
        #[n(1)]
        coupon: CouponId,
        /// Why.
        #[n(2)]
        code: RefusalCode,
    },
    /// The order is confirmed: the use is gone.
    #[n(7)]
    CommitCoupon {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// The order.
        #[n(1)]
        order: OrderId,
    },
    /// The order died, or no longer waits: the use is free.
    #[n(8)]
    ReleaseCoupon {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// The order.
        #[n(1)]
        order: OrderId,
    },
    /// The order was refunded: the coupon may be used once more.
    #[n(9)]
    ReturnCoupon {
        /// The coupon.
        #[n(0)]
        coupon: CouponId,
        /// The order.
        #[n(1)]
        order: OrderId,
    },
    /// An order asks for points.
    #[n(20)]
    ReservePoints {
        /// Whose wallet.
        #[n(0)]
        account: AccountId,
        /// The order.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
    },
    /// The order has the points.
    #[n(21)]
    PointsReserved {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// Whose wallet.
        #[n(1)]
        account: AccountId,
    },
    /// The order does not have the points.
    #[n(22)]
    PointsRefused {
        /// The order.
        #[n(0)]
        order: OrderId,
        /// Why.
        #[n(1)]
        code: RefusalCode,
    },
    /// The order is confirmed: the points are spent.
    #[n(23)]
    CommitPoints {
        /// Whose wallet.
        #[n(0)]
        account: AccountId,
        /// The order.
        #[n(1)]
        order: OrderId,
    },
    /// The order died, or no longer waits: the points are free.
    #[n(24)]
    ReleasePoints {
        /// Whose wallet.
        #[n(0)]
        account: AccountId,
        /// The order.
        #[n(1)]
        order: OrderId,
    },
    /// The order is confirmed and earned points.
    #[n(25)]
    EarnPoints {
        /// Whose wallet.
        #[n(0)]
        account: AccountId,
        /// The order.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
        /// Until when.
        #[n(3)]
        expires_at: Timestamp,
    },
    /// The order was refunded: the points that paid for it come back.
    #[n(26)]
    RestorePoints {
        /// Whose wallet.
        #[n(0)]
        account: AccountId,
        /// The order.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
        /// Until when.
        #[n(3)]
        expires_at: Timestamp,
    },
    /// The order was refunded: the points that it earned go back.
    #[n(27)]
    TakeBackPoints {
        /// Whose wallet.
        #[n(0)]
        account: AccountId,
        /// The order.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
    },
}

impl Message {
    /// The slot of the key that is told.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::CampaignAnnounced { performance, .. }
            | Self::CouponGranted { performance, .. }
            | Self::CouponSpent { performance, .. } => Slot::of(*performance),
            Self::CouponReserved { order, .. }
            | Self::CouponRefused { order, .. }
            | Self::PointsReserved { order, .. }
            | Self::PointsRefused { order, .. } => order.0.slot(),
            Self::ReservePoints { account, .. }
            | Self::CommitPoints { account, .. }
            | Self::ReleasePoints { account, .. }
            | Self::EarnPoints { account, .. }
            | Self::RestorePoints { account, .. }
            | Self::TakeBackPoints { account, .. } => Slot::of_account(*account),
            Self::ReserveCoupon { coupon, .. }
            | Self::CommitCoupon { coupon, .. }
            | Self::ReleaseCoupon { coupon, .. }
            | Self::ReturnCoupon { coupon, .. } => coupon.0.slot(),
        }
    }

    /// The message's type as clients read it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CampaignAnnounced { .. } => "campaign_announced",
            Self::CouponGranted { .. } => "coupon_granted",
            Self::CouponSpent { .. } => "coupon_spent",
            Self::ReserveCoupon { .. } => "reserve_coupon",
            Self::CouponReserved { .. } => "coupon_reserved",
            Self::CouponRefused { .. } => "coupon_refused",
            Self::CommitCoupon { .. } => "commit_coupon",
            Self::ReleaseCoupon { .. } => "release_coupon",
            Self::ReturnCoupon { .. } => "return_coupon",
            Self::ReservePoints { .. } => "reserve_points",
            Self::PointsReserved { .. } => "points_reserved",
            Self::PointsRefused { .. } => "points_refused",
            Self::CommitPoints { .. } => "commit_points",
            Self::ReleasePoints { .. } => "release_points",
            Self::EarnPoints { .. } => "earn_points",
            Self::RestorePoints { .. } => "restore_points",
            Self::TakeBackPoints { .. } => "take_back_points",
        }
    }
}
