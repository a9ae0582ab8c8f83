//! One look at one effect: ask what is true if the request may have been sent, send it if it is
//! still open, and hand the result in.
//!
//! The rule that must hold: a result is handed in only when the provider's books or its final
//! answer say so, and the same effect never goes out under two idempotency keys.

use boxoffice_topics::intent::{PaymentResult, RefundResult};
use boxoffice_topics::outcome::{EffectName, ProviderCode, RefundReason};
use boxoffice_topics::{Intent, Money, PaymentId};

use super::config::ExecutorConfig;
use super::{ResultIntents, SubmitError};
use crate::payments::effect::{Effect, Subject};
use crate::payments::metric_definitions;
use crate::payments::naming::{Naming, ResultKind};
use crate::payments::provider::{
    CaptureAnswer, CaptureRequest, Fault, PaymentProvider, ProviderPayment, ProviderState,
    RefundAnswer, RefundRequest, provider_code,
};

/// What a payment that was authenticated for something else is declined with.
const CODE_ORDER_MISMATCH: &str = "ORDER_MISMATCH";
/// What a payment that was authenticated for another amount is declined with.
const CODE_AMOUNT_MISMATCH: &str = "AMOUNT_MISMATCH";
/// What a payment whose money went back already is declined with.
const CODE_CANCELED: &str = "CANCELED";
/// What a refund fails with when other refunds have left nothing of the payment.
const CODE_NOTHING_LEFT: &str = "ALREADY_CANCELED_PAYMENT";

/// Asks the provider and hands results in.
pub(super) struct Caller<P, R> {
    pub(super) provider: P,
    pub(super) results: R,
    pub(super) naming: Naming,
    pub(super) config: ExecutorConfig,
}

/// How a turn ended.
pub(super) enum TurnEnd {
    /// The result is in the log.
    Settled(ResultKind),
    /// The truth is unknown.
    Unknown(Fault),
    /// The log takes no more intents.
    Stopped,
}

/// What became of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    Captured(Money),
    Declined(ProviderCode),
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refund {
    Refunded(Money),
    Failed(ProviderCode),
}

impl<P: PaymentProvider, R: ResultIntents> Caller<P, R> {
    /// Takes one turn.
    pub(super) async fn turn(&self, effect: &Effect, asked_before: bool) -> TurnEnd {
        let handed_in = match effect {
            Effect::Capture { payment, .. } => match self.capture(effect, asked_before).await {
                Ok(result) => self.hand_in_capture(*payment, result).await,
                Err(fault) => return TurnEnd::Unknown(fault),
            },
            Effect::Refund { name, payment, .. } => match self.refund(effect, asked_before).await {
                Ok(result) => self.hand_in_refund(*name, *payment, result).await,
                Err(fault) => return TurnEnd::Unknown(fault),
            },
        };
        handed_in.map_or(TurnEnd::Stopped, TurnEnd::Settled)
    }

    async fn capture(&self, effect: &Effect, asked_before: bool) -> Result<Capture, Fault> {
        let Effect::Capture { name, order, amount, payment_key, .. } = effect else {
            unreachable!("only captures are captured")
        };
        let order_id = self.naming.provider_order_id(*order);
        if asked_before {
            let truth = self.find(payment_key, &order_id).await?;
            if let Some(result) = truth.and_then(|it| judge_capture(&it, &order_id, *amount)) {
                return Ok(result);
            }
        }
        let idempotency_key = self.naming.idempotency_key(*name);
        let request = CaptureRequest {
            payment_key,
            order_id: &order_id,
            amount: *amount,
            idempotency_key: &idempotency_key,
        };
        let code = match self.provider.confirm(request).await {
            CaptureAnswer::Captured { amount } => return Ok(Capture::Captured(amount)),
            CaptureAnswer::Unknown(fault) => return Err(fault),
            CaptureAnswer::Declined { code } => code,
        };
        // A repeated request may be declined because its twin went through.
        if asked_before {
            let truth = self.find(payment_key, &order_id).await?;
            if let Some(result) = truth.and_then(|it| judge_capture(&it, &order_id, *amount)) {
                return Ok(result);
            }
        }
        Ok(Capture::Declined(code))
    }

    async fn refund(&self, effect: &Effect, asked_before: bool) -> Result<Refund, Fault> {
        let Effect::Refund { name, order, amount, payment_key, reason, .. } = effect else {
            unreachable!("only refunds are refunded")
        };
        let order_id = self.naming.provider_order_id(*order);
        let idempotency_key = self.naming.idempotency_key(*name);
        let reason = refund_reason(*reason, &idempotency_key);
        if asked_before {
            let truth = self.find(payment_key, &order_id).await?;
            if let Some(result) = truth.and_then(|it| judge_refund(&it, &reason, *amount)) {
                return Ok(result);
            }
        }
        let request = RefundRequest {
            payment_key,
            amount: *amount,
            reason: &reason,
            idempotency_key: &idempotency_key,
        };
        match self.provider.cancel(request).await {
            RefundAnswer::Refunded { amount } => Ok(Refund::Refunded(amount)),
            RefundAnswer::Unknown(fault) => Err(fault),
            RefundAnswer::Refused { code } => {
                let truth = self.find(payment_key, &order_id).await?;
                let result = truth.and_then(|it| judge_refund(&it, &reason, *amount));
                Ok(result.unwrap_or(Refund::Failed(code)))
            }
        }
    }

    /// The payment of this key. An order can have been tried with several payments, so one that
    /// is found by order counts only when it has the key.
    pub(super) async fn find(
        &self,
        payment_key: &str,
        order_id: &str,
    ) -> Result<Option<ProviderPayment>, Fault> {
        if let Some(payment) = self.provider.find_by_payment_key(payment_key).await? {
            return Ok(Some(payment));
        }
        let by_order = self.provider.find_by_order_id(order_id).await?;
        Ok(by_order.filter(|payment| &*payment.payment_key == payment_key))
    }

    /// Hands in what became of a capture; `None` when the log takes no more intents.
    pub(super) async fn hand_in_capture(
        &self,
        payment: PaymentId,
        result: Capture,
    ) -> Option<ResultKind> {
        let (kind, result) = match &result {
            Capture::Captured(amount) => {
                (ResultKind::Captured, PaymentResult::Captured { amount: *amount })
            }
            Capture::Declined(code) => (ResultKind::Declined, PaymentResult::Declined { code }),
        };
        let intent = Intent::RecordPaymentResult { payment, result };
        self.hand_in(intent, Subject::Capture(payment), kind).await
    }

    async fn hand_in_refund(
        &self,
        refund: EffectName,
        payment: PaymentId,
        result: Refund,
    ) -> Option<ResultKind> {
        let (kind, result) = match &result {
            Refund::Refunded(amount) => {
                (ResultKind::Refunded, RefundResult::Refunded { amount: *amount })
            }
            Refund::Failed(code) => (ResultKind::Failed, RefundResult::Failed { code }),
        };
        let intent = Intent::RecordRefundResult { payment, refund, result };
        self.hand_in(intent, Subject::Refund(refund), kind).await
    }

    async fn hand_in(
        &self,
        intent: Intent<'_>,
        subject: Subject,
        kind: ResultKind,
    ) -> Option<ResultKind> {
        let key = self.naming.result_key(subject, kind);
        let mut backoff = self.config.submit_backoff();
        loop {
            match self.results.submit(intent.clone(), key).await {
                Ok(()) => return Some(kind),
                Err(SubmitError::Stopped) => return None,
                Err(SubmitError::Busy) => metric_definitions::submit_retried(),
            }
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
}

/// What the provider's books say about a capture; `None` when it is still open.
pub(super) fn judge_capture(
    payment: &ProviderPayment,
    order_id: &str,
    amount: Money,
) -> Option<Capture> {
    let declined = |code| Some(Capture::Declined(provider_code(code)));
    // Somebody else's money must never pay this order.
    if &*payment.order_id != order_id {
        return declined(CODE_ORDER_MISMATCH);
    }
    match &payment.state {
        ProviderState::Captured => Some(Capture::Captured(payment.balance)),
        ProviderState::Refunded => declined(CODE_CANCELED),
        ProviderState::Ended { code } => Some(Capture::Declined(*code)),
        // The provider captures what was authenticated or nothing, so this can only end badly.
        ProviderState::Open if payment.total != amount => declined(CODE_AMOUNT_MISMATCH),
        ProviderState::Open => None,
    }
}

/// What the provider's books say about a refund; `None` when it has not happened.
fn judge_refund(payment: &ProviderPayment, reason: &str, amount: Money) -> Option<Refund> {
    if let Some(ours) = payment.refunds.iter().find(|refund| &*refund.reason == reason) {
        return Some(Refund::Refunded(ours.amount));
    }
    match payment.state {
        // Somebody gave everything back by hand: the buyer has the money.
        ProviderState::Refunded if payment.total == amount => Some(Refund::Refunded(amount)),
        ProviderState::Refunded => Some(Refund::Failed(provider_code(CODE_NOTHING_LEFT))),
        _ => None,
    }
}

/// The reason that the provider keeps: it carries the refund's name, by which the refund is
/// found again among others of the same amount.
fn refund_reason(reason: RefundReason, idempotency_key: &str) -> String {
    let reason = match reason {
        RefundReason::OrderCancelled => "order cancelled",
        RefundReason::LateCapture => "paid too late",
        RefundReason::DuplicateCapture => "paid twice",
        RefundReason::AmountMismatch => "another amount was paid",
        RefundReason::PerformanceCancelled => "performance cancelled",
        RefundReason::TicketsRefunded => "tickets given back",
    };
    format!("{reason} ({idempotency_key})")
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::Currency;

    use super::*;
    use crate::payments::provider::ProviderRefund;

    fn won(minor: i64) -> Money {
        Money::new(minor, Currency::KRW)
    }

    fn payment(state: ProviderState, total: i64, balance: i64) -> ProviderPayment {
        ProviderPayment {
            payment_key: "k".into(),
            order_id: "ours".into(),
            state,
            total: won(total),
            balance: won(balance),
            refunds: Vec::new(),
        }
    }

    #[test]
    fn a_capture_is_judged_by_the_books() {
        let ended = ProviderState::Ended { code: provider_code("REJECT_CARD_PAYMENT") };
        let declined = |code| Some(Capture::Declined(provider_code(code)));
        let captured = |minor| Some(Capture::Captured(won(minor)));
        let table = [
            (payment(ProviderState::Captured, 100, 100), "ours", captured(100)),
            (payment(ProviderState::Captured, 90, 90), "ours", captured(90)),
            (payment(ProviderState::Captured, 100, 40), "ours", captured(40)),
            (payment(ProviderState::Captured, 100, 100), "other", declined("ORDER_MISMATCH")),
            (payment(ProviderState::Refunded, 100, 0), "ours", declined("CANCELED")),
            (payment(ended, 100, 100), "ours", declined("REJECT_CARD_PAYMENT")),
            (payment(ProviderState::Open, 90, 90), "ours", declined("AMOUNT_MISMATCH")),
            (payment(ProviderState::Open, 100, 100), "ours", None),
        ];
        for (payment, order_id, expected) in table {
            assert_eq!(judge_capture(&payment, order_id, won(100)), expected, "{payment:?}");
        }
    }

    #[test]
    fn a_refund_is_found_by_its_name_or_by_nothing_being_left() {
        let mut captured = payment(ProviderState::Captured, 100, 40);
        captured.refunds.push(ProviderRefund { reason: "by hand".into(), amount: won(60) });
        assert_eq!(judge_refund(&captured, "ours", won(60)), None);
        captured.refunds.push(ProviderRefund { reason: "ours".into(), amount: won(40) });
        assert_eq!(judge_refund(&captured, "ours", won(40)), Some(Refund::Refunded(won(40))));
        let refunded = payment(ProviderState::Refunded, 100, 0);
        assert_eq!(judge_refund(&refunded, "ours", won(100)), Some(Refund::Refunded(won(100))));
        let nothing_left = Refund::Failed(provider_code("ALREADY_CANCELED_PAYMENT"));
        assert_eq!(judge_refund(&refunded, "ours", won(60)), Some(nothing_left));
    }
}
