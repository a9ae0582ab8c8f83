//! Whatever is done with tickets, in whatever order: each has exactly one holder, nobody comes in
//! twice without having gone out, no account is above its limit, an order comes back only whole,
//! and a snapshot taken anywhere leads to the same future.
//!
//! The model that is compared with knows nothing of the core: it folds outcomes into maps.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;

use boxoffice_core::{Record, State, apply, decide};
use boxoffice_topics::intent::SectionQuantity;
use boxoffice_topics::ticket::{OFFER_TTL_MS_MIN, Scan};
use boxoffice_topics::{
    AccountId, Currency, Header, HoldId, Intent, IntentKey, OrderId, Outcome, PartitionId,
    PerformanceDefinition, PerformanceId, PriceLevel, SaleRules, ScanId, Section, SectionKind,
    Step, TicketId, TicketIntent, TicketOutcome, TicketRules, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;

const SHOW: PerformanceId = PerformanceId::from_u128(1);
const STARTS_AT_MS: i64 = 1_000_000;
const ACCOUNT_SEATS_MAX: u16 = 3;
const PEOPLE: u128 = 3;

/// What is asked, by whom; numbers choose among the things that exist.
#[derive(Clone, Debug)]
enum Ask {
    Buy(u128, u16),
    Cancel(u128, usize),
    Offer(u128, usize, u128),
    Accept(u128, usize),
    EndOffer(u128, usize),
    In(usize, Option<u16>, Option<u128>),
    Out(usize),
    After(i64),
}

fn ask() -> impl Strategy<Value = Ask> {
    let who = || 0..PEOPLE;
    prop_oneof![
        3 => (who(), 1..3_u16).prop_map(|(who, count)| Ask::Buy(who, count)),
        2 => (who(), 0..64_usize).prop_map(|(who, which)| Ask::Cancel(who, which)),
        6 => (who(), 0..64_usize, who()).prop_map(|(who, which, to)| Ask::Offer(who, which, to)),
        8 => (who(), 0..64_usize).prop_map(|(who, which)| Ask::Accept(who, which)),
        1 => (who(), 0..64_usize).prop_map(|(who, which)| Ask::EndOffer(who, which)),
        3 => (0..64_usize, proptest::option::of(0..3_u16), proptest::option::of(0..9_u128))
            .prop_map(|(which, generation, scan)| Ask::In(which, generation, scan)),
        2 => (0..64_usize).prop_map(Ask::Out),
        1 => (0..40_000_i64).prop_map(Ask::After),
    ]
}

/// Standing room that costs nothing: an order is confirmed as soon as it is placed.
fn house() -> PerformanceDefinition {
    let floor = SectionKind::GeneralAdmission { capacity: 50, price_level: 0 };
    PerformanceDefinition {
        performance: SHOW,
        name: "Hamlet".into(),
        venue: "Globe".into(),
        starts_at: Timestamp::from_millis(STARTS_AT_MS),
        currency: Currency::KRW,
        price_levels: vec![PriceLevel { code: "FREE".into(), price_minor: 0 }],
        sections: vec![Section { code: "FLOOR".into(), kind: floor }],
        sale: SaleRules {
            opens_at: Some(Timestamp::from_millis(0)),
            closes_at: None,
            hold_ttl_ms: 5_000,
            hold_renewals_max: 0,
            payment_window_ms: 8_000,
            account_seats_max: ACCOUNT_SEATS_MAX,
        },
        refund_terms: None,
        settlement_terms: None,
        shapes: None,
    }
}

#[derive(Default)]
struct Model {
    holders: BTreeMap<TicketId, AccountId>,
    inside: BTreeMap<TicketId, bool>,
    orders: Vec<OrderId>,
    holds: Vec<HoldId>,
}

impl Model {
    fn fold(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Held { hold, .. } => self.holds.push(*hold),
            Outcome::OrderConfirmed { order, account, places, .. } => {
                self.orders.push(*order);
                for number in 1..=u16::try_from(places.count()).unwrap() {
                    let ticket = TicketId { order: *order, number };
                    assert!(self.holders.insert(ticket, *account).is_none(), "issued twice");
                }
            }
            Outcome::OrderCancelled { order, account, .. } => {
                let ended: Vec<_> =
                    self.holders.keys().filter(|id| id.order == *order).copied().collect();
                for ticket in ended {
                    assert_eq!(self.holders.remove(&ticket), Some(*account), "not the buyer's");
                    assert_eq!(self.inside.get(&ticket), None, "it was used");
                }
            }
            Outcome::Ticket(TicketOutcome::Transferred { ticket, from, to, .. }) => {
                assert_eq!(self.holders.insert(*ticket, *to), Some(*from));
                assert_eq!(self.inside.get(ticket), None, "it was used");
            }
            Outcome::Ticket(TicketOutcome::CheckedIn { ticket, .. }) => {
                assert!(self.holders.contains_key(ticket), "nobody has it");
                assert_ne!(self.inside.insert(*ticket, true), Some(true), "twice inside");
            }
            Outcome::Ticket(TicketOutcome::CheckedOut { ticket, .. }) => {
                assert_eq!(self.inside.insert(*ticket, false), Some(true));
            }
            _ => (),
        }
    }

    fn ticket(&self, which: usize) -> Option<TicketId> {
        let count = self.holders.len();
        (count > 0).then(|| *self.holders.keys().nth(which % count).unwrap())
    }

    fn agrees_with(&self, state: &State) {
        let mut seats: BTreeMap<AccountId, u32> = BTreeMap::new();
        for (ticket, holder) in &self.holders {
            assert_eq!(state.ticket(*ticket).unwrap().holder(), *holder);
            *seats.entry(*holder).or_default() += 1;
        }
        let show = state.performance(SHOW).unwrap();
        for account in (0..PEOPLE).map(AccountId::from_u128) {
            let has = seats.get(&account).copied().unwrap_or(0);
            assert!(has <= u32::from(ACCOUNT_SEATS_MAX), "above the limit");
            assert!(show.seats_of(account) >= has);
            let received = state.tickets_received(account).collect::<Vec<_>>();
            let of_others = |id: &TicketId| state.order(id.order).unwrap().account != account;
            let expected = self.holders.iter().filter(|(_, holder)| **holder == account);
            let expected: Vec<_> = expected.map(|(id, _)| *id).filter(of_others).collect();
            assert_eq!(received, expected);
        }
    }
}

struct Run {
    state: State,
    model: Model,
    now_ms: i64,
}

impl Run {
    fn ask(&mut self, who: u128, intent: &Intent<'_>) {
        let offset = self.state.next_offset();
        let header = Header {
            recorded_at: Timestamp::from_millis(self.now_ms),
            account: AccountId::from_u128(who),
            key: IntentKey::from_u128(0),
            fingerprint: 0,
            traceparent: None,
        };
        let mut step = Step::default();
        decide(&self.state, &Record { offset, header: &header, intent }, &mut step);
        apply(&mut self.state, &step);
        step.outcomes.iter().for_each(|outcome| self.model.fold(outcome));
    }

    fn about(&mut self, who: u128, which: usize, intent: fn(TicketId) -> TicketIntent<'static>) {
        if let Some(ticket) = self.model.ticket(which) {
            self.ask(who, &Intent::Ticket(intent(ticket)));
        }
    }

    fn scan(&self, which: usize) -> Option<Scan<'static>> {
        let ticket = self.model.ticket(which)?;
        let (generation, scanned_at, scan) = (None, None, None);
        Some(Scan { performance: SHOW, ticket, generation, gate: "N", scanned_at, scan })
    }

    fn step(&mut self, ask: &Ask) {
        match *ask {
            Ask::Buy(who, quantity) => {
                let floor = SectionQuantity { section: "FLOOR", quantity };
                let sections = [floor].into_iter().collect();
                self.ask(
                    who,
                    &Intent::HoldGeneralAdmission { performance: SHOW, sections, code: None },
                );
                if let Some(hold) = self.model.holds.pop() {
                    let (coupon, points_minor) = (None, None);
                    self.ask(who, &Intent::PlaceOrder { hold, coupon, points_minor });
                }
            }
            Ask::Cancel(who, which) => {
                let count = self.model.orders.len().max(1);
                if let Some(order) = self.model.orders.get(which % count).copied() {
                    self.ask(who, &Intent::CancelOrder { order });
                }
            }
            Ask::Offer(who, which, to) => {
                if let Some(ticket) = self.model.ticket(which) {
                    let to = AccountId::from_u128(to);
                    self.ask(who, &Intent::Ticket(TicketIntent::Offer { ticket, to }));
                }
            }
            Ask::Accept(who, which) => {
                self.about(who, which, |ticket| TicketIntent::AcceptOffer { ticket });
            }
            Ask::EndOffer(who, which) => {
                self.about(who, which, |ticket| TicketIntent::EndOffer { ticket });
            }
            Ask::In(which, generation, scan) => {
                if let Some(shown) = self.scan(which) {
                    let scan = scan.map(ScanId::from_u128);
                    let shown = Scan { generation, scan, ..shown };
                    self.ask(9, &Intent::Ticket(TicketIntent::CheckIn(shown)));
                }
            }
            Ask::Out(which) => {
                if let Some(shown) = self.scan(which) {
                    self.ask(9, &Intent::Ticket(TicketIntent::CheckOut(shown)));
                }
            }
            Ask::After(ms) => {
                self.now_ms += ms;
                self.ask(0, &Intent::Tick);
            }
        }
    }
}

proptest! {
    #[test]
    fn tickets_have_one_holder_and_admit_once(
        asks in vec(ask(), 1..120),
        reentry in any::<bool>(),
        restart in 0..120_usize,
    ) {
        let state = State::new(PartitionId::new(0).unwrap());
        let mut run = Run { state, model: Model::default(), now_ms: 0 };
        run.ask(9, &Intent::CreatePerformance { definition: Box::new(house()) });
        let rules = TicketRules {
            transfers_max: 3,
            offer_ttl_ms: OFFER_TTL_MS_MIN,
            reentry,
            ..TicketRules::UNSAID
        };
        run.ask(9, &Intent::Ticket(TicketIntent::SetRules { performance: SHOW, rules }));
        for (number, ask) in asks.iter().enumerate() {
            if number == restart {
                run.state = State::from_snapshot(&run.state.to_snapshot()).unwrap();
            }
            run.step(ask);
            run.model.agrees_with(&run.state);
        }
        let entries = run.model.inside.len();
        let counted: u32 = run.state.gates(SHOW).map(|(_, counts)| counts.entries).sum();
        prop_assert_eq!(counted as usize, entries);
        let again = State::from_snapshot(&run.state.to_snapshot()).unwrap();
        prop_assert!(again.to_snapshot() == run.state.to_snapshot());
    }
}
