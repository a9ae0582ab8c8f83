//! Channels: places that are set aside, who may buy them, and how they come back to everybody.
//!
//! A seat of a channel stays the channel's whoever holds or owns it, until it is released. Places
//! of general admission are counted: those that the channel has, and those of them that were
//! bought with its code. What comes back goes back to where it was taken from.
//!
//! - INV-50: no seat is set aside for two channels, and none is sold to whoever has not the code.
//! - INV-51: free, held, sold and set aside are all the places that there are.

mod ask;
mod change;
mod ranges;
mod saved;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use boxoffice_topics::inventory::{ChannelNumber, ChannelRules, ChannelUse, SectionPlaces};
use boxoffice_topics::outcome::PlaceQuantity;
use boxoffice_topics::{CodeHash, Places, RefusalCode, SeatNumber, SectionNumber, Timestamp};

pub(crate) use self::ask::{decide_inventory, release_at_last, release_companions_at_last};
pub(crate) use self::ranges::SeatRanges;
pub(crate) use self::saved::SavedChannel;
pub use self::view::ChannelCounts;
use crate::performance::Owner;

/// One channel of a performance.
#[derive(Clone, Debug)]
pub struct Channel {
    number: ChannelNumber,
    code: Box<str>,
    rules: ChannelRules,
    seats: SeatRanges,
    sections: BTreeMap<SectionNumber, Counted>,
    /// All of it was released: what comes back is everybody's.
    is_released: bool,
    /// Holds and orders that were made with its code.
    uses: u32,
}

/// Places of one section.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    set_aside: u32,
    /// How many of them are held or owned by whoever had the code.
    taken: u32,
    /// How many of those are paid.
    sold: u32,
}

impl Counted {
    fn free(self) -> u32 {
        self.set_aside.saturating_sub(self.taken)
    }
}

impl Channel {
    fn new(number: ChannelNumber, code: &str, rules: ChannelRules) -> Self {
        Self {
            number,
            code: code.into(),
            rules,
            seats: SeatRanges::default(),
            sections: BTreeMap::new(),
            is_released: false,
            uses: 0,
        }
    }

    pub(crate) const fn number(&self) -> ChannelNumber {
        self.number
    }

    pub(crate) fn seats(&self) -> &SeatRanges {
        &self.seats
    }

    /// Places of a section that can be had with the code.
    pub(crate) fn free_places(&self, section: SectionNumber) -> u32 {
        self.sections.get(&section).map_or(0, |counted| counted.free())
    }

    fn free_everywhere(&self) -> impl Iterator<Item = SectionPlaces> {
        let counts = self.sections.iter();
        counts
            .map(|(section, counted)| SectionPlaces { section: *section, quantity: counted.free() })
            .filter(|places| places.quantity > 0)
    }

    fn has_uses_left(&self) -> bool {
        self.rules.uses_max.is_none_or(|most| self.uses < most)
    }

    /// When it gives its places back by itself, if it has not.
    pub(crate) fn releases_at(&self) -> Option<Timestamp> {
        self.rules.releases_at.filter(|_| !self.is_released)
    }
}

/// The channels of a performance, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels(Vec<Channel>);

impl Channels {
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Channel> {
        self.0.iter()
    }

    pub(crate) fn get(&self, number: ChannelNumber) -> Option<&Channel> {
        self.0.get(usize::from(number.0))
    }

    fn get_mut(&mut self, number: ChannelNumber) -> &mut Channel {
        self.0
            .get_mut(usize::from(number.0))
            .unwrap_or_else(|| unreachable!("outcomes name channels that exist"))
    }

    fn named(&self, code: &str) -> Option<&Channel> {
        self.0.iter().find(|channel| &*channel.code == code)
    }

    /// The channel that a code opens; none without a code.
    pub(crate) fn opened_by(
        &self,
        code: Option<CodeHash>,
    ) -> Result<Option<&Channel>, RefusalCode> {
        let Some(code) = code else { return Ok(None) };
        let opened = self.0.iter().find(|channel| channel.rules.code == code);
        opened.map(Some).ok_or(RefusalCode::ChannelCodeWrong)
    }

    /// Whether a code may be used once more for places of its channel.
    pub(crate) fn check_uses(&self, places: &Places) -> Result<(), RefusalCode> {
        let channel = places.channel.and_then(|of| self.get(of.channel));
        match channel {
            Some(channel) if !channel.has_uses_left() => Err(RefusalCode::ChannelUsesExhausted),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts places that are bought with a code.
    pub(crate) fn take(&mut self, places: &Places, owner: Owner) {
        let Some(of) = places.channel else { return };
        let channel = self.get_mut(of.channel);
        channel.uses = channel.uses.saturating_add(1);
        for place in of_channel(places, of) {
            let counted = channel.sections.entry(place.section).or_default();
            counted.taken = counted.taken.saturating_add(place.quantity.into());
            assert!(counted.taken <= counted.set_aside, "INV-50: a channel is oversold");
        }
        self.pay(places, owner);
    }

    /// Counts places as sold when their owner has paid.
    pub(crate) fn pay(&mut self, places: &Places, owner: Owner) {
        let (Some(of), Owner::PaidOrder(_)) = (places.channel, owner) else { return };
        let channel = self.get_mut(of.channel);
        for place in of_channel(places, of) {
            let counted = channel.sections.entry(place.section).or_default();
            counted.sold = counted.sold.saturating_add(place.quantity.into());
        }
    }

    /// Takes back places that were bought with a code. Returns whether they are set aside again.
    pub(crate) fn give_back(&mut self, places: &Places, owner: Owner) -> bool {
        let Some(of) = places.channel else { return false };
        let channel = self.get_mut(of.channel);
        let is_released = channel.is_released;
        for place in of_channel(places, of) {
            let counted = channel.sections.entry(place.section).or_default();
            let taken = counted.taken.checked_sub(place.quantity.into());
            assert!(taken.is_some(), "INV-51: a channel gets back more than it gave");
            counted.taken = taken.unwrap_or(0);
            if matches!(owner, Owner::PaidOrder(_)) {
                counted.sold = counted.sold.saturating_sub(place.quantity.into());
            }
            if is_released {
                counted.set_aside = counted.taken;
            }
        }
        !is_released
    }

    /// Lets a code be used once more: what was bought with it has ended.
    pub(crate) fn end_use(&mut self, places: &Places) {
        let Some(of) = places.channel else { return };
        let channel = self.get_mut(of.channel);
        channel.uses = channel.uses.saturating_sub(1);
    }
}

/// Places of general admission that come out of a channel.
pub(crate) fn of_channel(places: &Places, of: ChannelUse) -> impl Iterator<Item = &PlaceQuantity> {
    let of_channel = move |(index, _): &(usize, &PlaceQuantity)| of.has(*index);
    places.quantities.iter().enumerate().filter(of_channel).map(|(_, place)| place)
}

/// Adds a seat to places, when whoever has the channel's code may have it.
pub(crate) fn take_seat(places: &mut Places, channel: Option<&Channel>, seat: SeatNumber) -> bool {
    let Some(channel) = channel.filter(|channel| channel.seats.contains(seat)) else {
        return false;
    };
    places.channel.get_or_insert(ChannelUse { channel: channel.number, quantities: 0 });
    true
}

/// Marks the next item of `quantities` as the channel's, when the channel has enough for it.
pub(crate) fn take_places(
    places: &mut Places,
    channel: Option<&Channel>,
    wish: PlaceQuantity,
) -> bool {
    let enough = |channel: &&Channel| channel.free_places(wish.section) >= wish.quantity.into();
    let Some(channel) = channel.filter(enough) else { return false };
    let of = places.channel.unwrap_or(ChannelUse { channel: channel.number, quantities: 0 });
    places.channel = Some(of.with(places.quantities.len()));
    true
}
