//! Decision tables: one line for each intent, with what was decided.
//!
//! ```text
//! alice seats A-1-1 A-1-2     => held h1 A-1-1 A-1-2 200 asasked
//! bob   seats A-1-1           => refused seat_already_held@0
//! alice order h1              => reserving o1 c1 -20, m3 reserve_coupon c1 o1
//! deliver m3                  => got m3, reserved c1 o1, m4 coupon_reserved c1 o1
//! deliver m3                  => refused message_already_received
//! after 5000                  => expired h1
//! later 5000                  => nothing
//! ```
//! Time passes with a tick (`after`) or without one (`later`), in every partition that the table
//! runs in. Holds, orders, payments, refunds, campaigns, coupons and messages are called h1, o1,
//! p1, r1, k1, c1, m1 in the order in which they appear; the words of the waiting room are in
//! `tables/waiting_room.rs`, those of refunds in `tables/refund.rs`, those of channels and stays in
//! `tables/inventory.rs`, those of fees and postings in `tables/settlement.rs`. After a tick nothing is due that a tick does not do. Every table is
//! decided a second time with states that come from a snapshot before each line.

pub(crate) mod inventory;
pub(crate) mod lodge;
pub(crate) mod refund;
pub(crate) mod settlement;
mod tell;
mod ticket;
mod waiting_room;
mod words;

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    AccountId, CampaignId, CouponId, Currency, Header, HoldId, Intent, IntentKey, LotId, Message,
    OrderId, Outcome, PartitionMap, PaymentId, PerformanceDefinition, PerformanceId, PriceLevel,
    RefusalCode, Row, SaleRules, Section, SectionKind, Step, Timestamp,
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
        sold: None,
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
        shapes: None,
        refund_terms: None,
        settlement_terms: None,
    }
}

struct Table {
    partitions: PartitionMap,
    states: Vec<State>,
    clock: i64,
    names: BTreeMap<String, Name>,
    people: BTreeMap<AccountId, String>,
    /// Messages that were sent, in that order, and whether they were brought.
    sent: Vec<(EffectName, Message, bool)>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq)]
enum Name {
    Hold(HoldId),
    Order(OrderId),
    Payment(PaymentId),
    Refund(EffectName, PaymentId),
    Campaign(CampaignId),
    Coupon(CouponId),
    Lot(LotId),
    Message(EffectName),
}

/// Decides every line of a table whose house is on sale, and compares.
#[track_caller]
pub(crate) fn check(table: &str) {
    check_partitions(1, table);
}

/// Decides every line of a table whose house is on sale, in a number of partitions, and compares.
/// Of two, the house has the second; the campaign of slot 0 has the first.
#[track_caller]
pub(crate) fn check_partitions(partitions: u16, table: &str) {
    let on_sale = "promoter create => created\npromoter open => opened\n";
    run(partitions, house(), &format!("{on_sale}{table}"));
}

/// Decides every line of a table that starts without a performance, and compares.
#[track_caller]
pub(crate) fn check_house(house: PerformanceDefinition, table: &str) {
    run(1, house, table);
}

/// The states of the partitions after a table whose house is on sale.
#[track_caller]
pub(crate) fn states_after(table: &str) -> Vec<State> {
    let on_sale = "promoter create => created\npromoter open => opened\n";
    run(1, house(), &format!("{on_sale}{table}"))
}

/// Decides the table twice: with the states as they are, and with states that come from a
/// snapshot before each line.
#[track_caller]
fn run(partitions: u16, house: PerformanceDefinition, table: &str) -> Vec<State> {
    run_once(partitions, &house, table, true);
    run_once(partitions, &house, table, false)
}

#[track_caller]
fn run_once(
    partitions: u16,
    house: &PerformanceDefinition,
    table: &str,
    restarts: bool,
) -> Vec<State> {
    let partitions = PartitionMap::dealt(NonZeroU16::new(partitions).unwrap()).unwrap();
    let mut run = Table {
        partitions: partitions.clone(),
        states: partitions.partitions().map(State::new).collect(),
        clock: 0,
        names: BTreeMap::new(),
        people: BTreeMap::new(),
        sent: Vec::new(),
        step: Step::default(),
    };
    let mut got = String::new();
    let mut want = String::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once("=>").expect("every line says what is decided");
        let asked = asked.split_whitespace().collect::<Vec<_>>();
        let decided = run.line(house, &asked);
        got += &format!("{} => {decided}\n", asked.join(" "));
        want += &format!("{} => {}\n", asked.join(" "), expected.trim());
        for state in &mut run.states {
            let bytes = state.to_snapshot();
            let again = State::from_snapshot(&bytes).expect("own snapshot");
            assert!(
                bytes == again.to_snapshot(),
                "the snapshot after `{line}` restores another state"
            );
            if restarts {
                *state = again;
            }
        }
    }
    let how = if restarts { "from snapshots" } else { "as it is" };
    assert!(got == want, "--- decided, {how}\n{got}\n--- expected\n{want}");
    run.states
}

impl Table {
    fn line(&mut self, house: &PerformanceDefinition, words: &[&str]) -> String {
        let (who, words) = words.split_first().expect("somebody asks");
        match *who {
            "after" => {
                self.clock += words[0].parse::<i64>().expect("milliseconds");
                return self.tick();
            }
            "later" => {
                self.clock += words[0].parse::<i64>().expect("milliseconds");
                return said(&[]);
            }
            "deliver" if words == ["all"] => return self.deliver_all(),
            "deliver" => return self.deliver(words[0]),
            _ => (),
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

    /// Time passes in every partition.
    fn tick(&mut self) -> String {
        let mut told = Vec::new();
        for at in 0..self.states.len() {
            let ended = self.decide_in(at, "clock", None, &Intent::Tick);
            let state = &self.states[at];
            let is_due = state.due_at().is_some_and(|due| due <= state.now());
            assert!(!is_due || !ended.is_empty(), "a tick leaves what is due, for ever");
            told.extend(ended);
        }
        said(&told)
    }

    fn deliver(&mut self, name: &str) -> String {
        let Some(Name::Message(from)) = self.names.get(name).copied() else {
            panic!("unknown message {name}")
        };
        let sent = self.sent.iter_mut().find(|(sent, ..)| *sent == from).unwrap();
        sent.2 = true;
        let message = sent.1.clone();
        self.decide("clock", Some("none"), &Intent::Deliver { from, message })
    }

    /// Brings every message that was not brought, and those that follow from them.
    fn deliver_all(&mut self) -> String {
        let mut told = Vec::new();
        while let Some((from, message, is_brought)) = self.sent.iter_mut().find(|sent| !sent.2) {
            *is_brought = true;
            let deliver = Intent::Deliver { from: *from, message: message.clone() };
            let at = self.place_of(&deliver);
            told.extend(self.decide_in(at, "clock", Some("none"), &deliver));
        }
        told.retain(|line| !line.starts_with("got "));
        said(&told)
    }

    fn decide(&mut self, who: &str, key: Option<&str>, intent: &Intent<'_>) -> String {
        let at = self.place_of(intent);
        said(&self.decide_in(at, who, key, intent))
    }

    fn place_of(&self, intent: &Intent<'_>) -> usize {
        let slot = intent.slot().expect("only ticks have no key");
        self.partitions.partition_of(slot).number().into()
    }

    /// Decides in one partition. A message has no key of its own, like every control record.
    fn decide_in(
        &mut self,
        at: usize,
        who: &str,
        key: Option<&str>,
        intent: &Intent<'_>,
    ) -> Vec<String> {
        let offset = self.states[at].next_offset();
        let random = u128::from(offset.number()) << 64;
        let mut payload = Vec::new();
        boxoffice_topics::codec::encode_into(intent, &mut payload);
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account: self.account(who),
            key: IntentKey::from_u128(match key {
                Some("none") => 0,
                Some(key) => number(key),
                None => random,
            }),
            fingerprint: payload
                .iter()
                .fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add((*byte).into())),
            traceparent: None,
        };
        let mut step = std::mem::take(&mut self.step);
        decide(&self.states[at], &Record { offset, header: &header, intent }, &mut step);
        apply(&mut self.states[at], &step);
        self.comes_again(at, &header, intent);
        let partition = self.states[at].partition();
        let told = (0..).zip(&step.outcomes).map(|(index, outcome)| {
            if let Outcome::MessageSent { message } = outcome {
                let name = EffectName::new(partition, offset, index);
                self.sent.push((name, message.clone(), false));
            }
            self.tell(outcome)
        });
        let told = told.collect();
        self.step = step;
        told
    }
}

impl Table {
    fn account(&mut self, who: &str) -> AccountId {
        let account = account(who);
        self.people.insert(account, who.into());
        account
    }

    /// Whatever a message led to, the same message leads to nothing when it comes again.
    fn comes_again(&self, at: usize, header: &Header, intent: &Intent<'_>) {
        if !matches!(intent, Intent::Deliver { .. }) {
            return;
        }
        let state = &self.states[at];
        let mut again = Step::default();
        decide(state, &Record { offset: state.next_offset(), header, intent }, &mut again);
        let refusal = RefusalCode::MessageAlreadyReceived.into();
        assert_eq!(again.outcomes, [Outcome::Refused { refusal }]);
    }
}

fn said(told: &[String]) -> String {
    if told.is_empty() { "nothing".into() } else { told.join(", ") }
}

pub(crate) fn account(who: &str) -> AccountId {
    AccountId::from_u128(number(who))
}

fn number(text: &str) -> u128 {
    text.bytes().fold(7, |sum: u128, byte| sum * 31 + u128::from(byte))
}

#[test]
fn the_house_is_valid() {
    house().validate().unwrap();
}
