//! Whatever is set aside, released, held and given back, in whatever order: no seat is in two
//! channels, nobody gets a channel's place without its code, tables are sold whole, companion
//! seats go with an accessible seat, and free, held, sold and set aside are all there is.
//!
//! The model that is compared with knows nothing of the core: it folds outcomes into maps.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_core::{Record, State, apply, decide};
use boxoffice_topics::intent::SectionQuantity;
use boxoffice_topics::inventory::{ChannelRules, RowSold, Selector};
use boxoffice_topics::{
    AccountId, CodeHash, Currency, Header, HoldId, Intent, IntentKey, InventoryIntent,
    InventoryOutcome, OrderId, Outcome, PartitionId, PerformanceDefinition, PerformanceId, Places,
    PriceLevel, Row, SaleRules, SeatNumber, Section, SectionKind, SectionNumber, Step, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;

const SHOW: PerformanceId = PerformanceId::from_u128(1);
const CAPACITY: u32 = 8;
const USES_MAX: u32 = 3;
const CHANNELS: [&str; 2] = ["ONE", "TWO"];
/// Row 1 is plain, row 2 a table, row 3 has an accessible seat between two companions.
const LABELS: [&str; 11] = [
    "A-1-1", "A-1-2", "A-1-3", "A-1-4", "A-2-1", "A-2-2", "A-2-3", "A-3-1", "A-3-2", "A-3-3",
    "A-3-4",
];
const TABLE: [u32; 3] = [4, 5, 6];
const ACCESSIBLE: u32 = 8;
const COMPANIONS: [u32; 2] = [7, 9];

#[derive(Clone, Debug)]
enum Ask {
    Seats(Vec<usize>, Option<usize>),
    Best(u16, bool, Option<usize>),
    Floor(u16, Option<usize>),
    End(usize),
    Order(usize),
    Cancel(usize),
    Aside(usize, Vec<usize>),
    Back(usize, Vec<usize>),
    BackAll(usize),
    Until(usize, i64),
    Companions,
    After(i64),
}

fn ask() -> impl Strategy<Value = Ask> {
    let code = || proptest::option::of(0..CHANNELS.len());
    let channel = || 0..CHANNELS.len();
    let items = || vec(0..SELECTORS.len(), 1..4);
    prop_oneof![
        4 => (vec(0..LABELS.len(), 1..4), code()).prop_map(|(seats, code)| Ask::Seats(seats, code)),
        4 => (1..4_u16, any::<bool>(), code()).prop_map(|(n, accessible, code)| Ask::Best(n, accessible, code)),
        4 => (1..4_u16, code()).prop_map(|(n, code)| Ask::Floor(n, code)),
        3 => (0..64_usize).prop_map(Ask::End),
        3 => (0..64_usize).prop_map(Ask::Order),
        2 => (0..64_usize).prop_map(Ask::Cancel),
        5 => (channel(), items()).prop_map(|(channel, items)| Ask::Aside(channel, items)),
        3 => (channel(), items()).prop_map(|(channel, items)| Ask::Back(channel, items)),
        1 => channel().prop_map(Ask::BackAll),
        1 => (channel(), 0..9_000_i64).prop_map(|(channel, after)| Ask::Until(channel, after)),
        1 => Just(Ask::Companions),
        2 => (0..4_000_i64).prop_map(Ask::After),
    ]
}

const SELECTORS: [Selector<'static>; 10] = [
    Selector::Seat("A-1-1"),
    Selector::Seat("A-1-3"),
    Selector::Seat("A-3-1"),
    Selector::Seat("A-3-2"),
    Selector::Row("A-1"),
    Selector::Row("A-2"),
    Selector::Section("A"),
    Selector::Section("FLOOR"),
    Selector::Places { section: "FLOOR", quantity: 1 },
    Selector::Places { section: "FLOOR", quantity: 4 },
];

fn house() -> PerformanceDefinition {
    let row = |label: &str, seats, accessible: &[u16], sold| Row {
        label: label.into(),
        first_seat: 1,
        seats,
        price_level: 0,
        accessible: accessible.into(),
        sold,
    };
    let rows = vec![
        row("1", 4, &[], None),
        row("2", 3, &[], Some(RowSold::Whole { empty_seats_max: 1 })),
        row("3", 4, &[2], Some(RowSold::WithCompanions { seats: vec![1, 3] })),
    ];
    let floor = SectionKind::GeneralAdmission { capacity: CAPACITY, price_level: 0 };
    PerformanceDefinition {
        performance: SHOW,
        name: "Hamlet".into(),
        venue: "Globe".into(),
        starts_at: Timestamp::from_millis(1_000_000),
        currency: Currency::KRW,
        price_levels: vec![PriceLevel { code: "R".into(), price_minor: 100 }],
        sections: vec![
            Section { code: "A".into(), kind: SectionKind::Reserved { rows } },
            Section { code: "FLOOR".into(), kind: floor },
        ],
        sale: SaleRules {
            opens_at: None,
            closes_at: None,
            hold_ttl_ms: 5_000,
            hold_renewals_max: 1,
            payment_window_ms: 8_000,
            account_seats_max: 12,
        },
        refund_terms: None,
        settlement_terms: None,
        shapes: None,
    }
}

/// What outcomes say, folded without the core.
#[derive(Default)]
struct Model {
    holds: BTreeMap<HoldId, (AccountId, Places)>,
    orders: BTreeMap<OrderId, (AccountId, Places)>,
    /// The channel of each seat that has one.
    aside: BTreeMap<SeatNumber, usize>,
    /// Places of the floor that each channel has to give.
    floor: [u32; 2],
    is_released: [bool; 2],
    companions_released: bool,
}

impl Model {
    fn owned(&self) -> impl Iterator<Item = &Places> {
        self.holds.values().chain(self.orders.values()).map(|(_, places)| places)
    }

    fn owns(&self, seat: SeatNumber) -> bool {
        self.owned().any(|places| places.seats.contains(&seat))
    }

    /// Places of the floor in an item list that came out of a channel, and which channel.
    fn of_channel(places: &Places) -> Option<(usize, u32)> {
        let of = places.channel?;
        let items = places.quantities.iter().enumerate().filter(|(index, _)| of.has(*index));
        Some((of.channel.0.into(), items.map(|(_, place)| u32::from(place.quantity)).sum()))
    }

    fn fold(&mut self, step: &Step, code: Option<usize>) {
        for outcome in &step.outcomes {
            match outcome {
                Outcome::Held { hold, account, places, .. } => {
                    self.check_held(places, code);
                    if let Some((channel, quantity)) = Self::of_channel(places) {
                        self.floor[channel] = self.floor[channel].checked_sub(quantity).unwrap();
                    }
                    self.holds.insert(*hold, (*account, places.clone()));
                }
                Outcome::HoldReleased { hold } | Outcome::HoldExpired { hold, .. } => {
                    let (_, places) = self.holds.remove(hold).unwrap();
                    self.give_back(&places);
                }
                Outcome::OrderPlaced { order, hold, .. } => {
                    let held = self.holds.remove(hold).unwrap();
                    self.orders.insert(*order, held);
                }
                Outcome::OrderCancelled { order, .. } => {
                    let (_, places) = self.orders.remove(order).unwrap();
                    self.give_back(&places);
                }
                Outcome::Inventory(outcome) => self.fold_inventory(outcome),
                _ => (),
            }
        }
    }

    fn give_back(&mut self, places: &Places) {
        if let Some((channel, quantity)) = Self::of_channel(places)
            && !self.is_released[channel]
        {
            self.floor[channel] += quantity;
        }
    }

    fn fold_inventory(&mut self, outcome: &InventoryOutcome) {
        match outcome {
            InventoryOutcome::ChannelSet { .. } => (),
            InventoryOutcome::SetAside { channel, seats, places, .. } => {
                let channel = usize::from(channel.0);
                for seat in seats.iter().flat_map(|range| range.iter()) {
                    assert!(!self.owns(seat), "{seat:?} is set aside and somebody has it");
                    assert_eq!(
                        self.aside.insert(seat, channel),
                        None,
                        "{seat:?} is in two channels"
                    );
                }
                self.floor[channel] += places.iter().map(|places| places.quantity).sum::<u32>();
                self.is_released[channel] = false;
            }
            InventoryOutcome::Released { channel, seats, places, is_all, .. } => {
                let channel = usize::from(channel.0);
                for seat in seats.iter().flat_map(|range| range.iter()) {
                    assert_eq!(self.aside.remove(&seat), Some(channel), "{seat:?}");
                }
                let quantity: u32 = places.iter().map(|places| places.quantity).sum();
                self.floor[channel] = self.floor[channel].checked_sub(quantity).unwrap();
                self.is_released[channel] = *is_all;
                let is_left = self.aside.values().any(|of| *of == channel);
                assert!(!is_all || (self.floor[channel] == 0 && !is_left), "something is left");
            }
            InventoryOutcome::CompanionsReleased { .. } => self.companions_released = true,
        }
    }

    fn check_held(&self, places: &Places, code: Option<usize>) {
        let seats: BTreeSet<_> = places.seats.iter().map(|seat| seat.0).collect();
        for seat in &places.seats {
            assert!(!self.owns(*seat), "{seat:?} has two owners");
            let channel = self.aside.get(seat).copied();
            assert!(channel.is_none() || channel == code, "{seat:?} is sold without its code");
            let of_companion = COMPANIONS.contains(&seat.0) && !self.companions_released;
            assert!(!of_companion || seats.contains(&ACCESSIBLE), "a companion is alone");
        }
        if let Some(of) = places.channel {
            assert_eq!(Some(usize::from(of.channel.0)), code, "places of another channel");
            let uses =
                self.owned().filter(|it| it.channel.is_some_and(|it| it.channel == of.channel));
            assert!(u32::try_from(uses.count()).unwrap() < USES_MAX, "a use too many");
        }
        let of_table = TABLE.iter().filter(|seat| seats.contains(seat)).count();
        assert!(of_table == 0 || of_table == TABLE.len(), "part of a table is sold");
    }

    /// What is left, told by the outcomes, is what the core says.
    fn check(&self, state: &State) {
        let show = state.performance(SHOW).unwrap();
        let seats = (0..).take(LABELS.len()).map(SeatNumber);
        let free = seats.filter(|seat| !self.owns(*seat) && !self.aside.contains_key(seat));
        assert_eq!(show.remaining(SectionNumber(0)) as usize, free.count());
        let floor = self.owned().flat_map(|places| &places.quantities);
        let taken: u32 = floor.map(|place| u32::from(place.quantity)).sum();
        let aside: u32 = self.floor.iter().sum();
        assert_eq!(show.remaining(SectionNumber(1)) + taken + aside, CAPACITY);
        for (index, channel) in show.channels().enumerate() {
            let counts = show.channel_counts(channel);
            let own = self.aside.iter().filter(|(_, of)| **of == index);
            let free = own.filter(|(seat, _)| !self.owns(**seat)).count();
            assert_eq!(counts.free as usize, free + self.floor[index] as usize);
        }
    }
}

struct World {
    state: State,
    clock: i64,
    model: Model,
    keys: u128,
    steps: Vec<Step>,
}

fn code(channel: usize) -> CodeHash {
    CodeHash::from_u128(channel as u128 + 7)
}

fn set(channel: usize, releases_at: Option<Timestamp>) -> Intent<'static> {
    let rules = ChannelRules { code: code(channel), uses_max: Some(USES_MAX), releases_at };
    let (performance, channel) = (SHOW, CHANNELS[channel]);
    Intent::Inventory(InventoryIntent::SetChannel { performance, channel, rules })
}

impl World {
    fn new() -> Self {
        let state = State::new(PartitionId::new(0).unwrap());
        let (model, steps) = (Model::default(), Vec::new());
        let mut world = Self { state, clock: 1, model, keys: 0, steps };
        let definition = Box::new(house());
        world.decide(0, None, &Intent::CreatePerformance { definition });
        world.decide(0, None, &Intent::OpenSale { performance: SHOW });
        (0..CHANNELS.len()).for_each(|channel| world.decide(0, None, &set(channel, None)));
        world
    }

    fn ask(&mut self, buyer: u8, ask: &Ask) {
        let (performance, buyer) = (SHOW, u128::from(buyer % 3) + 1);
        let items = |items: &[usize]| items.iter().map(|item| SELECTORS[*item]).collect();
        match ask {
            Ask::Seats(seats, by) => {
                let seats = seats.iter().map(|seat| LABELS[*seat]).collect();
                let code = by.map(code);
                self.decide(buyer, *by, &Intent::HoldSeats { performance, seats, code });
            }
            Ask::Best(quantity, accessible, by) => {
                let (quantity, accessible, code) = (*quantity, *accessible, by.map(code));
                let (section, price_level) = (None, None);
                self.decide(
                    buyer,
                    *by,
                    &Intent::HoldBestAvailable {
                        performance,
                        quantity,
                        section,
                        price_level,
                        accessible,
                        code,
                    },
                );
            }
            Ask::Floor(quantity, by) => {
                let wish = SectionQuantity { section: "FLOOR", quantity: *quantity };
                let (sections, code) = ([wish].into_iter().collect(), by.map(code));
                self.decide(
                    buyer,
                    *by,
                    &Intent::HoldGeneralAdmission { performance, sections, code },
                );
            }
            Ask::End(which) => self.of_hold(*which, |hold| Intent::ReleaseHold { hold }),
            Ask::Order(which) => self.of_hold(*which, |hold| Intent::PlaceOrder {
                hold,
                coupon: None,
                points_minor: None,
            }),
            Ask::Cancel(which) => {
                let orders = &self.model.orders;
                let chosen = orders.iter().nth(which % orders.len().max(1));
                if let Some((order, account)) = chosen.map(|(order, of)| (*order, of.0)) {
                    self.decide(account.as_u128(), None, &Intent::CancelOrder { order });
                }
            }
            Ask::Aside(channel, what) => {
                let (channel, items) = (CHANNELS[*channel], items(what));
                let aside = InventoryIntent::SetAside { performance, channel, items };
                self.decide(0, None, &Intent::Inventory(aside));
            }
            Ask::Back(channel, what) => {
                let (channel, items) = (CHANNELS[*channel], items(what));
                let back = InventoryIntent::Release { performance, channel, items };
                self.decide(0, None, &Intent::Inventory(back));
            }
            Ask::BackAll(channel) => {
                let back = InventoryIntent::ReleaseAll { performance, channel: CHANNELS[*channel] };
                self.decide(0, None, &Intent::Inventory(back));
            }
            Ask::Until(channel, after) => {
                let at = Timestamp::from_millis(self.clock + after);
                self.decide(0, None, &set(*channel, Some(at)));
            }
            Ask::Companions => {
                let release = InventoryIntent::ReleaseCompanions { performance };
                self.decide(0, None, &Intent::Inventory(release));
            }
            Ask::After(millis) => {
                self.clock += millis;
                self.decide(0, None, &Intent::Tick);
            }
        }
    }

    fn of_hold(&mut self, which: usize, intent: impl Fn(HoldId) -> Intent<'static>) {
        let holds = &self.model.holds;
        let chosen = holds.iter().nth(which % holds.len().max(1));
        if let Some((hold, account)) = chosen.map(|(hold, of)| (*hold, of.0)) {
            self.decide(account.as_u128(), None, &intent(hold));
        }
    }

    fn decide(&mut self, account: u128, code: Option<usize>, intent: &Intent<'_>) {
        self.keys += 1;
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account: AccountId::from_u128(account),
            key: IntentKey::from_u128(if matches!(intent, Intent::Tick) { 0 } else { self.keys }),
            fingerprint: 1,
            traceparent: None,
        };
        let mut step = Step::default();
        let record = Record { offset: self.state.next_offset(), header: &header, intent };
        decide(&self.state, &record, &mut step);
        apply(&mut self.state, &step);
        self.model.fold(&step, code);
        self.model.check(&self.state);
        self.steps.push(step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_set_aside_the_invariants_hold(asks in vec((any::<u8>(), ask()), 1..120), cut in 0..120_usize) {
        let mut world = World::new();
        let mut halfway = None;
        for (index, (buyer, ask)) in asks.iter().enumerate() {
            if index == cut {
                halfway = Some((world.state.to_snapshot(), world.steps.len()));
            }
            world.ask(*buyer, ask);
        }
        if let Some((snapshot, from)) = halfway {
            let mut restored = State::from_snapshot(&snapshot).unwrap();
            world.steps[from..].iter().for_each(|step| apply(&mut restored, step));
            prop_assert!(restored.to_snapshot() == world.state.to_snapshot());
            world.model.check(&restored);
        }
        // In the end everything that is not kept by a channel without a time is everybody's.
        world.clock += 1_000_000;
        (0..CHANNELS.len()).for_each(|channel| world.ask(0, &Ask::BackAll(channel)));
        (0..4).for_each(|_| world.ask(0, &Ask::After(0)));
        prop_assert!(world.state.due_at().is_none(), "something is due for ever");
        let show = world.state.performance(SHOW).unwrap();
        prop_assert_eq!(show.remaining(SectionNumber(0)) as usize, LABELS.len());
        prop_assert_eq!(show.remaining(SectionNumber(1)), CAPACITY);
    }
}
