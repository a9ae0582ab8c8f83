//! What is kept of a ticket on a day.

use boxoffice_topics::inventory::Date;
use boxoffice_topics::refund::RefundStep;
use boxoffice_topics::{RefundLadder, RefundTerms, Timestamp};

use crate::coupon::share_of;

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// The moments that a ladder looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) booked: Timestamp,
    pub(super) starts: Beginning,
    pub(super) now: Timestamp,
}

/// When that begins which a ticket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// A performance, at a moment.
    Performance(Timestamp),
    /// A stay, with its first night, which cannot be bought any more from `closes` on.
    Stay { first_night: Date, closes: Timestamp },
}

impl Beginning {
    /// The calendar day at the venue. A night has one whatever the venue's clock says.
    fn day(self, ladder: &RefundLadder) -> i64 {
        match self {
            Self::Performance(at) => day_of(ladder, at),
            Self::Stay { first_night, .. } => first_night.0.into(),
        }
    }

    /// From when on nothing comes back. A night begins with its date at the venue, or as soon as it
    /// cannot be bought any more if that is later.
    fn moment(self, terms: &RefundTerms) -> Timestamp {
        match self {
            Self::Performance(at) => at,
            Self::Stay { first_night, closes } => {
                let ahead_ms = terms.ladder.as_ref().map_or(0, offset_ms);
                let midnight_ms = first_night.starts_at().as_millis().saturating_sub(ahead_ms);
                closes.max(Timestamp::from_millis(midnight_ms))
            }
        }
    }

    pub(super) fn has_passed(self, terms: &RefundTerms, now: Timestamp) -> bool {
        self.moment(terms) <= now
    }
}

/// What is kept at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charge {
    basis_points: u16,
    fixed_minor: Option<i64>,
    pub(super) returns_booking_fee: bool,
}

impl Charge {
    /// Everything comes back.
    pub(super) const NOTHING: Self =
        Self { basis_points: 0, fixed_minor: None, returns_booking_fee: true };

    /// What is kept of what was paid for a place, in minor units. A share is rounded down.
    pub(super) fn of(&self, paid_minor: i64) -> i64 {
        let share = share_of(paid_minor, self.basis_points.into());
        self.fixed_minor.map_or(share, |fixed| fixed.min(share))
    }
}

/// What terms keep at a moment; `None` when nothing comes back any more.
pub(super) fn charge(terms: &RefundTerms, at: Moments) -> Option<Charge> {
    if at.starts.has_passed(terms, at.now) {
        return None;
    }
    let Some(ladder) = &terms.ladder else { return Some(Charge::NOTHING) };
    let day = |moment| day_of(ladder, moment);
    let days_before = at.starts.day(ladder).saturating_sub(day(at.now));
    let since_booked = day(at.now).saturating_sub(day(at.booked));
    let returns_booking_fee = since_booked <= 0;
    let is_free = ladder.free.is_some_and(|free| {
        since_booked <= i64::from(free.within_days) && days_before >= i64::from(free.days_before)
    });
    if is_free {
        return Some(Charge { returns_booking_fee, ..Charge::NOTHING });
    }
    let holds = |step: &&RefundStep| days_before >= i64::from(step.days_before);
    let step = ladder.steps.iter().find(holds)?;
    let (basis_points, fixed_minor) = (step.basis_points, step.fixed_minor);
    Some(Charge { basis_points, fixed_minor, returns_booking_fee })
}

/// Until when terms keep what they keep now: the end of the day at the venue, or the beginning of
/// the performance.
pub(super) fn holds_until(terms: &RefundTerms, at: Moments) -> Timestamp {
    let starts = at.starts.moment(terms);
    let Some(ladder) = &terms.ladder else { return starts };
    let tomorrow = day_of(ladder, at.now).saturating_add(1).saturating_mul(DAY_MS);
    Timestamp::from_millis(tomorrow.saturating_sub(offset_ms(ladder))).min(starts)
}

/// The calendar day at the venue, counted from that of the Unix epoch.
fn day_of(ladder: &RefundLadder, moment: Timestamp) -> i64 {
    moment.as_millis().saturating_add(offset_ms(ladder)).div_euclid(DAY_MS)
}

fn offset_ms(ladder: &RefundLadder) -> i64 {
    i64::from(ladder.utc_offset_minutes).saturating_mul(MINUTE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-12-20T19:30 in Seoul.
    const STARTS: i64 = 1_797_762_600_000;
    const HOUR_MS: i64 = 3_600_000;

    fn starts() -> Beginning {
        Beginning::Performance(Timestamp::from_millis(STARTS))
    }

    /// What is kept of a ticket of 100,000 won, and whether the booking fee comes back. Days count
    /// back from that of the performance; hours are those of Seoul.
    fn kept(booked_days: i64, days: i64, hour: i64) -> Option<(i64, bool)> {
        let midnight = STARTS - 19 * HOUR_MS - HOUR_MS / 2;
        let moment = |days: i64, hour: i64| {
            Timestamp::from_millis(midnight - days * DAY_MS + hour * HOUR_MS)
        };
        let ladder = Some(RefundLadder::korean(4_000));
        let terms = RefundTerms { ladder, booking_fee_minor: 2_000 };
        let (booked, now) = (moment(booked_days, 23), moment(days, hour));
        let at = Moments { booked, starts: starts(), now };
        let charge = charge(&terms, at)?;
        Some((charge.of(100_000), charge.returns_booking_fee))
    }

    #[test]
    fn the_korean_ladder_goes_by_days_in_seoul() {
        assert_eq!(kept(40, 40, 23), Some((0, true)), "the day of the booking");
        assert_eq!(kept(40, 39, 0), Some((0, false)), "an hour later, and another day");
        assert_eq!(kept(40, 33, 23), Some((0, false)), "the seventh day");
        assert_eq!(kept(40, 32, 0), Some((4_000, false)), "the eighth day");
        assert_eq!(kept(40, 10, 23), Some((4_000, false)));
        assert_eq!(kept(12, 10, 23), Some((0, false)), "booked two days ago, ten days before");
        assert_eq!(kept(12, 9, 0), Some((10_000, false)), "booked three days ago, too near");
        assert_eq!(kept(40, 7, 23), Some((10_000, false)));
        assert_eq!(kept(40, 6, 0), Some((20_000, false)));
        assert_eq!(kept(40, 3, 23), Some((20_000, false)));
        assert_eq!(kept(40, 2, 0), Some((30_000, false)));
        assert_eq!(kept(1, 1, 23), Some((30_000, true)), "booked on the eve: the fee comes back");
        assert_eq!(kept(40, 0, 0), None, "the day of the performance");
    }

    #[test]
    fn a_fixed_fee_is_never_more_than_its_share() {
        let charge =
            Charge { basis_points: 1_000, fixed_minor: Some(4_000), returns_booking_fee: false };
        assert_eq!(charge.of(100_000), 4_000);
        assert_eq!(charge.of(39_999), 3_999);
        assert_eq!(charge.of(0), 0);
    }

    #[test]
    fn a_step_holds_until_midnight_at_the_venue_or_until_the_performance() {
        let terms = RefundTerms { ladder: Some(RefundLadder::korean(0)), booking_fee_minor: 0 };
        let moments = |now| Moments {
            booked: Timestamp::default(),
            starts: starts(),
            now: Timestamp::from_millis(now),
        };
        let midnight = STARTS - 19 * HOUR_MS - HOUR_MS / 2;
        let until = |now| holds_until(&terms, moments(now)).as_millis();
        assert_eq!(until(midnight - 1), midnight);
        assert_eq!(until(midnight - DAY_MS), midnight);
        assert_eq!(until(midnight), STARTS);
        assert_eq!(holds_until(&RefundTerms::default(), moments(0)).as_millis(), STARTS);
    }
}
