//! The uses of a coupon: kept for an order, gone with it, or free again.

use boxoffice_topics::coupon::Discount;
use boxoffice_topics::{
    AccountId, CouponId, CouponOutcome, Message, OrderId, Outcome, PerformanceId, RefusalCode,
};

use super::{Campaign, Coupon, claim};
use crate::decide::Asked;
use crate::settle::Fate;

/// Tells a coupon what becomes of the order that has it: at once where its campaign lives with
/// the performance, else by a message. A coupon elsewhere was reserved before the order was
/// placed.
pub(crate) fn settle(
    asked: &Asked<'_>,
    performance: PerformanceId,
    order: OrderId,
    discount: &Discount,
    fate: Fate,
    outcomes: &mut Vec<Outcome>,
) {
    let coupon = discount.coupon;
    let Some(campaign) = asked.state.coupons.local(discount.campaign, performance) else {
        let message = match fate {
            Fate::Placed => return,
            Fate::Confirmed => Message::CommitCoupon { coupon, order },
            Fate::Died => Message::ReleaseCoupon { coupon, order },
            Fate::Refunded => Message::ReturnCoupon { coupon, order },
        };
        return outcomes.push(Outcome::MessageSent { message });
    };
    let settled = match fate {
        Fate::Placed => CouponOutcome::Reserved { coupon, order },
        Fate::Confirmed => CouponOutcome::Used { coupon, order },
        Fate::Died => CouponOutcome::Released { coupon, order },
        Fate::Refunded if is_returned(asked, campaign, coupon) => {
            CouponOutcome::Returned { coupon, order }
        }
        Fate::Refunded => return,
    };
    outcomes.push(settled.into());
}

/// An order asks for a use.
pub(crate) fn reserve(
    asked: &Asked<'_>,
    coupon: CouponId,
    order: OrderId,
    account: AccountId,
    outcomes: &mut Vec<Outcome>,
) {
    let message = match check(asked, coupon, account) {
        Ok(()) => {
            outcomes.push(CouponOutcome::Reserved { coupon, order }.into());
            Message::CouponReserved { order, coupon }
        }
        Err(code) => Message::CouponRefused { order, coupon, code },
    };
    outcomes.push(Outcome::MessageSent { message });
}

/// The order that has a use died, or no longer waits for it.
pub(crate) fn release(
    asked: &Asked<'_>,
    coupon: CouponId,
    order: OrderId,
    outcomes: &mut Vec<Outcome>,
) {
    if reserved(asked, coupon).is_some() {
        outcomes.push(CouponOutcome::Released { coupon, order }.into());
    }
}

fn check(asked: &Asked<'_>, coupon: CouponId, account: AccountId) -> Result<(), RefusalCode> {
    let (coupon, campaign) = find(asked, coupon).ok_or(RefusalCode::CouponUnknown)?;
    if coupon.account != account {
        return Err(RefusalCode::CouponOwnedByAnother);
    }
    if coupon.uses_left == 0 {
        return Err(RefusalCode::CouponUsedUp);
    }
    match campaign.terms(coupon.version) {
        Some(terms) if terms.expires_at > asked.now => Ok(()),
        Some(_) | None => Err(RefusalCode::CouponExpired),
    }
}

/// The order that has a use is confirmed. When the last use is gone, the performances need not ask
/// for the coupon any more.
pub(crate) fn commit(
    asked: &Asked<'_>,
    coupon: CouponId,
    order: OrderId,
    outcomes: &mut Vec<Outcome>,
) {
    let Some((coupon, campaign)) = reserved(asked, coupon) else { return };
    let (id, is_last) = (coupon.id, coupon.uses_left == 0 && coupon.reserved == 1);
    outcomes.push(CouponOutcome::Used { coupon: id, order }.into());
    if is_last {
        outcomes.extend(campaign.definition.scope.told().iter().map(|performance| {
            let message = Message::CouponSpent { performance: *performance, coupon: id };
            Outcome::MessageSent { message }
        }));
    }
}

/// The order that used it was refunded.
pub(crate) fn give_back(
    asked: &Asked<'_>,
    coupon: CouponId,
    order: OrderId,
    outcomes: &mut Vec<Outcome>,
) {
    let Some((coupon, campaign)) = find(asked, coupon) else { return };
    if !is_returned(asked, campaign, coupon.id) {
        return;
    }
    let Coupon { id, account, version, uses_left, reserved, .. } = *coupon;
    outcomes.push(CouponOutcome::Returned { coupon: id, order }.into());
    if uses_left == 0 && reserved == 0 {
        claim::tell_granted(campaign, version, id, account, outcomes);
    }
}

/// Whether a use comes back with a refund: by the terms, and never more than there were.
fn is_returned(asked: &Asked<'_>, campaign: &Campaign, coupon: CouponId) -> bool {
    asked.state.coupon(coupon).is_some_and(|coupon| {
        let terms = campaign.terms(coupon.version);
        let out = coupon.uses_left.saturating_add(coupon.reserved);
        terms.is_some_and(|terms| terms.returned_on_refund && out < terms.uses)
    })
}

fn reserved<'s>(asked: &Asked<'s>, coupon: CouponId) -> Option<(&'s Coupon, &'s Campaign)> {
    find(asked, coupon).filter(|(coupon, _)| coupon.reserved > 0)
}

fn find<'s>(asked: &Asked<'s>, coupon: CouponId) -> Option<(&'s Coupon, &'s Campaign)> {
    let coupon = asked.state.coupon(coupon)?;
    Some((coupon, asked.state.campaign(coupon.campaign)?))
}

/// How outcomes move one use.
impl Coupon {
    pub(super) fn reserve(&mut self) {
        self.uses_left = self.one_less(self.uses_left);
        self.reserved = self.reserved.saturating_add(1);
    }

    pub(super) fn use_up(&mut self) {
        self.reserved = self.one_less(self.reserved);
    }

    pub(super) fn release(&mut self) {
        self.reserved = self.one_less(self.reserved);
        self.uses_left = self.uses_left.saturating_add(1);
    }

    pub(super) fn give_back(&mut self) {
        self.uses_left = self.uses_left.saturating_add(1);
    }

    fn one_less(&self, uses: u16) -> u16 {
        let left = uses.checked_sub(1);
        assert!(left.is_some(), "INV-7: coupon {} is in more orders than it has uses", self.id);
        left.unwrap_or(0)
    }
}
