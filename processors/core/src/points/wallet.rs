//! What lies in wallets, and how outcomes move it.

use boxoffice_topics::points::LotPart;
use boxoffice_topics::{
    AccountId, Currency, LotId, Money, OrderId, PointsOutcome, Slot, Timestamp,
};
use minicbor::{Decode, Encode};

use super::PARTS_MAX;
use crate::table::Table;
use crate::timers::{Due, Timers};

/// Points that came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Lot {
    /// Its id.
    #[n(0)]
    pub id: LotId,
    /// What can be spent.
    #[n(1)]
    pub free: Money,
    /// What is kept for orders.
    #[n(2)]
    pub reserved_minor: i64,
    /// When what is free expires.
    #[n(3)]
    pub expires_at: Timestamp,
}

/// The points of one account.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Wallet {
    #[n(0)]
    pub(crate) account: AccountId,
    /// The oldest first. Empty lots are not kept.
    #[n(1)]
    lots: Vec<Lot>,
    /// What it owes, in each currency. Zero is not kept.
    #[n(2)]
    debts: Vec<Money>,
}

/// Points that are kept for an order.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct PointsHeld {
    #[n(0)]
    pub(crate) order: OrderId,
    #[n(1)]
    pub(crate) account: AccountId,
    #[n(2)]
    pub(crate) amount: Money,
    #[n(3)]
    parts: Vec<LotPart>,
}

impl Wallet {
    /// The lots, the oldest first.
    #[must_use]
    pub fn lots(&self) -> &[Lot] {
        &self.lots
    }

    /// What can be spent at a moment.
    #[must_use]
    pub fn balance(&self, currency: Currency, now: Timestamp) -> Money {
        let lots = self.spendable(currency, now);
        let minor = lots.fold(0_i64, |sum, lot| sum.saturating_add(lot.free.minor));
        Money::new(minor, currency)
    }

    /// What the next points in a currency pay before they can be spent.
    #[must_use]
    pub fn owes(&self, currency: Currency) -> i64 {
        let debt = self.debts.iter().find(|debt| debt.currency == currency);
        debt.map_or(0, |debt| debt.minor)
    }

    fn spendable(&self, currency: Currency, now: Timestamp) -> impl Iterator<Item = &Lot> {
        self.lots.iter().filter(move |lot| {
            lot.free.currency == currency && lot.free.minor > 0 && lot.expires_at > now
        })
    }

    /// Parts of the oldest lots that make up an amount, as far as there is enough in
    /// [`PARTS_MAX`] of them.
    pub(super) fn first_in(&self, amount: Money, now: Timestamp) -> Vec<LotPart> {
        let mut wanted = amount.minor;
        let take = |lot: &Lot| {
            let minor = lot.free.minor.min(wanted);
            wanted = wanted.saturating_sub(minor);
            (minor > 0).then_some(LotPart { lot: lot.id, minor })
        };
        self.spendable(amount.currency, now).map_while(take).take(PARTS_MAX).collect()
    }

    fn lot_mut(&mut self, id: LotId) -> &mut Lot {
        self.lots
            .iter_mut()
            .find(|lot| lot.id == id)
            .unwrap_or_else(|| panic!("INV-8: an outcome names lot {id}, which is gone"))
    }

    fn change_debt(&mut self, currency: Currency, by_minor: i64) {
        let owed = self.owes(currency).saturating_add(by_minor);
        assert!(owed >= 0, "INV-8: a wallet pays more than it owes");
        self.debts.retain(|debt| debt.currency != currency);
        if owed > 0 {
            self.debts.push(Money::new(owed, currency));
            self.debts.sort_unstable_by_key(|debt| debt.currency);
        }
    }

    fn drop_empty(&mut self) {
        self.lots.retain(|lot| lot.free.minor > 0 || lot.reserved_minor > 0);
    }
}

impl Lot {
    /// Takes what is free.
    fn take(&mut self, minor: i64) {
        self.free.minor = self.free.minor.saturating_sub(minor);
        assert!(self.free.minor >= 0, "INV-8: lot {} is below zero", self.id);
    }

    /// Takes what is reserved.
    fn let_go(&mut self, minor: i64) {
        self.reserved_minor = self.reserved_minor.saturating_sub(minor);
        assert!(self.reserved_minor >= 0, "INV-8: lot {} is spent twice", self.id);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Wallets {
    wallets: Table<AccountId, Wallet>,
    held: Table<OrderId, PointsHeld>,
}

impl Wallets {
    pub(crate) fn new() -> Self {
        Self { wallets: Table::new(), held: Table::new() }
    }

    /// Takes out the wallets of slots that leave, with what is held in them.
    pub(crate) fn split_off(&mut self, leaves: impl Fn(Slot) -> bool) -> Self {
        let of = |account| leaves(Slot::of_account(account));
        Self {
            wallets: self.wallets.split_off(|it| of(it.account).then_some(it.account)),
            held: self.held.split_off(|it| of(it.account).then_some(it.order)),
        }
    }

    /// Takes in wallets of slots that arrive.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.wallets.absorb(other.wallets, |wallet| wallet.account);
        self.held.absorb(other.held, |held| held.order);
    }

    pub(crate) fn get(&self, account: AccountId) -> Option<&Wallet> {
        self.wallets.get(account)
    }

    pub(super) fn held(&self, order: OrderId) -> Option<&PointsHeld> {
        self.held.get(order)
    }

    pub(crate) fn wallets(&self) -> impl Iterator<Item = &Wallet> {
        self.wallets.rows()
    }

    pub(crate) fn all_held(&self) -> impl Iterator<Item = &PointsHeld> {
        self.held.rows()
    }

    pub(crate) fn restore_wallet(&mut self, wallet: Wallet, timers: &mut Timers) {
        for lot in wallet.lots.iter().filter(|lot| lot.free.minor > 0) {
            timers.arm_at(lot.expires_at, Due::Points(wallet.account));
        }
        self.wallets.insert(wallet.account, wallet);
    }

    pub(crate) fn restore_held(&mut self, held: PointsHeld) {
        self.held.insert(held.order, held);
    }

    /// Whether something expires at a deadline.
    pub(crate) fn expires_at(&self, account: AccountId, deadline: Timestamp) -> bool {
        self.wallets.get(account).is_some_and(|wallet| {
            let mut lots = wallet.lots.iter();
            lots.any(|lot| lot.expires_at == deadline && lot.free.minor > 0)
        })
    }

    pub(super) fn apply(&mut self, outcome: &PointsOutcome, timers: &mut Timers) {
        match outcome {
            PointsOutcome::Credited {
                account, lot, amount, debt_paid_minor, expires_at, ..
            } => {
                let free =
                    Money { minor: amount.minor.saturating_sub(*debt_paid_minor), ..*amount };
                let wallet = self.wallet_mut(*account);
                wallet.change_debt(amount.currency, debt_paid_minor.saturating_neg());
                let (id, expires_at) = (*lot, *expires_at);
                wallet.lots.push(Lot { id, free, reserved_minor: 0, expires_at });
                wallet.drop_empty();
                timers.arm_at(expires_at, Due::Points(*account));
            }
            PointsOutcome::Reserved { account, order, amount, parts } => {
                let wallet = self.wallet_mut(*account);
                for part in parts {
                    let lot = wallet.lot_mut(part.lot);
                    lot.take(part.minor);
                    lot.reserved_minor = lot.reserved_minor.saturating_add(part.minor);
                }
                let (order, account, amount) = (*order, *account, *amount);
                let parts = parts.clone();
                self.held.insert(order, PointsHeld { order, account, amount, parts });
            }
            PointsOutcome::Committed { account, order, .. } => {
                let parts = self.no_longer_held(*order);
                let wallet = self.wallet_mut(*account);
                parts.iter().for_each(|part| wallet.lot_mut(part.lot).let_go(part.minor));
                wallet.drop_empty();
            }
            PointsOutcome::Released { account, order, amount, debt_paid_minor } => {
                self.release(*account, *order, amount.currency, *debt_paid_minor, timers);
            }
            PointsOutcome::TakenBack { account, amount, parts, debt_minor, .. } => {
                let wallet = self.wallet_mut(*account);
                parts.iter().for_each(|part| wallet.lot_mut(part.lot).take(part.minor));
                wallet.change_debt(amount.currency, *debt_minor);
                wallet.drop_empty();
            }
            PointsOutcome::Expired { account, lot, amount } => {
                let wallet = self.wallet_mut(*account);
                wallet.lot_mut(*lot).take(amount.minor);
                wallet.drop_empty();
            }
            PointsOutcome::RuleSet { .. } => unreachable!("not about a wallet"),
        }
    }

    /// Points go back into their lots, which may be overdue by now: the next tick sees to it.
    fn release(
        &mut self,
        account: AccountId,
        order: OrderId,
        currency: Currency,
        debt_paid_minor: i64,
        timers: &mut Timers,
    ) {
        let parts = self.no_longer_held(order);
        let wallet = self.wallet_mut(account);
        let mut debt_left = debt_paid_minor;
        for part in parts {
            let pays = debt_left.min(part.minor);
            debt_left = debt_left.saturating_sub(pays);
            let lot = wallet.lot_mut(part.lot);
            lot.let_go(part.minor);
            lot.free.minor = lot.free.minor.saturating_add(part.minor.saturating_sub(pays));
            timers.arm_at(lot.expires_at, Due::Points(account));
        }
        wallet.change_debt(currency, debt_paid_minor.saturating_neg());
        wallet.drop_empty();
    }

    fn no_longer_held(&mut self, order: OrderId) -> Vec<LotPart> {
        match self.held.remove(order) {
            Some(held) => held.parts,
            None => panic!("INV-8: the points of order {order} are let go twice"),
        }
    }

    fn wallet_mut(&mut self, account: AccountId) -> &mut Wallet {
        if self.wallets.get(account).is_none() {
            let (lots, debts) = (Vec::new(), Vec::new());
            self.wallets.insert(account, Wallet { account, lots, debts });
        }
        self.wallets.get_mut(account).unwrap_or_else(|| unreachable!("it was just added"))
    }
}
