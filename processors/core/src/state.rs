//! Everything that one partition knows: the fold of its outcomes.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    AccountId, HoldId, IntentId, IntentKey, Offset, OrderId, PartitionId, PaymentId, PerformanceId,
    Timestamp,
};
use rustc_hash::FxHashMap;

use crate::channels::Channel;
use crate::coupon::Coupons;
use crate::hold::{EndedHold, Hold};
use crate::messages::Messages;
use crate::order::Order;
use crate::payment::{Payment, PendingEffect};
use crate::performance::Performance;
use crate::points::Wallets;
use crate::reserving::Reserving;
use crate::scaling::Slots;
use crate::table::Table;
use crate::ticket::Tickets;
use crate::timers::{Due, Timers};
use crate::window::{Keyed, Window};

/// Intents that are remembered by their key, so that one that comes again is answered as it was
/// the first time: at 48 bytes each, 50 MB in the busiest partition.
pub(crate) const REMEMBERED_INTENTS_MAX: usize = 1 << 20;
/// How long an intent is remembered, in milliseconds: a day, as long as any client retries.
pub(crate) const REMEMBERED_MS_MAX: u32 = 86_400_000;
/// Ended holds that are remembered, so that a late request learns what became of its hold.
pub(crate) const ENDED_HOLDS_MAX: usize = 1 << 18;
/// Performances in one partition.
pub(crate) const PERFORMANCES_MAX: usize = 10_000;

/// An intent that was decided.
#[derive(Clone, Copy, Debug, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Decided {
    #[n(0)]
    pub(crate) key: IntentKey,
    #[n(1)]
    pub(crate) fingerprint: u64,
    #[n(2)]
    pub(crate) intent: IntentId,
    #[n(3)]
    pub(crate) at: Timestamp,
}

impl Keyed for Decided {
    type Key = IntentKey;

    fn key(&self) -> IntentKey {
        self.key
    }
}

/// The state of one partition.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) partition: PartitionId,
    pub(crate) next_offset: Offset,
    pub(crate) now: Timestamp,
    pub(crate) performances: Vec<Performance>,
    pub(crate) performance_by_id: FxHashMap<PerformanceId, usize>,
    pub(crate) holds: Table<HoldId, Hold>,
    pub(crate) ended_holds: Window<EndedHold>,
    pub(crate) orders: Table<OrderId, Order>,
    pub(crate) last_order_of: FxHashMap<AccountId, OrderId>,
    pub(crate) payments: Table<PaymentId, Payment>,
    /// Effects without a result.
    pub(crate) pending: BTreeMap<EffectName, PaymentId>,
    /// Orders that wait for another key.
    pub(crate) reserving: Table<OrderId, Reserving>,
    pub(crate) coupons: Coupons,
    pub(crate) wallets: Wallets,
    pub(crate) messages: Messages,
    pub(crate) tickets: Tickets,
    pub(crate) timers: Timers,
    /// When a tick has something to do in the waiting room of the performance at that index.
    pub(crate) rooms_due: BTreeSet<(Timestamp, usize)>,
    /// Cancelled performances, by index, of which something has not ended yet.
    pub(crate) unfinished_cancellations: BTreeSet<usize>,
    pub(crate) decided: Window<Decided>,
    pub(crate) slots: Slots,
}

impl State {
    /// The state before the first intent. Offset zero is the genesis record.
    #[must_use]
    pub fn new(partition: PartitionId) -> Self {
        Self {
            partition,
            next_offset: Offset::ZERO.next(),
            now: Timestamp::default(),
            performances: Vec::new(),
            performance_by_id: FxHashMap::default(),
            holds: Table::new(),
            ended_holds: Window::new(ENDED_HOLDS_MAX),
            orders: Table::new(),
            last_order_of: FxHashMap::default(),
            payments: Table::new(),
            pending: BTreeMap::new(),
            reserving: Table::new(),
            coupons: Coupons::new(),
            wallets: Wallets::new(),
            messages: Messages::default(),
            tickets: Tickets::new(),
            timers: Timers::default(),
            rooms_due: BTreeSet::new(),
            unfinished_cancellations: BTreeSet::new(),
            decided: Window::new(REMEMBERED_INTENTS_MAX),
            slots: Slots::new(),
        }
    }

    /// The same state for those who read it and apply what was decided elsewhere. It decides
    /// nothing, so it remembers no intents by their keys.
    #[must_use]
    pub fn into_replica(mut self) -> Self {
        self.decided = Window::new(0);
        self
    }

    /// Which partition this is.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// The offset of the record that comes next.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// The greatest stamp seen so far.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When a tick has something to do at the earliest.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        let room = self.rooms_due.first().map(|(due, _)| *due);
        let cancellation = (!self.unfinished_cancellations.is_empty()).then_some(self.now);
        let posts = self.slots.has_to_post().then_some(self.now);
        self.timers.earliest().into_iter().chain(room).chain(cancellation).chain(posts).min()
    }

    /// Every performance, in the order of creation.
    pub fn performances(&self) -> impl ExactSizeIterator<Item = &Performance> {
        self.performances.iter()
    }

    /// One performance.
    #[must_use]
    pub fn performance(&self, id: PerformanceId) -> Option<&Performance> {
        self.performances.get(*self.performance_by_id.get(&id)?)
    }

    /// A hold that lives.
    #[must_use]
    pub fn hold(&self, id: HoldId) -> Option<&Hold> {
        self.holds.get(id)
    }

    /// A hold that ended not long ago.
    #[must_use]
    pub fn ended_hold(&self, id: HoldId) -> Option<&EndedHold> {
        self.ended_holds.get(id)
    }

    /// How many holds live.
    #[must_use]
    pub fn live_holds(&self) -> usize {
        self.holds.len()
    }

    /// An order.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(id)
    }

    /// The orders of an account, the newest first.
    pub fn orders_of(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        let newest = self.last_order_of.get(&account).and_then(|id| self.orders.get(*id));
        std::iter::successors(newest, |order| self.orders.get(order.previous?))
    }

    /// An attempt to pay.
    #[must_use]
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.get(id)
    }

    /// Every attempt to pay, in no order that means anything: sort before it is seen.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.rows()
    }

    /// The attempts to pay an order, the latest first.
    pub fn attempts(&self, order: &Order) -> impl Iterator<Item = &Payment> {
        let latest = order.last_attempt.and_then(|id| self.payments.get(id));
        std::iter::successors(latest, |attempt| self.payments.get(attempt.previous?))
    }

    /// Effects that have no result yet, in the order of their names.
    pub fn pending_effects(&self) -> impl Iterator<Item = PendingEffect<'_>> {
        self.pending.iter().filter_map(|(name, payment)| {
            Some(PendingEffect::of(*name, self.payments.get(*payment)?))
        })
    }

    pub(crate) fn performance_mut(&mut self, id: PerformanceId) -> &mut Performance {
        let index = self.performance_by_id.get(&id).copied();
        index
            .and_then(|index| self.performances.get_mut(index))
            .unwrap_or_else(|| panic!("an outcome names {id}, which does not exist"))
    }

    pub(crate) fn order_mut(&mut self, id: OrderId) -> &mut Order {
        self.orders
            .get_mut(id)
            .unwrap_or_else(|| panic!("an outcome names order {id}, which does not exist"))
    }

    pub(crate) fn payment_mut(&mut self, id: PaymentId) -> &mut Payment {
        self.payments
            .get_mut(id)
            .unwrap_or_else(|| panic!("an outcome names payment {id}, which does not exist"))
    }

    /// Whether a timer is still meant.
    pub(crate) fn is_meant(&self, deadline: Timestamp, due: Due) -> bool {
        match due {
            Due::Hold(hold) => self
                .holds
                .get(hold)
                .is_some_and(|hold| hold.expires() && hold.expires_at == deadline),
            Due::Channel(performance, channel) => {
                let channel = self.performance(performance).and_then(|it| it.channels.get(channel));
                channel.and_then(Channel::releases_at) == Some(deadline)
            }
            Due::Companions(performance) => {
                let performance = self.performance(performance);
                performance.and_then(Performance::companions_released_at) == Some(deadline)
            }
            Due::TicketOffer(ticket) => self.is_offered_until(ticket, deadline),
            Due::Points(account) => self.wallets.expires_at(account, deadline),
            Due::Reserving(order) => {
                self.reserving.get(order).is_some_and(|waits| waits.order.deadline == deadline)
            }
            Due::Order(order) => self
                .orders
                .get(order)
                .is_some_and(|order| order.waits_for_payment() && order.pay_by == deadline),
        }
    }
}
