//! First come, first served: the order of the log is the order of the queue.

use boxoffice_topics::{
    CampaignId, CouponId, CouponOutcome, Message, Outcome, Refusal, RefusalCode,
};

use super::{AccountId, Campaign, Coupon, Coupons, campaign};
use crate::decide::Asked;

pub(super) fn claim(
    asked: &Asked<'_>,
    id: CampaignId,
    code: Option<&str>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let campaign = campaign::known(asked, id)?;
    check(asked, campaign, code)?;
    let (coupon, account) = (CouponId(asked.intent()), asked.account);
    let version = campaign.latest_version();
    let number = campaign.issued.saturating_add(1);
    outcomes.push(CouponOutcome::Issued { coupon, campaign: id, account, version, number }.into());
    tell_granted(campaign, version, coupon, account, outcomes);
    Ok(())
}

fn check(asked: &Asked<'_>, campaign: &Campaign, code: Option<&str>) -> Result<(), RefusalCode> {
    let definition = &campaign.definition;
    if asked.now < definition.opens_at {
        return Err(RefusalCode::CampaignNotOpen);
    }
    // A coupon that has expired already would be worth nothing to anybody.
    if asked.now >= definition.closes_at.min(definition.terms.expires_at) {
        return Err(RefusalCode::CampaignEnded);
    }
    if campaign.is_paused {
        return Err(RefusalCode::CampaignPaused);
    }
    if definition.code.is_some() && definition.code.as_deref() != code {
        return Err(RefusalCode::CouponCodeWrong);
    }
    // Before the quantity: who has a coupon learns that, not that there are no more.
    if campaign.claimed_by(asked.account) >= definition.account_limit {
        return Err(RefusalCode::CouponLimitReached);
    }
    if campaign.issued >= definition.quantity {
        return Err(RefusalCode::CouponsExhausted);
    }
    Ok(())
}

/// Tells every performance that the campaign spans that the coupon can be used.
pub(super) fn tell_granted(
    campaign: &Campaign,
    version: u16,
    coupon: CouponId,
    account: AccountId,
    outcomes: &mut Vec<Outcome>,
) {
    outcomes.extend(campaign.definition.scope.told().iter().map(|performance| {
        let (performance, campaign) = (*performance, campaign.id);
        let message = Message::CouponGranted { performance, campaign, version, coupon, account };
        Outcome::MessageSent { message }
    }));
}

impl Campaign {
    /// Number of the terms under which coupons are issued now.
    pub(super) fn latest_version(&self) -> u16 {
        u16::try_from(self.versions.len().saturating_sub(1))
            .unwrap_or_else(|_| unreachable!("terms have a limit"))
    }
}

impl Coupons {
    pub(super) fn issue(
        &mut self,
        id: CouponId,
        campaign: CampaignId,
        account: AccountId,
        version: u16,
    ) {
        let of = self.campaign_mut(campaign);
        assert!(of.issued < of.definition.quantity, "INV-7: a campaign issues too many coupons");
        let limit = of.definition.account_limit;
        assert!(of.claimed_by(account) < limit, "INV-7: an account has too many coupons");
        let uses_left = of.terms(version).map_or(0, |terms| terms.uses);
        self.add_coupon(Coupon { id, campaign, account, version, uses_left, reserved: 0 });
    }
}
