//! The terms under which tickets go back, counted again: what each ticket has of its order, and
//! what a ladder keeps of it on a day.
//!
//! Written from what the terms promise a buyer, and from none of the code that decides.

use serde_json::Value;

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// What a share in basis points is of.
const BASIS_POINTS: i64 = 10_000;

/// One version of the terms of a performance.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    pub(super) fee_minor: i64,
    ladder: Option<Ladder>,
}

#[derive(Clone, Debug)]
struct Ladder {
    offset_ms: i64,
    /// Days after the booking, and days before the performance.
    free: Option<(i64, i64)>,
    steps: Vec<Rung>,
}

#[derive(Clone, Copy, Debug)]
struct Rung {
    days_before: i64,
    basis_points: i64,
    fixed_minor: Option<i64>,
}

/// When an order was confirmed, when the performance begins, and now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) booked_ms: i64,
    pub(super) starts_ms: i64,
    pub(super) now_ms: i64,
}

/// What is kept of each ticket, and whether its booking fee comes back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    basis_points: i64,
    fixed_minor: Option<i64>,
    keeps_fee: bool,
}

/// What one ticket has of its order, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) price: i64,
    pub(super) discount: i64,
    pub(super) points: i64,
    pub(super) fee: i64,
    pub(super) earned: i64,
}

/// What comes back of one ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) fee: i64,
    pub(super) kept: i64,
    pub(super) money: i64,
    pub(super) points: i64,
}

impl Terms {
    /// The terms in an outcome; none given are terms that keep nothing.
    pub(super) fn of(terms: &Value) -> Self {
        let ladder = terms.get("ladder").filter(|it| it.is_object());
        Self {
            fee_minor: terms["booking_fee_minor"].as_i64().unwrap_or(0),
            ladder: ladder.map(Ladder::of),
        }
    }

    /// What is kept at a moment; none when nothing comes back any more.
    pub(super) fn kept(&self, at: Moments) -> Option<Kept> {
        let Some(ladder) = &self.ladder else { return Some(Kept::default()) };
        let day = |moment_ms: i64| (moment_ms + ladder.offset_ms).div_euclid(DAY_MS);
        let until_shown = day(at.starts_ms) - day(at.now_ms);
        let since_booked = day(at.now_ms) - day(at.booked_ms);
        let keeps_fee = since_booked > 0;
        let is_free =
            |(within, before): (i64, i64)| since_booked <= within && until_shown >= before;
        if ladder.free.is_some_and(is_free) {
            return Some(Kept { keeps_fee, ..Kept::default() });
        }
        let rung = ladder.steps.iter().find(|rung| until_shown >= rung.days_before)?;
        let Rung { basis_points, fixed_minor, .. } = *rung;
        Some(Kept { basis_points, fixed_minor, keeps_fee })
    }
}

impl Ladder {
    fn of(ladder: &Value) -> Self {
        let number = |of: &Value, field: &str| of[field].as_i64().unwrap_or(0);
        let free = ladder.get("free").filter(|it| it.is_object());
        let rung = |step: &Value| Rung {
            days_before: number(step, "days_before"),
            basis_points: number(step, "basis_points"),
            fixed_minor: step["fixed_minor"].as_i64(),
        };
        Self {
            offset_ms: number(ladder, "utc_offset_minutes") * MINUTE_MS,
            free: free.map(|free| (number(free, "within_days"), number(free, "days_before"))),
            steps: ladder["steps"].as_array().into_iter().flatten().map(rung).collect(),
        }
    }
}

impl Kept {
    /// What comes back of a ticket. A share is rounded down; it is kept of the money first, and of
    /// the points when there is not enough money.
    pub(super) fn of(self, share: &Share) -> Back {
        let part = share.paid() * self.basis_points / BASIS_POINTS;
        let kept = self.fixed_minor.map_or(part, |fixed| fixed.min(part));
        let in_money = share.paid() - share.points;
        let of_money = kept.min(in_money);
        let fee = if self.keeps_fee { 0 } else { share.fee };
        let points = share.points - (kept - of_money);
        Back { fee, kept, money: in_money - of_money + fee, points }
    }
}

impl Share {
    /// What was paid for the place, in money and points.
    fn paid(&self) -> i64 {
        self.price - self.discount
    }

    /// What was paid for the ticket in money.
    pub(super) fn money(&self) -> i64 {
        self.paid() - self.points + self.fee
    }
}

/// Gives each weight its part of a whole: the first so many have together the rounded-down part of
/// their weights.
pub(super) fn split(whole: i64, weights: &[i64]) -> Vec<i64> {
    let all: i128 = weights.iter().copied().map(i128::from).sum();
    let (mut so_far, mut given) = (0_i128, 0_i64);
    let part = |weight: &i64| {
        so_far += i128::from(*weight);
        let together = (i128::from(whole) * so_far).checked_div(all).unwrap_or(0) as i64;
        let part = together - given;
        given = together;
        part
    };
    weights.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A tenth from ten days before on, at most 4,000; 30 % on the last days.
    fn terms() -> Terms {
        Terms::of(&json!({"booking_fee_minor": 2_000, "ladder": {"utc_offset_minutes": 540,
            "free": {"within_days": 7, "days_before": 10}, "steps": [
            {"days_before": 10, "basis_points": 1_000, "fixed_minor": 4_000},
            {"days_before": 1, "basis_points": 3_000}]}}))
    }

    fn back(booked_day: i64, day: i64, share: &Share) -> Option<Back> {
        let moment = |day: i64| day * DAY_MS - 540 * MINUTE_MS;
        let (booked_ms, now_ms) = (moment(booked_day), moment(day));
        let kept = terms().kept(Moments { booked_ms, starts_ms: moment(40), now_ms })?;
        Some(kept.of(share))
    }

    #[test]
    fn a_ladder_goes_by_days() {
        let share = Share { price: 100_000, fee: 2_000, ..Share::default() };
        let on = |booked, day| back(booked, day, &share).map(|back| (back.kept, back.fee));
        assert_eq!(on(0, 0), Some((0, 2_000)));
        assert_eq!(on(0, 7), Some((0, 0)));
        assert_eq!(on(0, 8), Some((4_000, 0)));
        assert_eq!(on(0, 31), Some((30_000, 0)));
        assert_eq!(on(39, 39), Some((30_000, 2_000)));
        assert_eq!(on(0, 40), None);
    }

    #[test]
    fn money_is_kept_before_points() {
        let share = Share { price: 100, points: 95, ..Share::default() };
        let back = back(0, 35, &share).expect("some comes back");
        assert_eq!(back, Back { fee: 0, kept: 30, money: 0, points: 70 });
    }

    #[test]
    fn parts_make_up_the_whole() {
        assert_eq!(split(10, &[1, 1, 1]), [3, 3, 4]);
        assert_eq!(split(6, &[3, 3, 1]), [2, 3, 1]);
        assert_eq!(split(5, &[0, 0]), [0, 0]);
    }
}
