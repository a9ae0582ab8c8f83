//! Whom an outcome concerns.

use boxoffice_core::State;
use boxoffice_topics::ticket::OfferEnd;
use boxoffice_topics::{
    AccountId, CouponId, CouponOutcome, OrderId, Outcome, PointsOutcome, RefundOutcome,
    SettlementOutcome, Step, TicketOutcome,
};

/// Whether an outcome concerns an account, in the state after its step.
///
/// What a buyer is told is what happened to their holds, orders and money, to their place in a
/// waiting room, their coupons and points, and the answers to what they asked. What happens to a
/// whole waiting room is told to nobody, or one step would be told to a million: who waits looks
/// again.
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
        | Outcome::Inventory(_)
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
        Outcome::OrderReserving(reserving) => Some(reserving.account),
        Outcome::OrderNotPlaced { account, .. } => Some(*account),
        Outcome::WaitingRoom(outcome) => outcome.account().or(Some(step.account)),
        Outcome::Coupon(outcome) => owner_of_coupon(outcome, step, state),
        Outcome::Points(outcome) => Some(owner_of_points(outcome, step)),
        Outcome::Ticket(outcome) => owner_of_ticket(outcome, step, state),
        Outcome::Refund(RefundOutcome::TicketsRefunded { account, .. }) => Some(*account),
        Outcome::Refund(
            RefundOutcome::TermsSet { .. } | RefundOutcome::PerformanceCancelled { .. },
        ) => Some(step.account),
        Outcome::Settlement(SettlementOutcome::TermsSet { .. }) => Some(step.account),
        Outcome::MessageSent { .. }
        | Outcome::MessageReceived { .. }
        | Outcome::Settlement(SettlementOutcome::Posted { .. })
        | Outcome::Scaling(_) => None,
    }
}

/// What a performance is told of coupons elsewhere, their owners know already.
fn owner_of_coupon(outcome: &CouponOutcome, step: &Step, state: &State) -> Option<AccountId> {
    let of_coupon = |coupon: &CouponId| state.coupon(*coupon).map(|coupon| coupon.account);
    match outcome {
        CouponOutcome::CampaignCreated { .. }
        | CouponOutcome::CampaignChanged { .. }
        | CouponOutcome::CampaignPaused { .. }
        | CouponOutcome::CampaignResumed { .. } => Some(step.account),
        CouponOutcome::Issued { account, .. } => Some(*account),
        CouponOutcome::Reserved { coupon, .. }
        | CouponOutcome::Used { coupon, .. }
        | CouponOutcome::Released { coupon, .. }
        | CouponOutcome::Returned { coupon, .. } => of_coupon(coupon),
        CouponOutcome::Announced { .. }
        | CouponOutcome::Granted { .. }
        | CouponOutcome::Spent { .. } => None,
    }
}

const fn owner_of_points(outcome: &PointsOutcome, step: &Step) -> AccountId {
    match outcome {
        PointsOutcome::RuleSet { .. } => step.account,
        PointsOutcome::Credited { account, .. }
        | PointsOutcome::Reserved { account, .. }
        | PointsOutcome::Committed { account, .. }
        | PointsOutcome::Released { account, .. }
        | PointsOutcome::TakenBack { account, .. }
        | PointsOutcome::Expired { account, .. } => *account,
    }
}

/// Of the two sides of an offer, the one that has not asked is told: the other has the answer.
fn owner_of_ticket(outcome: &TicketOutcome, step: &Step, state: &State) -> Option<AccountId> {
    match outcome {
        TicketOutcome::RulesSet { .. } | TicketOutcome::UsedAgain { .. } => Some(step.account),
        TicketOutcome::Offered { to, .. }
        | TicketOutcome::OfferEnded { to, end: OfferEnd::Withdrawn, .. } => Some(*to),
        TicketOutcome::Transferred { from, .. }
        | TicketOutcome::OfferEnded { from, end: OfferEnd::Declined | OfferEnd::Lapsed, .. } => {
            Some(*from)
        }
        TicketOutcome::CheckedIn { ticket, .. } | TicketOutcome::CheckedOut { ticket, .. } => {
            state.ticket(*ticket).map(|held| held.holder())
        }
    }
}
