//! What a million waiters cost: joins, heartbeats, positions, the draw, admissions, memory.
//!
//! `cargo bench -p boxoffice-core --bench waiting_room`
#![allow(missing_docs, reason = "a bench has no callers")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::disallowed_types, reason = "rates are fractions")]

use boxoffice_core::{Record, Standing, State, apply, decide};
use boxoffice_topics::{
    AccountId, Currency, Header, Intent, IntentKey, LotteryRules, LotterySeed, Outcome,
    PartitionId, PerformanceDefinition, PerformanceId, PriceLevel, SaleRules, Section, SectionKind,
    Step, Timestamp, WaitingRoomIntent, WaitingRoomOutcome, WaitingRoomRules,
};

const WAITERS: u32 = 1_000_000;
const SHOW: PerformanceId = PerformanceId::from_u128(1);
const OPENS_AT: i64 = 1_000_000;
const TICK_MS: i64 = 50;

fn main() {
    let mut room = Room::new();
    let before = resident_bytes();
    let joined = seconds(|| room.everybody(|performance| WaitingRoomIntent::Join { performance }));
    let bytes = resident_bytes().saturating_sub(before) / u64::from(WAITERS);
    report("joins", joined, WAITERS);
    println!("resident memory for each waiter: {bytes} bytes, window of remembered keys off");
    let seen =
        seconds(|| room.everybody(|performance| WaitingRoomIntent::Heartbeat { performance }));
    report("heartbeats", seen, WAITERS);
    room.clock = OPENS_AT;
    room.tick();
    let seed = SEED;
    let drawn = seconds(|| {
        let intent = WaitingRoomIntent::DrawLottery { performance: SHOW, seed };
        room.ask(AccountId::default(), &Intent::WaitingRoom(intent));
    });
    println!("the draw of {WAITERS}: {:.0} ms", drawn * 1e3);
    let mut ahead = 0;
    let looked = seconds(|| ahead = room.positions());
    report("positions with estimates", looked, WAITERS);
    assert_eq!(ahead, u64::from(WAITERS) * (u64::from(WAITERS) - 1) / 2, "every place once");
    let mut bytes = Vec::new();
    let saved = seconds(|| bytes = room.state.to_snapshot());
    let restored = seconds(|| drop(State::from_snapshot(&bytes).expect("own snapshot")));
    let (saved, restored, megabytes) = (saved * 1e3, restored * 1e3, bytes.len() >> 20);
    println!("snapshot: {megabytes} MB, written in {saved:.0} ms, read in {restored:.0} ms");
    let admitted = seconds(|| room.admit_everybody());
    report("admissions by ticks", admitted, WAITERS);
}

const SEED: LotterySeed = LotterySeed::from_bytes([7; 32]);

fn report(what: &str, seconds: f64, count: u32) {
    let millions = f64::from(count) / seconds / 1e6;
    println!("{what}: {millions:.2} million each CPU second");
}

/// Seconds of processor time: what others do on the machine does not count.
fn seconds(work: impl FnOnce()) -> f64 {
    let before = cpu_seconds();
    work();
    cpu_seconds() - before
}

fn cpu_seconds() -> f64 {
    let scheduled = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanos = scheduled.split_whitespace().next().expect("time on the processor");
    nanos.parse::<f64>().expect("nanoseconds") / 1e9
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_whitespace().nth(1).expect("resident pages");
    pages.parse::<u64>().expect("a number") * 4_096
}

struct Room {
    state: State,
    clock: i64,
    step: Step,
}

impl Room {
    fn new() -> Self {
        let state = State::new(PartitionId::new(0).expect("a partition"));
        let mut room = Self { state, clock: 0, step: Step::default() };
        let promoter = AccountId::default();
        room.ask(promoter, &Intent::CreatePerformance { definition: Box::new(house()) });
        let rules = Some(rules());
        let intent = WaitingRoomIntent::Set { performance: SHOW, rules };
        room.ask(promoter, &Intent::WaitingRoom(intent));
        room
    }

    /// Without a key: what a room costs is not what remembering a million intents costs.
    fn ask(&mut self, account: AccountId, intent: &Intent<'_>) {
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account,
            key: IntentKey::default(),
            fingerprint: 0,
            traceparent: None,
        };
        let record = Record { offset: self.state.next_offset(), header: &header, intent };
        decide(&self.state, &record, &mut self.step);
        apply(&mut self.state, &self.step);
    }

    fn tick(&mut self) {
        self.ask(AccountId::default(), &Intent::Tick);
    }

    fn everybody(&mut self, intent: impl Fn(PerformanceId) -> WaitingRoomIntent) {
        for number in 0..WAITERS {
            self.ask(account(number), &Intent::WaitingRoom(intent(SHOW)));
            assert!(!matches!(self.step.reply(), Some(Outcome::Refused { .. })));
        }
    }

    fn positions(&self) -> u64 {
        let show = self.state.performance(SHOW).expect("a performance");
        let now = self.state.now();
        let place = |number| match show.standing(account(number), now) {
            Standing::Waiting(wait) => wait.ahead.map_or(0, u64::from),
            other => panic!("{other:?}"),
        };
        (0..WAITERS).map(place).sum()
    }

    fn admit_everybody(&mut self) {
        let mut admitted = 0;
        while admitted < WAITERS {
            self.tick();
            for outcome in &self.step.outcomes {
                let Outcome::WaitingRoom(WaitingRoomOutcome::Admitted { .. }) = outcome else {
                    panic!("{outcome:?}")
                };
                admitted += 1;
            }
            self.clock += TICK_MS;
        }
    }
}

/// Accounts are keyed hashes: their bits are spread.
fn account(number: u32) -> AccountId {
    let spread = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    AccountId::from_u128((u128::from(number) + 1).wrapping_mul(spread))
}

fn rules() -> WaitingRoomRules {
    let commitment = SEED.commitment();
    WaitingRoomRules {
        admissions_per_minute: 600_000,
        active_buyers_max: 1_000_000,
        session_ms: 86_400_000,
        grace_ms: 86_400_000,
        lottery: Some(LotteryRules { commitment, closes_before_ms: 0, draw_within_ms: 60_000 }),
    }
}

fn house() -> PerformanceDefinition {
    PerformanceDefinition {
        performance: SHOW,
        name: "Winter tour".into(),
        venue: "Dome".into(),
        starts_at: Timestamp::from_millis(100_000_000_000),
        currency: Currency::KRW,
        price_levels: vec![PriceLevel { code: "A".into(), price_minor: 99_000 }],
        sections: vec![Section {
            code: "FLOOR".into(),
            kind: SectionKind::GeneralAdmission { capacity: 50_000, price_level: 0 },
        }],
        sale: SaleRules {
            opens_at: Some(Timestamp::from_millis(OPENS_AT)),
            closes_at: None,
            hold_ttl_ms: 300_000,
            hold_renewals_max: 1,
            payment_window_ms: 600_000,
            account_seats_max: 4,
        },
        shapes: None,
        refund_terms: None,
        settlement_terms: Some(boxoffice_topics::SettlementTerms::default()),
    }
}
