//! The name of an outcome: the idempotency key of whatever follows from it outside its partition.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::ids::{IdMalformed, Offset, PartitionId};

/// The name of an outcome, and of the effect that it asks for: partition, offset of the input,
/// index in the step. It reads as `partition-offset-index`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct EffectName {
    /// The partition.
    #[n(0)]
    partition: PartitionId,
    /// Offset of the input.
    #[n(1)]
    offset: Offset,
    /// Index in the step.
    #[n(2)]
    index: u16,
}

impl EffectName {
    /// The outcome with this index of the step at this place.
    #[must_use]
    pub const fn new(partition: PartitionId, offset: Offset, index: u16) -> Self {
        Self { partition, offset, index }
    }

    /// The partition.
    #[must_use]
    pub const fn partition(self) -> PartitionId {
        self.partition
    }

    /// The offset of the input.
    #[must_use]
    pub const fn offset(self) -> Offset {
        self.offset
    }

    /// The index in the step.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.index
    }
}

impl fmt::Display for EffectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.partition, self.offset, self.index)
    }
}

impl fmt::Debug for EffectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EffectName {
    type Err = IdMalformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.split('-');
            let partition = PartitionId::new(parts.next()?.parse().ok()?)?;
            let offset = Offset::new(parts.next()?.parse().ok()?);
            let index = parts.next()?.parse().ok()?;
            parts.next().is_none().then(|| Self::new(partition, offset, index))
        };
        parse().ok_or(IdMalformed("effect name (expected partition-offset-index)"))
    }
}
