//! Campaigns, coupons and candidates of slots that move.

use boxoffice_topics::Slot;

use super::Coupons;

impl Coupons {
    /// Takes out what belongs to slots that leave: campaigns with their coupons, and what
    /// performances know of coupons.
    pub(crate) fn split_off(&mut self, leaves: impl Fn(Slot) -> bool) -> Self {
        let mut part = Self::new();
        part.campaigns = self.campaigns.split_off(|it| leaves(it.id.0.slot()).then_some(it.id));
        part.coupons = self.coupons.split_off(|it| leaves(it.id.0.slot()).then_some(it.id));
        part.candidates = self.candidates.split_off(|it| {
            leaves(Slot::of(it.performance)).then_some((it.performance, it.coupon))
        });
        for candidate in part.candidates.rows() {
            let of_account = (candidate.performance, candidate.account);
            let latest = self.latest_candidate.remove(&of_account);
            part.latest_candidate.extend(latest.map(|latest| (of_account, latest)));
        }
        let announced = |(performance, _): &(_, _), _: &mut _| leaves(Slot::of(*performance));
        part.announced = self.announced.extract_if(.., announced).collect();
        part
    }

    /// Takes in what belongs to slots that arrive.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        for candidate in other.candidates.rows() {
            let of_account = (candidate.performance, candidate.account);
            let latest = other.latest_candidate.get(&of_account);
            self.latest_candidate.extend(latest.map(|latest| (of_account, *latest)));
        }
        self.campaigns.absorb(other.campaigns, |campaign| campaign.id);
        self.coupons.absorb(other.coupons, |coupon| coupon.id);
        self.candidates.absorb(other.candidates, |it| (it.performance, it.coupon));
        self.announced.append(&mut other.announced);
    }
}
