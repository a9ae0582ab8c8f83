//! The provider's own books, against what the log says about money.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::model::Model;

/// Money in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Money {
    pub(super) captured: i64,
    pub(super) refunded: i64,
    /// What was paid in money for the live tickets.
    pub(super) tickets: i64,
    /// What is kept in money of tickets that went back.
    pub(super) kept: i64,
    /// What coupons take off the live tickets.
    pub(super) discounts: i64,
    /// What points pay of the live tickets.
    pub(super) points: i64,
}

/// What the provider booked for each of our orders.
#[derive(Debug, Default)]
pub(super) struct Books {
    of_order: HashMap<String, Money>,
    /// How many payments of an order were booked.
    bookings: HashMap<String, u64>,
    /// Payment keys that are in the books more than once.
    repeated: Vec<String>,
}

impl Books {
    /// Reads the provider's answer; payments of other logs are left out.
    pub(super) fn read(books: &Value, model: &Model) -> Self {
        let payments = books["payments"].as_array().map_or(&[][..], Vec::as_slice);
        let mut of_order: HashMap<String, Money> = HashMap::new();
        let mut bookings: HashMap<String, u64> = HashMap::new();
        let mut keys = HashSet::new();
        let mut repeated = Vec::new();
        for payment in payments {
            let name = payment["orderId"].as_str().unwrap_or_default();
            let order = name.rsplit('_').next().unwrap_or_default();
            let booked = matches!(
                payment["status"].as_str(),
                Some("DONE" | "CANCELED" | "PARTIAL_CANCELED")
            );
            if !booked || !model.orders.contains_key(order) {
                continue;
            }
            let total = payment["totalAmount"].as_i64().unwrap_or(0);
            let balance = payment["balanceAmount"].as_i64().unwrap_or(total);
            let money = of_order.entry(order.to_owned()).or_default();
            money.captured += total;
            money.refunded += total - balance;
            *bookings.entry(order.to_owned()).or_default() += 1;
            let key = payment["paymentKey"].as_str().unwrap_or_default();
            if !keys.insert(key) {
                repeated.push(key.to_owned());
            }
        }
        Self { of_order, bookings, repeated }
    }

    /// Whether log and provider say the same of every order.
    pub(super) fn agree_with(&self, model: &Model) -> bool {
        model.orders.iter().all(|(id, order)| {
            let booked = self.of_order.get(id).copied().unwrap_or_default();
            booked.captured == order.captured_minor && booked.refunded == order.refunded_minor
        })
    }

    /// Checks every order, and adds everything up.
    pub(super) fn check(&self, model: &Model, findings: &mut Findings) -> Money {
        let mut sum = Money::default();
        for (id, order) in &model.orders {
            let booked = self.of_order.get(id).copied().unwrap_or_default();
            let (tickets, kept_of_back) = (order.tickets_minor(), order.kept_minor());
            let known = (order.captured_minor, order.refunded_minor);
            findings.check(
                (booked.captured, booked.refunded) == known,
                Invariant::MoneyConserved,
                || {
                    let (captured, refunded) = known;
                    format!(
                        "order {id}: the provider took {} and gave back {}, the log says \
                         {captured} and {refunded}",
                        booked.captured, booked.refunded
                    )
                },
            );
            let bookings = self.bookings.get(id).copied().unwrap_or(0);
            findings.check(bookings == order.captures, Invariant::PaymentsBookedOnce, || {
                format!("order {id}: {bookings} payments booked, {} in the log", order.captures)
            });
            let kept = booked.captured - booked.refunded;
            findings.check(kept == tickets + kept_of_back, Invariant::MoneyConserved, || {
                format!(
                    "order {id}: the provider keeps {kept}, its tickets cost {tickets}, and \
                     {kept_of_back} is kept of others"
                )
            });
            sum.captured += booked.captured;
            sum.refunded += booked.refunded;
            sum.tickets += tickets;
            sum.kept += kept_of_back;
            let (discount, points) = order.reductions_minor();
            sum.discounts += discount;
            sum.points += points;
        }
        for key in &self.repeated {
            findings.note(Invariant::PaymentsBookedOnce, || format!("payment {key} booked again"));
        }
        findings.check(
            sum.captured - sum.refunded == sum.tickets + sum.kept,
            Invariant::MoneyConserved,
            || format!("in total: {sum:?}"),
        );
        sum
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model::tests::model_with_one_sale;
    use super::*;

    fn check(total: i64, balance: i64) -> (Money, Findings) {
        check_lines(&[json!({
            "paymentKey": "k", "orderId": "00ff_1-0-7", "status": "DONE", "totalAmount": total,
            "balanceAmount": balance,
        })])
    }

    fn check_lines(lines: &[Value]) -> (Money, Findings) {
        let model = model_with_one_sale("1-0-7");
        let books = json!({"payments": lines});
        let mut findings = Findings::default();
        let money = Books::read(&books, &model).check(&model, &mut findings);
        (money, findings)
    }

    #[test]
    fn money_that_agrees_with_the_tickets_is_clean() {
        let (money, findings) = check(198_000, 198_000);
        assert!(findings.is_clean(), "{findings:?}");
        assert_eq!(money, Money { captured: 198_000, tickets: 198_000, ..Money::default() });
    }

    #[test]
    fn money_without_a_ticket_is_found() {
        let (_, findings) = check(396_000, 396_000);
        assert!(findings.of(Invariant::MoneyConserved).is_some());
        let (_, findings) = check(198_000, 0);
        assert!(findings.of(Invariant::MoneyConserved).is_some());
    }

    #[test]
    fn a_payment_that_is_booked_twice_is_found() {
        let booked = |key: &str, total: i64, balance: i64| {
            json!({"paymentKey": key, "orderId": "00ff_1-0-7", "status": "DONE",
                "totalAmount": total, "balanceAmount": balance})
        };
        let twice = [booked("k", 198_000, 198_000), booked("k", 0, 0)];
        let (_, findings) = check_lines(&twice);
        let broken: Vec<_> = findings.iter().map(|(invariant, _)| invariant).collect();
        assert_eq!(broken, [Invariant::PaymentsBookedOnce]);
        assert_eq!(findings.of(Invariant::PaymentsBookedOnce).map(|it| it.count), Some(2));
    }
}
