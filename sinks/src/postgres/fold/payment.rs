//! Money: attempts to pay, and what goes back.

use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{Money, OrderId, Outcome, PaymentId};

use super::{At, Fold};
use crate::postgres::columns::{CurrencyCode, OrderState, PaymentState, RefundState};
use crate::postgres::error::Error;
use crate::postgres::rows::{PaymentRow, RefundRow};

impl Fold {
    pub(super) fn apply_money(&mut self, at: At, outcome: &Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::PaymentRequested { payment, order, amount, payment_key } => {
                self.payments.put(PaymentRow {
                    payment_id: payment.0.packed(),
                    order_id: order.0.packed(),
                    state: PaymentState::Requested,
                    amount_minor: amount.minor,
                    currency: CurrencyCode(amount.currency),
                    payment_key: payment_key.to_string(),
                    captured_minor: None,
                    captured_currency: None,
                    decline_code: None,
                    requested_at: at.now,
                    settled_at: None,
                });
                let order = self.orders.change(&order.0.packed())?;
                order.state = OrderState::Paying;
                order.payment_id = Some(payment.0.packed());
                order.refunds_left = 0;
            }
            Outcome::PaymentCaptured { payment, order: _, amount } => {
                let row = self.settle(at, *payment, PaymentState::Captured)?;
                row.captured_minor = Some(amount.minor);
                row.captured_currency = Some(CurrencyCode(amount.currency));
            }
            Outcome::PaymentDeclined { payment, order, code } => {
                let row = self.settle(at, *payment, PaymentState::Declined)?;
                row.decline_code = Some(code.to_string());
                self.await_payment(*order, *payment)?;
            }
            Outcome::RefundRequested { payment, order, .. } => {
                self.add_refund(at, outcome);
                let row = self.orders.change(&order.0.packed())?;
                if row.payment_id == Some(payment.0.packed()) {
                    row.refunds_left += 1;
                }
                self.await_payment(*order, *payment)?;
            }
            Outcome::PaymentRefunded { refund, payment, order, .. } => {
                self.settle_refund(at, *refund)?.state = RefundState::Refunded;
                let order = self.orders.change(&order.0.packed())?;
                let paid_by_it = order.payment_id == Some(payment.0.packed());
                if paid_by_it {
                    order.refunds_left -= 1;
                }
                if order.state == OrderState::Cancelled && paid_by_it && order.refunds_left == 0 {
                    order.state = OrderState::Refunded;
                }
            }
            Outcome::RefundFailed { refund, code, .. } => {
                let row = self.settle_refund(at, *refund)?;
                row.state = RefundState::Failed;
                row.failure_code = Some(code.to_string());
            }
            _ => unreachable!("not about money"),
        }
        Ok(())
    }

    fn settle(
        &mut self,
        at: At,
        payment: PaymentId,
        state: PaymentState,
    ) -> Result<&mut PaymentRow, Error> {
        let row = self.payments.change(&payment.0.packed())?;
        row.state = state;
        row.settled_at = Some(at.now);
        Ok(row)
    }

    /// An order that waited for this attempt waits for another one.
    fn await_payment(&mut self, order: OrderId, payment: PaymentId) -> Result<(), Error> {
        let order = self.orders.change(&order.0.packed())?;
        if order.state == OrderState::Paying && order.payment_id == Some(payment.0.packed()) {
            order.state = OrderState::Placed;
        }
        Ok(())
    }

    fn add_refund(&mut self, at: At, outcome: &Outcome) {
        let Outcome::RefundRequested { refund, payment, order, amount, reason, .. } = outcome
        else {
            unreachable!("called for refunds only")
        };
        let Money { minor, currency } = *amount;
        self.refunds.put(RefundRow {
            refund: refund.to_string(),
            payment_id: payment.0.packed(),
            order_id: order.0.packed(),
            state: RefundState::Requested,
            reason: (*reason).into(),
            amount_minor: minor,
            currency: CurrencyCode(currency),
            failure_code: None,
            requested_at: at.now,
            settled_at: None,
        });
    }

    fn settle_refund(&mut self, at: At, refund: EffectName) -> Result<&mut RefundRow, Error> {
        let row = self.refunds.change(&refund.to_string())?;
        row.settled_at = Some(at.now);
        Ok(row)
    }
}
