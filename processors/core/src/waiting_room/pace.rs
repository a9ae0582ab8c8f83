//! How fast a room lets people in: credits that grow with log time.
//!
//! A millisecond earns as many parts as there are admissions in a minute, and an admission costs
//! 60,000 parts, so that every rate is exact. While nobody could come in, [`BURST_MS`] worth of
//! it and one admission are saved up, no more.

use boxoffice_topics::Timestamp;
use minicbor::{Decode, Encode};

/// Parts of one admission: milliseconds in a minute.
const ADMISSION: u64 = 60_000;
/// What can be saved up. Ticks come several times in a second, so no rate is lost between two of
/// them, and a room that was full does not let a crowd in at once.
const BURST_MS: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Pace {
    #[n(0)]
    per_minute: u32,
    /// Parts that were there at that moment.
    #[n(1)]
    credit: u64,
    #[n(2)]
    as_of: Timestamp,
}

impl Pace {
    /// A pace at which the first admission is possible at once.
    pub(super) fn new(per_minute: u32, now: Timestamp) -> Self {
        Self { per_minute, credit: burst(per_minute).min(ADMISSION), as_of: now }
    }

    /// Another rate from now on. What was saved stays, up to the new burst.
    pub(super) fn change(&mut self, per_minute: u32, now: Timestamp) {
        let credit = self.credit_at(now).min(burst(per_minute));
        *self = Self { per_minute, credit, as_of: now };
    }

    /// Admissions that are possible at a moment.
    pub(super) fn possible(&self, now: Timestamp) -> u32 {
        u32::try_from(self.credit_at(now) / ADMISSION).unwrap_or(u32::MAX)
    }

    /// When the next admission is possible; `None` when the rate is zero.
    pub(super) fn possible_at(&self) -> Option<Timestamp> {
        self.wait_ms(1, self.as_of).map(|millis| later(self.as_of, millis))
    }

    /// How long that many admissions take from a moment on, one after the other. Rounded up, so
    /// that nothing is early.
    pub(super) fn wait_ms(&self, admissions: u64, from: Timestamp) -> Option<u64> {
        let missing = admissions.saturating_mul(ADMISSION).saturating_sub(self.credit_at(from));
        if missing == 0 {
            Some(0)
        } else {
            missing
                .checked_next_multiple_of(self.per_minute.into())?
                .checked_div(self.per_minute.into())
        }
    }

    /// One admission.
    pub(super) fn spend(&mut self, now: Timestamp) {
        let credit = self.credit_at(now).checked_sub(ADMISSION);
        self.credit = credit.unwrap_or_else(|| panic!("INV-22: an admission above the rate"));
        self.as_of = self.as_of.max(now);
    }

    fn credit_at(&self, now: Timestamp) -> u64 {
        let millis = now.as_millis().saturating_sub(self.as_of.as_millis());
        let earned = u64::try_from(millis).unwrap_or(0).saturating_mul(self.per_minute.into());
        self.credit.saturating_add(earned).min(burst(self.per_minute))
    }
}

/// The most that is saved up. A pace of zero saves nothing.
fn burst(per_minute: u32) -> u64 {
    match per_minute {
        0 => 0,
        _ => BURST_MS.saturating_mul(per_minute.into()).saturating_add(ADMISSION),
    }
}

pub(super) fn later(from: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    Timestamp::from_millis(from.as_millis().saturating_add(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Spends whatever is possible at every step of the clock and returns how much that was.
    fn spent(pace: &mut Pace, from: i64, to: i64, step: usize) -> u32 {
        let mut spent = 0;
        for now in (from..=to).step_by(step).map(at) {
            while pace.possible(now) > 0 {
                pace.spend(now);
                spent += 1;
            }
        }
        spent
    }

    #[test]
    fn every_rate_is_exact_over_a_minute_however_often_one_looks() {
        for rate in [1, 7, 59, 61, 999, 7_777, 600_000] {
            for step in [1, 50, 333, 999] {
                let mut pace = Pace::new(rate, at(0));
                let last = 60_000 - 60_000 % step as i64;
                let expected = 1 + u64::from(rate) * last as u64 / 60_000;
                let got = u64::from(spent(&mut pace, 0, last, step));
                assert_eq!(got, expected, "{rate} every {step} ms");
            }
        }
    }

    #[test]
    fn an_hour_without_admissions_saves_a_second_and_one_admission() {
        let mut pace = Pace::new(6_000, at(0));
        assert_eq!(spent(&mut pace, 0, 0, 1), 1);
        assert_eq!(spent(&mut pace, 3_600_000, 3_600_000, 1), 101);
        let mut pace = Pace::new(1, at(0));
        assert_eq!(spent(&mut pace, 3_600_000, 3_600_000, 1), 1);
        assert_eq!(pace.possible_at(), Some(at(3_659_000)));
    }

    #[test]
    fn the_next_admission_is_never_early() {
        let mut pace = Pace::new(7_000, at(0));
        spent(&mut pace, 0, 0, 1);
        let next = pace.possible_at().unwrap();
        assert_eq!((next, pace.possible(next)), (at(9), 1));
        assert_eq!(pace.possible(at(8)), 0);
        pace.change(0, at(3));
        assert_eq!(pace.possible_at(), None);
        assert_eq!(pace.possible(at(99_999)), 0);
        pace.change(60, at(100_000));
        assert!(pace.possible_at().unwrap() > at(100_000));
    }
}
