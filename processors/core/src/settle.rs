//! What other keys are told when something becomes of an order: the coupon that reduced it, the
//! points that paid for it, and the points that it earned.

use boxoffice_topics::{
    AccountId, Message, Money, OrderId, Outcome, PerformanceId, Reductions, Timestamp,
};

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
    /// It was sold, and the last of its tickets went back.
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

    /// Pushes what its coupon and its points are told. Points of tickets that go back are told
    /// with the tickets: see [`points_back`].
    pub(crate) fn push(&self, asked: &Asked<'_>, fate: Fate, outcomes: &mut Vec<Outcome>) {
        let Some(reductions) = self.reductions else { return };
        if let Some(discount) = &reductions.discount {
            coupon::settle(asked, self.performance, self.order, discount, fate, outcomes);
        }
        if reductions.points.is_some() {
            self.push_points(fate, outcomes);
        }
    }

    /// Points are always reserved before the order is placed.
    fn push_points(&self, fate: Fate, outcomes: &mut Vec<Outcome>) {
        let &Self { order, account, .. } = self;
        let message = match fate {
            Fate::Placed | Fate::Refunded => return,
            Fate::Confirmed => Message::CommitPoints { account, order },
            Fate::Died => Message::ReleasePoints { account, order },
        };
        outcomes.push(Outcome::MessageSent { message });
    }
}

/// What an order earns by the rule of its performance, for the money that was paid for its places.
pub(crate) fn earned(asked: &Asked<'_>, order: &Order) -> Option<Money> {
    let rule = asked.state.performance(order.performance)?.points_rule?;
    let fee = order.reductions.as_deref().and_then(|reductions| reductions.booking_fee);
    let paid_minor = order.total.minor.saturating_sub(fee.map_or(0, |fee| fee.minor));
    let minor = share_of(paid_minor, rule.earned_basis_points.into());
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

/// Pushes that points which paid for tickets come back, and that what the tickets earned goes.
pub(crate) fn points_back(
    asked: &Asked<'_>,
    order: &Order,
    restored_minor: i64,
    earned_minor: i64,
    outcomes: &mut Vec<Outcome>,
) {
    let money = |minor| Money { minor, ..order.total };
    let (account, order_id) = (order.account, order.id);
    if restored_minor > 0 {
        outcomes.push(Outcome::MessageSent {
            message: Message::RestorePoints {
                account,
                order: order_id,
                amount: money(restored_minor),
                expires_at: restored_until(asked, order.performance),
            },
        });
    }
    if earned_minor > 0 {
        let amount = money(earned_minor);
        let message = Message::TakeBackPoints { account, order: order_id, amount };
        outcomes.push(Outcome::MessageSent { message });
    }
}

/// Until when points last that come back now.
fn restored_until(asked: &Asked<'_>, performance: PerformanceId) -> Timestamp {
    let rule = asked.state.performance(performance).and_then(|show| show.points_rule);
    asked.now.plus_days(rule.map_or(RESTORED_DAYS_DEFAULT, |rule| rule.restored_days))
}
