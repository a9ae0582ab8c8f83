//! One performance in the naive model: who has which place, checked at every change.
//!
//! Knows nothing of orders and money; those are the model's.

use std::collections::HashMap;

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::model::Step;
use super::venue::{ACCOUNT_SEATS_MAX, Venue};

/// Who has a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    Hold(String),
    Order(String),
    Ticket(String),
}

#[derive(Debug)]
struct Seat {
    price_minor: i64,
    owner: Owner,
    /// Live tickets, counted apart from the owner: a mistake about one must not hide the other.
    tickets: u32,
}

/// One performance as the model sees it.
#[derive(Debug)]
pub(super) struct House {
    seats: HashMap<String, Seat>,
    standing_section: &'static str,
    standing_price_minor: i64,
    capacity: u32,
    standing_held: u32,
    standing_sold: u32,
    seats_of: HashMap<String, u32>,
}

/// Places by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounted {
    pub(super) sold: u64,
    pub(super) free: u64,
    pub(super) held: u64,
}

/// What a hold or an order is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) seats: Vec<String>,
    pub(super) standing: u32,
}

impl Places {
    /// The places that an outcome names.
    pub(super) fn of(outcome: &Value) -> Self {
        let list = |field: &str| outcome[field].as_array().map_or(&[][..], Vec::as_slice);
        let seats = list("seats").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let quantity = |section: &Value| section["quantity"].as_u64().unwrap_or(0) as u32;
        Self { seats, standing: list("sections").iter().map(quantity).sum() }
    }

    /// Seats and standing places together.
    pub(super) fn count(&self) -> u32 {
        self.seats.len() as u32 + self.standing
    }
}

impl House {
    /// A house in which every place is free.
    pub(super) fn new(venue: &Venue) -> Self {
        let free = |price_minor| Seat { price_minor, owner: Owner::Nobody, tickets: 0 };
        Self {
            seats: venue.seats().map(|(label, price)| (label, free(price))).collect(),
            standing_section: venue.standing.section,
            standing_price_minor: venue.standing.price_minor,
            capacity: venue.standing.capacity,
            standing_held: 0,
            standing_sold: 0,
            seats_of: HashMap::new(),
        }
    }

    /// Adds every place to what became of it.
    pub(super) fn account_for(&self, sum: &mut Accounted) {
        for seat in self.seats.values() {
            match seat.owner {
                Owner::Nobody => sum.free += 1,
                Owner::Hold(_) | Owner::Order(_) => sum.held += 1,
                Owner::Ticket(_) => sum.sold += 1,
            }
        }
        sum.sold += u64::from(self.standing_sold);
        sum.held += u64::from(self.standing_held);
        sum.free += u64::from(self.standing_remaining());
    }

    /// Places that are not free.
    pub(super) fn taken(&self) -> u64 {
        let mut sum = Accounted::default();
        self.account_for(&mut sum);
        sum.sold + sum.held
    }

    /// Standing places that nobody has.
    pub(super) fn standing_remaining(&self) -> u32 {
        self.capacity.saturating_sub(self.standing_held + self.standing_sold)
    }

    /// Code of the section where people stand.
    pub(super) fn standing_section(&self) -> &str {
        self.standing_section
    }

    /// Who has a seat; `None` when there is no such seat.
    pub(super) fn owner(&self, seat: &str) -> Option<&Owner> {
        self.seats.get(seat).map(|seat| &seat.owner)
    }

    /// What places cost together; `None` when one does not exist.
    pub(super) fn price(&self, places: &Places) -> Option<i64> {
        let standing = self.standing_price_minor * i64::from(places.standing);
        let seats = places.seats.iter().map(|label| self.seats.get(label).map(|s| s.price_minor));
        seats.sum::<Option<i64>>().map(|sum| sum + standing)
    }

    /// Issues a ticket for each seat, and counts the seats that had one.
    pub(super) fn issue_tickets(&mut self, places: &Places) -> u64 {
        let mut sold_before = 0;
        for label in &places.seats {
            if let Some(seat) = self.seats.get_mut(label) {
                sold_before += u64::from(seat.tickets > 0);
                seat.tickets += 1;
            }
        }
        sold_before
    }

    /// Takes the tickets back.
    pub(super) fn withdraw_tickets(&mut self, places: &Places) {
        for label in &places.seats {
            if let Some(seat) = self.seats.get_mut(label) {
                seat.tickets = seat.tickets.saturating_sub(1);
            }
        }
    }

    /// Gives free places to an owner.
    pub(super) fn occupy(
        &mut self,
        step: &Step,
        places: &Places,
        to: &Owner,
        findings: &mut Findings,
    ) {
        for label in &places.seats {
            let Some(seat) = self.seats.get_mut(label) else {
                findings.note(Invariant::PlaceHasOneOwner, || {
                    format!("{}: no seat {label} in the house", at(step))
                });
                continue;
            };
            let invariant = match (&seat.owner, to) {
                (Owner::Ticket(_), Owner::Ticket(_)) => Invariant::SeatSoldOnce,
                _ => Invariant::PlaceHasOneOwner,
            };
            findings.check(seat.owner == Owner::Nobody, invariant, || {
                format!("{}: {label} goes to {to:?} and belongs to {:?}", at(step), seat.owner)
            });
            seat.owner = to.clone();
        }
        *self.standing_of(to) += places.standing;
        let taken = self.standing_held + self.standing_sold;
        findings.check(taken <= self.capacity, Invariant::StandingWithinCapacity, || {
            format!("{}: {taken} of {} places are taken", at(step), self.capacity)
        });
    }

    /// Frees the places of an owner.
    pub(super) fn vacate(
        &mut self,
        step: &Step,
        places: &Places,
        from: &Owner,
        findings: &mut Findings,
    ) {
        for label in &places.seats {
            let Some(seat) = self.seats.get_mut(label) else { continue };
            findings.check(seat.owner == *from, Invariant::PlaceHasOneOwner, || {
                format!("{}: {label} leaves {from:?} and belongs to {:?}", at(step), seat.owner)
            });
            seat.owner = Owner::Nobody;
        }
        let taken = self.standing_of(from);
        let short = places.standing > *taken;
        *taken = taken.saturating_sub(places.standing);
        findings.check(!short, Invariant::StandingWithinCapacity, || {
            format!("{}: {from:?} gives back more places than were taken", at(step))
        });
    }

    fn standing_of(&mut self, owner: &Owner) -> &mut u32 {
        match owner {
            Owner::Ticket(_) => &mut self.standing_sold,
            Owner::Nobody | Owner::Hold(_) | Owner::Order(_) => &mut self.standing_held,
        }
    }

    /// Counts places that an account gets.
    pub(super) fn count_in(
        &mut self,
        step: &Step,
        account: &str,
        places: u32,
        findings: &mut Findings,
    ) {
        let seats = self.seats_of.entry(account.to_owned()).or_insert(0);
        *seats += places;
        findings.check(
            *seats <= u32::from(ACCOUNT_SEATS_MAX),
            Invariant::AccountWithinLimit,
            || format!("{}: an account has {seats} places", at(step)),
        );
    }

    /// Counts places that an account gives back.
    pub(super) fn count_out(&mut self, account: &str, places: u32) {
        if let Some(seats) = self.seats_of.get_mut(account) {
            *seats = seats.saturating_sub(places);
        }
    }
}

/// Where a step is, for messages.
pub(super) fn at(step: &Step) -> String {
    format!("outcomes/{}@{}", step.place.0, step.place.1)
}
