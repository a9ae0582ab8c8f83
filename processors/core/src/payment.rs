//! Payments: attempts, what became of them, and money that goes back.
//!
//! An attempt is requested, then captured or declined. A provider may contradict itself: money
//! that comes after all, or too late, or in the wrong amount, is never left without an owner.

use boxoffice_topics::intent::{PaymentResult, RefundResult};
use boxoffice_topics::outcome::{CancelReason, EffectName, ProviderCode, RefundReason};
use boxoffice_topics::{Money, OrderId, Outcome, PaymentId, Reductions, Refusal, RefusalCode};
use minicbor::{Decode, Encode};

use crate::decide::Asked;
use crate::order::{Order, OrderState, own_order};
use crate::refund;
use crate::settle::{Fate, Settled, earned, give_earned};
use crate::state::State;

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PaymentState {
    /// Nobody knows yet whether the provider took the money.
    #[n(0)]
    Requested,
    /// The provider took it.
    #[n(1)]
    Captured,
    /// The provider did not.
    #[n(2)]
    Declined,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RefundState {
    /// Nobody knows yet whether the provider gave the money back.
    #[n(0)]
    Requested,
    /// The provider gave it back.
    #[n(1)]
    Refunded,
    /// The provider refuses: somebody must act.
    #[n(2)]
    Failed,
}

/// Money on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refund {
    /// Its name.
    #[n(0)]
    pub name: EffectName,
    /// How much.
    #[n(1)]
    pub amount: Money,
    /// Why.
    #[n(2)]
    pub reason: RefundReason,
    /// Where it stands.
    #[n(3)]
    pub state: RefundState,
}

/// An attempt to pay an order.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Payment {
    /// Its id.
    #[n(0)]
    pub id: PaymentId,
    /// For which order.
    #[n(1)]
    pub order: OrderId,
    /// How much was asked for; once captured, how much was taken.
    #[n(2)]
    pub amount: Money,
    /// The provider's name for it.
    #[n(3)]
    pub payment_key: Box<str>,
    /// Where it stands.
    #[n(4)]
    pub state: PaymentState,
    /// The first money of it on its way back: most payments have no more.
    #[n(5)]
    pub(crate) refund: Option<Refund>,
    /// The attempt before this one to pay the same order.
    #[n(6)]
    pub(crate) previous: Option<PaymentId>,
    /// Further money of it on its way back.
    #[n(40)]
    pub(crate) later_refunds: Option<Vec<Refund>>,
}

/// An effect without a result.
#[derive(Clone, Copy, Debug)]
pub enum PendingEffect<'a> {
    /// Money to take.
    Capture {
        /// The effect's name.
        name: EffectName,
        /// The attempt.
        payment: &'a Payment,
    },
    /// Money to give back.
    Refund {
        /// The refund; its name is the effect's.
        refund: Refund,
        /// The attempt whose money it is.
        payment: &'a Payment,
    },
}

impl<'a> PendingEffect<'a> {
    pub(crate) fn of(name: EffectName, payment: &'a Payment) -> Self {
        match payment.refunds().find(|refund| refund.name == name) {
            Some(refund) => Self::Refund { refund: *refund, payment },
            None => Self::Capture { name, payment },
        }
    }
}

impl Payment {
    /// Money of it on its way back, in the order in which that was decided.
    pub fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.refund.iter().chain(self.later_refunds.iter().flatten())
    }

    fn refunds_mut(&mut self) -> impl Iterator<Item = &mut Refund> {
        self.refund.iter_mut().chain(self.later_refunds.iter_mut().flatten())
    }

    /// Adds money on its way back.
    fn add_refund(&mut self, refund: Refund) {
        let before = self.refunds().map(|refund| refund.amount.minor);
        let in_all = before.fold(refund.amount.minor, i64::saturating_add);
        assert!(
            self.state == PaymentState::Captured && in_all <= self.amount.minor,
            "INV-40: more of payment {} goes back than was taken",
            self.id
        );
        match self.refund {
            None => self.refund = Some(refund),
            Some(_) => self.later_refunds.get_or_insert_default().push(refund),
        }
    }

    pub(crate) fn refund_requested(
        &self,
        refund: EffectName,
        amount: Money,
        reason: RefundReason,
    ) -> Outcome {
        Outcome::RefundRequested {
            refund,
            payment: self.id,
            order: self.order,
            amount,
            payment_key: self.payment_key.clone(),
            reason,
        }
    }
}

pub(crate) fn pay_order(
    asked: &Asked<'_>,
    order: OrderId,
    amount: Money,
    payment_key: &str,
) -> Result<Outcome, Refusal> {
    let order = own_order(asked, order)?;
    match order.state {
        OrderState::Placed => (),
        OrderState::Paying => return Err(RefusalCode::PaymentInProgress.into()),
        OrderState::Confirmed => return Err(RefusalCode::OrderAlreadyConfirmed.into()),
        OrderState::Refunded => return Err(RefusalCode::OrderAlreadyRefunded.into()),
        OrderState::Cancelled => {
            return Err(match order.cancelled {
                Some(CancelReason::Expired) => RefusalCode::OrderExpired.into(),
                Some(CancelReason::PerformanceCancelled) => {
                    RefusalCode::PerformanceCancelled.into()
                }
                Some(CancelReason::ByBuyer) | None => RefusalCode::OrderAlreadyCancelled.into(),
            });
        }
    }
    refund::check_not_cancelled(asked, order.performance)?;
    if order.pay_by <= asked.now {
        return Err(RefusalCode::OrderExpired.into());
    }
    if amount != order.total {
        return Err(RefusalCode::AmountMismatch.into());
    }
    // Two attempts with one key would both be told of the same money.
    if asked.state.attempts(order).any(|attempt| &*attempt.payment_key == payment_key) {
        return Err(RefusalCode::PaymentKeyReused.into());
    }
    Ok(Outcome::PaymentRequested {
        payment: PaymentId(asked.intent()),
        order: order.id,
        amount,
        payment_key: payment_key.into(),
    })
}

pub(crate) fn record_payment_result(
    asked: &Asked<'_>,
    payment: PaymentId,
    result: PaymentResult<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Refusal> {
    let payment = asked.state.payment(payment).ok_or(RefusalCode::PaymentUnknown)?;
    let order = asked.state.order(payment.order).ok_or(RefusalCode::OrderUnknown)?;
    match (payment.state, result) {
        (PaymentState::Captured, _) | (PaymentState::Declined, PaymentResult::Declined { .. }) => {
            Err(RefusalCode::PaymentAlreadySettled.into())
        }
        (PaymentState::Requested, PaymentResult::Declined { code }) => {
            let code = provider_code(code);
            outcomes.push(Outcome::PaymentDeclined { payment: payment.id, order: order.id, code });
            refund::call_off_unpaid(asked, order, payment.id, outcomes);
            Ok(())
        }
        // After a decline the provider took the money all the same: believe the money.
        (PaymentState::Requested | PaymentState::Declined, PaymentResult::Captured { amount }) => {
            captured(asked, payment, order, amount, outcomes);
            Ok(())
        }
    }
}

/// What becomes of money that has come.
fn captured(
    asked: &Asked<'_>,
    payment: &Payment,
    order: &Order,
    amount: Money,
    outcomes: &mut Vec<Outcome>,
) {
    outcomes.push(Outcome::PaymentCaptured { payment: payment.id, order: order.id, amount });
    let is_off = refund::is_cancelled(asked, order.performance);
    let refund_for = match order.state {
        _ if amount != order.total => Some(RefundReason::AmountMismatch),
        OrderState::Placed | OrderState::Paying if is_off => {
            Some(RefundReason::PerformanceCancelled)
        }
        OrderState::Placed | OrderState::Paying => None,
        OrderState::Confirmed | OrderState::Refunded => Some(RefundReason::DuplicateCapture),
        OrderState::Cancelled if can_be_seated_again(asked, order) => None,
        OrderState::Cancelled => Some(RefundReason::LateCapture),
    };
    outcomes.push(match refund_for {
        Some(reason) => payment.refund_requested(asked.effect(outcomes.len()), amount, reason),
        None => Outcome::OrderConfirmed {
            order: order.id,
            payment: Some(payment.id),
            performance: order.performance,
            account: order.account,
            places: order.places.clone(),
            reseated: order.state == OrderState::Cancelled,
            earned: earned(asked, order),
        },
    });
    if refund_for.is_none() {
        Settled::of(order).push(asked, Fate::Confirmed, outcomes);
        give_earned(asked, order, outcomes);
    } else {
        refund::call_off_unpaid(asked, order, payment.id, outcomes);
    }
}

/// An order that died of time comes back when everything it had is free and within the limit.
/// One that its buyer gave up does not, nor one whose coupon or points were given back when it
/// died: what was captured no longer pays for it.
fn can_be_seated_again(asked: &Asked<'_>, order: &Order) -> bool {
    order.cancelled == Some(CancelReason::Expired)
        && !order.reductions.as_deref().is_some_and(Reductions::reduces)
        && !refund::is_cancelled(asked, order.performance)
        && asked.state.performance(order.performance).is_some_and(|performance| {
            performance.all_free(&order.places)
                && performance.within_limit(order.account, order.places.count())
        })
}

pub(crate) fn record_refund_result(
    asked: &Asked<'_>,
    payment: PaymentId,
    refund: EffectName,
    result: RefundResult<'_>,
) -> Result<Outcome, Refusal> {
    let payment = asked.state.payment(payment).ok_or(RefusalCode::PaymentUnknown)?;
    let pending = payment
        .refunds()
        .find(|pending| pending.name == refund && pending.state == RefundState::Requested)
        .ok_or(RefusalCode::RefundNotPending)?;
    let (payment, order) = (payment.id, payment.order);
    Ok(match result {
        RefundResult::Refunded { amount } if amount == pending.amount => {
            Outcome::PaymentRefunded { refund, payment, order, amount }
        }
        RefundResult::Refunded { .. } => {
            let code = provider_code("REFUNDED_ANOTHER_AMOUNT");
            Outcome::RefundFailed { refund, payment, order, code }
        }
        RefundResult::Failed { code } => {
            Outcome::RefundFailed { refund, payment, order, code: provider_code(code) }
        }
    })
}

/// The code, cut at a character where it is too long.
fn provider_code(code: &str) -> ProviderCode {
    let mut kept = ProviderCode::new();
    for character in code.chars() {
        if kept.try_push(character).is_err() {
            break;
        }
    }
    kept
}

impl State {
    pub(crate) fn request_payment(
        &mut self,
        name: EffectName,
        id: PaymentId,
        order: OrderId,
        amount: Money,
        payment_key: &str,
    ) {
        let of = self.order_mut(order);
        assert!(of.state == OrderState::Placed, "an order is paid twice at once");
        of.state = OrderState::Paying;
        of.payment = Some(id);
        let previous = of.last_attempt.replace(id);
        let payment = Payment {
            id,
            order,
            amount,
            payment_key: payment_key.into(),
            state: PaymentState::Requested,
            refund: None,
            previous,
            later_refunds: None,
        };
        self.pending.insert(name, id);
        self.payments.insert(id, payment);
    }

    /// The provider took nothing: an order that waited for this attempt waits for another.
    pub(crate) fn decline_payment(&mut self, id: PaymentId, order: OrderId) {
        if self.settle_payment(id, PaymentState::Declined, None) {
            self.await_payment(order);
        }
    }

    /// Records what the provider did and returns whether the order was waiting for it.
    pub(crate) fn settle_payment(
        &mut self,
        id: PaymentId,
        state: PaymentState,
        amount: Option<Money>,
    ) -> bool {
        let payment = self.payment_mut(id);
        assert!(payment.state != PaymentState::Captured, "a payment is settled twice");
        payment.state = state;
        payment.amount = amount.unwrap_or(payment.amount);
        let order = payment.order;
        let name = EffectName::new(id.0.partition(), id.0.offset(), 0);
        self.pending.remove(&name);
        let order = self.order_mut(order);
        order.state == OrderState::Paying && order.payment == Some(id)
    }

    pub(crate) fn request_refund(
        &mut self,
        id: PaymentId,
        name: EffectName,
        amount: Money,
        reason: RefundReason,
    ) {
        self.pending.insert(name, id);
        let payment = self.payment_mut(id);
        payment.add_refund(Refund { name, amount, reason, state: RefundState::Requested });
        let (order, paid_by) = (payment.order, Some(id));
        let order = self.order_mut(order);
        // Money in the wrong amount: the order waits for the right one.
        if order.state == OrderState::Paying && order.payment == paid_by {
            let order = order.id;
            self.await_payment(order);
        }
    }

    pub(crate) fn settle_refund(&mut self, id: PaymentId, name: EffectName, state: RefundState) {
        self.pending.remove(&name);
        let payment = self.payment_mut(id);
        let order = payment.order;
        if let Some(refund) = payment.refunds_mut().find(|refund| refund.name == name) {
            refund.state = state;
        }
        let all_went_back = payment.refunds().all(|it| it.state == RefundState::Refunded);
        let order = self.order_mut(order);
        let paid_by_it = order.payment == Some(id);
        if all_went_back && order.state == OrderState::Cancelled && paid_by_it {
            order.state = OrderState::Refunded;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tables::check;

    /// A table that starts with alice's order o1 of A-1-1 and A-1-2 for 200.
    #[track_caller]
    fn check_order(table: &str) {
        check(&format!(
            "alice seats A-1-1 A-1-2 => held h1 A-1-1 A-1-2 200 asasked
             alice order h1          => placed o1 200
             {table}"
        ));
    }

    #[test]
    fn a_captured_payment_confirms_the_order() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             alice  pay o1 200       => refused payment_in_progress
             alice  cancel o1        => refused payment_in_progress
             system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2
             system captured p1 200  => refused payment_already_settled
             system declined p1      => refused payment_already_settled
             alice  pay o1 200       => refused order_already_confirmed
             bob    seats A-1-1      => refused seat_already_sold@0
             after 99999999          => nothing",
        );
    }

    #[test]
    fn who_pays_must_own_the_order_and_know_its_price() {
        check_order(
            "bob    pay o1 200       => refused order_owned_by_another
             alice  pay none 200     => refused order_unknown
             alice  pay o1 199       => refused amount_mismatch
             alice  pay o1 201       => refused amount_mismatch
             system captured none 1  => refused payment_unknown
             alice  pay o1 200       => requested p1 200",
        );
    }

    #[test]
    fn a_declined_payment_can_be_tried_again() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system declined p1      => declined p1 REJECT
             system declined p1      => refused payment_already_settled
             alice  pay o1 200       => refused payment_key_reused
             alice  pay o1 200 key2  => requested p2 200
             system declined p2      => declined p2 REJECT
             alice  pay o1 200       => refused payment_key_reused
             alice  pay o1 200 key3  => requested p3 200
             system captured p3 200  => captured p3 200, confirmed o1 A-1-1 A-1-2",
        );
    }

    #[test]
    fn money_after_a_decline_confirms_an_order_that_still_waits() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system declined p1      => declined p1 REJECT
             system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2",
        );
    }

    #[test]
    fn money_of_two_attempts_is_kept_once() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system declined p1      => declined p1 REJECT
             alice  pay o1 200 key2  => requested p2 200
             system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2
             system captured p2 200  => captured p2 200, refund r1 200 duplicatecapture
             system refunded r1 200  => refunded r1 200
             system refunded r1 200  => refused refund_not_pending
             alice  pay o1 200       => refused order_already_confirmed",
        );
    }

    #[test]
    fn money_that_comes_late_is_seated_again_when_the_seats_are_free() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system declined p1      => declined p1 REJECT
             after 60000             => cancelled o1 expired
             system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2 again
             bob    seats A-1-2      => refused seat_already_sold@0",
        );
    }

    #[test]
    fn money_that_comes_late_goes_back_when_a_seat_is_gone() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system declined p1      => declined p1 REJECT
             after 60000             => cancelled o1 expired
             bob    seats A-1-2      => held h2 A-1-2 100 asasked
             system captured p1 200  => captured p1 200, refund r1 200 latecapture
             system refunded r1 200  => refunded r1 200
             alice  pay o1 200       => refused order_already_refunded",
        );
    }

    #[test]
    fn money_that_comes_late_goes_back_when_the_account_is_at_its_limit() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system declined p1      => declined p1 REJECT
             after 60000             => cancelled o1 expired
             alice  floor FLOOR:3    => held h2 FLOOR:3 90 asasked
             system captured p1 200  => captured p1 200, refund r1 200 latecapture",
        );
    }

    #[test]
    fn money_for_an_order_that_was_given_up_goes_back() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system declined p1      => declined p1 REJECT
             alice  cancel o1        => cancelled o1 bybuyer
             system captured p1 200  => captured p1 200, refund r1 200 latecapture
             system unrefunded r1    => unrefunded r1 CLOSED
             alice  cancel o1        => refused order_already_cancelled",
        );
    }

    #[test]
    fn money_in_the_wrong_amount_goes_back_and_the_order_waits() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system captured p1 150  => captured p1 150, refund r1 150 amountmismatch
             alice  pay o1 200 key2  => requested p2 200
             system captured p2 200  => captured p2 200, confirmed o1 A-1-1 A-1-2
             system refunded r1 150  => refunded r1 150",
        );
    }

    #[test]
    fn a_cancelled_order_is_refunded_and_its_seats_are_free_at_once() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2
             bob    cancel o1        => refused order_owned_by_another
             alice  cancel o1        => cancelled o1 bybuyer, refund r1 200 ordercancelled
             bob    seats A-1-1      => held h2 A-1-1 100 asasked
             alice  cancel o1        => refused order_already_cancelled
             system refunded r1 200  => refunded r1 200
             alice  cancel o1        => refused order_already_refunded",
        );
    }

    #[test]
    fn a_refund_of_another_amount_needs_a_hand() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2
             alice  cancel o1        => cancelled o1 bybuyer, refund r1 200 ordercancelled
             system refunded r1 100  => unrefunded r1 REFUNDED_ANOTHER_AMOUNT",
        );
    }

    #[test]
    fn a_paid_order_is_not_given_up_once_the_performance_has_begun() {
        check_order(
            "alice  pay o1 200       => requested p1 200
             system captured p1 200  => captured p1 200, confirmed o1 A-1-1 A-1-2
             after 10000000          => nothing
             alice  cancel o1        => refused performance_started",
        );
    }

    #[test]
    fn an_order_that_costs_nothing_is_confirmed_at_once() {
        check(
            "alice seats FREE-1-1  => held h1 FREE-1-1 0 asasked
             alice order h1        => placed o1 0, confirmed o1 FREE-1-1
             alice pay o1 0        => refused order_already_confirmed
             alice cancel o1       => cancelled o1 bybuyer
             bob   seats FREE-1-1  => held h2 FREE-1-1 0 asasked",
        );
    }
}
