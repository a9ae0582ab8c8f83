//! Decision tables: one line for each intent, with what was decided.
//!
//! ```text
//! alice seats A-1-1 A-1-2     => held h1 A-1-1 A-1-2 200 as_asked
//! bob   seats A-1-1           => refused seat_already_held@0
//! after 5000                  => expired h1
//! later 5000                  => nothing
//! ```
//! Time passes with a tick (`after`) or without one (`later`). Holds, orders, payments and refunds
//! are called h1, o1, p1, r1 in the order in which they appear; words of the waiting room are in
//! `tables/waiting_room.rs`. After every line the state is checked against a snapshot of itself,
//! and after every tick against having something due that the tick left.

mod waiting_room;

use std::collections::BTreeMap;

use boxoffice_topics::intent::{PaymentResult, RefundResult, SectionQuantity};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    AccountId, Currency, Header, HoldId, Intent, IntentKey, Money, OrderId, Outcome, PartitionId,
    PaymentId, PerformanceDefinition, PerformanceId, Places, PriceLevel, Row, SaleRules, Section,
    SectionKind, Step, Timestamp,
};

use crate::{Record, State, apply, decide};

const SHOW: PerformanceId = PerformanceId::from_u128(1);

/// Section A: rows 1 and 2 of 6 seats at 100 (1 and 2 of row 2 are accessible); section B: one
/// row of 4 seats at 50; section FREE: a row of 2 that cost nothing; FLOOR: 5 places at 30.
pub(crate) fn house() -> PerformanceDefinition {
    let row = |label: &str, seats, price_level, accessible: &[u16]| Row {
        label: label.into(),
        first_seat: 1,
        seats,
        price_level,
        accessible: accessible.into(),
    };
    let reserved =
        |code: &str, rows| Section { code: code.into(), kind: SectionKind::Reserved { rows } };
    let level = |code: &str, price_minor| PriceLevel { code: code.into(), price_minor };
    PerformanceDefinition {
        performance: SHOW,
        name: "Hamlet".into(),
        venue: "Globe".into(),
        starts_at: Timestamp::from_millis(10_000_000),
        currency: Currency::KRW,
        price_levels: vec![level("R", 100), level("S", 50), level("FLOOR", 30), level("ZERO", 0)],
        sections: vec![
            reserved("A", vec![row("1", 6, 0, &[]), row("2", 6, 0, &[1, 2])]),
            reserved("B", vec![row("1", 4, 1, &[])]),
            reserved("FREE", vec![row("1", 2, 3, &[])]),
            Section {
                code: "FLOOR".into(),
                kind: SectionKind::GeneralAdmission { capacity: 5, price_level: 2 },
            },
        ],
        sale: SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 5_000,
            hold_renewals_max: 1,
            payment_window_ms: 60_000,
            account_seats_max: 4,
        },
    }
}

struct Table {
    state: State,
    clock: i64,
    names: BTreeMap<String, Name>,
    people: BTreeMap<AccountId, String>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Name {
    Hold(HoldId),
    Order(OrderId),
    Payment(PaymentId),
    Refund(EffectName, PaymentId),
}

/// Decides every line of a table whose house is on sale, and compares.
#[track_caller]
pub(crate) fn check(table: &str) {
    check_house(house(), &format!("promoter create => created\npromoter open => opened\n{table}"));
}

/// Decides every line of a table that starts without a performance, and compares.
#[track_caller]
pub(crate) fn check_house(house: PerformanceDefinition, table: &str) {
    let partition = PartitionId::new(0).unwrap();
    let step = Step::default();
    let (names, people) = (BTreeMap::new(), BTreeMap::new());
    let mut run = Table { state: State::new(partition), clock: 0, names, people, step };
    let mut got = String::new();
    let mut want = String::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once("=>").expect("every line says what is decided");
        let asked = asked.split_whitespace().collect::<Vec<_>>();
        let decided = run.line(&house, &asked);
        got += &format!("{} => {decided}\n", asked.join(" "));
        want += &format!("{} => {}\n", asked.join(" "), expected.trim());
        let bytes = run.state.to_snapshot();
        let again = State::from_snapshot(&bytes).expect("own snapshot").to_snapshot();
        assert!(bytes == again, "the snapshot after `{line}` restores another state");
    }
    pretty_equal(&got, &want);
}

#[track_caller]
fn pretty_equal(got: &str, want: &str) {
    assert!(got == want, "--- decided\n{got}\n--- expected\n{want}");
}

impl Table {
    fn line(&mut self, house: &PerformanceDefinition, words: &[&str]) -> String {
        let (who, words) = words.split_first().expect("somebody asks");
        if *who == "later" {
            self.clock += words[0].parse::<i64>().expect("milliseconds");
            return "nothing".into();
        }
        if *who == "after" {
            self.clock += words[0].parse::<i64>().expect("milliseconds");
            let told = self.decide("clock", None, &Intent::Tick);
            let is_due = self.state.due_at().is_some_and(|due| due <= self.state.now());
            assert!(!is_due || told != "nothing", "a tick leaves what is due, for ever");
            return told;
        }
        let (key, words) = match words.split_last() {
            Some((last, rest)) if last.starts_with("key=") => (Some(*last), rest),
            _ => (None, words),
        };
        let (what, rest) = words.split_first().expect("something is asked");
        if *what == "stands" {
            return self.standing(who);
        }
        let intent = self.intent(house, what, rest);
        self.decide(who, key, &intent)
    }

    fn intent<'a>(
        &self,
        house: &PerformanceDefinition,
        what: &str,
        rest: &[&'a str],
    ) -> Intent<'a> {
        let option = |name: &str| rest.iter().find_map(|word| word.strip_prefix(name));
        let performance = SHOW;
        match what {
            "create" => Intent::CreatePerformance { definition: Box::new(house.clone()) },
            "open" => Intent::OpenSale { performance },
            "close" => Intent::CloseSale { performance },
            "elsewhere" => Intent::OpenSale { performance: PerformanceId::from_u128(2) },
            "seats" => Intent::HoldSeats { performance, seats: rest.iter().copied().collect() },
            "best" => Intent::HoldBestAvailable {
                performance,
                quantity: rest[0].parse().expect("a quantity"),
                section: option("section="),
                price_level: option("level="),
                accessible: rest.contains(&"accessible"),
            },
            "floor" => Intent::HoldGeneralAdmission {
                performance,
                sections: rest
                    .iter()
                    .map(|wish| wish.split_once(':').expect("section:quantity"))
                    .map(|(section, quantity)| (section, quantity.parse().expect("a quantity")))
                    .map(|(section, quantity)| SectionQuantity { section, quantity })
                    .collect(),
            },
            "renew" => Intent::RenewHold { hold: self.hold(rest[0]) },
            "release" => Intent::ReleaseHold { hold: self.hold(rest[0]) },
            "order" => Intent::PlaceOrder { hold: self.hold(rest[0]) },
            "pay" => Intent::PayOrder {
                order: self.order(rest[0]),
                amount: won(rest[1]),
                payment_key: rest.get(2).copied().unwrap_or("key"),
            },
            "cancel" => Intent::CancelOrder { order: self.order(rest[0]) },
            "captured" => Intent::RecordPaymentResult {
                payment: self.payment(rest[0]),
                result: PaymentResult::Captured { amount: won(rest[1]) },
            },
            "declined" => Intent::RecordPaymentResult {
                payment: self.payment(rest[0]),
                result: PaymentResult::Declined { code: "REJECT" },
            },
            "refunded" | "unrefunded" => self.refund_result(what, rest),
            other => self.waiting_room_intent(other, rest),
        }
    }

    fn refund_result<'a>(&self, what: &str, rest: &[&'a str]) -> Intent<'a> {
        let Some(Name::Refund(refund, payment)) = self.names.get(rest[0]).copied() else {
            panic!("unknown refund {}", rest[0])
        };
        let result = match what {
            "refunded" => RefundResult::Refunded { amount: won(rest[1]) },
            _ => RefundResult::Failed { code: "CLOSED" },
        };
        Intent::RecordRefundResult { payment, refund, result }
    }

    fn hold(&self, name: &str) -> HoldId {
        match self.names.get(name) {
            Some(Name::Hold(hold)) => *hold,
            _ => HoldId(no_such_thing()),
        }
    }

    fn order(&self, name: &str) -> OrderId {
        match self.names.get(name) {
            Some(Name::Order(order)) => *order,
            _ => OrderId(no_such_thing()),
        }
    }

    fn payment(&self, name: &str) -> PaymentId {
        match self.names.get(name) {
            Some(Name::Payment(payment)) => *payment,
            _ => PaymentId(no_such_thing()),
        }
    }

    fn decide(&mut self, who: &str, key: Option<&str>, intent: &Intent<'_>) -> String {
        let offset = self.state.next_offset();
        let random = u128::from(offset.number()) << 64;
        let mut payload = Vec::new();
        boxoffice_topics::codec::encode_into(intent, &mut payload);
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account: self.account(who),
            key: IntentKey::from_u128(key.map_or(random, number)),
            fingerprint: payload
                .iter()
                .fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add((*byte).into())),
            traceparent: None,
        };
        let mut step = std::mem::take(&mut self.step);
        decide(&self.state, &Record { offset, header: &header, intent }, &mut step);
        apply(&mut self.state, &step);
        let told = step.outcomes.iter().map(|outcome| self.tell(outcome)).collect::<Vec<_>>();
        self.step = step;
        if told.is_empty() { "nothing".into() } else { told.join(", ") }
    }

    fn account(&mut self, who: &str) -> AccountId {
        let account = AccountId::from_u128(number(who));
        self.people.insert(account, who.into());
        account
    }

    fn name(&mut self, prefix: char, thing: Name) -> String {
        let known = self.names.iter().find(|(_, known)| same(known, &thing));
        if let Some((name, _)) = known {
            return name.clone();
        }
        let count = self.names.keys().filter(|name| name.starts_with(prefix)).count();
        let name = format!("{prefix}{}", count + 1);
        self.names.insert(name.clone(), thing);
        name
    }

    fn places(&self, places: &Places) -> String {
        let show = self.state.performance(SHOW).unwrap();
        let seats = places.seats.iter().map(|seat| show.seat_label(*seat));
        let counts = places.quantities.iter();
        let counts = counts.map(|p| format!("{}:{}", show.section_code(p.section), p.quantity));
        seats.chain(counts).collect::<Vec<_>>().join(" ")
    }

    fn tell(&mut self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Refused { refusal } => {
                let item = refusal.item.map_or(String::new(), |item| format!("@{item}"));
                format!("refused {}{item}", refusal.code.as_str())
            }
            Outcome::Repeated { original } => format!("repeated {}", original.offset()),
            Outcome::PerformanceCreated { .. } => "created".into(),
            Outcome::SaleOpened { .. } => "opened".into(),
            Outcome::SaleClosed { .. } => "closed".into(),
            Outcome::Held { hold, places, total, seating, .. } => {
                let hold = self.name('h', Name::Hold(*hold));
                let seating = format!("{seating:?}").to_lowercase();
                format!("held {hold} {} {} {seating}", self.places(places), total.minor)
            }
            Outcome::HoldRenewed { hold, expires_at, renewals_left } => {
                let hold = self.name('h', Name::Hold(*hold));
                format!("renewed {hold} until {} left {renewals_left}", expires_at.as_millis())
            }
            Outcome::HoldReleased { hold } => {
                format!("released {}", self.name('h', Name::Hold(*hold)))
            }
            Outcome::HoldExpired { hold, .. } => {
                format!("expired {}", self.name('h', Name::Hold(*hold)))
            }
            Outcome::OrderPlaced { order, total, .. } => {
                format!("placed {} {}", self.name('o', Name::Order(*order)), total.minor)
            }
            Outcome::OrderConfirmed { order, places, reseated, .. } => {
                let order = self.name('o', Name::Order(*order));
                let again = if *reseated { " again" } else { "" };
                format!("confirmed {order} {}{again}", self.places(places))
            }
            Outcome::OrderCancelled { order, reason, .. } => {
                let order = self.name('o', Name::Order(*order));
                format!("cancelled {order} {}", format!("{reason:?}").to_lowercase())
            }
            Outcome::WaitingRoom(outcome) => self.tell_waiting_room(outcome),
            other => self.tell_payment(other),
        }
    }

    fn tell_payment(&mut self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::PaymentRequested { payment, amount, .. } => {
                format!("requested {} {}", self.name('p', Name::Payment(*payment)), amount.minor)
            }
            Outcome::PaymentCaptured { payment, amount, .. } => {
                format!("captured {} {}", self.name('p', Name::Payment(*payment)), amount.minor)
            }
            Outcome::PaymentDeclined { payment, code, .. } => {
                format!("declined {} {code}", self.name('p', Name::Payment(*payment)))
            }
            Outcome::RefundRequested { refund, payment, amount, reason, .. } => {
                let refund = self.name('r', Name::Refund(*refund, *payment));
                format!("refund {refund} {} {}", amount.minor, format!("{reason:?}").to_lowercase())
            }
            Outcome::PaymentRefunded { refund, payment, amount, .. } => {
                let refund = self.name('r', Name::Refund(*refund, *payment));
                format!("refunded {refund} {}", amount.minor)
            }
            Outcome::RefundFailed { refund, payment, code, .. } => {
                format!("unrefunded {} {code}", self.name('r', Name::Refund(*refund, *payment)))
            }
            other => panic!("not told here: {other:?}"),
        }
    }
}

fn same(one: &Name, other: &Name) -> bool {
    match (one, other) {
        (Name::Hold(one), Name::Hold(other)) => one == other,
        (Name::Order(one), Name::Order(other)) => one == other,
        (Name::Payment(one), Name::Payment(other)) => one == other,
        (Name::Refund(one, _), Name::Refund(other, _)) => one == other,
        _ => false,
    }
}

fn no_such_thing() -> boxoffice_topics::IntentId {
    "0-0-999999".parse().expect("an id")
}

fn number(text: &str) -> u128 {
    text.bytes().fold(7, |sum, byte| sum * 31 + u128::from(byte))
}

fn won(text: &str) -> Money {
    Money::new(text.parse().expect("an amount"), Currency::KRW)
}

#[test]
fn the_house_is_valid() {
    house().validate().unwrap();
}
