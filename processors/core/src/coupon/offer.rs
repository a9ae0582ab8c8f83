//! Which of an account's coupons makes an order cheapest.

use std::cmp::Reverse;

use boxoffice_topics::coupon::{BASIS_POINTS, CouponReduction, CouponTerms, Discount};
use boxoffice_topics::{AccountId, CouponId, Money, PerformanceId, Places, RefusalCode, Timestamp};

use super::{Candidate, Coupons};
use crate::decide::Asked;
use crate::hold::Hold;
use crate::performance::Performance;
use crate::state::State;

/// Usable coupons that are compared for one order, the latest ones: what each takes off is counted
/// seat by seat. Whoever has more can name any of them.
const COMPARED_MAX: usize = 256;

/// A coupon that would take something off an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) discount: Discount,
    /// The campaign lives with the performance: the coupon can be had in this step.
    pub(crate) is_local: bool,
    expires_at: Timestamp,
    /// The most that the coupon can take off any order.
    cap_minor: i64,
}

impl Offer {
    /// The best is the least: the lowest amount to pay, then what expires first, then the coupon
    /// that could do the least elsewhere, then the oldest.
    fn rank(&self) -> impl Ord + use<> {
        let Self { discount, expires_at, cap_minor, .. } = self;
        (Reverse(discount.amount.minor), *expires_at, *cap_minor, discount.coupon)
    }
}

/// The best offer for a hold, of those that `is_wanted` lets pass.
pub(crate) fn best_offer(
    asked: &Asked<'_>,
    hold: &Hold,
    is_wanted: impl Fn(&Offer) -> bool,
) -> Option<Offer> {
    let performance = asked.state.performance(hold.performance)?;
    let candidates = asked.state.coupons.candidates(hold.performance, hold.account);
    candidates
        .filter_map(|candidate| usable(asked, hold, candidate).ok())
        .take(COMPARED_MAX)
        .filter_map(|usable| usable.offer(performance, hold).ok())
        .filter(is_wanted)
        .min_by_key(Offer::rank)
}

/// What one coupon offers for a hold.
pub(crate) fn named_offer(
    asked: &Asked<'_>,
    hold: &Hold,
    coupon: CouponId,
) -> Result<Offer, RefusalCode> {
    let performance =
        asked.state.performance(hold.performance).ok_or(RefusalCode::PerformanceUnknown)?;
    let known = asked.state.coupons.candidates.get((hold.performance, coupon));
    let candidate = known.ok_or(RefusalCode::CouponUnknown)?;
    if candidate.account != hold.account {
        return Err(RefusalCode::CouponOwnedByAnother);
    }
    usable(asked, hold, candidate)?.offer(performance, hold)
}

/// A coupon that an order can be reduced by, if it is for any of its places.
struct Usable<'s> {
    candidate: &'s Candidate,
    terms: &'s CouponTerms,
    is_local: bool,
}

fn usable<'s>(
    asked: &Asked<'s>,
    hold: &Hold,
    candidate: &'s Candidate,
) -> Result<Usable<'s>, RefusalCode> {
    let coupons = &asked.state.coupons;
    let (terms, is_local) = coupons.terms(candidate).ok_or(RefusalCode::CouponUnknown)?;
    let is_spent = match asked.state.coupon(candidate.coupon) {
        Some(coupon) if is_local => coupon.uses_left == 0,
        Some(_) | None => candidate.is_spent,
    };
    if is_spent {
        return Err(RefusalCode::CouponUsedUp);
    }
    if terms.expires_at <= asked.now {
        return Err(RefusalCode::CouponExpired);
    }
    if terms.currency != hold.total.currency {
        return Err(RefusalCode::CouponNotApplicable);
    }
    if hold.total.minor < terms.minimum_spend_minor {
        return Err(RefusalCode::CouponMinimumNotReached);
    }
    Ok(Usable { candidate, terms, is_local })
}

impl Usable<'_> {
    fn offer(&self, performance: &Performance, hold: &Hold) -> Result<Offer, RefusalCode> {
        let &Self { candidate, terms, is_local } = self;
        let target = performance.price_of(&hold.places, &terms.price_levels);
        let amount_minor = target.map_or(0, |target| reduction_of(terms, target.minor));
        if amount_minor == 0 {
            return Err(RefusalCode::CouponNotApplicable);
        }
        let discount = Discount {
            coupon: candidate.coupon,
            campaign: candidate.campaign,
            issuer: terms.issuer,
            amount: Money::new(amount_minor, terms.currency),
        };
        Ok(Offer { discount, is_local, expires_at: terms.expires_at, cap_minor: cap_of(terms) })
    }
}

impl Coupons {
    /// The terms of a coupon, and whether its campaign lives with the performance.
    fn terms(&self, candidate: &Candidate) -> Option<(&CouponTerms, bool)> {
        let Candidate { performance, campaign, version, .. } = *candidate;
        if let Some(campaign) = self.local(campaign, performance) {
            return Some((campaign.terms(version)?, true));
        }
        let versions = self.announced.get(&(performance, campaign))?;
        Some((versions.get(usize::from(version))?, false))
    }
}

/// What terms take off a price in minor units: never more than the price.
fn reduction_of(terms: &CouponTerms, price_minor: i64) -> i64 {
    let off = match terms.reduction {
        CouponReduction::Fixed { amount_minor } => amount_minor,
        CouponReduction::Percent { basis_points, .. } => share_of(price_minor, basis_points.into()),
    };
    off.min(cap_of(terms)).clamp(0, price_minor.max(0))
}

/// The most that terms take off anything.
fn cap_of(terms: &CouponTerms) -> i64 {
    match terms.reduction {
        CouponReduction::Fixed { amount_minor } => amount_minor,
        CouponReduction::Percent { cap_minor, .. } => cap_minor.unwrap_or(i64::MAX),
    }
}

/// A share in basis points, rounded down to a minor unit.
pub(crate) fn share_of(amount_minor: i64, basis_points: u32) -> i64 {
    let whole = i128::from(BASIS_POINTS);
    let share = i128::from(amount_minor).saturating_mul(basis_points.into());
    i64::try_from(share.checked_div(whole).unwrap_or(0)).unwrap_or(i64::MAX)
}

impl Performance {
    /// What the places at these price levels cost together; at any level when none is named.
    fn price_of(&self, places: &Places, levels: &[String]) -> Option<Money> {
        if levels.is_empty() {
            return self.total(places);
        }
        let mut targeted = places.clone();
        let is_target = |level: Option<u16>| {
            let code = level.and_then(|level| self.price_level_code(level));
            code.is_some_and(|code| levels.iter().any(|wanted| wanted == code))
        };
        targeted.seats.retain(|seat| is_target(self.price_level_of(*seat)));
        targeted.quantities.retain(|place| {
            let section = self.layout.general_admission(place.section);
            is_target(section.map(|section| section.price_level))
        });
        self.total(&targeted)
    }
}

impl State {
    /// The coupons that a performance knows an account to have, with what they are good for, in no
    /// order that means anything: sort before they are seen. Those of campaigns elsewhere may have
    /// been used meanwhile.
    pub fn coupons_of(
        &self,
        performance: PerformanceId,
        account: AccountId,
    ) -> impl Iterator<Item = (CouponId, &CouponTerms)> {
        let candidates = self.coupons.candidates(performance, account);
        candidates.filter(|candidate| !candidate.is_spent).filter_map(|candidate| {
            let (terms, _) = self.coupons.terms(candidate)?;
            Some((candidate.coupon, terms))
        })
    }
}
