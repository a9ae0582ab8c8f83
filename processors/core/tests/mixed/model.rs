//! What outcomes say, folded without the core, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_core::{SeatState, State};
use boxoffice_topics::outcome::{CancelReason, EffectName};
use boxoffice_topics::{
    AccountId, CouponId, HoldId, InventoryOutcome, OrderId, Outcome, PaymentId, Places, RefundLine,
    RefundOutcome, SeatNumber, SectionNumber, Step, TicketId, TicketOutcome,
};

use crate::house::{
    ACCESSIBLE, ACCOUNT_SEATS_MAX, CODE_USES_MAX, COMPANIONS, COUNTED, LABELS, SHOW, TABLE,
};

/// One place of a hold or of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Seat(u32),
    In { section: u16, of_channel: bool },
}

/// The places of a hold or of an order, with the numbers of their tickets.
#[derive(Clone, Debug)]
pub(crate) struct Had {
    pub(crate) account: AccountId,
    places: BTreeMap<u16, Place>,
    uses_code: bool,
}

impl Had {
    fn new(account: AccountId, of: &Places) -> Self {
        let seats = of.seats.iter().map(|seat| Place::Seat(seat.0));
        let counted = of.quantities.iter().enumerate().flat_map(|(item, place)| {
            let of_channel = of.channel.is_some_and(|channel| channel.has(item));
            let section = place.section.0;
            std::iter::repeat_n(Place::In { section, of_channel }, place.quantity.into())
        });
        let places = (1..).zip(seats.chain(counted)).collect();
        Self { account, places, uses_code: of.channel.is_some() }
    }

    fn seats(&self) -> impl Iterator<Item = u32> {
        self.places.values().filter_map(|place| match place {
            Place::Seat(seat) => Some(*seat),
            Place::In { .. } => None,
        })
    }
}

/// One attempt to pay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) payment: PaymentId,
    pub(crate) amount: i64,
    captured: i64,
    given_back: i64,
    pub(crate) is_settled: bool,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) holds: BTreeMap<HoldId, Had>,
    /// Orders that live: placed, being paid, confirmed.
    pub(crate) orders: BTreeMap<OrderId, Had>,
    pub(crate) totals: BTreeMap<OrderId, i64>,
    /// What is left of the money of confirmed orders.
    confirmed: BTreeMap<OrderId, i64>,
    /// Orders of which tickets went back by the ladder.
    has_kept: BTreeSet<OrderId>,
    coupons: BTreeMap<OrderId, CouponId>,
    pub(crate) payments: Vec<Attempt>,
    pub(crate) refunds: Vec<(EffectName, PaymentId, i64)>,
    kept: i64,
    pub(crate) holders: BTreeMap<TicketId, AccountId>,
    inside: BTreeMap<TicketId, bool>,
    aside: BTreeSet<u32>,
    aside_counts: BTreeMap<u16, u32>,
    is_released: bool,
    companions_released: bool,
    pub(crate) is_called_off: bool,
}

impl Model {
    fn living(&self) -> impl Iterator<Item = &Had> {
        self.holds.values().chain(self.orders.values())
    }

    pub(crate) fn fold(&mut self, step: &Step, has_code: bool) {
        for outcome in &step.outcomes {
            match outcome {
                Outcome::Held { .. }
                | Outcome::HoldReleased { .. }
                | Outcome::HoldExpired { .. }
                | Outcome::HoldRenewed { .. } => self.fold_hold(outcome, has_code),
                Outcome::Refund(outcome) => self.fold_refund(outcome),
                Outcome::Ticket(outcome) => self.fold_ticket(outcome),
                Outcome::Inventory(outcome) => self.fold_inventory(outcome),
                Outcome::PaymentRequested { .. }
                | Outcome::PaymentCaptured { .. }
                | Outcome::PaymentDeclined { .. }
                | Outcome::RefundRequested { .. } => self.fold_payment(outcome),
                _ => self.fold_order(outcome),
            }
        }
    }

    fn fold_hold(&mut self, outcome: &Outcome, has_code: bool) {
        match outcome {
            Outcome::Held { hold, account, places, .. } => {
                assert!(!self.is_called_off, "something is held of what will not be shown");
                let had = Had::new(*account, places);
                assert!(has_code || !had.uses_code, "a channel's places without its code");
                let kept = |seat: u32| self.aside.contains(&seat) && !has_code;
                assert!(!had.seats().any(kept), "a channel's seat without its code");
                self.take_counted(&had);
                self.holds.insert(*hold, had);
            }
            Outcome::HoldReleased { hold } | Outcome::HoldExpired { hold, .. } => {
                let had = self.holds.remove(hold).expect("a hold ends once");
                self.give_back(had.places.values().copied());
            }
            _ => assert!(!self.is_called_off, "a hold is renewed of what will not be shown"),
        }
    }

    fn fold_order(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::OrderPlaced { order, hold, total, reductions, .. } => {
                assert!(!self.is_called_off, "something is ordered of what will not be shown");
                let held = self.holds.remove(hold).expect("an order comes from a hold");
                self.orders.insert(*order, held);
                self.totals.insert(*order, total.minor);
                assert!(total.minor >= 0, "an order costs less than nothing");
                let discount = reductions.as_ref().and_then(|it| it.discount);
                if let Some(discount) = discount {
                    let is_taken = self.coupons.values().any(|other| *other == discount.coupon);
                    assert!(!is_taken, "a coupon is in two orders");
                    self.coupons.insert(*order, discount.coupon);
                }
            }
            Outcome::OrderConfirmed { order, account, places, reseated, .. } => {
                assert!(!self.is_called_off, "something is sold of what will not be shown");
                let had = Had::new(*account, places);
                let numbers: Vec<u16> = had.places.keys().copied().collect();
                if *reseated {
                    self.take_counted(&had);
                }
                let before = self.orders.insert(*order, had);
                assert_eq!(before.is_none(), *reseated, "only a dead order is seated again");
                self.confirmed.insert(*order, self.totals[order]);
                for number in numbers {
                    let ticket = TicketId { order: *order, number };
                    assert_eq!(self.holders.insert(ticket, *account), None, "issued twice");
                }
            }
            Outcome::OrderCancelled { order, reason, .. } => self.end_order(*order, *reason),
            _ => (),
        }
    }

    fn end_order(&mut self, order: OrderId, reason: CancelReason) {
        let had = self.orders.remove(&order).expect("an order ends once");
        for number in had.places.keys() {
            self.end_ticket(TicketId { order, number: *number }, had.account, reason);
        }
        self.give_back(had.places.values().copied());
        self.coupons.remove(&order);
        let left = self.confirmed.remove(&order).unwrap_or(0);
        self.kept += if self.has_kept.remove(&order) { left } else { 0 };
    }

    /// A buyer gives only own, unused tickets back; a performance that is not shown takes all.
    fn end_ticket(&mut self, ticket: TicketId, buyer: AccountId, reason: CancelReason) {
        let holder = self.holders.remove(&ticket);
        let was_used = self.inside.remove(&ticket).is_some();
        let by_buyer = holder.is_some() && reason != CancelReason::PerformanceCancelled;
        assert!(!by_buyer || holder == Some(buyer), "another's ticket goes back");
        assert!(!by_buyer || !was_used, "a used ticket goes back");
    }

    fn fold_refund(&mut self, outcome: &RefundOutcome) {
        match outcome {
            RefundOutcome::TicketsRefunded { order, lines, .. } => {
                lines.iter().for_each(|line| self.ticket_back(*order, line));
            }
            RefundOutcome::PerformanceCancelled { .. } => self.is_called_off = true,
            RefundOutcome::TermsSet { .. } => (),
        }
    }

    fn ticket_back(&mut self, order: OrderId, line: &RefundLine) {
        let paid = line.price_minor - line.discount_minor + line.booking_fee_minor;
        assert_eq!(paid - line.kept_minor, line.money_minor + line.points_minor, "{line:?}");
        assert!(line.kept_minor >= 0 && line.money_minor >= 0, "{line:?}");
        let had = self.orders.get_mut(&order).expect("only sold tickets go back");
        let place = had.places.remove(&line.ticket).expect("a ticket goes back once");
        let buyer = had.account;
        self.give_back([place]);
        let reason = if self.is_called_off {
            CancelReason::PerformanceCancelled
        } else {
            CancelReason::ByBuyer
        };
        self.end_ticket(TicketId { order, number: line.ticket }, buyer, reason);
        *self.confirmed.get_mut(&order).expect("it is confirmed") -= line.money_minor;
        self.has_kept.insert(order);
    }

    fn fold_payment(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::PaymentRequested { payment, amount, .. } => {
                assert!(!self.is_called_off, "money is asked for what will not be shown");
                let (payment, amount) = (*payment, amount.minor);
                let (captured, given_back, is_settled) = (0, 0, false);
                self.payments.push(Attempt { payment, amount, captured, given_back, is_settled });
            }
            Outcome::PaymentCaptured { payment, amount, .. } => {
                let attempt = self.attempt(*payment);
                assert_eq!(attempt.captured, 0, "money of one attempt is taken twice");
                (attempt.captured, attempt.is_settled) = (amount.minor, true);
            }
            Outcome::PaymentDeclined { payment, .. } => self.attempt(*payment).is_settled = true,
            Outcome::RefundRequested { refund, payment, amount, .. } => {
                let attempt = self.attempt(*payment);
                attempt.given_back += amount.minor;
                assert!(attempt.given_back <= attempt.captured, "more goes back than was taken");
                self.refunds.push((*refund, *payment, amount.minor));
            }
            _ => (),
        }
    }

    fn attempt(&mut self, payment: PaymentId) -> &mut Attempt {
        let mut attempts = self.payments.iter_mut();
        attempts.find(|attempt| attempt.payment == payment).expect("an attempt")
    }

    fn fold_ticket(&mut self, outcome: &TicketOutcome) {
        match outcome {
            TicketOutcome::Transferred { ticket, from, to, .. } => {
                assert_eq!(self.holders.insert(*ticket, *to), Some(*from));
                assert_eq!(self.inside.get(ticket), None, "a used ticket is passed on");
            }
            TicketOutcome::CheckedIn { ticket, .. } => {
                assert!(self.holders.contains_key(ticket), "nobody has the ticket");
                assert_ne!(self.inside.insert(*ticket, true), Some(true), "twice inside");
            }
            TicketOutcome::CheckedOut { ticket, .. } => {
                assert_eq!(self.inside.insert(*ticket, false), Some(true));
            }
            _ => (),
        }
    }

    fn fold_inventory(&mut self, outcome: &InventoryOutcome) {
        match outcome {
            InventoryOutcome::ChannelSet { .. } => (),
            InventoryOutcome::SetAside { seats, places, .. } => {
                for seat in seats.iter().flat_map(|range| range.iter()) {
                    let is_owned = self.living().any(|had| had.seats().any(|it| it == seat.0));
                    assert!(!is_owned, "{seat:?} is set aside and somebody has it");
                    assert!(self.aside.insert(seat.0), "{seat:?} is set aside twice");
                }
                for places in places {
                    *self.aside_counts.entry(places.section.0).or_default() += places.quantity;
                }
                self.is_released = false;
            }
            InventoryOutcome::Released { seats, places, is_all, .. } => {
                for seat in seats.iter().flat_map(|range| range.iter()) {
                    assert!(self.aside.remove(&seat.0), "{seat:?} was not set aside");
                }
                for places in places {
                    self.take_aside(places.section.0, places.quantity);
                }
                self.is_released = *is_all;
                let nothing_left =
                    self.aside.is_empty() && self.aside_counts.values().all(|left| *left == 0);
                assert!(!is_all || nothing_left, "something is left");
            }
            InventoryOutcome::CompanionsReleased { .. } => self.companions_released = true,
        }
    }

    fn take_counted(&mut self, had: &Had) {
        for place in had.places.values() {
            if let Place::In { section, of_channel: true } = place {
                self.take_aside(*section, 1);
            }
        }
    }

    fn take_aside(&mut self, section: u16, quantity: u32) {
        let left = self.aside_counts.entry(section).or_default();
        *left = left.checked_sub(quantity).expect("a channel gives no more than it has");
    }

    fn give_back(&mut self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            if let Place::In { section, of_channel: true } = place
                && !self.is_released
            {
                *self.aside_counts.entry(section).or_default() += 1;
            }
        }
    }
}

/// What must be true after each step.
impl Model {
    pub(crate) fn check(&self, state: &State) {
        self.check_seats(state);
        self.check_counts(state);
        self.check_parties();
        self.check_accounts(state);
        self.check_money();
    }

    fn check_seats(&self, state: &State) {
        let show = state.performance(SHOW).unwrap();
        let owned: Vec<u32> = self.living().flat_map(Had::seats).collect();
        let once: BTreeSet<u32> = owned.iter().copied().collect();
        assert_eq!(owned.len(), once.len(), "a seat has two owners");
        let mut free = 0;
        for seat in 0..u32::try_from(LABELS.len()).unwrap() {
            let expected_free = !once.contains(&seat) && !self.aside.contains(&seat);
            let is_free = show.seat_state(SeatNumber(seat)) == Some(SeatState::Free);
            assert_eq!(is_free, expected_free, "seat {seat}");
            free += u32::from(is_free);
        }
        assert_eq!(show.remaining(SectionNumber(0)), free);
        let uses = self.living().filter(|had| had.uses_code).count();
        if let Some(channel) = show.channels().next() {
            assert_eq!(channel.uses() as usize, uses, "uses of the code");
            assert!(channel.uses() <= CODE_USES_MAX, "a use of the code too many");
        }
    }

    fn check_counts(&self, state: &State) {
        let show = state.performance(SHOW).unwrap();
        let places = || self.living().flat_map(|had| had.places.values());
        for (section, capacity) in COUNTED {
            let is_here =
                |place: &&Place| matches!(place, Place::In { section: it, .. } if *it == section);
            let owned = u32::try_from(places().filter(is_here).count()).unwrap();
            let aside = self.aside_counts.get(&section).copied().unwrap_or(0);
            let remaining = show.remaining(SectionNumber(section));
            assert_eq!(remaining + owned + aside, capacity, "section {section}");
        }
    }

    /// What a hold or an order has could have been bought like that.
    fn check_parties(&self) {
        for had in self.living() {
            let seats: BTreeSet<u32> = had.seats().collect();
            let of_table = TABLE.iter().filter(|seat| seats.contains(seat)).count();
            assert!(of_table == 0 || of_table == TABLE.len(), "part of a table: {had:?}");
            let has_companion = COMPANIONS.iter().any(|seat| seats.contains(seat));
            let is_alone = has_companion && !seats.contains(&ACCESSIBLE);
            assert!(!is_alone || self.companions_released, "a companion is alone: {had:?}");
        }
    }

    fn check_accounts(&self, state: &State) {
        let show = state.performance(SHOW).unwrap();
        let mut counts: BTreeMap<AccountId, u32> = BTreeMap::new();
        let unsold = self.orders.iter().filter(|(id, _)| !self.confirmed.contains_key(*id));
        for had in self.holds.values().chain(unsold.map(|(_, had)| had)) {
            *counts.entry(had.account).or_default() += u32::try_from(had.places.len()).unwrap();
        }
        for (ticket, holder) in &self.holders {
            assert_eq!(state.ticket(*ticket).unwrap().holder(), *holder);
            *counts.entry(*holder).or_default() += 1;
        }
        for account in (1..=3).map(AccountId::from_u128) {
            let count = counts.get(&account).copied().unwrap_or(0);
            assert!(count <= ACCOUNT_SEATS_MAX.into(), "an account is above its limit");
            assert_eq!(show.seats_of(account), count, "what counts toward the limit");
        }
    }

    fn check_money(&self) {
        let captured: i64 = self.payments.iter().map(|attempt| attempt.captured).sum();
        let given_back: i64 = self.payments.iter().map(|attempt| attempt.given_back).sum();
        let sold: i64 = self.confirmed.values().sum();
        assert!(self.confirmed.values().all(|left| *left >= 0), "more goes back than was paid");
        assert_eq!(
            captured - given_back,
            sold + self.kept,
            "money without a ticket, or a ticket without"
        );
    }
}
