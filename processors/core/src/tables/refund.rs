//! The words of refunds.
//!
//! ```text
//! promoter terms fee=10 free=7/10 10:1000/4 3:2000   => terms 1
//! alice    refund o1 1 A-1-2 amount=180              => tickets o1 1=90+0-10 2=90+0-10 by 0, ...
//! promoter calloff                                   => called off
//! ```
//! A step of a ladder is `days:basis points`, with `/fixed` for a fixed fee; `free=` has days after
//! the booking and days before the performance. A ticket that goes back is told with its money, its
//! points and what is kept.

use boxoffice_topics::refund::{FreeRefund, RefundStep};
use boxoffice_topics::{
    PerformanceId, RefundIntent, RefundLadder, RefundLine, RefundOutcome, RefundTerms,
};

use super::Table;
use super::words::won;

impl Table {
    pub(super) fn refund_intent<'a>(
        &self,
        performance: PerformanceId,
        what: &str,
        rest: &[&'a str],
    ) -> RefundIntent<'a> {
        match what {
            "terms" => RefundIntent::SetRefundTerms { performance, terms: Box::new(terms(rest)) },
            "calloff" => RefundIntent::CancelPerformance { performance },
            _ => {
                let named = rest[1..].iter().copied().filter(|word| !word.starts_with("amount="));
                let (numbers, places): (Vec<&str>, Vec<&str>) =
                    named.partition(|word| word.parse::<u16>().is_ok());
                RefundIntent::RefundTickets {
                    order: self.order(rest[0]),
                    tickets: numbers.iter().map(|number| number.parse().unwrap()).collect(),
                    places: places.into_iter().collect(),
                    amount: rest.iter().find_map(|word| word.strip_prefix("amount=")).map(won),
                }
            }
        }
    }

    pub(super) fn tell_refund(&mut self, outcome: &RefundOutcome) -> String {
        match outcome {
            RefundOutcome::TicketsRefunded { order, terms, lines, .. } => {
                let told = |line: &RefundLine| {
                    let RefundLine { ticket, money_minor, points_minor, kept_minor, .. } = line;
                    format!(" {ticket}={money_minor}+{points_minor}-{kept_minor}")
                };
                let lines: String = lines.iter().map(told).collect();
                let by = terms.map_or(String::new(), |version| format!(" by {version}"));
                format!("tickets {}{lines}{by}", self.order_name(*order))
            }
            RefundOutcome::TermsSet { version, .. } => format!("terms {version}"),
            RefundOutcome::PerformanceCancelled { .. } => "called off".into(),
        }
    }
}

pub(crate) fn terms(words: &[&str]) -> RefundTerms {
    let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let steps = words.iter().filter(|word| !word.contains('=')).map(|word| {
        let (days, kept) = word.split_once(':').expect("days:basis points");
        let (share, fixed) = kept.split_once('/').map_or((kept, None), |(s, f)| (s, Some(f)));
        RefundStep {
            days_before: number(days) as u16,
            basis_points: number(share) as u16,
            fixed_minor: fixed.map(number),
        }
    });
    let steps: Vec<_> = steps.collect();
    let free = option("free=").map(|free| {
        let (within, before) = free.split_once('/').expect("days/days");
        FreeRefund { within_days: number(within) as u16, days_before: number(before) as u16 }
    });
    let utc_offset_minutes = option("utc=").map_or(0, |minutes| number(minutes) as i16);
    let ladder = RefundLadder { utc_offset_minutes, free, steps };
    RefundTerms {
        ladder: (!ladder.steps.is_empty()).then_some(ladder),
        booking_fee_minor: option("fee=").map_or(0, number),
    }
}
