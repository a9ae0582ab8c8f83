//! What a promoter sees of a channel.

use boxoffice_topics::inventory::ChannelRules;

use super::Channel;
use crate::performance::{Performance, SeatState};

/// Where the places of a channel are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounts {
    /// Set aside, and nobody has them.
    pub free: u32,
    /// Held, or ordered and not yet paid.
    pub held: u32,
    /// Somebody owns them.
    pub sold: u32,
}

impl Channel {
    /// Its short name.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its rules.
    #[must_use]
    pub const fn rules(&self) -> &ChannelRules {
        &self.rules
    }

    /// Holds and orders that were made with its code.
    #[must_use]
    pub const fn uses(&self) -> u32 {
        self.uses
    }

    /// Whether all of it was given back to everybody.
    #[must_use]
    pub const fn is_released(&self) -> bool {
        self.is_released
    }
}

impl Performance {
    /// The channels, in the order in which they were made.
    pub fn channels(&self) -> impl ExactSizeIterator<Item = &Channel> {
        self.channels.iter()
    }

    /// Where the places of a channel are.
    #[must_use]
    pub fn channel_counts(&self, channel: &Channel) -> ChannelCounts {
        let mut counts = ChannelCounts::default();
        for seat in channel.seats.iter() {
            let count = match self.seat_state(seat) {
                Some(SeatState::SetAside) => &mut counts.free,
                Some(SeatState::Sold) => &mut counts.sold,
                Some(SeatState::Held | SeatState::Free) | None => &mut counts.held,
            };
            *count = count.saturating_add(1);
        }
        for counted in channel.sections.values() {
            counts.free = counts.free.saturating_add(counted.free());
            let held = counted.taken.saturating_sub(counted.sold);
            counts.held = counts.held.saturating_add(held);
            counts.sold = counts.sold.saturating_add(counted.sold);
        }
        counts
    }
}
