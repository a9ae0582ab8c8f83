//! Which tickets are meant, and which places they are for.

use boxoffice_topics::inventory::ChannelUse;
use boxoffice_topics::outcome::PlaceQuantity;
use boxoffice_topics::refund::TicketNumbers;
use boxoffice_topics::{Places, Refusal, RefusalCode, SectionNumber};

use crate::order::Order;
use crate::performance::Performance;

/// The tickets of an order that are to go back.
#[derive(Clone, Copy, Debug)]
pub enum WantedTickets<'a> {
    /// All that are left.
    All,
    /// These.
    Named {
        /// By number, from one.
        numbers: &'a [u16],
        /// By label of the seat, or by code of the section, once for each place.
        places: &'a [&'a str],
    },
}

/// One place of an order.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Seat(boxoffice_topics::SeatNumber),
    In(SectionNumber),
}

/// Every place of an order with the number of its ticket, from one: seats, then section by section.
fn places(places: &Places) -> impl Iterator<Item = (u16, Place)> {
    let seats = places.seats.iter().map(|seat| Place::Seat(*seat));
    let standing = places
        .quantities
        .iter()
        .flat_map(|place| std::iter::repeat_n(Place::In(place.section), place.quantity.into()));
    (1..).zip(seats.chain(standing))
}

/// The section in which a ticket is a counted place.
pub(crate) fn section_of(of: &Places, ticket: u16) -> Option<SectionNumber> {
    let (_, place) = places(of).find(|(number, _)| *number == ticket)?;
    match place {
        Place::In(section) => Some(section),
        Place::Seat(_) => None,
    }
}

/// The places of the tickets that `is_wanted` lets pass, of the same channel.
pub(super) fn places_where(of: &Places, is_wanted: impl Fn(u16) -> bool) -> Places {
    let channel = of.channel.map(|of| ChannelUse { quantities: 0, ..of });
    let mut some = Places { channel, ..Places::default() };
    let mut tickets = 1..;
    let mut is_next_wanted = || tickets.next().is_some_and(&is_wanted);
    for seat in &of.seats {
        if is_next_wanted() {
            some.seats.push(*seat);
        }
    }
    for (item, place) in of.quantities.iter().enumerate() {
        let quantity = (0..place.quantity).map(|_| u16::from(is_next_wanted())).sum();
        if quantity == 0 {
            continue;
        }
        if of.channel.is_some_and(|of| of.has(item)) {
            some.channel = some.channel.map(|of| of.with(some.quantities.len()));
        }
        some.quantities.push(PlaceQuantity { quantity, ..*place });
    }
    some
}

/// The numbers of the wanted tickets. The item of a refusal counts numbers, then places.
pub(super) fn resolve(
    performance: &Performance,
    order: &Order,
    wanted: &WantedTickets<'_>,
) -> Result<TicketNumbers, Refusal> {
    let WantedTickets::Named { numbers, places: labels } = *wanted else {
        return Ok(left(order));
    };
    let mut tickets = TicketNumbers::new();
    let by_number = numbers.iter().map(|number| Name::Number(*number));
    let names = by_number.chain(labels.iter().map(|label| Name::Label(label)));
    for (item, name) in names.enumerate() {
        let ticket = find(performance, order, name, &tickets);
        let ticket = ticket.map_err(|code| code.at_item(item))?;
        tickets.try_push(ticket).map_err(|_| RefusalCode::TicketUnknown.at_item(item))?;
    }
    if tickets.is_empty() {
        return Err(RefusalCode::TicketUnknown.into());
    }
    Ok(tickets)
}

/// All that are left.
pub(super) fn left(order: &Order) -> TicketNumbers {
    places(&order.places).map(|(ticket, _)| ticket).filter(|it| !order.is_refunded(*it)).collect()
}

enum Name<'a> {
    Number(u16),
    Label(&'a str),
}

fn find(
    performance: &Performance,
    order: &Order,
    name: Name<'_>,
    taken: &TicketNumbers,
) -> Result<u16, RefusalCode> {
    let place = match name {
        Name::Number(number) => {
            let mut all = places(&order.places);
            all.find(|(ticket, _)| *ticket == number).ok_or(RefusalCode::TicketUnknown)?;
            return check(order, number, taken);
        }
        Name::Label(label) => match performance.seat_number(label) {
            Some(seat) => Place::Seat(seat),
            None => Place::In(performance.layout.section(label).ok_or(RefusalCode::TicketUnknown)?),
        },
    };
    // Places of a section are alike: the first that is left is meant.
    let mut refused = RefusalCode::TicketUnknown;
    for (ticket, _) in places(&order.places).filter(|(_, other)| *other == place) {
        match check(order, ticket, taken) {
            Ok(ticket) => return Ok(ticket),
            Err(code) => refused = code,
        }
    }
    Err(refused)
}

fn check(order: &Order, ticket: u16, taken: &TicketNumbers) -> Result<u16, RefusalCode> {
    if order.is_refunded(ticket) {
        Err(RefusalCode::TicketAlreadyRefunded)
    } else if taken.contains(&ticket) {
        Err(RefusalCode::TicketRepeated)
    } else {
        Ok(ticket)
    }
}
