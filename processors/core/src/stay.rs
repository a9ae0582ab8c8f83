//! Stays: some nights in rooms of one type, each of them or none.

use boxoffice_topics::inventory::{Date, RoomType, STAY_NIGHTS_MAX, Stays};
use boxoffice_topics::outcome::{PlaceQuantity, Seating};
use boxoffice_topics::{
    CodeHash, Outcome, PerformanceId, Places, Refusal, RefusalCode, SectionNumber, Timestamp,
};

use crate::decide::Asked;
use crate::hold::{add_places, check_quantity, held, on_sale};
use crate::performance::Performance;

/// What a buyer says of a stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StayWish<'a> {
    pub(crate) room_type: &'a str,
    pub(crate) from: Date,
    pub(crate) nights: u16,
    pub(crate) rooms: u16,
    pub(crate) code: Option<CodeHash>,
}

/// Nights one after the other, with as many rooms of one type in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay<'s> {
    /// Code of the type of room.
    pub room_type: &'s str,
    /// The first night.
    pub check_in: Date,
    /// The day after the last night.
    pub check_out: Date,
    /// How many rooms.
    pub rooms: u16,
}

pub(crate) fn hold_stay(
    asked: &Asked<'_>,
    performance: PerformanceId,
    wish: StayWish<'_>,
) -> Result<Outcome, Refusal> {
    let performance = on_sale(asked, performance)?;
    let channel = performance.channels.opened_by(wish.code)?;
    if !(1..=STAY_NIGHTS_MAX).contains(&wish.nights) {
        return Err(RefusalCode::QuantityOutOfRange.into());
    }
    check_quantity(wish.nights.saturating_mul(wish.rooms))?;
    let stays = performance.stays().ok_or(RefusalCode::RoomTypeUnknown)?;
    let room = stays.room_types.iter().find(|room| room.code == wish.room_type);
    let room = room.ok_or(RefusalCode::RoomTypeUnknown)?;
    let mut places = Places::default();
    for night in 0..wish.nights {
        let at_night = |code: RefusalCode| code.at_item(night.into());
        let date = wish.from.plus(night);
        let section = section_of(room, date).ok_or_else(|| at_night(RefusalCode::NightUnknown))?;
        if stays.closes_at(date) <= asked.now {
            return Err(at_night(RefusalCode::NightPassed));
        }
        let place = PlaceQuantity { section, quantity: wish.rooms };
        if !add_places(performance, &mut places, channel, place) {
            return Err(at_night(RefusalCode::NightFull));
        }
    }
    held(asked, performance, places, Seating::AsAsked)
}

fn section_of(room: &RoomType, night: Date) -> Option<SectionNumber> {
    let index = night.days_after(room.first_night).filter(|index| *index < room.nights)?;
    room.first_section.checked_add(index).map(SectionNumber)
}

impl Performance {
    fn stays(&self) -> Option<&Stays> {
        self.definition().shapes.as_deref()?.stays.as_ref()
    }

    /// The type of room and the night that a section is.
    #[must_use]
    pub fn night_of(&self, section: SectionNumber) -> Option<(&str, Date)> {
        let rooms = &self.stays()?.room_types;
        rooms.iter().find_map(|room| {
            let index = section.0.checked_sub(room.first_section)?;
            (index < room.nights).then(|| (&*room.code, room.first_night.plus(index)))
        })
    }

    /// The first of the nights among places, and when it cannot be bought any more.
    pub(crate) fn stay_begins(&self, places: &Places) -> Option<(Date, Timestamp)> {
        let nights = places.quantities.iter().filter_map(|place| self.night_of(place.section));
        let first = nights.map(|(_, date)| date).min()?;
        Some((first, self.stays()?.closes_at(first)))
    }

    /// When a place is used: a night from its date on, or from when it cannot be bought any more if
    /// that is later, all else from the beginning of the performance.
    pub(crate) fn begins_at(&self, section: Option<SectionNumber>) -> Timestamp {
        let night = section.and_then(|section| self.night_of(section));
        let begins_at =
            night.and_then(|(_, date)| Some(self.stays()?.closes_at(date).max(date.starts_at())));
        begins_at.unwrap_or(self.definition().starts_at)
    }

    /// The stay that places are; `None` when they are something else.
    #[must_use]
    pub fn stay_of(&self, places: &Places) -> Option<Stay<'_>> {
        let first = places.quantities.first().filter(|_| places.seats.is_empty())?;
        let (room_type, check_in) = self.night_of(first.section)?;
        let follows = |(place, night): (&PlaceQuantity, u16)| {
            place.quantity == first.quantity
                && self.night_of(place.section) == Some((room_type, check_in.plus(night)))
        };
        let nights = u16::try_from(places.quantities.len()).ok()?;
        let is_stay = places.quantities.iter().zip(0..).all(follows);
        let (check_out, rooms) = (check_in.plus(nights), first.quantity);
        is_stay.then_some(Stay { room_type, check_in, check_out, rooms })
    }
}
