//! From steps to rows. The one fold of the projection: the sink writes what it changes, and the
//! audit compares all of it with the database.
//!
//! The fold needs the rows that a step is about. In a fold from the beginning they are all
//! there; the sink loads what it has forgotten before it folds: see [`Fold::missing`].

use std::collections::BTreeMap;

use boxoffice_topics::codec::encode_into;
use boxoffice_topics::outcome::{CancelReason, EffectName};
use boxoffice_topics::{
    AccountId, HoldId, Money, Offset, OrderId, Outcome, PartitionId, PaymentId,
    PerformanceDefinition, PerformanceId, Places, SeatNumber, Step,
};
use uuid::Uuid;

use super::columns::{
    CurrencyCode, HoldState, Moment, OrderState, PaymentState, RefundState, SaleSwitch,
};
use super::error::Error;
use super::house::{House, Place};
use super::missing::Missing;
use super::rows::{
    HoldRow, OrderRow, PaymentRow, PerformanceRow, RefundRow, TicketRow, readable_id,
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
        let at = At { partition, now: Moment(step.now) };
        step.outcomes.iter().try_for_each(|outcome| self.apply_outcome(at, outcome))
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
    }

    fn apply_outcome(&mut self, at: At, outcome: &Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::Refused { .. }
            | Outcome::Repeated { .. }
            | Outcome::MessageSent { .. }
            | Outcome::MessageReceived { .. }
            | Outcome::WaitingRoom(_)
            | Outcome::Coupon(_)
            | Outcome::Points(_)
            | Outcome::OrderReserving(_)
            | Outcome::OrderNotPlaced { .. } => (),
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
            Outcome::OrderPlaced { hold, .. } => {
                self.end_hold(at, *hold, HoldState::Ordered)?;
                self.add_order(at, outcome);
            }
            Outcome::OrderConfirmed {
                order,
                payment,
                performance,
                account,
                places,
                reseated,
                ..
            } => {
                self.confirm(at, *order, *payment, *reseated)?;
                self.issue_tickets(at, *order, *performance, *account, places)?;
            }
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

    fn apply_money(&mut self, at: At, outcome: &Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::PaymentRequested { payment, order, amount, payment_key } => {
                self.payments.put(PaymentRow {
                    payment_id: payment.0.packed(),
                    order_id: order.0.packed(),
                    state: PaymentState::Requested,
                    amount_minor: amount.minor,
                    currency: CurrencyCode(amount.currency),
                    payment_key: payment_key.to_string(),
                    captured_minor: None,
                    captured_currency: None,
                    decline_code: None,
                    requested_at: at.now,
                    settled_at: None,
                });
                let order = self.orders.change(&order.0.packed())?;
                order.state = OrderState::Paying;
                order.payment_id = Some(payment.0.packed());
            }
            Outcome::PaymentCaptured { payment, order: _, amount } => {
                let row = self.settle(at, *payment, PaymentState::Captured)?;
                row.captured_minor = Some(amount.minor);
                row.captured_currency = Some(CurrencyCode(amount.currency));
            }
            Outcome::PaymentDeclined { payment, order, code } => {
                let row = self.settle(at, *payment, PaymentState::Declined)?;
                row.decline_code = Some(code.to_string());
                self.await_payment(*order, *payment)?;
            }
            Outcome::RefundRequested { payment, order, .. } => {
                self.add_refund(at, outcome);
                self.await_payment(*order, *payment)?;
            }
            Outcome::PaymentRefunded { refund, payment, order, .. } => {
                self.settle_refund(at, *refund)?.state = RefundState::Refunded;
                let order = self.orders.change(&order.0.packed())?;
                let paid_by_it = order.payment_id == Some(payment.0.packed());
                if order.state == OrderState::Cancelled && paid_by_it {
                    order.state = OrderState::Refunded;
                }
            }
            Outcome::RefundFailed { refund, code, .. } => {
                let row = self.settle_refund(at, *refund)?;
                row.state = RefundState::Failed;
                row.failure_code = Some(code.to_string());
            }
            _ => unreachable!("not about money"),
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
            partition: at.partition.number().into(),
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
        });
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

    fn add_order(&mut self, at: At, outcome: &Outcome) {
        let Outcome::OrderPlaced { order, hold, performance, account, total, pay_by, .. } = outcome
        else {
            unreachable!("called for orders only")
        };
        self.orders.put(OrderRow {
            order_id: order.0.packed(),
            hold_id: hold.0.packed(),
            performance_id: uuid(performance.as_u128()),
            account_id: uuid(account.as_u128()),
            state: OrderState::Placed,
            total_minor: total.minor,
            currency: CurrencyCode(total.currency),
            payment_id: None,
            placed_at: at.now,
            pay_by: Moment(*pay_by),
            confirmed_at: None,
            reseated: false,
            cancelled_at: None,
            cancel_reason: None,
        });
    }

    fn confirm(
        &mut self,
        at: At,
        order: OrderId,
        payment: Option<PaymentId>,
        reseated: bool,
    ) -> Result<(), Error> {
        let row = self.orders.change(&order.0.packed())?;
        row.state = OrderState::Confirmed;
        row.payment_id = payment.map(|payment| payment.0.packed());
        row.confirmed_at = Some(at.now);
        row.reseated = reseated;
        row.cancelled_at = None;
        row.cancel_reason = None;
        Ok(())
    }

    fn cancel(&mut self, at: At, order: OrderId, reason: CancelReason) -> Result<(), Error> {
        let order_id = order.0.packed();
        let row = self.orders.change(&order_id)?;
        row.state = OrderState::Cancelled;
        row.cancelled_at = Some(at.now);
        row.cancel_reason = Some(reason.into());
        for ticket in self.tickets.change_range((order_id, 0)..=(order_id, i32::MAX)) {
            ticket.voided_at = Some(at.now);
        }
        Ok(())
    }

    fn issue_tickets(
        &mut self,
        at: At,
        order: OrderId,
        performance: PerformanceId,
        account: AccountId,
        places: &Places,
    ) -> Result<(), Error> {
        let order_id = order.0.packed();
        let performance_id = uuid(performance.as_u128());
        let currency = self.orders.change(&order_id)?.currency;
        let house = self.houses.get(&performance_id).ok_or_else(|| Error::RowMissing {
            table: "performances",
            key: performance.to_string(),
        })?;
        for (number, place) in (1..).zip(places_of(house, places)) {
            let place =
                place.ok_or_else(|| Error::PlaceUnknown { order: readable_id(order_id) })?;
            self.tickets.put(TicketRow {
                order_id,
                number,
                performance_id,
                account_id: uuid(account.as_u128()),
                section: place.section,
                seat: place.seat,
                place: place.label,
                price_level: place.price_level,
                price_minor: place.price_minor,
                currency,
                issued_at: at.now,
                voided_at: None,
            });
        }
        Ok(())
    }

    fn settle(
        &mut self,
        at: At,
        payment: PaymentId,
        state: PaymentState,
    ) -> Result<&mut PaymentRow, Error> {
        let row = self.payments.change(&payment.0.packed())?;
        row.state = state;
        row.settled_at = Some(at.now);
        Ok(row)
    }

    /// An order that waited for this attempt waits for another one.
    fn await_payment(&mut self, order: OrderId, payment: PaymentId) -> Result<(), Error> {
        let order = self.orders.change(&order.0.packed())?;
        if order.state == OrderState::Paying && order.payment_id == Some(payment.0.packed()) {
            order.state = OrderState::Placed;
        }
        Ok(())
    }

    fn add_refund(&mut self, at: At, outcome: &Outcome) {
        let Outcome::RefundRequested { refund, payment, order, amount, reason, .. } = outcome
        else {
            unreachable!("called for refunds only")
        };
        let Money { minor, currency } = *amount;
        self.refunds.put(RefundRow {
            refund: refund.to_string(),
            payment_id: payment.0.packed(),
            order_id: order.0.packed(),
            state: RefundState::Requested,
            reason: (*reason).into(),
            amount_minor: minor,
            currency: CurrencyCode(currency),
            failure_code: None,
            requested_at: at.now,
            settled_at: None,
        });
    }

    fn settle_refund(&mut self, at: At, refund: EffectName) -> Result<&mut RefundRow, Error> {
        let row = self.refunds.change(&refund.to_string())?;
        row.settled_at = Some(at.now);
        Ok(row)
    }
}

/// Where and when a step was decided.
#[derive(Clone, Copy)]
struct At {
    partition: PartitionId,
    now: Moment,
}

/// Every single place of an order, in the order of its tickets.
fn places_of<'a>(house: &'a House, places: &'a Places) -> impl Iterator<Item = Option<Place>> + 'a {
    let seats = places.seats.iter().map(|&seat| house.seat(seat));
    let standing = places
        .quantities
        .iter()
        .flat_map(|place| (0..place.quantity).map(|_| house.general_admission(place.section)));
    seats.chain(standing)
}

pub(super) const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn seat_number(seat: SeatNumber) -> i32 {
    i32::try_from(seat.0).unwrap_or(i32::MAX)
}
