//! Result topics: what was decided, topic by topic, for consumers that do not speak the internal
//! codec. What a record says is none of this module's business: it keeps bytes, in batches that are
//! there whole or not at all, and never writes what follows a batch whose fate it does not know.
//!
//! Unlike the log these topics hold nothing that cannot be made again.

mod topics;
mod writer;

pub use self::topics::{create, describe, prepare};
pub use self::writer::{PartitionRecords, ResultWriter};

use super::config::FluvioConfig;

/// One of the topics for consumers. Their order is part of nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResultTopic {
    /// Performances, their sales and who holds which places.
    Seats,
    /// Orders, from placed to given back.
    Orders,
    /// Money that is taken, given back and posted.
    Payments,
    /// Campaigns, coupons and points.
    Coupons,
    /// Waiting rooms.
    Admissions,
    /// Tickets that change hands or are shown at the door.
    Tickets,
}

impl ResultTopic {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Seats, Self::Orders, Self::Payments, Self::Coupons, Self::Admissions, Self::Tickets];

    /// The topic's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seats => "seats",
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Coupons => "coupons",
            Self::Admissions => "admissions",
            Self::Tickets => "tickets",
        }
    }

    /// The topic of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// The topic's name in the cluster.
    #[must_use]
    pub fn name_in(self, config: &FluvioConfig) -> String {
        format!("{}-{}", config.prefix, self.name())
    }
}
