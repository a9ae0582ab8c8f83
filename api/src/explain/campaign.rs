//! Refusals of campaigns and of coupons, and the records that stood in their way.

use std::fmt;

use boxoffice_core::State;
use boxoffice_topics::{CampaignId, CouponId, CouponIntent, CouponOutcome, Outcome, RefusalCode};

use super::FiguresJson;

/// A campaign that refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CampaignSubject {
    campaign: CampaignId,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Every coupon is out. There were so many.
    Exhausted { quantity: u32 },
    /// It was stopped by hand, or was not.
    Paused,
    /// It is not open yet, or no longer, or asks for another code: whoever defined it said so.
    Defined,
}

impl fmt::Display for CampaignSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Exhausted { .. } => write!(f, "the last coupon of campaign {}", self.campaign),
            Why::Paused | Why::Defined => write!(f, "campaign {}", self.campaign),
        }
    }
}

impl CampaignSubject {
    /// What the refusal is about; nothing when no single record stood in its way.
    pub(super) fn of(intent: &CouponIntent<'_>, code: RefusalCode, state: &State) -> Option<Self> {
        let (CouponIntent::ClaimCoupon { campaign, .. }
        | CouponIntent::PauseCampaign { campaign }
        | CouponIntent::ResumeCampaign { campaign }
        | CouponIntent::ChangeCampaign { campaign, .. }) = intent
        else {
            return None;
        };
        let why = match code {
            RefusalCode::CouponsExhausted | RefusalCode::QuantityBelowIssued => {
                Why::Exhausted { quantity: state.campaign(*campaign)?.definition().quantity }
            }
            RefusalCode::CampaignPaused | RefusalCode::CampaignNotPaused => Why::Paused,
            RefusalCode::CampaignNotOpen
            | RefusalCode::CampaignEnded
            | RefusalCode::CouponCodeWrong => Why::Defined,
            _ => return None,
        };
        Some(Self { campaign: *campaign, why })
    }

    /// What an outcome says of it; nothing when the outcome is about something else.
    pub(super) fn what(&self, outcome: &Outcome) -> Option<&'static str> {
        let Outcome::Coupon(outcome) = outcome else { return None };
        match (self.why, outcome) {
            (Why::Exhausted { .. }, CouponOutcome::Issued { campaign, .. }) => {
                (*campaign == self.campaign).then_some("issued")
            }
            (Why::Paused, CouponOutcome::CampaignPaused { campaign }) => {
                (*campaign == self.campaign).then_some("paused")
            }
            (Why::Paused, CouponOutcome::CampaignResumed { campaign }) => {
                (*campaign == self.campaign).then_some("resumed")
            }
            (Why::Defined | Why::Paused, CouponOutcome::CampaignCreated { campaign, .. }) => {
                (*campaign == self.campaign).then_some("made")
            }
            (Why::Defined, CouponOutcome::CampaignChanged { campaign, .. }) => {
                (*campaign == self.campaign).then_some("changed")
            }
            _ => None,
        }
    }

    pub(super) fn figures(&self) -> Option<FiguresJson> {
        match self.why {
            Why::Exhausted { quantity } => {
                let all = Some(i64::from(quantity));
                Some(FiguresJson { limit: all, had: all, asked: Some(1) })
            }
            Why::Paused | Why::Defined => None,
        }
    }
}

/// Whether an order was refused because of the coupon that it named.
pub(super) const fn is_about_a_coupon(code: RefusalCode) -> bool {
    matches!(
        code,
        RefusalCode::CouponUsedUp | RefusalCode::CouponExpired | RefusalCode::CouponOwnedByAnother
    )
}

/// What an outcome says of a coupon.
pub(super) fn about_coupon(coupon: CouponId, outcome: &Outcome) -> Option<&'static str> {
    let Outcome::Coupon(outcome) = outcome else { return None };
    let (it, what) = match outcome {
        CouponOutcome::Issued { coupon, .. } => (coupon, "issued"),
        CouponOutcome::Granted { coupon, .. } => (coupon, "told to the performance"),
        CouponOutcome::Reserved { coupon, .. } => (coupon, "kept for an order"),
        CouponOutcome::Used { coupon, .. } => (coupon, "used"),
        CouponOutcome::Released { coupon, .. } => (coupon, "given back by an order"),
        CouponOutcome::Returned { coupon, .. } => (coupon, "given back by a refund"),
        CouponOutcome::Spent { coupon, .. } => (coupon, "used up"),
        CouponOutcome::CampaignCreated { .. }
        | CouponOutcome::CampaignChanged { .. }
        | CouponOutcome::CampaignPaused { .. }
        | CouponOutcome::CampaignResumed { .. }
        | CouponOutcome::Announced { .. } => return None,
    };
    (*it == coupon).then_some(what)
}
