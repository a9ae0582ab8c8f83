//! Points: the wallet of an account, at a key of its own.
//!
//! ```text
//! lot:  free -> reserved -> spent        the order was confirmed
//!         ^  \      |
//!         |   \     +--------> free      the order died
//!         |    +-> expired               at a tick; what is reserved expires when it is free
//!         +------ taken back             what a refunded order had earned
//! ```
//! Lots are spent first in, first out. A wallet is never below zero: what it cannot give back it
//! owes, and the next points that come pay that first.
//!
//! - INV-8: every point of a lot is free, reserved, or gone, and gone once: spent, expired, taken
//!   back, or as payment of what the wallet owed.

mod serve;
mod wallet;

use boxoffice_topics::points::PointsSource;
use boxoffice_topics::{
    AccountId, LotId, Money, Outcome, PerformanceId, PointsIntent, PointsOutcome, PointsRule,
    Refusal, RefusalCode, Timestamp,
};

pub(crate) use serve::{commit, release, reserve, taken_back};
pub use wallet::{Lot, Wallet};
pub(crate) use wallet::{PointsHeld, Wallets};

use crate::decide::Asked;
use crate::state::State;
use crate::tick::FACTS_PER_TICK_MAX;

/// Lots in one wallet, before it takes no more gifts: an order looks at all of them. What orders
/// earn or give back comes in at any number.
pub(crate) const WALLET_LOTS_MAX: usize = 250;
/// Lots that one order takes from, or one refund: each is named in the step, which is one record.
pub(crate) const PARTS_MAX: usize = 500;
/// Days for which points last that come back with a refund, where the promoter has set no rule: a
/// month, in which to buy another ticket.
pub(crate) const RESTORED_DAYS_DEFAULT: u16 = 30;

pub(crate) fn decide_points(asked: &Asked<'_>, intent: &PointsIntent) -> Result<Outcome, Refusal> {
    match intent {
        PointsIntent::SetPointsRule { performance, rule } => set_rule(asked, *performance, *rule),
        PointsIntent::GrantPoints { account, amount, expires_at } => {
            grant(asked, *account, *amount, *expires_at)
        }
    }
}

fn set_rule(
    asked: &Asked<'_>,
    performance: PerformanceId,
    rule: PointsRule,
) -> Result<Outcome, Refusal> {
    let performance = asked.performance(performance)?.id();
    if !rule.is_valid() {
        return Err(RefusalCode::PointsInvalid.into());
    }
    Ok(PointsOutcome::RuleSet { performance, rule }.into())
}

fn grant(
    asked: &Asked<'_>,
    account: AccountId,
    amount: Money,
    expires_at: Timestamp,
) -> Result<Outcome, Refusal> {
    if !(1..=Money::MINOR_MAX).contains(&amount.minor) || expires_at <= asked.now {
        return Err(RefusalCode::PointsInvalid.into());
    }
    let lots = asked.state.wallet(account).map_or(0, |wallet| wallet.lots().len());
    if lots >= WALLET_LOTS_MAX {
        return Err(RefusalCode::WalletLimitReached.into());
    }
    Ok(credited(asked, account, amount, expires_at, PointsSource::Granted))
}

/// Points that come into a wallet: first they pay what it owes.
pub(crate) fn credited(
    asked: &Asked<'_>,
    account: AccountId,
    amount: Money,
    expires_at: Timestamp,
    source: PointsSource,
) -> Outcome {
    let owed = asked.state.wallet(account).map_or(0, |wallet| wallet.owes(amount.currency));
    let (lot, debt_paid_minor) = (LotId(asked.intent()), owed.min(amount.minor));
    PointsOutcome::Credited { account, lot, amount, debt_paid_minor, expires_at, source }.into()
}

/// Pushes the expiry of free points whose deadline this is. What a tick has no room for stays due.
pub(crate) fn expire(
    asked: &Asked<'_>,
    account: AccountId,
    deadline: Timestamp,
    outcomes: &mut Vec<Outcome>,
) {
    let lots = asked.state.wallet(account).map_or(&[][..], Wallet::lots);
    let due = lots.iter().filter(|lot| lot.expires_at == deadline && lot.free.minor > 0);
    let due = due.take(FACTS_PER_TICK_MAX.saturating_sub(outcomes.len()));
    outcomes.extend(due.map(|lot| {
        let (lot, amount) = (lot.id, lot.free);
        Outcome::from(PointsOutcome::Expired { account, lot, amount })
    }));
}

impl State {
    /// The wallet of an account, when it lives in this partition and ever had points.
    #[must_use]
    pub fn wallet(&self, account: AccountId) -> Option<&Wallet> {
        self.wallets.get(account)
    }

    /// Applies an outcome and returns whether a timer may have lost its meaning.
    pub(crate) fn apply_points(&mut self, outcome: &PointsOutcome) -> bool {
        if let PointsOutcome::RuleSet { performance, rule } = outcome {
            self.performance_mut(*performance).points_rule = Some(*rule);
            return false;
        }
        self.wallets.apply(outcome, &mut self.timers);
        true
    }
}

#[cfg(test)]
mod tests;
