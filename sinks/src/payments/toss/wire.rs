//! Bodies of the Toss protocol, as far as boxoffice reads and writes them.
//!
//! Unknown fields are ignored: the provider adds them without a notice.

use boxoffice_topics::{Currency, Money};
use serde::{Deserialize, Deserializer, Serialize};

use crate::payments::provider::{ProviderPayment, ProviderRefund, ProviderState, provider_code};

/// `POST /v1/payments/confirm`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfirmBody<'a> {
    pub(super) payment_key: &'a str,
    pub(super) order_id: &'a str,
    pub(super) amount: i64,
}

/// `POST /v1/payments/{paymentKey}/cancel`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelBody<'a> {
    pub(super) cancel_reason: &'a str,
    pub(super) cancel_amount: i64,
}

/// The body of every error.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) code: String,
}

/// A payment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentBody {
    payment_key: Box<str>,
    order_id: Box<str>,
    status: Status,
    currency: Box<str>,
    #[serde(deserialize_with = "whole")]
    total_amount: i64,
    #[serde(deserialize_with = "whole")]
    balance_amount: i64,
    #[serde(default)]
    cancels: Option<Vec<Cancel>>,
    #[serde(default)]
    failure: Option<ErrorBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    cancel_reason: Box<str>,
    #[serde(deserialize_with = "whole")]
    cancel_amount: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Ready,
    InProgress,
    WaitingForDeposit,
    Done,
    Canceled,
    PartialCanceled,
    Aborted,
    Expired,
}

/// A whole number, also when it is written with a decimal point.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let text = number.to_string();
    let digits = text.strip_suffix(".0").unwrap_or(&text);
    digits.parse().map_err(|_| serde::de::Error::custom("amount is not a whole number"))
}

impl PaymentBody {
    /// The payment in the executor's words; `None` when an amount is in no currency we know.
    pub(super) fn into_payment(self) -> Option<ProviderPayment> {
        let currency: Currency = self.currency.parse().ok()?;
        let money = |minor| Money::new(minor, currency);
        let state = match self.status {
            Status::Ready | Status::InProgress | Status::WaitingForDeposit => ProviderState::Open,
            Status::Done | Status::PartialCanceled => ProviderState::Captured,
            Status::Canceled => ProviderState::Refunded,
            Status::Aborted | Status::Expired => {
                let fallback = if self.status == Status::Aborted { "ABORTED" } else { "EXPIRED" };
                let code = self.failure.as_ref().map_or(fallback, |failure| &failure.code);
                ProviderState::Ended { code: provider_code(code) }
            }
        };
        let refund = |cancel: Cancel| ProviderRefund {
            reason: cancel.cancel_reason,
            amount: money(cancel.cancel_amount),
        };
        Some(ProviderPayment {
            payment_key: self.payment_key,
            order_id: self.order_id,
            state,
            total: money(self.total_amount),
            balance: money(self.balance_amount),
            refunds: self.cancels.unwrap_or_default().into_iter().map(refund).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(status: &str, total: &str) -> serde_json::Result<PaymentBody> {
        serde_json::from_str(&format!(
            r#"{{"paymentKey":"k","orderId":"o","status":"{status}","currency":"KRW","version":"x",
                "totalAmount":{total},"balanceAmount":5,"cancels":null,"failure":null}}"#
        ))
    }

    #[test]
    fn amounts_are_whole_or_refused() {
        let total = |text| payment("DONE", text).ok()?.into_payment().map(|it| it.total.minor);
        assert_eq!(total("165000"), Some(165_000));
        assert_eq!(total("165000.0"), Some(165_000));
        assert_eq!(total("165000.5"), None);
        assert_eq!(total("1e30"), None);
    }

    #[test]
    fn an_unknown_status_is_not_read_as_anything() {
        assert!(payment("HALF_DONE", "5").is_err());
        let ended = payment("EXPIRED", "5").unwrap().into_payment().unwrap().state;
        assert_eq!(ended, ProviderState::Ended { code: provider_code("EXPIRED") });
    }
}
