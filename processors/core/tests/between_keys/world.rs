//! Three partitions, and a runtime that keeps what it promises and nothing else: every message
//! comes at least once, and those from one partition to another in order.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use boxoffice_core::{Record, State, apply, decide};
use boxoffice_topics::codec::{decode_whole, encode_into};
use boxoffice_topics::coupon::{CampaignScope, CouponChoice, CouponReduction, CouponTerms, Issuer};
use boxoffice_topics::intent::PaymentResult;
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::scaling::Post;
use boxoffice_topics::{
    AccountId, CampaignDefinition, CampaignId, CouponIntent, Currency, Header, Intent, IntentKey,
    Message, Money, OrderId, Outcome, PartitionMap, PaymentId, PerformanceDefinition,
    PerformanceId, PointsIntent, PointsRule, PriceLevel, Row, SaleRules, Section, SectionKind,
    Slot, Step, Timestamp, WaitingRoomIntent, WaitingRoomRules,
};

use crate::books::{self, Books};
use crate::model::{INSIDE_MAX, Model};

pub(crate) const PARTITIONS: u16 = 3;
/// In the second and in the third partition.
pub(crate) const SHOWS: [PerformanceId; 2] =
    [PerformanceId::from_u128(1), PerformanceId::from_u128(0)];

/// What is asked; numbers choose among the things that exist.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Hold {
        show: usize,
        seats: u16,
    },
    /// Into the waiting room of the first show, with a tick that may admit. Where there is none,
    /// everything is brought.
    Join,
    Leave,
    Release(usize),
    /// Coupon: 0 and 1 the best, 2 a named one, 3 none.
    Order {
        hold: usize,
        coupon: usize,
        points: i64,
    },
    Pay(usize),
    Captured(usize),
    Declined(usize),
    Cancel(usize),
    Claim(usize),
    Change {
        campaign: usize,
        quantity: u32,
    },
    Grant {
        points: i64,
        lasts: i64,
    },
    /// The next messages from one partition to another.
    Deliver {
        pair: usize,
        count: usize,
    },
    /// A process ends: the states come from snapshots, and the runtime forgets the last messages
    /// that it brought.
    Crash {
        pair: usize,
        back: usize,
    },
    After(i64),
    /// Slots move; the first of the slots that there are, or all that are with it.
    Move {
        first: usize,
        many: bool,
        to: usize,
    },
    /// The next posts from one partition to another.
    Bring {
        pair: usize,
        count: usize,
    },
    /// The runtime learns where slots are.
    Reroute,
}

/// From one partition to another.
pub(crate) struct Route<T> {
    pub(crate) messages: Vec<(EffectName, T)>,
    pub(crate) brought: usize,
}

impl<T> Default for Route<T> {
    fn default() -> Self {
        Self { messages: Vec::new(), brought: 0 }
    }
}

pub(crate) struct World {
    pub(crate) partitions: PartitionMap,
    pub(crate) states: Vec<State>,
    steps: Vec<Vec<Step>>,
    /// What each step answers, with its intent encoded.
    records: Vec<Vec<(Header, Vec<u8>)>>,
    /// By the partitions that send and receive.
    pub(crate) routes: BTreeMap<(usize, usize), Route<Message>>,
    pub(crate) posts: BTreeMap<(usize, usize), Route<Post>>,
    clock: i64,
    keys: u128,
    campaigns: Vec<(CampaignId, CampaignDefinition)>,
    pub(crate) model: Model,
    books: Books,
}

impl World {
    /// With a room, the first show has a waiting room, and there are coupons for whole orders, so
    /// that whatever places an order may confirm it, and end a session.
    pub(crate) fn new(has_room: bool) -> Self {
        let partitions = PartitionMap::dealt(NonZeroU16::new(PARTITIONS).unwrap()).unwrap();
        let mut world = Self {
            states: partitions.partitions().map(State::new).collect(),
            steps: vec![Vec::new(); PARTITIONS.into()],
            records: vec![Vec::new(); PARTITIONS.into()],
            partitions,
            routes: BTreeMap::new(),
            posts: BTreeMap::new(),
            clock: 1,
            keys: 0,
            campaigns: Vec::new(),
            model: Model::default(),
            books: Books::default(),
        };
        for performance in SHOWS {
            let definition = Box::new(house(performance));
            world.decide(AccountId::default(), &Intent::CreatePerformance { definition });
            world.decide(AccountId::default(), &Intent::OpenSale { performance });
        }
        let rule = PointsRule { earned_basis_points: 5_000, earned_days: 1, restored_days: 1 };
        let set = PointsIntent::SetPointsRule { performance: SHOWS[0], rule };
        world.decide(AccountId::default(), &Intent::Points(set));
        let slot = Slot::new(0).unwrap();
        let spanning = CampaignScope::Performances { slot, performances: SHOWS.to_vec() };
        world.create(campaign(spanning, CouponReduction::Fixed { amount_minor: 40 }, 1));
        let local = CampaignScope::Performance { performance: SHOWS[0] };
        let percent = CouponReduction::Percent { basis_points: 3_333, cap_minor: Some(35) };
        world.create(campaign(local, percent, 2));
        if has_room {
            world.open_room();
        }
        world
    }

    fn has_room(&self) -> bool {
        self.states.iter().any(|state| state.performances().any(|it| it.waiting_room().is_some()))
    }

    fn open_room(&mut self) {
        let whole = CouponReduction::Percent { basis_points: 10_000, cap_minor: None };
        let (slot, performances) = (Slot::new(0).unwrap(), vec![SHOWS[0]]);
        // The first to expire is the first to be asked for.
        let mut spanning = campaign(CampaignScope::Performances { slot, performances }, whole, 1);
        spanning.terms.expires_at = Timestamp::from_millis(800_000);
        self.create(spanning);
        self.create(campaign(CampaignScope::Performance { performance: SHOWS[0] }, whole, 1));
        let rules = WaitingRoomRules {
            admissions_per_minute: 600_000,
            active_buyers_max: INSIDE_MAX,
            session_ms: 10_000,
            grace_ms: 60_000,
            lottery: None,
        };
        let set = WaitingRoomIntent::Set { performance: SHOWS[0], rules: Some(rules) };
        self.decide(AccountId::default(), &Intent::WaitingRoom(set));
    }

    fn create(&mut self, definition: CampaignDefinition) {
        let create = CouponIntent::CreateCampaign { definition: Box::new(definition.clone()) };
        let step = self.decide(AccountId::default(), &Intent::Coupon(create));
        self.campaigns.push((CampaignId(step.intent.unwrap()), definition));
    }

    pub(crate) fn ask(&mut self, buyer: u8, ask: &Ask) {
        let account = AccountId::from_u128(u128::from(buyer % 3) + 1);
        match ask {
            Ask::Hold { show, seats } => {
                let (performance, quantity) = (SHOWS[*show], *seats);
                let (section, price_level, accessible) = (None, None, false);
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
            Ask::Join if !self.has_room() => {
                for pair in 0..usize::from(PARTITIONS * PARTITIONS) {
                    self.deliver(pair_of(pair), usize::MAX);
                }
            }
            Ask::Join => {
                let join = WaitingRoomIntent::Join { performance: SHOWS[0] };
                self.decide(account, &Intent::WaitingRoom(join));
                self.tick(1);
            }
            Ask::Leave => {
                let leave = WaitingRoomIntent::Leave { performance: SHOWS[0] };
                self.decide(account, &Intent::WaitingRoom(leave));
            }
            Ask::Release(which) => {
                if let Some((hold, account)) = nth(&self.model.holds, *which) {
                    self.decide(account, &Intent::ReleaseHold { hold });
                }
            }
            Ask::Order { hold, coupon, points } => self.order(*hold, *coupon, *points),
            Ask::Pay(which) => {
                let orders = &self.model.orders;
                if let Some((order, placed)) = nth(orders, *which) {
                    let payment_key: &str = format!("key-{}", self.keys).leak();
                    let amount = won(placed.total);
                    self.decide(placed.account, &Intent::PayOrder { order, amount, payment_key });
                }
            }
            Ask::Captured(which) => {
                if let Some(&(payment, minor)) = any(&self.model.payments, *which) {
                    self.settle(payment, PaymentResult::Captured { amount: won(minor) });
                }
            }
            Ask::Declined(which) => {
                if let Some(&(payment, _)) = any(&self.model.payments, *which) {
                    self.settle(payment, PaymentResult::Declined { code: "REJECT" });
                }
            }
            Ask::Cancel(which) => self.cancel(*which),
            Ask::Claim(which) => {
                let campaign = self.campaigns[which % self.campaigns.len()].0;
                let claim = CouponIntent::ClaimCoupon { campaign, code: None };
                self.decide(account, &Intent::Coupon(claim));
            }
            Ask::Change { campaign, quantity } => {
                let (campaign, definition) =
                    self.campaigns[campaign % self.campaigns.len()].clone();
                let definition = Box::new(CampaignDefinition { quantity: *quantity, ..definition });
                let change = CouponIntent::ChangeCampaign { campaign, definition };
                self.decide(AccountId::default(), &Intent::Coupon(change));
            }
            Ask::Grant { points, lasts } => {
                let expires_at = Timestamp::from_millis(self.clock + lasts);
                let amount = won(*points);
                let grant = PointsIntent::GrantPoints { account, amount, expires_at };
                self.decide(AccountId::default(), &Intent::Points(grant));
            }
            Ask::Deliver { pair, count } => self.deliver(pair_of(*pair), *count),
            Ask::Crash { pair, back } => {
                for state in &mut self.states {
                    *state = State::from_snapshot(&state.to_snapshot()).unwrap();
                }
                self.reroute();
                if let Some(route) = self.routes.get_mut(&pair_of(*pair)) {
                    route.brought = route.brought.saturating_sub(*back);
                }
                if let Some(route) = self.posts.get_mut(&pair_of(*pair)) {
                    route.brought = route.brought.saturating_sub(*back);
                }
            }
            Ask::After(millis) => self.tick(*millis),
            Ask::Move { first, many, to } => self.move_slots(*first, *many, *to),
            Ask::Bring { pair, count } => self.bring(pair_of(*pair), *count),
            Ask::Reroute => self.reroute(),
        }
    }

    fn order(&mut self, hold: usize, coupon: usize, points: i64) {
        let Some((hold, account)) = nth(&self.model.holds, hold) else { return };
        let mut own = self.model.coupons.iter().filter(|(_, coupon)| coupon.account == account);
        let coupon = match coupon {
            2 => own.next_back().map(|(coupon, _)| CouponChoice::Named(*coupon)),
            3 => Some(CouponChoice::Nothing),
            _ => None,
        };
        let points_minor = (points > 0).then_some(points);
        self.decide(account, &Intent::PlaceOrder { hold, coupon, points_minor });
    }

    fn cancel(&mut self, which: usize) {
        let waiting = self.model.reserving.iter().map(|(order, account)| (*order, *account));
        let placed = self.model.orders.iter().map(|(order, placed)| (*order, placed.account));
        let all: Vec<(OrderId, AccountId)> = waiting.chain(placed).collect();
        if let Some(&(order, account)) = any(&all, which) {
            self.decide(account, &Intent::CancelOrder { order });
        }
    }

    fn settle(&mut self, payment: PaymentId, result: PaymentResult<'_>) {
        self.decide(AccountId::default(), &Intent::RecordPaymentResult { payment, result });
    }

    /// Brings the next messages, as far as there are any.
    fn deliver(&mut self, pair: (usize, usize), count: usize) {
        for _ in 0..count {
            let Some(route) = self.routes.get_mut(&pair) else { return };
            let next = route.messages.get(route.brought).cloned();
            let Some((from, message)) = next else { return };
            route.brought += 1;
            self.decide(AccountId::default(), &Intent::Deliver { from, message });
        }
    }

    pub(crate) fn tick(&mut self, millis: i64) {
        self.clock += millis;
        for at in 0..self.states.len() {
            self.decide_in(at, AccountId::default(), &Intent::Tick);
        }
    }

    fn decide(&mut self, account: AccountId, intent: &Intent<'_>) -> Step {
        let partition = self.partitions.partition_of(intent.slot().unwrap());
        self.decide_in(partition.number().into(), account, intent)
    }

    pub(crate) fn decide_in(&mut self, at: usize, account: AccountId, intent: &Intent<'_>) -> Step {
        self.keys += 1;
        let has_no_key =
            matches!(intent, Intent::Tick | Intent::Deliver { .. } | Intent::Scaling(_));
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account,
            key: IntentKey::from_u128(if has_no_key { 0 } else { self.keys }),
            fingerprint: 1,
            traceparent: None,
        };
        let mut payload = Vec::new();
        encode_into(intent, &mut payload);
        self.records[at].push((header.clone(), payload));
        let state = &mut self.states[at];
        let mut step = Step::default();
        decide(state, &Record { offset: state.next_offset(), header: &header, intent }, &mut step);
        apply(state, &step);
        for (index, outcome) in (0..).zip(&step.outcomes) {
            if let Outcome::MessageSent { message } = outcome {
                let to = self.partitions.partition_of(message.slot()).number().into();
                let name = EffectName::new(self.states[at].partition(), step.offset, index);
                self.routes.entry((at, to)).or_default().messages.push((name, message.clone()));
            }
        }
        self.note_posts(at, &step);
        self.model.fold(&step);
        self.books.fold(&step);
        self.check_wallets();
        self.steps[at].push(step.clone());
        step
    }

    /// The wallets of the core are those of the model.
    fn check_wallets(&self) {
        for (account, wallet) in &self.model.wallets {
            let slot = Slot::of_account(*account);
            // A wallet that is under way has no state to be looked at.
            let Some(owner) = self.owner(slot) else { continue };
            let lots = owner.wallet(*account).map_or(&[][..], |known| known.lots());
            let free: i64 = lots.iter().map(|lot| lot.free.minor).sum();
            let reserved: i64 = lots.iter().map(|lot| lot.reserved_minor).sum();
            assert_eq!(free, wallet.free.values().sum::<i64>());
            let held = self.model.points_reserved.values().filter(|(of, _)| of == account);
            let held = held.flat_map(|(_, parts)| parts).map(|part| part.minor).sum::<i64>();
            assert_eq!(reserved, held);
        }
    }

    /// Every payment gets its result, every message comes, and time passes until nothing is due.
    pub(crate) fn come_to_rest(&mut self) {
        self.let_slots_arrive();
        for (payment, _) in self.model.payments.clone() {
            self.settle(payment, PaymentResult::Declined { code: "REJECT" });
        }
        for _ in 0..20 {
            for pair in 0..usize::from(PARTITIONS * PARTITIONS) {
                self.deliver(pair_of(pair), usize::MAX);
            }
            self.tick(100_000);
        }
    }

    pub(crate) fn check_at_rest(&self) {
        for Route { messages, brought } in self.routes.values() {
            assert_eq!(messages.len(), *brought, "messages go round for ever");
        }
        let model = &self.model;
        assert!(model.holds.is_empty() && model.reserving.is_empty(), "somebody waits for ever");
        assert!(model.points_reserved.is_empty(), "points are kept for ever");
        assert!(model.coupons.values().all(|coupon| coupon.reserved.is_empty()));
        for (id, order) in &model.orders {
            assert!(order.is_confirmed || order.is_over, "an order lives for ever");
            let Some(reductions) = &order.reductions else { continue };
            if let Some(discount) = reductions.discount {
                let is_used = model.coupons[&discount.coupon].used.contains(id);
                let returns = model.campaigns[&discount.campaign].returns;
                let keeps = order.is_confirmed || order.was_confirmed && !returns;
                assert_eq!(is_used, keeps, "order and campaign disagree on a coupon");
            }
            if let Some(points) = reductions.points {
                let committed = model.points_committed.get(id).copied();
                assert_eq!(committed, order.was_confirmed.then_some(points.minor));
            }
        }
        for state in &self.states {
            assert_eq!(state.live_holds(), 0);
            let mut rooms = state.performances().filter_map(|show| show.waiting_room());
            assert!(rooms.all(|room| room.active() == 0 && room.waiting() == 0));
        }
        assert!(model.inside.is_empty(), "somebody is inside for ever");
        self.check_slots_at_rest();
        self.check_marks();
    }

    pub(crate) fn snapshots(&self) -> Vec<(Vec<u8>, usize)> {
        let steps = self.steps.iter().map(Vec::len);
        self.states.iter().map(State::to_snapshot).zip(steps).collect()
    }

    /// Whoever goes on from a snapshot of any moment decides the same, byte for byte, and gets to
    /// the same state.
    pub(crate) fn check_snapshots(&self, halfway: &[(Vec<u8>, usize)]) {
        for (at, (snapshot, from)) in halfway.iter().enumerate() {
            let mut restored = State::from_snapshot(snapshot).unwrap();
            let known = self.steps[at].iter().zip(&self.records[at]);
            for (before, (header, payload)) in known.skip(*from) {
                let intent: Intent<'_> = decode_whole(payload).unwrap();
                let mut step = Step::default();
                let offset = restored.next_offset();
                decide(&restored, &Record { offset, header, intent: &intent }, &mut step);
                assert_eq!(&step, before, "another decision after a snapshot");
                apply(&mut restored, &step);
            }
            assert!(restored.to_snapshot() == self.states[at].to_snapshot());
        }
    }

    pub(crate) fn seen(self) -> impl Iterator<Item = String> {
        self.model.seen.into_iter()
    }
}

pub(crate) fn pair_of(pair: usize) -> (usize, usize) {
    (pair / usize::from(PARTITIONS), pair % usize::from(PARTITIONS))
}

fn any<T>(things: &[T], which: usize) -> Option<&T> {
    things.get(which % things.len().max(1))
}

fn nth<K: Copy, V: Clone>(things: &BTreeMap<K, V>, which: usize) -> Option<(K, V)> {
    let found = things.iter().nth(which % things.len().max(1));
    found.map(|(key, value)| (*key, value.clone()))
}

fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW)
}

fn campaign(scope: CampaignScope, reduction: CouponReduction, uses: u16) -> CampaignDefinition {
    let returned_on_refund = matches!(scope, CampaignScope::Performances { .. });
    CampaignDefinition {
        name: "Friends".into(),
        scope,
        code: None,
        opens_at: Timestamp::from_millis(0),
        closes_at: Timestamp::from_millis(900_000),
        quantity: 4,
        account_limit: 2,
        terms: CouponTerms {
            reduction,
            currency: Currency::KRW,
            minimum_spend_minor: 0,
            price_levels: vec![],
            issuer: Issuer::Platform,
            uses,
            expires_at: Timestamp::from_millis(900_000),
            returned_on_refund,
        },
    }
}

/// Two rows of eight seats at 100.
fn house(performance: PerformanceId) -> PerformanceDefinition {
    let row = |label: &str| Row {
        label: label.into(),
        first_seat: 1,
        seats: 8,
        price_level: 0,
        accessible: vec![],
        sold: None,
    };
    PerformanceDefinition {
        performance,
        name: "Hamlet".into(),
        venue: "Globe".into(),
        starts_at: Timestamp::from_millis(1_000_000),
        currency: Currency::KRW,
        price_levels: vec![PriceLevel { code: "R".into(), price_minor: 100 }],
        sections: vec![Section {
            code: "A".into(),
            kind: SectionKind::Reserved { rows: vec![row("1"), row("2")] },
        }],
        sale: SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 15_000,
            hold_renewals_max: 1,
            payment_window_ms: 20_000,
            account_seats_max: 8,
        },
        shapes: None,
        refund_terms: None,
        settlement_terms: Some(books::TERMS),
    }
}
