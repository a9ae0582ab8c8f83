//! What other keys are told when something becomes of an order: the coupon that reduced it, the
//! points that paid for it, and the points that it earned.

use boxoffice_topics::{AccountId, Message, Money, OrderId, Outcome, PerformanceId, Reductions};

use crate::coupon::{self, share_of};
use crate::decide::Asked;
use crate::order::Order;
use crate::points::RESTORED_DAYS_DEFAULT;

/// What becomes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is being placed, or about to be.
    Placed,
    /// It is sold.
    Confirmed,
    /// It died unsold.
    Died,
    /// It was sold, and its money goes back.
    Refunded,
}

/// An order with what reduced it.
pub(crate) struct Settled<'o> {
    pub(crate) order: OrderId,
    pub(crate) performance: PerformanceId,
    pub(crate) account: AccountId,
    pub(crate) reductions: Option<&'o Reductions>,
}

impl<'o> Settled<'o> {
    pub(crate) fn of(order: &'o Order) -> Self {
        Self {
            order: order.id,
            performance: order.performance,
            account: order.account,
            reductions: order.reductions.as_deref(),
        }
    }

    /// Pushes what its coupon and its points are told.
    pub(crate) fn push(&self, asked: &Asked<'_>, fate: Fate, outcomes: &mut Vec<Outcome>) {
        let Some(reductions) = self.reductions else { return };
        if let Some(discount) = &reductions.discount {
            coupon::settle(asked, self.performance, self.order, discount, fate, outcomes);
        }
        if let Some(amount) = reductions.points {
            self.push_points(asked, amount, fate, outcomes);
        }
    }

    /// Points are always reserved before the order is placed.
    fn push_points(
        &self,
        asked: &Asked<'_>,
        amount: Money,
        fate: Fate,
        outcomes: &mut Vec<Outcome>,
    ) {
        let &Self { order, performance, account, .. } = self;
        let message = match fate {
            Fate::Placed => return,
            Fate::Confirmed => Message::CommitPoints { account, order },
            Fate::Died => Message::ReleasePoints { account, order },
            Fate::Refunded => {
                let rule = asked.state.performance(performance).and_then(|show| show.points_rule);
                let days = rule.map_or(RESTORED_DAYS_DEFAULT, |rule| rule.restored_days);
                let expires_at = asked.now.plus_days(days);
                Message::RestorePoints { account, order, amount, expires_at }
            }
        };
        outcomes.push(Outcome::MessageSent { message });
    }
}

/// What an order earns by the rule of its performance, for the money that was paid.
pub(crate) fn earned(asked: &Asked<'_>, order: &Order) -> Option<Money> {
    let rule = asked.state.performance(order.performance)?.points_rule?;
    let minor = share_of(order.total.minor, rule.earned_basis_points.into());
    (minor > 0).then_some(Money { minor, ..order.total })
}

/// Pushes the points that an order earned.
pub(crate) fn give_earned(asked: &Asked<'_>, order: &Order, outcomes: &mut Vec<Outcome>) {
    let rule = asked.state.performance(order.performance).and_then(|show| show.points_rule);
    if let (Some(amount), Some(rule)) = (earned(asked, order), rule) {
        let expires_at = asked.now.plus_days(rule.earned_days);
        let (account, order) = (order.account, order.id);
        let message = Message::EarnPoints { account, order, amount, expires_at };
        outcomes.push(Outcome::MessageSent { message });
    }
}

/// Pushes that the points which an order earned go back.
pub(crate) fn take_back(order: &Order, outcomes: &mut Vec<Outcome>) {
    if let Some(amount) = order.earned {
        let (account, order) = (order.account, order.id);
        let message = Message::TakeBackPoints { account, order, amount };
        outcomes.push(Outcome::MessageSent { message });
    }
}
