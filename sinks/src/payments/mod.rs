//! Payments: takes the money that the core asks for and reports what became of it.
//!
//! The executor runs the effects `PaymentRequested` and `RefundRequested` against a provider and
//! sends each result back as an intent. A result is either known or unknown, and an unknown one
//! is never booked as anything: the provider is asked, and then the same request is repeated with
//! the same idempotency key, for as long as it takes.
//!
//! Nothing here decides what a result means for an order; that is the core's. Payment keys and
//! secrets are never logged.

mod effect;
pub mod executor;
mod metric_definitions;
mod naming;
pub mod provider;
pub mod sandbox;
pub mod toss;

#[cfg(test)]
mod tests;

pub use effect::Effect;
pub use executor::{
    Executor, ExecutorConfig, ExecutorError, ExecutorHandle, ExecutorParts, FollowFrom, HintAnswer,
    HintError, PaymentLookup, ResultIntents, SubmitError, UnknownAttempt,
};
pub use naming::Naming;
pub use provider::{Fault, FaultKind, PaymentProvider};
