//! What the executor needs of a payment provider, in words that no provider owns.
//!
//! An answer is known or it is [`Fault`]: there is no third case, and a fault never means that
//! money was or was not moved.

use std::fmt;
use std::future::Future;

use boxoffice_topics::Money;
use boxoffice_topics::outcome::{PROVIDER_CODE_BYTES_MAX, ProviderCode};

/// Take the money of an authenticated payment.
#[derive(Clone, Copy)]
pub struct CaptureRequest<'a> {
    /// The provider's name for the payment.
    pub payment_key: &'a str,
    /// Our name for the order, as the provider knows it.
    pub order_id: &'a str,
    /// How much.
    pub amount: Money,
    /// The same for every repetition of this request, and for nothing else.
    pub idempotency_key: &'a str,
}

/// Give money back.
#[derive(Clone, Copy)]
pub struct RefundRequest<'a> {
    /// The provider's name for the payment.
    pub payment_key: &'a str,
    /// How much.
    pub amount: Money,
    /// Why, in words that the provider keeps and shows.
    pub reason: &'a str,
    /// The same for every repetition of this request, and for nothing else.
    pub idempotency_key: &'a str,
}

/// The answer to a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureAnswer {
    /// The money was taken.
    Captured {
        /// How much.
        amount: Money,
    },
    /// Nothing was taken.
    Declined {
        /// The provider's code.
        code: ProviderCode,
    },
    /// The money may have been taken, or may be later.
    Unknown(Fault),
}

/// The answer to a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundAnswer {
    /// The money was given back.
    Refunded {
        /// How much.
        amount: Money,
    },
    /// The provider refuses. Whether the money went back before is for a query to say.
    Refused {
        /// The provider's code.
        code: ProviderCode,
    },
    /// The money may have been given back, or may be later.
    Unknown(Fault),
}

/// A payment as the provider's books have it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderPayment {
    /// The provider's name for it.
    pub payment_key: Box<str>,
    /// The order id that it was authenticated for.
    pub order_id: Box<str>,
    /// Where it stands.
    pub state: ProviderState,
    /// How much it was authenticated for.
    pub total: Money,
    /// How much of it has not been given back. Means nothing before a capture.
    pub balance: Money,
    /// Everything that was given back.
    pub refunds: Vec<ProviderRefund>,
}

impl fmt::Debug for ProviderPayment {
    /// Leaves the payment key out: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderPayment").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Where a payment stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// Not captured; it still can be.
    Open,
    /// Captured, nothing or a part of it given back.
    Captured,
    /// Captured, and all of it given back.
    Refunded,
    /// Not captured, and it will not be.
    Ended {
        /// The provider's reason.
        code: ProviderCode,
    },
}

/// Money that was given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRefund {
    /// The reason that was given for it.
    pub reason: Box<str>,
    /// How much.
    pub amount: Money,
}

/// Why the truth is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{}{code}", if .code.is_empty() { "" } else { ": " })]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// The provider's code; empty when there was none.
    pub code: ProviderCode,
}

/// Kinds of [`Fault`]: a bounded list, fit for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// No connection was made.
    Unreachable,
    /// No answer came in time.
    Timeout,
    /// The connection broke before the whole answer was there.
    Broken,
    /// The provider failed.
    ServerError,
    /// The provider asks us to slow down.
    RateLimited,
    /// The same request is still being worked on.
    InFlight,
    /// The provider says that only a query can tell.
    Undecided,
    /// The answer has a code that no list has.
    UnlistedCode,
    /// The answer is not of the provider's protocol, or is about another payment.
    Malformed,
    /// The provider refuses us, not the buyer: somebody must act.
    Misconfigured,
}

impl FaultKind {
    /// The kind as metrics and logs have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::ServerError => "server_error",
            Self::RateLimited => "rate_limited",
            Self::InFlight => "in_flight",
            Self::Undecided => "undecided",
            Self::UnlistedCode => "unlisted_code",
            Self::Malformed => "malformed",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// Whether somebody must act before trying again can help.
    #[must_use]
    pub const fn needs_somebody(self) -> bool {
        matches!(self, Self::Misconfigured)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self { kind, code: ProviderCode::new_const() }
    }
}

/// A provider's code, cut to what the log keeps.
#[must_use]
pub fn provider_code(code: &str) -> ProviderCode {
    let mut kept = ProviderCode::new();
    for character in code.chars().filter(|character| !character.is_control()) {
        if kept.len() + character.len_utf8() > PROVIDER_CODE_BYTES_MAX {
            break;
        }
        kept.push(character);
    }
    kept
}

/// A payment provider. Every call may be repeated with the same idempotency key.
pub trait PaymentProvider: Send + Sync + 'static {
    /// Takes the money.
    fn confirm(&self, request: CaptureRequest<'_>) -> impl Future<Output = CaptureAnswer> + Send;

    /// The payment of this name; `None` when the provider says that there is none.
    ///
    /// # Errors
    /// When the provider's books could not be read.
    fn find_by_payment_key(
        &self,
        payment_key: &str,
    ) -> impl Future<Output = Result<Option<ProviderPayment>, Fault>> + Send;

    /// The payment of this order; `None` when the provider says that there is none.
    ///
    /// # Errors
    /// When the provider's books could not be read.
    fn find_by_order_id(
        &self,
        order_id: &str,
    ) -> impl Future<Output = Result<Option<ProviderPayment>, Fault>> + Send;

    /// Gives money back.
    fn cancel(&self, request: RefundRequest<'_>) -> impl Future<Output = RefundAnswer> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_codes_are_cut_between_characters() {
        let code = provider_code(&format!("{}\n거절", "A".repeat(63)));
        assert_eq!(code.as_str(), "A".repeat(63));
        assert_eq!(provider_code("REJECT\u{7}").as_str(), "REJECT");
    }
}
