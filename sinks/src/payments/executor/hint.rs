//! Hints: somebody says that a payment has changed, and the provider is asked.
//!
//! Nothing that a hint says is believed. It names a payment, and only one that the log knows is
//! looked up, so a stranger who posts hints cannot make us ask for what he pleases.

use boxoffice_topics::{OrderId, PaymentId};
use tokio::sync::oneshot;

use super::ResultIntents;
use super::turn::{Caller, Capture, judge_capture};
use crate::payments::metric_definitions;
use crate::payments::provider::{Fault, PaymentProvider};

/// Finds the attempts of an order, as the released outcomes have them.
pub trait PaymentLookup: Send + Sync + 'static {
    /// The attempt to pay this order with this payment key, when there is one that has not been
    /// captured.
    fn payment_by_key(&self, order: OrderId, payment_key: &str) -> Option<PaymentId>;
}

impl<F> PaymentLookup for F
where
    F: Fn(OrderId, &str) -> Option<PaymentId> + Send + Sync + 'static,
{
    fn payment_by_key(&self, order: OrderId, payment_key: &str) -> Option<PaymentId> {
        self(order, payment_key)
    }
}

/// What came of a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintAnswer {
    /// The log has no such attempt, or has its capture already.
    Unknown,
    /// The attempt has no result yet; it is looked at now.
    Hurried,
    /// The provider did not take the money.
    NothingCaptured,
    /// The provider took the money, and the log has it.
    Captured,
}

impl HintAnswer {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Hurried => "hurried",
            Self::NothingCaptured => "nothing_captured",
            Self::Captured => "captured",
        }
    }
}

/// The hint should come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// Too many hints at the same time.
    #[error("too many hints are being looked at")]
    Busy,
    /// The provider could not be asked.
    #[error("ask the provider: {0}")]
    Provider(#[from] Fault),
    /// The executor has stopped.
    #[error("the payment executor has stopped")]
    Stopped,
}

pub(super) type HintResult = Result<HintAnswer, HintError>;

/// A hint with the way back to whoever gave it.
pub(super) struct Hint {
    pub(super) payment_key: Box<str>,
    pub(super) order_id: Box<str>,
    pub(super) reply: oneshot::Sender<HintResult>,
}

/// A hint about an attempt that the log knows.
pub(super) struct KnownHint {
    pub(super) hint: Hint,
    pub(super) order: OrderId,
    pub(super) payment: PaymentId,
}

impl Hint {
    /// Tells whoever gave the hint.
    pub(super) fn answer(self, result: HintResult) {
        metric_definitions::hint(result.map_or("failed", HintAnswer::as_str));
        if self.reply.send(result).is_err() {
            tracing::debug!("whoever gave a hint has gone");
        }
    }
}

impl<P: PaymentProvider, R: ResultIntents> Caller<P, R> {
    /// Asks the provider and hands a capture in.
    pub(super) async fn take_hint(&self, known: KnownHint) {
        let result = self.look_at(&known).await;
        known.hint.answer(result);
    }

    async fn look_at(&self, known: &KnownHint) -> HintResult {
        let order_id = self.naming.provider_order_id(known.order);
        let Some(truth) = self.find(&known.hint.payment_key, &order_id).await? else {
            return Ok(HintAnswer::NothingCaptured);
        };
        // The amount matters only while a payment is open, and then there is nothing to do.
        match judge_capture(&truth, &order_id, truth.total) {
            Some(result @ Capture::Captured(_)) => {
                let handed_in = self.hand_in_capture(known.payment, result).await;
                handed_in.map(|_| HintAnswer::Captured).ok_or(HintError::Stopped)
            }
            Some(Capture::Declined(_)) | None => Ok(HintAnswer::NothingCaptured),
        }
    }
}
