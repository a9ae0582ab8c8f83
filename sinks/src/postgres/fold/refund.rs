//! Refunds: the terms of performances, tickets that go back, and performances that are not shown.

use boxoffice_topics::refund::RefundStep;
use boxoffice_topics::{Currency, OrderId, PerformanceId, RefundLine, RefundOutcome, RefundTerms};

use super::{At, Fold, uuid};
use crate::postgres::columns::CurrencyCode;
use crate::postgres::rows::{PerformanceCancellationRow, RefundTermsRow, TicketRefundRow};

impl Fold {
    pub(super) fn apply_refund(&mut self, at: At, outcome: &RefundOutcome) {
        match outcome {
            RefundOutcome::TicketsRefunded { order, currency, terms, lines, .. } => {
                for line in lines {
                    self.void_ticket(at, *order, line.ticket);
                    self.ticket_refunds.put(ticket_refund(at, *order, *currency, *terms, line));
                }
            }
            RefundOutcome::TermsSet { performance, version, terms } => {
                self.add_refund_terms(at, *performance, *version, terms);
            }
            RefundOutcome::PerformanceCancelled { performance } => {
                let performance_id = uuid(performance.as_u128());
                let cancelled_at = at.now;
                self.cancellations.put(PerformanceCancellationRow { performance_id, cancelled_at });
            }
        }
    }

    pub(super) fn add_refund_terms(
        &mut self,
        at: At,
        performance: PerformanceId,
        version: u16,
        terms: &RefundTerms,
    ) {
        let ladder = terms.ladder.as_ref();
        let free = ladder.and_then(|ladder| ladder.free);
        let steps: &[RefundStep] = ladder.map_or(&[], |ladder| &ladder.steps);
        self.refund_terms.put(RefundTermsRow {
            performance_id: uuid(performance.as_u128()),
            version: version.into(),
            booking_fee_minor: terms.booking_fee_minor,
            utc_offset_minutes: ladder.map(|ladder| ladder.utc_offset_minutes.into()),
            free_within_days: free.map(|free| free.within_days.into()),
            free_days_before: free.map(|free| free.days_before.into()),
            days_before: steps.iter().map(|step| step.days_before.into()).collect(),
            basis_points: steps.iter().map(|step| step.basis_points.into()).collect(),
            fixed_minor: steps.iter().map(|step| step.fixed_minor).collect(),
            set_at: at.now,
        });
    }

    fn void_ticket(&mut self, at: At, order: OrderId, number: u16) {
        let key = (order.0.packed(), i32::from(number));
        for ticket in self.tickets.change_range(key..=key) {
            ticket.voided_at = Some(at.now);
        }
    }
}

fn ticket_refund(
    at: At,
    order: OrderId,
    currency: Currency,
    terms: Option<u16>,
    line: &RefundLine,
) -> TicketRefundRow {
    TicketRefundRow {
        order_id: order.0.packed(),
        number: line.ticket.into(),
        version: terms.map(i32::from),
        currency: CurrencyCode(currency),
        price_minor: line.price_minor,
        discount_minor: line.discount_minor,
        booking_fee_minor: line.booking_fee_minor,
        kept_minor: line.kept_minor,
        money_minor: line.money_minor,
        points_minor: line.points_minor,
        earned_minor: line.earned_minor,
        refunded_at: at.now,
    }
}
