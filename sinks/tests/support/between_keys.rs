//! A sale with a waiting room, coupons and points, told by the three keys that take part: the
//! performance, a campaign that spans performances, and the wallets of its buyers. Each tells its
//! own partition.

use boxoffice_log::memory::MemoryLog;
use boxoffice_topics::coupon::{CampaignScope, CouponReduction, CouponTerms, Discount, Issuer};
use boxoffice_topics::outcome::{CancelReason, EffectName, RefundReason, Seating};
use boxoffice_topics::points::{LotPart, PointsSource};
use boxoffice_topics::reductions::{Awaited, ReservingOrder};
use boxoffice_topics::waiting_room::{LotteryRules, SessionEnd};
use boxoffice_topics::{
    AccountId, CampaignDefinition, CampaignId, CouponId, CouponOutcome, Currency, EntrantsDigest,
    HoldId, IntentId, JoinNumber, LedgerAccount, LedgerLine, LotId, LotterySeed, Message, OrderId,
    Outcome, PartitionId, PaymentId, PerformanceId, Places, PointsOutcome, PointsRule, Posting,
    PostingKind, Reductions, RefundLadder, RefundLine, RefundOutcome, RefundTerms, RefusalCode,
    SeatNumber, SettlementOutcome, SettlementTerms, Slot, TicketId, Timestamp, WaitingRoomOutcome,
    WaitingRoomRules,
};

use super::{BEGIN_MS, Scribe, account, log, small_house, ticket, won};

/// What the places of every order cost.
const PRICE: i64 = 165_000;

/// A log in which everything between keys has happened that can happen: the performance in
/// partition 0, the campaign in 1, the wallets in 2.
pub(crate) async fn told(log_id: u128) -> MemoryLog {
    let log = log(3, log_id);
    let mut sale = Sale::begin(&log);
    sale.waits();
    sale.issues();
    sale.buys_with_a_coupon();
    sale.buys_with_both_and_gives_back();
    sale.is_not_placed();
    sale.lets_a_local_coupon_go();
    sale.owes_points();
    sale.pays_with_points_alone();
    sale.still_waits();
    super::inventory::tell(&mut sale.hall, PerformanceId::from_u128(78));
    sale.is_called_off();
    for scribe in [&mut sale.hall, &mut sale.desk, &mut sale.purse] {
        scribe.write().await;
    }
    log
}

/// Who tells what, and what was told so far.
struct Sale {
    /// The performance.
    hall: Scribe,
    /// The spanning campaign.
    desk: Scribe,
    /// The wallets.
    purse: Scribe,
    performance: PerformanceId,
    spanning: CampaignId,
    local: CampaignId,
    /// Coupons of the spanning campaign, then one of the local campaign.
    coupons: Vec<CouponId>,
    seats: u32,
    /// The order that asked last, and when it asked first.
    asking: Option<(OrderId, Timestamp)>,
}

impl Sale {
    fn begin(log: &MemoryLog) -> Self {
        let performance = PerformanceId::from_u128(77);
        let mut hall = Scribe::new(log, 0, Slot::of(performance));
        let definition = Box::new(small_house(performance.as_u128()));
        hall.decide(vec![Outcome::PerformanceCreated { definition }]);
        let rule = PointsRule { earned_basis_points: 100, earned_days: 365, restored_days: 30 };
        hall.decide(vec![PointsOutcome::RuleSet { performance, rule }.into()]);
        let desk = Scribe::new(log, 1, Slot::new(1).unwrap());
        Self {
            spanning: CampaignId(desk.next_id()),
            local: CampaignId(hall.next_id()),
            hall,
            desk,
            purse: Scribe::new(log, 2, Slot::of_account(account(2))),
            performance,
            coupons: Vec::new(),
            seats: 0,
            asking: None,
        }
    }

    fn waits(&mut self) {
        let performance = self.performance;
        let rules = rules();
        // The first campaign of this partition is named before.
        self.creates_local();
        let room = |outcome| Outcome::WaitingRoom(outcome);
        let place = |buyer, number| (account(buyer), JoinNumber(number));
        let set = |rules| room(WaitingRoomOutcome::Set { performance, rules });
        self.hall.decide(vec![set(Some(rules))]);
        for (buyer, number) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
            let (account, number) = place(buyer, number);
            let joined = WaitingRoomOutcome::Joined { performance, account, number };
            self.hall.decide(vec![room(joined)]);
        }
        let (account, number) = place(1, 0);
        for sign in [
            WaitingRoomOutcome::Seen { performance, account, number },
            WaitingRoomOutcome::Left { performance, account, number },
            WaitingRoomOutcome::Returned { performance, account, number },
        ] {
            self.hall.decide(vec![room(sign)]);
        }
        let digest = EntrantsDigest::from_bytes([5; 32]);
        let draw_by = Timestamp::from_millis(BEGIN_MS + 60_000);
        let closed =
            WaitingRoomOutcome::LotteryClosed { performance, entrants: 4, digest, draw_by };
        self.hall.decide(vec![room(closed)]);
        let seed = Some(seed());
        self.hall.decide(vec![room(WaitingRoomOutcome::LotteryDrawn { performance, seed })]);
        self.calls();
        let slower = WaitingRoomRules { admissions_per_minute: 0, ..rules };
        self.hall.decide(vec![set(Some(slower))]);
        self.hall.decide(vec![set(None)]);
    }

    /// One tick calls four; one of them misses it, joins again, and again.
    fn calls(&mut self) {
        let performance = self.performance;
        let session_ends_at = self.hall.now().plus_millis(600_000);
        let admitted = |buyer, number| {
            let (account, number) = (account(buyer), JoinNumber(number));
            Outcome::WaitingRoom(WaitingRoomOutcome::Admitted {
                performance,
                account,
                number,
                session_ends_at,
            })
        };
        let ended = |buyer, end| {
            let account = account(buyer);
            Outcome::WaitingRoom(WaitingRoomOutcome::SessionEnded { performance, account, end })
        };
        let joined = |buyer, number| {
            let (account, number) = (account(buyer), JoinNumber(number));
            Outcome::WaitingRoom(WaitingRoomOutcome::Joined { performance, account, number })
        };
        let (late, number) = (account(3), JoinNumber(2));
        let missed = WaitingRoomOutcome::Missed { performance, account: late, number };
        self.hall.decide(vec![
            admitted(1, 0),
            admitted(2, 1),
            Outcome::WaitingRoom(missed),
            admitted(4, 3),
        ]);
        let inside = account(1);
        let inside = WaitingRoomOutcome::Inside { performance, account: inside, session_ends_at };
        self.hall.decide(vec![Outcome::WaitingRoom(inside)]);
        self.hall.decide(vec![ended(1, SessionEnd::Bought)]);
        self.hall.decide(vec![joined(3, 4)]);
        self.hall.decide(vec![admitted(3, 4), ended(2, SessionEnd::Expired)]);
        self.hall.decide(vec![ended(3, SessionEnd::Left)]);
        self.hall.decide(vec![joined(3, 5)]);
        self.hall.decide(vec![admitted(3, 5)]);
    }

    fn creates_local(&mut self) {
        let campaign = self.local;
        let scope = CampaignScope::Performance { performance: self.performance };
        let definition = Box::new(CampaignDefinition { scope, ..public() });
        self.hall.decide(vec![CouponOutcome::CampaignCreated { campaign, definition }.into()]);
        self.hall.decide(vec![CouponOutcome::CampaignPaused { campaign }.into()]);
        self.hall.decide(vec![CouponOutcome::CampaignResumed { campaign }.into()]);
    }

    /// Two coupons under the first terms, one under others, and one of the local campaign.
    fn issues(&mut self) {
        let (campaign, performance) = (self.spanning, self.performance);
        let performances = vec![performance, PerformanceId::from_u128(78)];
        let scope = CampaignScope::Performances { slot: Slot::new(1).unwrap(), performances };
        let code = Some("WHALE".to_owned());
        let definition = Box::new(CampaignDefinition { scope, code, ..public() });
        let terms = Box::new(definition.terms.clone());
        let announced = Message::CampaignAnnounced { performance, campaign, version: 0, terms };
        let created = CouponOutcome::CampaignCreated { campaign, definition: definition.clone() };
        self.desk.decide(vec![created.into(), Outcome::MessageSent { message: announced.clone() }]);
        let Message::CampaignAnnounced { version, terms, .. } = announced else { unreachable!() };
        let known = CouponOutcome::Announced { performance, campaign, version, terms };
        self.hall.decide(vec![received(1, 1, 1), known.into()]);
        self.issue(1, 0, 1);
        self.issue(2, 0, 2);
        let terms = CouponTerms {
            reduction: CouponReduction::Percent { basis_points: 1_000, cap_minor: Some(12_000) },
            price_levels: vec!["R".into(), "S".into()],
            issuer: Issuer::Platform,
            uses: 1,
            returned_on_refund: false,
            ..definition.terms.clone()
        };
        let changed = Box::new(CampaignDefinition { terms, quantity: 50, ..*definition });
        let version = 1;
        let changed = CouponOutcome::CampaignChanged { campaign, definition: changed, version };
        self.desk.decide(vec![changed.into()]);
        self.issue(3, 1, 3);
        self.desk.decide(vec![CouponOutcome::CampaignPaused { campaign }.into()]);
        let coupon = CouponId(self.hall.next_id());
        let (campaign, account, version, number) = (self.local, account(4), 0, 1);
        let issued = CouponOutcome::Issued { coupon, campaign, account, version, number };
        self.hall.decide(vec![issued.into()]);
        self.coupons.push(coupon);
    }

    /// A coupon of the spanning campaign, of which the performance is told.
    fn issue(&mut self, buyer: u128, version: u16, number: u32) {
        let (performance, campaign, account) = (self.performance, self.spanning, account(buyer));
        let coupon = CouponId(self.desk.next_id());
        let message = Message::CouponGranted { performance, campaign, version, coupon, account };
        self.desk.decide(vec![
            CouponOutcome::Issued { coupon, campaign, account, version, number }.into(),
            Outcome::MessageSent { message },
        ]);
        let granted = CouponOutcome::Granted { performance, campaign, version, coupon, account };
        self.hall.decide(vec![received(1, 2, 1), granted.into()]);
        self.coupons.push(coupon);
    }

    fn discount(&self, coupon: usize, issuer: Issuer, minor: i64) -> Discount {
        let campaign = if coupon == 3 { self.local } else { self.spanning };
        Discount { coupon: self.coupons[coupon], campaign, issuer, amount: won(minor) }
    }

    fn is_called_off(&mut self) {
        let (performance, version) = (self.performance, 1);
        let ladder = Some(RefundLadder::korean(4_000));
        let terms = Box::new(RefundTerms { ladder, booking_fee_minor: 2_000 });
        self.hall.decide(vec![RefundOutcome::TermsSet { performance, version, terms }.into()]);
        let fees = SettlementTerms { platform_fee_basis_points: 500, ..SettlementTerms::default() };
        let set = SettlementOutcome::TermsSet { performance, version, terms: fees };
        self.hall.decide(vec![set.into()]);
        self.hall.decide(vec![RefundOutcome::PerformanceCancelled { performance }.into()]);
    }

    fn hold(&mut self, buyer: u128) -> HoldId {
        let hold = HoldId(self.hall.next_id());
        let expires_at = self.hall.now().plus_millis(300_000);
        self.seats += 1;
        self.hall.decide(vec![Outcome::Held {
            hold,
            performance: self.performance,
            account: account(buyer),
            places: self.seat(),
            total: won(PRICE),
            expires_at,
            seating: Seating::AsAsked,
        }]);
        hold
    }

    /// The seat that was held last.
    fn seat(&self) -> Places {
        let seats = [SeatNumber(self.seats - 1)].into_iter().collect();
        Places { seats, ..Places::default() }
    }

    /// The order of a hold waits.
    fn asks(
        &mut self,
        buyer: u128,
        order: OrderId,
        hold: HoldId,
        discount: Option<Discount>,
        points: Option<i64>,
    ) {
        let now = self.hall.now();
        let (_, since) = *self.asking.insert(match self.asking {
            Some((asking, since)) if asking == order => (order, since),
            _ => (order, now),
        });
        let waits = ReservingOrder {
            order,
            hold,
            performance: self.performance,
            account: account(buyer),
            price: won(PRICE),
            discount,
            any_coupon: true,
            awaits: if points.is_some() { Awaited::Points } else { Awaited::Coupon },
            deadline: now.plus_millis(10_000),
            points_wanted_minor: points.unwrap_or(0),
            points: points.map(won),
            since,
        };
        let message = match (points, discount) {
            (Some(minor), _) => {
                let (account, amount) = (account(buyer), won(minor));
                Message::ReservePoints { account, order, amount }
            }
            (None, Some(Discount { coupon, .. })) => {
                Message::ReserveCoupon { coupon, order, account: account(buyer) }
            }
            (None, None) => panic!("asks for nothing"),
        };
        self.hall.decide(vec![Outcome::OrderReserving(waits), Outcome::MessageSent { message }]);
    }

    fn placed(
        &self,
        buyer: u128,
        order: OrderId,
        hold: HoldId,
        discount: Option<Discount>,
        points: Option<i64>,
    ) -> Outcome {
        let points = points.map(won);
        let reductions = Reductions { price: won(PRICE), discount, points, booking_fee: None };
        Outcome::OrderPlaced {
            order,
            hold,
            performance: self.performance,
            account: account(buyer),
            total: reductions.total(),
            pay_by: self.hall.now().plus_millis(600_000),
            reductions: Some(Box::new(reductions)),
        }
    }

    fn confirmed(
        &self,
        buyer: u128,
        order: OrderId,
        payment: Option<PaymentId>,
        earned: Option<i64>,
    ) -> Outcome {
        Outcome::OrderConfirmed {
            order,
            payment,
            performance: self.performance,
            account: account(buyer),
            places: self.seat(),
            reseated: false,
            earned: earned.map(won),
        }
    }

    /// The order is paid with money and earns points.
    fn is_paid(&mut self, buyer: u128, order: OrderId, minor: i64, earned: i64) -> PaymentId {
        let payment = PaymentId(self.hall.next_id());
        let (amount, payment_key) = (won(minor), "key".into());
        self.hall.decide(vec![Outcome::PaymentRequested { payment, order, amount, payment_key }]);
        let confirmed = self.confirmed(buyer, order, Some(payment), Some(earned));
        let captured = Outcome::PaymentCaptured { payment, order, amount };
        self.hall.decide(vec![captured, confirmed, posted(self.performance, order, minor)]);
        payment
    }

    fn uses(&mut self, outcome: CouponOutcome) {
        self.desk.decide(vec![received(0, 1, 1), outcome.into()]);
    }

    fn moves(&mut self, outcome: PointsOutcome) {
        self.purse.decide(vec![received(0, 1, 1), outcome.into()]);
    }

    fn credits(
        &mut self,
        buyer: u128,
        minor: i64,
        debt_paid_minor: i64,
        source: PointsSource,
    ) -> LotId {
        let (account, lot, amount) = (account(buyer), LotId(self.purse.next_id()), won(minor));
        let expires_at = self.purse.now().plus_days(30);
        let credited =
            PointsOutcome::Credited { account, lot, amount, debt_paid_minor, expires_at, source };
        self.moves(credited);
        lot
    }

    fn buys_with_a_coupon(&mut self) {
        let hold = self.hold(1);
        let (order, coupon) = (OrderId(self.hall.next_id()), self.coupons[0]);
        let discount = Some(self.discount(0, Issuer::Promoter, 10_000));
        self.asks(1, order, hold, discount, None);
        self.uses(CouponOutcome::Reserved { coupon, order });
        let placed = self.placed(1, order, hold, discount, None);
        self.hall.decide(vec![received(1, 1, 1), placed]);
        self.is_paid(1, order, 155_000, 1_550);
        self.uses(CouponOutcome::Used { coupon, order });
        self.credits(1, 1_550, 0, PointsSource::Earned(order));
    }

    fn buys_with_both_and_gives_back(&mut self) {
        let (buyer, coupon) = (2, self.coupons[1]);
        let first = self.credits(buyer, 3_000, 0, PointsSource::Granted);
        let second = self.credits(buyer, 4_000, 0, PointsSource::Granted);
        let hold = self.hold(buyer);
        let order = OrderId(self.hall.next_id());
        let discount = Some(self.discount(1, Issuer::Promoter, 10_000));
        self.asks(buyer, order, hold, discount, None);
        self.uses(CouponOutcome::Reserved { coupon, order });
        self.asks(buyer, order, hold, discount, Some(5_000));
        let (account, amount) = (account(buyer), won(5_000));
        let parts =
            vec![LotPart { lot: first, minor: 3_000 }, LotPart { lot: second, minor: 2_000 }];
        self.moves(PointsOutcome::Reserved { account, order, amount, parts });
        let placed = self.placed(buyer, order, hold, discount, Some(5_000));
        self.hall.decide(vec![received(2, 1, 1), placed]);
        let payment = self.is_paid(buyer, order, 150_000, 1_500);
        self.uses(CouponOutcome::Used { coupon, order });
        self.moves(PointsOutcome::Committed { account, order, amount });
        self.credits(buyer, 1_500, 0, PointsSource::Earned(order));

        let partition = PartitionId::new(0).unwrap();
        let refund = EffectName::new(partition, self.hall.next_offset(), 1);
        let (amount, payment_key) = (won(150_000), "key".into());
        let reason = RefundReason::OrderCancelled;
        self.hall.decide(vec![
            Outcome::OrderCancelled { order, account, reason: CancelReason::ByBuyer },
            Outcome::RefundRequested { refund, payment, order, amount, payment_key, reason },
            ticket_back(order, account),
        ]);
        self.uses(CouponOutcome::Returned { coupon, order });
        self.credits(buyer, 5_000, 0, PointsSource::Restored(order));
        let parts = vec![LotPart { lot: second, minor: 1_500 }];
        let amount = won(1_500);
        self.moves(PointsOutcome::TakenBack { account, order, amount, parts, debt_minor: 0 });
        let amount = won(500);
        let expired = PointsOutcome::Expired { account, lot: second, amount };
        self.purse.decide(vec![expired.into()]);
        let amount = won(150_000);
        self.hall.decide(vec![Outcome::PaymentRefunded { refund, payment, order, amount }]);
    }

    /// The wallet has not enough, and the coupon goes back.
    fn is_not_placed(&mut self) {
        let (buyer, coupon) = (3, self.coupons[2]);
        let hold = self.hold(buyer);
        let order = OrderId(self.hall.next_id());
        let discount = Some(self.discount(2, Issuer::Platform, 12_000));
        self.asks(buyer, order, hold, discount, None);
        self.uses(CouponOutcome::Reserved { coupon, order });
        self.asks(buyer, order, hold, discount, Some(9_000));
        let refused = Message::PointsRefused { order, code: RefusalCode::PointsInsufficient };
        self.purse.decide(vec![received(0, 1, 1), Outcome::MessageSent { message: refused }]);
        let (account, reason) = (account(buyer), RefusalCode::PointsInsufficient);
        let hold_expires_at = self.hall.now().plus_millis(123_000);
        self.hall.decide(vec![
            received(2, 1, 1),
            Outcome::OrderNotPlaced { order, hold, account, reason, hold_expires_at },
        ]);
        self.uses(CouponOutcome::Released { coupon, order });
    }

    fn lets_a_local_coupon_go(&mut self) {
        let (buyer, coupon) = (4, self.coupons[3]);
        let hold = self.hold(buyer);
        let order = OrderId(self.hall.next_id());
        let discount = Some(self.discount(3, Issuer::Promoter, 10_000));
        let placed = self.placed(buyer, order, hold, discount, None);
        self.hall.decide(vec![placed, CouponOutcome::Reserved { coupon, order }.into()]);
        let (account, reason) = (account(buyer), CancelReason::Expired);
        self.hall.decide(vec![
            Outcome::OrderCancelled { order, account, reason },
            CouponOutcome::Released { coupon, order }.into(),
        ]);
    }

    /// What an order had earned is taken back when it is spent: what comes later pays for it.
    fn owes_points(&mut self) {
        let (buyer, account) = (5, account(5));
        let lot = self.credits(buyer, 3_000, 0, PointsSource::Granted);
        let order = OrderId(self.hall.next_id());
        let (amount, parts) = (won(2_000), vec![LotPart { lot, minor: 2_000 }]);
        self.moves(PointsOutcome::Reserved { account, order, amount, parts });
        let (amount, parts) = (won(2_500), vec![LotPart { lot, minor: 1_000 }]);
        let other = OrderId(id_elsewhere());
        let taken =
            PointsOutcome::TakenBack { account, order: other, amount, parts, debt_minor: 1_500 };
        self.moves(taken);
        let amount = won(2_000);
        self.moves(PointsOutcome::Released { account, order, amount, debt_paid_minor: 1_500 });
        let (amount, parts) = (won(700), vec![LotPart { lot, minor: 500 }]);
        let taken =
            PointsOutcome::TakenBack { account, order: other, amount, parts, debt_minor: 200 };
        self.moves(taken);
        self.credits(buyer, 1_000, 200, PointsSource::Granted);
    }

    fn pays_with_points_alone(&mut self) {
        let (buyer, account, amount) = (6, account(6), won(PRICE));
        let lot = self.credits(buyer, PRICE, 0, PointsSource::Granted);
        let hold = self.hold(buyer);
        let order = OrderId(self.hall.next_id());
        self.asks(buyer, order, hold, None, Some(PRICE));
        let parts = vec![LotPart { lot, minor: PRICE }];
        self.moves(PointsOutcome::Reserved { account, order, amount, parts });
        let placed = self.placed(buyer, order, hold, None, Some(PRICE));
        let confirmed = self.confirmed(buyer, order, None, None);
        self.hall.decide(vec![received(2, 1, 1), placed, confirmed]);
        self.moves(PointsOutcome::Committed { account, order, amount });
        let ticket = TicketId { order, number: 1 };
        ticket::passes_on(&mut self.hall, self.performance, ticket);
    }

    /// The second use of a coupon is asked for, and points after it.
    fn still_waits(&mut self) {
        let (buyer, coupon) = (1, self.coupons[0]);
        let hold = self.hold(buyer);
        let order = OrderId(self.hall.next_id());
        let discount = Some(self.discount(0, Issuer::Promoter, 10_000));
        self.asks(buyer, order, hold, discount, None);
        self.uses(CouponOutcome::Reserved { coupon, order });
        self.asks(buyer, order, hold, discount, Some(50));
    }
}

/// The rules of the room.
fn rules() -> WaitingRoomRules {
    let commitment = seed().commitment();
    WaitingRoomRules {
        admissions_per_minute: 600,
        active_buyers_max: 1_000,
        session_ms: 600_000,
        grace_ms: 300_000,
        lottery: Some(LotteryRules { commitment, closes_before_ms: 0, draw_within_ms: 60_000 }),
    }
}

fn seed() -> LotterySeed {
    LotterySeed::from_bytes([7; 32])
}

/// A campaign without a code.
fn public() -> CampaignDefinition {
    CampaignDefinition {
        name: "Early whales".into(),
        scope: CampaignScope::Performance { performance: PerformanceId::from_u128(77) },
        code: None,
        opens_at: Timestamp::from_millis(BEGIN_MS),
        closes_at: Timestamp::from_millis(BEGIN_MS + 3_600_000),
        quantity: 100,
        account_limit: 1,
        terms: CouponTerms {
            reduction: CouponReduction::Fixed { amount_minor: 10_000 },
            currency: Currency::KRW,
            minimum_spend_minor: 50_000,
            price_levels: Vec::new(),
            issuer: Issuer::Promoter,
            uses: 2,
            expires_at: Timestamp::from_millis(BEGIN_MS + 7_200_000),
            returned_on_refund: true,
        },
    }
}

/// A message from some place of a partition.
fn received(partition: u16, offset: u64, index: u16) -> Outcome {
    let partition = PartitionId::new(partition).unwrap();
    let from = EffectName::new(partition, boxoffice_topics::Offset::new(offset), index);
    Outcome::MessageReceived { from }
}

/// Something of another performance.
fn id_elsewhere() -> IntentId {
    let partition = PartitionId::new(0).unwrap();
    IntentId::new(Slot::new(9).unwrap(), partition, boxoffice_topics::Offset::new(1))
}

/// The first ticket of an order goes back, and nothing is kept of it.
fn ticket_back(order: OrderId, account: AccountId) -> Outcome {
    let line = RefundLine {
        ticket: 1,
        price_minor: PRICE,
        discount_minor: 10_000,
        booking_fee_minor: 0,
        kept_minor: 0,
        money_minor: 150_000,
        points_minor: 5_000,
        earned_minor: 1_500,
    };
    let (currency, terms, lines) = (Currency::KRW, Some(1), vec![line]);
    RefundOutcome::TicketsRefunded { order, account, currency, terms, lines }.into()
}

/// What money that buys an order means.
fn posted(performance: PerformanceId, order: OrderId, minor: i64) -> Outcome {
    let posting = |cause, kind, debited, credited| {
        let line = |account, amount_minor| LedgerLine { account, amount_minor };
        let lines = vec![line(debited, minor), line(credited, -minor)];
        Posting { cause, kind, performance, order, currency: Currency::KRW, lines }
    };
    let (cash, owed) = (LedgerAccount::ProviderCash, LedgerAccount::BuyerMoney);
    let postings = vec![
        posting(0, PostingKind::Capture, cash, owed),
        posting(1, PostingKind::Sale, owed, LedgerAccount::TicketSales),
    ];
    SettlementOutcome::Posted { postings }.into()
}
