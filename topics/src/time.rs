//! Log time: milliseconds since the Unix epoch, stamped once at ingest.
//!
//! Nothing here reads a clock.

use minicbor::{Decode, Encode};

/// A moment in log time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] i64);

impl Timestamp {
    /// The latest moment that boxoffice accepts: 9999-12-31T23:59:59.999Z, the end of RFC 3339.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// From milliseconds since the Unix epoch, clamped to `0..=Timestamp::MAX`.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 {
            Self(0)
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment plus a duration in milliseconds, clamped to [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus_millis(self, millis: u32) -> Self {
        Self::from_millis(self.0.saturating_add(millis as i64))
    }

    /// This moment plus a number of days of 24 hours, clamped to [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus_days(self, days: u16) -> Self {
        Self::from_millis(self.0.saturating_add(days as i64 * 86_400_000))
    }
}
