//! Tickets after the sale: who has one, and when it was shown at which gate.

use boxoffice_topics::ticket::{OfferEnd, TicketUse};
use boxoffice_topics::{
    IntentId, PerformanceId, ScanId, TicketId, TicketOutcome, TicketRules, TransferId,
};

use super::{At, Fold, uuid};
use crate::postgres::columns::{Moment, ScanKind, TransferState};
use crate::postgres::error::Error;
use crate::postgres::rows::{ScanRow, TicketRulesRow, TransferRow};

impl Fold {
    pub(super) fn apply_ticket(&mut self, at: At, outcome: &TicketOutcome) -> Result<(), Error> {
        match outcome {
            TicketOutcome::RulesSet { performance, rules } => {
                self.ticket_rules.put(rules_row(at, *performance, rules));
            }
            TicketOutcome::Offered { .. } => self.offer_ticket(at, outcome),
            TicketOutcome::Transferred { transfer, ticket, to, generation, .. } => {
                let row = self.end_transfer(at, *transfer, TransferState::Accepted)?;
                row.generation = Some((*generation).into());
                let key = (ticket.order.0.packed(), i32::from(ticket.number));
                self.tickets.change(&key)?.account_id = uuid(to.as_u128());
            }
            TicketOutcome::OfferEnded { transfer, end, .. } => {
                self.end_transfer(at, *transfer, (*end).into())?;
            }
            TicketOutcome::CheckedIn { ticket, performance, at: used, entry, scan } => {
                let row = scan_row(at, *ticket, *performance, used, *scan);
                let entry = Some((*entry).into());
                self.ticket_scans.put(ScanRow { kind: ScanKind::In, entry, ..row });
            }
            TicketOutcome::CheckedOut { ticket, performance, at: used, scan } => {
                let row = scan_row(at, *ticket, *performance, used, *scan);
                self.ticket_scans.put(ScanRow { kind: ScanKind::Out, ..row });
            }
            TicketOutcome::UsedAgain { ticket, performance, at: used, scan, .. } => {
                self.ticket_scans.put(scan_row(at, *ticket, *performance, used, *scan));
            }
        }
        Ok(())
    }

    fn offer_ticket(&mut self, at: At, outcome: &TicketOutcome) {
        let TicketOutcome::Offered { transfer, ticket, performance, from, to, until } = outcome
        else {
            unreachable!("called for offers only")
        };
        self.ticket_transfers.put(TransferRow {
            transfer_id: transfer.0.packed(),
            order_id: ticket.order.0.packed(),
            number: ticket.number.into(),
            performance_id: uuid(performance.as_u128()),
            from_account_id: uuid(from.as_u128()),
            to_account_id: uuid(to.as_u128()),
            state: TransferState::Offered,
            generation: None,
            offered_at: at.now,
            lapses_at: Moment(*until),
            ended_at: None,
        });
    }

    fn end_transfer(
        &mut self,
        at: At,
        transfer: TransferId,
        state: TransferState,
    ) -> Result<&mut TransferRow, Error> {
        let row = self.ticket_transfers.change(&transfer.0.packed())?;
        row.state = state;
        row.ended_at = Some(at.now);
        Ok(row)
    }
}

fn rules_row(at: At, performance: PerformanceId, rules: &TicketRules) -> TicketRulesRow {
    TicketRulesRow {
        performance_id: uuid(performance.as_u128()),
        transfers_max: rules.transfers_max.into(),
        transfers_close_before_ms: rules.transfers_close_before_ms.into(),
        offer_ttl_ms: rules.offer_ttl_ms.into(),
        reentry: rules.reentry,
        admits_after_start_ms: rules.admits_after_start_ms.into(),
        changed_at: at.now,
    }
}

/// A scan of a ticket that admits nobody, because somebody is inside with it.
fn scan_row(
    at: At,
    ticket: TicketId,
    performance: PerformanceId,
    used: &TicketUse,
    scan: Option<ScanId>,
) -> ScanRow {
    let (order, name) = (ticket.order.0, at.name);
    ScanRow {
        scan_id: IntentId::new(order.slot(), name.partition(), name.offset()).packed(),
        order_id: order.packed(),
        number: ticket.number.into(),
        performance_id: uuid(performance.as_u128()),
        kind: ScanKind::Again,
        gate: used.gate.to_string(),
        scanned_at: Moment(used.at),
        entry: None,
        scan: scan.map(|scan| uuid(scan.as_u128())),
        recorded_at: at.now,
    }
}

impl From<OfferEnd> for TransferState {
    fn from(end: OfferEnd) -> Self {
        match end {
            OfferEnd::Withdrawn => Self::Withdrawn,
            OfferEnd::Declined => Self::Declined,
            OfferEnd::Lapsed => Self::Lapsed,
        }
    }
}
