//! What holds and orders are for. Most outcomes name the hold or the order alone, and a consumer
//! wants to know whose it is, and for which places.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_topics::outcome::Places;
use boxoffice_topics::{
    AccountId, HoldId, Money, OrderId, Outcome, PerformanceId, RefundOutcome, TicketOutcome,
};

/// What a hold or an order is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which performance.
    pub performance: PerformanceId,
    /// Whose it is.
    pub account: AccountId,
    /// Which places.
    pub places: Places,
    /// What it costs.
    pub total: Money,
}

/// The holds and orders that a batch is about, by their packed ids.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    known: BTreeMap<i64, Subject>,
    changed: BTreeSet<i64>,
    ended: BTreeSet<i64>,
}

impl Subjects {
    /// Those that were known before a batch.
    pub(super) fn new(known: BTreeMap<i64, Subject>) -> Self {
        Self { known, ..Self::default() }
    }

    /// What an outcome is about, as it is with it.
    pub(super) fn take(&mut self, outcome: &Outcome) -> Option<&Subject> {
        let id = id_of(outcome)?;
        match outcome {
            Outcome::Held { performance, account, places, total, .. } => {
                let (performance, account, places) = (*performance, *account, places.clone());
                self.put(id, Subject { performance, account, places, total: *total });
            }
            Outcome::HoldReleased { .. } | Outcome::HoldExpired { .. } => self.end(id),
            Outcome::OrderReserving(order) => self.order(id, order.hold, order.price),
            Outcome::OrderNotPlaced { .. } => self.end(id),
            Outcome::OrderPlaced { hold, total, .. } => {
                self.order(id, *hold, *total);
                self.end(packed(*hold));
            }
            _ => {}
        }
        self.known.get(&id)
    }

    /// Those that are to be kept, and are new or others than before.
    pub(super) fn changed(&self) -> impl Iterator<Item = (i64, &Subject)> {
        let lives = self.changed.iter().filter(|id| !self.ended.contains(id));
        lives.filter_map(|id| Some((*id, self.known.get(id)?)))
    }

    /// Those that no later outcome is about.
    pub(super) fn ended(&self) -> impl Iterator<Item = i64> {
        self.ended.iter().copied()
    }

    /// An order is for what its hold was for.
    fn order(&mut self, id: i64, hold: HoldId, total: Money) {
        if let Some(held) = self.known.get(&packed(hold)).cloned() {
            self.put(id, Subject { total, ..held });
        }
    }

    fn put(&mut self, id: i64, subject: Subject) {
        self.known.insert(id, subject);
        self.changed.insert(id);
    }

    fn end(&mut self, id: i64) {
        self.ended.insert(id);
    }
}

/// The ids of the holds and orders that have to be known for these outcomes.
pub(super) fn ids<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Vec<i64> {
    let holds_and_orders = outcomes.flat_map(|outcome| {
        let hold = match outcome {
            Outcome::OrderPlaced { hold, .. } => Some(*hold),
            Outcome::OrderReserving(order) => Some(order.hold),
            _ => None,
        };
        [id_of(outcome), hold.map(packed)]
    });
    holds_and_orders.flatten().collect::<BTreeSet<_>>().into_iter().collect()
}

const fn packed(hold: HoldId) -> i64 {
    hold.0.packed()
}

/// The hold or the order that an outcome is about. What coupons and points are kept for may be in a
/// partition that is told at another time, so it is not looked at.
fn id_of(outcome: &Outcome) -> Option<i64> {
    let order = match outcome {
        Outcome::Held { hold, .. }
        | Outcome::HoldRenewed { hold, .. }
        | Outcome::HoldReleased { hold }
        | Outcome::HoldExpired { hold, .. } => return Some(packed(*hold)),
        Outcome::OrderReserving(order) => order.order,
        Outcome::OrderNotPlaced { order, .. }
        | Outcome::OrderPlaced { order, .. }
        | Outcome::OrderConfirmed { order, .. }
        | Outcome::OrderCancelled { order, .. }
        | Outcome::PaymentRequested { order, .. }
        | Outcome::PaymentCaptured { order, .. }
        | Outcome::PaymentDeclined { order, .. }
        | Outcome::RefundRequested { order, .. }
        | Outcome::PaymentRefunded { order, .. }
        | Outcome::RefundFailed { order, .. }
        | Outcome::Refund(RefundOutcome::TicketsRefunded { order, .. }) => *order,
        Outcome::Ticket(outcome) => order_of_ticket(outcome)?,
        _ => return None,
    };
    Some(order.0.packed())
}

const fn order_of_ticket(outcome: &TicketOutcome) -> Option<OrderId> {
    match outcome {
        TicketOutcome::RulesSet { .. } => None,
        TicketOutcome::Offered { ticket, .. }
        | TicketOutcome::Transferred { ticket, .. }
        | TicketOutcome::OfferEnded { ticket, .. }
        | TicketOutcome::CheckedIn { ticket, .. }
        | TicketOutcome::CheckedOut { ticket, .. }
        | TicketOutcome::UsedAgain { ticket, .. } => Some(ticket.order),
    }
}
