//! Channels: for whom places are set aside, and who may buy them.

use minicbor::{Decode, Encode};

use crate::ids::CodeHash;
use crate::time::Timestamp;

/// Channels of one performance: a presale, sponsors, agencies. Each is looked at for a code.
pub const CHANNELS_MAX: usize = 64;
/// What one intent can name: a list that somebody made by hand.
pub const SELECTORS_MAX: usize = 1_000;
/// Ranges of seats that a channel consists of, so that releasing all of it is one record.
pub const CHANNEL_RANGES_MAX: usize = 1_000;
/// Bytes of a channel's code, as long as a campaign's.
pub const CHANNEL_CODE_BYTES_MAX: usize = 64;

/// A channel of one performance: the how-manieth it was, from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ChannelNumber(#[n(0)] pub u16);

/// The rules of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChannelRules {
    /// What buyers must know to buy its places.
    #[n(0)]
    pub code: CodeHash,
    /// Holds and orders that the code can have at a time; one that ends unsold or is refunded
    /// gives its use back. Without a number, as many as there are.
    #[n(1)]
    pub uses_max: Option<u32>,
    /// From then on its places are everybody's.
    #[n(2)]
    pub releases_at: Option<Timestamp>,
}

/// What is set aside or released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Selector<'a> {
    /// One seat, as `section-row-seat`.
    #[n(1)]
    Seat(#[b(0)] &'a str),
    /// A whole row, as `section-row`.
    #[n(2)]
    Row(#[b(0)] &'a str),
    /// A whole section.
    #[n(3)]
    Section(#[b(0)] &'a str),
    /// Places of general admission.
    #[n(4)]
    Places {
        /// Code of the section.
        #[b(0)]
        section: &'a str,
        /// How many.
        #[n(1)]
        quantity: u32,
    },
}

/// Which of some places were bought with a channel's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChannelUse {
    /// The channel.
    #[n(0)]
    pub channel: ChannelNumber,
    /// One bit for each item of `quantities` that comes out of the channel, the first lowest.
    /// Numbered seats tell it themselves.
    #[n(1)]
    pub quantities: u16,
}

impl ChannelUse {
    /// Whether the item of `quantities` with this index comes out of the channel.
    #[must_use]
    pub const fn has(self, index: usize) -> bool {
        index < 16 && (self.quantities >> index) & 1 == 1
    }

    /// The same, with that item.
    #[must_use]
    pub const fn with(self, index: usize) -> Self {
        assert!(index < 16, "a hold has at most 16 sections");
        Self { channel: self.channel, quantities: self.quantities | (1 << index) }
    }
}
