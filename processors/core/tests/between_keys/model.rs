//! What outcomes say of coupons, points and money, folded without the core.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_topics::points::{LotPart, PointsSource};
use boxoffice_topics::waiting_room::SessionEnd;
use boxoffice_topics::{
    AccountId, CampaignId, CouponId, CouponOutcome, HoldId, IntentId, LotId, Message, OrderId,
    Outcome, PaymentId, PerformanceId, PointsOutcome, Reductions, RefusalCode, Step,
    WaitingRoomOutcome,
};

/// Buyers inside of one waiting room at once.
pub(crate) const INSIDE_MAX: u32 = 2;

/// One coupon: how often it may be used, and by which orders it is.
#[derive(Default)]
pub(crate) struct CouponModel {
    pub(crate) account: AccountId,
    uses: usize,
    pub(crate) reserved: BTreeSet<OrderId>,
    pub(crate) used: BTreeSet<OrderId>,
}

#[derive(Default)]
pub(crate) struct CampaignModel {
    quantity: u32,
    limit: u16,
    uses: u16,
    pub(crate) returns: bool,
    issued: u32,
    of_account: BTreeMap<AccountId, u16>,
}

#[derive(Clone)]
pub(crate) struct OrderModel {
    pub(crate) account: AccountId,
    pub(crate) total: i64,
    pub(crate) reductions: Option<Reductions>,
    pub(crate) is_confirmed: bool,
    pub(crate) is_over: bool,
    pub(crate) was_confirmed: bool,
}

#[derive(Default)]
pub(crate) struct WalletModel {
    pub(crate) free: BTreeMap<LotId, i64>,
    pub(crate) debt: i64,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) holds: BTreeMap<HoldId, AccountId>,
    pub(crate) reserving: BTreeMap<OrderId, AccountId>,
    pub(crate) orders: BTreeMap<OrderId, OrderModel>,
    pub(crate) campaigns: BTreeMap<CampaignId, CampaignModel>,
    pub(crate) coupons: BTreeMap<CouponId, CouponModel>,
    pub(crate) wallets: BTreeMap<AccountId, WalletModel>,
    pub(crate) points_reserved: BTreeMap<OrderId, (AccountId, Vec<LotPart>)>,
    pub(crate) points_committed: BTreeMap<OrderId, i64>,
    pub(crate) payments: Vec<(PaymentId, i64)>,
    pub(crate) inside: BTreeSet<(PerformanceId, AccountId)>,
    captured: i64,
    refunded: i64,
    pub(crate) seen: BTreeSet<String>,
    /// Forwarded and not answered, by the name under which they were accepted.
    unanswered: BTreeSet<IntentId>,
}

impl Model {
    pub(crate) fn see(&mut self, what: &str) {
        if !self.seen.contains(what) {
            self.seen.insert(what.to_owned());
        }
    }

    pub(crate) fn fold(&mut self, step: &Step) {
        let inside_before = self.inside.clone();
        for outcome in &step.outcomes {
            match outcome {
                Outcome::Refused { refusal } => {
                    let changes =
                        step.outcomes.len() - usize::from(step.forwarded_from().is_some());
                    assert_eq!(changes, 1, "a refusal changes nothing");
                    if refusal.code == RefusalCode::MessageAlreadyReceived {
                        self.see("repeated message");
                    }
                }
                Outcome::Coupon(outcome) => self.fold_coupon(outcome),
                Outcome::Points(outcome) => self.fold_points(outcome),
                Outcome::MessageSent { message } => self.fold_message(message),
                Outcome::WaitingRoom(outcome) => self.fold_waiting_room(outcome),
                other => self.fold_order(other),
            }
        }
        self.check_buyers_are_out(step, &inside_before);
        let sold = self.orders.values().filter(|order| order.is_confirmed);
        let sold: i64 = sold.map(|order| order.total).sum();
        assert_eq!(self.captured - self.refunded, sold, "money without a ticket, or the reverse");
    }

    /// An intent that is forwarded is answered once.
    pub(crate) fn fold_forwards(&mut self, step: &Step) {
        let is_answered_elsewhere = step.answered_in().is_some();
        match step.forwarded_from() {
            Some(_) if is_answered_elsewhere => self.see("forwarded again"),
            Some(origin) => {
                assert!(self.unanswered.remove(&origin), "answered twice, or never asked");
            }
            None if is_answered_elsewhere => {
                assert!(self.unanswered.insert(step.intent.unwrap()));
            }
            None => (),
        }
    }

    pub(crate) fn check_forwards(&self) {
        assert!(self.unanswered.is_empty(), "never answered: {:?}", self.unanswered);
    }

    fn fold_waiting_room(&mut self, outcome: &WaitingRoomOutcome) {
        match *outcome {
            WaitingRoomOutcome::Admitted { performance, account, .. } => {
                assert!(self.inside.insert((performance, account)), "admitted twice");
                assert!(self.inside.len() <= INSIDE_MAX as usize, "more inside than the cap");
                self.see("admitted");
            }
            WaitingRoomOutcome::SessionEnded { performance, account, end } => {
                assert!(self.inside.remove(&(performance, account)), "a session ends twice");
                match end {
                    SessionEnd::Bought => self.see("out by buying"),
                    SessionEnd::Expired => self.see("out by time"),
                    SessionEnd::Left => (),
                }
            }
            _ => (),
        }
    }

    /// Who buys goes out in the same step, unless a new turn came in that step.
    fn check_buyers_are_out(
        &mut self,
        step: &Step,
        inside_before: &BTreeSet<(PerformanceId, AccountId)>,
    ) {
        for outcome in &step.outcomes {
            let Outcome::OrderConfirmed { performance, account, payment, .. } = outcome else {
                continue;
            };
            if payment.is_none() {
                self.see("confirmed without payment");
            }
            if step.intent.is_none() {
                self.see("confirmed by a tick");
            }
            if !inside_before.contains(&(*performance, *account)) {
                continue;
            }
            let mut said = step.outcomes.iter().filter_map(|outcome| match outcome {
                Outcome::WaitingRoom(outcome) if outcome.account() == Some(*account) => {
                    Some(*outcome)
                }
                _ => None,
            });
            let is_out = |outcome: &WaitingRoomOutcome| match outcome {
                WaitingRoomOutcome::SessionEnded { end, .. } => Some(*end),
                _ => None,
            };
            let end = said.find_map(|outcome| is_out(&outcome)).expect("a buyer stays inside");
            if end == SessionEnd::Expired {
                self.see("out by time with an order of that tick");
            }
        }
    }

    fn fold_message(&mut self, message: &Message) {
        match message {
            Message::ReleaseCoupon { order, .. } if !self.orders.contains_key(order) => {
                self.see("release of a late coupon");
            }
            Message::ReleasePoints { order, .. } if !self.orders.contains_key(order) => {
                self.see("release of late points");
            }
            _ => (),
        }
    }

    fn fold_order(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Held { hold, account, .. } => {
                self.holds.insert(*hold, *account);
            }
            Outcome::HoldReleased { hold } | Outcome::HoldExpired { hold, .. } => {
                self.holds.remove(hold).expect("a hold ends once");
            }
            Outcome::OrderReserving(order) => {
                let before = self.reserving.insert(order.order, order.account);
                self.see(if before.is_some() { "reserving again" } else { "reserving" });
            }
            Outcome::OrderNotPlaced { order, hold, .. } => {
                self.reserving.remove(order).expect("an order that waits stops waiting once");
                assert!(self.holds.contains_key(hold), "the hold lives on");
                self.see("not placed");
            }
            Outcome::OrderPlaced { order, hold, account, total, reductions, .. } => {
                self.reserving.remove(order);
                self.holds.remove(hold).expect("an order comes from a hold");
                self.place(*order, *account, total.minor, reductions.as_deref());
            }
            Outcome::OrderConfirmed { order, .. } => {
                let order = self.orders.get_mut(order).unwrap();
                assert!(!order.is_confirmed, "an order is confirmed once");
                (order.is_confirmed, order.is_over, order.was_confirmed) = (true, false, true);
            }
            Outcome::OrderCancelled { order, .. } => {
                let order = self.orders.get_mut(order).unwrap();
                assert!(!order.is_over, "an order ends once");
                (order.is_confirmed, order.is_over) = (false, true);
            }
            Outcome::PaymentRequested { payment, order, amount, .. } => {
                assert_eq!(amount.minor, self.orders[order].total);
                self.payments.push((*payment, amount.minor));
            }
            Outcome::PaymentCaptured { amount, .. } => self.captured += amount.minor,
            Outcome::RefundRequested { amount, .. } => self.refunded += amount.minor,
            _ => (),
        }
    }

    fn place(
        &mut self,
        order: OrderId,
        account: AccountId,
        total: i64,
        reductions: Option<&Reductions>,
    ) {
        assert!(total >= 0, "an order costs less than nothing");
        if let Some(Reductions { price, discount, points, .. }) = reductions {
            let discount = discount.map_or(0, |discount| discount.amount.minor);
            let points = points.map_or(0, |points| points.minor);
            assert_eq!(total, price.minor - discount - points);
            match (discount > 0, points > 0) {
                (true, true) => self.see("placed with both"),
                (true, false) => self.see("placed with coupon"),
                (false, _) => self.see("placed with points"),
            }
        }
        let reductions = reductions.cloned();
        let (is_confirmed, is_over, was_confirmed) = (false, false, false);
        let placed =
            OrderModel { account, total, reductions, is_confirmed, is_over, was_confirmed };
        assert!(self.orders.insert(order, placed).is_none(), "an order is placed once");
    }

    fn fold_coupon(&mut self, outcome: &CouponOutcome) {
        match outcome {
            CouponOutcome::CampaignCreated { campaign, definition }
            | CouponOutcome::CampaignChanged { campaign, definition, .. } => {
                let model = self.campaigns.entry(*campaign).or_default();
                model.quantity = definition.quantity;
                model.limit = definition.account_limit;
                model.uses = definition.terms.uses;
                model.returns = definition.terms.returned_on_refund;
                assert!(model.issued <= model.quantity, "fewer coupons than are out");
            }
            CouponOutcome::Issued { coupon, campaign, account, number, .. } => {
                let model = self.campaigns.get_mut(campaign).unwrap();
                model.issued += 1;
                assert_eq!(model.issued, *number);
                assert!(model.issued <= model.quantity, "too many coupons");
                let of_account = model.of_account.entry(*account).or_default();
                *of_account += 1;
                assert!(*of_account <= model.limit, "too many coupons of one account");
                let (account, uses) = (*account, model.uses.into());
                self.coupons.insert(*coupon, CouponModel { account, uses, ..Default::default() });
            }
            CouponOutcome::Reserved { coupon, order } => {
                let coupon = self.coupons.get_mut(coupon).unwrap();
                assert!(coupon.reserved.insert(*order), "reserved twice for one order");
                assert!(coupon.reserved.len() + coupon.used.len() <= coupon.uses, "used too often");
                self.see("coupon reserved");
            }
            CouponOutcome::Used { coupon, order } => {
                let coupon = self.coupons.get_mut(coupon).unwrap();
                assert!(coupon.reserved.remove(order), "used without having it");
                assert!(coupon.used.insert(*order), "used twice by one order");
                self.see("coupon used");
            }
            CouponOutcome::Released { coupon, order } => {
                let coupon = self.coupons.get_mut(coupon).unwrap();
                assert!(coupon.reserved.remove(order), "released without having it");
                self.see("coupon released");
            }
            CouponOutcome::Returned { coupon, order } => {
                let coupon = self.coupons.get_mut(coupon).unwrap();
                assert!(coupon.used.remove(order), "returned without having used it");
                self.see("coupon returned");
            }
            CouponOutcome::Spent { .. } => self.see("coupon spent"),
            _ => (),
        }
    }

    fn fold_points(&mut self, outcome: &PointsOutcome) {
        match outcome {
            PointsOutcome::RuleSet { .. } => (),
            PointsOutcome::Credited { account, lot, amount, debt_paid_minor, source, .. } => {
                match source {
                    PointsSource::Granted => (),
                    PointsSource::Earned(_) => self.see("points earned"),
                    PointsSource::Restored(_) => self.see("points restored"),
                }
                self.pay_debt(*account, amount.minor, *debt_paid_minor);
                let wallet = self.wallets.entry(*account).or_default();
                let before = wallet.free.insert(*lot, amount.minor - debt_paid_minor);
                assert!(before.is_none(), "a lot comes once");
            }
            PointsOutcome::Reserved { account, order, amount, parts } => {
                assert_eq!(amount.minor, parts.iter().map(|part| part.minor).sum::<i64>());
                parts.iter().for_each(|part| self.take(*account, part.lot, part.minor));
                let before = self.points_reserved.insert(*order, (*account, parts.clone()));
                assert!(before.is_none(), "points are reserved once for an order");
            }
            PointsOutcome::Committed { order, amount, .. } => {
                self.points_reserved.remove(order).expect("points are let go once");
                assert!(self.points_committed.insert(*order, amount.minor).is_none());
                self.see("points committed");
            }
            PointsOutcome::Released { account, order, amount, debt_paid_minor } => {
                let (_, parts) = self.points_reserved.remove(order).expect("let go once");
                self.pay_debt(*account, amount.minor, *debt_paid_minor);
                let mut paid = *debt_paid_minor;
                let wallet = self.wallets.entry(*account).or_default();
                for LotPart { lot, minor } in parts {
                    let pays = paid.min(minor);
                    paid -= pays;
                    *wallet.free.get_mut(&lot).unwrap() += minor - pays;
                }
                self.see("points released");
            }
            PointsOutcome::TakenBack { account, amount, parts, debt_minor, .. } => {
                let taken: i64 = parts.iter().map(|part| part.minor).sum();
                assert_eq!(amount.minor, taken + debt_minor);
                parts.iter().for_each(|part| self.take(*account, part.lot, part.minor));
                self.wallets.entry(*account).or_default().debt += debt_minor;
                self.see(if *debt_minor > 0 { "points owed" } else { "points taken back" });
            }
            PointsOutcome::Expired { account, lot, amount } => {
                self.take(*account, *lot, amount.minor);
                self.see("points expired");
            }
        }
    }

    fn take(&mut self, account: AccountId, lot: LotId, minor: i64) {
        let free = self.wallets.get_mut(&account).unwrap().free.get_mut(&lot).unwrap();
        *free -= minor;
        assert!(minor > 0 && *free >= 0, "a point of a lot is gone twice");
    }

    /// Whatever comes pays what is owed first.
    fn pay_debt(&mut self, account: AccountId, comes: i64, pays: i64) {
        let wallet = self.wallets.entry(account).or_default();
        assert_eq!(pays, wallet.debt.min(comes));
        wallet.debt -= pays;
        if pays > 0 {
            self.see("points paying a debt");
        }
    }
}
