//! Orders, what they cost, and how they are paid.

use boxoffice_core::{Order, OrderState, Payment, PaymentState, Refund, RefundState};
use boxoffice_topics::coupon::Discount;
use boxoffice_topics::reductions::{Awaited, ReservingOrder};
use boxoffice_topics::{LogId, Money, OrderId, Reductions};
use serde::Serialize;
use utoipa::ToSchema;

use super::campaign::IssuerJson;
use super::outcome::cancel_name;
use super::refund::TicketRefundJson;
use super::scene::{Scene, SectionQuantityOut, TicketJson};
use super::values::{MoneyJson, moment};

/// The order's name at the payment provider: no other log has it.
#[must_use]
pub fn provider_order_id(log_id: LogId, order: OrderId) -> String {
    format!("{:032x}_{order}", log_id.as_u128())
}

/// What an order costs: total = price - discount - points + booking fee.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CostJson {
    /// What the places cost.
    pub price: MoneyJson,
    /// What a coupon takes off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<DiscountJson>,
    /// What points pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<MoneyJson>,
    /// What the booking costs beside the places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking_fee: Option<MoneyJson>,
    /// What is to be paid in money.
    pub total: MoneyJson,
}

/// A discount that a coupon gives.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DiscountJson {
    /// The coupon.
    #[schema(example = "1018-2-71")]
    pub coupon: String,
    /// Its campaign.
    #[schema(example = "1018-2-70")]
    pub campaign: String,
    /// Who bears it.
    pub issuer: IssuerJson,
    /// How much it takes off.
    pub amount: MoneyJson,
}

impl CostJson {
    /// The cost of an order that is placed.
    pub(super) fn of(total: Money, reductions: Option<&Reductions>) -> Self {
        let price = reductions.map_or(total, |reductions| reductions.price);
        let discount = reductions.and_then(|reductions| reductions.discount);
        let points = reductions.and_then(|reductions| reductions.points);
        let booking_fee = reductions.and_then(|reductions| reductions.booking_fee);
        Self {
            price: price.into(),
            discount: discount.as_ref().map(DiscountJson::from),
            points: points.map(MoneyJson::from),
            booking_fee: booking_fee.map(MoneyJson::from),
            total: total.into(),
        }
    }

    /// The cost of an order that gets what it waits for, before booking fees: they are counted when
    /// it is placed.
    pub(super) fn of_reserving(order: &ReservingOrder) -> Self {
        let ReservingOrder { price, discount, points, .. } = *order;
        let reductions = Reductions { price, discount, points, booking_fee: None };
        Self::of(reductions.total(), Some(&reductions))
    }
}

impl From<&Discount> for DiscountJson {
    fn from(discount: &Discount) -> Self {
        Self {
            coupon: discount.coupon.to_string(),
            campaign: discount.campaign.to_string(),
            issuer: discount.issuer.into(),
            amount: discount.amount.into(),
        }
    }
}

/// What an order waits for, as clients read it.
pub(super) const fn awaited_name(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::Coupon => "coupon",
        Awaited::Points => "points",
    }
}

/// An attempt to pay.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentJson {
    /// Its id.
    pub id: String,
    /// `requested`, `captured`, `declined`; or, of the latest refund, `refund_requested`, `refunded`
    /// or `refund_failed`.
    pub state: &'static str,
    /// How much.
    pub amount: MoneyJson,
    /// Money of it on its way back, in the order in which that was decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<PaymentRefundJson>,
}

/// Money on its way back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentRefundJson {
    /// Its name.
    #[schema(example = "2-80-1")]
    pub refund: String,
    /// How much.
    pub amount: MoneyJson,
    /// `refund_requested`, `refunded` or `refund_failed`.
    pub state: &'static str,
}

impl From<&Refund> for PaymentRefundJson {
    fn from(refund: &Refund) -> Self {
        let state = match refund.state {
            RefundState::Requested => "refund_requested",
            RefundState::Refunded => "refunded",
            RefundState::Failed => "refund_failed",
        };
        Self { refund: refund.name.to_string(), amount: refund.amount.into(), state }
    }
}

impl From<&Payment> for PaymentJson {
    fn from(payment: &Payment) -> Self {
        let refunds: Vec<_> = payment.refunds().map(PaymentRefundJson::from).collect();
        let latest = refunds.last().map(|refund| refund.state);
        let state = latest.unwrap_or(match payment.state {
            PaymentState::Requested => "requested",
            PaymentState::Captured => "captured",
            PaymentState::Declined => "declined",
        });
        Self { id: payment.id.to_string(), state, amount: payment.amount.into(), refunds }
    }
}

/// An order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderJson {
    /// Its id.
    #[schema(example = "1018-2-80")]
    pub id: String,
    /// Of which performance.
    pub performance: String,
    /// The hold that it came from.
    pub hold: String,
    /// `reserving`, `placed`, `paying`, `confirmed`, `cancelled` or `refunded`.
    pub state: &'static str,
    /// What a reserving order waits for: `coupon` or `points`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaits: Option<&'static str>,
    /// Until when it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<String>,
    /// Why it ended: `by_buyer`, `expired` or `performance_cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<&'static str>,
    /// Labels of the seats.
    pub seats: Vec<String>,
    /// Places of general admission.
    pub sections: Vec<SectionQuantityOut>,
    /// What it costs, or, reserving, will cost if it gets what it waits for.
    #[serde(flatten)]
    pub cost: CostJson,
    /// The points that it earned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earned: Option<MoneyJson>,
    /// Until when it waits for its payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_by: Option<String>,
    /// Its name at the payment provider.
    pub provider_order_id: String,
    /// The latest attempt to pay it, or the one that did.
    pub payments: Vec<PaymentJson>,
    /// One for each place, when it is confirmed.
    pub tickets: Vec<TicketJson>,
    /// Tickets that went back, while the order kept others or something was kept of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunded_tickets: Vec<TicketRefundJson>,
}

impl OrderJson {
    /// An order in its scene.
    #[must_use]
    pub fn of(order: &Order, scene: Scene<'_>) -> Self {
        let payment = order.payment.and_then(|payment| scene.state.payment(payment));
        Self {
            id: order.id.to_string(),
            performance: order.performance.to_string(),
            hold: order.hold.to_string(),
            state: match order.state {
                OrderState::Placed => "placed",
                OrderState::Paying => "paying",
                OrderState::Confirmed => "confirmed",
                OrderState::Cancelled => "cancelled",
                OrderState::Refunded => "refunded",
            },
            awaits: None,
            waits_until: None,
            cancelled: order.cancelled.map(cancel_name),
            seats: scene.seats(order.performance, &order.places),
            sections: scene.sections(order.performance, &order.places),
            cost: CostJson::of(order.total, order.reductions.as_deref()),
            earned: order.earned.map(MoneyJson::from),
            pay_by: Some(moment(order.pay_by).0.to_string()),
            provider_order_id: provider_order_id(scene.log_id, order.id),
            payments: payment.map(PaymentJson::from).into_iter().collect(),
            tickets: scene.tickets_of(order),
            refunded_tickets: TicketRefundJson::of_order(order),
        }
    }

    /// An order that is not placed yet, in its scene.
    #[must_use]
    pub fn reserving(order: &ReservingOrder, scene: Scene<'_>) -> Self {
        let places = scene.state.hold(order.hold).map(|hold| hold.places.clone());
        let places = places.unwrap_or_default();
        Self {
            id: order.order.to_string(),
            performance: order.performance.to_string(),
            hold: order.hold.to_string(),
            state: "reserving",
            awaits: Some(awaited_name(order.awaits)),
            waits_until: Some(moment(order.deadline).0.to_string()),
            cancelled: None,
            seats: scene.seats(order.performance, &places),
            sections: scene.sections(order.performance, &places),
            cost: CostJson::of_reserving(order),
            earned: None,
            pay_by: None,
            provider_order_id: provider_order_id(scene.log_id, order.order),
            payments: Vec::new(),
            tickets: Vec::new(),
            refunded_tickets: Vec::new(),
        }
    }
}

/// A page of orders.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderPageJson {
    /// By place in the log, partition by partition.
    pub orders: Vec<OrderJson>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
