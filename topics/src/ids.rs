//! Ids. What the log makes is named by where in the log it was made; what comes from outside is
//! named by 16 bytes.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::partition::{PARTITIONS_MAX, Slot};

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct IdMalformed(pub(crate) &'static str);

/// A partition of a topic, below [`PARTITIONS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(u16);

impl PartitionId {
    /// The partition with this number; `None` from [`PARTITIONS_MAX`] on.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number < PARTITIONS_MAX { Some(Self(number)) } else { None }
    }

    pub(crate) const fn new_unchecked(number: u16) -> Self {
        assert!(number < PARTITIONS_MAX);
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl<C> Encode<C> for PartitionId {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u16(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PartitionId {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        Self::new(d.u16()?)
            .ok_or_else(|| minicbor::decode::Error::message("no such partition").at(position))
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A record's place in its partition, dense from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Offset(#[n(0)] u64);

impl Offset {
    /// The first offset of every partition, which holds its genesis record.
    pub const ZERO: Self = Self(0);

    /// An id has 41 bits for the offset: 2.2 million million records in one partition, 69 years
    /// at a thousand each second.
    pub const LIMIT: u64 = 1 << 41;

    /// The offset with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The offset that many records further on.
    #[must_use]
    pub const fn plus(self, records: u64) -> Self {
        Self(self.0.saturating_add(records))
    }

    /// The offset of the next record.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The name of an accepted intent: the slot of its key and its place in the log.
///
/// It packs into 63 bits (12 of slot, 10 of partition, 41 of offset) and reads as
/// `slot-partition-offset` in decimal, for instance `1018-2-1715004`. The slot says where the
/// key lives today, however often it has moved; partition and offset make the name unique.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct IntentId(#[n(0)] u64);

impl IntentId {
    /// The least name: where a range of names begins.
    pub const MIN: Self = Self(0);

    /// The name of the intent at this place.
    ///
    /// # Panics
    /// At [`Offset::LIMIT`]: the log refuses to grow that far.
    #[must_use]
    pub const fn new(slot: Slot, partition: PartitionId, offset: Offset) -> Self {
        assert!(offset.0 < Offset::LIMIT, "a partition is full");
        Self(((slot.number() as u64) << 51) | ((partition.0 as u64) << 41) | offset.0)
    }

    /// The slot of the key.
    #[must_use]
    pub const fn slot(self) -> Slot {
        match Slot::new(((self.0 >> 51) & 0xfff) as u16) {
            Some(slot) => slot,
            None => unreachable!(),
        }
    }

    /// The partition that accepted the intent.
    #[must_use]
    pub const fn partition(self) -> PartitionId {
        PartitionId(((self.0 >> 41) & 0x3ff) as u16)
    }

    /// The place in that partition.
    #[must_use]
    pub const fn offset(self) -> Offset {
        Offset(self.0 & (Offset::LIMIT - 1))
    }

    /// The packed name, which fits a signed 64-bit column.
    #[must_use]
    pub const fn packed(self) -> i64 {
        self.0 as i64
    }

    /// From the packed name; `None` when the sign bit is set.
    #[must_use]
    pub const fn from_packed(packed: i64) -> Option<Self> {
        if packed < 0 { None } else { Some(Self(packed as u64)) }
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.slot(), self.partition(), self.offset())
    }
}

impl fmt::Debug for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for IntentId {
    type Err = IdMalformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.split('-');
            let slot = Slot::new(decimal(parts.next()?)?.try_into().ok()?)?;
            let partition = PartitionId::new(decimal(parts.next()?)?.try_into().ok()?)?;
            let offset = decimal(parts.next()?)?;
            let whole = parts.next().is_none() && offset < Offset::LIMIT;
            whole.then(|| Self::new(slot, partition, Offset(offset)))
        };
        parse().ok_or(IdMalformed("id (expected slot-partition-offset)"))
    }
}

/// Decimal digits only, without leading zeros: one name has one spelling.
fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && digits).then(|| text.parse().ok()).flatten()
}

/// Ids that are named after the intent that made the thing.
macro_rules! named_by_intent {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub IntentId);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdMalformed;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

named_by_intent! {
    /// A hold, named after the intent that asked for it.
    HoldId;
    /// An order, named after the intent that placed it.
    OrderId;
    /// One attempt to pay an order, named after the intent that asked for it.
    PaymentId;
    /// A coupon campaign, named after the intent that made it.
    CampaignId;
    /// A coupon, named after the intent that claimed it. Its slot is that of its campaign.
    CouponId;
    /// Points that came together, named after the intent that brought them.
    LotId;
    /// An offer of a ticket to another account, named after the intent that made it.
    TransferId;
}

/// Ids of 16 bytes that come from outside the log.
macro_rules! sixteen_bytes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// From a number, whose big-endian bytes are the id.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(number)
            }

            /// The number whose big-endian bytes are the id.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// From the bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// The bytes.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.to_bytes())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let position = d.position();
                d.bytes()?.try_into().map(Self::from_bytes).map_err(|_| {
                    minicbor::decode::Error::message("expected 16 bytes").at(position)
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                uuid::Uuid::from_u128(self.0).hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdMalformed;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                uuid::Uuid::try_parse(text)
                    .map(|uuid| Self(uuid.as_u128()))
                    .map_err(|_| IdMalformed(concat!(stringify!($name), " (expected a UUID)")))
            }
        }
    )*};
}

sixteen_bytes! {
    /// A performance: the key of the log. A UUID chosen by the promoter or at the edge.
    PerformanceId;
    /// An account: a keyed hash of the subject that signed in. Nobody can be named from it.
    AccountId;
    /// What makes an intent the same intent when it is sent again: a keyed hash of account and
    /// `Idempotency-Key`, or 16 random bytes when the client sent no key.
    IntentKey;
    /// A keyed hash of performance and code: the log never has a code that people type.
    CodeHash;
    /// The random name that a log gets when it is made. It precedes every name that leaves the
    /// system, so that two logs can never be taken for one another.
    LogId;
    /// What makes a scan of a ticket the same scan when it is sent again: a UUID of the scanner's.
    ScanId;
}

/// A seat of one performance: its place in the order of the definition, from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SeatNumber(#[n(0)] pub u32);

/// A section of one performance: its place in the definition, from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SectionNumber(#[n(0)] pub u16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_id_keeps_its_parts_and_has_one_spelling() {
        let slot = Slot::new(4_095).unwrap();
        let partition = PartitionId::new(1_023).unwrap();
        let id = IntentId::new(slot, partition, Offset::new(Offset::LIMIT - 1));
        assert_eq!((id.slot(), id.partition()), (slot, partition));
        assert_eq!(id.offset().number(), Offset::LIMIT - 1);
        assert_eq!(id.to_string(), "4095-1023-2199023255551");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(IntentId::from_packed(id.packed()), Some(id));
        for text in ["", "1", "1-2", "1-2-3-4", "4096-0-0", "0-1024-0", "01-2-3", "+1-2-3", "1-2-"]
        {
            assert!(text.parse::<IntentId>().is_err(), "{text}");
        }
        assert!("0-0-2199023255552".parse::<IntentId>().is_err());
    }
}
