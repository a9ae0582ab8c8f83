//! What outcomes make of channels.

use boxoffice_topics::inventory::{
    ChannelNumber, ChannelRules, InventoryOutcome, SeatRange, SectionPlaces,
};
use boxoffice_topics::{Offset, PerformanceId};

use super::{Channel, Counted};
use crate::performance::Performance;
use crate::state::State;
use crate::timers::Due;

impl State {
    pub(crate) fn apply_inventory(&mut self, outcome: &InventoryOutcome, at: Offset) {
        match outcome {
            InventoryOutcome::ChannelSet { performance, channel, code, rules } => {
                self.performance_mut(*performance).set_channel(*channel, code, *rules);
                self.arm_channel(*performance, *channel);
            }
            InventoryOutcome::SetAside { performance, channel, seats, places } => {
                let show = self.performance_mut(*performance);
                show.set_aside(*channel, seats, places);
                show.changed_at = at;
                self.arm_channel(*performance, *channel);
            }
            InventoryOutcome::Released { performance, channel, seats, places, is_all } => {
                let show = self.performance_mut(*performance);
                show.release(*channel, seats, places, *is_all);
                show.changed_at = at;
            }
            InventoryOutcome::CompanionsReleased { performance } => {
                let show = self.performance_mut(*performance);
                show.release_companions();
                show.changed_at = at;
            }
        }
    }

    /// Arms what releases a channel. Armed twice for a moment, it is due once.
    pub(crate) fn arm_channel(&mut self, id: PerformanceId, number: ChannelNumber) {
        let channel = self.performance_mut(id).channels.get(number);
        if let Some(releases_at) = channel.and_then(Channel::releases_at) {
            self.timers.arm_at(releases_at, Due::Channel(id, number));
        }
    }

    /// Arms what releases companion seats.
    pub(crate) fn arm_companions(&mut self, id: PerformanceId) {
        if let Some(releases_at) = self.performance_mut(id).companions_released_at() {
            self.timers.arm_at(releases_at, Due::Companions(id));
        }
    }
}

impl Performance {
    pub(super) fn set_channel(&mut self, number: ChannelNumber, code: &str, rules: ChannelRules) {
        if usize::from(number.0) == self.channels.0.len() {
            self.channels.0.push(Channel::new(number, code, rules));
        } else {
            self.channels.get_mut(number).rules = rules;
        }
    }

    pub(super) fn set_aside(
        &mut self,
        number: ChannelNumber,
        seats: &[SeatRange],
        places: &[SectionPlaces],
    ) {
        let channel = self.channels.get_mut(number);
        channel.is_released = false;
        for range in seats {
            channel.seats.add(*range);
            self.inventory.set_seats_aside(&self.layout, *range);
        }
        for SectionPlaces { section, quantity } in places {
            let counted = channel.sections.entry(*section).or_default();
            counted.set_aside = counted.set_aside.saturating_add(*quantity);
            self.inventory.set_places_aside(*section, *quantity);
        }
    }

    fn release(
        &mut self,
        number: ChannelNumber,
        seats: &[SeatRange],
        places: &[SectionPlaces],
        is_all: bool,
    ) {
        let channel = self.channels.get_mut(number);
        channel.is_released = is_all;
        for range in seats {
            channel.seats.remove(*range);
            self.inventory.release_seats(&self.layout, *range);
        }
        for SectionPlaces { section, quantity } in places {
            let counted: &mut Counted = channel.sections.entry(*section).or_default();
            assert!(counted.free() >= *quantity, "INV-51: a channel releases what it has not");
            counted.set_aside = counted.set_aside.saturating_sub(*quantity);
            self.inventory.release_places(*section, *quantity);
        }
    }
}
