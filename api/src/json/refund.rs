//! Refunds: the terms of a performance, what is asked, and what comes back.

use boxoffice_core::{Cancellation, Order, Performance, RefundQuote};
use boxoffice_topics::definition::HOLD_SEATS_MAX;
use boxoffice_topics::refund::{FreeRefund, REFUND_STEPS_MAX, RefundStep};
use boxoffice_topics::{
    Currency, Intent, Money, OrderId, PerformanceId, RefundIntent, RefundLadder, RefundLine,
    RefundTerms,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::{Tag, bounded};
use super::values::{MoneyJson, Parsed, Text, moment};
use crate::http::problem::Problem;

/// What a booking costs beside its places, and what comes back when tickets go back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundTermsJson {
    /// What each place that costs anything costs beside its price, in minor units. Coupons take
    /// nothing off it, and points do not pay it.
    #[serde(default)]
    #[schema(example = 2_000)]
    pub booking_fee_minor: i64,
    /// What is kept, by the day; without a ladder everything comes back until the performance
    /// begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<RefundLadderJson>,
}

/// What is kept of a ticket, by calendar days at the venue before the performance, or before the
/// first night of an order of nights. With a ladder the booking fee comes back on the day of the
/// booking only.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundLadderJson {
    /// How far the venue's clock is ahead of UTC, in minutes.
    #[schema(example = 540)]
    pub utc_offset_minutes: i16,
    /// When nothing is kept, whatever the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<FreeRefundJson>,
    /// From the earliest day on. After the last day of the last step nothing comes back.
    #[serde(deserialize_with = "bounded::<_, _, REFUND_STEPS_MAX>")]
    #[schema(min_items = 1, max_items = 32)]
    pub steps: Vec<RefundStepJson>,
}

/// Tickets that go back soon after the booking, and long enough before the performance.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreeRefundJson {
    /// Until how many days after the day of the booking.
    #[schema(example = 7)]
    pub within_days: u16,
    /// How many days before the day of the performance at least.
    #[schema(example = 10)]
    pub days_before: u16,
}

/// What is kept on some days.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundStepJson {
    /// The last of its days: so many before the day of the performance.
    #[schema(example = 10)]
    pub days_before: u16,
    /// The share of what was paid for the place that is kept, of 10,000, rounded down.
    #[schema(example = 1_000)]
    pub basis_points: u16,
    /// This is kept of each ticket instead, in minor units, and the share is the most that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 4_000)]
    pub fixed_minor: Option<i64>,
}

impl From<&RefundTermsJson> for RefundTerms {
    fn from(terms: &RefundTermsJson) -> Self {
        let ladder = terms.ladder.as_ref().map(|ladder| RefundLadder {
            utc_offset_minutes: ladder.utc_offset_minutes,
            free: ladder.free.map(|FreeRefundJson { within_days, days_before }| FreeRefund {
                within_days,
                days_before,
            }),
            steps: ladder.steps.iter().map(|step| (*step).into()).collect(),
        });
        Self { ladder, booking_fee_minor: terms.booking_fee_minor }
    }
}

impl From<&RefundTerms> for RefundTermsJson {
    fn from(terms: &RefundTerms) -> Self {
        let ladder = terms.ladder.as_ref().map(|ladder| RefundLadderJson {
            utc_offset_minutes: ladder.utc_offset_minutes,
            free: ladder.free.map(|FreeRefund { within_days, days_before }| FreeRefundJson {
                within_days,
                days_before,
            }),
            steps: ladder.steps.iter().map(|step| (*step).into()).collect(),
        });
        Self { booking_fee_minor: terms.booking_fee_minor, ladder }
    }
}

impl From<RefundStepJson> for RefundStep {
    fn from(step: RefundStepJson) -> Self {
        let RefundStepJson { days_before, basis_points, fixed_minor } = step;
        Self { days_before, basis_points, fixed_minor }
    }
}

impl From<RefundStep> for RefundStepJson {
    fn from(step: RefundStep) -> Self {
        let RefundStep { days_before, basis_points, fixed_minor } = step;
        Self { days_before, basis_points, fixed_minor }
    }
}

/// Tickets of a confirmed order that go back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundTickets<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which order.
    #[schema(value_type = String, example = "1018-2-80")]
    pub order: Parsed<OrderId>,
    /// Tickets by number, from one.
    #[serde(default, deserialize_with = "bounded::<_, _, { HOLD_SEATS_MAX as usize }>")]
    #[schema(max_items = 16, example = json!([1]))]
    pub tickets: Vec<u16>,
    /// Tickets by place: labels of seats, or codes of sections of general admission, once for each
    /// place.
    #[serde(borrow, default, deserialize_with = "bounded::<_, _, { HOLD_SEATS_MAX as usize }>")]
    #[schema(value_type = Vec<String>, max_items = 16, example = json!(["A-12-7"]))]
    pub places: Vec<Text<'a>>,
    /// The money that the buyer believes comes back, as a quote says; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<MoneyJson>,
}

/// Says under which terms orders are confirmed from now on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRefundTerms {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// The terms from now on.
    pub terms: RefundTermsJson,
}

/// Says that a performance will not be shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelPerformance {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
}

impl RefundTickets<'_> {
    pub(super) fn to_intent(&self) -> Intent<'_> {
        Intent::Refund(RefundIntent::RefundTickets {
            order: self.order.0,
            tickets: self.tickets.iter().copied().collect(),
            places: self.places.iter().map(Text::as_str).collect(),
            amount: self.amount.map(Money::from),
        })
    }
}

impl SetRefundTerms {
    pub(super) fn to_intent(&self) -> Result<Intent<'static>, Problem> {
        let terms = RefundTerms::from(&self.terms);
        terms.validate().map_err(|error| {
            let path = format!("terms.{}", error.field);
            Problem::invalid("refund_terms_invalid", error.reason).path(path)
        })?;
        let (performance, terms) = (self.performance.0, Box::new(terms));
        Ok(Intent::Refund(RefundIntent::SetRefundTerms { performance, terms }))
    }
}

impl CancelPerformance {
    pub(super) const fn to_intent(&self) -> Intent<'static> {
        Intent::Refund(RefundIntent::CancelPerformance { performance: self.performance.0 })
    }
}

/// What becomes of one ticket that goes back:
/// price - discount + booking fee - kept = money + points.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketRefundJson {
    /// Number of the ticket in its order, from one.
    #[schema(example = 1)]
    pub ticket: u16,
    /// What the place cost.
    pub price: MoneyJson,
    /// Its share of what a coupon took off the order.
    pub discount: MoneyJson,
    /// The booking fee that comes back.
    pub booking_fee: MoneyJson,
    /// What is kept by the ladder.
    pub kept: MoneyJson,
    /// The money that comes back.
    pub money: MoneyJson,
    /// The points that come back.
    pub points: MoneyJson,
}

impl TicketRefundJson {
    pub(super) fn of(line: &RefundLine, currency: Currency) -> Self {
        let money = |minor| MoneyJson::from(Money::new(minor, currency));
        Self {
            ticket: line.ticket,
            price: money(line.price_minor),
            discount: money(line.discount_minor),
            booking_fee: money(line.booking_fee_minor),
            kept: money(line.kept_minor),
            money: money(line.money_minor),
            points: money(line.points_minor),
        }
    }

    /// The tickets that went back of an order.
    pub(super) fn of_order(order: &Order) -> Vec<Self> {
        let lines = order.refunded().iter();
        lines.map(|line| Self::of(line, order.total.currency)).collect()
    }
}

/// What would come back now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundQuoteJson {
    /// Of which order.
    pub order: String,
    /// The money that comes back. Name it as `amount` to get this or nothing.
    pub amount: MoneyJson,
    /// The booking fee that comes back, as a part of the money.
    pub booking_fee: MoneyJson,
    /// The points that come back.
    pub points: MoneyJson,
    /// What is kept by the ladder.
    pub kept: MoneyJson,
    /// Until when no less comes back.
    pub holds_until: String,
    /// Ticket by ticket.
    pub tickets: Vec<TicketRefundJson>,
}

impl RefundQuoteJson {
    /// A quote for an order.
    #[must_use]
    pub fn of(order: OrderId, quote: &RefundQuote) -> Self {
        let lines = quote.lines.iter();
        Self {
            order: order.to_string(),
            amount: quote.money().into(),
            booking_fee: quote.booking_fee().into(),
            points: quote.points().into(),
            kept: quote.kept().into(),
            holds_until: moment(quote.holds_until).0.to_string(),
            tickets: lines.map(|line| TicketRefundJson::of(line, quote.currency)).collect(),
        }
    }
}

/// How far a performance is that will not be shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CancellationJson {
    /// Since when.
    pub cancelled_at: String,
    /// `refunding` while orders are left, then `finished`. The provider may still have to give money
    /// back: each order tells.
    pub state: &'static str,
    /// Orders that have ended since.
    pub orders_ended: u32,
    /// Orders that are still to end.
    pub orders_left: usize,
    /// Orders that end when the result of their payment comes.
    pub orders_paying: usize,
}

impl CancellationJson {
    /// The cancellation of a performance; none when it will be shown.
    pub(super) fn of(performance: &Performance) -> Option<Self> {
        performance.cancellation().map(Self::from)
    }
}

impl From<&Cancellation> for CancellationJson {
    fn from(cancellation: &Cancellation) -> Self {
        let (orders_left, orders_paying) = (cancellation.orders_left(), cancellation.paying());
        Self {
            cancelled_at: moment(cancellation.at()).0.to_string(),
            state: if orders_left + orders_paying == 0 { "finished" } else { "refunding" },
            orders_ended: cancellation.ended(),
            orders_left,
            orders_paying,
        }
    }
}
