//! What is kept of tickets, and how outcomes change it.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_topics::codec;
use boxoffice_topics::ticket::{Gate, TicketUse};
use boxoffice_topics::{
    AccountId, IntentId, OrderId, PerformanceId, ScanId, Slot, TicketId, TicketOutcome,
    TicketRules, Timestamp, TransferId,
};
use minicbor::{Decode, Encode};

use super::gate::{GATES_MAX, GateCounts};
use crate::order::Order;
use crate::state::State;
use crate::table::Table;
use crate::timers::Due;

/// Scans of one ticket that are remembered, so that a scanner may send what it has stored again:
/// in and out four times.
const SCANS_REMEMBERED_MAX: usize = 8;

/// An offer of a ticket.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub struct Offer {
    /// Its id.
    #[n(0)]
    pub transfer: TransferId,
    /// Who offers.
    #[n(1)]
    pub from: AccountId,
    /// To whom.
    #[n(2)]
    pub to: AccountId,
    /// When it lapses.
    #[n(3)]
    pub until: Timestamp,
}

/// How a ticket was used.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct TicketUses {
    /// Where and when somebody came in with it the last time.
    #[n(0)]
    pub last: Option<TicketUse>,
    /// How often somebody came in with it.
    #[n(1)]
    pub entries: u16,
    /// Whether somebody is inside with it.
    #[n(2)]
    pub is_inside: bool,
    /// The last scans, whatever came of them.
    #[n(3)]
    scans: Vec<KnownScan>,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
struct KnownScan {
    #[n(0)]
    scan: ScanId,
    #[n(1)]
    intent: IntentId,
}

impl TicketUses {
    pub(super) fn is_used(&self) -> bool {
        self.entries > 0
    }

    /// The intent that a scan came with, when it is one of the last.
    pub(super) fn intent_of(&self, scan: ScanId) -> Option<IntentId> {
        self.scans.iter().find(|known| known.scan == scan).map(|known| known.intent)
    }

    fn remember(&mut self, scan: Option<ScanId>, intent: IntentId) {
        let Some(scan) = scan else { return };
        if self.scans.len() >= SCANS_REMEMBERED_MAX {
            self.scans.remove(0);
        }
        self.scans.push(KnownScan { scan, intent });
    }
}

/// A ticket that something happened to.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Ticket {
    #[n(0)]
    id: TicketId,
    #[n(1)]
    pub(super) holder: AccountId,
    #[n(2)]
    generation: u16,
    #[n(3)]
    pub(super) offer: Option<Offer>,
    #[n(4)]
    pub(super) uses: TicketUses,
    /// Who bought it.
    #[n(5)]
    buyer: AccountId,
}

impl Ticket {
    pub(super) const fn id(&self) -> TicketId {
        self.id
    }
}

/// A ticket with its order.
#[derive(Clone, Copy, Debug)]
pub struct HeldTicket<'s> {
    /// The order that it is of.
    pub order: &'s Order,
    row: Option<&'s Ticket>,
}

impl<'s> HeldTicket<'s> {
    /// Whose it is.
    #[must_use]
    pub fn holder(&self) -> AccountId {
        self.row.map_or(self.order.account, |row| row.holder)
    }

    /// How often it has changed hands.
    #[must_use]
    pub fn generation(&self) -> u16 {
        self.row.map_or(0, |row| row.generation)
    }

    /// To whom it is offered.
    #[must_use]
    pub fn offer(&self) -> Option<&'s Offer> {
        self.row?.offer.as_ref()
    }

    /// How it was used; nothing when it never left its buyer's hands.
    #[must_use]
    pub fn uses(&self) -> Option<&'s TicketUses> {
        self.row.map(|row| &row.uses)
    }
}

/// What is known of tickets.
#[derive(Clone, Debug)]
pub(crate) struct Tickets {
    rows: Table<TicketId, Ticket>,
    /// Tickets that are not their buyer's, by holder.
    received: BTreeSet<(AccountId, TicketId)>,
    /// Tickets that are offered, by who may take them.
    offered: BTreeSet<(AccountId, TicketId)>,
    rules: BTreeMap<PerformanceId, TicketRules>,
    gates: BTreeMap<(PerformanceId, Gate), GateCounts>,
}

/// The part of a snapshot that is about tickets.
#[derive(Encode, Decode)]
pub(crate) struct SavedTickets {
    #[n(0)]
    rows: Vec<Ticket>,
    #[n(1)]
    rules: Vec<(PerformanceId, TicketRules)>,
    #[n(2)]
    gates: Vec<SavedGate>,
}

#[derive(Encode, Decode)]
struct SavedGate {
    #[n(0)]
    performance: PerformanceId,
    #[n(1)]
    #[cbor(with = "codec::text")]
    gate: Gate,
    #[n(2)]
    counts: GateCounts,
}

impl Tickets {
    pub(crate) fn new() -> Self {
        Self {
            rows: Table::new(),
            received: BTreeSet::new(),
            offered: BTreeSet::new(),
            rules: BTreeMap::new(),
            gates: BTreeMap::new(),
        }
    }

    /// The tickets of an order that something happened to.
    pub(super) fn rows_of(&self, order: &Order) -> impl Iterator<Item = &Ticket> {
        tickets_of(order).filter_map(|id| self.rows.get(id))
    }

    /// Whether a gate is known, or one more may be.
    pub(super) fn has_room_for(&self, performance: PerformanceId, gate: Gate) -> bool {
        self.gates.contains_key(&(performance, gate))
            || self.gates_of(performance).count() < GATES_MAX
    }

    fn gates_of(&self, performance: PerformanceId) -> impl Iterator<Item = (&Gate, &GateCounts)> {
        let from = (performance, Gate::new());
        let of = self.gates.range(from..).take_while(move |((of, _), _)| *of == performance);
        of.map(|((_, gate), counts)| (gate, counts))
    }

    /// Takes out what belongs to slots that leave.
    pub(crate) fn split_off(&mut self, leaves: impl Fn(Slot) -> bool) -> Self {
        let of_ticket = |id: TicketId| leaves(id.order.0.slot());
        let of_show = |id: &PerformanceId| leaves(Slot::of(*id));
        Self {
            rows: self.rows.split_off(|row| of_ticket(row.id).then_some(row.id)),
            received: self.received.extract_if(.., |(_, id)| of_ticket(*id)).collect(),
            offered: self.offered.extract_if(.., |(_, id)| of_ticket(*id)).collect(),
            rules: self.rules.extract_if(.., |id, _| of_show(id)).collect(),
            gates: self.gates.extract_if(.., |(id, _), _| of_show(id)).collect(),
        }
    }

    /// Takes in what belongs to slots that arrive.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.rows.absorb(other.rows, |row| row.id);
        self.received.append(&mut other.received);
        self.offered.append(&mut other.offered);
        self.rules.append(&mut other.rules);
        self.gates.append(&mut other.gates);
    }

    pub(crate) fn save(&self) -> Option<SavedTickets> {
        let is_empty = self.rows.len() == 0 && self.rules.is_empty() && self.gates.is_empty();
        if is_empty {
            return None;
        }
        let mut rows: Vec<_> = self.rows.rows().cloned().collect();
        rows.sort_unstable_by_key(|row| row.id);
        let gates = self.gates.iter().map(|(&(performance, gate), &counts)| SavedGate {
            performance,
            gate,
            counts,
        });
        let rules = self.rules.iter().map(|(performance, rules)| (*performance, *rules));
        Some(SavedTickets { rows, rules: rules.collect(), gates: gates.collect() })
    }
}

/// The tickets of an order that did not go back.
fn tickets_of(order: &Order) -> impl Iterator<Item = TicketId> {
    let count = u16::try_from(order.places.count()).unwrap_or(u16::MAX);
    let left = (1..=count).filter(|number| !order.is_refunded(*number));
    left.map(|number| TicketId { order: order.id, number })
}

impl State {
    /// A ticket of an order that was placed, whatever became of it.
    #[must_use]
    pub fn ticket(&self, id: TicketId) -> Option<HeldTicket<'_>> {
        let order = self.order(id.order)?;
        let is_one = id.number > 0 && u32::from(id.number) <= order.places.count();
        is_one.then(|| HeldTicket { order, row: self.tickets.rows.get(id) })
    }

    /// What may be done with the tickets of a performance.
    #[must_use]
    pub fn ticket_rules(&self, performance: PerformanceId) -> TicketRules {
        self.tickets.rules.get(&performance).copied().unwrap_or(TicketRules::UNSAID)
    }

    /// The tickets that an account has of others, in order of their ids.
    pub fn tickets_received(&self, account: AccountId) -> impl Iterator<Item = TicketId> {
        of_account(&self.tickets.received, account)
    }

    /// The tickets that an account is offered, in order of their ids.
    pub fn tickets_offered_to(&self, account: AccountId) -> impl Iterator<Item = TicketId> {
        of_account(&self.tickets.offered, account)
    }

    /// What went through the gates of a performance, by name.
    pub fn gates(&self, performance: PerformanceId) -> impl Iterator<Item = (&Gate, &GateCounts)> {
        self.tickets.gates_of(performance)
    }

    /// Who counts for each place of an order.
    pub(crate) fn holders<'s>(&'s self, order: &'s Order) -> impl Iterator<Item = AccountId> + 's {
        let row = |id| self.tickets.rows.get(id);
        tickets_of(order).map(move |id| row(id).map_or(order.account, |ticket| ticket.holder))
    }

    /// Gives tickets of an order that end back to its buyer. Codes of before admit nobody, should
    /// the order come back to life.
    pub(crate) fn take_tickets_back(&mut self, order: OrderId, ends: impl Fn(u16) -> bool) {
        let Some(order) = self.orders.get(order) else { return };
        let ids = self.tickets.rows_of(order).map(|row| row.id).filter(|id| ends(id.number));
        let ids: Vec<_> = ids.collect();
        let performance = order.performance;
        for id in ids {
            let Some(row) = self.tickets.rows.get_mut(id) else { continue };
            let (holder, buyer) = (row.holder, row.buyer);
            row.generation = row.generation.saturating_add(1);
            row.holder = buyer;
            if holder != buyer {
                self.tickets.received.remove(&(holder, id));
                let show = self.performance_mut(performance);
                show.drop_seats(holder, 1);
                show.add_seats(buyer, 1);
            }
        }
    }

    /// Whether the time of an offer runs out at a deadline.
    pub(crate) fn is_offered_until(&self, id: TicketId, deadline: Timestamp) -> bool {
        let offer = self.tickets.rows.get(id).and_then(|row| row.offer.as_ref());
        offer.is_some_and(|offer| offer.until == deadline)
    }

    /// Applies an outcome and returns whether a timer may have lost its meaning.
    pub(crate) fn apply_ticket(
        &mut self,
        intent: Option<IntentId>,
        outcome: &TicketOutcome,
    ) -> bool {
        match outcome {
            TicketOutcome::RulesSet { performance, rules } => {
                self.tickets.rules.insert(*performance, *rules);
                return false;
            }
            TicketOutcome::Offered { transfer, ticket, from, to, until, .. } => {
                let (transfer, from, to, until) = (*transfer, *from, *to, *until);
                self.ticket_mut(*ticket).offer = Some(Offer { transfer, from, to, until });
                self.tickets.offered.insert((to, *ticket));
                self.timers.arm_at(until, Due::TicketOffer(*ticket));
            }
            TicketOutcome::OfferEnded { ticket, .. } => self.end_offer(*ticket),
            TicketOutcome::Transferred { ticket, performance, from, to, generation, .. } => {
                self.end_offer(*ticket);
                self.pass_ticket(*ticket, *performance, *from, *to, *generation);
            }
            TicketOutcome::CheckedIn { .. }
            | TicketOutcome::CheckedOut { .. }
            | TicketOutcome::UsedAgain { .. } => {
                let intent = intent.unwrap_or_else(|| unreachable!("a scan is no tick"));
                self.apply_scan(intent, outcome);
            }
        }
        true
    }

    fn end_offer(&mut self, id: TicketId) {
        if let Some(offer) = self.ticket_mut(id).offer.take() {
            self.tickets.offered.remove(&(offer.to, id));
        }
    }

    fn pass_ticket(
        &mut self,
        id: TicketId,
        performance: PerformanceId,
        from: AccountId,
        to: AccountId,
        generation: u16,
    ) {
        let row = self.ticket_mut(id);
        assert!(row.holder == from, "INV-60: {id} is passed on by who does not have it");
        (row.holder, row.generation) = (to, generation);
        let buyer = row.buyer;
        self.tickets.received.remove(&(from, id));
        if to != buyer {
            self.tickets.received.insert((to, id));
        }
        let show = self.performance_mut(performance);
        show.drop_seats(from, 1);
        let limit = u32::from(show.definition().sale.account_seats_max);
        assert!(show.add_seats(to, 1) <= limit, "INV-3: an account is above its limit");
    }

    fn apply_scan(&mut self, intent: IntentId, outcome: &TicketOutcome) {
        let (TicketOutcome::CheckedIn { ticket, performance, at, scan, .. }
        | TicketOutcome::CheckedOut { ticket, performance, at, scan }
        | TicketOutcome::UsedAgain { ticket, performance, at, scan, .. }) = outcome
        else {
            unreachable!("called for scans only")
        };
        let uses = &mut self.ticket_mut(*ticket).uses;
        uses.remember(*scan, intent);
        let mut counts = GateCounts::default();
        match outcome {
            TicketOutcome::CheckedIn { entry, .. } => {
                assert!(!uses.is_inside, "INV-61: {ticket} admits twice");
                uses.last = Some(*at);
                uses.entries = *entry;
                uses.is_inside = true;
                if *entry == 1 { counts.entries = 1 } else { counts.reentries = 1 }
            }
            TicketOutcome::CheckedOut { .. } => {
                uses.is_inside = false;
                counts.exits = 1;
            }
            TicketOutcome::UsedAgain { .. }
            | TicketOutcome::RulesSet { .. }
            | TicketOutcome::Offered { .. }
            | TicketOutcome::Transferred { .. }
            | TicketOutcome::OfferEnded { .. } => counts.conflicts = 1,
        }
        self.tickets.gates.entry((*performance, at.gate)).or_default().add(counts);
    }

    /// The row of a ticket, which is made when something happens to it for the first time.
    fn ticket_mut(&mut self, id: TicketId) -> &mut Ticket {
        if self.tickets.rows.get(id).is_none() {
            let buyer = self.order_mut(id.order).account;
            let uses = TicketUses::default();
            let row = Ticket { id, holder: buyer, generation: 0, offer: None, uses, buyer };
            self.tickets.rows.insert(id, row);
        }
        let row = self.tickets.rows.get_mut(id);
        row.unwrap_or_else(|| unreachable!("the row was made"))
    }

    /// Restores what is known of tickets, before the orders that they are of.
    pub(crate) fn restore_tickets(&mut self, saved: SavedTickets) {
        for row in saved.rows {
            if row.holder != row.buyer {
                self.tickets.received.insert((row.holder, row.id));
            }
            if let Some(offer) = &row.offer {
                self.tickets.offered.insert((offer.to, row.id));
                self.timers.arm_at(offer.until, Due::TicketOffer(row.id));
            }
            self.tickets.rows.insert(row.id, row);
        }
        self.tickets.rules.extend(saved.rules);
        for SavedGate { performance, gate, counts } in saved.gates {
            self.tickets.gates.insert((performance, gate), counts);
        }
    }
}

fn of_account(
    set: &BTreeSet<(AccountId, TicketId)>,
    account: AccountId,
) -> impl Iterator<Item = TicketId> {
    let least = TicketId { order: OrderId(IntentId::MIN), number: 0 };
    set.range((account, least)..).take_while(move |(of, _)| *of == account).map(|(_, id)| *id)
}
