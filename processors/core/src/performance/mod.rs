//! One performance: its layout, who owns which seat, and whether it sells.

mod best_available;
mod inventory;
mod layout;
mod party;

use boxoffice_topics::outcome::PlaceQuantity;
use boxoffice_topics::{
    AccountId, Money, Offset, PerformanceDefinition, PerformanceId, Places, PointsRule,
    RefundTerms, SeatNumber, SectionNumber, Timestamp,
};
use rustc_hash::FxHashMap;

use crate::channels::{Channels, of_channel};
use crate::refund::Cancellation;
use crate::settlement::Ledger;
use crate::waiting_room::WaitingRoom;

pub(crate) use best_available::Wish;
pub(crate) use inventory::{Inventory, Owner};
pub(crate) use layout::{Layout, RowLayout};

/// Whether a performance sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaleState {
    /// Not yet.
    Scheduled,
    /// Now.
    Open,
    /// No longer.
    Closed,
}

/// Whether a seat can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatState {
    /// Nobody has it.
    Free,
    /// Somebody holds it, or has ordered it and not yet paid.
    Held,
    /// Somebody owns it.
    Sold,
    /// Nobody has it, and not everybody may.
    SetAside,
}

/// What a promoter last said about the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum SaleSwitch {
    #[n(0)]
    BySchedule,
    #[n(1)]
    OpenedAt(#[n(0)] Timestamp),
    #[n(2)]
    Closed,
}

/// One performance.
#[derive(Clone, Debug)]
pub struct Performance {
    definition: PerformanceDefinition,
    pub(crate) layout: Layout,
    pub(crate) inventory: Inventory,
    pub(crate) switch: SaleSwitch,
    /// What orders earn; nothing when the promoter has not said.
    pub(crate) points_rule: Option<PointsRule>,
    /// Terms of refunds by number, the latest at the end; never empty.
    pub(crate) refund_terms: Vec<RefundTerms>,
    /// Once it will not be shown.
    pub(crate) cancellation: Option<Box<Cancellation>>,
    /// What its money was for; none in logs from before there was settlement.
    pub(crate) ledger: Option<Box<Ledger>>,
    /// Seats that each account holds and owns. Zero is not kept.
    seats_of: FxHashMap<AccountId, u32>,
    /// None until a promoter has set its rules.
    pub(crate) room: Option<Box<WaitingRoom>>,
    /// For whom places are set aside.
    pub(crate) channels: Channels,
    pub(crate) changed_at: Offset,
}

impl Performance {
    pub(crate) fn new(definition: PerformanceDefinition, created_at: Offset) -> Self {
        let layout = Layout::of(&definition);
        let inventory = Inventory::of(&layout);
        let ledger = definition.settlement_terms.map(|terms| Box::new(Ledger::new(terms)));
        let refund_terms = vec![definition.refund_terms.as_deref().cloned().unwrap_or_default()];
        Self {
            definition,
            layout,
            inventory,
            switch: SaleSwitch::BySchedule,
            points_rule: None,
            refund_terms,
            cancellation: None,
            ledger,
            seats_of: FxHashMap::default(),
            room: None,
            channels: Channels::default(),
            changed_at: created_at,
        }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> PerformanceId {
        self.definition.performance
    }

    /// What the promoter said of it.
    #[must_use]
    pub fn definition(&self) -> &PerformanceDefinition {
        &self.definition
    }

    /// What orders earn; nothing when the promoter has not said.
    #[must_use]
    pub fn points_rule(&self) -> Option<PointsRule> {
        self.points_rule
    }

    /// Whether it sells at a moment.
    #[must_use]
    pub fn sale_state(&self, now: Timestamp) -> SaleState {
        let sale = &self.definition.sale;
        let closed_since = |opened: Timestamp| {
            sale.closes_at.is_some_and(|closes| closes <= now && opened < closes)
        };
        match self.switch {
            _ if self.cancellation.is_some() => SaleState::Closed,
            SaleSwitch::Closed => SaleState::Closed,
            SaleSwitch::OpenedAt(opened) if closed_since(opened) => SaleState::Closed,
            SaleSwitch::OpenedAt(_) => SaleState::Open,
            SaleSwitch::BySchedule => match sale.opens_at {
                _ if sale.closes_at.is_some_and(|closes| closes <= now) => SaleState::Closed,
                Some(opens) if opens <= now => SaleState::Open,
                Some(_) | None => SaleState::Scheduled,
            },
        }
    }

    /// When the sale opened by hand, or opens by schedule; `None` when nobody has said so.
    pub(crate) fn opens_at(&self) -> Option<Timestamp> {
        match self.switch {
            SaleSwitch::OpenedAt(opened) => Some(opened),
            SaleSwitch::BySchedule => self.definition.sale.opens_at,
            SaleSwitch::Closed => None,
        }
    }

    pub(crate) fn is_opened_by_hand(&self) -> bool {
        matches!(self.switch, SaleSwitch::OpenedAt(_))
    }

    /// Whether a seat can be had; `None` when there is no such seat.
    #[must_use]
    pub fn seat_state(&self, seat: SeatNumber) -> Option<SeatState> {
        Some(match self.inventory.owner(seat)? {
            Owner::Nobody if self.inventory.is_set_aside(&self.layout, seat) => SeatState::SetAside,
            Owner::Nobody => SeatState::Free,
            Owner::Hold(_) | Owner::UnpaidOrder(_) => SeatState::Held,
            Owner::PaidOrder(_) => SeatState::Sold,
        })
    }

    /// A seat's label, `section-row-seat`; empty when there is no such seat.
    #[must_use]
    pub fn seat_label(&self, seat: SeatNumber) -> String {
        self.layout.label(&self.definition, seat).unwrap_or_default()
    }

    /// The seat with this label.
    #[must_use]
    pub fn seat_number(&self, label: &str) -> Option<SeatNumber> {
        self.layout.seat(label)
    }

    /// Index of the price level of a seat.
    #[must_use]
    pub fn price_level_of(&self, seat: SeatNumber) -> Option<u16> {
        self.layout.row_of(seat).map(|row| row.price_level)
    }

    /// The code of a price level.
    #[must_use]
    pub fn price_level_code(&self, level: u16) -> Option<&str> {
        self.definition.price_levels.get(usize::from(level)).map(|level| &*level.code)
    }

    /// What one seat costs.
    #[must_use]
    pub fn price_of_seat(&self, seat: SeatNumber) -> Option<Money> {
        self.price(self.price_level_of(seat)?)
    }

    /// What one place in a general-admission section costs.
    #[must_use]
    pub fn price_of_section(&self, section: SectionNumber) -> Option<Money> {
        self.price(self.layout.general_admission(section)?.price_level)
    }

    /// The code of a section; empty when there is no such section.
    #[must_use]
    pub fn section_code(&self, section: SectionNumber) -> &str {
        let index = usize::from(section.0);
        self.definition.sections.get(index).map_or("", |section| &section.code)
    }

    /// Seats or places that can be had in a section.
    #[must_use]
    pub fn remaining(&self, section: SectionNumber) -> u32 {
        match self.layout.general_admission(section) {
            Some(_) => self.inventory.remaining_places(section),
            None => self.inventory.free_seats(self.layout.rows_of(section)),
        }
    }

    /// The last offset at which the availability of a seat or place changed.
    #[must_use]
    pub fn changed_at(&self) -> Offset {
        self.changed_at
    }

    /// Seats that an account holds and owns here.
    #[must_use]
    pub fn seats_of(&self, account: AccountId) -> u32 {
        self.seats_of.get(&account).copied().unwrap_or(0)
    }

    /// What places cost together; `None` when it cannot be told exactly.
    pub(crate) fn total(&self, places: &Places) -> Option<Money> {
        let zero = Money::zero(self.definition.currency);
        let seats = places
            .seats
            .iter()
            .try_fold(zero, |sum, seat| sum.checked_add(self.price_of_seat(*seat)?))?;
        places.quantities.iter().try_fold(seats, |sum, place| {
            let price = self.price_of_section(place.section)?;
            sum.checked_add(price.checked_mul(place.quantity.into())?)
        })
    }

    /// Whether an account may have that many seats more.
    pub(crate) fn within_limit(&self, account: AccountId, seats: u32) -> bool {
        let limit = u32::from(self.definition.sale.account_seats_max);
        self.seats_of(account).saturating_add(seats) <= limit
    }

    /// Whether every place can be had by whoever had them before.
    pub(crate) fn all_free(&self, places: &Places) -> bool {
        let channel = places.channel.and_then(|of| self.channels.get(of.channel));
        let is_free = |seat: &SeatNumber| match self.seat_state(*seat) {
            Some(SeatState::Free) => true,
            Some(SeatState::SetAside) => {
                channel.is_some_and(|channel| channel.seats().contains(*seat))
            }
            Some(SeatState::Held | SeatState::Sold) | None => false,
        };
        let is_left = |(index, place): (usize, &PlaceQuantity)| {
            let of_channel = channel.filter(|_| places.channel.is_some_and(|of| of.has(index)));
            let left = match of_channel {
                Some(channel) => channel.free_places(place.section),
                None => self.inventory.remaining_places(place.section),
            };
            left >= u32::from(place.quantity)
        };
        self.channels.check_uses(places).is_ok()
            && places.seats.iter().all(is_free)
            && places.quantities.iter().enumerate().all(is_left)
    }

    /// Gives free places to a hold, or to an order that comes back to life.
    pub(crate) fn occupy(&mut self, account: AccountId, places: &Places, owner: Owner, at: Offset) {
        self.channels.take(places, owner);
        self.inventory.take(&self.layout, places, owner);
        let seats = self.add_seats(account, places.count());
        let limit = u32::from(self.definition.sale.account_seats_max);
        assert!(seats <= limit, "INV-3: an account is above its limit");
        self.changed_at = at;
    }

    /// Frees the last places of an owner, who ends.
    pub(crate) fn vacate(&mut self, account: AccountId, places: &Places, owner: Owner, at: Offset) {
        self.vacate_some(account, places, owner, at);
        self.channels.end_use(places);
    }

    /// Frees places of an owner who keeps others.
    pub(crate) fn vacate_some(
        &mut self,
        account: AccountId,
        places: &Places,
        owner: Owner,
        at: Offset,
    ) {
        self.inventory.give_back(&self.layout, places, owner);
        if self.channels.give_back(places, owner) {
            for place in places.channel.iter().flat_map(|of| of_channel(places, *of)) {
                self.inventory.set_places_aside(place.section, place.quantity.into());
            }
        }
        self.drop_seats(account, places.count());
        self.changed_at = at;
    }

    /// Counts seats to an account, and returns how many it has.
    pub(crate) fn add_seats(&mut self, account: AccountId, more: u32) -> u32 {
        let seats = self.seats_of.entry(account).or_insert(0);
        *seats = seats.saturating_add(more);
        *seats
    }

    /// Counts seats to an account no more.
    pub(crate) fn drop_seats(&mut self, account: AccountId, fewer: u32) {
        match self.seats_of(account).checked_sub(fewer) {
            Some(0) => drop(self.seats_of.remove(&account)),
            Some(seats) => drop(self.seats_of.insert(account, seats)),
            None => panic!("INV-3: an account gives back more than it has"),
        }
    }

    /// Passes places from one owner to the next: hold, unpaid order, paid order.
    pub(crate) fn pass_on(&mut self, places: &Places, from: Owner, to: Owner, at: Offset) {
        self.inventory.pass_on(places, from, to);
        self.channels.pay(places, to);
        self.changed_at = at;
    }

    fn price(&self, level: u16) -> Option<Money> {
        let level = self.definition.price_levels.get(usize::from(level))?;
        Some(self.definition.price(level))
    }
}
