//! Settlement in the naive model: what was posted for each order, against what the order cost, and
//! the totals that finance is shown, against both.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::findings::{Findings, Invariant};
use super::house::at;
use super::model::{Step, text};
use super::orders::Order;
use super::refunds::Returned;

/// Fees that do not divide evenly, of 10,000.
const PROVIDER_FEE: i64 = 275;
const PLATFORM_FEE: i64 = 1_050;
const FEE_VAT: i64 = 1_000;
const BASIS_POINTS: i64 = 10_000;

/// The terms of every rehearsed performance.
pub(super) fn terms() -> Value {
    json!({"provider_fee_basis_points": PROVIDER_FEE, "provider_keeps_fee": false,
        "platform_fee_basis_points": PLATFORM_FEE, "fee_vat_basis_points": FEE_VAT})
}

/// Balances by account, debits less credits, in minor units.
type Balances = BTreeMap<String, i64>;

/// Everything that was posted.
#[derive(Debug, Default)]
pub(super) struct Settlements {
    of_order: HashMap<String, Balances>,
    of_performance: HashMap<String, Balances>,
}

impl Settlements {
    /// Takes the postings of one step over.
    pub(super) fn fold(&mut self, step: &Step, outcome: &Value, findings: &mut Findings) {
        for posting in outcome["postings"].as_array().into_iter().flatten() {
            let order = text(posting, "order");
            let index = posting["cause"].as_u64().and_then(|index| usize::try_from(index).ok());
            let cause = index.and_then(|index| step.outcomes.get(index));
            let cites = cause.is_some_and(|cause| cause["order"] == order);
            findings.check(cites, Invariant::SettlementEven, || {
                format!("{}: a posting of order {order} cites {index:?}", at(step))
            });
            let lines = posting["lines"].as_array().map_or(&[][..], Vec::as_slice);
            let amount = |line: &Value| line["amount_minor"].as_i64().unwrap_or(0);
            let sum: i64 = lines.iter().map(amount).sum();
            findings.check(sum == 0, Invariant::SettlementEven, || {
                format!("{}: a posting of order {order} is {sum} off", at(step))
            });
            let of_performance =
                self.of_performance.entry(text(posting, "performance")).or_default();
            let of_order = self.of_order.entry(order).or_default();
            for line in lines {
                for balances in [&mut *of_order, &mut *of_performance] {
                    *balances.entry(text(line, "account")).or_default() += amount(line);
                }
            }
        }
    }

    /// Checks every order when nothing is on its way.
    pub(super) fn settle(&self, orders: &HashMap<String, Order>, findings: &mut Findings) {
        for (id, order) in orders {
            let mut posted = self.of_order.get(id).cloned().unwrap_or_default();
            posted.retain(|_, balance| *balance != 0);
            let expected = expected(order);
            findings.check(posted == expected, Invariant::SettlementAgrees, || {
                format!("order {id}: posted is {posted:?}, its money was for {expected:?}")
            });
        }
    }

    /// Checks what finance is shown of a performance.
    pub(super) fn check_shown(&self, performance: &str, shown: &Value, findings: &mut Findings) {
        let totals = shown["totals"].as_array().map_or(&[][..], Vec::as_slice);
        let closing = |total: &Value| total["closing_minor"].as_i64().unwrap_or(0);
        let shown: Balances =
            totals.iter().map(|total| (text(total, "account"), closing(total))).collect();
        let posted = self.of_performance.get(performance).cloned().unwrap_or_default();
        findings.check(shown == posted, Invariant::SettlementAgrees, || {
            format!("performance {performance}: {posted:?} was posted, {shown:?} is shown")
        });
    }
}

/// The balances of an order at rest.
fn expected(order: &Order) -> Balances {
    let cash = order.captured_minor - order.refunded_minor;
    let mut balances = Balances::from([("provider_cash".to_owned(), cash)]);
    if order.was_confirmed {
        balances.extend(sold(order));
    }
    balances.retain(|_, balance| *balance != 0);
    balances
}

/// What was sold, less the tickets that went back.
fn sold(order: &Order) -> Balances {
    let back = |part: fn(&Returned) -> i64| order.returned.iter().map(part).sum::<i64>();
    let prices_back = back(|it| it.share.price);
    let discount = order.discount_minor() - back(|it| it.share.discount);
    let money = order.total_minor - back(|it| it.back.money);
    let mut balances = Balances::new();
    let mut put = |account: &str, minor: i64| balances.insert(account.to_owned(), minor);
    put("ticket_sales", -order.price_minor);
    put("refunds", prices_back);
    put("booking_fees", back(|it| it.back.fee) - order.fee_minor);
    put("cancellation_fees", -back(|it| it.back.kept));
    put("promoter_discounts", discount);
    put("points", order.points_minor - back(|it| it.back.points));
    let share = |minor: i64, basis_points: i64| minor * basis_points / BASIS_POINTS;
    for (party, fee) in [
        ("provider", share(money, PROVIDER_FEE)),
        ("platform", share(order.price_minor - prices_back - discount, PLATFORM_FEE)),
    ] {
        let vat = share(fee, FEE_VAT);
        put(&format!("{party}_fees"), fee);
        put(&format!("{party}_fees_owed"), -fee);
        put(&format!("{party}_fee_vat"), vat);
        put(&format!("{party}_fee_vat_owed"), -vat);
    }
    balances
}

#[cfg(test)]
mod tests {
    use super::super::terms::{Back, Share};
    use super::*;

    const PRICE: i64 = 198_000;

    fn line(account: &str, amount_minor: i64) -> Value {
        json!({"account": account, "amount_minor": amount_minor})
    }

    fn posting(cause: usize, lines: Vec<Value>) -> Value {
        json!({"cause": cause, "order": "o", "performance": "p", "lines": lines})
    }

    /// A sale with its fees.
    fn postings() -> Vec<Value> {
        let pair = |cost: &str, owed: &str, minor| [line(cost, minor), line(owed, -minor)];
        let fees = [
            pair("provider_fees", "provider_fees_owed", 5_445),
            pair("provider_fee_vat", "provider_fee_vat_owed", 544),
            pair("platform_fees", "platform_fees_owed", 20_790),
            pair("platform_fee_vat", "platform_fee_vat_owed", 2_079),
        ];
        let mut sale = pair("buyer_money", "ticket_sales", PRICE).to_vec();
        sale.extend(fees.into_iter().flatten());
        vec![posting(0, pair("provider_cash", "buyer_money", PRICE).to_vec()), posting(1, sale)]
    }

    fn sold() -> HashMap<String, Order> {
        let order = Order {
            price_minor: PRICE,
            total_minor: PRICE,
            captured_minor: PRICE,
            was_confirmed: true,
            ..Order::default()
        };
        HashMap::from([("o".to_owned(), order)])
    }

    fn check(postings: Vec<Value>, shown: &[(&str, i64)]) -> Vec<Invariant> {
        let cause = |kind: &str| json!({"type": kind, "order": "o"});
        let outcomes = vec![cause("payment_captured"), cause("order_confirmed")];
        let step = Step { outcomes, ..Step::default() };
        let (mut settlements, mut findings) = (Settlements::default(), Findings::default());
        settlements.fold(&step, &json!({"postings": postings}), &mut findings);
        settlements.settle(&sold(), &mut findings);
        let total =
            |(account, minor): &(&str, i64)| json!({"account": account, "closing_minor": minor});
        let totals: Vec<_> = shown.iter().map(total).collect();
        settlements.check_shown("p", &json!({"totals": totals}), &mut findings);
        findings.iter().map(|(invariant, _)| invariant).collect()
    }

    const SHOWN: [(&str, i64); 11] = [
        ("provider_cash", PRICE),
        ("buyer_money", 0),
        ("ticket_sales", -PRICE),
        ("provider_fees", 5_445),
        ("provider_fees_owed", -5_445),
        ("provider_fee_vat", 544),
        ("provider_fee_vat_owed", -544),
        ("platform_fees", 20_790),
        ("platform_fees_owed", -20_790),
        ("platform_fee_vat", 2_079),
        ("platform_fee_vat_owed", -2_079),
    ];

    #[test]
    fn a_sale_that_is_posted_and_shown_is_clean() {
        assert_eq!(check(postings(), &SHOWN), []);
    }

    #[test]
    fn a_ticket_that_went_back_takes_its_part_along() {
        let (fee, kept) = (2_000, 19_800);
        let money = PRICE + fee - kept;
        let share = Share { price: PRICE, fee, ..Share::default() };
        let back = Back { fee, kept, money, points: 0 };
        let total_minor = 2 * (PRICE + fee);
        let order = Order {
            price_minor: 2 * PRICE,
            fee_minor: 2 * fee,
            total_minor,
            captured_minor: total_minor,
            refunded_minor: money,
            was_confirmed: true,
            returned: vec![Returned { number: 1, share, back }],
            ..Order::default()
        };
        let balances = expected(&order);
        let shown = ["refunds", "booking_fees", "cancellation_fees", "provider_fees"];
        let provider_fee = (total_minor - money) * PROVIDER_FEE / BASIS_POINTS;
        assert_eq!(shown.map(|account| balances[account]), [PRICE, -fee, -kept, provider_fee]);
        assert_eq!(balances.values().sum::<i64>(), 0);
    }

    #[test]
    fn an_uneven_posting_is_found() {
        let mut uneven = postings();
        uneven[1]["lines"][1]["amount_minor"] = json!(1 - PRICE);
        let mut shown = SHOWN;
        shown[2].1 += 1;
        let broken = [Invariant::SettlementEven, Invariant::SettlementAgrees];
        assert_eq!(check(uneven, &shown), broken);
    }

    #[test]
    fn a_posting_that_cites_another_outcome_is_found() {
        let mut stray = postings();
        stray[1]["cause"] = json!(2);
        assert_eq!(check(stray, &SHOWN), [Invariant::SettlementEven]);
    }

    #[test]
    fn a_sale_that_is_not_posted_or_not_shown_is_found() {
        let mut sales = postings();
        sales.pop();
        let shown = [("provider_cash", PRICE), ("buyer_money", -PRICE)];
        assert_eq!(check(sales, &shown), [Invariant::SettlementAgrees]);
        assert_eq!(check(postings(), &SHOWN[..10]), [Invariant::SettlementAgrees]);
    }
}
