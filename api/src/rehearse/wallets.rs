//! Points in the naive model: every movement of every wallet, and what orders say of the same.
//!
//! A wallet lives in another partition than the orders, so both sides are compared at the end,
//! when no message is on its way.

use std::collections::HashMap;

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::model::{Order, Step, at, millis, minor, text};

/// What one wallet has.
#[derive(Debug, Default)]
struct Wallet {
    free_minor: i64,
    reserved_minor: i64,
    owed_minor: i64,
    /// What has come from outside, less what has gone there.
    from_outside_minor: i64,
    /// Movements that were checked.
    checked: u64,
    /// Rules that were broken. Who a wallet belongs to may be known only later.
    faults: Vec<(Invariant, String)>,
}

#[derive(Debug)]
struct Lot {
    account: String,
    left_minor: i64,
    expires_at_ms: i64,
}

/// What wallets did for one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct OfOrder {
    reserved_minor: i64,
    spent_minor: i64,
    earned_minor: i64,
    taken_back_minor: i64,
    restored_minor: i64,
}

/// Every wallet that moved.
#[derive(Debug, Default)]
pub(super) struct Wallets {
    of: HashMap<String, Wallet>,
    lots: HashMap<String, Lot>,
    orders: HashMap<String, OfOrder>,
}

/// What a report says of points, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PointsCount {
    pub(super) spent: i64,
    pub(super) earned: i64,
    pub(super) left: i64,
}

impl Wallets {
    /// Takes one outcome over.
    pub(super) fn fold(&mut self, step: &Step, outcome: &Value) {
        let kind = outcome["type"].as_str().unwrap_or_default();
        let amount = minor(&outcome["amount"]);
        match kind {
            "points_credited" => self.credited(step, outcome, amount),
            "points_expired" => self.expired(step, outcome, amount),
            "points_reserved" | "points_spent" | "points_released" | "points_taken_back" => {
                self.moved_for_order(step, kind, outcome, amount);
            }
            _ => (),
        }
    }

    fn credited(&mut self, step: &Step, outcome: &Value, amount: i64) {
        let account = account_of(step);
        let debt_paid = outcome["debt_paid_minor"].as_i64().unwrap_or(-1);
        let lot = Lot {
            account: account.clone(),
            left_minor: amount - debt_paid,
            expires_at_ms: millis(&outcome["expires_at"]),
        };
        self.lots.insert(text(outcome, "lot"), lot);
        let of_order = self.orders.entry(text(outcome, "order")).or_default();
        match outcome["source"].as_str() {
            Some("earned") => of_order.earned_minor += amount,
            Some("restored") => of_order.restored_minor += amount,
            _ => (),
        }
        let wallet = self.of.entry(account).or_default();
        wallet.from_outside_minor += amount;
        wallet.free_minor += amount - debt_paid;
        wallet.owed_minor -= debt_paid;
        wallet.check(step);
    }

    /// Only what a lot brought can expire, and not before its time.
    fn expired(&mut self, step: &Step, outcome: &Value, amount: i64) {
        let id = text(outcome, "lot");
        let Some(lot) = self.lots.get_mut(&id) else { return };
        lot.left_minor -= amount;
        let right = lot.left_minor >= 0 && step.now_ms >= lot.expires_at_ms;
        let wallet = self.of.entry(lot.account.clone()).or_default();
        if !right {
            let fault = format!("{}: {amount} of lot {id} expire", at(step));
            wallet.faults.push((Invariant::PointsNeverNegative, fault));
        }
        wallet.free_minor -= amount;
        wallet.from_outside_minor -= amount;
        wallet.check(step);
    }

    fn moved_for_order(&mut self, step: &Step, kind: &str, outcome: &Value, amount: i64) {
        let order = text(outcome, "order");
        let wallet = self.of.entry(account_of(step)).or_default();
        let of_order = self.orders.entry(order.clone()).or_default();
        let debt = |field: &str| outcome[field].as_i64().unwrap_or(-1);
        match kind {
            "points_reserved" => {
                of_order.reserved_minor += amount;
                wallet.free_minor -= amount;
                wallet.reserved_minor += amount;
            }
            "points_taken_back" => {
                of_order.taken_back_minor += amount;
                wallet.free_minor -= amount - debt("debt_minor");
                wallet.owed_minor += debt("debt_minor");
                wallet.from_outside_minor -= amount;
            }
            _ => {
                let was_reserved = std::mem::take(&mut of_order.reserved_minor);
                if was_reserved != amount {
                    let fault = format!("{}: {kind} {amount} of {was_reserved}", at(step));
                    wallet.faults.push((Invariant::PointsBalance, fault));
                }
                wallet.reserved_minor -= was_reserved;
                if kind == "points_spent" {
                    of_order.spent_minor += amount;
                    wallet.from_outside_minor -= amount;
                } else {
                    wallet.free_minor += amount - debt("debt_paid_minor");
                    wallet.owed_minor -= debt("debt_paid_minor");
                }
            }
        }
        wallet.check(step);
    }

    /// Judges the wallets of these accounts, and compares them with the orders. Nothing may be on
    /// its way.
    pub(super) fn settle<'o>(
        &self,
        accounts: impl Iterator<Item = &'o String>,
        orders: &HashMap<String, Order>,
        findings: &mut Findings,
    ) {
        for wallet in accounts.filter_map(|account| self.of.get(account)) {
            findings.held(Invariant::PointsNeverNegative, wallet.checked);
            for (invariant, fault) in &wallet.faults {
                findings.note(*invariant, || fault.clone());
            }
            let Wallet { free_minor, reserved_minor, owed_minor, from_outside_minor, .. } = *wallet;
            let sum = free_minor + reserved_minor - owed_minor - from_outside_minor;
            findings.check(sum == 0, Invariant::PointsBalance, || format!("{wallet:?}: {sum}"));
        }
        for (id, order) in orders {
            let (restored_minor, taken_back_minor) = order.points_back();
            let expected = OfOrder {
                reserved_minor: 0,
                spent_minor: order.points_if(order.was_confirmed),
                earned_minor: order.earned_minor,
                taken_back_minor,
                restored_minor,
            };
            let moved = self.orders.get(id).copied().unwrap_or_default();
            findings.check(moved == expected, Invariant::PointsBalance, || {
                format!("order {id}: its wallet has {moved:?}, the order {expected:?}")
            });
        }
    }

    /// Points that are kept for orders that have neither been confirmed nor ended.
    pub(super) fn open_ends(&self) -> impl Iterator<Item = String> {
        let kept = self.orders.iter().filter(|(_, it)| it.reserved_minor != 0);
        kept.map(|(id, it)| format!("{} points are kept for order {id}", it.reserved_minor))
    }

    /// What an account can spend, and what it owes.
    pub(super) fn balance(&self, account: &str) -> (i64, i64) {
        self.of.get(account).map_or((0, 0), |wallet| (wallet.free_minor, wallet.owed_minor))
    }

    /// What was spent and earned on these orders, and what all wallets have.
    pub(super) fn count(&self, orders: &HashMap<String, Order>) -> PointsCount {
        let of_ours = self.orders.iter().filter(|(id, _)| orders.contains_key(*id));
        let mut count = PointsCount::default();
        for (_, of_order) in of_ours {
            count.spent += of_order.spent_minor;
            count.earned += of_order.earned_minor;
        }
        count.left = self.of.values().map(|wallet| wallet.free_minor).sum();
        count
    }
}

impl Wallet {
    fn check(&mut self, step: &Step) {
        self.checked += 1;
        if self.free_minor < 0 || self.reserved_minor < 0 || self.owed_minor < 0 {
            let Self { free_minor, reserved_minor, owed_minor, .. } = *self;
            let fault = format!(
                "{}: {free_minor} free, {reserved_minor} reserved, {owed_minor} owed",
                at(step)
            );
            self.faults.push((Invariant::PointsNeverNegative, fault));
        }
    }
}

/// Whose wallet a step is about: the outcomes do not say it, the intent does.
fn account_of(step: &Step) -> String {
    let message = &step.intent["message"];
    let account = step.intent["account"].as_str().or(message["account"].as_str());
    account.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::refunds::Returned;
    use super::super::terms::{Back, Share};
    use super::*;

    /// The wallet of alice.
    #[derive(Default)]
    struct Scene(Wallets);

    impl Scene {
        fn say(&mut self, what: &str, order: &str, amount: i64, more: &Value) -> &mut Self {
            let mut outcome = json!({"type": what, "order": order, "amount": {"minor": amount},
                "lot": format!("lot-{what}-{order}"), "debt_paid_minor": 0, "debt_minor": 0,
                "expires_at": "1970-01-01T00:00:01Z"});
            for (field, value) in more.as_object().into_iter().flatten() {
                outcome[field] = value.clone();
            }
            let intent = json!({"message": {"account": "alice"}});
            let step = Step { now_ms: 1_000, intent, ..Step::default() };
            self.0.fold(&step, &outcome);
            self
        }

        fn grant(&mut self, amount: i64) -> &mut Self {
            self.say("points_credited", "", amount, &json!({"source": "granted"}))
        }

        fn settle(&self, orders: &[(&str, Order)]) -> Findings {
            let mut findings = Findings::default();
            let orders = orders.iter().map(|(id, order)| ((*id).to_owned(), order.clone()));
            self.0.settle(["alice".to_owned()].iter(), &orders.collect(), &mut findings);
            findings
        }
    }

    fn confirmed(points_minor: i64, earned_minor: i64) -> Order {
        Order { points_minor, earned_minor, was_confirmed: true, ..Order::default() }
    }

    #[track_caller]
    fn broken(findings: &Findings, invariant: Invariant) {
        let broken: Vec<_> = findings.iter().map(|(it, _)| it).collect();
        assert_eq!(broken, [invariant], "{findings:?}");
    }

    #[test]
    fn points_by_the_rules_are_clean() {
        let mut scene = Scene::default();
        scene.grant(100).say("points_reserved", "o1", 30, &Value::Null);
        assert_eq!(scene.0.open_ends().count(), 1);
        scene.say("points_released", "o1", 30, &Value::Null);
        scene.say("points_reserved", "o2", 90, &Value::Null);
        scene.say("points_spent", "o2", 90, &Value::Null);
        scene.say("points_credited", "o2", 5, &json!({"source": "earned"}));
        let orders = [("o1", Order::default()), ("o2", confirmed(90, 5))];
        assert!(scene.settle(&orders).is_clean(), "{:?}", scene.settle(&orders));
        assert_eq!((scene.0.balance("alice"), scene.0.open_ends().count()), ((15, 0), 0));
        scene.say("points_taken_back", "o2", 5, &json!({"debt_minor": 2}));
        scene.say("points_expired", "", 12, &json!({"lot": "lot-points_credited-"}));
        let restored = json!({"source": "restored", "debt_paid_minor": 2});
        scene.say("points_credited", "o2", 90, &restored);
        let share = Share { points: 90, earned: 5, ..Share::default() };
        let back = Back { points: 90, ..Back::default() };
        let returned = vec![Returned { number: 1, share, back }];
        let refunded = Order { returned, ..confirmed(90, 5) };
        let findings = scene.settle(&[("o2", refunded)]);
        assert!(findings.is_clean(), "{findings:?}");
        assert_eq!(scene.0.balance("alice"), (88, 0));
    }

    #[test]
    fn points_below_zero_are_found() {
        let mut scene = Scene::default();
        scene.grant(10).say("points_reserved", "o", 11, &Value::Null);
        broken(&scene.settle(&[]), Invariant::PointsNeverNegative);
    }

    #[test]
    fn points_that_expire_early_or_twice_are_found() {
        let of_gift = |expires_at: &str| {
            let mut scene = Scene::default();
            let more = json!({"source": "granted", "expires_at": expires_at});
            scene.say("points_credited", "", 10, &more);
            scene
        };
        let lot = json!({"lot": "lot-points_credited-"});
        let mut early = of_gift("1970-01-01T00:00:02Z");
        early.say("points_expired", "", 10, &lot);
        broken(&early.settle(&[]), Invariant::PointsNeverNegative);
        let mut twice = of_gift("1970-01-01T00:00:01Z");
        twice.say("points_expired", "", 10, &lot).say("points_expired", "", 1, &lot);
        broken(&twice.settle(&[]), Invariant::PointsNeverNegative);
    }

    #[test]
    fn points_that_come_from_nowhere_are_found() {
        let mut scene = Scene::default();
        scene.grant(10).say("points_reserved", "o", 5, &Value::Null);
        scene.say("points_released", "o", 6, &Value::Null);
        broken(&scene.settle(&[]), Invariant::PointsBalance);
    }

    #[test]
    fn an_order_and_a_wallet_that_disagree_are_found() {
        let spent = |points: i64| {
            let mut scene = Scene::default();
            scene.grant(10).say("points_reserved", "o", points, &Value::Null);
            scene.say("points_spent", "o", points, &Value::Null);
            scene
        };
        assert!(spent(5).settle(&[("o", confirmed(5, 0))]).is_clean());
        let never_confirmed = Order { points_minor: 5, ..Order::default() };
        for order in [confirmed(4, 0), confirmed(5, 1), never_confirmed] {
            broken(&spent(5).settle(&[("o", order)]), Invariant::PointsBalance);
        }
    }
}
