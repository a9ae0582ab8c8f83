//! The words of tickets.
//!
//! ```text
//! promoter tickets max=1 close=1000 ttl=60000 reentry admits=5000
//! alice offer o1.1 bob | bob accept o1.1 | alice unoffer o1.1
//! gate in o1.1 N gen=0 moment=100 scan=7 | gate out o1.1 N
//! ```

use boxoffice_topics::ticket::{OFFER_TTL_MS_MIN, Scan, TicketUse};
use boxoffice_topics::{
    AccountId, Intent, PerformanceId, ScanId, TicketId, TicketIntent, TicketOutcome, TicketRules,
    Timestamp,
};

use super::{Table, account};

impl Table {
    pub(super) fn ticket_intent<'a>(
        &self,
        performance: PerformanceId,
        what: &str,
        rest: &[&'a str],
    ) -> Intent<'a> {
        Intent::Ticket(match what {
            "tickets" => TicketIntent::SetRules { performance, rules: rules(rest) },
            "offer" => TicketIntent::Offer { ticket: self.ticket(rest[0]), to: account(rest[1]) },
            "accept" => TicketIntent::AcceptOffer { ticket: self.ticket(rest[0]) },
            "unoffer" => TicketIntent::EndOffer { ticket: self.ticket(rest[0]) },
            "in" => TicketIntent::CheckIn(self.scan(performance, rest)),
            "out" => TicketIntent::CheckOut(self.scan(performance, rest)),
            other => panic!("unknown word {other}"),
        })
    }

    fn ticket(&self, name: &str) -> TicketId {
        let (order, number) = name.split_once('.').expect("order.number");
        TicketId { order: self.order(order), number: number.parse().expect("a number") }
    }

    fn scan<'a>(&self, performance: PerformanceId, rest: &[&'a str]) -> Scan<'a> {
        let number = |name: &str| option(rest, name).map(|text| text.parse::<i64>().unwrap());
        Scan {
            performance,
            ticket: self.ticket(rest[0]),
            generation: number("gen=").map(|generation| generation as u16),
            gate: rest[1],
            scanned_at: number("moment=").map(Timestamp::from_millis),
            scan: number("scan=").map(|scan| ScanId::from_u128(scan as u128)),
        }
    }

    pub(super) fn tell_ticket(&mut self, outcome: &TicketOutcome) -> String {
        match outcome {
            TicketOutcome::RulesSet { .. } => "tickets ruled".into(),
            TicketOutcome::Offered { ticket, to, until, .. } => {
                let (ticket, until) = (self.ticket_name(*ticket), until.as_millis());
                format!("offered {ticket} to {} until {until}", person(*to))
            }
            TicketOutcome::Transferred { ticket, from, to, generation, .. } => {
                let (ticket, from, to) = (self.ticket_name(*ticket), person(*from), person(*to));
                format!("{ticket} from {from} to {to} gen {generation}")
            }
            TicketOutcome::OfferEnded { ticket, end, .. } => {
                format!("{} {}", format!("{end:?}").to_lowercase(), self.ticket_name(*ticket))
            }
            TicketOutcome::CheckedIn { ticket, at, entry, .. } => {
                format!("in {} {} #{entry}", self.ticket_name(*ticket), used(at))
            }
            TicketOutcome::CheckedOut { ticket, at, .. } => {
                format!("out {} {}", self.ticket_name(*ticket), used(at))
            }
            TicketOutcome::UsedAgain { ticket, at, before, .. } => {
                let ticket = self.ticket_name(*ticket);
                format!("again {ticket} {} after {}", used(at), used(before))
            }
        }
    }

    fn ticket_name(&mut self, ticket: TicketId) -> String {
        format!("{}.{}", self.order_name(ticket.order), ticket.number)
    }
}

/// Who was offered a ticket may not have asked anything yet.
fn person(of: AccountId) -> &'static str {
    let mut people = ["alice", "bob", "carol"].into_iter();
    people.find(|name| account(name) == of).expect("one of three")
}

fn used(at: &TicketUse) -> String {
    format!("{}@{}", at.gate, at.at.as_millis())
}

fn option<'a>(rest: &[&'a str], name: &str) -> Option<&'a str> {
    rest.iter().find_map(|word| word.strip_prefix(name))
}

fn rules(rest: &[&str]) -> TicketRules {
    let number = |name: &str| option(rest, name).map(|text| text.parse::<u32>().unwrap());
    TicketRules {
        transfers_max: number("max=").unwrap_or(0) as u8,
        transfers_close_before_ms: number("close=").unwrap_or(0),
        offer_ttl_ms: number("ttl=").unwrap_or(OFFER_TTL_MS_MIN),
        reentry: rest.contains(&"reentry"),
        admits_after_start_ms: number("admits=").unwrap_or(5_000),
    }
}
