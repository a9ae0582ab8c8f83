//! What becomes of a ticket after the sale: offers that end in every way, and a night at the door.

use boxoffice_topics::ticket::{Gate, OfferEnd, TicketUse};
use boxoffice_topics::{PerformanceId, ScanId, TicketId, TicketOutcome, TicketRules, TransferId};

use super::{Scribe, account};

/// The ticket goes from account 6 to account 1, who comes in, is copied, goes out and comes back.
pub(crate) fn passes_on(hall: &mut Scribe, performance: PerformanceId, ticket: TicketId) {
    for transfers_max in [0, 2] {
        let rules = TicketRules { transfers_max, reentry: true, ..TicketRules::UNSAID };
        hall.decide(vec![TicketOutcome::RulesSet { performance, rules }.into()]);
    }
    let (from, to) = (account(6), account(1));
    for end in [OfferEnd::Withdrawn, OfferEnd::Declined, OfferEnd::Lapsed] {
        let transfer = offered(hall, performance, ticket);
        let ended = TicketOutcome::OfferEnded { transfer, ticket, from, to, end };
        hall.decide(vec![ended.into()]);
    }
    let transfer = offered(hall, performance, ticket);
    let generation = 1;
    let passed = TicketOutcome::Transferred { transfer, ticket, performance, from, to, generation };
    hall.decide(vec![passed.into()]);
    goes_in(hall, performance, ticket);
    offered(hall, performance, ticket);
}

fn offered(hall: &mut Scribe, performance: PerformanceId, ticket: TicketId) -> TransferId {
    let (transfer, until) = (TransferId(hall.next_id()), hall.now().plus_millis(60_000));
    let (from, to) = (account(6), account(1));
    hall.decide(vec![
        TicketOutcome::Offered { transfer, ticket, performance, from, to, until }.into(),
    ]);
    transfer
}

fn goes_in(hall: &mut Scribe, performance: PerformanceId, ticket: TicketId) {
    let shown = |hall: &Scribe, gate| TicketUse { gate: Gate::from(gate).unwrap(), at: hall.now() };
    let (before, scan) = (shown(hall, "North"), None);
    let came = |at, entry| TicketOutcome::CheckedIn { ticket, performance, at, entry, scan };
    hall.decide(vec![came(before, 1).into()]);
    let (at, named) = (shown(hall, "South"), Some(ScanId::from_u128(5)));
    let again = TicketOutcome::UsedAgain { ticket, performance, at, before, scan: named };
    hall.decide(vec![again.into()]);
    let at = shown(hall, "South");
    hall.decide(vec![TicketOutcome::CheckedOut { ticket, performance, at, scan: named }.into()]);
    hall.decide(vec![came(shown(hall, "South"), 2).into()]);
}
