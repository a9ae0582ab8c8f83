//! Whom an outcome concerns.

use boxoffice_core::State;
use boxoffice_topics::{AccountId, OrderId, Outcome, Step};

/// Whether an outcome concerns an account, in the state after its step.
///
/// What a buyer is told is what happened to their holds, orders and money, and the answers to
/// what they asked.
#[must_use]
pub fn concerns(account: AccountId, outcome: &Outcome, step: &Step, state: &State) -> bool {
    owner(outcome, step, state) == Some(account)
}

pub(super) fn owner(outcome: &Outcome, step: &Step, state: &State) -> Option<AccountId> {
    let of_order = |order: &OrderId| state.order(*order).map(|order| order.account);
    match outcome {
        Outcome::Refused { .. }
        | Outcome::Repeated { .. }
        | Outcome::PerformanceCreated { .. }
        | Outcome::SaleOpened { .. }
        | Outcome::SaleClosed { .. }
        | Outcome::HoldRenewed { .. }
        | Outcome::HoldReleased { .. } => Some(step.account),
        Outcome::Held { account, .. }
        | Outcome::HoldExpired { account, .. }
        | Outcome::OrderPlaced { account, .. }
        | Outcome::OrderConfirmed { account, .. }
        | Outcome::OrderCancelled { account, .. } => Some(*account),
        Outcome::PaymentRequested { order, .. }
        | Outcome::PaymentCaptured { order, .. }
        | Outcome::PaymentDeclined { order, .. }
        | Outcome::RefundRequested { order, .. }
        | Outcome::PaymentRefunded { order, .. }
        | Outcome::RefundFailed { order, .. } => of_order(order),
    }
}
