//! The result topics: every outcome that changes something for somebody, as one record of the topic
//! of its kind, for consumers that know nothing of the log.
//!
//! Each record names the one before it in its partition of its topic. A consumer that takes a record
//! when it follows the last one it took, drops it when it has a smaller name, and stops otherwise,
//! sees every outcome once and in order: a record is only ever sent when the one before it was
//! acknowledged, so whatever is sent twice, late or by two processes, is a repeat and never a hole.
//!
//! What a record looks like is said elsewhere: see [`Present`].

mod compose;
mod error;
mod kind;
mod session;
mod sink;
mod store;
mod subject;

pub use boxoffice_log::fluvio::results::ResultTopic;

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{AccountId, LogId, Outcome, PartitionId, Timestamp};

pub use self::error::Error;
pub use self::kind::topic_of;
pub use self::sink::ResultsSink;
pub use self::subject::Subject;

/// Writes records as consumers read them. The same outcome always becomes the same bytes.
pub trait Present: Default + Send + Sync {
    /// Learns an outcome that later ones are told by: a performance or a channel.
    fn learn(&mut self, outcome: &Outcome);

    /// The record of an outcome.
    fn record(&self, result: &ResultRecord<'_>) -> Vec<u8>;

    /// The first record of a partition of a topic, with which every writer begins.
    fn beginning(&self, log_id: LogId, partition: PartitionId) -> Vec<u8>;
}

/// What is to be told.
#[derive(Clone, Copy, Debug)]
pub struct ResultRecord<'a> {
    /// Whose outcome it is.
    pub log_id: LogId,
    /// The outcome's name.
    pub name: EffectName,
    /// The outcome of the record before.
    pub after: EffectName,
    /// When it was decided.
    pub time: Timestamp,
    /// Who asked; zero when nobody did.
    pub asked_by: AccountId,
    /// What the hold or the order is for that the outcome is about.
    pub subject: Option<&'a Subject>,
    /// The outcome.
    pub outcome: &'a Outcome,
}

/// The name of the first record of a partition: where the log has its genesis record.
#[must_use]
pub const fn beginning_of(partition: PartitionId) -> EffectName {
    EffectName::new(partition, boxoffice_topics::Offset::ZERO, 0)
}
