//! Points: the wallet of an account, and the rule by which an order earns them.
//!
//! A point is worth one minor unit of its currency. Points lie in lots, which expire; they are
//! spent from the oldest lot on. Variant and field numbers are part of the log and never change
//! their meaning.

use minicbor::{Decode, Encode};

use crate::coupon::BASIS_POINTS;
use crate::ids::{AccountId, LotId, OrderId, PerformanceId};
use crate::money::Money;
use crate::outcome::Outcome;
use crate::partition::Slot;
use crate::time::Timestamp;

/// What orders of one performance earn, and what becomes of points when they are refunded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PointsRule {
    /// The share of what was paid in money that comes back as points, of [`BASIS_POINTS`],
    /// rounded down to a point.
    #[n(0)]
    pub earned_basis_points: u16,
    /// Days for which points that were earned last.
    #[n(1)]
    pub earned_days: u16,
    /// Days for which points last that come back with a refund.
    #[n(2)]
    pub restored_days: u16,
}

impl PointsRule {
    /// Whether the numbers can be meant.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.earned_basis_points <= BASIS_POINTS && self.earned_days > 0 && self.restored_days > 0
    }
}

/// What somebody asks about points.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PointsIntent {
    /// A promoter says what orders of a performance earn from now on.
    #[n(1)]
    SetPointsRule {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The rule.
        #[n(1)]
        rule: PointsRule,
    },
    /// An operator or a promoter gives points away.
    #[n(2)]
    GrantPoints {
        /// To whom.
        #[n(0)]
        account: AccountId,
        /// How many.
        #[n(1)]
        amount: Money,
        /// Until when.
        #[n(2)]
        expires_at: Timestamp,
    },
}

impl PointsIntent {
    /// The slot of the intent's key.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::SetPointsRule { performance, .. } => Slot::of(*performance),
            Self::GrantPoints { account, .. } => Slot::of_account(*account),
        }
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetPointsRule { .. } => "set_points_rule",
            Self::GrantPoints { .. } => "grant_points",
        }
    }
}

/// Where points came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PointsSource {
    /// They were given away.
    #[n(1)]
    Granted,
    /// The order earned them.
    #[n(2)]
    Earned(#[n(0)] OrderId),
    /// The order was paid with them, and was refunded.
    #[n(3)]
    Restored(#[n(0)] OrderId),
}

/// Points of one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LotPart {
    /// The lot.
    #[n(0)]
    pub lot: LotId,
    /// How many.
    #[n(1)]
    pub minor: i64,
}

/// What was decided about points.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PointsOutcome {
    /// Orders of a performance earn points by another rule.
    #[n(1)]
    RuleSet {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The rule.
        #[n(1)]
        rule: PointsRule,
    },
    /// Points came into a wallet. What the wallet owed is taken off at once; a lot of the rest.
    #[n(2)]
    Credited {
        /// Whose wallet.
        #[n(0)]
        account: AccountId,
        /// The lot.
        #[n(1)]
        lot: LotId,
        /// How many points came.
        #[n(2)]
        amount: Money,
        /// How many of them paid what the wallet owed.
        #[n(3)]
        debt_paid_minor: i64,
        /// When the rest expires.
        #[n(4)]
        expires_at: Timestamp,
        /// Where they came from.
        #[n(5)]
        source: PointsSource,
    },
    /// Points are kept for an order.
    #[n(3)]
    Reserved {
        /// Whose.
        #[n(0)]
        account: AccountId,
        /// For which order.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
        /// Of which lots, the oldest first.
        #[n(3)]
        parts: Vec<LotPart>,
    },
    /// The order is confirmed: the points that were kept for it are spent.
    #[n(4)]
    Committed {
        /// Whose.
        #[n(0)]
        account: AccountId,
        /// For which order.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
    },
    /// The order died: the points that were kept for it are back in their lots.
    #[n(5)]
    Released {
        /// Whose.
        #[n(0)]
        account: AccountId,
        /// By which order.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
        /// How many of them, from the oldest lot on, paid what the wallet owed.
        #[n(3)]
        debt_paid_minor: i64,
    },
    /// The order was refunded: what it earned is taken back.
    #[n(6)]
    TakenBack {
        /// From whom.
        #[n(0)]
        account: AccountId,
        /// What which order earned.
        #[n(1)]
        order: OrderId,
        /// How many.
        #[n(2)]
        amount: Money,
        /// Of which lots, the oldest first.
        #[n(3)]
        parts: Vec<LotPart>,
        /// What was spent meanwhile: the wallet owes it, and the next points that come pay it.
        #[n(4)]
        debt_minor: i64,
    },
    /// Time ran out for what is left of a lot.
    #[n(7)]
    Expired {
        /// Whose.
        #[n(0)]
        account: AccountId,
        /// The lot.
        #[n(1)]
        lot: LotId,
        /// How many.
        #[n(2)]
        amount: Money,
    },
}

impl From<PointsOutcome> for Outcome {
    fn from(outcome: PointsOutcome) -> Self {
        Self::Points(outcome)
    }
}
