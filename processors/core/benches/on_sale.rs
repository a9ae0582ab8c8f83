//! How many intents one thread decides and applies in the middle of an on-sale.
//!
//! A first pass plays buyers against the core and records what they ask: named seats that others
//! want too, best available, standing places, releases, orders, payments and their results,
//! ticks. The rounds that are measured decide and apply exactly that recording from an empty
//! state.
//!
//! Then a flash issue: 100,000 coupons of one campaign, asked for by 1,000,000 requests.
//!
//! `cargo bench -p boxoffice-core`
#![allow(missing_docs, reason = "a bench has no callers")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::disallowed_types, reason = "rates are fractions")]

use std::collections::BTreeMap;

use boxoffice_core::{Record, State, apply, decide};
use boxoffice_topics::coupon::{CampaignScope, CouponReduction, CouponTerms, Issuer};
use boxoffice_topics::intent::{PaymentResult, SectionQuantity};
use boxoffice_topics::{
    AccountId, CampaignDefinition, CouponIntent, Currency, Header, Intent, IntentKey, Outcome,
    PartitionId, PerformanceDefinition, PerformanceId, PriceLevel, Row, SaleRules, Section,
    SectionKind, Step, Timestamp,
};

const INTENTS: usize = 1_000_000;
const BUYERS: u64 = 200_000;
const PERFORMANCES: u64 = 4;
const ROUNDS: usize = 9;
const COUPONS: u32 = 100_000;

fn main() {
    let asked = rehearse();
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| play(&asked)).collect();
    rates.sort_by(f64::total_cmp);
    let mut kinds = BTreeMap::new();
    for (_, intent) in &asked {
        *kinds.entry(intent.name()).or_insert(0_usize) += 1;
    }
    println!("{} intents of an on-sale, {PERFORMANCES} performances: {kinds:?}", asked.len());
    println!(
        "decide + apply on one thread, million intents each CPU second: median {:.2}, best {:.2}, worst {:.2} of {ROUNDS} rounds",
        rates[ROUNDS / 2],
        rates[ROUNDS - 1],
        rates[0],
    );
    let asked = rehearse_issue();
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| play(&asked)).collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "flash issue of {COUPONS} coupons to {INTENTS} requests, million each CPU second: median {:.2}, best {:.2}, worst {:.2} of {ROUNDS} rounds",
        rates[ROUNDS / 2],
        rates[ROUNDS - 1],
        rates[0],
    );
}

/// Every buyer asks several times, and nine of ten come too late.
fn rehearse_issue() -> Vec<(Header, Intent<'static>)> {
    let mut rehearsal = Rehearsal::new();
    let promoter = AccountId::from_u128(1);
    let show = performance(0);
    rehearsal.ask(promoter, Intent::CreatePerformance { definition: Box::new(house(show)) });
    let create = CouponIntent::CreateCampaign { definition: Box::new(campaign(show)) };
    rehearsal.ask(promoter, Intent::Coupon(create));
    let campaign = rehearsal.state.campaigns().next().expect("the campaign was made").id();
    let claim = CouponIntent::ClaimCoupon { campaign, code: Some("SPRING26") };
    while rehearsal.asked.len() < INTENTS {
        let account = rehearsal.buyer();
        rehearsal.ask(account, Intent::Coupon(claim.clone()));
    }
    let issued = rehearsal.state.campaign(campaign).expect("the campaign exists").issued();
    assert_eq!(issued, COUPONS, "the issue is exact");
    rehearsal.asked
}

fn campaign(performance: PerformanceId) -> CampaignDefinition {
    CampaignDefinition {
        name: "Flash".into(),
        scope: CampaignScope::Performance { performance },
        code: Some("SPRING26".into()),
        opens_at: Timestamp::from_millis(1),
        closes_at: Timestamp::MAX,
        quantity: COUPONS,
        account_limit: 1,
        terms: CouponTerms {
            reduction: CouponReduction::Percent { basis_points: 1_000, cap_minor: Some(10_000) },
            currency: Currency::KRW,
            minimum_spend_minor: 0,
            price_levels: vec![],
            issuer: Issuer::Promoter,
            uses: 1,
            expires_at: Timestamp::MAX,
            returned_on_refund: true,
        },
    }
}

/// Decides and applies everything, and returns millions of intents each second.
fn play(asked: &[(Header, Intent<'static>)]) -> f64 {
    let mut state = State::new(PartitionId::new(0).expect("a partition"));
    let mut step = Step::default();
    let started = cpu_seconds();
    for (header, intent) in asked {
        let record = Record { offset: state.next_offset(), header, intent };
        decide(&state, &record, &mut step);
        apply(&mut state, &step);
    }
    asked.len() as f64 / (cpu_seconds() - started) / 1e6
}

/// Seconds that this thread has had a processor: what others do on the machine does not count.
fn cpu_seconds() -> f64 {
    let scheduled = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanos = scheduled.split_whitespace().next().expect("time on the processor");
    nanos.parse::<f64>().expect("nanoseconds") / 1e9
}

/// SplitMix64: the same recording every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

struct Rehearsal {
    state: State,
    dice: Dice,
    asked: Vec<(Header, Intent<'static>)>,
    labels: Vec<&'static str>,
    follow_ups: Vec<(AccountId, Intent<'static>)>,
}

fn rehearse() -> Vec<(Header, Intent<'static>)> {
    let mut rehearsal = Rehearsal::new();
    let promoter = AccountId::from_u128(1);
    for number in 0..PERFORMANCES {
        let definition = Box::new(house(performance(number)));
        rehearsal.ask(promoter, Intent::CreatePerformance { definition });
        rehearsal.ask(promoter, Intent::OpenSale { performance: performance(number) });
    }
    while rehearsal.asked.len() < INTENTS {
        rehearsal.somebody_asks();
    }
    rehearsal.asked
}

impl Rehearsal {
    fn new() -> Self {
        Self {
            state: State::new(PartitionId::new(0).expect("a partition")),
            dice: Dice(2026),
            asked: Vec::with_capacity(INTENTS),
            labels: labels(),
            follow_ups: Vec::new(),
        }
    }

    fn buyer(&mut self) -> AccountId {
        AccountId::from_u128(u128::from(self.dice.roll(BUYERS)) << 64 | 7)
    }

    fn somebody_asks(&mut self) {
        if self.asked.len().is_multiple_of(2_000) {
            return self.ask(AccountId::default(), Intent::Tick);
        }
        if !self.follow_ups.is_empty() && self.dice.roll(100) < 40 {
            let chosen = self.dice.roll(self.follow_ups.len() as u64) as usize;
            let (account, intent) = self.follow_ups.swap_remove(chosen);
            return self.ask(account, intent);
        }
        let account = self.buyer();
        let performance = performance(self.dice.roll(PERFORMANCES));
        let intent = match self.dice.roll(100) {
            0..60 => {
                Intent::HoldSeats { performance, seats: self.side_by_side().collect(), code: None }
            }
            60..85 => Intent::HoldBestAvailable {
                performance,
                quantity: self.dice.roll(4) as u16 + 1,
                section: None,
                price_level: (self.dice.roll(2) == 0).then_some("R"),
                accessible: false,
                code: None,
            },
            _ => Intent::HoldGeneralAdmission {
                performance,
                sections: [SectionQuantity { section: "FLOOR", quantity: 2 }].into_iter().collect(),
                code: None,
            },
        };
        self.ask(account, intent);
    }

    /// Up to four neighbours; the front of the house is wanted most.
    fn side_by_side(&mut self) -> impl Iterator<Item = &'static str> {
        let all = self.labels.len() as u64;
        let popular = self.dice.roll(all).min(self.dice.roll(all));
        let count = self.dice.roll(4) + 1;
        let first = popular.min(all - count) as usize;
        self.labels[first..first + count as usize].iter().copied()
    }

    fn ask(&mut self, account: AccountId, intent: Intent<'static>) {
        let count = self.asked.len() as u64;
        let key = match intent {
            Intent::Tick => 0,
            _ => u128::from(self.dice.roll(u64::MAX)) << 64 | u128::from(count + 1),
        };
        let header = Header {
            // 20,000 intents each second.
            recorded_at: Timestamp::from_millis(1_000_000 + count as i64 / 20),
            account,
            key: IntentKey::from_u128(key),
            fingerprint: count,
            traceparent: None,
        };
        let mut step = Step::default();
        let record = Record { offset: self.state.next_offset(), header: &header, intent: &intent };
        decide(&self.state, &record, &mut step);
        apply(&mut self.state, &step);
        self.asked.push((header, intent));
        for outcome in &step.outcomes {
            self.follow_up(account, outcome);
        }
    }

    fn follow_up(&mut self, account: AccountId, outcome: &Outcome) {
        let next = match outcome {
            Outcome::Held { hold, .. } => match self.dice.roll(10) {
                0..2 => return,
                2..4 => Intent::ReleaseHold { hold: *hold },
                4 => Intent::RenewHold { hold: *hold },
                _ => Intent::PlaceOrder { hold: *hold, coupon: None, points_minor: None },
            },
            Outcome::OrderPlaced { order, total, .. } if self.dice.roll(10) > 0 => {
                Intent::PayOrder {
                    order: *order,
                    amount: *total,
                    payment_key: "tviva20261120abcdef",
                }
            }
            Outcome::PaymentRequested { payment, amount, .. } => Intent::RecordPaymentResult {
                payment: *payment,
                result: match self.dice.roll(10) {
                    0 => PaymentResult::Declined { code: "REJECT_CARD_PAYMENT" },
                    _ => PaymentResult::Captured { amount: *amount },
                },
            },
            _ => return,
        };
        self.follow_ups.push((account, next));
    }
}

fn performance(number: u64) -> PerformanceId {
    PerformanceId::from_u128(u128::from(number) + 1)
}

const SECTIONS: u16 = 20;
const ROWS: u16 = 25;
const SEATS: u16 = 30;

fn labels() -> Vec<&'static str> {
    let mut labels = Vec::new();
    for row in 1..=ROWS {
        for section in 1..=SECTIONS {
            for seat in 1..=SEATS {
                labels.push(&*format!("S{section}-{row}-{seat}").leak());
            }
        }
    }
    labels
}

/// 15,000 numbered seats at four price levels, and 2,000 standing places.
fn house(performance: PerformanceId) -> PerformanceDefinition {
    let row = |label: u16| Row {
        label: label.to_string(),
        first_seat: 1,
        seats: SEATS,
        price_level: label * 4 / (ROWS + 1),
        accessible: if label == ROWS { vec![1, 2] } else { vec![] },
        sold: None,
    };
    let section = |number: u16| Section {
        code: format!("S{number}"),
        kind: SectionKind::Reserved { rows: (1..=ROWS).map(row).collect() },
    };
    let floor = SectionKind::GeneralAdmission { capacity: 2_000, price_level: 3 };
    let levels = [("VIP", 198_000), ("R", 165_000), ("S", 132_000), ("A", 99_000)];
    PerformanceDefinition {
        performance,
        name: "Winter tour".into(),
        venue: "Dome".into(),
        starts_at: Timestamp::from_millis(100_000_000_000),
        currency: Currency::KRW,
        price_levels: levels
            .map(|(code, price_minor)| PriceLevel { code: code.into(), price_minor })
            .into(),
        sections: (1..=SECTIONS)
            .map(section)
            .chain([Section { code: "FLOOR".into(), kind: floor }])
            .collect(),
        sale: SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 10_000,
            hold_renewals_max: 1,
            payment_window_ms: 60_000,
            account_seats_max: 4,
        },
        shapes: None,
        refund_terms: None,
        settlement_terms: Some(boxoffice_topics::SettlementTerms::default()),
    }
}
