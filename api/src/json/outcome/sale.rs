//! Outcomes of a sale: performances, holds, orders and money, and what keys tell each other.

use boxoffice_topics::outcome::{CancelReason, RefundReason, Seating};
use boxoffice_topics::{Outcome, PerformanceDefinition};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::definition::DefinitionJson;
use crate::json::message::MessageJson;
use crate::json::order::{CostJson, awaited_name, provider_order_id};
use crate::json::scene::{Scene, SectionQuantityOut, TicketJson};
use crate::json::values::{MoneyJson, moment};

/// One fact of a sale.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SaleOutcomeJson {
    /// The intent was refused; nothing changed.
    Refused {
        /// Why.
        code: &'static str,
        /// Which item of the intent's list, from zero.
        #[serde(skip_serializing_if = "Option::is_none")]
        item: Option<u16>,
    },
    /// The intent is one that was decided before.
    Repeated {
        /// The intent that was decided.
        original: String,
    },
    /// A performance exists now.
    PerformanceCreated {
        /// Its id.
        performance: String,
        /// All of it.
        definition: Box<DefinitionJson>,
    },
    /// The sale is open.
    SaleOpened {
        /// Of which performance.
        performance: String,
    },
    /// The sale is closed.
    SaleClosed {
        /// Of which performance.
        performance: String,
    },
    /// A buyer holds places.
    Held {
        /// The hold.
        hold: String,
        /// Of which performance.
        performance: String,
        /// Labels of the seats.
        seats: Vec<String>,
        /// Places of general admission.
        sections: Vec<SectionQuantityOut>,
        /// What ordering it would cost.
        total: MoneyJson,
        /// When it ends by itself.
        expires_at: String,
        /// How the seats lie: `as_asked`, `adjacent`, `adjacent_leaving_orphan`, `split` or
        /// `table`.
        seating: &'static str,
    },
    /// A hold lasts longer.
    HoldRenewed {
        /// Which.
        hold: String,
        /// When it ends by itself now.
        expires_at: String,
        /// Renewals that are left.
        renewals_left: u8,
    },
    /// The buyer gave the hold back.
    HoldReleased {
        /// Which.
        hold: String,
    },
    /// The hold's time ran out.
    HoldExpired {
        /// Which.
        hold: String,
    },
    /// An order waits for a coupon or for points, and its hold with it.
    OrderReserving {
        /// The order.
        order: String,
        /// The hold that it comes from.
        hold: String,
        /// Of which performance.
        performance: String,
        /// What it will cost if it gets what it asked for.
        #[serde(flatten)]
        cost: CostJson,
        /// `coupon` or `points`.
        awaits: &'static str,
        /// Until when it waits.
        waits_until: String,
    },
    /// An order that waited will not be placed. Its hold lives on.
    OrderNotPlaced {
        /// The order.
        order: String,
        /// Its hold.
        hold: String,
        /// Why: the code of a refusal.
        code: &'static str,
        /// When the hold ends by itself now.
        hold_expires_at: String,
    },
    /// A hold has become an order that waits for its payment.
    OrderPlaced {
        /// The order.
        order: String,
        /// The hold that it came from.
        hold: String,
        /// Of which performance.
        performance: String,
        /// What it costs, and why.
        #[serde(flatten)]
        cost: CostJson,
        /// Until when.
        pay_by: String,
        /// The order's name at the payment provider.
        provider_order_id: String,
    },
    /// The money is being taken.
    PaymentRequested {
        /// The attempt.
        payment: String,
        /// For which order.
        order: String,
        /// How much.
        amount: MoneyJson,
    },
    /// The provider took the money.
    PaymentCaptured {
        /// The attempt.
        payment: String,
        /// For which order.
        order: String,
        /// How much.
        amount: MoneyJson,
    },
    /// The provider took nothing.
    PaymentDeclined {
        /// The attempt.
        payment: String,
        /// For which order.
        order: String,
        /// The provider's code.
        code: String,
    },
    /// The order is paid.
    OrderConfirmed {
        /// The order.
        order: String,
        /// The attempt that paid it; an order that costs nothing has none.
        payment: Option<String>,
        /// Of which performance.
        performance: String,
        /// One for each place.
        tickets: Vec<TicketJson>,
        /// The order was dead when the money came, and its places were still free.
        reseated: bool,
        /// The points that it earned.
        #[serde(skip_serializing_if = "Option::is_none")]
        earned: Option<MoneyJson>,
    },
    /// The order ended; its places are free.
    OrderCancelled {
        /// Which.
        order: String,
        /// `by_buyer` or `expired`.
        reason: &'static str,
    },
    /// Money is being given back.
    RefundRequested {
        /// The refund.
        refund: String,
        /// The payment to give back.
        payment: String,
        /// Of which order.
        order: String,
        /// How much.
        amount: MoneyJson,
        /// `order_cancelled`, `late_capture`, `duplicate_capture` or `amount_mismatch`.
        reason: &'static str,
    },
    /// The provider gave the money back.
    PaymentRefunded {
        /// The refund.
        refund: String,
        /// Of which payment.
        payment: String,
        /// Of which order.
        order: String,
        /// How much.
        amount: MoneyJson,
    },
    /// The provider refuses to give the money back: somebody must act.
    RefundFailed {
        /// The refund.
        refund: String,
        /// Of which payment.
        payment: String,
        /// Of which order.
        order: String,
        /// The provider's code.
        code: String,
    },
    /// One key tells another something.
    MessageSent {
        /// The slot of the key that is told.
        slot: u16,
        /// What it is told.
        message: Box<MessageJson>,
    },
    /// What another key told has come.
    MessageReceived {
        /// The outcome that sent it.
        from: String,
    },
}

impl SaleOutcomeJson {
    /// An outcome in its scene.
    pub(super) fn of(outcome: &Outcome, scene: Scene<'_>) -> Self {
        match outcome {
            Outcome::Refused { refusal } => {
                Self::Refused { code: refusal.code.as_str(), item: refusal.item }
            }
            Outcome::Repeated { original } => Self::Repeated { original: original.to_string() },
            Outcome::PerformanceCreated { definition } => Self::created(definition),
            Outcome::SaleOpened { performance } => {
                Self::SaleOpened { performance: performance.to_string() }
            }
            Outcome::SaleClosed { performance } => {
                Self::SaleClosed { performance: performance.to_string() }
            }
            Outcome::Held { .. }
            | Outcome::HoldRenewed { .. }
            | Outcome::HoldReleased { .. }
            | Outcome::HoldExpired { .. } => Self::about_a_hold(outcome, scene),
            Outcome::OrderReserving(_)
            | Outcome::OrderNotPlaced { .. }
            | Outcome::OrderPlaced { .. }
            | Outcome::OrderConfirmed { .. }
            | Outcome::OrderCancelled { .. } => Self::about_an_order(outcome, scene),
            Outcome::PaymentRequested { .. }
            | Outcome::PaymentCaptured { .. }
            | Outcome::PaymentDeclined { .. }
            | Outcome::RefundRequested { .. }
            | Outcome::PaymentRefunded { .. }
            | Outcome::RefundFailed { .. } => Self::about_money(outcome),
            Outcome::MessageSent { message } => Self::MessageSent {
                slot: message.slot().number(),
                message: Box::new(message.into()),
            },
            Outcome::MessageReceived { from } => Self::MessageReceived { from: from.to_string() },
            Outcome::WaitingRoom(_)
            | Outcome::Coupon(_)
            | Outcome::Points(_)
            | Outcome::Inventory(_)
            | Outcome::Ticket(_)
            | Outcome::Refund(_)
            | Outcome::Settlement(_)
            | Outcome::Scaling(_) => {
                unreachable!("{outcome:?} has a document of its own")
            }
        }
    }

    fn about_a_hold(outcome: &Outcome, scene: Scene<'_>) -> Self {
        match outcome {
            Outcome::Held { hold, performance, places, total, expires_at, seating, .. } => {
                Self::Held {
                    hold: hold.to_string(),
                    performance: performance.to_string(),
                    seats: scene.seats(*performance, places),
                    sections: scene.sections(*performance, places),
                    total: (*total).into(),
                    expires_at: moment(*expires_at).0.to_string(),
                    seating: seating_name(*seating),
                }
            }
            Outcome::HoldRenewed { hold, expires_at, renewals_left } => Self::HoldRenewed {
                hold: hold.to_string(),
                expires_at: moment(*expires_at).0.to_string(),
                renewals_left: *renewals_left,
            },
            Outcome::HoldReleased { hold } => Self::HoldReleased { hold: hold.to_string() },
            Outcome::HoldExpired { hold, .. } => Self::HoldExpired { hold: hold.to_string() },
            other => unreachable!("{other:?} is not about a hold"),
        }
    }

    fn about_an_order(outcome: &Outcome, scene: Scene<'_>) -> Self {
        match outcome {
            Outcome::OrderReserving(reserving) => Self::OrderReserving {
                order: reserving.order.to_string(),
                hold: reserving.hold.to_string(),
                performance: reserving.performance.to_string(),
                cost: CostJson::of_reserving(reserving),
                awaits: awaited_name(reserving.awaits),
                waits_until: moment(reserving.deadline).0.to_string(),
            },
            Outcome::OrderNotPlaced { order, hold, reason, hold_expires_at, .. } => {
                Self::OrderNotPlaced {
                    order: order.to_string(),
                    hold: hold.to_string(),
                    code: reason.as_str(),
                    hold_expires_at: moment(*hold_expires_at).0.to_string(),
                }
            }
            Outcome::OrderPlaced {
                order, hold, performance, total, pay_by, reductions, ..
            } => Self::OrderPlaced {
                order: order.to_string(),
                hold: hold.to_string(),
                performance: performance.to_string(),
                cost: CostJson::of(*total, reductions.as_deref()),
                pay_by: moment(*pay_by).0.to_string(),
                provider_order_id: provider_order_id(scene.log_id, *order),
            },
            Outcome::OrderConfirmed {
                order,
                payment,
                performance,
                places,
                reseated,
                earned,
                ..
            } => Self::OrderConfirmed {
                order: order.to_string(),
                payment: payment.map(|payment| payment.to_string()),
                performance: performance.to_string(),
                tickets: scene.tickets(*order, *performance, places),
                reseated: *reseated,
                earned: earned.map(MoneyJson::from),
            },
            Outcome::OrderCancelled { order, reason, .. } => {
                Self::OrderCancelled { order: order.to_string(), reason: cancel_name(*reason) }
            }
            other => unreachable!("{other:?} is not about an order"),
        }
    }

    fn created(definition: &PerformanceDefinition) -> Self {
        Self::PerformanceCreated {
            performance: definition.performance.to_string(),
            definition: Box::new(definition.into()),
        }
    }

    fn about_money(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::PaymentRequested { payment, order, amount, .. } => Self::PaymentRequested {
                payment: payment.to_string(),
                order: order.to_string(),
                amount: (*amount).into(),
            },
            Outcome::PaymentCaptured { payment, order, amount } => Self::PaymentCaptured {
                payment: payment.to_string(),
                order: order.to_string(),
                amount: (*amount).into(),
            },
            Outcome::PaymentDeclined { payment, order, code } => Self::PaymentDeclined {
                payment: payment.to_string(),
                order: order.to_string(),
                code: code.to_string(),
            },
            Outcome::RefundRequested { refund, payment, order, amount, reason, .. } => {
                Self::RefundRequested {
                    refund: refund.to_string(),
                    payment: payment.to_string(),
                    order: order.to_string(),
                    amount: (*amount).into(),
                    reason: refund_name(*reason),
                }
            }
            Outcome::PaymentRefunded { refund, payment, order, amount } => Self::PaymentRefunded {
                refund: refund.to_string(),
                payment: payment.to_string(),
                order: order.to_string(),
                amount: (*amount).into(),
            },
            Outcome::RefundFailed { refund, payment, order, code } => Self::RefundFailed {
                refund: refund.to_string(),
                payment: payment.to_string(),
                order: order.to_string(),
                code: code.to_string(),
            },
            other => unreachable!("{other:?} moves no money"),
        }
    }
}

const fn seating_name(seating: Seating) -> &'static str {
    match seating {
        Seating::AsAsked => "as_asked",
        Seating::Adjacent => "adjacent",
        Seating::AdjacentLeavingOrphan => "adjacent_leaving_orphan",
        Seating::Split => "split",
        Seating::Table => "table",
    }
}

/// A reason as clients read it.
#[must_use]
pub(in crate::json) const fn cancel_name(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::ByBuyer => "by_buyer",
        CancelReason::Expired => "expired",
        CancelReason::PerformanceCancelled => "performance_cancelled",
    }
}

const fn refund_name(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::OrderCancelled => "order_cancelled",
        RefundReason::LateCapture => "late_capture",
        RefundReason::DuplicateCapture => "duplicate_capture",
        RefundReason::AmountMismatch => "amount_mismatch",
        RefundReason::PerformanceCancelled => "performance_cancelled",
        RefundReason::TicketsRefunded => "tickets_refunded",
    }
}
