//! The wallet's side of the messages of orders.

use boxoffice_topics::points::LotPart;
use boxoffice_topics::{AccountId, Message, Money, OrderId, Outcome, PointsOutcome, RefusalCode};

use crate::decide::Asked;

/// The order that has points is confirmed.
pub(crate) fn commit(
    asked: &Asked<'_>,
    account: AccountId,
    order: OrderId,
    outcomes: &mut Vec<Outcome>,
) {
    if let Some(held) = asked.state.wallets.held(order) {
        let amount = held.amount;
        outcomes.push(PointsOutcome::Committed { account, order, amount }.into());
    }
}

/// The order that has points died, or no longer waits for them.
pub(crate) fn release(
    asked: &Asked<'_>,
    account: AccountId,
    order: OrderId,
    outcomes: &mut Vec<Outcome>,
) {
    if let Some(held) = asked.state.wallets.held(order) {
        let amount = held.amount;
        let owed = asked.state.wallet(account).map_or(0, |wallet| wallet.owes(amount.currency));
        let debt_paid_minor = owed.min(amount.minor);
        outcomes.push(PointsOutcome::Released { account, order, amount, debt_paid_minor }.into());
    }
}

/// All or nothing: the buyer was told a price.
pub(crate) fn reserve(
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
pub(crate) fn taken_back(
    asked: &Asked<'_>,
    account: AccountId,
    order: OrderId,
    amount: Money,
) -> Outcome {
    let wallet = asked.state.wallet(account);
    let parts = wallet.map_or_else(Vec::new, |wallet| wallet.first_in(amount, asked.now));
    let debt_minor = amount.minor.saturating_sub(sum(&parts));
    PointsOutcome::TakenBack { account, order, amount, parts, debt_minor }.into()
}

fn sum(parts: &[LotPart]) -> i64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.minor))
}
