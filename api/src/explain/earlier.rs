//! What a refusal is about, and which outcomes are about the same thing.

use std::fmt;

use boxoffice_core::State;
use boxoffice_topics::coupon::CouponChoice;
use boxoffice_topics::outcome::Places;
use boxoffice_topics::{
    CouponId, HoldId, Intent, OrderId, Outcome, PerformanceId, RefundIntent, RefundOutcome,
    Refusal, RefusalCode, SeatNumber, TicketId, TicketIntent, TicketOutcome,
};

use super::FiguresJson;
use super::campaign::{self, CampaignSubject};

/// A thing that only one can have, or that has a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A seat, with its label.
    Seat(PerformanceId, SeatNumber, String),
    /// The sale of a performance, which was opened by hand.
    OpenedSale(PerformanceId),
    /// The sale of a performance, which was closed by hand.
    ClosedSale(PerformanceId),
    /// A performance that will not be shown.
    CalledOff(PerformanceId),
    /// A hold.
    Hold(HoldId),
    /// An order.
    Order(OrderId),
    /// A ticket.
    Ticket(TicketId),
    /// A campaign, with what refused.
    Campaign(CampaignSubject),
    /// A coupon.
    Coupon(CouponId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seat(_, _, label) => write!(f, "seat {label}"),
            Self::OpenedSale(_) | Self::ClosedSale(_) => f.write_str("the sale"),
            Self::CalledOff(_) => f.write_str("the performance"),
            Self::Hold(hold) => write!(f, "hold {hold}"),
            Self::Order(order) => write!(f, "order {order}"),
            Self::Ticket(ticket) => write!(f, "ticket {ticket}"),
            Self::Campaign(campaign) => campaign.fmt(f),
            Self::Coupon(coupon) => write!(f, "coupon {coupon}"),
        }
    }
}

impl Subject {
    /// What the refusal of an intent is about; nothing when no single record stood in its way.
    pub(super) fn of(intent: &Intent<'_>, refusal: Refusal, state: &State) -> Option<Self> {
        match intent {
            Intent::HoldSeats { performance, seats, .. } => match refusal.code {
                RefusalCode::SeatAlreadyHeld | RefusalCode::SeatAlreadySold => {
                    let label = *seats.get(usize::from(refusal.item?))?;
                    let seat = state.performance(*performance)?.seat_number(label)?;
                    Some(Self::Seat(*performance, seat, label.to_owned()))
                }
                code => Self::of_sale(*performance, code),
            },
            Intent::HoldBestAvailable { performance, .. }
            | Intent::HoldGeneralAdmission { performance, .. }
            | Intent::HoldStay { performance, .. }
            | Intent::OpenSale { performance }
            | Intent::CloseSale { performance } => Self::of_sale(*performance, refusal.code),
            Intent::Coupon(intent) => {
                CampaignSubject::of(intent, refusal.code, state).map(Self::Campaign)
            }
            Intent::PlaceOrder { coupon: Some(CouponChoice::Named(coupon)), .. }
                if campaign::is_about_a_coupon(refusal.code) =>
            {
                Some(Self::Coupon(*coupon))
            }
            Intent::RenewHold { hold }
            | Intent::ReleaseHold { hold }
            | Intent::PlaceOrder { hold, .. } => match refusal.code {
                RefusalCode::HoldOwnedByAnother
                | RefusalCode::HoldExpired
                | RefusalCode::HoldAlreadyReleased
                | RefusalCode::HoldAlreadyOrdered
                | RefusalCode::HoldBeingOrdered
                | RefusalCode::HoldRenewalsExhausted => Some(Self::Hold(*hold)),
                _ => None,
            },
            Intent::PayOrder { order, .. } | Intent::CancelOrder { order } => match refusal.code {
                RefusalCode::OrderOwnedByAnother
                | RefusalCode::OrderExpired
                | RefusalCode::OrderAlreadyCancelled
                | RefusalCode::OrderAlreadyConfirmed
                | RefusalCode::OrderAlreadyRefunded
                | RefusalCode::PaymentInProgress
                | RefusalCode::OrderReserving => Some(Self::Order(*order)),
                code => Self::of_sale(state.order(*order)?.performance, code),
            },
            Intent::Refund(intent) => Self::of_refund(intent, refusal.code, state),
            Intent::Ticket(intent) => Self::of_ticket(intent, refusal.code),
            _ => None,
        }
    }

    fn of_sale(performance: PerformanceId, code: RefusalCode) -> Option<Self> {
        match code {
            RefusalCode::SaleAlreadyOpen => Some(Self::OpenedSale(performance)),
            RefusalCode::SaleClosed | RefusalCode::SaleAlreadyClosed => {
                Some(Self::ClosedSale(performance))
            }
            RefusalCode::PerformanceCancelled => Some(Self::CalledOff(performance)),
            _ => None,
        }
    }

    fn of_refund(intent: &RefundIntent<'_>, code: RefusalCode, state: &State) -> Option<Self> {
        match intent {
            RefundIntent::RefundTickets { order, .. } => match code {
                RefusalCode::OrderOwnedByAnother
                | RefusalCode::OrderAlreadyCancelled
                | RefusalCode::OrderAlreadyRefunded
                | RefusalCode::TicketAlreadyRefunded => Some(Self::Order(*order)),
                code => Self::of_sale(state.order(*order)?.performance, code),
            },
            RefundIntent::SetRefundTerms { performance, .. }
            | RefundIntent::CancelPerformance { performance } => Self::of_sale(*performance, code),
        }
    }

    fn of_ticket(intent: &TicketIntent<'_>, code: RefusalCode) -> Option<Self> {
        let ticket = match intent {
            TicketIntent::SetRules { .. } => return None,
            TicketIntent::Offer { ticket, .. }
            | TicketIntent::AcceptOffer { ticket }
            | TicketIntent::EndOffer { ticket } => *ticket,
            TicketIntent::CheckIn(scan) | TicketIntent::CheckOut(scan) => scan.ticket,
        };
        match code {
            RefusalCode::TicketVoid => Some(Self::Order(ticket.order)),
            RefusalCode::TicketOwnedByAnother
            | RefusalCode::TicketReplaced
            | RefusalCode::TicketAlreadyUsed
            | RefusalCode::TicketNotInside
            | RefusalCode::TransferPending
            | RefusalCode::TransferNotOffered => Some(Self::Ticket(ticket)),
            _ => None,
        }
    }

    /// What an outcome says of it; nothing when the outcome is about something else.
    pub(super) fn what(&self, outcome: &Outcome) -> Option<&'static str> {
        match self {
            Self::Seat(show, seat, _) => seat_taken(*show, *seat, outcome),
            Self::OpenedSale(show) => {
                let opened =
                    matches!(outcome, Outcome::SaleOpened { performance } if performance == show);
                opened.then_some("opened")
            }
            Self::ClosedSale(show) => {
                let closed =
                    matches!(outcome, Outcome::SaleClosed { performance } if performance == show);
                closed.then_some("closed")
            }
            Self::CalledOff(show) => {
                let cancelled = matches!(outcome, Outcome::Refund(RefundOutcome::PerformanceCancelled {
                    performance,
                }) if performance == show);
                cancelled.then_some("called off")
            }
            Self::Hold(hold) => about_hold(*hold, outcome),
            Self::Order(order) => about_order(*order, outcome),
            Self::Ticket(ticket) => about_ticket(*ticket, outcome),
            Self::Campaign(campaign) => campaign.what(outcome),
            Self::Coupon(coupon) => campaign::about_coupon(*coupon, outcome),
        }
    }

    /// The figures of the rule that refused.
    pub(super) fn figures(&self) -> Option<FiguresJson> {
        match self {
            Self::Campaign(campaign) => campaign.figures(),
            _ => None,
        }
    }
}

/// A seat gets an owner by a hold, or by money that came late and found it free.
fn seat_taken(show: PerformanceId, seat: SeatNumber, outcome: &Outcome) -> Option<&'static str> {
    let has = |places: &Places| places.seats.contains(&seat);
    match outcome {
        Outcome::Held { performance, places, .. } if *performance == show && has(places) => {
            Some("held")
        }
        Outcome::OrderConfirmed { performance, places, reseated: true, .. }
            if *performance == show && has(places) =>
        {
            Some("sold again to who had paid for it")
        }
        _ => None,
    }
}

fn about_hold(hold: HoldId, outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Held { hold: it, .. } if *it == hold => Some("held"),
        Outcome::HoldRenewed { hold: it, .. } if *it == hold => Some("renewed"),
        Outcome::HoldReleased { hold: it } if *it == hold => Some("released"),
        Outcome::HoldExpired { hold: it, .. } if *it == hold => {
            Some("ended because its time ran out")
        }
        Outcome::OrderPlaced { hold: it, .. } if *it == hold => Some("ordered"),
        Outcome::OrderReserving(reserving) if reserving.hold == hold => Some("being ordered"),
        _ => None,
    }
}

fn about_order(order: OrderId, outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::OrderReserving(reserving) if reserving.order == order => Some("asked for"),
        Outcome::OrderPlaced { order: it, .. } if *it == order => Some("placed"),
        Outcome::PaymentRequested { order: it, .. } if *it == order => Some("being paid"),
        Outcome::OrderConfirmed { order: it, .. } if *it == order => Some("confirmed"),
        Outcome::OrderCancelled { order: it, .. } if *it == order => Some("cancelled"),
        Outcome::PaymentRefunded { order: it, .. } if *it == order => Some("refunded"),
        Outcome::Refund(RefundOutcome::TicketsRefunded { order: it, .. }) if *it == order => {
            Some("given back, in whole or in part,")
        }
        _ => None,
    }
}

fn about_ticket(ticket: TicketId, outcome: &Outcome) -> Option<&'static str> {
    let Outcome::Ticket(outcome) = outcome else { return None };
    match outcome {
        TicketOutcome::Offered { ticket: it, .. } if *it == ticket => Some("offered"),
        TicketOutcome::Transferred { ticket: it, .. } if *it == ticket => Some("passed on"),
        TicketOutcome::OfferEnded { ticket: it, .. } if *it == ticket => Some("no longer offered"),
        TicketOutcome::CheckedIn { ticket: it, .. } if *it == ticket => Some("used to come in"),
        TicketOutcome::CheckedOut { ticket: it, .. } if *it == ticket => Some("used to go out"),
        _ => None,
    }
}
