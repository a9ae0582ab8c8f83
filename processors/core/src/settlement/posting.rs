//! From the outcomes of a step to what they mean in money.

use boxoffice_topics::coupon::Issuer;
use boxoffice_topics::{
    Currency, LedgerAccount, Money, OrderId, Outcome, PerformanceId, Posting, PostingKind,
    Reductions, RefundLine, RefundOutcome, SettlementOutcome, SettlementTerms,
};

use super::Ledger;
use super::sheet::{FeeBase, Sheet};
use crate::decide::Asked;
use crate::order::OrderState;
use crate::performance::Performance;

/// Pushes what the outcomes of a step do to the money, when they do something.
pub(crate) fn post(asked: &Asked<'_>, outcomes: &mut Vec<Outcome>) {
    let postings: Vec<_> = (0..)
        .zip(&*outcomes)
        .filter_map(|(cause, outcome)| {
            let entry = entry_of(asked, outcomes, outcome)?;
            entry.posting(asked, cause)
        })
        .collect();
    if !postings.is_empty() {
        outcomes.push(SettlementOutcome::Posted { postings }.into());
    }
}

/// What becomes a posting, when its performance is accounted for.
struct Entry {
    kind: PostingKind,
    performance: PerformanceId,
    order: OrderId,
    currency: Currency,
    sheet: Sheet,
}

impl Entry {
    fn posting(self, asked: &Asked<'_>, cause: u16) -> Option<Posting> {
        let Self { kind, performance, order, currency, sheet } = self;
        asked.state.performance(performance).and_then(Performance::ledger)?;
        let lines = sheet.close(order);
        let posting = Posting { cause, kind, performance, order, currency, lines };
        (!posting.lines.is_empty()).then_some(posting)
    }
}

fn entry_of(asked: &Asked<'_>, step: &[Outcome], outcome: &Outcome) -> Option<Entry> {
    match outcome {
        Outcome::PaymentCaptured { order, amount, .. } => {
            let (cash, owed) = (LedgerAccount::ProviderCash, LedgerAccount::BuyerMoney);
            moved(asked, *order, PostingKind::Capture, *amount, cash, owed)
        }
        Outcome::PaymentRefunded { order, amount, .. } => {
            let (owed, cash) = (LedgerAccount::BuyerMoney, LedgerAccount::ProviderCash);
            moved(asked, *order, PostingKind::Repayment, *amount, owed, cash)
        }
        Outcome::OrderConfirmed { order, performance, .. } => {
            let terms = asked.state.performance(*performance)?.ledger()?.terms();
            Some(Bill::of(asked, step, *order)?.sale(terms))
        }
        Outcome::Refund(RefundOutcome::TicketsRefunded { order, lines, .. }) => {
            let bill = Bill::of(asked, step, *order)?;
            let before = asked.state.order(*order)?.refunded();
            bill.going_back(terms_of(asked, *order)?, before, Parts::of(lines))
        }
        Outcome::OrderCancelled { order, .. } => whole_order_back(asked, step, *order),
        Outcome::Refused { .. }
        | Outcome::Repeated { .. }
        | Outcome::PerformanceCreated { .. }
        | Outcome::SaleOpened { .. }
        | Outcome::SaleClosed { .. }
        | Outcome::Held { .. }
        | Outcome::HoldRenewed { .. }
        | Outcome::HoldReleased { .. }
        | Outcome::HoldExpired { .. }
        | Outcome::OrderPlaced { .. }
        | Outcome::PaymentRequested { .. }
        | Outcome::PaymentDeclined { .. }
        | Outcome::RefundRequested { .. }
        | Outcome::RefundFailed { .. }
        | Outcome::WaitingRoom(_)
        | Outcome::Coupon(_)
        | Outcome::Points(_)
        | Outcome::MessageSent { .. }
        | Outcome::MessageReceived { .. }
        | Outcome::OrderReserving(_)
        | Outcome::OrderNotPlaced { .. }
        | Outcome::Inventory(_)
        | Outcome::Ticket(_)
        | Outcome::Refund(
            RefundOutcome::TermsSet { .. } | RefundOutcome::PerformanceCancelled { .. },
        )
        | Outcome::Settlement(_)
        | Outcome::Scaling(_) => None,
    }
}

/// Money that the provider took or gave back.
fn moved(
    asked: &Asked<'_>,
    order: OrderId,
    kind: PostingKind,
    amount: Money,
    debited: LedgerAccount,
    credited: LedgerAccount,
) -> Option<Entry> {
    let performance = asked.state.order(order)?.performance;
    let mut sheet = Sheet::default();
    sheet.debit(debited, amount.minor);
    sheet.credit(credited, amount.minor);
    Some(Entry { kind, performance, order, currency: amount.currency, sheet })
}

/// A confirmed order that ends without a word about its tickets: all of it comes back.
fn whole_order_back(asked: &Asked<'_>, step: &[Outcome], id: OrderId) -> Option<Entry> {
    let order = asked.state.order(id).filter(|order| order.state == OrderState::Confirmed)?;
    let is_told = step.iter().any(|outcome| {
        matches!(outcome, Outcome::Refund(RefundOutcome::TicketsRefunded { order, .. }) if *order == id)
    });
    if is_told {
        return None;
    }
    let bill = Bill::of(asked, step, id)?;
    let all = bill.parts();
    bill.going_back(terms_of(asked, id)?, order.refunded(), all)
}

/// The terms under which an order was sold.
fn terms_of(asked: &Asked<'_>, order: OrderId) -> Option<SettlementTerms> {
    let order = asked.state.order(order)?;
    let ledger: &Ledger = asked.state.performance(order.performance)?.ledger()?;
    Some(ledger.terms_of(order.settlement_terms()))
}

/// What tickets are made of, in minor units:
/// price - discount + booking fee - kept = money + points.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    price: i64,
    discount: i64,
    booking_fee: i64,
    kept: i64,
    money: i64,
    points: i64,
}

impl Parts {
    fn of(lines: &[RefundLine]) -> Self {
        let sum =
            |part: fn(&RefundLine) -> i64| lines.iter().map(part).fold(0, i64::saturating_add);
        Self {
            price: sum(|line| line.price_minor),
            discount: sum(|line| line.discount_minor),
            booking_fee: sum(|line| line.booking_fee_minor),
            kept: sum(|line| line.kept_minor),
            money: sum(|line| line.money_minor),
            points: sum(|line| line.points_minor),
        }
    }

    fn plus(self, more: Self) -> Self {
        Self {
            price: self.price.saturating_add(more.price),
            discount: self.discount.saturating_add(more.discount),
            booking_fee: self.booking_fee.saturating_add(more.booking_fee),
            kept: self.kept.saturating_add(more.kept),
            money: self.money.saturating_add(more.money),
            points: self.points.saturating_add(more.points),
        }
    }
}

/// What an order costs, and how it is paid.
#[derive(Clone, Copy)]
struct Bill<'a> {
    order: OrderId,
    performance: PerformanceId,
    total: Money,
    reductions: Option<&'a Reductions>,
}

impl<'a> Bill<'a> {
    /// An order that costs nothing is placed in the step that confirms it.
    fn of(asked: &Asked<'a>, step: &'a [Outcome], id: OrderId) -> Option<Self> {
        let placed_now = step.iter().find_map(|outcome| {
            let Outcome::OrderPlaced { order, performance, total, reductions, .. } = outcome else {
                return None;
            };
            let (order, performance, total) = (*order, *performance, *total);
            (order == id).then(|| {
                let reductions = reductions.as_deref();
                Self { order, performance, total, reductions }
            })
        });
        placed_now.or_else(|| {
            let order = asked.state.order(id)?;
            let (performance, total) = (order.performance, order.total);
            let reductions = order.reductions.as_deref();
            Some(Self { order: id, performance, total, reductions })
        })
    }

    fn parts(&self) -> Parts {
        let Some(reductions) = self.reductions else {
            return Parts { price: self.total.minor, money: self.total.minor, ..Parts::default() };
        };
        Parts {
            price: reductions.price.minor,
            discount: reductions.discount.map_or(0, |discount| discount.amount.minor),
            booking_fee: reductions.booking_fee.map_or(0, |fee| fee.minor),
            kept: 0,
            money: self.total.minor,
            points: reductions.points.map_or(0, |points| points.minor),
        }
    }

    fn issuer(&self) -> Issuer {
        let discount = self.reductions.and_then(|reductions| reductions.discount);
        discount.map_or(Issuer::Platform, |discount| discount.issuer)
    }

    fn discounts(&self) -> LedgerAccount {
        match self.issuer() {
            Issuer::Platform => LedgerAccount::PlatformDiscounts,
            Issuer::Promoter => LedgerAccount::PromoterDiscounts,
        }
    }

    /// What fees are a share of once these parts have gone back.
    fn fee_base(&self, terms: SettlementTerms, gone: Parts) -> FeeBase {
        let whole = self.parts();
        let own_discount = |parts: Parts| match self.issuer() {
            Issuer::Platform => 0,
            Issuer::Promoter => parts.discount,
        };
        let brought_in = |parts: Parts| parts.price.saturating_sub(own_discount(parts));
        let money_gone = if terms.provider_keeps_fee { 0 } else { gone.money };
        FeeBase {
            provider: whole.money.saturating_sub(money_gone),
            platform: brought_in(whole).saturating_sub(brought_in(gone)),
        }
    }

    fn sale(&self, terms: SettlementTerms) -> Entry {
        let parts = self.parts();
        let mut sheet = Sheet::default();
        sheet.debit(LedgerAccount::BuyerMoney, parts.money);
        sheet.debit(self.discounts(), parts.discount);
        sheet.debit(LedgerAccount::Points, parts.points);
        sheet.credit(LedgerAccount::TicketSales, parts.price);
        sheet.credit(LedgerAccount::BookingFees, parts.booking_fee);
        sheet.charge(terms, FeeBase::default(), self.fee_base(terms, Parts::default()));
        self.entry(PostingKind::Sale, sheet)
    }

    fn going_back(
        &self,
        terms: SettlementTerms,
        before: &[RefundLine],
        parts: Parts,
    ) -> Option<Entry> {
        let before = Parts::of(before);
        let mut sheet = Sheet::default();
        sheet.debit(LedgerAccount::Refunds, parts.price);
        sheet.debit(LedgerAccount::BookingFees, parts.booking_fee);
        sheet.credit(LedgerAccount::CancellationFees, parts.kept);
        sheet.credit(self.discounts(), parts.discount);
        sheet.credit(LedgerAccount::Points, parts.points);
        sheet.credit(LedgerAccount::BuyerMoney, parts.money);
        let (base, left) = (self.fee_base(terms, before), before.plus(parts));
        sheet.charge(terms, base, self.fee_base(terms, left));
        Some(self.entry(PostingKind::Return, sheet))
    }

    fn entry(&self, kind: PostingKind, sheet: Sheet) -> Entry {
        let &Self { order, performance, total, .. } = self;
        Entry { kind, performance, order, currency: total.currency, sheet }
    }
}
