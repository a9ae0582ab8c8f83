//! The wallet's side of the messages of orders.

use boxoffice_topics::points::{LotPart, PointsSource};
use boxoffice_topics::{AccountId, Message, Money, OrderId, Outcome, PointsOutcome, RefusalCode};

use super::credited;
use crate::decide::Asked;

/// Pushes what follows from a message to a wallet.
pub(crate) fn serve(asked: &Asked<'_>, message: &Message, outcomes: &mut Vec<Outcome>) {
    match *message {
        Message::ReservePoints { account, order, amount } => {
            reserve(asked, account, order, amount, outcomes);
        }
        Message::CommitPoints { account, order } => {
            if let Some(held) = asked.state.wallets.held(order) {
                let amount = held.amount;
                outcomes.push(PointsOutcome::Committed { account, order, amount }.into());
            }
        }
        Message::ReleasePoints { account, order } => {
            if let Some(held) = asked.state.wallets.held(order) {
                let amount = held.amount;
                let owed = asked.state.wallet(account).map_or(0, |w| w.owes(amount.currency));
                let debt_paid_minor = owed.min(amount.minor);
                outcomes.push(
                    PointsOutcome::Released { account, order, amount, debt_paid_minor }.into(),
                );
            }
        }
        Message::EarnPoints { account, order, amount, expires_at } => {
            let source = PointsSource::Earned(order);
            outcomes.push(credited(asked, account, amount, expires_at, source));
        }
        Message::RestorePoints { account, order, amount, expires_at } => {
            let source = PointsSource::Restored(order);
            outcomes.push(credited(asked, account, amount, expires_at, source));
        }
        Message::TakeBackPoints { account, order, amount } => {
            outcomes.push(taken_back(asked, account, order, amount));
        }
        Message::CampaignAnnounced { .. }
        | Message::CouponGranted { .. }
        | Message::CouponSpent { .. }
        | Message::ReserveCoupon { .. }
        | Message::CouponReserved { .. }
        | Message::CouponRefused { .. }
        | Message::CommitCoupon { .. }
        | Message::ReleaseCoupon { .. }
        | Message::ReturnCoupon { .. }
        | Message::PointsReserved { .. }
        | Message::PointsRefused { .. } => unreachable!("not told to a wallet"),
    }
}

/// All or nothing: the buyer was told a price.
fn reserve(
    asked: &Asked<'_>,
    account: AccountId,
    order: OrderId,
    amount: Money,
    outcomes: &mut Vec<Outcome>,
) {
    let message = match parts_of(asked, account, amount) {
        Ok(parts) => {
            outcomes.push(PointsOutcome::Reserved { account, order, amount, parts }.into());
            Message::PointsReserved { order, account }
        }
        Err(code) => Message::PointsRefused { order, code },
    };
    outcomes.push(Outcome::MessageSent { message });
}

/// The lots from which a wallet takes the whole amount.
fn parts_of(
    asked: &Asked<'_>,
    account: AccountId,
    amount: Money,
) -> Result<Vec<LotPart>, RefusalCode> {
    let wallet = asked.state.wallet(account).ok_or(RefusalCode::PointsInsufficient)?;
    if wallet.balance(amount.currency, asked.now).minor < amount.minor {
        return Err(RefusalCode::PointsInsufficient);
    }
    let parts = wallet.first_in(amount, asked.now);
    if sum(&parts) < amount.minor {
        return Err(RefusalCode::PointsInTooManyLots);
    }
    Ok(parts)
}

/// What is still there goes back; what is spent already, or lies in more lots than one step can
/// name, is owed.
fn taken_back(asked: &Asked<'_>, account: AccountId, order: OrderId, amount: Money) -> Outcome {
    let wallet = asked.state.wallet(account);
    let parts = wallet.map_or_else(Vec::new, |wallet| wallet.first_in(amount, asked.now));
    let debt_minor = amount.minor.saturating_sub(sum(&parts));
    PointsOutcome::TakenBack { account, order, amount, parts, debt_minor }.into()
}

fn sum(parts: &[LotPart]) -> i64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.minor))
}
