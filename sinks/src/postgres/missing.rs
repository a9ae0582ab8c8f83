//! Which rows a batch of steps is about that are neither in memory nor made by the batch itself.

use std::collections::BTreeMap;

use boxoffice_topics::outcome::{CancelReason, EffectName};
use boxoffice_topics::{
    CampaignId, CouponId, CouponOutcome, HoldId, IntentId, InventoryOutcome, LotId, Offset,
    OrderId, Outcome, PartitionId, PaymentId, PerformanceId, PointsOutcome, RefundOutcome,
    TicketOutcome, WaitingRoomOutcome,
};
use uuid::Uuid;

use super::fold::{Fold, channel_key, uuid};

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
    pub(super) waiting_rooms: Vec<Uuid>,
    /// Performances and accounts whose session is needed.
    pub(super) sessions_of: Vec<(Uuid, Uuid)>,
    /// Campaigns, with all of their terms.
    pub(super) campaigns: Vec<i64>,
    pub(super) coupons: Vec<i64>,
    /// Coupons and orders.
    pub(super) coupon_uses: Vec<(i64, i64)>,
    pub(super) points_lots: Vec<i64>,
    /// Orders whose points are needed, with the lots that they are of.
    pub(super) points_of: Vec<i64>,
    /// Performances and channels.
    pub(super) channels: Vec<(Uuid, i32)>,
    pub(super) ticket_transfers: Vec<i64>,
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
            | Outcome::Scaling(_)
            | Outcome::OrderReserving(_)
            | Outcome::Settlement(_)
            | Outcome::PerformanceCreated { .. }
            | Outcome::Held { .. } => (),
            Outcome::SaleOpened { performance } | Outcome::SaleClosed { performance } => {
                self.add_performance(fold, *performance);
            }
            Outcome::WaitingRoom(outcome) => self.add_room(fold, outcome),
            Outcome::Inventory(outcome) => self.add_channel(fold, outcome),
            Outcome::Coupon(outcome) => self.add_coupon(fold, outcome, is_older),
            Outcome::Points(outcome) => self.add_points(fold, outcome, is_older),
            Outcome::Ticket(outcome) => self.add_ticket(fold, outcome, is_older),
            Outcome::Refund(outcome) => self.add_tickets_back(outcome, is_older),
            Outcome::HoldRenewed { hold, .. }
            | Outcome::HoldReleased { hold }
            | Outcome::HoldExpired { hold, .. } => self.add_hold(fold, *hold, is_older),
            Outcome::OrderPlaced { order, hold, .. }
            | Outcome::OrderNotPlaced { order, hold, .. } => {
                self.add_hold(fold, *hold, is_older);
                self.add_order(fold, *order, is_older);
            }
            Outcome::OrderConfirmed { order, performance, .. } => {
                self.add_performance(fold, *performance);
                self.add_order(fold, *order, is_older);
            }
            Outcome::OrderCancelled { order, reason, .. } => {
                self.add_order(fold, *order, is_older);
                // An order whose time ran out never had tickets.
                if *reason != CancelReason::Expired && is_older(order.0) {
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
        sort(&mut self.waiting_rooms);
        sort(&mut self.sessions_of);
        sort(&mut self.campaigns);
        sort(&mut self.coupons);
        sort(&mut self.coupon_uses);
        sort(&mut self.points_lots);
        sort(&mut self.points_of);
        sort(&mut self.channels);
        sort(&mut self.ticket_transfers);
    }

    fn add_room(&mut self, fold: &Fold, outcome: &WaitingRoomOutcome) {
        match outcome {
            WaitingRoomOutcome::Set { performance, .. }
            | WaitingRoomOutcome::Joined { performance, .. }
            | WaitingRoomOutcome::LotteryClosed { performance, .. }
            | WaitingRoomOutcome::LotteryDrawn { performance, .. } => {
                let id = uuid(performance.as_u128());
                if !fold.waiting_rooms.contains(&id) {
                    self.waiting_rooms.push(id);
                }
            }
            WaitingRoomOutcome::SessionEnded { performance, account, .. } => {
                let of = (uuid(performance.as_u128()), uuid(account.as_u128()));
                if fold.session(of.0, of.1).is_none() {
                    self.sessions_of.push(of);
                }
            }
            WaitingRoomOutcome::Admitted { .. }
            | WaitingRoomOutcome::Missed { .. }
            | WaitingRoomOutcome::Seen { .. }
            | WaitingRoomOutcome::Left { .. }
            | WaitingRoomOutcome::Returned { .. }
            | WaitingRoomOutcome::Inside { .. } => (),
        }
    }

    fn add_channel(&mut self, fold: &Fold, outcome: &InventoryOutcome) {
        let of = match outcome {
            InventoryOutcome::ChannelSet { performance, channel, .. }
            | InventoryOutcome::SetAside { performance, channel, .. }
            | InventoryOutcome::Released { performance, channel, .. } => (*performance, *channel),
            InventoryOutcome::CompanionsReleased { .. } => return,
        };
        if !fold.channels.contains(&channel_key(of)) {
            self.channels.push(channel_key(of));
        }
    }

    fn add_coupon(
        &mut self,
        fold: &Fold,
        outcome: &CouponOutcome,
        is_older: impl Fn(IntentId) -> bool,
    ) {
        match outcome {
            CouponOutcome::CampaignChanged { campaign, .. }
            | CouponOutcome::CampaignPaused { campaign }
            | CouponOutcome::CampaignResumed { campaign }
            | CouponOutcome::Issued { campaign, .. } => {
                let CampaignId(id) = *campaign;
                if is_older(id) && !fold.campaigns.contains(&id.packed()) {
                    self.campaigns.push(id.packed());
                }
            }
            CouponOutcome::Reserved { coupon, .. } => {
                self.add_coupon_of_use(fold, *coupon, is_older);
            }
            CouponOutcome::Used { coupon, order }
            | CouponOutcome::Released { coupon, order }
            | CouponOutcome::Returned { coupon, order } => {
                self.add_coupon_of_use(fold, *coupon, is_older);
                // The order may be of another partition, so its id does not say when its use was
                // made.
                let key = (coupon.0.packed(), order.0.packed());
                if !fold.coupon_uses.contains(&key) {
                    self.coupon_uses.push(key);
                }
            }
            CouponOutcome::CampaignCreated { .. }
            | CouponOutcome::Announced { .. }
            | CouponOutcome::Granted { .. }
            | CouponOutcome::Spent { .. } => (),
        }
    }

    fn add_coupon_of_use(
        &mut self,
        fold: &Fold,
        coupon: CouponId,
        is_older: impl Fn(IntentId) -> bool,
    ) {
        let CouponId(id) = coupon;
        if is_older(id) && !fold.coupons.contains(&id.packed()) {
            self.coupons.push(id.packed());
        }
    }

    fn add_points(
        &mut self,
        fold: &Fold,
        outcome: &PointsOutcome,
        is_older: impl Fn(IntentId) -> bool,
    ) {
        match outcome {
            PointsOutcome::RuleSet { performance, .. } => self.add_performance(fold, *performance),
            PointsOutcome::Credited { .. } => (),
            PointsOutcome::Reserved { parts, .. } | PointsOutcome::TakenBack { parts, .. } => {
                parts.iter().for_each(|part| self.add_lot(fold, part.lot, &is_older));
            }
            PointsOutcome::Expired { lot, .. } => self.add_lot(fold, *lot, is_older),
            PointsOutcome::Committed { order, .. } | PointsOutcome::Released { order, .. } => {
                let order_id = order.0.packed();
                if !fold.points_uses.contains(&(order_id, 1)) {
                    self.points_of.push(order_id);
                }
            }
        }
    }

    fn add_ticket(
        &mut self,
        fold: &Fold,
        outcome: &TicketOutcome,
        is_older: impl Fn(IntentId) -> bool,
    ) {
        let (TicketOutcome::Transferred { transfer, .. }
        | TicketOutcome::OfferEnded { transfer, .. }) = outcome
        else {
            return;
        };
        if is_older(transfer.0) && !fold.ticket_transfers.contains(&transfer.0.packed()) {
            self.ticket_transfers.push(transfer.0.packed());
        }
        if let TicketOutcome::Transferred { ticket, .. } = outcome
            && is_older(ticket.order.0)
        {
            self.tickets_of.push(ticket.order.0.packed());
        }
    }

    fn add_tickets_back(&mut self, outcome: &RefundOutcome, is_older: impl Fn(IntentId) -> bool) {
        match outcome {
            RefundOutcome::TicketsRefunded { order, .. } if is_older(order.0) => {
                self.tickets_of.push(order.0.packed());
            }
            RefundOutcome::TicketsRefunded { .. }
            | RefundOutcome::TermsSet { .. }
            | RefundOutcome::PerformanceCancelled { .. } => (),
        }
    }

    fn add_lot(&mut self, fold: &Fold, lot: LotId, is_older: impl Fn(IntentId) -> bool) {
        let LotId(id) = lot;
        if is_older(id) && !fold.points_lots.contains(&id.packed()) {
            self.points_lots.push(id.packed());
        }
    }

    fn add_hold(&mut self, fold: &Fold, hold: HoldId, is_older: impl Fn(IntentId) -> bool) {
        let HoldId(id) = hold;
        if is_older(id) && !fold.holds.contains(&id.packed()) {
            self.holds.push(id.packed());
        }
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
