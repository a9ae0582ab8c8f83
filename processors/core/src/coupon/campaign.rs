//! Making a campaign, and changing it while it runs.

use boxoffice_topics::coupon::CouponTerms;
use boxoffice_topics::{
    CampaignDefinition, CampaignId, CouponOutcome, Message, Outcome, Refusal, RefusalCode,
};

use super::{CAMPAIGNS_MAX, CAMPAIGNS_OF_PERFORMANCE_MAX, Campaign, VERSIONS_MAX};
use crate::decide::Asked;

pub(super) fn create(
    asked: &Asked<'_>,
    definition: &CampaignDefinition,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    check(asked, definition)?;
    let campaigns = &asked.state.coupons.campaigns;
    let home = definition.scope.home();
    let with_it = || campaigns.rows().filter(|other| other.definition.scope.home() == home);
    let is_full = home.is_some() && with_it().count() >= CAMPAIGNS_OF_PERFORMANCE_MAX;
    if is_full || campaigns.len() >= CAMPAIGNS_MAX {
        return Err(RefusalCode::CampaignLimitReached.into());
    }
    let campaign = CampaignId(asked.intent());
    let created = Box::new(definition.clone());
    outcomes.push(CouponOutcome::CampaignCreated { campaign, definition: created }.into());
    announce(campaign, 0, definition, outcomes);
    Ok(())
}

pub(super) fn change(
    asked: &Asked<'_>,
    id: CampaignId,
    definition: &CampaignDefinition,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let campaign = known(asked, id)?;
    check(asked, definition)?;
    let before = &campaign.definition;
    if definition.scope != before.scope || definition.terms.currency != before.terms.currency {
        return Err(RefusalCode::CampaignScopeFixed.into());
    }
    if definition.quantity < campaign.issued {
        return Err(RefusalCode::QuantityBelowIssued.into());
    }
    let has_new_terms = campaign.versions.last() != Some(&definition.terms);
    if has_new_terms && campaign.versions.len() >= VERSIONS_MAX {
        return Err(RefusalCode::CampaignChangesExhausted.into());
    }
    let version = campaign.latest_version().saturating_add(has_new_terms.into());
    let changed = Box::new(definition.clone());
    outcomes
        .push(CouponOutcome::CampaignChanged { campaign: id, definition: changed, version }.into());
    if has_new_terms {
        announce(id, version, definition, outcomes);
    }
    Ok(())
}

pub(super) fn pause(
    asked: &Asked<'_>,
    id: CampaignId,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    if known(asked, id)?.is_paused {
        return Err(RefusalCode::CampaignPaused.into());
    }
    outcomes.push(CouponOutcome::CampaignPaused { campaign: id }.into());
    Ok(())
}

pub(super) fn resume(
    asked: &Asked<'_>,
    id: CampaignId,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    if !known(asked, id)?.is_paused {
        return Err(RefusalCode::CampaignNotPaused.into());
    }
    outcomes.push(CouponOutcome::CampaignResumed { campaign: id }.into());
    Ok(())
}

pub(super) fn known<'s>(asked: &Asked<'s>, id: CampaignId) -> Result<&'s Campaign, Refusal> {
    asked.state.campaign(id).ok_or(RefusalCode::CampaignUnknown.into())
}

/// A campaign of one performance must fit it. Those that are spanned live elsewhere: a coupon
/// that does not fit one of them takes nothing off there.
fn check(asked: &Asked<'_>, definition: &CampaignDefinition) -> Result<(), Refusal> {
    if definition.validate().is_err() {
        return Err(RefusalCode::CampaignInvalid.into());
    }
    let Some(home) = definition.scope.home() else { return Ok(()) };
    let performance = asked.performance(home)?;
    let CouponTerms { currency, price_levels, .. } = &definition.terms;
    if *currency != performance.definition().currency {
        return Err(RefusalCode::CampaignInvalid.into());
    }
    for (item, code) in price_levels.iter().enumerate() {
        performance.layout.price_level(code).ok_or(RefusalCode::PriceLevelUnknown.at_item(item))?;
    }
    Ok(())
}

fn announce(
    campaign: CampaignId,
    version: u16,
    definition: &CampaignDefinition,
    outcomes: &mut Vec<Outcome>,
) {
    for performance in definition.scope.told() {
        let (performance, terms) = (*performance, Box::new(definition.terms.clone()));
        let message = Message::CampaignAnnounced { performance, campaign, version, terms };
        outcomes.push(Outcome::MessageSent { message });
    }
}
