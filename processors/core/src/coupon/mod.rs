//! Coupon campaigns and their coupons, at the key where the campaign lives, and what performances
//! know of them.
//!
//! ```text
//! coupon:  free -> reserved -> used       a coupon of several uses goes round once for each
//!           ^ ^        |         |
//!           | +--------+         |        the order died
//!           +--------------------+        the order was refunded, and the terms give it back
//! ```
//! A campaign of one performance lives with it: its coupons are issued and used in the steps of
//! the performance. A campaign that spans performances is a key of its own. It tells them which
//! coupons there are; what it told may be old, so an order asks it before it takes one.
//!
//! - INV-7: a campaign never issues more coupons than it has, nor more to an account than one may
//!   have; a coupon is in no more orders than it has uses.

mod campaign;
mod claim;
mod moves;
mod offer;
mod uses;

use std::collections::BTreeMap;

use boxoffice_topics::coupon::CouponTerms;
use boxoffice_topics::{
    AccountId, CampaignDefinition, CampaignId, CouponId, CouponIntent, CouponOutcome, IntentId,
    Outcome, PerformanceId, Refusal,
};
use minicbor::{Decode, Encode};
use rustc_hash::FxHashMap;

pub(crate) use offer::{Offer, best_offer, named_offer, share_of};
pub(crate) use uses::{commit, give_back, release, reserve, settle};

use crate::decide::Asked;
use crate::state::State;
use crate::table::Table;

/// Campaigns that one partition carries, and campaigns of elsewhere that one performance knows.
pub(crate) const CAMPAIGNS_MAX: usize = 10_000;
/// Campaigns that one performance knows: an order looks at the coupons of all of them.
pub(crate) const CAMPAIGNS_OF_PERFORMANCE_MAX: usize = 64;
/// How often the terms of one campaign may change: each version is kept for the coupons under it.
pub(crate) const VERSIONS_MAX: usize = 100;

/// A campaign, where it lives.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub(crate) id: CampaignId,
    pub(crate) definition: CampaignDefinition,
    /// The terms of the coupons, the latest at the end.
    pub(crate) versions: Vec<CouponTerms>,
    pub(crate) is_paused: bool,
    issued: u32,
    /// Coupons of each account.
    claimed: FxHashMap<AccountId, u16>,
}

impl Campaign {
    fn new(id: CampaignId, definition: CampaignDefinition, versions: Vec<CouponTerms>) -> Self {
        let (issued, claimed) = (0, FxHashMap::default());
        Self { id, definition, versions, is_paused: false, issued, claimed }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> CampaignId {
        self.id
    }

    /// What the promoter last said of it.
    #[must_use]
    pub fn definition(&self) -> &CampaignDefinition {
        &self.definition
    }

    /// How many coupons are out.
    #[must_use]
    pub fn issued(&self) -> u32 {
        self.issued
    }

    /// Whether the issue is stopped.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Terms by their number.
    #[must_use]
    pub fn terms(&self, version: u16) -> Option<&CouponTerms> {
        self.versions.get(usize::from(version))
    }

    fn claimed_by(&self, account: AccountId) -> u16 {
        self.claimed.get(&account).copied().unwrap_or(0)
    }
}

/// A coupon, where its campaign lives.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub struct Coupon {
    /// Its id.
    #[n(0)]
    pub id: CouponId,
    /// Its campaign.
    #[n(1)]
    pub campaign: CampaignId,
    /// Whose it is.
    #[n(2)]
    pub account: AccountId,
    /// Number of its terms.
    #[n(3)]
    pub version: u16,
    /// Orders that it can still reduce.
    #[n(4)]
    pub uses_left: u16,
    /// Orders that have it and are not confirmed yet.
    #[n(5)]
    pub reserved: u16,
}

/// A coupon that a performance knows of.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(crate) struct Candidate {
    #[n(0)]
    pub(crate) performance: PerformanceId,
    #[n(1)]
    pub(crate) account: AccountId,
    #[n(2)]
    pub(crate) coupon: CouponId,
    #[n(3)]
    pub(crate) campaign: CampaignId,
    #[n(4)]
    pub(crate) version: u16,
    /// A campaign elsewhere has said that no use is left.
    #[n(5)]
    pub(crate) is_spent: bool,
    /// The candidate before this one of the same account and performance.
    #[n(6)]
    pub(crate) previous: Option<CouponId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Coupons {
    pub(crate) campaigns: Table<CampaignId, Campaign>,
    pub(crate) coupons: Table<CouponId, Coupon>,
    pub(crate) candidates: Table<(PerformanceId, CouponId), Candidate>,
    latest_candidate: FxHashMap<(PerformanceId, AccountId), CouponId>,
    /// Terms of campaigns elsewhere.
    pub(crate) announced: BTreeMap<(PerformanceId, CampaignId), Vec<CouponTerms>>,
}

impl Coupons {
    pub(crate) fn new() -> Self {
        Self {
            campaigns: Table::new(),
            coupons: Table::new(),
            candidates: Table::new(),
            latest_candidate: FxHashMap::default(),
            announced: BTreeMap::new(),
        }
    }

    /// The campaign, when it lives with this performance.
    pub(crate) fn local(&self, id: CampaignId, performance: PerformanceId) -> Option<&Campaign> {
        let campaign = self.campaigns.get(id)?;
        (campaign.definition.scope.home() == Some(performance)).then_some(campaign)
    }

    /// How many campaigns elsewhere a performance knows.
    fn announced_to(&self, performance: PerformanceId) -> usize {
        let from = (performance, CampaignId(IntentId::MIN));
        self.announced.range(from..).take_while(|((to, _), _)| *to == performance).count()
    }

    /// What a performance knows of an account's coupons, the latest first.
    fn candidates(
        &self,
        performance: PerformanceId,
        account: AccountId,
    ) -> impl Iterator<Item = &Candidate> {
        let find = move |coupon| self.candidates.get((performance, coupon));
        let latest = self.latest_candidate.get(&(performance, account)).copied();
        std::iter::successors(latest.and_then(find), move |candidate| {
            candidate.previous.and_then(find)
        })
    }

    pub(crate) fn add_campaign(&mut self, campaign: Campaign) {
        self.campaigns.insert(campaign.id, campaign);
    }

    pub(crate) fn restore_campaign(
        &mut self,
        id: CampaignId,
        definition: CampaignDefinition,
        versions: Vec<CouponTerms>,
        is_paused: bool,
    ) {
        let campaign = Campaign::new(id, definition, versions);
        self.add_campaign(Campaign { is_paused, ..campaign });
    }

    /// Adds a coupon that was issued.
    pub(crate) fn add_coupon(&mut self, coupon: Coupon) {
        let campaign = self.campaign_mut(coupon.campaign);
        campaign.issued = campaign.issued.saturating_add(1);
        let claimed = campaign.claimed.entry(coupon.account).or_insert(0);
        *claimed = claimed.saturating_add(1);
        let home = campaign.definition.scope.home();
        self.coupons.insert(coupon.id, coupon);
        if let Some(performance) = home {
            let Coupon { id: coupon, campaign, account, version, .. } = coupon;
            self.add_candidate(Candidate {
                performance,
                account,
                coupon,
                campaign,
                version,
                is_spent: false,
                previous: None,
            });
        }
    }

    /// Adds a coupon to those that a performance knows of, or learns that it can be used again.
    pub(crate) fn add_candidate(&mut self, candidate: Candidate) {
        let key = (candidate.performance, candidate.coupon);
        match self.candidates.get_mut(key) {
            Some(known) => known.is_spent = false,
            None => self.restore_candidate(candidate),
        }
    }

    pub(crate) fn restore_candidate(&mut self, candidate: Candidate) {
        let key = (candidate.performance, candidate.coupon);
        let of_account = (candidate.performance, candidate.account);
        let previous = self.latest_candidate.insert(of_account, candidate.coupon);
        self.candidates.insert(key, Candidate { previous, ..candidate });
    }

    pub(crate) fn campaign_mut(&mut self, id: CampaignId) -> &mut Campaign {
        self.campaigns
            .get_mut(id)
            .unwrap_or_else(|| panic!("an outcome names campaign {id}, which does not exist"))
    }

    fn coupon_mut(&mut self, id: CouponId) -> &mut Coupon {
        self.coupons
            .get_mut(id)
            .unwrap_or_else(|| panic!("an outcome names coupon {id}, which does not exist"))
    }
}

pub(crate) fn decide_coupon(
    asked: &Asked<'_>,
    intent: &CouponIntent<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    match intent {
        CouponIntent::CreateCampaign { definition } => {
            campaign::create(asked, definition, outcomes)
        }
        CouponIntent::ChangeCampaign { campaign, definition } => {
            campaign::change(asked, *campaign, definition, outcomes)
        }
        CouponIntent::PauseCampaign { campaign } => campaign::pause(asked, *campaign, outcomes),
        CouponIntent::ResumeCampaign { campaign } => campaign::resume(asked, *campaign, outcomes),
        CouponIntent::ClaimCoupon { campaign, code } => {
            claim::claim(asked, *campaign, *code, outcomes)
        }
    }
}

/// A performance, which may not exist yet, learns of a campaign elsewhere.
pub(crate) fn learn_campaign(
    asked: &Asked<'_>,
    performance: PerformanceId,
    campaign: CampaignId,
    version: u16,
    terms: &CouponTerms,
    outcomes: &mut Vec<Outcome>,
) {
    let known = &asked.state.coupons;
    if known.announced.contains_key(&(performance, campaign))
        || known.announced_to(performance) < CAMPAIGNS_OF_PERFORMANCE_MAX
    {
        let terms = Box::new(terms.clone());
        let announced = CouponOutcome::Announced { performance, campaign, version, terms };
        outcomes.push(announced.into());
    }
}

/// A performance learns of a coupon of a campaign elsewhere, if it knows the campaign.
pub(crate) fn learn_granted(
    asked: &Asked<'_>,
    of: (PerformanceId, CampaignId),
    granted: CouponOutcome,
    outcomes: &mut Vec<Outcome>,
) {
    if asked.state.coupons.announced.contains_key(&of) {
        outcomes.push(granted.into());
    }
}

/// A performance learns that a coupon which it knows has no use left.
pub(crate) fn learn_spent(
    asked: &Asked<'_>,
    performance: PerformanceId,
    coupon: CouponId,
    outcomes: &mut Vec<Outcome>,
) {
    if asked.state.coupons.candidates.get((performance, coupon)).is_some() {
        outcomes.push(CouponOutcome::Spent { performance, coupon }.into());
    }
}

impl State {
    /// A campaign that lives in this partition.
    #[must_use]
    pub fn campaign(&self, id: CampaignId) -> Option<&Campaign> {
        self.coupons.campaigns.get(id)
    }

    /// Every campaign that lives in this partition, in no order that means anything: sort before
    /// it is seen.
    pub fn campaigns(&self) -> impl Iterator<Item = &Campaign> {
        self.coupons.campaigns.rows()
    }

    /// A coupon of a campaign that lives in this partition.
    #[must_use]
    pub fn coupon(&self, id: CouponId) -> Option<&Coupon> {
        self.coupons.coupons.get(id)
    }

    pub(crate) fn apply_coupon(&mut self, outcome: &CouponOutcome) {
        let coupons = &mut self.coupons;
        match outcome {
            CouponOutcome::CampaignCreated { campaign, definition } => {
                let versions = vec![definition.terms.clone()];
                coupons.add_campaign(Campaign::new(*campaign, (**definition).clone(), versions));
            }
            CouponOutcome::CampaignChanged { campaign, definition, version } => {
                let campaign = coupons.campaign_mut(*campaign);
                campaign.definition = (**definition).clone();
                if campaign.terms(*version).is_none() {
                    campaign.versions.push(definition.terms.clone());
                }
            }
            CouponOutcome::CampaignPaused { campaign } => {
                coupons.campaign_mut(*campaign).is_paused = true;
            }
            CouponOutcome::CampaignResumed { campaign } => {
                coupons.campaign_mut(*campaign).is_paused = false;
            }
            CouponOutcome::Issued { coupon, campaign, account, version, number: _ } => {
                coupons.issue(*coupon, *campaign, *account, *version);
            }
            CouponOutcome::Reserved { coupon, .. } => coupons.coupon_mut(*coupon).reserve(),
            CouponOutcome::Used { coupon, .. } => coupons.coupon_mut(*coupon).use_up(),
            CouponOutcome::Released { coupon, .. } => coupons.coupon_mut(*coupon).release(),
            CouponOutcome::Returned { coupon, .. } => coupons.coupon_mut(*coupon).give_back(),
            CouponOutcome::Announced { performance, campaign, version, terms } => {
                let versions = coupons.announced.entry((*performance, *campaign)).or_default();
                assert!(versions.len() == usize::from(*version), "terms come without a gap");
                versions.push((**terms).clone());
            }
            CouponOutcome::Granted { performance, campaign, version, coupon, account } => {
                coupons.add_candidate(Candidate {
                    performance: *performance,
                    account: *account,
                    coupon: *coupon,
                    campaign: *campaign,
                    version: *version,
                    is_spent: false,
                    previous: None,
                });
            }
            CouponOutcome::Spent { performance, coupon } => {
                if let Some(candidate) = coupons.candidates.get_mut((*performance, *coupon)) {
                    candidate.is_spent = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
