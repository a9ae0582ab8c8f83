//! The owner of a partition: it reads intents, decides them, releases and publishes the steps,
//! lets time pass, keeps snapshots, and recovers.
//!
//! What a record means is decided in the core; how bytes become durable is the log's business;
//! who waits for a step is known to the [`Release`] observer alone.
//!
//! Invariants:
//! - A step is released only when its intent is on stable storage.
//! - The step of intent `k` is record `k` of the outcomes topic. It is published once in effect:
//!   what a crash lost is decided again to the same bytes, and what is there is compared.
//! - A snapshot never knows an intent that the log could lose.
//! - A partition that cannot be right stops, with both sides of the difference in its error.

mod checkpoint;
mod clock;
mod config;
mod database;
mod decider;
mod error;
mod follow;
mod messenger;
mod metric_definitions;
pub mod ownership;
mod partition;
mod records;
mod recover;
pub mod replay;
#[cfg(test)]
mod tests;
mod ticks;

pub use checkpoint::Checkpoints;
pub use clock::{Clock, SystemClock};
pub use config::Config;
pub use database::{DatabaseError, SharedDatabase};
pub use error::Error;
pub use follow::{Followed, Follower, follow};
pub use messenger::{Messenger, messages_begin};
pub use partition::{Finished, Partition, Release};
pub use recover::{Progress, Recovered, recover};
