//! Whatever is asked, in whatever order: no seat is sold twice, no section is oversold, no
//! account is above its limit, every won is accounted for, and a snapshot taken anywhere leads to
//! the same future.
//!
//! The model that is compared with knows nothing of the core: it folds outcomes into maps.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "settlement/books.rs"]
mod books;

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_core::{Record, State, apply, decide};
use boxoffice_topics::intent::{PaymentResult, RefundResult, SeatLabels, SectionQuantity};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::refund::{RefundStep, TicketNumbers};
use boxoffice_topics::{
    AccountId, Currency, Header, HoldId, Intent, IntentKey, Money, OrderId, Outcome, PartitionId,
    PaymentId, PerformanceDefinition, PerformanceId, Places, PriceLevel, RefundIntent,
    RefundLadder, RefundLine, RefundOutcome, RefundTerms, Row, SaleRules, SeatNumber, Section,
    SectionKind, Step, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;

use books::Books;

const SHOW: PerformanceId = PerformanceId::from_u128(1);
const CAPACITY: u32 = 6;
const ACCOUNT_SEATS_MAX: u16 = 4;
const LABELS: [&str; 8] = ["A-1-1", "A-1-2", "A-1-3", "A-1-4", "A-2-1", "A-2-2", "A-2-3", "A-2-4"];

/// What is asked; numbers choose among the things that exist.
#[derive(Clone, Debug)]
enum Ask {
    Seats(Vec<usize>),
    Best(u16),
    Floor(u16),
    Renew(usize),
    Release(usize),
    Order(usize),
    Pay(usize),
    Cancel(usize),
    Ticket(usize, u16),
    Terms(u16),
    CallOff(u8),
    Captured(usize, bool),
    Declined(usize),
    Refunded(usize),
    Again,
    After(i64),
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        4 => vec(0..LABELS.len(), 1..4).prop_map(Ask::Seats),
        3 => (1..4_u16).prop_map(Ask::Best),
        2 => (1..4_u16).prop_map(Ask::Floor),
        1 => (0..64_usize).prop_map(Ask::Renew),
        2 => (0..64_usize).prop_map(Ask::Release),
        5 => (0..64_usize).prop_map(Ask::Order),
        6 => (0..64_usize).prop_map(Ask::Pay),
        2 => (0..64_usize).prop_map(Ask::Cancel),
        4 => (0..64_usize, 1..4_u16).prop_map(|(which, ticket)| Ask::Ticket(which, ticket)),
        1 => (0..3_000_u16).prop_map(Ask::Terms),
        1 => (0..6_u8).prop_map(Ask::CallOff),
        6 => (0..64_usize, any::<bool>()).prop_map(|(which, exact)| Ask::Captured(which, exact)),
        2 => (0..64_usize).prop_map(Ask::Declined),
        3 => (0..64_usize).prop_map(Ask::Refunded),
        2 => Just(Ask::Again),
        3 => (0..4_000_i64).prop_map(Ask::After),
    ]
}

/// Terms that keep a share on every day.
fn terms(basis_points: u16) -> RefundTerms {
    let step = RefundStep { days_before: 0, basis_points, fixed_minor: Some(8) };
    let ladder = RefundLadder { utc_offset_minutes: 540, free: None, steps: vec![step] };
    RefundTerms { ladder: Some(ladder), booking_fee_minor: 7 }
}

fn house() -> PerformanceDefinition {
    let row = |label: &str| Row {
        label: label.into(),
        first_seat: 1,
        seats: 4,
        price_level: 0,
        accessible: vec![],
        sold: None,
    };
    let floor = SectionKind::GeneralAdmission { capacity: CAPACITY, price_level: 1 };
    let level = |code: &str, price_minor| PriceLevel { code: code.into(), price_minor };
    PerformanceDefinition {
        performance: SHOW,
        name: "Hamlet".into(),
        venue: "Globe".into(),
        starts_at: Timestamp::from_millis(1_000_000),
        currency: Currency::KRW,
        price_levels: vec![level("R", 100), level("S", 30)],
        sections: vec![
            Section {
                code: "A".into(),
                kind: SectionKind::Reserved { rows: vec![row("1"), row("2")] },
            },
            Section { code: "FLOOR".into(), kind: floor },
        ],
        sale: SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 5_000,
            hold_renewals_max: 1,
            payment_window_ms: 8_000,
            account_seats_max: ACCOUNT_SEATS_MAX,
        },
        shapes: None,
        refund_terms: Some(Box::new(terms(1_000))),
        settlement_terms: Some(books::TERMS),
    }
}

/// What outcomes say, folded without the core.
#[derive(Default)]
struct Model {
    /// Who has what: by hold and by order.
    holds: BTreeMap<HoldId, (AccountId, Places)>,
    orders: BTreeMap<OrderId, (AccountId, Places)>,
    /// Places of orders that ended, for money that comes late.
    totals: BTreeMap<OrderId, i64>,
    confirmed: BTreeMap<OrderId, i64>,
    payments: Vec<(PaymentId, OrderId, i64)>,
    captured: i64,
    refund_names: Vec<(EffectName, PaymentId, i64)>,
    refunds_asked: i64,
    /// Places that confirmed orders had at first, and the tickets that went back.
    sold: BTreeMap<OrderId, (Places, BTreeSet<u16>)>,
    kept: i64,
}

impl Model {
    fn fold(&mut self, step: &Step) {
        for outcome in &step.outcomes {
            match outcome {
                Outcome::Held { hold, account, places, .. } => {
                    self.holds.insert(*hold, (*account, places.clone()));
                }
                Outcome::HoldReleased { hold } | Outcome::HoldExpired { hold, .. } => {
                    self.holds.remove(hold).expect("a hold ends once");
                }
                Outcome::OrderPlaced { order, hold, total, .. } => {
                    let held = self.holds.remove(hold).expect("an order comes from a hold");
                    self.orders.insert(*order, held);
                    self.totals.insert(*order, total.minor);
                }
                Outcome::OrderConfirmed { order, account, places, reseated, .. } => {
                    let before = self.orders.insert(*order, (*account, places.clone()));
                    assert_eq!(before.is_none(), *reseated, "only a dead order is seated again");
                    self.confirmed.insert(*order, self.totals[order]);
                    self.sold.insert(*order, (places.clone(), BTreeSet::new()));
                }
                Outcome::OrderCancelled { order, .. } => {
                    self.orders.remove(order).expect("an order ends once");
                    let left = self.confirmed.remove(order).unwrap_or(0);
                    let went_back = self.sold.remove(order).map_or(0, |(_, tickets)| tickets.len());
                    self.kept += if went_back > 0 { left } else { 0 };
                }
                Outcome::Refund(RefundOutcome::TicketsRefunded { order, lines, .. }) => {
                    lines.iter().for_each(|line| self.ticket_back(*order, line));
                }
                Outcome::PaymentRequested { payment, order, amount, .. } => {
                    self.payments.push((*payment, *order, amount.minor));
                }
                Outcome::PaymentCaptured { amount, .. } => self.captured += amount.minor,
                Outcome::RefundRequested { refund, payment, amount, .. } => {
                    self.refund_names.push((*refund, *payment, amount.minor));
                    self.refunds_asked += amount.minor;
                }
                _ => (),
            }
        }
        self.check();
    }

    fn ticket_back(&mut self, order: OrderId, line: &RefundLine) {
        let RefundLine { price_minor, booking_fee_minor, kept_minor, money_minor, .. } = *line;
        assert_eq!(price_minor + booking_fee_minor - kept_minor, money_minor);
        let (places, tickets) = self.sold.get_mut(&order).expect("only sold tickets go back");
        assert!(tickets.insert(line.ticket), "a ticket goes back twice");
        self.orders.get_mut(&order).expect("it is confirmed").1 = without(places, tickets);
        *self.confirmed.get_mut(&order).expect("it is confirmed") -= money_minor;
    }

    fn check(&self) {
        let mut owners: BTreeMap<SeatNumber, u32> = BTreeMap::new();
        let mut standing = 0_u32;
        let mut of_account: BTreeMap<AccountId, u32> = BTreeMap::new();
        for (account, places) in self.holds.values().chain(self.orders.values()) {
            for seat in &places.seats {
                *owners.entry(*seat).or_default() += 1;
            }
            standing +=
                places.quantities.iter().map(|place| u32::from(place.quantity)).sum::<u32>();
            *of_account.entry(*account).or_default() += places.count();
        }
        assert!(owners.values().all(|owners| *owners == 1), "a seat has two owners");
        assert!(standing <= CAPACITY, "the floor is oversold");
        assert!(
            of_account.values().all(|seats| *seats <= ACCOUNT_SEATS_MAX.into()),
            "an account is above its limit"
        );
        let sold: i64 = self.confirmed.values().sum();
        assert_eq!(
            self.captured - self.refunds_asked,
            sold + self.kept,
            "money without a ticket, or a ticket without"
        );
    }
}

/// Places without those of some tickets. Here an order has seats, or places of one section.
fn without(places: &Places, tickets: &BTreeSet<u16>) -> Places {
    let mut left = places.clone();
    left.seats = (1..)
        .zip(&places.seats)
        .filter(|(it, _)| !tickets.contains(it))
        .map(|(_, seat)| *seat)
        .collect();
    if let Some(place) = left.quantities.first_mut() {
        place.quantity -= tickets.len() as u16;
    }
    left
}

struct World {
    state: State,
    clock: i64,
    model: Model,
    books: Books,
    keys: u128,
    last: Option<(Header, AccountId)>,
    steps: Vec<Step>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            state: State::new(PartitionId::new(0).unwrap()),
            clock: 1,
            model: Model::default(),
            books: Books::default(),
            keys: 0,
            last: None,
            steps: Vec::new(),
        };
        world.decide(
            AccountId::default(),
            &Intent::CreatePerformance { definition: Box::new(house()) },
        );
        world.decide(AccountId::default(), &Intent::OpenSale { performance: SHOW });
        world
    }

    fn ask(&mut self, buyer: u8, ask: &Ask) {
        let account = AccountId::from_u128(u128::from(buyer % 3) + 1);
        let performance = SHOW;
        match ask {
            Ask::Seats(seats) => {
                let seats = seats.iter().map(|seat| LABELS[*seat]).collect();
                self.decide(account, &Intent::HoldSeats { performance, seats, code: None });
            }
            Ask::Best(quantity) => {
                let (section, price_level, accessible) = (None, None, false);
                let quantity = *quantity;
                self.decide(
                    account,
                    &Intent::HoldBestAvailable {
                        performance,
                        quantity,
                        section,
                        price_level,
                        accessible,
                        code: None,
                    },
                );
            }
            Ask::Floor(quantity) => {
                let wish = SectionQuantity { section: "FLOOR", quantity: *quantity };
                let sections = [wish].into_iter().collect();
                self.decide(
                    account,
                    &Intent::HoldGeneralAdmission { performance, sections, code: None },
                );
            }
            Ask::Renew(which) => self.of_hold(*which, |hold| Intent::RenewHold { hold }),
            Ask::Release(which) => self.of_hold(*which, |hold| Intent::ReleaseHold { hold }),
            Ask::Order(which) => self.of_hold(*which, |hold| Intent::PlaceOrder {
                hold,
                coupon: None,
                points_minor: None,
            }),
            Ask::Pay(which) => {
                let payment_key = format!("key-{}", self.keys).leak();
                self.of_order(*which, |order, total| Intent::PayOrder {
                    order,
                    amount: Money::new(total, Currency::KRW),
                    payment_key,
                });
            }
            Ask::Cancel(which) => self.of_order(*which, |order, _| Intent::CancelOrder { order }),
            Ask::Ticket(which, ticket) => self.of_order(*which, |order, _| {
                let mut tickets = TicketNumbers::new();
                tickets.push(*ticket);
                let (places, amount) = (SeatLabels::new(), None);
                Intent::Refund(RefundIntent::RefundTickets { order, tickets, places, amount })
            }),
            Ask::Terms(basis_points) => {
                let terms = Box::new(terms(*basis_points));
                let intent = RefundIntent::SetRefundTerms { performance, terms };
                self.decide(AccountId::default(), &Intent::Refund(intent));
            }
            Ask::CallOff(0) => {
                let intent = RefundIntent::CancelPerformance { performance };
                self.decide(AccountId::default(), &Intent::Refund(intent));
            }
            Ask::CallOff(_) => (),
            Ask::Captured(which, exact) => self.of_payment(*which, |payment, amount| {
                let amount = Money::new(if *exact { amount } else { amount + 1 }, Currency::KRW);
                Intent::RecordPaymentResult { payment, result: PaymentResult::Captured { amount } }
            }),
            Ask::Declined(which) => self.of_payment(*which, |payment, _| {
                let result = PaymentResult::Declined { code: "REJECT" };
                Intent::RecordPaymentResult { payment, result }
            }),
            Ask::Refunded(which) => self.refunded(*which),
            Ask::Again => self.again(),
            Ask::After(millis) => {
                self.clock += millis;
                self.decide(AccountId::default(), &Intent::Tick);
            }
        }
    }

    fn of_hold(&mut self, which: usize, intent: impl Fn(HoldId) -> Intent<'static>) {
        let chosen = self.model.holds.iter().nth(which % self.model.holds.len().max(1));
        if let Some((hold, (account, _))) = chosen.map(|(hold, of)| (*hold, of.clone())) {
            self.decide(account, &intent(hold));
        }
    }

    fn of_order(&mut self, which: usize, intent: impl Fn(OrderId, i64) -> Intent<'static>) {
        let chosen = self.model.orders.iter().nth(which % self.model.orders.len().max(1));
        if let Some((order, (account, _))) = chosen.map(|(order, of)| (*order, of.clone())) {
            self.decide(account, &intent(order, self.model.totals[&order]));
        }
    }

    fn of_payment(&mut self, which: usize, intent: impl Fn(PaymentId, i64) -> Intent<'static>) {
        let payments = &self.model.payments;
        if let Some(&(payment, _, amount)) = payments.get(which % payments.len().max(1)) {
            self.decide(AccountId::default(), &intent(payment, amount));
        }
    }

    fn refunded(&mut self, which: usize) {
        let names = &self.model.refund_names;
        if let Some(&(refund, payment, amount)) = names.get(which % names.len().max(1)) {
            let amount = Money::new(amount, Currency::KRW);
            let result = RefundResult::Refunded { amount };
            let intent = Intent::RecordRefundResult { payment, refund, result };
            self.decide(AccountId::default(), &intent);
        }
    }

    /// The last intent comes once more.
    fn again(&mut self) {
        if let Some((header, _)) = self.last.clone() {
            self.step(&header, &Intent::OpenSale { performance: SHOW });
        }
    }

    fn decide(&mut self, account: AccountId, intent: &Intent<'_>) {
        self.keys += 1;
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account,
            key: IntentKey::from_u128(if matches!(intent, Intent::Tick) { 0 } else { self.keys }),
            fingerprint: 1,
            traceparent: None,
        };
        self.last = Some((header.clone(), account));
        self.step(&header, intent);
    }

    fn step(&mut self, header: &Header, intent: &Intent<'_>) {
        let mut step = Step::default();
        let record = Record { offset: self.state.next_offset(), header, intent };
        decide(&self.state, &record, &mut step);
        apply(&mut self.state, &step);
        self.model.fold(&step);
        self.books.fold(&step);
        self.steps.push(step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_invariants_hold(asks in vec((any::<u8>(), ask()), 1..120), cut in 0..120_usize) {
        let mut world = World::new();
        let mut halfway = None;
        for (index, (buyer, ask)) in asks.iter().enumerate() {
            if index == cut {
                halfway = Some((world.state.to_snapshot(), world.steps.len()));
            }
            world.ask(*buyer, ask);
        }
        // A snapshot of any moment, and what followed, lead to the same state.
        if let Some((snapshot, from)) = halfway {
            let mut restored = State::from_snapshot(&snapshot).unwrap();
            world.steps[from..].iter().for_each(|step| apply(&mut restored, step));
            prop_assert!(restored.to_snapshot() == world.state.to_snapshot());
        }
        // In the end every hold ends by itself, and nothing is due any more.
        world.clock += 1_000_000;
        world.ask(0, &Ask::After(0));
        prop_assert!(world.model.holds.is_empty(), "a hold lives for ever");
        prop_assert_eq!(world.state.live_holds(), 0);
        let availability = world.state.performance(SHOW).unwrap();
        for (number, label) in (0..).zip(LABELS) {
            let seat = SeatNumber(number);
            let owned = world.model.orders.values().any(|(_, places)| places.seats.contains(&seat));
            let free = availability.seat_state(seat) == Some(boxoffice_core::SeatState::Free);
            prop_assert_eq!(owned, !free, "{}", label);
        }
    }
}
