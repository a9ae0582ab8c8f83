//! What a promoter asks about channels and companion seats, and what time does to them.

use boxoffice_topics::inventory::{
    CHANNEL_RANGES_MAX, CHANNELS_MAX, ChannelNumber, ChannelRules, SELECTORS_MAX, SeatRange,
    SectionPlaces, Selector,
};
use boxoffice_topics::{
    InventoryIntent, InventoryOutcome, Outcome, PerformanceId, Refusal, RefusalCode, SectionNumber,
};

use super::{Channel, SeatRanges};
use crate::decide::Asked;
use crate::performance::Performance;

pub(crate) fn decide_inventory(
    asked: &Asked<'_>,
    intent: &InventoryIntent<'_>,
) -> Result<Outcome, Refusal> {
    let show = asked.performance(intent.performance())?;
    let outcome = match intent {
        InventoryIntent::SetChannel { channel, rules, .. } => set_channel(show, channel, *rules)?,
        InventoryIntent::SetAside { channel, items, .. } => {
            let channel = named(show, channel)?;
            if channel.rules.releases_at.is_some_and(|at| at <= asked.now) {
                return Err(RefusalCode::ChannelReleased.into());
            }
            set_aside(show, channel, items)?
        }
        InventoryIntent::Release { channel, items, .. } => {
            release(show, named(show, channel)?, items)?
        }
        InventoryIntent::ReleaseAll { channel, .. } => release_all(show, named(show, channel)?),
        InventoryIntent::ReleaseCompanions { .. } => {
            if !show.inventory.keeps_companions() {
                return Err(RefusalCode::CompanionsAlreadyReleased.into());
            }
            InventoryOutcome::CompanionsReleased { performance: show.id() }
        }
    };
    Ok(Outcome::Inventory(outcome))
}

/// The moment has come at which a channel gives its places back.
pub(crate) fn release_at_last(
    asked: &Asked<'_>,
    performance: PerformanceId,
    channel: ChannelNumber,
) -> Option<Outcome> {
    let show = asked.state.performance(performance)?;
    let channel = show.channels.get(channel)?;
    Some(Outcome::Inventory(release_all(show, channel)))
}

/// The moment has come from which companion seats are seats like any other.
pub(crate) const fn release_companions_at_last(performance: PerformanceId) -> Outcome {
    Outcome::Inventory(InventoryOutcome::CompanionsReleased { performance })
}

fn named<'s>(show: &'s Performance, code: &str) -> Result<&'s Channel, RefusalCode> {
    show.channels.named(code).ok_or(RefusalCode::ChannelUnknown)
}

fn set_channel(
    show: &Performance,
    code: &str,
    rules: ChannelRules,
) -> Result<InventoryOutcome, Refusal> {
    let known = show.channels.named(code).map(|channel| channel.number);
    let has_code = |channel: &Channel| channel.rules.code == rules.code;
    if show.channels.iter().any(|channel| Some(channel.number) != known && has_code(channel)) {
        return Err(RefusalCode::ChannelCodeTaken.into());
    }
    let next = show.channels.iter().len();
    if known.is_none() && next >= CHANNELS_MAX {
        return Err(RefusalCode::ChannelLimitReached.into());
    }
    let next = ChannelNumber(u16::try_from(next).unwrap_or(u16::MAX));
    let (performance, channel) = (show.id(), known.unwrap_or(next));
    Ok(InventoryOutcome::ChannelSet { performance, channel, code: code.into(), rules })
}

/// What some items mean, as far as they were read.
#[derive(Default)]
struct Meant {
    seats: SeatRanges,
    places: Vec<SectionPlaces>,
}

impl Meant {
    fn add_seats(&mut self, range: SeatRange) -> Result<(), RefusalCode> {
        if self.seats.overlaps(range) {
            return Err(RefusalCode::SeatRepeated);
        }
        self.seats.add(range);
        Ok(())
    }

    fn add_places(&mut self, places: SectionPlaces) -> Result<(), RefusalCode> {
        if self.places.iter().any(|other| other.section == places.section) {
            return Err(RefusalCode::SeatRepeated);
        }
        self.places.push(places);
        Ok(())
    }
}

/// One item, with its numbers.
enum Item {
    Seats(SeatRange),
    Places(SectionNumber, Option<u32>),
}

fn read(show: &Performance, selector: &Selector<'_>) -> Result<Item, RefusalCode> {
    let layout = &show.layout;
    let section = |code| layout.section(code).ok_or(RefusalCode::SectionUnknown);
    match selector {
        Selector::Seat(label) => {
            let first = layout.seat(label).ok_or(RefusalCode::SeatUnknown)?;
            let is_of_table = layout.row_of(first).is_some_and(|row| row.table.is_some());
            if is_of_table {
                return Err(RefusalCode::TableSoldWhole);
            }
            Ok(Item::Seats(SeatRange { first, seats: 1 }))
        }
        Selector::Row(label) => {
            let row = layout.row(label).ok_or(RefusalCode::RowUnknown)?;
            Ok(Item::Seats(row.range()))
        }
        Selector::Section(code) => {
            let section = section(code)?;
            let seats = layout.seats_of(section);
            Ok(seats.map_or(Item::Places(section, None), Item::Seats))
        }
        Selector::Places { section: code, quantity } => {
            let section = section(code)?;
            if layout.general_admission(section).is_none() {
                return Err(RefusalCode::SectionNotGeneralAdmission);
            }
            if *quantity == 0 {
                return Err(RefusalCode::QuantityOutOfRange);
            }
            Ok(Item::Places(section, Some(*quantity)))
        }
    }
}

fn read_all(
    show: &Performance,
    items: &[Selector<'_>],
    take: impl Fn(&mut Meant, Item) -> Result<(), RefusalCode>,
) -> Result<Meant, Refusal> {
    if !(1..=SELECTORS_MAX).contains(&items.len()) {
        return Err(RefusalCode::QuantityOutOfRange.into());
    }
    let mut meant = Meant::default();
    for (index, selector) in items.iter().enumerate() {
        let item = read(show, selector).map_err(|code| code.at_item(index))?;
        take(&mut meant, item).map_err(|code| code.at_item(index))?;
    }
    Ok(meant)
}

fn set_aside(
    show: &Performance,
    channel: &Channel,
    items: &[Selector<'_>],
) -> Result<InventoryOutcome, Refusal> {
    let meant = read_all(show, items, |meant, item| match item {
        Item::Seats(range) if show.inventory.all_free(&show.layout, range) => {
            meant.add_seats(range)
        }
        Item::Seats(_) => Err(RefusalCode::PlacesNotFree),
        Item::Places(section, quantity) => {
            let general = show.layout.general_admission(section);
            let quantity = quantity.or(general.map(|general| general.capacity)).unwrap_or(0);
            if show.inventory.remaining_places(section) < quantity {
                return Err(RefusalCode::PlacesNotFree);
            }
            meant.add_places(SectionPlaces { section, quantity })
        }
    })?;
    let Meant { seats, places } = meant;
    let mut all = channel.seats.clone();
    seats.as_slice().iter().for_each(|range| all.add(*range));
    check_ranges(&all)?;
    let (performance, channel) = (show.id(), channel.number);
    Ok(InventoryOutcome::SetAside { performance, channel, seats: seats.into_vec(), places })
}

fn release(
    show: &Performance,
    channel: &Channel,
    items: &[Selector<'_>],
) -> Result<InventoryOutcome, Refusal> {
    let meant = read_all(show, items, |meant, item| match item {
        Item::Seats(range) => {
            let own: Vec<_> = channel.seats.within(range).collect();
            if own.is_empty() {
                return Err(RefusalCode::NotSetAside);
            }
            own.into_iter().try_for_each(|range| meant.add_seats(range))
        }
        Item::Places(section, quantity) => {
            let free = channel.free_places(section);
            let quantity = quantity.unwrap_or(free);
            if !(1..=free).contains(&quantity) {
                return Err(RefusalCode::NotSetAside);
            }
            meant.add_places(SectionPlaces { section, quantity })
        }
    })?;
    let Meant { seats, places } = meant;
    let mut left = channel.seats.clone();
    seats.as_slice().iter().for_each(|range| left.remove(*range));
    check_ranges(&left)?;
    let (performance, channel, is_all) = (show.id(), channel.number, false);
    Ok(InventoryOutcome::Released { performance, channel, seats: seats.into_vec(), places, is_all })
}

fn release_all(show: &Performance, channel: &Channel) -> InventoryOutcome {
    InventoryOutcome::Released {
        performance: show.id(),
        channel: channel.number,
        seats: channel.seats.as_slice().to_vec(),
        places: channel.free_everywhere().collect(),
        is_all: true,
    }
}

fn check_ranges(seats: &SeatRanges) -> Result<(), RefusalCode> {
    if seats.as_slice().len() <= CHANNEL_RANGES_MAX {
        Ok(())
    } else {
        Err(RefusalCode::ChannelLimitReached)
    }
}
