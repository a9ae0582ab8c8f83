//! Which outcome is told in which topic.

use boxoffice_log::fluvio::results::ResultTopic;
use boxoffice_topics::{
    InventoryOutcome, Outcome, RefundOutcome, ScalingOutcome, SettlementOutcome, Step,
};

/// The topic of an outcome; `None` for what changes nothing, and for how keys and partitions talk.
#[must_use]
pub const fn topic_of(outcome: &Outcome) -> Option<ResultTopic> {
    match outcome {
        Outcome::Refused { .. }
        | Outcome::Repeated { .. }
        | Outcome::MessageSent { .. }
        | Outcome::MessageReceived { .. }
        | Outcome::Scaling(_) => None,
        Outcome::PerformanceCreated { .. }
        | Outcome::SaleOpened { .. }
        | Outcome::SaleClosed { .. }
        | Outcome::Held { .. }
        | Outcome::HoldRenewed { .. }
        | Outcome::HoldReleased { .. }
        | Outcome::HoldExpired { .. }
        | Outcome::Inventory(_)
        | Outcome::Refund(RefundOutcome::PerformanceCancelled { .. }) => Some(ResultTopic::Seats),
        Outcome::OrderReserving(_)
        | Outcome::OrderNotPlaced { .. }
        | Outcome::OrderPlaced { .. }
        | Outcome::OrderConfirmed { .. }
        | Outcome::OrderCancelled { .. }
        | Outcome::Refund(RefundOutcome::TicketsRefunded { .. } | RefundOutcome::TermsSet { .. }) => {
            Some(ResultTopic::Orders)
        }
        Outcome::PaymentRequested { .. }
        | Outcome::PaymentCaptured { .. }
        | Outcome::PaymentDeclined { .. }
        | Outcome::RefundRequested { .. }
        | Outcome::PaymentRefunded { .. }
        | Outcome::RefundFailed { .. }
        | Outcome::Settlement(
            SettlementOutcome::TermsSet { .. } | SettlementOutcome::Posted { .. },
        ) => Some(ResultTopic::Payments),
        Outcome::Coupon(_) | Outcome::Points(_) => Some(ResultTopic::Coupons),
        Outcome::WaitingRoom(_) => Some(ResultTopic::Admissions),
        Outcome::Ticket(_) => Some(ResultTopic::Tickets),
    }
}

/// Whether later outcomes are told by this one.
pub(super) const fn is_definition(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::PerformanceCreated { .. }
            | Outcome::Inventory(InventoryOutcome::ChannelSet { .. })
    )
}

/// Whether slots arrive with an outcome: what they did elsewhere is told before.
pub(super) const fn is_arrival(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Scaling(ScalingOutcome::SlotsArrived { .. }))
}

/// Whether a step has anything to tell, or says in which order it is told.
pub(super) fn concerns(step: &Step) -> bool {
    step.outcomes.iter().any(|outcome| topic_of(outcome).is_some() || is_arrival(outcome))
}
