//! Refunds: the terms under which tickets go back, what was decided about them, and the end of a
//! performance that will not be shown.
//!
//! Variant and field numbers are part of the log and never change their meaning.

use arrayvec::ArrayVec;
use minicbor::{Decode, Encode};

use crate::codec;
use crate::coupon::BASIS_POINTS;
use crate::definition::{DefinitionInvalid, HOLD_SEATS_MAX, check_count, invalid};
use crate::ids::{AccountId, OrderId, PerformanceId};
use crate::intent::SeatLabels;
use crate::money::{Currency, Money};
use crate::outcome::Outcome;
use crate::partition::Slot;

/// Steps of one ladder: no market prints more than a handful, and the terms fit into a small record.
pub const REFUND_STEPS_MAX: usize = 32;
/// The farthest that a clock on earth is from UTC, in minutes: UTC+14:00.
pub const UTC_OFFSET_MINUTES_MAX: i16 = 840;

/// Numbers of tickets, from one in the order of the order's places.
pub type TicketNumbers = ArrayVec<u16, { HOLD_SEATS_MAX as usize }>;

/// What an order costs beside its places, and what comes back when tickets go back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct RefundTerms {
    /// What is kept of a ticket, by the day; without a ladder everything comes back until the
    /// performance begins.
    #[n(0)]
    pub ladder: Option<RefundLadder>,
    /// What each place that costs anything costs beside its price, in minor units. It is paid in
    /// money, and no coupon takes anything off it.
    #[n(1)]
    pub booking_fee_minor: i64,
}

/// What is kept of a ticket that goes back. Days are calendar days at the venue; of a night they
/// count to the first night of its order, and this is what begins.
///
/// With a ladder the booking fee comes back on the day of the booking and never after it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefundLadder {
    /// How far the venue's clock is ahead of UTC, in minutes.
    #[n(0)]
    pub utc_offset_minutes: i16,
    /// When nothing is kept, whatever the step.
    #[n(1)]
    pub free: Option<FreeRefund>,
    /// From the earliest day on: a step holds until the day on which the next one begins. From the
    /// day after the last step's on nothing comes back; a last step of day 0 holds until the
    /// performance begins.
    #[n(2)]
    pub steps: Vec<RefundStep>,
}

/// Tickets that go back soon after the booking, and long enough before the performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FreeRefund {
    /// Until how many days after the day of the booking.
    #[n(0)]
    pub within_days: u16,
    /// How many days before the day of the performance at least.
    #[n(1)]
    pub days_before: u16,
}

/// What is kept of a ticket on some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefundStep {
    /// The last of its days: so many days before the day of the performance.
    #[n(0)]
    pub days_before: u16,
    /// The share of what was paid for the place that is kept, in [`BASIS_POINTS`], rounded down to
    /// a minor unit.
    #[n(1)]
    pub basis_points: u16,
    /// This is kept of each ticket instead, in minor units, and the share is the most that is.
    #[n(2)]
    pub fixed_minor: Option<i64>,
}

impl RefundTerms {
    /// Checks everything that the rest of the system relies on.
    ///
    /// # Errors
    /// Names the first field that is wrong, as a path from the root of the terms.
    pub fn validate(&self) -> Result<(), DefinitionInvalid> {
        check_minor("booking_fee_minor", self.booking_fee_minor)?;
        self.ladder.as_ref().map_or(Ok(()), RefundLadder::validate)
    }
}

impl RefundLadder {
    /// The ladder that Korean ticket shops print: free until the 7th day after the booking if that
    /// is at least 10 days before; then a fixed fee of at most 10 %; from 9 days before on 10 %,
    /// from 6 days 20 %, from 2 days 30 %; nothing on the day.
    #[must_use]
    pub fn korean(fixed_minor: i64) -> Self {
        let step =
            |days_before, basis_points| RefundStep { days_before, basis_points, fixed_minor: None };
        Self {
            utc_offset_minutes: 540,
            free: Some(FreeRefund { within_days: 7, days_before: 10 }),
            steps: vec![
                RefundStep { fixed_minor: Some(fixed_minor), ..step(10, 1_000) },
                step(7, 1_000),
                step(3, 2_000),
                step(1, 3_000),
            ],
        }
    }

    fn validate(&self) -> Result<(), DefinitionInvalid> {
        let offset = self.utc_offset_minutes;
        if !(-UTC_OFFSET_MINUTES_MAX..=UTC_OFFSET_MINUTES_MAX).contains(&offset) {
            let reason = format!("must be -{UTC_OFFSET_MINUTES_MAX} to {UTC_OFFSET_MINUTES_MAX}");
            return invalid("ladder.utc_offset_minutes", reason);
        }
        check_count("ladder.steps", self.steps.len(), 1, REFUND_STEPS_MAX)?;
        for (index, step) in self.steps.iter().enumerate() {
            let field = format!("ladder.steps[{index}]");
            if step.basis_points > BASIS_POINTS {
                let reason = format!("must be 0 to {BASIS_POINTS}");
                return invalid(format!("{field}.basis_points"), reason);
            }
            if let Some(fixed_minor) = step.fixed_minor {
                check_minor(&format!("{field}.fixed_minor"), fixed_minor)?;
            }
        }
        if !self.steps.is_sorted_by(|one, next| one.days_before > next.days_before) {
            return invalid("ladder.steps", "must come nearer to the performance one by one");
        }
        Ok(())
    }
}

fn check_minor(field: &str, minor: i64) -> Result<(), DefinitionInvalid> {
    if (0..=Money::MINOR_MAX).contains(&minor) {
        Ok(())
    } else {
        invalid(field, format!("must be 0 to {}", Money::MINOR_MAX))
    }
}

/// What somebody asks about refunds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[expect(clippy::large_enum_variant, reason = "what buyers ask is decoded without allocating")]
pub enum RefundIntent<'a> {
    /// A buyer gives tickets of a confirmed order back.
    #[n(1)]
    RefundTickets {
        /// Of which order.
        #[n(0)]
        order: OrderId,
        /// Tickets by number.
        #[n(1)]
        #[cbor(with = "codec::list")]
        tickets: TicketNumbers,
        /// Tickets by place: labels of seats, or codes of sections of general admission, once for
        /// each place.
        #[b(2)]
        #[cbor(with = "codec::list")]
        places: SeatLabels<'a>,
        /// The money that the buyer believes comes back; any when nothing is said.
        #[n(3)]
        amount: Option<Money>,
    },
    /// A promoter sells under other terms from now on.
    #[n(2)]
    SetRefundTerms {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
        /// The terms.
        #[n(1)]
        terms: Box<RefundTerms>,
    },
    /// A promoter says that the performance will not be shown.
    #[n(3)]
    CancelPerformance {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
    },
}

impl RefundIntent<'_> {
    /// The slot of the intent's key.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::RefundTickets { order, .. } => order.0.slot(),
            Self::SetRefundTerms { performance, .. } | Self::CancelPerformance { performance } => {
                Slot::of(*performance)
            }
        }
    }

    /// The intent's type as clients write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RefundTickets { .. } => "refund_tickets",
            Self::SetRefundTerms { .. } => "set_refund_terms",
            Self::CancelPerformance { .. } => "cancel_performance",
        }
    }
}

/// What becomes of one ticket that goes back, in minor units:
/// price - discount + booking fee - kept = money + points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefundLine {
    /// Number of the ticket.
    #[n(0)]
    pub ticket: u16,
    /// What the place cost.
    #[n(1)]
    pub price_minor: i64,
    /// Its share of what a coupon took off the order.
    #[n(2)]
    pub discount_minor: i64,
    /// The booking fee that comes back.
    #[n(3)]
    pub booking_fee_minor: i64,
    /// What is kept by the ladder.
    #[n(4)]
    pub kept_minor: i64,
    /// The money that comes back.
    #[n(5)]
    pub money_minor: i64,
    /// The points that come back.
    #[n(6)]
    pub points_minor: i64,
    /// The points that it earned, which are taken back.
    #[n(7)]
    pub earned_minor: i64,
}

/// What was decided about refunds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RefundOutcome {
    /// Tickets went back; their places are free. It is told when an order keeps tickets or
    /// something is kept of it: of an order that is cancelled with everything coming back,
    /// `OrderCancelled` tells all.
    #[n(1)]
    TicketsRefunded {
        /// Of which order.
        #[n(0)]
        order: OrderId,
        /// Whose.
        #[n(1)]
        account: AccountId,
        /// The currency of every amount.
        #[n(2)]
        currency: Currency,
        /// The number of the terms by which it was counted; none when everything comes back.
        #[n(3)]
        terms: Option<u16>,
        /// Ticket by ticket.
        #[n(4)]
        lines: Vec<RefundLine>,
    },
    /// Orders are confirmed under other terms.
    #[n(2)]
    TermsSet {
        /// Of which performance.
        #[n(0)]
        performance: PerformanceId,
        /// Their number; the terms of the definition are number 0.
        #[n(1)]
        version: u16,
        /// The terms.
        #[n(2)]
        terms: Box<RefundTerms>,
    },
    /// The performance will not be shown: the sale is over for ever, and what was sold goes back,
    /// tick by tick.
    #[n(3)]
    PerformanceCancelled {
        /// Which performance.
        #[n(0)]
        performance: PerformanceId,
    },
}

impl From<RefundOutcome> for Outcome {
    fn from(outcome: RefundOutcome) -> Self {
        Self::Refund(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_say_what_is_wrong_with_them() {
        let wrong = |change: &dyn Fn(&mut RefundTerms, &mut RefundLadder)| {
            let mut ladder = RefundLadder::korean(4_000);
            let mut terms = RefundTerms { ladder: None, booking_fee_minor: 2_000 };
            change(&mut terms, &mut ladder);
            terms.ladder = Some(ladder);
            terms.validate().map_or_else(|error| error.field, |()| "nothing".into())
        };
        assert_eq!(wrong(&|_, _| ()), "nothing");
        assert_eq!(wrong(&|terms, _| terms.booking_fee_minor = -1), "booking_fee_minor");
        assert_eq!(
            wrong(&|_, ladder| ladder.utc_offset_minutes = 841),
            "ladder.utc_offset_minutes"
        );
        assert_eq!(wrong(&|_, ladder| ladder.steps.clear()), "ladder.steps");
        assert_eq!(wrong(&|_, ladder| ladder.steps[1].days_before = 10), "ladder.steps");
        assert_eq!(
            wrong(&|_, ladder| ladder.steps[2].basis_points = 10_001),
            "ladder.steps[2].basis_points"
        );
        assert_eq!(
            wrong(&|_, ladder| ladder.steps[0].fixed_minor = Some(-1)),
            "ladder.steps[0].fixed_minor"
        );
    }
}
