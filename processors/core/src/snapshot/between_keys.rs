//! The part of a snapshot that is about messages, and about what keys ask of one another.

use std::borrow::Cow;

use boxoffice_topics::coupon::CouponTerms;
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{CampaignDefinition, CampaignId, PerformanceId, Slot};
use minicbor::{Decode, Encode};

use crate::coupon::{Campaign, Candidate, Coupon};
use crate::messages::{Messages, SentTo};
use crate::points::{PointsHeld, Wallet};
use crate::reserving::Reserving;
use crate::state::State;

#[derive(Encode, Decode)]
pub(super) struct SavedBetweenKeys<'s> {
    #[n(0)]
    received: Vec<EffectName>,
    #[n(1)]
    sent: Vec<SentTo>,
    #[n(2)]
    campaigns: Vec<SavedCampaign<'s>>,
    #[n(3)]
    coupons: Vec<Coupon>,
    #[n(4)]
    announced: Vec<SavedAnnounced<'s>>,
    /// What performances know of coupons elsewhere.
    #[n(5)]
    granted: Vec<Candidate>,
    #[n(6)]
    reserving: Vec<Cow<'s, Reserving>>,
    #[n(7)]
    wallets: Vec<Cow<'s, Wallet>>,
    #[n(8)]
    points_held: Vec<Cow<'s, PointsHeld>>,
    /// Since version 4.
    #[n(80)]
    received_by_slot: Option<Vec<(Slot, EffectName)>>,
}

#[derive(Encode, Decode)]
struct SavedCampaign<'s> {
    #[n(0)]
    campaign: CampaignId,
    #[n(1)]
    definition: Cow<'s, CampaignDefinition>,
    #[n(2)]
    versions: Cow<'s, [CouponTerms]>,
    #[n(3)]
    is_paused: bool,
}

#[derive(Encode, Decode)]
struct SavedAnnounced<'s> {
    #[n(0)]
    performance: PerformanceId,
    #[n(1)]
    campaign: CampaignId,
    #[n(2)]
    versions: Cow<'s, [CouponTerms]>,
}

impl<'s> SavedBetweenKeys<'s> {
    pub(super) fn of(state: &'s State) -> Self {
        let known = &state.coupons;
        let mut campaigns: Vec<_> = known.campaigns.rows().map(SavedCampaign::of).collect();
        campaigns.sort_unstable_by_key(|saved| saved.campaign);
        let mut coupons: Vec<_> = known.coupons.rows().copied().collect();
        coupons.sort_unstable_by_key(|coupon| coupon.id);
        let is_elsewhere = |candidate: &&Candidate| {
            known.local(candidate.campaign, candidate.performance).is_none()
        };
        // Which candidate came before another follows from their order when they are added again.
        let forget_order = |candidate: &Candidate| Candidate { previous: None, ..*candidate };
        let granted = known.candidates.rows().filter(is_elsewhere);
        let mut granted: Vec<_> = granted.map(forget_order).collect();
        granted.sort_unstable_by_key(|candidate| (candidate.performance, candidate.coupon));
        let mut reserving: Vec<_> = state.reserving.rows().map(Cow::Borrowed).collect();
        reserving.sort_unstable_by_key(|reserving| reserving.order.order);
        let mut wallets: Vec<_> = state.wallets.wallets().map(Cow::Borrowed).collect();
        wallets.sort_unstable_by_key(|wallet| wallet.account);
        let mut points_held: Vec<_> = state.wallets.all_held().map(Cow::Borrowed).collect();
        points_held.sort_unstable_by_key(|held| held.order);
        Self {
            received: state.messages.before().collect(),
            received_by_slot: Some(state.messages.received().collect()),
            sent: state.messages.sent().collect(),
            campaigns,
            coupons,
            announced: known.announced.iter().map(SavedAnnounced::of).collect(),
            granted,
            reserving,
            wallets,
            points_held,
        }
    }

    pub(super) fn restore(self, state: &mut State) {
        let by_slot = self.received_by_slot.unwrap_or_default();
        state.messages = Messages::restore(self.received, by_slot, self.sent);
        for SavedCampaign { campaign, definition, versions, is_paused } in self.campaigns {
            let (definition, versions) = (definition.into_owned(), versions.into_owned());
            state.coupons.restore_campaign(campaign, definition, versions, is_paused);
        }
        self.coupons.into_iter().for_each(|coupon| state.coupons.add_coupon(coupon));
        for SavedAnnounced { performance, campaign, versions } in self.announced {
            state.coupons.announced.insert((performance, campaign), versions.into_owned());
        }
        self.granted.into_iter().for_each(|known| state.coupons.restore_candidate(known));
        for reserving in self.reserving {
            state.restore_reserving(reserving.into_owned());
        }
        for wallet in self.wallets {
            state.wallets.restore_wallet(wallet.into_owned(), &mut state.timers);
        }
        self.points_held.into_iter().for_each(|held| state.wallets.restore_held(held.into_owned()));
    }
}

impl<'s> SavedCampaign<'s> {
    fn of(campaign: &'s Campaign) -> Self {
        Self {
            campaign: campaign.id,
            definition: Cow::Borrowed(&campaign.definition),
            versions: Cow::Borrowed(&campaign.versions),
            is_paused: campaign.is_paused,
        }
    }
}

impl<'s> SavedAnnounced<'s> {
    fn of(announced: (&(PerformanceId, CampaignId), &'s Vec<CouponTerms>)) -> Self {
        let (&(performance, campaign), versions) = announced;
        Self { performance, campaign, versions: Cow::Borrowed(versions) }
    }
}
