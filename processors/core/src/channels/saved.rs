//! A channel in a snapshot. What was bought with its code is counted again from holds and orders.

use boxoffice_topics::SectionNumber;
use boxoffice_topics::inventory::{ChannelNumber, ChannelRules, SeatRange, SectionPlaces};
use minicbor::{Decode, Encode};

use super::{Channels, Counted};
use crate::performance::Performance;

#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct SavedChannel {
    #[n(0)]
    code: String,
    #[n(1)]
    rules: ChannelRules,
    #[n(2)]
    seats: Vec<SeatRange>,
    /// All that the channel has of each section, whoever has it.
    #[n(3)]
    sections: Vec<SectionPlaces>,
    #[n(4)]
    is_released: bool,
}

impl Channels {
    /// Nothing when there are none.
    pub(crate) fn save(&self) -> Option<Vec<SavedChannel>> {
        let saved = self.0.iter().map(|channel| SavedChannel {
            code: channel.code.to_string(),
            rules: channel.rules,
            seats: channel.seats.as_slice().to_vec(),
            sections: channel.sections.iter().filter_map(saved_section).collect(),
            is_released: channel.is_released,
        });
        (!self.0.is_empty()).then(|| saved.collect())
    }
}

fn saved_section((section, counted): (&SectionNumber, &Counted)) -> Option<SectionPlaces> {
    let quantity = counted.set_aside;
    (quantity > 0).then_some(SectionPlaces { section: *section, quantity })
}

impl Performance {
    /// Puts channels back, before anybody holds anything.
    pub(crate) fn restore_channels(&mut self, saved: Vec<SavedChannel>) {
        for (number, saved) in (0..).zip(saved) {
            let number = ChannelNumber(number);
            self.set_channel(number, &saved.code, saved.rules);
            self.set_aside(number, &saved.seats, &saved.sections);
            self.channels.get_mut(number).is_released = saved.is_released;
        }
    }
}
