//! The core, asked one thing after the other, with the model beside it.

use boxoffice_core::{Record, State, WantedTickets, apply, decide};
use boxoffice_topics::coupon::{CouponChoice, CouponIntent};
use boxoffice_topics::intent::{PaymentResult, SeatLabels, SectionQuantity};
use boxoffice_topics::inventory::{ChannelRules, Date};
use boxoffice_topics::refund::TicketNumbers;
use boxoffice_topics::ticket::{OFFER_TTL_MS_MIN, Scan};
use boxoffice_topics::{
    AccountId, CampaignId, CodeHash, CouponOutcome, Currency, Header, HoldId, Intent, IntentKey,
    InventoryIntent, Money, OrderId, Outcome, PartitionId, PaymentId, RefundIntent, RefundOutcome,
    Step, TicketId, TicketIntent, TicketRules, Timestamp,
};

use crate::books::Books;
use crate::house::{
    CODE_USES_MAX, DAY_MS, FIRST_NIGHT, LABELS, PAYMENT_WINDOW_MS, SELECTORS, SHOW, campaign,
    house, terms,
};
use crate::model::Model;

const CHANNEL: &str = "ONE";
const CODE: CodeHash = CodeHash::from_u128(7);
const PEOPLE: u8 = 3;

/// What is asked; numbers choose among the things that exist, flags say whether with the code.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Seats(Vec<usize>, bool),
    Best(u16, bool, bool),
    Floor(u16, bool),
    Stay(u16, u16, u16, bool),
    Renew(usize),
    Release(usize),
    Order(usize),
    /// A hold becomes an order, which is paid.
    Buy(usize),
    /// A hold becomes an order, whose payment is declined until its time is over.
    Die(usize),
    Pay(usize),
    Captured(usize, bool),
    Declined(usize),
    Cancel(usize),
    Refund(usize, Vec<u16>),
    Terms(u16),
    Offer(usize, u8),
    Accept(usize),
    EndOffer(usize),
    In(usize),
    Out(usize),
    Aside(Vec<usize>),
    Back(Vec<usize>),
    BackAll,
    Companions,
    CallOff(u8),
    After(i64),
}

pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) model: Model,
    books: Books,
    pub(crate) steps: Vec<Step>,
    clock: i64,
    keys: u128,
}

fn person(number: u8) -> AccountId {
    AccountId::from_u128(u128::from(number % PEOPLE) + 1)
}

impl World {
    pub(crate) fn new() -> Self {
        let state = State::new(PartitionId::new(0).unwrap());
        let (model, steps) = (Model::default(), Vec::new());
        let mut world = Self { state, model, books: Books::default(), steps, clock: 1, keys: 0 };
        world.open();
        world
    }

    /// The house is on sale, with a channel, tickets that may change hands, and two coupons for
    /// everybody.
    fn open(&mut self) {
        let nobody = AccountId::default();
        self.decide(nobody, &Intent::CreatePerformance { definition: Box::new(house()) });
        self.decide(nobody, &Intent::OpenSale { performance: SHOW });
        let rules = ChannelRules { code: CODE, uses_max: Some(CODE_USES_MAX), releases_at: None };
        let set = InventoryIntent::SetChannel { performance: SHOW, channel: CHANNEL, rules };
        self.decide(nobody, &Intent::Inventory(set));
        let rules = TicketRules {
            transfers_max: 3,
            offer_ttl_ms: OFFER_TTL_MS_MIN,
            reentry: true,
            admits_after_start_ms: 4 * 86_400_000,
            ..TicketRules::UNSAID
        };
        self.decide(nobody, &Intent::Ticket(TicketIntent::SetRules { performance: SHOW, rules }));
        let create = CouponIntent::CreateCampaign { definition: Box::new(campaign()) };
        self.decide(nobody, &Intent::Coupon(create));
        let campaign = self.campaign();
        for buyer in (0..PEOPLE).flat_map(|buyer| [buyer; 2]) {
            let claim = CouponIntent::ClaimCoupon { campaign, code: None };
            self.decide(person(buyer), &Intent::Coupon(claim));
        }
    }

    fn campaign(&self) -> CampaignId {
        match self.steps.last().unwrap().outcomes.first() {
            Some(Outcome::Coupon(CouponOutcome::CampaignCreated { campaign, .. })) => *campaign,
            other => panic!("no campaign but {other:?}"),
        }
    }

    pub(crate) fn ask(&mut self, who: u8, ask: &Ask) {
        let (performance, account) = (SHOW, person(who));
        match ask {
            Ask::Seats(..) | Ask::Best(..) | Ask::Floor(..) | Ask::Stay(..) => {
                self.hold(account, ask)
            }
            Ask::Renew(which) => self.of_hold(*which, |hold| Intent::RenewHold { hold }),
            Ask::Release(which) => self.of_hold(*which, |hold| Intent::ReleaseHold { hold }),
            Ask::Order(which) => self.of_hold(*which, |hold| place(hold, CouponChoice::Best)),
            Ask::Buy(which) => self.buy(*which),
            Ask::Die(which) => self.die(*which),
            Ask::Pay(which) => self.pay(*which),
            Ask::Captured(which, exact) => {
                let more = i64::from(!exact);
                self.of_payment(*which, |payment, amount| captured(payment, amount + more));
            }
            Ask::Declined(which) => self.of_payment(*which, declined),
            Ask::Cancel(which) => self.of_order(*which, |order| Intent::CancelOrder { order }),
            Ask::Refund(which, tickets) => self.refund(*which, tickets),
            Ask::Offer(..) | Ask::Accept(_) | Ask::EndOffer(_) | Ask::In(_) | Ask::Out(_) => {
                self.ticket(account, ask);
            }
            Ask::Aside(items) => {
                let items = items.iter().map(|item| SELECTORS[*item]).collect();
                self.inventory(InventoryIntent::SetAside { performance, channel: CHANNEL, items });
            }
            Ask::Back(items) => {
                let items = items.iter().map(|item| SELECTORS[*item]).collect();
                self.inventory(InventoryIntent::Release { performance, channel: CHANNEL, items });
            }
            Ask::BackAll => {
                self.inventory(InventoryIntent::ReleaseAll { performance, channel: CHANNEL });
            }
            Ask::Companions => self.inventory(InventoryIntent::ReleaseCompanions { performance }),
            Ask::Terms(share) => {
                let terms = Box::new(terms(*share));
                let intent = RefundIntent::SetRefundTerms { performance, terms };
                self.decide(AccountId::default(), &Intent::Refund(intent));
            }
            Ask::CallOff(0) => {
                let intent = RefundIntent::CancelPerformance { performance };
                self.decide(AccountId::default(), &Intent::Refund(intent));
            }
            Ask::CallOff(_) => (),
            Ask::After(millis) => {
                self.clock += millis;
                self.decide(AccountId::default(), &Intent::Tick);
            }
        }
    }

    fn inventory(&mut self, intent: InventoryIntent<'static>) {
        self.decide(AccountId::default(), &Intent::Inventory(intent));
    }

    fn hold(&mut self, account: AccountId, ask: &Ask) {
        let performance = SHOW;
        let code = |has_code: bool| has_code.then_some(CODE);
        let intent = match ask {
            Ask::Seats(seats, has_code) => Intent::HoldSeats {
                performance,
                seats: seats.iter().map(|seat| LABELS[*seat]).collect(),
                code: code(*has_code),
            },
            Ask::Best(quantity, accessible, has_code) => Intent::HoldBestAvailable {
                performance,
                quantity: *quantity,
                section: None,
                price_level: None,
                accessible: *accessible,
                code: code(*has_code),
            },
            Ask::Floor(quantity, has_code) => {
                let wish = SectionQuantity { section: "FLOOR", quantity: *quantity };
                let sections = [wish].into_iter().collect();
                Intent::HoldGeneralAdmission { performance, sections, code: code(*has_code) }
            }
            Ask::Stay(from, nights, rooms, has_code) => Intent::HoldStay {
                performance,
                room_type: "D",
                from: Date(FIRST_NIGHT).plus(*from),
                nights: *nights,
                rooms: *rooms,
                code: code(*has_code),
            },
            other => panic!("{other:?} is no hold"),
        };
        self.decide(account, &intent);
    }

    fn of_hold(&mut self, which: usize, intent: impl Fn(HoldId) -> Intent<'static>) {
        let holds = &self.model.holds;
        let chosen = holds.iter().nth(which % holds.len().max(1));
        if let Some((hold, account)) = chosen.map(|(hold, had)| (*hold, had.account)) {
            self.decide(account, &intent(hold));
        }
    }

    fn order(&self, which: usize) -> Option<(OrderId, AccountId)> {
        let orders = &self.model.orders;
        let chosen = orders.iter().nth(which % orders.len().max(1));
        chosen.map(|(order, had)| (*order, had.account))
    }

    fn of_order(&mut self, which: usize, intent: impl Fn(OrderId) -> Intent<'static>) {
        if let Some((order, account)) = self.order(which) {
            self.decide(account, &intent(order));
        }
    }

    fn of_payment(&mut self, which: usize, intent: impl Fn(PaymentId, i64) -> Intent<'static>) {
        let payments = &self.model.payments;
        if let Some(attempt) = payments.get(which % payments.len().max(1)).copied() {
            self.decide(AccountId::default(), &intent(attempt.payment, attempt.amount));
        }
    }

    fn pay(&mut self, which: usize) {
        let Some((order, account)) = self.order(which) else { return };
        let amount = Money::new(self.model.totals[&order], Currency::KRW);
        let payment_key = format!("key-{}", self.keys);
        self.decide(account, &Intent::PayOrder { order, amount, payment_key: &payment_key });
    }

    fn buy(&mut self, which: usize) {
        if self.order_and_pay(which, CouponChoice::Best) {
            let last = self.model.payments.len().saturating_sub(1);
            self.of_payment(last, captured);
        }
    }

    fn die(&mut self, which: usize) {
        if self.order_and_pay(which, CouponChoice::Nothing) {
            let last = self.model.payments.len().saturating_sub(1);
            self.of_payment(last, declined);
            self.ask(0, &Ask::After(PAYMENT_WINDOW_MS));
        }
    }

    /// Whether the last attempt to pay is one for an order of this hold.
    fn order_and_pay(&mut self, which: usize, coupon: CouponChoice) -> bool {
        let (before, attempts) = (self.steps.len(), self.model.payments.len());
        self.of_hold(which, |hold| place(hold, coupon));
        let placed = self.steps.get(before).and_then(|step| step.outcomes.first()).cloned();
        let Some(Outcome::OrderPlaced { order, .. }) = placed else { return false };
        if let Some(which) = self.model.orders.keys().position(|it| *it == order) {
            self.pay(which);
        }
        self.model.payments.len() > attempts
    }

    /// Gives tickets back; what was quoted before is exactly what comes back, and no less comes back
    /// until the quote says so.
    fn refund(&mut self, which: usize, numbers: &[u16]) {
        let Some((order, account)) = self.order(which) else { return };
        let numbers: TicketNumbers = numbers.iter().copied().collect();
        let wanted = WantedTickets::Named { numbers: &numbers, places: &[] };
        let quote = |now: i64| {
            let order = self.state.order(order).expect("a living order");
            self.state.refund_quote(order, &wanted, Timestamp::from_millis(now))
        };
        let quoted = quote(self.clock).map(|quote| (quote.money(), quote.holds_until));
        if let Ok((money, holds_until)) = quoted {
            let later = quote(holds_until.as_millis() - 1).expect("it holds until then");
            assert!(later.money().minor >= money.minor, "a quote does not hold");
        }
        let (tickets, places, amount) = (numbers.clone(), SeatLabels::new(), None);
        let intent = RefundIntent::RefundTickets { order, tickets, places, amount };
        self.decide(account, &Intent::Refund(intent));
        let step = self.steps.last().unwrap();
        match (quoted, step.outcomes.first()) {
            (
                Ok((money, _)),
                Some(Outcome::Refund(RefundOutcome::TicketsRefunded { lines, .. })),
            ) => {
                let came_back: i64 = lines.iter().map(|line| line.money_minor).sum();
                assert_eq!(came_back, money.minor, "another amount than the quote");
            }
            (Ok(_), Some(Outcome::OrderCancelled { .. })) => (),
            (Err(expected), Some(Outcome::Refused { refusal })) if !self.model.is_called_off => {
                assert_eq!(*refusal, expected, "another refusal than the quote");
            }
            (_, told) => assert!(self.model.is_called_off, "quoted, and then {told:?}"),
        }
    }

    fn ticket(&mut self, account: AccountId, ask: &Ask) {
        let chosen = |which: usize| {
            let holders = &self.model.holders;
            let chosen = holders.iter().nth(which % holders.len().max(1));
            chosen.map(|(ticket, holder)| (*ticket, *holder))
        };
        let (Ask::Offer(which, _)
        | Ask::Accept(which)
        | Ask::EndOffer(which)
        | Ask::In(which)
        | Ask::Out(which)) = ask
        else {
            panic!("{ask:?} is about no ticket")
        };
        let Some((ticket, holder)) = chosen(*which) else { return };
        let scan = shown(ticket);
        let offered_to = self.state.ticket(ticket).and_then(|it| it.offer().map(|offer| offer.to));
        let (who, intent) = match ask {
            Ask::Offer(_, to) => (holder, TicketIntent::Offer { ticket, to: person(*to) }),
            Ask::Accept(_) => (offered_to.unwrap_or(account), TicketIntent::AcceptOffer { ticket }),
            Ask::EndOffer(_) => (holder, TicketIntent::EndOffer { ticket }),
            Ask::In(_) => (AccountId::default(), TicketIntent::CheckIn(scan)),
            _ => (AccountId::default(), TicketIntent::CheckOut(scan)),
        };
        self.decide(who, &Intent::Ticket(intent));
    }

    /// Every attempt has its result.
    pub(crate) fn settle_payments(&mut self) {
        let open = self.model.payments.iter().filter(|attempt| !attempt.is_settled);
        let open: Vec<_> = open.map(|attempt| (attempt.payment, attempt.amount)).collect();
        for (payment, amount) in open {
            self.decide(AccountId::default(), &captured(payment, amount));
        }
    }

    /// Time passes until nothing is due any more.
    pub(crate) fn come_to_rest(&mut self) {
        self.clock += 10 * DAY_MS;
        for _ in 0..1_000 {
            self.ask(0, &Ask::After(0));
            if self.state.due_at().is_none() {
                return;
            }
        }
        panic!("something is due for ever");
    }

    fn decide(&mut self, account: AccountId, intent: &Intent<'_>) {
        self.keys += 1;
        let is_tick = matches!(intent, Intent::Tick);
        let header = Header {
            recorded_at: Timestamp::from_millis(self.clock),
            account,
            key: IntentKey::from_u128(if is_tick { 0 } else { self.keys }),
            fingerprint: 1,
            traceparent: None,
        };
        let mut step = Step::default();
        let record = Record { offset: self.state.next_offset(), header: &header, intent };
        decide(&self.state, &record, &mut step);
        apply(&mut self.state, &step);
        self.model.fold(&step, has_code(intent));
        self.model.check(&self.state);
        self.books.fold(&step);
        self.steps.push(step);
    }
}

fn has_code(intent: &Intent<'_>) -> bool {
    matches!(
        intent,
        Intent::HoldSeats { code: Some(_), .. }
            | Intent::HoldBestAvailable { code: Some(_), .. }
            | Intent::HoldGeneralAdmission { code: Some(_), .. }
            | Intent::HoldStay { code: Some(_), .. }
    )
}

fn place(hold: HoldId, coupon: CouponChoice) -> Intent<'static> {
    Intent::PlaceOrder { hold, coupon: Some(coupon), points_minor: None }
}

fn declined(payment: PaymentId, _: i64) -> Intent<'static> {
    Intent::RecordPaymentResult { payment, result: PaymentResult::Declined { code: "REJECT" } }
}

fn captured(payment: PaymentId, amount: i64) -> Intent<'static> {
    let amount = Money::new(amount, Currency::KRW);
    Intent::RecordPaymentResult { payment, result: PaymentResult::Captured { amount } }
}

fn shown(ticket: TicketId) -> Scan<'static> {
    let (generation, scanned_at, scan) = (None, None, None);
    Scan { performance: SHOW, ticket, generation, gate: "N", scanned_at, scan }
}
