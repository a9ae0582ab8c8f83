//! The records of tickets.

use boxoffice_topics::ticket::{Gate, OfferEnd, Scan, TicketUse};
use boxoffice_topics::{ScanId, TicketId, TicketIntent, TicketOutcome, TicketRules, TransferId};

use super::*;

const GOLDEN: &str = include_str!("../../testdata/v1-ticket.hex");

const SHOW: PerformanceId = PerformanceId::from_u128(7);
const AT: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn rules() -> TicketRules {
    TicketRules {
        transfers_max: 2,
        transfers_close_before_ms: 3_600_000,
        offer_ttl_ms: 86_400_000,
        reentry: true,
        admits_after_start_ms: 7_200_000,
    }
}

fn ticket() -> TicketId {
    TicketId { order: OrderId(name(80)), number: 2 }
}

fn intents() -> Vec<Intent<'static>> {
    let (ticket, gate) = (ticket(), "North 3");
    let online =
        Scan { performance: SHOW, ticket, generation: None, gate, scanned_at: None, scan: None };
    let scan = Some(ScanId::from_u128(13));
    let offline = Scan { generation: Some(1), scanned_at: Some(AT), scan, ..online };
    [
        TicketIntent::SetRules { performance: SHOW, rules: rules() },
        TicketIntent::Offer { ticket, to: AccountId::from_u128(9) },
        TicketIntent::AcceptOffer { ticket },
        TicketIntent::EndOffer { ticket },
        TicketIntent::CheckIn(online),
        TicketIntent::CheckIn(offline),
        TicketIntent::CheckOut(offline),
    ]
    .map(Intent::Ticket)
    .into()
}

fn outcomes() -> Vec<Outcome> {
    let (performance, ticket, transfer) = (SHOW, ticket(), TransferId(name(91)));
    let (from, to) = (AccountId::from_u128(9), AccountId::from_u128(10));
    let at = TicketUse { gate: Gate::from("North 3").unwrap(), at: AT };
    let scan = Some(ScanId::from_u128(13));
    let ended = |end| TicketOutcome::OfferEnded { transfer, ticket, from, to, end };
    [
        TicketOutcome::RulesSet { performance, rules: rules() },
        TicketOutcome::Offered { transfer, ticket, performance, from, to, until: AT },
        TicketOutcome::Transferred { transfer, ticket, performance, from, to, generation: 1 },
        ended(OfferEnd::Withdrawn),
        ended(OfferEnd::Declined),
        ended(OfferEnd::Lapsed),
        TicketOutcome::CheckedIn { ticket, performance, at, entry: 1, scan: None },
        TicketOutcome::CheckedIn { ticket, performance, at, entry: 2, scan },
        TicketOutcome::CheckedOut { ticket, performance, at, scan },
        TicketOutcome::UsedAgain { ticket, performance, at, before: at, scan },
    ]
    .map(Outcome::Ticket)
    .into()
}

fn step() -> Step {
    Step { outcomes: outcomes(), ..super::step() }
}

#[test]
fn today_writes_the_bytes_of_tickets() {
    group::check_written(GOLDEN, &intents(), &step());
}

#[test]
fn today_reads_the_bytes_of_tickets() {
    group::check_read(GOLDEN, &intents(), &step());
}
