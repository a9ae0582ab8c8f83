//! Whatever is asked of a waiting room, in whatever order: nobody passes anybody, each join is
//! called once, the cap and the rate hold, nobody holds who was not admitted, and a snapshot
//! taken anywhere decides the same future.
//!
//! The model that is compared with knows nothing of the core: it folds outcomes into lists, and
//! computes the order of a lottery from what the outcomes publish.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_core::{Record, Standing, State, apply, decide};
use boxoffice_topics::lottery::Published;
use boxoffice_topics::{
    AccountId, Currency, Header, HoldId, Intent, IntentKey, JoinNumber, LotteryCommitment,
    LotteryRules, LotterySeed, Outcome, PartitionId, PerformanceDefinition, PerformanceId,
    PriceLevel, SaleRules, Section, SectionKind, Step, Timestamp, WaitingRoomIntent,
    WaitingRoomOutcome, WaitingRoomRules,
};
use proptest::collection::vec;
use proptest::prelude::*;

const SHOW: PerformanceId = PerformanceId::from_u128(1);
const SEED: LotterySeed = LotterySeed::from_bytes([7; 32]);
const BUYERS: u8 = 12;
const RATE_MAX: u32 = 240;

/// What is asked.
#[derive(Clone, Debug)]
enum Ask {
    Join,
    Beat,
    Leave,
    Hold,
    /// Orders what is held; it costs nothing, so the buyer has bought.
    Order,
    Rules(u32, u32),
    Off,
    Draw(bool),
    OpenSale,
    CloseSale,
    Again,
    After(i64),
    /// As above, but the tick is late.
    Later(i64),
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        10 => Just(Ask::Join),
        4 => Just(Ask::Beat),
        2 => Just(Ask::Leave),
        4 => Just(Ask::Hold),
        3 => Just(Ask::Order),
        2 => (0..=RATE_MAX, 1..5_u32).prop_map(|(rate, cap)| Ask::Rules(rate, cap)),
        1 => Just(Ask::Off),
        1 => any::<bool>().prop_map(Ask::Draw),
        1 => Just(Ask::OpenSale),
        1 => Just(Ask::CloseSale),
        1 => Just(Ask::Again),
        2 => (0..3_000_i64).prop_map(Ask::Later),
        8 => (0..9_000_i64).prop_map(Ask::After),
    ]
}

const OPENS_AT: i64 = 20_000;
/// By schedule.
const ENTRIES_END: i64 = 15_000;

fn house() -> PerformanceDefinition {
    PerformanceDefinition {
        performance: SHOW,
        name: "Hamlet".into(),
        venue: "Globe".into(),
        starts_at: Timestamp::from_millis(1_000_000_000),
        currency: Currency::KRW,
        price_levels: vec![PriceLevel { code: "FREE".into(), price_minor: 0 }],
        sections: vec![Section {
            code: "FLOOR".into(),
            kind: SectionKind::GeneralAdmission { capacity: 1_000_000, price_level: 0 },
        }],
        sale: SaleRules {
            opens_at: Some(Timestamp::from_millis(OPENS_AT)),
            closes_at: None,
            hold_ttl_ms: 5_000,
            hold_renewals_max: 0,
            payment_window_ms: 5_000,
            account_seats_max: 60_000,
        },
        shapes: None,
        refund_terms: None,
        settlement_terms: None,
    }
}

fn rules(admissions_per_minute: u32, active_buyers_max: u32, lottery: bool) -> WaitingRoomRules {
    let commitment = SEED.commitment();
    let lottery = lottery.then_some(LotteryRules {
        commitment,
        closes_before_ms: (OPENS_AT - ENTRIES_END) as u32,
        draw_within_ms: 4_000,
    });
    let (session_ms, grace_ms) = (15_000, 10_000);
    WaitingRoomRules { admissions_per_minute, active_buyers_max, session_ms, grace_ms, lottery }
}

/// A join, as the outcomes tell it.
struct Join {
    account: AccountId,
    seen_at: i64,
    is_waiting: bool,
    is_called: bool,
}

/// What outcomes say, folded without the core.
#[derive(Default)]
struct Model {
    rules: Option<WaitingRoomRules>,
    now: i64,
    /// Silence before this is nobody's fault: the room was off, or the shop was out.
    resumed_at: i64,
    commitment: Option<LotteryCommitment>,
    joins: Vec<Join>,
    /// Until entries end, nothing; then what was published.
    published: Option<Published>,
    entrants: usize,
    joined_in_time: usize,
    /// When the sale was opened by hand.
    opened_at: Option<i64>,
    /// Accounts in the order of their draws.
    drawn: Option<Vec<AccountId>>,
    last_called: Option<usize>,
    inside: BTreeMap<AccountId, i64>,
    admitted_at: Vec<i64>,
    holds: BTreeMap<AccountId, HoldId>,
}

impl Model {
    fn fold(&mut self, step: &Step) {
        let now = step.now.as_millis();
        if let Some(rules) = self.rules {
            let waiting = self.joins.iter().filter(|join| join.is_waiting).count().max(1) as i64;
            let grace_ms = i64::from(rules.grace_ms);
            let outage_ms = (grace_ms / waiting * 8).min(grace_ms / 8 * 5).max(5_000);
            if now - self.now > outage_ms {
                self.resumed_at = now;
            }
        }
        self.now = now;
        for outcome in &step.outcomes {
            match outcome {
                Outcome::SaleOpened { .. } => self.opened_at = Some(now),
                Outcome::Held { hold, account, .. } => {
                    let admitted = self.inside.get(account).is_some_and(|end| *end > now);
                    assert!(self.rules.is_none() || admitted, "somebody holds without admission");
                    self.holds.insert(*account, *hold);
                }
                Outcome::HoldExpired { account, .. } | Outcome::OrderPlaced { account, .. } => {
                    self.holds.remove(account);
                }
                Outcome::OrderConfirmed { account, .. } => {
                    let is_told = step.outcomes.iter().any(|outcome| {
                        matches!(outcome, Outcome::WaitingRoom(
                            WaitingRoomOutcome::SessionEnded { account: whose, .. }
                        ) if whose == account)
                    });
                    let was_inside = self.inside.contains_key(account);
                    assert_eq!(is_told, was_inside, "who has bought goes out in the same step");
                }
                Outcome::WaitingRoom(outcome) => self.fold_room(outcome, now),
                _ => (),
            }
        }
    }

    fn fold_room(&mut self, outcome: &WaitingRoomOutcome, now: i64) {
        match *outcome {
            WaitingRoomOutcome::Set { rules, .. } => {
                if self.rules.is_none() {
                    self.resumed_at = now;
                }
                self.rules = rules;
                if let Some(lottery) = rules.and_then(|rules| rules.lottery) {
                    self.commitment = Some(lottery.commitment);
                }
            }
            WaitingRoomOutcome::Joined { account, number, .. } => {
                assert_eq!(number.0 as usize, self.joins.len(), "joins are dense");
                let has_place = |join: &Join| join.account == account && !self.is_passed(join);
                assert!(!self.joins.iter().any(has_place), "an account has two places");
                if now < self.opened_at.unwrap_or(ENTRIES_END) {
                    assert_eq!(self.joined_in_time, self.joins.len(), "entries end twice");
                    self.joined_in_time += 1;
                }
                let (is_waiting, is_called) = (true, false);
                self.joins.push(Join { account, seen_at: now, is_waiting, is_called });
            }
            WaitingRoomOutcome::Seen { account, number, .. }
            | WaitingRoomOutcome::Returned { account, number, .. } => {
                let join = self.join(number, account);
                (join.is_waiting, join.seen_at) = (true, now);
            }
            WaitingRoomOutcome::Left { account, number, .. } => {
                self.join(number, account).is_waiting = false;
            }
            WaitingRoomOutcome::LotteryClosed { performance, entrants, digest, .. } => {
                assert_eq!(entrants as usize, self.joined_in_time);
                let commitment = self.commitment.unwrap();
                self.entrants = self.joined_in_time;
                self.published = Some(Published { performance, commitment, digest, seed: None });
            }
            WaitingRoomOutcome::LotteryDrawn { seed, .. } => {
                let published = Published { seed, ..self.published.unwrap() };
                let entrants = &self.joins[..self.entrants];
                let accounts: Vec<_> = entrants.iter().map(|join| join.account).collect();
                self.drawn = Some(published.verify(&accounts).expect("what was published"));
            }
            WaitingRoomOutcome::Admitted { account, number, session_ends_at, .. } => {
                let silent_for = self.call(number, account, now);
                assert!(silent_for <= self.grace_ms(), "somebody is admitted who is gone");
                self.inside.insert(account, session_ends_at.as_millis());
                let cap = self.rules.unwrap().active_buyers_max as usize;
                assert!(self.inside.len() <= cap, "more are inside than the cap");
                self.admitted_at.push(now);
            }
            WaitingRoomOutcome::Missed { account, number, .. } => {
                let silent_for = self.call(number, account, now);
                assert!(silent_for > self.grace_ms(), "somebody is passed over too early");
            }
            WaitingRoomOutcome::Inside { account, session_ends_at, .. } => {
                assert_eq!(self.inside.get(&account), Some(&session_ends_at.as_millis()));
            }
            WaitingRoomOutcome::SessionEnded { account, .. } => {
                self.inside.remove(&account).expect("a session ends once");
            }
        }
    }

    /// Checks that it is this join's turn and returns how long nothing was heard of it.
    fn call(&mut self, number: JoinNumber, account: AccountId, now: i64) -> i64 {
        assert!(self.published.is_none() || self.drawn.is_some() || self.entrants == 0);
        let place = self.place(number.0 as usize);
        assert!(self.last_called.is_none_or(|last| last < place), "a turn comes twice");
        for (other, join) in self.joins.iter().enumerate() {
            let is_ahead = join.is_waiting && !join.is_called && self.place(other) < place;
            assert!(!is_ahead, "{number} passes {other}");
        }
        self.last_called = Some(place);
        let resumed_at = self.resumed_at;
        let join = self.join(number, account);
        assert!(join.is_waiting && !join.is_called, "a join is called twice");
        (join.is_waiting, join.is_called) = (false, true);
        now - join.seen_at.max(resumed_at)
    }

    fn grace_ms(&self) -> i64 {
        self.rules.unwrap().grace_ms.into()
    }

    fn join(&mut self, number: JoinNumber, account: AccountId) -> &mut Join {
        let join = &mut self.joins[number.0 as usize];
        assert_eq!(join.account, account);
        join
    }

    /// The place of a join in the order of turns.
    fn place(&self, number: usize) -> usize {
        match &self.drawn {
            Some(drawn) if number < self.entrants => {
                let account = self.joins[number].account;
                drawn.iter().position(|drawn| *drawn == account).unwrap()
            }
            _ => number,
        }
    }

    fn is_passed(&self, join: &Join) -> bool {
        let number = self.joins.iter().position(|other| std::ptr::eq(other, join)).unwrap();
        self.last_called.is_some_and(|last| self.place(number) <= last)
    }

    /// In no stretch of time are there more admissions than the highest rate allows, with what a
    /// second saves up and one.
    fn check_rate(&self) {
        for (first, from) in self.admitted_at.iter().enumerate() {
            for (last, to) in self.admitted_at.iter().enumerate().skip(first) {
                let allowed = (to - from + 1_000) * i64::from(RATE_MAX) / 60_000 + 1;
                assert!((last - first + 1) as i64 <= allowed, "more than the rate");
            }
        }
    }
}

struct World {
    state: State,
    clock: i64,
    has_lottery: bool,
    model: Model,
    records: Vec<(Header, Intent<'static>)>,
    steps: Vec<Step>,
}

impl World {
    fn new(has_lottery: bool) -> Self {
        let mut world = Self {
            state: State::new(PartitionId::new(0).unwrap()),
            clock: 1,
            has_lottery,
            model: Model::default(),
            records: Vec::new(),
            steps: Vec::new(),
        };
        let promoter = AccountId::default();
        world.decide(promoter, Intent::CreatePerformance { definition: Box::new(house()) });
        world.ask(0, &Ask::Rules(120, 3));
        world
    }

    fn ask(&mut self, buyer: u8, ask: &Ask) {
        let account = account(buyer);
        let (promoter, performance) = (AccountId::default(), SHOW);
        let room = Intent::WaitingRoom;
        match *ask {
            Ask::Join => self.decide(account, room(WaitingRoomIntent::Join { performance })),
            Ask::Beat => self.decide(account, room(WaitingRoomIntent::Heartbeat { performance })),
            Ask::Leave => self.decide(account, room(WaitingRoomIntent::Leave { performance })),
            Ask::Hold => {
                let wish =
                    boxoffice_topics::intent::SectionQuantity { section: "FLOOR", quantity: 1 };
                let sections = [wish].into_iter().collect();
                self.decide(
                    account,
                    Intent::HoldGeneralAdmission { performance, sections, code: None },
                );
            }
            Ask::Order => {
                if let Some(hold) = self.model.holds.get(&account).copied() {
                    self.decide(
                        account,
                        Intent::PlaceOrder { hold, coupon: None, points_minor: None },
                    );
                }
            }
            Ask::Rules(rate, cap) => {
                let rules = Some(rules(rate, cap, self.has_lottery));
                self.decide(promoter, room(WaitingRoomIntent::Set { performance, rules }));
            }
            Ask::Off => {
                let rules = None;
                self.decide(promoter, room(WaitingRoomIntent::Set { performance, rules }));
            }
            Ask::Draw(right) => {
                let seed = if right { SEED } else { LotterySeed::from_bytes([8; 32]) };
                self.decide(promoter, room(WaitingRoomIntent::DrawLottery { performance, seed }));
            }
            Ask::OpenSale => self.decide(promoter, Intent::OpenSale { performance }),
            Ask::CloseSale => self.decide(promoter, Intent::CloseSale { performance }),
            Ask::Again => {
                if let Some((header, intent)) = self.records.last().cloned() {
                    self.step(header, intent);
                }
            }
            Ask::Later(millis) => self.clock += millis,
            Ask::After(millis) => {
                self.clock += millis;
                self.decide(AccountId::default(), Intent::Tick);
                let is_due = self.state.due_at().is_some_and(|due| due <= self.state.now());
                let did_something = !self.steps.last().unwrap().outcomes.is_empty();
                assert!(!is_due || did_something, "a tick leaves what is due, for ever");
            }
        }
    }

    fn decide(&mut self, account: AccountId, intent: Intent<'static>) {
        let key = match intent {
            Intent::Tick => 0,
            _ => self.records.len() as u128 + 1,
        };
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account,
            key: IntentKey::from_u128(key),
            fingerprint: 1,
            traceparent: None,
        };
        self.step(header, intent);
    }

    fn step(&mut self, header: Header, intent: Intent<'static>) {
        let step = advance(&mut self.state, &header, &intent);
        self.model.fold(&step);
        self.records.push((header, intent));
        self.steps.push(step);
        self.compare();
    }

    /// What the views show is what the outcomes said.
    fn compare(&self) {
        let show = self.state.performance(SHOW).unwrap();
        let (now, model) = (self.state.now(), &self.model);
        for buyer in 0..BUYERS {
            let account = account(buyer);
            let waits = |join: &&Join| join.account == account && join.is_waiting;
            match show.standing(account, now) {
                Standing::Through => assert!(model.rules.is_none()),
                Standing::Inside { session_ends_at } => {
                    assert_eq!(model.inside.get(&account), Some(&session_ends_at.as_millis()));
                }
                Standing::Waiting(wait) => {
                    let number = wait.number.0 as usize;
                    assert!(waits(&&model.joins[number]));
                    let waiting_ahead = (0..model.joins.len()).filter(|other| {
                        model.joins[*other].is_waiting && model.place(*other) < model.place(number)
                    });
                    let at_least = waiting_ahead.count() as u32;
                    assert!(wait.ahead.is_none_or(|ahead| ahead >= at_least), "not at most");
                }
                Standing::Outside => assert!(!model.joins.iter().any(|join| waits(&join))),
            }
        }
        if let Some(room) = show.waiting_room() {
            let waiting = model.joins.iter().filter(|join| join.is_waiting).count();
            assert_eq!(room.waiting() as usize, waiting);
            assert_eq!(room.active() as usize, model.inside.len());
        }
    }

    /// The rules are generous, the sale is open, everybody gives a sign of life.
    fn come_to_an_end(&mut self) {
        let joined: BTreeSet<_> = self.model.joins.iter().map(|join| join.account).collect();
        self.ask(0, &Ask::OpenSale);
        self.ask(0, &Ask::Rules(RATE_MAX, 4));
        // Three rounds of sessions, and the last of them ends.
        for _ in 0..65 {
            for buyer in (0..BUYERS).filter(|buyer| joined.contains(&account(*buyer))) {
                self.ask(buyer, &Ask::Beat);
            }
            self.ask(0, &Ask::After(1_000));
        }
        let still_waiting = self.model.joins.iter().filter(|join| join.is_waiting).count();
        assert_eq!(still_waiting, 0, "somebody waits for ever");
        assert!(self.model.inside.is_empty(), "a session lives for ever");
    }
}

impl World {
    /// Ticks whenever something is due, and compares every admission with what was told before.
    fn tick_until(&mut self, end: i64, told: &mut BTreeMap<AccountId, i64>) {
        while let Some(due) = self.state.due_at().filter(|due| due.as_millis() <= end) {
            self.note_estimates(told);
            self.clock = self.clock.max(due.as_millis());
            self.decide(AccountId::default(), Intent::Tick);
            for outcome in &self.steps.last().unwrap().outcomes {
                if let Outcome::WaitingRoom(WaitingRoomOutcome::Admitted { account, .. }) = outcome
                {
                    assert!(self.clock <= told[account], "it took longer than was told");
                    told.remove(account);
                }
            }
        }
        self.clock = if end == i64::MAX { self.clock } else { end };
    }

    fn note_estimates(&self, told: &mut BTreeMap<AccountId, i64>) {
        let show = self.state.performance(SHOW).unwrap();
        let now = self.state.now();
        for account in (0..BUYERS).map(account) {
            if let Standing::Waiting(wait) = show.standing(account, now) {
                let until = now.as_millis() + i64::try_from(wait.estimate_ms.unwrap()).unwrap();
                let earliest = told.entry(account).or_insert(until);
                *earliest = until.min(*earliest);
            } else {
                told.remove(&account);
            }
        }
    }
}

fn account(buyer: u8) -> AccountId {
    AccountId::from_u128(u128::from(buyer % BUYERS) + 1)
}

fn advance(state: &mut State, header: &Header, intent: &Intent<'_>) -> Step {
    let mut step = Step::default();
    let record = Record { offset: state.next_offset(), header, intent };
    decide(state, &record, &mut step);
    apply(state, &step);
    step
}

#[test]
fn anybody_computes_the_order_of_a_lottery_from_the_outcomes() {
    let mut world = World::new(true);
    world.ask(0, &Ask::Rules(RATE_MAX, 4));
    (0..BUYERS).for_each(|buyer| world.ask(buyer, &Ask::Join));
    world.ask(0, &Ask::After(14_999));
    world.ask(0, &Ask::Draw(true));
    world.come_to_an_end();
    let room = |outcome: &Outcome| match outcome {
        Outcome::WaitingRoom(outcome) => Some(*outcome),
        _ => None,
    };
    let outcomes = || world.steps.iter().flat_map(|step| &step.outcomes).filter_map(room);
    let joined: Vec<_> = outcomes()
        .filter_map(|outcome| match outcome {
            WaitingRoomOutcome::Joined { account, .. } => Some(account),
            _ => None,
        })
        .collect();
    let called: Vec<_> = outcomes()
        .filter_map(|outcome| match outcome {
            WaitingRoomOutcome::Admitted { account, .. }
            | WaitingRoomOutcome::Missed { account, .. } => Some(account),
            _ => None,
        })
        .collect();
    let digest = outcomes().find_map(|outcome| match outcome {
        WaitingRoomOutcome::LotteryClosed { digest, .. } => Some(digest),
        _ => None,
    });
    let (commitment, digest) = (SEED.commitment(), digest.unwrap());
    let published = Published { performance: SHOW, commitment, digest, seed: Some(SEED) };
    assert_eq!(published.verify(&joined).unwrap(), called);
    assert_ne!(joined, called);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nobody_passes_anybody(
        asks in vec((any::<u8>(), ask()), 1..160),
        cut in 0..160_usize,
        has_lottery in any::<bool>(),
    ) {
        let mut world = World::new(has_lottery);
        let mut halfway = None;
        for (index, (buyer, ask)) in asks.iter().enumerate() {
            if index == cut {
                halfway =
                    Some((world.state.to_snapshot(), world.steps.len(), world.state.due_at()));
            }
            world.ask(*buyer, ask);
        }
        world.come_to_an_end();
        world.model.check_rate();
        // Whoever goes on from a snapshot decides the same, byte for byte.
        if let Some((snapshot, from, due)) = halfway {
            let mut restored = State::from_snapshot(&snapshot).unwrap();
            prop_assert!(restored.to_snapshot() == snapshot);
            prop_assert_eq!(restored.due_at(), due);
            for (before, (header, intent)) in world.steps.iter().zip(&world.records).skip(from) {
                prop_assert_eq!(&advance(&mut restored, header, intent), before);
            }
            prop_assert!(restored.to_snapshot() == world.state.to_snapshot());
        }
    }
    /// Whatever a waiter was told at whatever moment, it did not take longer.
    #[test]
    fn an_estimate_is_an_upper_bound(
        rate in 1..=RATE_MAX,
        cap in 1..6_u32,
        buyers in vec((0..3_000_i64, 0..4_u8), 1..30),
    ) {
        let mut world = World::new(false);
        let (lottery, grace_ms) = (None, 86_400_000);
        let rules = Some(WaitingRoomRules { grace_ms, lottery, ..rules(rate, cap, false) });
        let set = WaitingRoomIntent::Set { performance: SHOW, rules };
        world.decide(AccountId::default(), Intent::WaitingRoom(set));
        let mut told = BTreeMap::new();
        for (number, (pause, leaves)) in buyers.iter().enumerate() {
            world.ask(number as u8, &Ask::Join);
            if *leaves == 0 {
                world.ask(number as u8 / 2, &Ask::Leave);
            }
            world.tick_until(world.clock + pause, &mut told);
        }
        world.tick_until(i64::MAX, &mut told);
        prop_assert_eq!(world.state.performance(SHOW).unwrap().waiting_room().unwrap().waiting(), 0);
    }
}
