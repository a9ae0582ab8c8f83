//! Points, as the wallet's own partition tells them: where each lot's points are, and one entry
//! of the ledger for each movement.

use boxoffice_topics::points::{LotPart, PointsSource};
use boxoffice_topics::{AccountId, Money, OrderId, PerformanceId, PointsOutcome, PointsRule};

use super::{At, Fold, uuid};
use crate::postgres::columns::{
    CurrencyCode, Moment, PointsMove, PointsSourceWord, PointsUseState,
};
use crate::postgres::error::Error;
use crate::postgres::rows::{PointsEntryRow, PointsLotRow, PointsUseRow, Row as _};

/// What an entry changes in its wallet.
#[derive(Clone, Copy, Default)]
struct Change {
    free: i64,
    reserved: i64,
    owed: i64,
}

impl Fold {
    pub(super) fn apply_points(&mut self, at: At, outcome: &PointsOutcome) -> Result<(), Error> {
        match outcome {
            PointsOutcome::RuleSet { performance, rule } => self.set_rule(*performance, *rule)?,
            PointsOutcome::Credited { .. } => self.credit(at, outcome),
            PointsOutcome::Reserved { account, order, amount, parts } => {
                let change = Change { free: -amount.minor, reserved: amount.minor, owed: 0 };
                self.enter(entry(at, PointsMove::Reserved, *account, *amount, change), *order);
                self.reserve_points(at, *order, parts)?;
            }
            PointsOutcome::Committed { account, order, amount } => {
                let change = Change { reserved: -amount.minor, ..Change::default() };
                self.enter(entry(at, PointsMove::Spent, *account, *amount, change), *order);
                self.spend_points(at, *order)?;
            }
            PointsOutcome::Released { account, order, amount, debt_paid_minor } => {
                let free = amount.minor - debt_paid_minor;
                let change = Change { free, reserved: -amount.minor, owed: -debt_paid_minor };
                self.enter(entry(at, PointsMove::Released, *account, *amount, change), *order);
                self.release_points(at, *order, *debt_paid_minor)?;
            }
            PointsOutcome::TakenBack { account, order, amount, parts, debt_minor } => {
                let free = debt_minor - amount.minor;
                let change = Change { free, owed: *debt_minor, reserved: 0 };
                self.enter(entry(at, PointsMove::TakenBack, *account, *amount, change), *order);
                for part in parts {
                    let lot = self.points_lots.change(&part.lot.0.packed())?;
                    lot.free_minor -= part.minor;
                    lot.taken_back_minor += part.minor;
                }
            }
            PointsOutcome::Expired { account, lot, amount } => {
                let lot_id = lot.0.packed();
                let change = Change { free: -amount.minor, ..Change::default() };
                let entry = entry(at, PointsMove::Expired, *account, *amount, change);
                self.points_ledger.put(PointsEntryRow { lot_id: Some(lot_id), ..entry });
                let lot = self.points_lots.change(&lot_id)?;
                lot.free_minor -= amount.minor;
                lot.expired_minor += amount.minor;
            }
        }
        Ok(())
    }

    fn set_rule(&mut self, performance: PerformanceId, rule: PointsRule) -> Result<(), Error> {
        let row = self.performances.change(&uuid(performance.as_u128()))?;
        row.points_earned_basis_points = Some(rule.earned_basis_points.into());
        row.points_earned_days = Some(rule.earned_days.into());
        row.points_restored_days = Some(rule.restored_days.into());
        Ok(())
    }

    fn credit(&mut self, at: At, outcome: &PointsOutcome) {
        let PointsOutcome::Credited { account, lot, amount, debt_paid_minor, expires_at, source } =
            outcome
        else {
            unreachable!("called for credits only")
        };
        let order_id = match source {
            PointsSource::Granted => None,
            PointsSource::Earned(order) | PointsSource::Restored(order) => Some(order.0.packed()),
        };
        let (lot_id, source) = (lot.0.packed(), PointsSourceWord::from(*source));
        let free_minor = amount.minor - debt_paid_minor;
        let change = Change { free: free_minor, reserved: 0, owed: -debt_paid_minor };
        let entry = entry(at, source.into(), *account, *amount, change);
        self.points_ledger.put(PointsEntryRow { order_id, lot_id: Some(lot_id), ..entry });
        self.points_lots.put(PointsLotRow {
            lot_id,
            account_id: uuid(account.as_u128()),
            source,
            order_id,
            currency: CurrencyCode(amount.currency),
            amount_minor: amount.minor,
            free_minor,
            reserved_minor: 0,
            spent_minor: 0,
            taken_back_minor: 0,
            expired_minor: 0,
            debt_paid_minor: *debt_paid_minor,
            expires_at: Moment(*expires_at),
            credited_at: at.now,
        });
    }

    fn reserve_points(&mut self, at: At, order: OrderId, parts: &[LotPart]) -> Result<(), Error> {
        for (number, part) in (1..).zip(parts) {
            let lot_id = part.lot.0.packed();
            let lot = self.points_lots.change(&lot_id)?;
            lot.free_minor -= part.minor;
            lot.reserved_minor += part.minor;
            self.points_uses.put(PointsUseRow {
                order_id: order.0.packed(),
                number,
                lot_id,
                amount_minor: part.minor,
                state: PointsUseState::Reserved,
                reserved_at: at.now,
                settled_at: None,
            });
        }
        Ok(())
    }

    fn spend_points(&mut self, at: At, order: OrderId) -> Result<(), Error> {
        for (lot_id, amount_minor) in self.settle_uses(at, order, PointsUseState::Spent)? {
            let lot = self.points_lots.change(&lot_id)?;
            lot.reserved_minor -= amount_minor;
            lot.spent_minor += amount_minor;
        }
        Ok(())
    }

    /// What the wallet owes is paid from the oldest lot on.
    fn release_points(&mut self, at: At, order: OrderId, debt_minor: i64) -> Result<(), Error> {
        let mut debt_left = debt_minor;
        for (lot_id, amount_minor) in self.settle_uses(at, order, PointsUseState::Released)? {
            let pays = debt_left.min(amount_minor);
            debt_left -= pays;
            let lot = self.points_lots.change(&lot_id)?;
            lot.reserved_minor -= amount_minor;
            lot.free_minor += amount_minor - pays;
            lot.debt_paid_minor += pays;
        }
        Ok(())
    }

    /// Settles what an order had of each lot, and returns it, the oldest lot first.
    fn settle_uses(
        &mut self,
        at: At,
        order: OrderId,
        state: PointsUseState,
    ) -> Result<Vec<(i64, i64)>, Error> {
        let order_id = order.0.packed();
        let uses = self.points_uses.change_range((order_id, 0)..=(order_id, i32::MAX));
        let settled: Vec<_> = uses
            .map(|row| {
                row.state = state;
                row.settled_at = Some(at.now);
                (row.lot_id, row.amount_minor)
            })
            .collect();
        if settled.is_empty() {
            return Err(Error::RowMissing { table: PointsUseRow::TABLE, key: order.to_string() });
        }
        Ok(settled)
    }

    fn enter(&mut self, entry: PointsEntryRow, order: OrderId) {
        self.points_ledger.put(PointsEntryRow { order_id: Some(order.0.packed()), ..entry });
    }
}

/// An entry about no order and no lot.
fn entry(
    at: At,
    kind: PointsMove,
    account: AccountId,
    amount: Money,
    change: Change,
) -> PointsEntryRow {
    PointsEntryRow {
        account_id: uuid(account.as_u128()),
        partition: at.name.partition().number().into(),
        step_offset: at.name.offset().number().cast_signed(),
        outcome_index: at.name.index().into(),
        kind,
        order_id: None,
        lot_id: None,
        currency: CurrencyCode(amount.currency),
        amount_minor: amount.minor,
        free_minor: change.free,
        reserved_minor: change.reserved,
        owed_minor: change.owed,
        booked_at: at.now,
    }
}
