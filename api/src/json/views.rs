//! Answers and the things that can be looked at.

use boxoffice_core::{
    EndedHold, Hold, HoldEnd, Order, OrderState, Payment, PaymentState, Performance, RefundState,
    SaleState, SeatState,
};
use boxoffice_topics::{
    IntentId, LogId, OrderId, Places, SeatNumber, SectionKind, SectionNumber, Step, Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::definition::DefinitionJson;
use super::outcome::{OutcomeJson, cancel_name};
use super::scene::{Scene, SectionQuantityOut, TicketJson};
use super::values::{MoneyJson, moment};

/// The order's name at the payment provider: no other log has it.
#[must_use]
pub fn provider_order_id(log_id: LogId, order: OrderId) -> String {
    format!("{:032x}_{order}", log_id.as_u128())
}

/// An intent and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecidedJson {
    /// The intent's name.
    #[schema(example = "1018-2-77")]
    pub id: String,
    /// Its partition.
    pub partition: u16,
    /// Its offset.
    pub offset: u64,
    /// `decided`.
    pub status: &'static str,
    /// It was decided before, under the same idempotency key; these are the outcomes of then.
    pub repeated: bool,
    /// The reply, then what follows from it.
    pub outcomes: Vec<OutcomeJson>,
}

impl DecidedJson {
    /// A step in its scene.
    #[must_use]
    pub fn of(id: IntentId, step: &Step, repeated: bool, scene: Scene<'_>) -> Self {
        Self {
            id: id.to_string(),
            partition: id.partition().number(),
            offset: id.offset().number(),
            status: "decided",
            repeated,
            outcomes: step.outcomes.iter().map(|it| OutcomeJson::of(it, scene)).collect(),
        }
    }
}

/// An intent that is durable and not decided yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AcceptedJson {
    /// The intent's name.
    #[schema(example = "1018-2-77")]
    pub id: String,
    /// Its partition.
    pub partition: u16,
    /// Its offset.
    pub offset: u64,
    /// `accepted`.
    pub status: &'static str,
}

impl AcceptedJson {
    /// The intent of this name.
    #[must_use]
    pub fn of(id: IntentId) -> Self {
        Self {
            id: id.to_string(),
            partition: id.partition().number(),
            offset: id.offset().number(),
            status: "accepted",
        }
    }
}

/// What happened to an account, in one step of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventJson {
    /// The partition.
    pub partition: u16,
    /// The offset.
    pub offset: u64,
    /// When.
    pub at: String,
    /// The outcomes that concern the account.
    pub outcomes: Vec<OutcomeJson>,
}

/// One line of the list of performances.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformanceSummaryJson {
    /// Its id.
    pub id: String,
    /// What is shown.
    pub name: String,
    /// Where.
    pub venue: String,
    /// When it begins.
    pub starts_at: String,
    /// `scheduled`, `open` or `closed`.
    pub sale_state: &'static str,
    /// Places that can be had.
    pub remaining: u32,
}

/// A page of performances.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformancePageJson {
    /// In the order of creation, partition by partition.
    pub performances: Vec<PerformanceSummaryJson>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A performance with its seat map.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformanceJson {
    /// Its id.
    pub id: String,
    /// `scheduled`, `open` or `closed`.
    pub sale_state: &'static str,
    /// Places that can be had.
    pub remaining: u32,
    /// What the promoter said of it.
    #[serde(flatten)]
    pub definition: DefinitionJson,
}

const fn sale_name(state: SaleState) -> &'static str {
    match state {
        SaleState::Scheduled => "scheduled",
        SaleState::Open => "open",
        SaleState::Closed => "closed",
    }
}

fn sections(performance: &Performance) -> impl Iterator<Item = SectionNumber> + use<> {
    let count = u16::try_from(performance.definition().sections.len()).unwrap_or(u16::MAX);
    (0..count).map(SectionNumber)
}

fn remaining(performance: &Performance) -> u32 {
    sections(performance).map(|section| performance.remaining(section)).sum()
}

impl PerformanceSummaryJson {
    /// A performance at a moment.
    #[must_use]
    pub fn of(performance: &Performance, now: Timestamp) -> Self {
        let definition = performance.definition();
        Self {
            id: definition.performance.to_string(),
            name: definition.name.clone(),
            venue: definition.venue.clone(),
            starts_at: moment(definition.starts_at).0.to_string(),
            sale_state: sale_name(performance.sale_state(now)),
            remaining: remaining(performance),
        }
    }
}

impl PerformanceJson {
    /// A performance at a moment.
    #[must_use]
    pub fn of(performance: &Performance, now: Timestamp) -> Self {
        Self {
            id: performance.id().to_string(),
            sale_state: sale_name(performance.sale_state(now)),
            remaining: remaining(performance),
            definition: performance.definition().into(),
        }
    }
}

/// Which places can be had.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AvailabilityJson {
    /// Of which performance.
    pub performance: String,
    /// `scheduled`, `open` or `closed`.
    pub sale_state: &'static str,
    /// Section by section, in the order of the definition.
    pub sections: Vec<SectionAvailabilityJson>,
}

/// Which places can be had in one section.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SectionAvailabilityJson {
    /// The section.
    pub code: String,
    /// Places that can be had.
    pub remaining: u32,
    /// Row by row, in the order of the definition; none in general admission.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowAvailabilityJson>,
}

/// Which seats can be had in one row.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowAvailabilityJson {
    /// The row.
    pub label: String,
    /// One letter per seat from the left: `f` free, `h` held, `s` sold.
    #[schema(example = "ffhhssff")]
    pub seats: String,
}

impl AvailabilityJson {
    /// A performance at a moment.
    #[must_use]
    pub fn of(performance: &Performance, now: Timestamp) -> Self {
        // Seats are numbered in the order of the definition, so one counter walks them all.
        let mut next_seat = 0;
        let definition = performance.definition();
        let rows = |section: &boxoffice_topics::Section, next_seat: &mut u32| {
            let row = |row: &boxoffice_topics::Row| {
                let first = *next_seat;
                *next_seat += u32::from(row.seats);
                let letters = (first..*next_seat).map(|seat| letter(performance, seat));
                RowAvailabilityJson { label: row.label.clone(), seats: letters.collect() }
            };
            match &section.kind {
                SectionKind::Reserved { rows } => rows.iter().map(row).collect(),
                SectionKind::GeneralAdmission { .. } => Vec::new(),
            }
        };
        let sections = definition.sections.iter().zip(sections(performance));
        let sections = sections.map(|(section, number)| SectionAvailabilityJson {
            code: section.code.clone(),
            remaining: performance.remaining(number),
            rows: rows(section, &mut next_seat),
        });
        Self {
            performance: performance.id().to_string(),
            sale_state: sale_name(performance.sale_state(now)),
            sections: sections.collect(),
        }
    }
}

fn letter(performance: &Performance, seat: u32) -> char {
    match performance.seat_state(SeatNumber(seat)) {
        Some(SeatState::Free) => 'f',
        Some(SeatState::Held) => 'h',
        Some(SeatState::Sold) | None => 's',
    }
}

/// A hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldJson {
    /// Its id.
    pub id: String,
    /// `live`, `ordered`, `released` or `expired`.
    pub state: &'static str,
    /// The order that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What is held, while it lives.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveHoldJson>,
}

/// What is held.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveHoldJson {
    /// Of which performance.
    pub performance: String,
    /// Labels of the seats.
    pub seats: Vec<String>,
    /// Places of general admission.
    pub sections: Vec<SectionQuantityOut>,
    /// What ordering it would cost.
    pub total: MoneyJson,
    /// When it ends by itself.
    pub expires_at: String,
    /// How often it can still be renewed.
    pub renewals_left: u8,
}

impl HoldJson {
    /// A hold that lives.
    #[must_use]
    pub fn live(hold: &Hold, scene: Scene<'_>) -> Self {
        let live = LiveHoldJson {
            performance: hold.performance.to_string(),
            seats: scene.seats(hold.performance, &hold.places),
            sections: scene.sections(hold.performance, &hold.places),
            total: hold.total.into(),
            expires_at: moment(hold.expires_at).0.to_string(),
            renewals_left: hold.renewals_left,
        };
        Self { id: hold.id.to_string(), state: "live", order: None, live: Some(live) }
    }

    /// A hold that ended.
    #[must_use]
    pub fn ended(hold: &EndedHold) -> Self {
        let (state, order) = match hold.end {
            HoldEnd::Ordered(order) => ("ordered", Some(order.to_string())),
            HoldEnd::Released => ("released", None),
            HoldEnd::Expired => ("expired", None),
        };
        Self { id: hold.hold.to_string(), state, order, live: None }
    }
}

/// An attempt to pay.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentJson {
    /// Its id.
    pub id: String,
    /// `requested`, `captured`, `declined`, `refund_requested`, `refunded` or `refund_failed`.
    pub state: &'static str,
    /// How much.
    pub amount: MoneyJson,
}

impl From<&Payment> for PaymentJson {
    fn from(payment: &Payment) -> Self {
        let refund = payment.refund.map(|refund| match refund.state {
            RefundState::Requested => "refund_requested",
            RefundState::Refunded => "refunded",
            RefundState::Failed => "refund_failed",
        });
        let state = refund.unwrap_or(match payment.state {
            PaymentState::Requested => "requested",
            PaymentState::Captured => "captured",
            PaymentState::Declined => "declined",
        });
        Self { id: payment.id.to_string(), state, amount: payment.amount.into() }
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
    /// `placed`, `paying`, `confirmed`, `cancelled` or `refunded`.
    pub state: &'static str,
    /// Why it ended: `by_buyer` or `expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<&'static str>,
    /// Labels of the seats.
    pub seats: Vec<String>,
    /// Places of general admission.
    pub sections: Vec<SectionQuantityOut>,
    /// What it costs.
    pub total: MoneyJson,
    /// Until when it waits for its payment.
    pub pay_by: String,
    /// Its name at the payment provider.
    pub provider_order_id: String,
    /// The latest attempt to pay it, or the one that did.
    pub payments: Vec<PaymentJson>,
    /// One for each place, when it is confirmed.
    pub tickets: Vec<TicketJson>,
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
            cancelled: order.cancelled.map(cancel_name),
            seats: scene.seats(order.performance, &order.places),
            sections: scene.sections(order.performance, &order.places),
            total: order.total.into(),
            pay_by: moment(order.pay_by).0.to_string(),
            provider_order_id: provider_order_id(scene.log_id, order.id),
            payments: payment.map(PaymentJson::from).into_iter().collect(),
            tickets: Self::tickets(order, &order.places, scene),
        }
    }

    fn tickets(order: &Order, places: &Places, scene: Scene<'_>) -> Vec<TicketJson> {
        match order.state {
            OrderState::Confirmed => scene.tickets(order.id, order.performance, places),
            _ => Vec::new(),
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

/// A page of tickets. Tickets of one order stay together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketPageJson {
    /// By place of their order in the log, partition by partition.
    pub tickets: Vec<TicketJson>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
