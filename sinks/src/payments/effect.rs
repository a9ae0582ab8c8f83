//! Effects: what the core asks the executor to do, as plain data.
//!
//! Knows the outcomes that ask for an effect and those that settle one; knows no provider.

use std::fmt;

use boxoffice_topics::outcome::{EffectName, RefundReason};
use boxoffice_topics::{Money, OrderId, Outcome, PartitionId, PaymentId, ScalingOutcome, Step};

/// Money to be moved.
#[derive(Clone, PartialEq, Eq)]
pub enum Effect {
    /// Take the money.
    Capture {
        /// The outcome that asks.
        name: EffectName,
        /// The attempt.
        payment: PaymentId,
        /// The order that it pays.
        order: OrderId,
        /// How much.
        amount: Money,
        /// The provider's name for the authenticated payment.
        payment_key: Box<str>,
    },
    /// Give the money back.
    Refund {
        /// The outcome that asks, which is the refund's own name.
        name: EffectName,
        /// The payment to give back.
        payment: PaymentId,
        /// The order that it paid.
        order: OrderId,
        /// How much.
        amount: Money,
        /// The provider's name for the payment.
        payment_key: Box<str>,
        /// Why.
        reason: RefundReason,
    },
}

impl Effect {
    /// The outcome that asks.
    #[must_use]
    pub const fn name(&self) -> EffectName {
        match self {
            Self::Capture { name, .. } | Self::Refund { name, .. } => *name,
        }
    }

    /// The attempt that is captured or given back.
    #[must_use]
    pub const fn payment(&self) -> PaymentId {
        match self {
            Self::Capture { payment, .. } | Self::Refund { payment, .. } => *payment,
        }
    }

    /// The order that is paid or was paid.
    #[must_use]
    pub const fn order(&self) -> OrderId {
        match self {
            Self::Capture { order, .. } | Self::Refund { order, .. } => *order,
        }
    }

    /// What the result of this effect is filed under.
    pub(super) const fn subject(&self) -> Subject {
        match self {
            Self::Capture { payment, .. } => Subject::Capture(*payment),
            Self::Refund { name, .. } => Subject::Refund(*name),
        }
    }
}

impl fmt::Debug for Effect {
    /// Leaves the payment key out: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Capture { .. } => "Capture",
            Self::Refund { .. } => "Refund",
        };
        f.debug_struct(kind)
            .field("name", &self.name())
            .field("payment", &self.payment())
            .finish_non_exhaustive()
    }
}

/// What a result is about. There is one capture for each payment, and a refund has its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    Capture(PaymentId),
    Refund(EffectName),
}

/// What an outcome means for the executor.
pub(super) enum Change {
    Requested(Effect),
    Settled(Subject),
    /// Slots go to this partition, which may have just come.
    Receiver(PartitionId),
}

/// What a step means for the executor, in order.
pub(super) fn changes(partition: PartitionId, step: &Step) -> impl Iterator<Item = Change> {
    let offset = step.offset;
    (0u16..).zip(&step.outcomes).filter_map(move |(index, outcome)| match outcome {
        Outcome::PaymentRequested { payment, order, amount, payment_key } => {
            Some(Change::Requested(Effect::Capture {
                name: EffectName::new(partition, offset, index),
                payment: *payment,
                order: *order,
                amount: *amount,
                payment_key: payment_key.clone(),
            }))
        }
        Outcome::RefundRequested { refund, payment, order, amount, payment_key, reason } => {
            Some(Change::Requested(Effect::Refund {
                name: *refund,
                payment: *payment,
                order: *order,
                amount: *amount,
                payment_key: payment_key.clone(),
                reason: *reason,
            }))
        }
        Outcome::PaymentCaptured { payment, .. } | Outcome::PaymentDeclined { payment, .. } => {
            Some(Change::Settled(Subject::Capture(*payment)))
        }
        Outcome::PaymentRefunded { refund, .. } | Outcome::RefundFailed { refund, .. } => {
            Some(Change::Settled(Subject::Refund(*refund)))
        }
        Outcome::Scaling(ScalingOutcome::SlotsLeft { to, .. }) => Some(Change::Receiver(*to)),
        _ => None,
    })
}
