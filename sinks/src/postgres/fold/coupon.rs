//! Campaigns and their coupons, as the campaign's own partition tells them.

use boxoffice_topics::coupon::{CampaignScope, CouponReduction, CouponTerms};
use boxoffice_topics::{
    AccountId, CampaignDefinition, CampaignId, CouponId, CouponOutcome, OrderId, PerformanceId,
};
use uuid::Uuid;

use super::{At, Fold, uuid};
use crate::postgres::columns::{CouponState, CouponUseState, CurrencyCode, Moment, ReductionWord};
use crate::postgres::error::Error;
use crate::postgres::rows::{CampaignRow, CampaignTermsRow, CouponRow, CouponUseRow, Row as _};

impl Fold {
    pub(super) fn apply_coupon(&mut self, at: At, outcome: &CouponOutcome) -> Result<(), Error> {
        match outcome {
            CouponOutcome::CampaignCreated { campaign, definition } => {
                self.campaign_terms.put(terms(*campaign, 0, &definition.terms));
                self.campaigns.put(created(at, *campaign, definition));
            }
            CouponOutcome::CampaignChanged { campaign, definition, version } => {
                self.change_campaign(at, *campaign, definition, *version)?;
            }
            CouponOutcome::CampaignPaused { campaign } => {
                self.campaigns.change(&campaign.0.packed())?.paused_at = Some(at.now);
            }
            CouponOutcome::CampaignResumed { campaign } => {
                self.campaigns.change(&campaign.0.packed())?.paused_at = None;
            }
            CouponOutcome::Issued { coupon, campaign, account, version, number } => {
                self.campaigns.change(&campaign.0.packed())?.issued = (*number).into();
                self.issue(at, *coupon, *campaign, *account, *version, *number)?;
            }
            CouponOutcome::Reserved { coupon, order } => {
                self.coupons.change(&coupon.0.packed())?.move_uses(-1, 1);
                self.coupon_uses.put(CouponUseRow {
                    coupon_id: coupon.0.packed(),
                    order_id: order.0.packed(),
                    state: CouponUseState::Reserved,
                    reserved_at: at.now,
                    settled_at: None,
                });
            }
            CouponOutcome::Used { coupon, order } => {
                self.coupons.change(&coupon.0.packed())?.move_uses(0, -1);
                self.settle_use(at, *coupon, *order, CouponUseState::Used)?;
            }
            CouponOutcome::Released { coupon, order } => {
                self.coupons.change(&coupon.0.packed())?.move_uses(1, -1);
                self.settle_use(at, *coupon, *order, CouponUseState::Released)?;
            }
            CouponOutcome::Returned { coupon, order } => {
                self.coupons.change(&coupon.0.packed())?.move_uses(1, 0);
                self.settle_use(at, *coupon, *order, CouponUseState::Returned)?;
            }
            // What a performance knows of a campaign elsewhere, the campaign has said itself.
            CouponOutcome::Announced { .. }
            | CouponOutcome::Granted { .. }
            | CouponOutcome::Spent { .. } => (),
        }
        Ok(())
    }

    fn change_campaign(
        &mut self,
        at: At,
        campaign: CampaignId,
        definition: &CampaignDefinition,
        version: u16,
    ) -> Result<(), Error> {
        let before = self.campaigns.change(&campaign.0.packed())?;
        if before.version != i32::from(version) {
            self.campaign_terms.put(terms(campaign, version, &definition.terms));
        }
        let CampaignRow { issued, paused_at, created_at, .. } = *before;
        *before = CampaignRow {
            version: version.into(),
            issued,
            paused_at,
            created_at,
            changed_at: Some(at.now),
            ..created(at, campaign, definition)
        };
        Ok(())
    }

    fn issue(
        &mut self,
        at: At,
        coupon: CouponId,
        campaign: CampaignId,
        account: AccountId,
        version: u16,
        number: u32,
    ) -> Result<(), Error> {
        let key = (campaign.0.packed(), i32::from(version));
        let terms = self.campaign_terms.get(&key).ok_or_else(|| Error::RowMissing {
            table: CampaignTermsRow::TABLE,
            key: format!("{campaign}.{version}"),
        })?;
        self.coupons.put(CouponRow {
            coupon_id: coupon.0.packed(),
            campaign_id: campaign.0.packed(),
            account_id: uuid(account.as_u128()),
            version: version.into(),
            number: number.into(),
            state: CouponState::Free,
            uses: terms.uses,
            uses_left: terms.uses,
            uses_reserved: 0,
            issued_at: at.now,
        });
        Ok(())
    }

    fn settle_use(
        &mut self,
        at: At,
        coupon: CouponId,
        order: OrderId,
        state: CouponUseState,
    ) -> Result<(), Error> {
        let row = self.coupon_uses.change(&(coupon.0.packed(), order.0.packed()))?;
        row.state = state;
        row.settled_at = Some(at.now);
        Ok(())
    }
}

fn created(at: At, campaign: CampaignId, definition: &CampaignDefinition) -> CampaignRow {
    CampaignRow {
        campaign_id: campaign.0.packed(),
        name: definition.name.clone(),
        is_spanning: definition.scope.home().is_none(),
        performances: performances(&definition.scope),
        asks_code: definition.code.is_some(),
        opens_at: Moment(definition.opens_at),
        closes_at: Moment(definition.closes_at),
        quantity: definition.quantity.into(),
        account_limit: definition.account_limit.into(),
        version: 0,
        issued: 0,
        paused_at: None,
        created_at: at.now,
        changed_at: None,
    }
}

fn performances(scope: &CampaignScope) -> Vec<Uuid> {
    let id = |performance: &PerformanceId| uuid(performance.as_u128());
    match scope {
        CampaignScope::Performance { performance } => vec![id(performance)],
        CampaignScope::Performances { performances, .. } => performances.iter().map(id).collect(),
    }
}

fn terms(campaign: CampaignId, version: u16, terms: &CouponTerms) -> CampaignTermsRow {
    let (reduction, amount_minor, basis_points, cap_minor) = match terms.reduction {
        CouponReduction::Fixed { amount_minor } => {
            (ReductionWord::Fixed, Some(amount_minor), None, None)
        }
        CouponReduction::Percent { basis_points, cap_minor } => {
            (ReductionWord::Percent, None, Some(basis_points.into()), cap_minor)
        }
    };
    CampaignTermsRow {
        campaign_id: campaign.0.packed(),
        version: version.into(),
        reduction,
        amount_minor,
        basis_points,
        cap_minor,
        currency: CurrencyCode(terms.currency),
        minimum_spend_minor: terms.minimum_spend_minor,
        price_levels: terms.price_levels.clone(),
        issuer: terms.issuer.into(),
        uses: terms.uses.into(),
        expires_at: Moment(terms.expires_at),
        returned_on_refund: terms.returned_on_refund,
    }
}
