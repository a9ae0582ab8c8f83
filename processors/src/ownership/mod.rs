//! Who should own what: leases in the database that the processes of one log share.
//!
//! A lease says who should decide a partition; that nobody else's outcomes count is the log's
//! business, which fences an old writer. So two owners at once are harmless, and a lease may be as
//! simple as it is here: a node shows every second that it lives, and what it owns is its own until
//! it gives it back or was not seen for the length of a lease. All of it is decided in the database,
//! by the database's clock (`migrations/0001_leases.sql`).
//!
//! While the database is away nothing changes hands (decision 23).

mod held;
mod holders;
mod leases;
mod turn;

use std::time::Duration;

pub use self::holders::{Holder, Owner, holders};
pub use self::leases::Leases;

/// What is leased. Each kind has its own nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Partitions: who decides their intents.
    Processor,
    /// The sinks of the log, as one thing with number 0: who writes, while others stand by.
    Sinks,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Processor, Self::Sinks];

    /// The name in the database. It never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Sinks => "sinks",
        }
    }
}

/// The shortest lease: a turn takes milliseconds, but a busy machine has been seen to pause for
/// a good part of a second.
const LEASE_MIN: Duration = Duration::from_secs(1);
/// Turns in the length of a lease: some may be late or lost, and nobody is taken for dead.
const TURNS_PER_LEASE: u32 = 6;
/// A turn that takes longer than this part of a lease has failed, so that there is time for others.
const ANSWERS_PER_LEASE: u32 = 3;

/// How long a node may be silent before others take what it owns.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTerms {
    lease: Duration,
}

impl LeaseTerms {
    /// Leases of this length, or of the shortest that is sensible. All nodes of a log should have
    /// the same.
    #[must_use]
    pub fn new(lease: Duration) -> Self {
        Self { lease: lease.max(LEASE_MIN) }
    }

    /// The length of a lease.
    #[must_use]
    pub const fn lease(self) -> Duration {
        self.lease
    }

    /// The time between two turns of a node.
    #[must_use]
    pub fn renewal_interval(self) -> Duration {
        self.lease / TURNS_PER_LEASE
    }

    fn answer_timeout(self) -> Duration {
        self.lease / ANSWERS_PER_LEASE
    }
}

impl Default for LeaseTerms {
    /// Six seconds: a crashed owner is replaced before buyers go away, and a pause of the machine
    /// or of the network is usually shorter.
    fn default() -> Self {
        Self::new(Duration::from_secs(6))
    }
}

/// What this node should begin or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This node is the owner from now on: recover and begin.
    Gained {
        /// Of which number.
        number: u16,
        /// One more than that of the owner before.
        epoch: u64,
    },
    /// This node should not be the owner any more: end, then [`Leases::give_back`].
    Lost {
        /// Of which number.
        number: u16,
        /// Why.
        why: LossReason,
    },
}

/// Why something is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// Another node has less than its share. It gets this one when it was given back.
    Share,
    /// This node was silent for too long: another node may be the owner already.
    Expired,
}
