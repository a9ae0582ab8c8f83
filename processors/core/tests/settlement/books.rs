//! A second set of books: what outcomes say of the money of each order, against what was posted.
//!
//! It knows nothing of the core, and of a posting it believes nothing but its lines.

use std::collections::BTreeMap;

use boxoffice_topics::{
    LedgerAccount, OrderId, Outcome, Posting, PostingKind, RefundOutcome, SettlementOutcome,
    SettlementTerms, Step,
};

/// Fees that do not divide evenly.
pub(crate) const TERMS: SettlementTerms = SettlementTerms {
    provider_fee_basis_points: 275,
    provider_keeps_fee: false,
    platform_fee_basis_points: 1_050,
    fee_vat_basis_points: 1_000,
};

/// The money of every order.
#[derive(Default)]
pub(crate) struct Books(BTreeMap<OrderId, Account>);

/// The money of one order, in minor units.
#[derive(Default)]
struct Account {
    captured: i64,
    given_back: i64,
    /// On its way back.
    owed: i64,
    /// Price, discount, points and booking fee.
    bill: (i64, i64, i64, i64),
    is_sold: bool,
    has_returns: bool,
    is_over: bool,
    balances: BTreeMap<LedgerAccount, i64>,
}

impl Books {
    pub(crate) fn fold(&mut self, step: &Step) {
        for outcome in &step.outcomes {
            self.fold_outcome(step, outcome);
        }
        self.0.values().for_each(Account::check);
    }

    fn fold_outcome(&mut self, step: &Step, outcome: &Outcome) {
        match outcome {
            Outcome::OrderPlaced { order, total, reductions, .. } => {
                let minor =
                    |amount: Option<boxoffice_topics::Money>| amount.map_or(0, |it| it.minor);
                let bill = reductions.as_ref().map_or((total.minor, 0, 0, 0), |it| {
                    let discount = it.discount.map(|discount| discount.amount);
                    (it.price.minor, minor(discount), minor(it.points), minor(it.booking_fee))
                });
                self.of(*order).bill = bill;
            }
            Outcome::OrderConfirmed { order, .. } => {
                // Late money brings an order back to life.
                let account = self.of(*order);
                (account.is_sold, account.is_over) = (true, false);
            }
            Outcome::OrderCancelled { order, .. } => self.of(*order).is_over = true,
            Outcome::Refund(RefundOutcome::TicketsRefunded { order, .. }) => {
                self.of(*order).has_returns = true;
            }
            Outcome::PaymentCaptured { order, amount, .. } => {
                self.of(*order).captured += amount.minor;
            }
            Outcome::RefundRequested { order, amount, .. } => {
                self.of(*order).owed += amount.minor;
            }
            Outcome::PaymentRefunded { order, amount, .. } => {
                self.of(*order).owed -= amount.minor;
                self.of(*order).given_back += amount.minor;
            }
            Outcome::Settlement(SettlementOutcome::Posted { postings }) => {
                // What was forwarded ends with where it came from.
                let is_post = |it: &&Outcome| matches!(it, Outcome::Scaling(_));
                let last = step.outcomes.iter().rev().find(|it| !is_post(it));
                assert_eq!(last, Some(outcome), "postings are the last of a step");
                postings.iter().for_each(|posting| self.post(step, posting));
            }
            _ => (),
        }
    }

    fn post(&mut self, step: &Step, posting: &Posting) {
        let (kind, cause) = match &step.outcomes[usize::from(posting.cause)] {
            Outcome::PaymentCaptured { order, .. } => (PostingKind::Capture, *order),
            Outcome::PaymentRefunded { order, .. } => (PostingKind::Repayment, *order),
            Outcome::OrderConfirmed { order, .. } => (PostingKind::Sale, *order),
            Outcome::OrderCancelled { order, .. }
            | Outcome::Refund(RefundOutcome::TicketsRefunded { order, .. }) => {
                (PostingKind::Return, *order)
            }
            other => panic!("{other:?} moves no money"),
        };
        assert_eq!((posting.kind, posting.order), (kind, cause), "it cites what caused it");
        assert_eq!(posting.lines.iter().map(|line| line.amount_minor).sum::<i64>(), 0);
        let balances = &mut self.of(posting.order).balances;
        for line in &posting.lines {
            *balances.entry(line.account).or_default() += line.amount_minor;
        }
    }

    fn of(&mut self, order: OrderId) -> &mut Account {
        self.0.entry(order).or_default()
    }
}

impl Account {
    fn balance(&self, account: LedgerAccount) -> i64 {
        self.balances.get(&account).copied().unwrap_or(0)
    }

    fn check(&self) {
        assert_eq!(self.balances.values().sum::<i64>(), 0, "an order is uneven");
        let cash = self.balance(LedgerAccount::ProviderCash);
        assert_eq!(cash, self.captured - self.given_back, "INV-71");
        let buyers = self.balance(LedgerAccount::BuyerMoney);
        assert_eq!(buyers, -self.owed, "money is nobody's");
        let (sales, back) =
            (self.balance(LedgerAccount::TicketSales), self.balance(LedgerAccount::Refunds));
        let (price, discount, points, booking_fee) = self.bill;
        assert_eq!(-sales, if self.is_sold { price } else { 0 });
        let own_discounts = self.balance(LedgerAccount::PromoterDiscounts);
        if self.is_sold && !self.has_returns && !self.is_over {
            let discounts = own_discounts + self.balance(LedgerAccount::PlatformDiscounts);
            assert_eq!((discounts, back), (discount, 0));
            assert_eq!(self.balance(LedgerAccount::Points), points);
            assert_eq!(self.balance(LedgerAccount::BookingFees), -booking_fee);
        }
        if self.is_sold && self.is_over {
            assert_eq!(back, price, "a ticket of an order that is over is still sold");
        }
        let share = |minor: i64, basis_points: u16| minor * i64::from(basis_points) / 10_000;
        let provider_fee = share(cash + buyers, TERMS.provider_fee_basis_points);
        let platform_fee = share(-(sales + back + own_discounts), TERMS.platform_fee_basis_points);
        for (cost, owed, fee) in [
            (LedgerAccount::ProviderFees, LedgerAccount::ProviderFeesOwed, provider_fee),
            (LedgerAccount::PlatformFees, LedgerAccount::PlatformFeesOwed, platform_fee),
            (
                LedgerAccount::ProviderFeeVat,
                LedgerAccount::ProviderFeeVatOwed,
                share(provider_fee, TERMS.fee_vat_basis_points),
            ),
            (
                LedgerAccount::PlatformFeeVat,
                LedgerAccount::PlatformFeeVatOwed,
                share(platform_fee, TERMS.fee_vat_basis_points),
            ),
        ] {
            assert_eq!((self.balance(cost), self.balance(owed)), (fee, -fee), "{cost:?}");
        }
    }
}
