//! What it costs to cancel a performance that has sold 50,000 orders: the step that cancels it, and the
//! ticks that give everything back.
//!
//! `cargo bench -p boxoffice-core --bench cancel_performance`
#![allow(missing_docs, reason = "a bench has no callers")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::disallowed_types, reason = "times are fractions")]

use std::time::Instant;

use boxoffice_core::{Record, State, apply, decide};
use boxoffice_topics::codec::encode_into;
use boxoffice_topics::intent::{PaymentResult, SectionQuantity};
use boxoffice_topics::{
    AccountId, Currency, Header, Intent, IntentKey, Outcome, PartitionId, PerformanceDefinition,
    PerformanceId, PriceLevel, RefundIntent, RefundLadder, RefundTerms, SaleRules, Section,
    SectionKind, SettlementTerms, Step, Timestamp,
};

const ORDERS: u32 = 50_000;
const TICKETS: u16 = 2;
const SHOW: PerformanceId = PerformanceId::from_u128(1);

fn main() {
    let mut core = Core::with_sold_orders();
    let cancel = RefundIntent::CancelPerformance { performance: SHOW };
    let first = core.ask(0, &Intent::Refund(cancel));
    let mut ticks = Vec::new();
    let started = cpu_seconds();
    while core.orders_left() > 0 {
        ticks.push(core.ask(0, &Intent::Tick));
    }
    let total = cpu_seconds() - started;
    let mut micros: Vec<f64> = ticks.iter().map(|tick| tick.micros).collect();
    micros.sort_by(f64::total_cmp);
    let bytes = ticks.iter().map(|tick| tick.bytes);
    println!("{ORDERS} confirmed orders of {TICKETS} tickets each");
    println!("step that cancels, decide + apply: {:.0} us, {} bytes", first.micros, first.bytes);
    println!(
        "then {} ticks: {:.1} ms of a processor in all; decide + apply of each, by the clock: median {:.1} us, 99 of 100 within {:.1} us",
        ticks.len(),
        total * 1e3,
        micros[micros.len() / 2],
        micros[micros.len() * 99 / 100],
    );
    println!(
        "steps of ticks: {} bytes in all, {} the largest",
        bytes.clone().sum::<usize>(),
        bytes.max().unwrap_or(0)
    );
}

/// What one intent cost.
struct Cost {
    micros: f64,
    bytes: usize,
}

struct Core {
    state: State,
    step: Step,
    clock: i64,
}

impl Core {
    fn with_sold_orders() -> Self {
        let state = State::new(PartitionId::new(0).expect("a partition"));
        let mut core = Self { state, step: Step::default(), clock: 1 };
        core.ask(0, &Intent::CreatePerformance { definition: Box::new(house()) });
        core.ask(0, &Intent::OpenSale { performance: SHOW });
        (1..=ORDERS).for_each(|buyer| core.buy(buyer));
        core
    }

    fn buy(&mut self, buyer: u32) {
        let wish = SectionQuantity { section: "FLOOR", quantity: TICKETS };
        let sections = [wish].into_iter().collect();
        self.ask(buyer, &Intent::HoldGeneralAdmission { performance: SHOW, sections, code: None });
        let Some(Outcome::Held { hold, .. }) = self.step.outcomes.first() else {
            panic!("not held: {:?}", self.step.outcomes)
        };
        let hold = *hold;
        self.ask(buyer, &Intent::PlaceOrder { hold, coupon: None, points_minor: None });
        let Some(Outcome::OrderPlaced { order, total, .. }) = self.step.outcomes.first() else {
            panic!("not placed: {:?}", self.step.outcomes)
        };
        let (order, amount) = (*order, *total);
        // As long as the keys of providers are.
        let payment_key = format!("tviva20260711{buyer:032}");
        self.ask(buyer, &Intent::PayOrder { order, amount, payment_key: &payment_key });
        let Some(Outcome::PaymentRequested { payment, .. }) = self.step.outcomes.first() else {
            panic!("not asked for: {:?}", self.step.outcomes)
        };
        let (payment, result) = (*payment, PaymentResult::Captured { amount });
        self.ask(0, &Intent::RecordPaymentResult { payment, result });
    }

    fn orders_left(&self) -> usize {
        let show = self.state.performance(SHOW).expect("the performance");
        show.cancellation().map_or(0, |cancellation| cancellation.orders_left())
    }

    fn ask(&mut self, account: u32, intent: &Intent<'_>) -> Cost {
        self.clock += 1;
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account: AccountId::from_u128(account.into()),
            key: IntentKey::from_u128(0),
            fingerprint: 0,
            traceparent: None,
        };
        let record = Record { offset: self.state.next_offset(), header: &header, intent };
        let started = Instant::now();
        decide(&self.state, &record, &mut self.step);
        apply(&mut self.state, &self.step);
        let micros = started.elapsed().as_secs_f64() * 1e6;
        let mut bytes = Vec::new();
        encode_into(&self.step, &mut bytes);
        Cost { micros, bytes: bytes.len() }
    }
}

/// Seconds that this thread has had a processor: what others do on the machine does not count.
fn cpu_seconds() -> f64 {
    let scheduled = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos = scheduled.split_whitespace().next().expect("time on the processor");
    nanos.parse::<f64>().expect("nanoseconds") / 1e9
}

fn house() -> PerformanceDefinition {
    let capacity = ORDERS * u32::from(TICKETS);
    let kind = SectionKind::GeneralAdmission { capacity, price_level: 0 };
    let ladder = Some(RefundLadder::korean(4_000));
    PerformanceDefinition {
        performance: SHOW,
        name: "Winter tour".into(),
        venue: "Dome".into(),
        starts_at: Timestamp::from_millis(100 * 86_400_000),
        currency: Currency::KRW,
        price_levels: vec![PriceLevel { code: "S".into(), price_minor: 99_000 }],
        sections: vec![Section { code: "FLOOR".into(), kind }],
        sale: SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 300_000,
            hold_renewals_max: 1,
            payment_window_ms: 600_000,
            account_seats_max: 4,
        },
        shapes: None,
        refund_terms: Some(Box::new(RefundTerms { ladder, booking_fee_minor: 2_000 })),
        settlement_terms: Some(SettlementTerms::default()),
    }
}
