//! What comes back of tickets: shown before, and exactly that when it is asked for.

use boxoffice_topics::{
    Currency, Money, Outcome, RefundLine, RefundOutcome, RefundTerms, RefusalCode, Timestamp,
};

use super::ladder::{Beginning, Charge, Moments, charge, holds_until};
use super::share::{Share, shares};
use super::tickets::section_of;
use crate::order::Order;
use crate::performance::Performance;

/// What comes back of tickets at a moment.
#[derive(Clone, Debug)]
pub struct RefundQuote {
    /// The currency of every amount.
    pub currency: Currency,
    /// The number of the terms by which it was counted; none when everything comes back.
    pub terms: Option<u16>,
    /// Until when it is no less, if the order does not change.
    pub holds_until: Timestamp,
    /// Ticket by ticket.
    pub lines: Vec<RefundLine>,
    /// Everything that was paid for these tickets comes back.
    pub(super) keeps_nothing: bool,
}

impl RefundQuote {
    /// The money that comes back.
    #[must_use]
    pub fn money(&self) -> Money {
        self.sum(|line| line.money_minor)
    }

    /// The points that come back.
    #[must_use]
    pub fn points(&self) -> Money {
        self.sum(|line| line.points_minor)
    }

    /// What is kept by the ladder.
    #[must_use]
    pub fn kept(&self) -> Money {
        self.sum(|line| line.kept_minor)
    }

    /// The booking fee that comes back, as a part of the money.
    #[must_use]
    pub fn booking_fee(&self) -> Money {
        self.sum(|line| line.booking_fee_minor)
    }

    pub(super) fn earned_minor(&self) -> i64 {
        self.sum(|line| line.earned_minor).minor
    }

    pub(super) fn outcome(&self, order: &Order) -> Outcome {
        let (terms, lines) = (self.terms, self.lines.clone());
        let (order, account, currency) = (order.id, order.account, self.currency);
        RefundOutcome::TicketsRefunded { order, account, currency, terms, lines }.into()
    }

    fn sum(&self, of: impl Fn(&RefundLine) -> i64) -> Money {
        let minor = self.lines.iter().map(of).fold(0, i64::saturating_add);
        Money::new(minor, self.currency)
    }

    /// What the buyer gets.
    fn worth(&self) -> i64 {
        self.money().minor.saturating_add(self.points().minor)
    }
}

/// What comes back by the terms of the order, or by those of now if they leave more.
pub(super) fn by_terms(
    performance: &Performance,
    order: &Order,
    tickets: &[u16],
    now: Timestamp,
) -> Result<RefundQuote, RefusalCode> {
    let nothing_agreed = RefundTerms::default();
    let bound = order.refund_terms();
    let terms_of = |version: u16| performance.refund_terms.get(usize::from(version));
    let agreed = bound.and_then(terms_of).unwrap_or(&nothing_agreed);
    let current = performance.refund_terms();
    let both = [(bound, agreed), (Some(performance.refund_terms_version()), current)];
    let of_ticket = |ticket: &u16| {
        let starts = beginning(performance, order, *ticket);
        Moments { booked: order.sold_at(), starts, now }
    };
    let moments: Vec<_> = tickets.iter().map(of_ticket).collect();
    let is_over = |at: &Moments| both.iter().all(|(_, terms)| at.starts.has_passed(terms, at.now));
    if moments.iter().any(is_over) {
        return Err(RefusalCode::PerformanceStarted);
    }
    let shares = shares(performance, order);
    let quotes = both.into_iter().filter_map(|(version, terms)| {
        let version = version.filter(|_| terms.ladder.is_some());
        let charges: Option<Vec<_>> = moments.iter().map(|at| charge(terms, *at)).collect();
        Some(quote(order, &shares, tickets, &charges?, version))
    });
    // The first of equals: the terms of the order.
    let best = quotes.reduce(|best, next| if next.worth() > best.worth() { next } else { best });
    let best = best.ok_or(RefusalCode::RefundClosed)?;
    let ends = both.iter().flat_map(|(_, terms)| moments.iter().map(|at| holds_until(terms, *at)));
    // Terms whose time is over already say nothing about how long the others hold.
    let holds_until = ends.filter(|end| *end > now).min().unwrap_or(now);
    Ok(RefundQuote { holds_until, ..best })
}

/// When that begins which a ticket is for. All nights of an order are one stay: which of them go
/// back first makes no difference.
fn beginning(performance: &Performance, order: &Order, ticket: u16) -> Beginning {
    let is_night = |section| performance.night_of(section).is_some();
    let stay = section_of(&order.places, ticket).filter(|section| is_night(*section));
    stay.and_then(|_| performance.stay_begins(&order.places)).map_or(
        Beginning::Performance(performance.definition().starts_at),
        |(first_night, closes)| Beginning::Stay { first_night, closes },
    )
}

/// Everything that was paid for the tickets that are left.
pub(super) fn in_full(performance: &Performance, order: &Order, tickets: &[u16]) -> RefundQuote {
    let charges = vec![Charge::NOTHING; tickets.len()];
    quote(order, &shares(performance, order), tickets, &charges, None)
}

fn quote(
    order: &Order,
    shares: &[Share],
    tickets: &[u16],
    charges: &[Charge],
    terms: Option<u16>,
) -> RefundQuote {
    let share_of = |(ticket, charge): (&u16, &Charge)| {
        let share = shares.get(usize::from(*ticket).checked_sub(1)?)?;
        Some((*ticket, share, *charge))
    };
    let of: Vec<_> = tickets.iter().zip(charges).filter_map(share_of).collect();
    let lines: Vec<_> =
        of.iter().map(|(ticket, share, charge)| line(*ticket, share, *charge)).collect();
    let keeps_nothing = lines.iter().zip(&of).all(|(line, (_, share, _))| {
        line.kept_minor == 0 && line.booking_fee_minor == share.booking_fee
    });
    let (currency, holds_until) = (order.total.currency, Timestamp::MAX);
    RefundQuote { currency, terms, holds_until, lines, keeps_nothing }
}

/// What is kept is kept of the money first, and of the points only when there is not enough money.
fn line(ticket: u16, share: &Share, charge: Charge) -> RefundLine {
    let kept = charge.of(share.paid());
    let kept_money = kept.min(share.paid_in_money());
    let booking_fee = if charge.returns_booking_fee { share.booking_fee } else { 0 };
    RefundLine {
        ticket,
        price_minor: share.price,
        discount_minor: share.discount,
        booking_fee_minor: booking_fee,
        kept_minor: kept,
        money_minor: share.paid_in_money().saturating_sub(kept_money).saturating_add(booking_fee),
        points_minor: share.points.saturating_sub(kept.saturating_sub(kept_money)),
        earned_minor: share.earned,
    }
}
