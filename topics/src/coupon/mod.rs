//! Coupon campaigns: what a promoter says of them. What is asked about them and what was decided
//! is beside this.
//!
//! All of it is data in the log, because all of it changes what an order costs. Variant and field
//! numbers are part of the log and never change their meaning.

mod intent;
mod outcome;

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

pub use intent::{CouponChoice, CouponIntent};
pub use outcome::{CouponOutcome, Discount};

use crate::definition::{
    DefinitionInvalid, PRICE_LEVELS_MAX, check_code, check_count, check_name, check_unique, invalid,
};
use crate::ids::PerformanceId;
use crate::money::{Currency, Money};
use crate::partition::Slot;
use crate::time::Timestamp;

/// Coupons of one campaign: every place of ten stadiums.
pub const COUPONS_MAX: u32 = 1_000_000;
/// Performances that one campaign spans: each is told of each coupon, in one step.
pub const SPANNED_PERFORMANCES_MAX: usize = 64;
/// Coupons of one campaign, once for each performance that is told of them: a message and some
/// hundred bytes of memory each. A million for four performances fit.
pub const COUPONS_TOLD_MAX: usize = 4_000_000;
/// Coupons of one campaign that one account may claim: all of them are looked at for each order.
pub const ACCOUNT_COUPONS_MAX: u16 = 16;
/// Orders that one coupon may reduce.
pub const COUPON_USES_MAX: u16 = 1_000;
/// Bytes of the code that opens a campaign.
pub const CAMPAIGN_CODE_BYTES_MAX: usize = 64;
/// The whole, in basis points.
pub const BASIS_POINTS: u16 = 10_000;

/// A coupon campaign as a promoter defines it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CampaignDefinition {
    /// What it is called.
    #[n(0)]
    pub name: String,
    /// For which performances. Never changes.
    #[n(1)]
    pub scope: CampaignScope,
    /// What a buyer must know to claim; without it the campaign is public.
    #[n(2)]
    pub code: Option<String>,
    /// Coupons are claimed from this moment on.
    #[n(3)]
    pub opens_at: Timestamp,
    /// Coupons are no longer claimed from this moment on.
    #[n(4)]
    pub closes_at: Timestamp,
    /// How many coupons there are.
    #[n(5)]
    pub quantity: u32,
    /// How many of them one account may claim.
    #[n(6)]
    pub account_limit: u16,
    /// What a coupon is good for. A coupon keeps the terms under which it was issued.
    #[n(7)]
    pub terms: CouponTerms,
}

/// The performances of a campaign, and with them the place where it lives.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CampaignScope {
    /// One performance. The campaign lives where the performance lives, so that its coupons are
    /// issued and used without a message.
    #[n(1)]
    Performance {
        /// Which.
        #[n(0)]
        performance: PerformanceId,
    },
    /// Several performances. They are told of every coupon, and ask when an order wants one.
    #[n(2)]
    Performances {
        /// Where the campaign lives. Chosen by whoever makes it, and the same when the making is
        /// repeated.
        #[n(0)]
        slot: Slot,
        /// Which performances.
        #[n(1)]
        performances: Vec<PerformanceId>,
    },
}

/// What a coupon is good for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CouponTerms {
    /// How much it takes off.
    #[n(0)]
    pub reduction: CouponReduction,
    /// The currency of every amount here. The coupon is for no other.
    #[n(1)]
    pub currency: Currency,
    /// The least that an order must cost before any discount, in minor units.
    #[n(2)]
    pub minimum_spend_minor: i64,
    /// Codes of the price levels that it reduces; empty for all.
    #[n(3)]
    pub price_levels: Vec<String>,
    /// Who bears the discount.
    #[n(4)]
    pub issuer: Issuer,
    /// How many orders it may reduce.
    #[n(5)]
    pub uses: u16,
    /// It is worth nothing from this moment on.
    #[n(6)]
    pub expires_at: Timestamp,
    /// Whether its owner has it back when an order that it reduced is refunded.
    #[n(7)]
    pub returned_on_refund: bool,
}

/// How much a coupon takes off the places that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CouponReduction {
    /// An amount, and never more than the places cost.
    #[n(1)]
    Fixed {
        /// In minor units.
        #[n(0)]
        amount_minor: i64,
    },
    /// A share of what the places cost, rounded down to a minor unit.
    #[n(2)]
    Percent {
        /// The share, of [`BASIS_POINTS`].
        #[n(0)]
        basis_points: u16,
        /// Never more than this, in minor units.
        #[n(1)]
        cap_minor: Option<i64>,
    },
}

/// Who bears a discount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Issuer {
    /// Who runs the shop.
    #[n(1)]
    Platform,
    /// Who puts the performance on sale.
    #[n(2)]
    Promoter,
}

impl CampaignDefinition {
    /// Checks everything that the rest of the system relies on.
    ///
    /// # Errors
    /// Names the first field that is wrong, as a path from the definition's root.
    pub fn validate(&self) -> Result<(), DefinitionInvalid> {
        check_name("name", &self.name)?;
        self.scope.check()?;
        if let Some(code) = &self.code {
            check_count("code", code.len(), 1, CAMPAIGN_CODE_BYTES_MAX)?;
        }
        if self.closes_at <= self.opens_at {
            return invalid("closes_at", "must be after opens_at");
        }
        let told = self.scope.told().len().max(1);
        let quantity_max = (COUPONS_MAX as usize).min(COUPONS_TOLD_MAX / told);
        check_count("quantity", self.quantity as usize, 1, quantity_max)?;
        check_count("account_limit", self.account_limit.into(), 1, ACCOUNT_COUPONS_MAX.into())?;
        if self.terms.expires_at <= self.opens_at {
            return invalid("terms.expires_at", "must be after opens_at");
        }
        self.terms.check()
    }
}

impl CampaignScope {
    /// Where the campaign lives.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::Performance { performance } => Slot::of(*performance),
            Self::Performances { slot, .. } => *slot,
        }
    }

    /// The performances that are told of every coupon: none when the campaign lives with its only
    /// one.
    #[must_use]
    pub fn told(&self) -> &[PerformanceId] {
        match self {
            Self::Performance { .. } => &[],
            Self::Performances { performances, .. } => performances,
        }
    }

    /// The performance that the campaign lives with.
    #[must_use]
    pub fn home(&self) -> Option<PerformanceId> {
        match self {
            Self::Performance { performance } => Some(*performance),
            Self::Performances { .. } => None,
        }
    }

    fn check(&self) -> Result<(), DefinitionInvalid> {
        let Self::Performances { performances, .. } = self else { return Ok(()) };
        check_count("scope.performances", performances.len(), 1, SPANNED_PERFORMANCES_MAX)?;
        let distinct: BTreeSet<_> = performances.iter().collect();
        if distinct.len() == performances.len() {
            Ok(())
        } else {
            invalid("scope.performances", "a performance appears twice")
        }
    }
}

impl CouponTerms {
    fn check(&self) -> Result<(), DefinitionInvalid> {
        let check_amount = |field: &str, amount: i64, least: i64| {
            if (least..=Money::MINOR_MAX).contains(&amount) {
                return Ok(());
            }
            let limit = Money::MINOR_MAX;
            invalid(format!("terms.{field}"), format!("must be {least} to {limit}"))
        };
        match self.reduction {
            CouponReduction::Fixed { amount_minor } => {
                check_amount("reduction.amount", amount_minor, 1)?;
            }
            CouponReduction::Percent { basis_points, cap_minor } => {
                let (share, whole) = (basis_points.into(), BASIS_POINTS.into());
                check_count("terms.reduction.basis_points", share, 1, whole)?;
                check_amount("reduction.cap", cap_minor.unwrap_or(1), 1)?;
            }
        }
        check_amount("minimum_spend", self.minimum_spend_minor, 0)?;
        check_count("terms.uses", self.uses.into(), 1, COUPON_USES_MAX.into())?;
        check_count("terms.price_levels", self.price_levels.len(), 0, PRICE_LEVELS_MAX)?;
        for (index, code) in self.price_levels.iter().enumerate() {
            check_code(&format!("terms.price_levels[{index}]"), code)?;
        }
        check_unique("terms.price_levels", self.price_levels.iter().map(|code| &**code))
    }
}
