//! Which rows a batch of steps is about that are neither in memory nor made by the batch itself.

use std::collections::BTreeMap;

use boxoffice_topics::outcome::{CancelReason, EffectName};
use boxoffice_topics::{
    HoldId, IntentId, Offset, OrderId, Outcome, PartitionId, PaymentId, PerformanceId,
};
use uuid::Uuid;

use super::fold::{Fold, uuid};

/// Keys of rows to load.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Missing {
    pub(super) performances: Vec<Uuid>,
    pub(super) holds: Vec<i64>,
    pub(super) orders: Vec<i64>,
    pub(super) payments: Vec<i64>,
    pub(super) refunds: Vec<String>,
    /// Orders whose tickets are needed.
    pub(super) tickets_of: Vec<i64>,
}

impl Missing {
    /// Adds what an outcome is about.
    pub(super) fn add(
        &mut self,
        fold: &Fold,
        outcome: &Outcome,
        begins: &BTreeMap<PartitionId, Offset>,
    ) {
        // An id says where its thing was made, so the batch knows its own without looking.
        let is_older =
            |id: IntentId| begins.get(&id.partition()).is_none_or(|&at| id.offset() < at);
        match outcome {
            Outcome::Refused { .. }
            | Outcome::Repeated { .. }
            | Outcome::MessageSent { .. }
            | Outcome::MessageReceived { .. }
            | Outcome::WaitingRoom(_)
            | Outcome::Coupon(_)
            | Outcome::Points(_)
            | Outcome::OrderReserving(_)
            | Outcome::OrderNotPlaced { .. }
            | Outcome::PerformanceCreated { .. }
            | Outcome::Held { .. } => (),
            Outcome::SaleOpened { performance } | Outcome::SaleClosed { performance } => {
                self.add_performance(fold, *performance);
            }
            Outcome::HoldRenewed { hold, .. }
            | Outcome::HoldReleased { hold }
            | Outcome::HoldExpired { hold, .. }
            | Outcome::OrderPlaced { hold, .. } => {
                let HoldId(id) = *hold;
                if is_older(id) && !fold.holds.contains(&id.packed()) {
                    self.holds.push(id.packed());
                }
            }
            Outcome::OrderConfirmed { order, performance, .. } => {
                self.add_performance(fold, *performance);
                self.add_order(fold, *order, is_older);
            }
            Outcome::OrderCancelled { order, reason, .. } => {
                self.add_order(fold, *order, is_older);
                // An order whose time ran out never had tickets.
                if *reason == CancelReason::ByBuyer && is_older(order.0) {
                    self.tickets_of.push(order.0.packed());
                }
            }
            Outcome::PaymentRequested { order, .. } => self.add_order(fold, *order, is_older),
            Outcome::PaymentCaptured { payment, .. } => {
                self.add_payment(fold, *payment, is_older);
            }
            Outcome::PaymentDeclined { payment, order, .. } => {
                self.add_payment(fold, *payment, is_older);
                self.add_order(fold, *order, is_older);
            }
            Outcome::RefundRequested { order, .. } => self.add_order(fold, *order, is_older),
            Outcome::PaymentRefunded { refund, order, .. } => {
                self.add_refund(fold, *refund);
                self.add_order(fold, *order, is_older);
            }
            Outcome::RefundFailed { refund, .. } => self.add_refund(fold, *refund),
        }
    }

    /// Brings every list into order, without repeats.
    pub(super) fn sort(&mut self) {
        sort(&mut self.performances);
        sort(&mut self.holds);
        sort(&mut self.orders);
        sort(&mut self.payments);
        sort(&mut self.refunds);
        sort(&mut self.tickets_of);
    }

    fn add_performance(&mut self, fold: &Fold, performance: PerformanceId) {
        let id = uuid(performance.as_u128());
        if !fold.performances.contains(&id) {
            self.performances.push(id);
        }
    }

    fn add_order(&mut self, fold: &Fold, order: OrderId, is_older: impl Fn(IntentId) -> bool) {
        let OrderId(id) = order;
        if is_older(id) && !fold.orders.contains(&id.packed()) {
            self.orders.push(id.packed());
        }
    }

    fn add_payment(
        &mut self,
        fold: &Fold,
        payment: PaymentId,
        is_older: impl Fn(IntentId) -> bool,
    ) {
        let PaymentId(id) = payment;
        if is_older(id) && !fold.payments.contains(&id.packed()) {
            self.payments.push(id.packed());
        }
    }

    fn add_refund(&mut self, fold: &Fold, refund: EffectName) {
        let name = refund.to_string();
        if !fold.refunds.contains(&name) {
            self.refunds.push(name);
        }
    }
}

fn sort<K: Ord>(keys: &mut Vec<K>) {
    keys.sort_unstable();
    keys.dedup();
}
