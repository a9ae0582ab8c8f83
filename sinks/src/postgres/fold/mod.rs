//! From steps to rows. The one fold of the projection: the sink writes what it changes, and the
//! audit compares all of it with the database.
//!
//! The fold needs the rows that a step is about. In a fold from the beginning they are all
//! there; the sink loads what it has forgotten before it folds: see [`Fold::missing`].
//!
//! A row is made from the outcomes of the partition that has its slot. Partitions may come in any
//! order, but what a slot did before it moved comes before what it does afterwards.

mod coupon;
mod inventory;
mod order;
mod payment;
mod points;
mod refund;
mod settlement;
mod ticket;
mod waiting_room;

pub(super) use self::inventory::key as channel_key;

use std::collections::BTreeMap;

use boxoffice_topics::codec::encode_into;
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    HoldId, Offset, Outcome, PartitionId, PerformanceDefinition, PerformanceId, SeatNumber, Step,
};
use uuid::Uuid;

use super::columns::{CurrencyCode, HoldState, Moment, SaleSwitch};
use super::error::Error;
use super::house::House;
use super::missing::Missing;
use super::rows::{
    AllotmentRow, CampaignRow, CampaignTermsRow, ChannelHoldRow, ChannelRow, CompanionReleaseRow,
    CouponRow, CouponUseRow, HoldRow, OrderRow, PaymentRow, PerformanceCancellationRow,
    PerformanceRow, PointsEntryRow, PointsLotRow, PointsUseRow, RefundRow, RefundTermsRow, ScanRow,
    SettlementLineRow, SettlementTermsRow, TicketRefundRow, TicketRow, TicketRulesRow, TransferRow,
    TurnRow, WaitingRoomRow,
};
use super::table::Table;

/// The rows of the projection in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Fold {
    pub(super) performances: Table<PerformanceRow>,
    pub(super) holds: Table<HoldRow>,
    pub(super) orders: Table<OrderRow>,
    pub(super) payments: Table<PaymentRow>,
    pub(super) refunds: Table<RefundRow>,
    pub(super) tickets: Table<TicketRow>,
    pub(super) waiting_rooms: Table<WaitingRoomRow>,
    pub(super) turns: Table<TurnRow>,
    pub(super) campaigns: Table<CampaignRow>,
    pub(super) campaign_terms: Table<CampaignTermsRow>,
    pub(super) coupons: Table<CouponRow>,
    pub(super) coupon_uses: Table<CouponUseRow>,
    pub(super) points_lots: Table<PointsLotRow>,
    pub(super) points_uses: Table<PointsUseRow>,
    pub(super) points_ledger: Table<PointsEntryRow>,
    pub(super) channels: Table<ChannelRow>,
    pub(super) allotments: Table<AllotmentRow>,
    pub(super) channel_holds: Table<ChannelHoldRow>,
    pub(super) companion_releases: Table<CompanionReleaseRow>,
    pub(super) ticket_rules: Table<TicketRulesRow>,
    pub(super) ticket_transfers: Table<TransferRow>,
    pub(super) ticket_scans: Table<ScanRow>,
    pub(super) refund_terms: Table<RefundTermsRow>,
    pub(super) ticket_refunds: Table<TicketRefundRow>,
    pub(super) cancellations: Table<PerformanceCancellationRow>,
    pub(super) settlement_terms: Table<SettlementTermsRow>,
    pub(super) settlement_lines: Table<SettlementLineRow>,
    pub(super) houses: BTreeMap<Uuid, House>,
    /// Houses that were built since the last write.
    pub(super) new_houses: Vec<Uuid>,
}

impl Fold {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Takes one step of a partition, in order.
    ///
    /// # Errors
    /// When the step is about something that is not there.
    pub(super) fn apply(&mut self, partition: PartitionId, step: &Step) -> Result<(), Error> {
        let now = Moment(step.now);
        (0..).zip(&step.outcomes).try_for_each(|(index, outcome)| {
            let name = EffectName::new(partition, step.offset, index);
            self.apply_outcome(At { name, now }, outcome)
        })
    }

    /// What the steps are about and memory lacks. `begins` is where a partition stood before
    /// them: what was made from there on, they make themselves.
    pub(super) fn missing(
        &self,
        steps: &[(PartitionId, Step)],
        begins: &BTreeMap<PartitionId, Offset>,
    ) -> Missing {
        let mut missing = Missing::default();
        for outcome in steps.iter().flat_map(|(_, step)| &step.outcomes) {
            missing.add(self, outcome, begins);
        }
        missing.sort();
        missing
    }

    /// Everything is written.
    pub(super) fn forget_settled(&mut self) {
        self.new_houses.clear();
        self.performances.forget_settled();
        self.holds.forget_settled();
        self.orders.forget_settled();
        self.payments.forget_settled();
        self.refunds.forget_settled();
        self.tickets.forget_settled();
        self.waiting_rooms.forget_settled();
        self.turns.forget_settled();
        self.campaigns.forget_settled();
        self.campaign_terms.forget_settled();
        self.coupons.forget_settled();
        self.coupon_uses.forget_settled();
        self.points_lots.forget_settled();
        self.points_uses.forget_settled();
        self.points_ledger.forget_settled();
        self.channels.forget_settled();
        self.allotments.forget_settled();
        self.channel_holds.forget_settled();
        self.companion_releases.forget_settled();
        self.ticket_rules.forget_settled();
        self.ticket_transfers.forget_settled();
        self.ticket_scans.forget_settled();
        self.refund_terms.forget_settled();
        self.ticket_refunds.forget_settled();
        self.cancellations.forget_settled();
        self.settlement_terms.forget_settled();
        self.settlement_lines.forget_settled();
    }

    fn apply_outcome(&mut self, at: At, outcome: &Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::Refused { .. }
            | Outcome::Repeated { .. }
            | Outcome::MessageSent { .. }
            | Outcome::MessageReceived { .. }
            | Outcome::Scaling(_) => (),
            Outcome::WaitingRoom(outcome) => self.apply_waiting_room(at, outcome)?,
            Outcome::Inventory(outcome) => self.apply_inventory(at, outcome)?,
            Outcome::Coupon(outcome) => self.apply_coupon(at, outcome)?,
            Outcome::Points(outcome) => self.apply_points(at, outcome)?,
            Outcome::Ticket(outcome) => self.apply_ticket(at, outcome)?,
            Outcome::Refund(outcome) => self.apply_refund(at, outcome),
            Outcome::Settlement(outcome) => self.apply_settlement(at, outcome),
            Outcome::PerformanceCreated { definition } => self.add_performance(at, definition),
            Outcome::SaleOpened { performance } => {
                self.switch_sale(at, *performance, SaleSwitch::Opened)?;
            }
            Outcome::SaleClosed { performance } => {
                self.switch_sale(at, *performance, SaleSwitch::Closed)?;
            }
            Outcome::Held { .. } => self.add_hold(at, outcome),
            Outcome::HoldRenewed { hold, expires_at, .. } => {
                self.holds.change(&hold.0.packed())?.expires_at = Moment(*expires_at);
            }
            Outcome::HoldReleased { hold } => self.end_hold(at, *hold, HoldState::Released)?,
            Outcome::HoldExpired { hold, .. } => self.end_hold(at, *hold, HoldState::Expired)?,
            Outcome::OrderReserving(order) => self.reserve_order(order),
            Outcome::OrderNotPlaced { order, hold, reason, hold_expires_at, .. } => {
                self.give_up_order(at, *order, *reason)?;
                self.holds.change(&hold.0.packed())?.expires_at = Moment(*hold_expires_at);
            }
            Outcome::OrderPlaced { hold, .. } => {
                self.end_hold(at, *hold, HoldState::Ordered)?;
                self.add_order(at, outcome);
            }
            Outcome::OrderConfirmed { .. } => self.confirm(at, outcome)?,
            Outcome::OrderCancelled { order, reason, .. } => self.cancel(at, *order, *reason)?,
            Outcome::PaymentRequested { .. }
            | Outcome::PaymentCaptured { .. }
            | Outcome::PaymentDeclined { .. }
            | Outcome::RefundRequested { .. }
            | Outcome::PaymentRefunded { .. }
            | Outcome::RefundFailed { .. } => self.apply_money(at, outcome)?,
        }
        Ok(())
    }

    fn add_performance(&mut self, at: At, definition: &PerformanceDefinition) {
        let mut bytes = Vec::new();
        encode_into(definition, &mut bytes);
        let sale = definition.sale;
        let performance_id = uuid(definition.performance.as_u128());
        self.performances.put(PerformanceRow {
            performance_id,
            partition: at.name.partition().number().into(),
            name: definition.name.clone(),
            venue: definition.venue.clone(),
            starts_at: Moment(definition.starts_at),
            currency: CurrencyCode(definition.currency),
            sale_opens_at: sale.opens_at.map(Moment),
            sale_closes_at: sale.closes_at.map(Moment),
            hold_ttl_ms: sale.hold_ttl_ms.into(),
            hold_renewals_max: sale.hold_renewals_max.into(),
            payment_window_ms: sale.payment_window_ms.into(),
            account_seats_max: sale.account_seats_max.into(),
            sale_switch: SaleSwitch::BySchedule,
            sale_switched_at: None,
            created_at: at.now,
            definition: bytes,
            points_earned_basis_points: None,
            points_earned_days: None,
            points_restored_days: None,
        });
        if let Some(terms) = &definition.refund_terms {
            self.add_refund_terms(at, definition.performance, 0, terms);
        }
        if let Some(terms) = &definition.settlement_terms {
            self.add_settlement_terms(at, definition.performance, 0, terms);
        }
        self.houses.insert(performance_id, House::new(definition.clone()));
        self.new_houses.push(performance_id);
    }

    fn switch_sale(
        &mut self,
        at: At,
        performance: PerformanceId,
        switch: SaleSwitch,
    ) -> Result<(), Error> {
        let row = self.performances.change(&uuid(performance.as_u128()))?;
        row.sale_switch = switch;
        row.sale_switched_at = Some(at.now);
        Ok(())
    }

    fn add_hold(&mut self, at: At, outcome: &Outcome) {
        let Outcome::Held { hold, performance, account, places, total, expires_at, seating } =
            outcome
        else {
            unreachable!("called for holds only")
        };
        if let Some(of) = places.channel {
            self.add_channel_hold(*hold, *performance, of);
        }
        self.holds.put(HoldRow {
            hold_id: hold.0.packed(),
            performance_id: uuid(performance.as_u128()),
            account_id: uuid(account.as_u128()),
            state: HoldState::Live,
            seats: places.seats.iter().map(|&seat| seat_number(seat)).collect(),
            sections: places.quantities.iter().map(|place| place.section.0.into()).collect(),
            quantities: places.quantities.iter().map(|place| place.quantity.into()).collect(),
            seating: (*seating).into(),
            total_minor: total.minor,
            currency: CurrencyCode(total.currency),
            held_at: at.now,
            expires_at: Moment(*expires_at),
            ended_at: None,
        });
    }

    fn end_hold(&mut self, at: At, hold: HoldId, state: HoldState) -> Result<(), Error> {
        let row = self.holds.change(&hold.0.packed())?;
        row.state = state;
        row.ended_at = Some(at.now);
        Ok(())
    }
}

/// Where and when an outcome was decided.
#[derive(Clone, Copy)]
struct At {
    name: EffectName,
    now: Moment,
}

pub(super) const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn seat_number(seat: SeatNumber) -> i32 {
    i32::try_from(seat.0).unwrap_or(i32::MAX)
}
