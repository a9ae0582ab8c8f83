//! A sale in which everything happens that can happen, in two partitions.

use boxoffice_log::memory::MemoryLog;
use boxoffice_topics::outcome::{
    CancelReason, EffectName, PlaceQuantity, ProviderCode, RefundReason, Seating,
};
use boxoffice_topics::{
    HoldId, OrderId, Outcome, PartitionId, PaymentId, PerformanceId, Places, Refusal, RefusalCode,
    SeatNumber, SectionNumber, Slot,
};

use super::{Scribe, account, house, small_house, won};

/// Tells the story step by step into one partition.
pub(crate) struct Story {
    pub(crate) scribe: Scribe,
    partition: PartitionId,
    performance: PerformanceId,
}

impl Story {
    pub(crate) fn begin(log: &MemoryLog, partition: u16, performance: u128) -> Self {
        let performance = PerformanceId::from_u128(performance);
        let scribe = Scribe::new(log, partition, Slot::of(performance));
        Self { scribe, partition: PartitionId::new(partition).unwrap(), performance }
    }

    pub(crate) fn create(&mut self) {
        let definition = Box::new(small_house(self.performance.as_u128()));
        self.scribe.decide(vec![Outcome::PerformanceCreated { definition }]);
        self.scribe.decide(vec![Outcome::SaleOpened { performance: self.performance }]);
    }

    /// A house of many rows.
    pub(crate) fn create_large(&mut self, seats: u32) {
        let rows: Vec<_> = (0..seats.div_ceil(100)).map(|row| row.to_string()).collect();
        let rows: Vec<_> = rows.iter().map(|label| (&**label, 100, 0, vec![])).collect();
        let definition = Box::new(house(self.performance.as_u128(), &rows, 50));
        self.scribe.decide(vec![Outcome::PerformanceCreated { definition }]);
    }

    pub(crate) fn hold(&mut self, buyer: u128, seats: &[u32], standing: u16) -> HoldId {
        let hold = HoldId(self.scribe.next_id());
        let quantity = PlaceQuantity { section: SectionNumber(0), quantity: standing };
        let places = Places {
            seats: seats.iter().map(|&seat| SeatNumber(seat)).collect(),
            quantities: (standing > 0).then_some(quantity).into_iter().collect(),
            channel: None,
        };
        let expires_at = self.scribe.now().plus_millis(300_000);
        self.scribe.decide(vec![Outcome::Held {
            hold,
            performance: self.performance,
            account: account(buyer),
            places,
            total: won(165_000),
            expires_at,
            seating: Seating::Adjacent,
        }]);
        hold
    }

    pub(crate) fn order(&mut self, buyer: u128, hold: HoldId) -> OrderId {
        let order = OrderId(self.scribe.next_id());
        let pay_by = self.scribe.now().plus_millis(600_000);
        self.scribe.decide(vec![Outcome::OrderPlaced {
            order,
            hold,
            performance: self.performance,
            account: account(buyer),
            total: won(165_000),
            pay_by,
            reductions: None,
        }]);
        order
    }

    pub(crate) fn pay(&mut self, order: OrderId, key: &str) -> PaymentId {
        let payment = PaymentId(self.scribe.next_id());
        let (amount, payment_key) = (won(165_000), key.into());
        let requested = Outcome::PaymentRequested { payment, order, amount, payment_key };
        self.scribe.decide(vec![requested]);
        payment
    }

    pub(crate) fn capture(&mut self, order: OrderId, payment: PaymentId, then: Outcome) {
        let amount = won(165_000);
        self.scribe.decide(vec![Outcome::PaymentCaptured { payment, order, amount }, then]);
    }

    pub(crate) fn confirmed(
        &self,
        buyer: u128,
        order: OrderId,
        payment: Option<PaymentId>,
        seats: &[u32],
        reseated: bool,
    ) -> Outcome {
        let seats = seats.iter().map(|&seat| SeatNumber(seat)).collect();
        Outcome::OrderConfirmed {
            order,
            payment,
            performance: self.performance,
            account: account(buyer),
            places: Places { seats, ..Places::default() },
            reseated,
            earned: None,
        }
    }

    pub(crate) fn decline(&mut self, order: OrderId, payment: PaymentId) {
        let code = ProviderCode::from("REJECT_CARD_PAYMENT").unwrap();
        self.scribe.decide(vec![Outcome::PaymentDeclined { payment, order, code }]);
    }

    /// A refund that is the outcome with this index of the next step.
    pub(crate) fn refund(
        &self,
        order: OrderId,
        payment: PaymentId,
        reason: RefundReason,
    ) -> Outcome {
        Outcome::RefundRequested {
            refund: EffectName::new(self.partition, self.scribe.next_offset(), 1),
            payment,
            order,
            amount: won(165_000),
            payment_key: "key".into(),
            reason,
        }
    }

    pub(crate) fn refunded(&mut self, requested: &Outcome) {
        let Outcome::RefundRequested { refund, payment, order, amount, .. } = requested else {
            panic!("not a refund")
        };
        let (refund, payment, order, amount) = (*refund, *payment, *order, *amount);
        self.scribe.decide(vec![Outcome::PaymentRefunded { refund, payment, order, amount }]);
    }

    pub(crate) fn refund_failed(&mut self, requested: &Outcome) {
        let Outcome::RefundRequested { refund, payment, order, .. } = requested else {
            panic!("not a refund")
        };
        let (refund, payment, order) = (*refund, *payment, *order);
        let code = ProviderCode::from("NOT_CANCELABLE_PAYMENT").unwrap();
        self.scribe.decide(vec![Outcome::RefundFailed { refund, payment, order, code }]);
    }

    pub(crate) fn cancel(
        &mut self,
        buyer: u128,
        order: OrderId,
        reason: CancelReason,
        then: Vec<Outcome>,
    ) {
        let mut outcomes = vec![Outcome::OrderCancelled { order, account: account(buyer), reason }];
        outcomes.extend(then);
        self.scribe.decide(outcomes);
    }

    /// Everything that can happen.
    pub(crate) fn tell(&mut self) {
        self.create();
        self.tell_after_creation();
    }

    /// Everything that can happen once there is a performance.
    pub(crate) fn tell_after_creation(&mut self) {
        self.refused();
        self.holds_end();
        self.paid_then_given_back();
        self.declined_then_paid();
        self.late_money();
        self.wrong_money();
        self.nothing_to_pay();
        self.scribe.decide(vec![Outcome::SaleClosed { performance: self.performance }]);
    }

    fn refused(&mut self) {
        let refusal = Refusal::from(RefusalCode::SeatUnknown);
        self.scribe.decide(vec![Outcome::Refused { refusal }]);
        let original = self.scribe.next_id();
        self.scribe.decide(vec![Outcome::Repeated { original }]);
        self.scribe.decide(vec![]);
    }

    fn holds_end(&mut self) {
        let released = self.hold(1, &[0, 1], 0);
        self.scribe.decide(vec![Outcome::HoldReleased { hold: released }]);
        let renewed = self.hold(2, &[0], 2);
        let expires_at = self.scribe.now().plus_millis(300_000);
        let renewal = Outcome::HoldRenewed { hold: renewed, expires_at, renewals_left: 0 };
        self.scribe.decide(vec![renewal]);
        self.scribe.pass_ms(300_000);
        self.scribe.decide(vec![Outcome::HoldExpired { hold: renewed, account: account(2) }]);
        self.hold(3, &[2], 0);
    }

    fn paid_then_given_back(&mut self) {
        let hold = self.hold(4, &[3, 13], 0);
        let order = self.order(4, hold);
        let payment = self.pay(order, "key-4");
        let confirmed = self.confirmed(4, order, Some(payment), &[3, 13], false);
        self.capture(order, payment, confirmed);
        let refund = self.refund(order, payment, RefundReason::OrderCancelled);
        self.cancel(4, order, CancelReason::ByBuyer, vec![refund.clone()]);
        // The same seat is sold to somebody else before the money is back.
        let hold = self.hold(5, &[3], 0);
        let other = self.order(5, hold);
        let payment = self.pay(other, "key-5");
        let confirmed = self.confirmed(5, other, Some(payment), &[3], false);
        self.capture(other, payment, confirmed);
        self.refunded(&refund);
    }

    fn declined_then_paid(&mut self) {
        let hold = self.hold(6, &[4], 0);
        let order = self.order(6, hold);
        let first = self.pay(order, "key-6a");
        self.decline(order, first);
        let second = self.pay(order, "key-6b");
        let confirmed = self.confirmed(6, order, Some(second), &[4], false);
        self.capture(order, second, confirmed);
        // The provider took the first one after all.
        let refund = self.refund(order, first, RefundReason::DuplicateCapture);
        self.capture(order, first, refund.clone());
        self.refund_failed(&refund);
    }

    fn late_money(&mut self) {
        let (orders, payments): (Vec<_>, Vec<_>) = [(7, 5), (8, 6)]
            .map(|(buyer, seat)| {
                let hold = self.hold(buyer, &[seat], 0);
                let order = self.order(buyer, hold);
                let payment = self.pay(order, "key-late");
                self.decline(order, payment);
                self.cancel(buyer, order, CancelReason::Expired, vec![]);
                (order, payment)
            })
            .into_iter()
            .unzip();
        let again = self.confirmed(7, orders[0], Some(payments[0]), &[5], true);
        self.capture(orders[0], payments[0], again);
        let refund = self.refund(orders[1], payments[1], RefundReason::LateCapture);
        self.capture(orders[1], payments[1], refund.clone());
        self.refunded(&refund);
    }

    fn wrong_money(&mut self) {
        let hold = self.hold(9, &[7], 0);
        let order = self.order(9, hold);
        let payment = self.pay(order, "key-9");
        let refund = self.refund(order, payment, RefundReason::AmountMismatch);
        let captured = Outcome::PaymentCaptured { payment, order, amount: won(1) };
        self.scribe.decide(vec![captured, refund]);
        self.cancel(9, order, CancelReason::ByBuyer, vec![]);
    }

    fn nothing_to_pay(&mut self) {
        let hold = self.hold(10, &[], 3);
        let order = OrderId(self.scribe.next_id());
        let now = self.scribe.now();
        let quantity = PlaceQuantity { section: SectionNumber(0), quantity: 3 };
        let places = Places { quantities: [quantity].into_iter().collect(), ..Places::default() };
        let (performance, account) = (self.performance, account(10));
        self.scribe.decide(vec![
            Outcome::OrderPlaced {
                order,
                hold,
                performance,
                account,
                total: won(0),
                pay_by: now,
                reductions: None,
            },
            Outcome::OrderConfirmed {
                order,
                payment: None,
                performance,
                account,
                places,
                reseated: false,
                earned: None,
            },
        ]);
    }
}
