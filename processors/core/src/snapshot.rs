//! The state as bytes, and back.
//!
//! A snapshot holds what cannot be derived: layouts, indexes, counts and timers are rebuilt. Its
//! first field is its version; an unknown version is refused by name. The same state always
//! gives the same bytes.

use std::borrow::Cow;

use boxoffice_topics::codec::{decode_whole, encode_into};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    Offset, PartitionId, PaymentId, PerformanceDefinition, PointsRule, RefundTerms,
    SettlementTerms, Timestamp,
};
use minicbor::{Decode, Decoder, Encode};

use crate::channels::{Channel, SavedChannel};
use crate::hold::{EndedHold, Hold};
use crate::order::{Order, OrderState, RETRY_AFTER_DECLINE_MS};
use crate::payment::{Payment, PaymentState, RefundState};
use crate::performance::{Owner, SaleSwitch};
use crate::refund::{Cancellation, SavedCancellation};
use crate::scaling::{SavedSlots, Slots};
use crate::settlement::{Ledger, LedgerEntry};
use crate::state::{Decided, State};
use crate::ticket::SavedTickets;
use crate::timers::Due;
use crate::waiting_room::{SavedWaitingRoom, WaitingRoom};

mod between_keys;

use between_keys::SavedBetweenKeys;

/// The version that is written. It changes with the meaning of any field below.
///
/// - 1: without waiting rooms, messages, coupons and points. It is read as a state that has none.
/// - 2: with them.
/// - 3: with tickets, refunds, channels, tables and companion seats. An older one is read as a state
///   without.
/// - 4: with ledgers. An older one is read as a state without.
/// - 5: with slots that moved, and marks of messages by slot. An older one knows marks by sender only.
const VERSION: u16 = 5;
/// The first version: its fields have kept their meaning.
const OLDEST_VERSION: u16 = 1;

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A newer program wrote it.
    #[error(
        "snapshot version {0} is not one that this program knows ({OLDEST_VERSION} to {VERSION})"
    )]
    Version(u16),
    /// It is not what its version says.
    #[error("snapshot content: {0}")]
    Content(#[from] minicbor::decode::Error),
}

#[derive(Encode, Decode)]
struct Snapshot<'s> {
    #[n(0)]
    version: u16,
    #[n(1)]
    partition: u16,
    #[n(2)]
    next_offset: Offset,
    #[n(3)]
    now: Timestamp,
    #[n(4)]
    performances: Vec<SavedPerformance<'s>>,
    #[n(5)]
    holds: Vec<Cow<'s, Hold>>,
    #[n(6)]
    ended_holds: Vec<EndedHold>,
    #[n(7)]
    orders: Vec<Cow<'s, Order>>,
    #[n(8)]
    payments: Vec<Cow<'s, Payment>>,
    #[n(9)]
    decided: Vec<Decided>,
    #[n(30)]
    between_keys: Option<SavedBetweenKeys<'s>>,
    /// Since version 3; nothing where nothing was said of tickets.
    #[n(60)]
    tickets: Option<SavedTickets>,
    /// Since version 4; nothing where no slot has moved.
    #[n(80)]
    slots: Option<SavedSlots>,
}

#[derive(Encode, Decode)]
struct SavedPerformance<'s> {
    #[n(0)]
    definition: Cow<'s, PerformanceDefinition>,
    #[n(1)]
    switch: SaleSwitch,
    #[n(2)]
    changed_at: Offset,
    /// Since version 2, like what follows.
    #[n(3)]
    room: Option<SavedWaitingRoom>,
    #[n(4)]
    points_rule: Option<PointsRule>,
    #[n(40)]
    later_refund_terms: Option<Cow<'s, [RefundTerms]>>,
    #[n(41)]
    cancellation: Option<SavedCancellation>,
    /// Since version 3, like what follows.
    #[n(50)]
    channels: Option<Vec<SavedChannel>>,
    #[n(51)]
    companions_released: Option<bool>,
    /// Since version 4, like what follows.
    #[n(70)]
    later_settlement_terms: Option<Cow<'s, [SettlementTerms]>>,
    #[n(71)]
    ledger: Option<Cow<'s, [LedgerEntry]>>,
}

impl State {
    /// The state as bytes.
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut holds: Vec<_> = self.holds.rows().map(Cow::Borrowed).collect();
        holds.sort_unstable_by_key(|hold| hold.id);
        let mut orders: Vec<_> = self.orders.rows().map(Cow::Borrowed).collect();
        orders.sort_unstable_by_key(|order| (order.id.0.offset(), order.id));
        let mut payments: Vec<_> = self.payments.rows().map(Cow::Borrowed).collect();
        payments.sort_unstable_by_key(|payment| (payment.id.0.offset(), payment.id));
        let performances = self.performances.iter().map(|performance| SavedPerformance {
            definition: Cow::Borrowed(performance.definition()),
            switch: performance.switch,
            changed_at: performance.changed_at,
            points_rule: performance.points_rule,
            room: performance.waiting_room().map(WaitingRoom::save),
            channels: performance.channels.save(),
            companions_released: performance.has_released_companions().then_some(true),
            later_refund_terms: performance.saved_refund_terms(),
            cancellation: performance.cancellation().map(Cancellation::save),
            later_settlement_terms: performance.ledger().and_then(Ledger::saved_terms),
            ledger: performance.ledger().and_then(Ledger::saved_entries),
        });
        let snapshot = Snapshot {
            version: VERSION,
            partition: self.partition.number(),
            next_offset: self.next_offset,
            now: self.now,
            performances: performances.collect(),
            holds,
            ended_holds: self.ended_holds.iter().copied().collect(),
            orders,
            payments,
            decided: self.decided.iter().copied().collect(),
            between_keys: Some(SavedBetweenKeys::of(self)),
            tickets: self.tickets.save(),
            slots: self.slots.save(),
        };
        let mut bytes = Vec::new();
        encode_into(&snapshot, &mut bytes);
        bytes
    }

    /// The state from its bytes, which the caller has checked for damage.
    ///
    /// # Errors
    /// When the version is unknown or the content is malformed.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let version = peek_version(bytes)?;
        if !(OLDEST_VERSION..=VERSION).contains(&version) {
            return Err(SnapshotError::Version(version));
        }
        let mut saved: Snapshot<'_> = decode_whole(bytes)?;
        let partition = PartitionId::new(saved.partition)
            .ok_or_else(|| minicbor::decode::Error::message("partition out of range"))?;
        let mut state = Self::new(partition);
        state.next_offset = saved.next_offset;
        state.now = saved.now;
        for performance in &mut saved.performances {
            state.add_performance(&performance.definition, performance.changed_at);
            let restored = state.performance_mut(performance.definition.performance);
            restored.switch = performance.switch;
            restored.points_rule = performance.points_rule;
            restored.restore_refund_terms(performance.later_refund_terms.as_deref());
            if let Some(ledger) = &mut restored.ledger {
                let terms = performance.later_settlement_terms.as_deref();
                ledger.restore(terms, performance.ledger.take());
            }
            state.restore_inventory(performance);
        }
        if let Some(saved) = saved.between_keys {
            saved.restore(&mut state);
        }
        for hold in saved.holds {
            state.add_hold(hold.into_owned(), Offset::ZERO);
        }
        if let Some(saved) = saved.tickets {
            state.restore_tickets(saved);
        }
        saved.ended_holds.into_iter().for_each(|hold| state.ended_holds.push(hold));
        state.restore_orders(saved.orders);
        saved.payments.into_iter().for_each(|payment| state.restore_payment(payment.into_owned()));
        saved.decided.into_iter().for_each(|decided| state.decided.push(decided));
        for saved in saved.performances {
            let id = saved.definition.performance;
            state.performance_mut(id).changed_at = saved.changed_at;
            if let Some(cancellation) = saved.cancellation {
                state.restore_cancellation(id, cancellation);
            }
            if let Some(room) = saved.room {
                state.restore_room(id, room);
            }
        }
        if let Some(slots) = saved.slots {
            state.slots = Slots::restore(slots);
        }
        Ok(state)
    }

    /// What is set aside, and who may have it.
    fn restore_inventory(&mut self, saved: &mut SavedPerformance<'_>) {
        let id = saved.definition.performance;
        let performance = self.performance_mut(id);
        if saved.companions_released == Some(true) {
            performance.release_companions();
        }
        performance.restore_channels(saved.channels.take().unwrap_or_default());
        let channels: Vec<_> = performance.channels.iter().map(Channel::number).collect();
        channels.into_iter().for_each(|channel| self.arm_channel(id, channel));
        self.arm_companions(id);
    }

    fn restore_orders(&mut self, orders: Vec<Cow<'_, Order>>) {
        // The newest order of an account is the one that no other comes after. It need not have
        // the greatest id: an order that waits for other keys is placed later than it was asked.
        let mut followed: Vec<_> = orders.iter().filter_map(|order| order.previous).collect();
        followed.sort_unstable();
        for order in &orders {
            if followed.binary_search(&order.id).is_err() {
                self.last_order_of.insert(order.account, order.id);
            }
        }
        orders.into_iter().for_each(|order| self.restore_order(order.into_owned()));
    }

    fn restore_order(&mut self, order: Order) {
        let owner = match order.state {
            OrderState::Placed | OrderState::Paying => Some(Owner::UnpaidOrder(order.id)),
            OrderState::Confirmed => Some(Owner::PaidOrder(order.id)),
            OrderState::Cancelled | OrderState::Refunded => None,
        };
        if let Some(owner) = owner {
            let holders: Vec<_> = self.holders(&order).collect();
            let performance = self.performance_mut(order.performance);
            let places = order.places_left();
            performance.channels.take(&places, owner);
            performance.inventory.take(&performance.layout, &places, owner);
            for holder in holders {
                performance.add_seats(holder, 1);
            }
        }
        if order.waits_for_payment() {
            self.timers.arm(RETRY_AFTER_DECLINE_MS, order.pay_by, Due::Order(order.id));
        }
        self.orders.insert(order.id, order);
    }

    fn restore_payment(&mut self, payment: Payment) {
        let id = payment.id;
        if payment.state == PaymentState::Requested {
            self.restore_effect(EffectName::new(id.0.partition(), id.0.offset(), 0), id);
        }
        for refund in payment.refunds().filter(|it| it.state == RefundState::Requested) {
            self.restore_effect(refund.name, id);
        }
        self.payments.insert(id, payment);
    }

    fn restore_effect(&mut self, name: EffectName, payment: PaymentId) {
        self.pending.insert(name, payment);
    }
}

/// Whether these bytes are a snapshot of a version that this program knows.
pub(crate) fn is_known(bytes: &[u8]) -> bool {
    peek_version(bytes).is_ok_and(|version| (OLDEST_VERSION..=VERSION).contains(&version))
}

fn peek_version(bytes: &[u8]) -> Result<u16, SnapshotError> {
    let mut decoder = Decoder::new(bytes);
    decoder.array()?;
    Ok(decoder.u16()?)
}

#[cfg(test)]
mod tests {
    use crate::tables::states_after;

    use super::*;

    /// The first ten fields are those of version 1, which are written as they were.
    #[test]
    fn a_snapshot_of_version_one_is_a_state_without_messages() {
        let state = states_after(
            "alice seats A-1-1    => held h1 A-1-1 100 asasked
             alice order h1       => placed o1 100
             bob   seats A-1-2    => held h2 A-1-2 100 asasked
             alice pay o1 100     => requested p1 100",
        )
        .remove(0);
        let today = state.to_snapshot();
        let mut decoder = Decoder::new(&today);
        assert_eq!(decoder.array().unwrap(), Some(31));
        assert_eq!(decoder.u16().unwrap(), VERSION);
        let first = decoder.position();
        (1..10).for_each(|_| decoder.skip().unwrap());
        let old: Vec<u8> =
            [0x8a, 1].iter().chain(&today[first..decoder.position()]).copied().collect();
        assert!(State::from_snapshot(&old).unwrap().to_snapshot() == today);
    }

    #[test]
    fn a_snapshot_of_tomorrow_is_refused_by_name() {
        let mut bytes = State::new(PartitionId::new(0).unwrap()).to_snapshot();
        bytes[2] = 6;
        assert!(matches!(State::from_snapshot(&bytes), Err(SnapshotError::Version(6))));
    }
}
