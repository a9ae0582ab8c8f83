//! Coupons in the naive model: how many are out, who has them, and which order has which.
//!
//! A campaign may live in another partition than the orders, so what both say of a coupon is
//! compared at the end, when no message is on its way.

use std::collections::HashMap;

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::model::{Order, OrderState, Step, at, text};

/// A campaign as the model sees it.
#[derive(Debug)]
struct Campaign {
    quantity: u64,
    account_limit: u64,
    amount_minor: i64,
    issued: u64,
    claimed_by: HashMap<String, u64>,
}

/// Where the one use of a coupon is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Use {
    Free,
    Reserved(String),
    Used(String),
}

#[derive(Debug)]
struct Coupon {
    campaign: String,
    account: String,
    one_use: Use,
}

/// The campaigns of the rehearsed performances, and their coupons.
#[derive(Debug, Default)]
pub(super) struct Coupons {
    campaigns: HashMap<String, Campaign>,
    coupons: HashMap<String, Coupon>,
}

/// What a report says of coupons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CouponCount {
    pub(super) issued: u64,
    pub(super) used: u64,
}

impl Coupons {
    /// Takes over a campaign of these performances.
    pub(super) fn campaign_created(&mut self, outcome: &Value) {
        let definition = &outcome["definition"];
        let number = |field: &str| definition[field].as_u64().unwrap_or(0);
        let campaign = Campaign {
            quantity: number("quantity"),
            account_limit: number("account_limit"),
            amount_minor: definition["terms"]["reduction"]["amount_minor"].as_i64().unwrap_or(0),
            issued: 0,
            claimed_by: HashMap::new(),
        };
        self.campaigns.insert(text(outcome, "campaign"), campaign);
    }

    /// Takes one outcome over.
    pub(super) fn fold(&mut self, step: &Step, outcome: &Value, findings: &mut Findings) {
        let (coupon, order) = (text(outcome, "coupon"), text(outcome, "order"));
        let reserved = || Use::Reserved(order.clone());
        let (from, to) = match outcome["type"].as_str().unwrap_or_default() {
            "refused" => return self.refused(step, &text(outcome, "code"), findings),
            "coupon_issued" => return self.issued(step, outcome, findings),
            "coupon_reserved" => (Use::Free, reserved()),
            "coupon_used" => (reserved(), Use::Used(order.clone())),
            "coupon_released" => (reserved(), Use::Free),
            "coupon_returned" => (Use::Used(order.clone()), Use::Free),
            _ => return,
        };
        let Some(found) = self.coupons.get_mut(&coupon) else { return };
        findings.check(found.one_use == from, Invariant::CouponInOneOrder, || {
            let before = &found.one_use;
            format!("{}: coupon {coupon} goes from {before:?} to {to:?}", at(step))
        });
        found.one_use = to;
    }

    fn issued(&mut self, step: &Step, outcome: &Value, findings: &mut Findings) {
        let id = text(outcome, "campaign");
        let Some(campaign) = self.campaigns.get_mut(&id) else { return };
        campaign.issued += 1;
        let (issued, quantity) = (campaign.issued, campaign.quantity);
        let right = issued <= quantity && outcome["number"].as_u64() == Some(issued);
        findings.check(right, Invariant::CouponsWithinQuantity, || {
            format!("{}: {} is coupon {issued} of {quantity}", at(step), outcome["number"])
        });
        let claimed = campaign.claimed_by.entry(step.account.clone()).or_default();
        *claimed += 1;
        findings.check(*claimed <= campaign.account_limit, Invariant::CouponsWithinLimit, || {
            format!("{}: {} has {claimed} coupons", at(step), step.account)
        });
        let coupon = text(outcome, "coupon");
        let account = step.account.clone();
        let fresh = Coupon { campaign: id, account, one_use: Use::Free };
        let twice = self.coupons.insert(coupon.clone(), fresh).is_some();
        findings.check(!twice, Invariant::CouponsWithinQuantity, || {
            format!("{}: coupon {coupon} is issued again", at(step))
        });
    }

    /// Nobody is turned away while there are coupons, nor for a limit that is not reached.
    fn refused(&mut self, step: &Step, code: &str, findings: &mut Findings) {
        let Some(campaign) = self.campaigns.get(&text(&step.intent, "campaign")) else { return };
        let Campaign { issued, quantity, account_limit, .. } = *campaign;
        let claimed = campaign.claimed_by.get(&step.account).copied().unwrap_or(0);
        match code {
            "coupons_exhausted" => {
                findings.check(issued == quantity, Invariant::CouponsWithinQuantity, || {
                    format!("{}: no coupon is left after {issued} of {quantity}", at(step))
                });
            }
            "coupon_limit_reached" => {
                findings.check(claimed >= account_limit, Invariant::CouponsWithinLimit, || {
                    format!("{}: {claimed} of {account_limit} coupons are too many", at(step))
                });
            }
            _ => (),
        }
    }

    /// Compares what campaigns say with what orders say. Nothing may be on its way.
    pub(super) fn settle(&self, orders: &HashMap<String, Order>, findings: &mut Findings) {
        let mut order_of: HashMap<&str, &str> = HashMap::new();
        for (id, order) in orders {
            let Some((coupon, amount_minor)) = &order.discount else { continue };
            self.check_discount(id, order, coupon, *amount_minor, findings);
            let lives = order.state != OrderState::Cancelled;
            let other = if lives { order_of.insert(coupon, id) } else { None };
            findings.check(other.is_none(), Invariant::CouponInOneOrder, || {
                format!("coupon {coupon} is in order {id} and in order {other:?}")
            });
        }
        for (id, coupon) in &self.coupons {
            let by_order = order_of.get(&**id).copied();
            let by_campaign = match &coupon.one_use {
                Use::Free => None,
                Use::Reserved(order) | Use::Used(order) => Some(&**order),
            };
            findings.check(by_order == by_campaign, Invariant::CouponInOneOrder, || {
                let said = &coupon.one_use;
                format!("coupon {id} is {said:?} for its campaign, and in order {by_order:?}")
            });
        }
    }

    /// The discount is what the coupon gives, and the coupon is the buyer's.
    fn check_discount(
        &self,
        id: &str,
        order: &Order,
        coupon: &str,
        amount_minor: i64,
        findings: &mut Findings,
    ) {
        let found = self.coupons.get(coupon);
        let campaign = found.and_then(|found| self.campaigns.get(&found.campaign));
        let expected = campaign.map(|campaign| campaign.amount_minor.min(order.price_minor));
        findings.check(expected == Some(amount_minor), Invariant::MoneyConserved, || {
            format!("order {id}: coupon {coupon} takes off {amount_minor}, not {expected:?}")
        });
        let own = found.is_some_and(|found| found.account == order.account);
        findings.check(own, Invariant::CouponInOneOrder, || {
            format!("order {id} has coupon {coupon} of somebody else")
        });
    }

    /// Coupons that are kept for an order that has neither been confirmed nor ended.
    pub(super) fn open_ends(&self) -> impl Iterator<Item = String> {
        self.coupons.iter().filter_map(|(id, coupon)| match &coupon.one_use {
            Use::Reserved(order) => Some(format!("coupon {id} is kept for order {order}")),
            Use::Free | Use::Used(_) => None,
        })
    }

    /// How many coupons of an account can still be used.
    pub(super) fn free_of(&self) -> HashMap<&str, u64> {
        let mut free: HashMap<&str, u64> = HashMap::new();
        for coupon in self.coupons.values().filter(|coupon| coupon.one_use == Use::Free) {
            *free.entry(&coupon.account).or_default() += 1;
        }
        free
    }

    /// How many are out, and how many of them are used.
    pub(super) fn count(&self) -> CouponCount {
        let used = self.coupons.values().filter(|it| matches!(it.one_use, Use::Used(_))).count();
        CouponCount { issued: self.campaigns.values().map(|it| it.issued).sum(), used: used as u64 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A campaign of two coupons, one for each account.
    struct Scene {
        coupons: Coupons,
        findings: Findings,
    }

    impl Scene {
        fn new() -> Self {
            let mut coupons = Coupons::default();
            coupons.campaign_created(&json!({"campaign": "c", "definition": {
                "quantity": 2, "account_limit": 1,
                "terms": {"reduction": {"type": "fixed", "amount_minor": 10}}}}));
            Self { coupons, findings: Findings::default() }
        }

        fn say(&mut self, account: &str, outcome: &Value) -> &mut Self {
            let intent = json!({"campaign": "c"});
            let step = Step { account: account.to_owned(), intent, ..Step::default() };
            self.coupons.fold(&step, outcome, &mut self.findings);
            self
        }

        fn issue(&mut self, account: &str, coupon: &str, number: u64) -> &mut Self {
            let issued = json!({"type": "coupon_issued", "campaign": "c", "coupon": coupon,
                "number": number});
            self.say(account, &issued)
        }

        fn becomes(&mut self, what: &str, coupon: &str, order: &str) -> &mut Self {
            self.say("", &json!({"type": what, "coupon": coupon, "order": order}))
        }

        fn settle(&mut self, orders: &[(&str, &str, i64)]) -> &mut Self {
            let order = |(id, account, amount): &(&str, &str, i64)| {
                let discount = Some(("k".to_owned(), *amount));
                let account = (*account).to_owned();
                let state = OrderState::Confirmed;
                let order =
                    Order { account, price_minor: 100, discount, state, ..Order::default() };
                ((*id).to_owned(), order)
            };
            self.coupons.settle(&orders.iter().map(order).collect(), &mut self.findings);
            self
        }

        #[track_caller]
        fn broken(&self, invariant: Invariant) {
            let broken: Vec<_> = self.findings.iter().map(|(it, _)| it).collect();
            assert_eq!(broken, [invariant], "{:?}", self.findings);
        }

        #[track_caller]
        fn clean(&self) {
            assert!(self.findings.is_clean(), "{:?}", self.findings);
        }
    }

    fn refused(code: &str) -> Value {
        json!({"type": "refused", "code": code})
    }

    #[test]
    fn coupons_by_the_rules_are_clean() {
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).issue("bob", "l", 2);
        scene.say("carol", &refused("coupons_exhausted"));
        scene.say("bob", &refused("coupon_limit_reached"));
        scene.becomes("coupon_reserved", "k", "o1").becomes("coupon_released", "k", "o1");
        scene.becomes("coupon_reserved", "k", "o2");
        assert_eq!(scene.coupons.open_ends().count(), 1);
        scene.becomes("coupon_used", "k", "o2").settle(&[("o2", "alice", 10)]).clean();
        assert_eq!(scene.coupons.count(), CouponCount { issued: 2, used: 1 });
        assert_eq!(scene.coupons.free_of(), HashMap::from([("bob", 1)]));
        scene.becomes("coupon_returned", "k", "o2").settle(&[]).clean();
    }

    #[test]
    fn a_coupon_too_many_is_found() {
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).issue("bob", "l", 2).clean();
        scene.issue("carol", "m", 3).broken(Invariant::CouponsWithinQuantity);
        Scene::new().issue("alice", "k", 2).broken(Invariant::CouponsWithinQuantity);
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).issue("bob", "k", 2);
        scene.broken(Invariant::CouponsWithinQuantity);
    }

    #[test]
    fn a_refusal_while_there_are_coupons_is_found() {
        let early = refused("coupons_exhausted");
        Scene::new().say("alice", &early).broken(Invariant::CouponsWithinQuantity);
        let early = refused("coupon_limit_reached");
        Scene::new().say("alice", &early).broken(Invariant::CouponsWithinLimit);
    }

    #[test]
    fn a_second_coupon_of_one_account_is_found() {
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).issue("alice", "l", 2).broken(Invariant::CouponsWithinLimit);
    }

    #[test]
    fn a_coupon_in_two_orders_is_found() {
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).becomes("coupon_reserved", "k", "o1");
        scene.becomes("coupon_reserved", "k", "o2").broken(Invariant::CouponInOneOrder);
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).becomes("coupon_used", "k", "o1");
        scene.broken(Invariant::CouponInOneOrder);
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).becomes("coupon_reserved", "k", "o1");
        scene.becomes("coupon_used", "k", "o1").clean();
        scene.settle(&[("o1", "alice", 10), ("o2", "alice", 10)]);
        scene.broken(Invariant::CouponInOneOrder);
    }

    #[test]
    fn an_order_and_a_campaign_that_disagree_are_found() {
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).settle(&[("o1", "alice", 10)]);
        scene.broken(Invariant::CouponInOneOrder);
        let mut scene = Scene::new();
        scene.issue("alice", "k", 1).becomes("coupon_reserved", "k", "o1").settle(&[]);
        scene.broken(Invariant::CouponInOneOrder);
    }

    #[test]
    fn a_discount_that_the_coupon_does_not_give_is_found() {
        for (account, amount, broken) in
            [("alice", 11, Invariant::MoneyConserved), ("bob", 10, Invariant::CouponInOneOrder)]
        {
            let mut scene = Scene::new();
            scene.issue("alice", "k", 1).becomes("coupon_reserved", "k", "o1");
            scene.becomes("coupon_used", "k", "o1").settle(&[("o1", account, amount)]);
            scene.broken(broken);
        }
    }
}
