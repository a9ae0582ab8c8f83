//! Takes the rows of slots out of a state, and puts rows of elsewhere in.
//!
//! Both sides are states: what is taken out is one that has nothing but those slots, so that a
//! snapshot carries it, and whoever loads that has everything that is derived from the rows.

use std::collections::BTreeSet;

use boxoffice_topics::{AccountId, Offset, OrderId, Slot};

use crate::order::Order;
use crate::state::State;
use crate::table::Table;

impl State {
    /// Moves everything that belongs to some slots into a state of its own. What is remembered of
    /// intents and of ended holds is copied: it does no harm here, and ages.
    pub(super) fn split_off(&mut self, slots: &BTreeSet<Slot>) -> Self {
        let leaves = |slot: Slot| slots.contains(&slot);
        let mut part = Self::new(self.partition);
        (part.next_offset, part.now) = (self.next_offset, self.now);
        let shows = std::mem::take(&mut self.performances);
        let (gone, left) = shows.into_iter().partition(|show| leaves(Slot::of(show.id())));
        (part.performances, self.performances) = (gone, left);
        self.index_performances();
        part.holds = self.holds.split_off(|hold| leaves(hold.id.0.slot()).then_some(hold.id));
        self.split_orders(&mut part, leaves);
        part.payments = self.payments.split_off(|it| leaves(it.id.0.slot()).then_some(it.id));
        self.pending.retain(|_, payment| !leaves(payment.0.slot()));
        part.reserving = self.reserving.split_off(|it| {
            let id = it.order.order;
            leaves(id.0.slot()).then_some(id)
        });
        part.coupons = self.coupons.split_off(leaves);
        part.wallets = self.wallets.split_off(leaves);
        part.tickets = self.tickets.split_off(leaves);
        part.messages = self.messages.marks_of(slots);
        let ended = self.ended_holds.iter().filter(|ended| leaves(ended.hold.0.slot()));
        ended.for_each(|ended| part.ended_holds.push(*ended));
        let decided = self.decided.iter().filter(|decided| leaves(decided.intent.slot()));
        decided.for_each(|decided| part.decided.push(*decided));
        part
    }

    /// Takes in a state that was split off another one. `at` is where that happens.
    pub(super) fn absorb(&mut self, mut part: Self, at: Offset) {
        // What was posted in a ledger stays before what will be.
        self.now = self.now.max(part.now);
        for show in &mut part.performances {
            show.changed_at = at;
        }
        self.performances.append(&mut part.performances);
        self.index_performances();
        self.absorb_orders(&mut part);
        self.holds.absorb(part.holds, |hold| hold.id);
        self.payments.absorb(part.payments, |payment| payment.id);
        self.pending.append(&mut part.pending);
        self.reserving.absorb(part.reserving, |reserving| reserving.order.order);
        self.coupons.absorb(part.coupons);
        self.wallets.absorb(part.wallets);
        self.tickets.absorb(part.tickets);
        self.messages.absorb(part.messages);
        self.timers.absorb(part.timers);
        for ended in part.ended_holds.iter() {
            if self.ended_holds.get(ended.hold).is_none() {
                self.ended_holds.push(*ended);
            }
        }
        // A key that is known here stays: its owner used it for two intents, and whichever comes
        // again is refused and not decided twice.
        for decided in part.decided.iter() {
            if self.decided.get(decided.key).is_none() {
                self.decided.push(*decided);
            }
        }
    }

    /// Finds performances by their places again.
    fn index_performances(&mut self) {
        self.performance_by_id.clear();
        self.rooms_due.clear();
        self.unfinished_cancellations.clear();
        for (index, show) in self.performances.iter().enumerate() {
            self.performance_by_id.insert(show.id(), index);
            let due = show.room.as_ref().and_then(|room| room.due);
            self.rooms_due.extend(due.map(|due| (due, index)));
            if show.cancellation.as_ref().is_some_and(|it| it.is_unfinished()) {
                self.unfinished_cancellations.insert(index);
            }
        }
    }

    /// The orders of an account are a chain from the newest to the oldest, whatever their slots.
    fn split_orders(&mut self, part: &mut Self, leaves: impl Fn(Slot) -> bool) {
        let accounts = self.orders.rows().filter(|order| leaves(order.id.0.slot()));
        let accounts: BTreeSet<AccountId> = accounts.map(|order| order.account).collect();
        let chains: Vec<(AccountId, Vec<OrderId>)> = accounts
            .into_iter()
            .map(|account| (account, self.orders_of(account).map(|order| order.id).collect()))
            .collect();
        part.orders = self.orders.split_off(|order| leaves(order.id.0.slot()).then_some(order.id));
        for (account, chain) in chains {
            let (gone, left): (Vec<_>, Vec<_>) =
                chain.into_iter().partition(|id| leaves(id.0.slot()));
            chain_up(&mut part.orders, &gone, None);
            part.last_order_of.extend(gone.first().map(|newest| (account, *newest)));
            chain_up(&mut self.orders, &left, None);
            match left.first() {
                Some(newest) => self.last_order_of.insert(account, *newest),
                None => self.last_order_of.remove(&account),
            };
        }
    }

    /// Orders that arrive come before those that are here.
    fn absorb_orders(&mut self, part: &mut Self) {
        let accounts: BTreeSet<AccountId> = part.orders.rows().map(|order| order.account).collect();
        for account in accounts {
            let chain: Vec<_> = part.orders_of(account).map(|order| order.id).collect();
            let next = self.last_order_of.get(&account).copied();
            chain_up(&mut part.orders, &chain, next);
            self.last_order_of.extend(chain.first().map(|newest| (account, *newest)));
        }
        let orders = std::mem::replace(&mut part.orders, Table::new());
        self.orders.absorb(orders, |order| order.id);
    }
}

/// Lets each order point to the next older one, and the oldest to `next`.
fn chain_up(orders: &mut Table<OrderId, Order>, chain: &[OrderId], next: Option<OrderId>) {
    let older = chain.iter().skip(1).copied().map(Some).chain([next]);
    for (id, previous) in chain.iter().zip(older) {
        if let Some(order) = orders.get_mut(*id) {
            order.previous = previous;
        }
    }
}
