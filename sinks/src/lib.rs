//! What leaves boxoffice: rows in Postgres, results for consumers, and money at the payment provider.
//!
//! A sink is a fold of the outcomes topic. It knows the log and the vocabulary and nothing of how
//! decisions are made or served; it never writes to the outcomes topic and never delays a sale.

mod causal;
mod lag;
pub mod metric_definitions;
pub mod payments;
mod pending;
pub mod postgres;
pub mod progress;
#[cfg(feature = "fluvio")]
pub mod results;
pub mod retry;
pub mod runner;
