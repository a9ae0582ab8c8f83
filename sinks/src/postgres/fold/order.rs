//! Orders, from the first question to their tickets.

use boxoffice_topics::outcome::CancelReason;
use boxoffice_topics::reductions::ReservingOrder;
use boxoffice_topics::{
    AccountId, Currency, HoldId, OrderId, Outcome, PerformanceId, Places, Reductions, RefusalCode,
};

use super::{At, Fold, uuid};
use crate::postgres::columns::{CurrencyCode, Moment, OrderState};
use crate::postgres::error::Error;
use crate::postgres::house::{House, Place};
use crate::postgres::rows::{OrderRow, TicketRow, readable_id};

impl Fold {
    /// Takes an order that waits for a coupon or for points: its first question, or the next.
    pub(super) fn reserve_order(&mut self, waits: &ReservingOrder) {
        let ReservingOrder { order, hold, performance, account, price, discount, points, .. } =
            *waits;
        let row = OrderRow {
            state: OrderState::Reserving,
            reserving_since: Some(Moment(waits.since)),
            ..begun(order, hold, performance, account, price.currency)
        };
        let reductions = Reductions { price, discount, points, booking_fee: None };
        self.orders.put(reduced(row, &reductions));
    }

    /// Takes an order that is placed, at once or after it has waited.
    pub(super) fn add_order(&mut self, at: At, outcome: &Outcome) {
        let Outcome::OrderPlaced { order, hold, performance, account, total, pay_by, reductions } =
            outcome
        else {
            unreachable!("called for orders only")
        };
        let before = self.orders.get(&order.0.packed());
        let row = OrderRow {
            state: OrderState::Placed,
            total_minor: Some(total.minor),
            placed_at: Some(at.now),
            pay_by: Some(Moment(*pay_by)),
            reserving_since: before.and_then(|row| row.reserving_since),
            ..begun(*order, *hold, *performance, *account, total.currency)
        };
        self.orders.put(match reductions {
            Some(reductions) => reduced(row, reductions),
            None => row,
        });
    }

    /// Takes an order that waited and is not placed.
    pub(super) fn give_up_order(
        &mut self,
        at: At,
        order: OrderId,
        reason: RefusalCode,
    ) -> Result<(), Error> {
        let row = self.orders.change(&order.0.packed())?;
        row.state = OrderState::NotPlaced;
        row.not_placed_at = Some(at.now);
        row.not_placed_reason = Some(reason.as_str().into());
        Ok(())
    }

    /// Takes an order that is sold, and its tickets.
    pub(super) fn confirm(&mut self, at: At, outcome: &Outcome) -> Result<(), Error> {
        let Outcome::OrderConfirmed {
            order,
            payment,
            performance,
            account,
            places,
            reseated,
            earned,
        } = outcome
        else {
            unreachable!("called for confirmed orders only")
        };
        let row = self.orders.change(&order.0.packed())?;
        row.state = OrderState::Confirmed;
        row.payment_id = payment.map(|payment| payment.0.packed());
        row.refunds_left = 0;
        row.confirmed_at = Some(at.now);
        row.reseated = *reseated;
        row.cancelled_at = None;
        row.cancel_reason = None;
        row.earned_minor = earned.map(|earned| earned.minor);
        self.issue_tickets(at, *order, *performance, *account, places)
    }

    pub(super) fn cancel(
        &mut self,
        at: At,
        order: OrderId,
        reason: CancelReason,
    ) -> Result<(), Error> {
        let order_id = order.0.packed();
        let row = self.orders.change(&order_id)?;
        row.state = OrderState::Cancelled;
        row.cancelled_at = Some(at.now);
        row.cancel_reason = Some(reason.into());
        for ticket in self.tickets.change_range((order_id, 0)..=(order_id, i32::MAX)) {
            ticket.voided_at = ticket.voided_at.or(Some(at.now));
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
}

/// An order of which nothing is known but whose it is, and of what.
fn begun(
    order: OrderId,
    hold: HoldId,
    performance: PerformanceId,
    account: AccountId,
    currency: Currency,
) -> OrderRow {
    OrderRow {
        order_id: order.0.packed(),
        hold_id: hold.0.packed(),
        performance_id: uuid(performance.as_u128()),
        account_id: uuid(account.as_u128()),
        state: OrderState::Reserving,
        total_minor: None,
        currency: CurrencyCode(currency),
        payment_id: None,
        placed_at: None,
        pay_by: None,
        confirmed_at: None,
        reseated: false,
        cancelled_at: None,
        cancel_reason: None,
        price_minor: None,
        discount_minor: None,
        coupon_id: None,
        campaign_id: None,
        issuer: None,
        points_minor: None,
        earned_minor: None,
        reserving_since: None,
        not_placed_at: None,
        not_placed_reason: None,
        booking_fee_minor: None,
        refunds_left: 0,
    }
}

/// The order with what it costs before a coupon and points, by how much they reduce it, and what
/// the booking costs.
fn reduced(row: OrderRow, reductions: &Reductions) -> OrderRow {
    let Reductions { price, discount, points, booking_fee } = reductions;
    OrderRow {
        price_minor: Some(price.minor),
        discount_minor: discount.map(|discount| discount.amount.minor),
        coupon_id: discount.map(|discount| discount.coupon.0.packed()),
        campaign_id: discount.map(|discount| discount.campaign.0.packed()),
        issuer: discount.map(|discount| discount.issuer.into()),
        points_minor: points.map(|points| points.minor),
        booking_fee_minor: booking_fee.map(|fee| fee.minor),
        ..row
    }
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
