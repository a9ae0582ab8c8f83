//! Answers of the sandbox: a status, and a body that is a payment or `{code, message}`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An answer as it is sent, and kept under its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn payment(body: &serde_json::Value) -> Self {
        Self { status: 200, body: body.to_string() }
    }

    /// The error with this code, under the status that the provider gives it.
    pub(super) fn error(code: &str) -> Self {
        let message = "answered by the sandbox";
        Self {
            status: status_of(code),
            body: json!({ "code": code, "message": message }).to_string(),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        (status, [(header::CONTENT_TYPE, json)], self.body).into_response()
    }
}

/// The status under which the provider sends a code; 400 for one that it does not list.
fn status_of(code: &str) -> u16 {
    match code {
        "UNAUTHORIZED_KEY" => 401,
        "FDS_ERROR"
        | "EXCEED_MAX_AUTH_COUNT"
        | "EXCEED_MAX_ONE_DAY_AMOUNT"
        | "EXCEED_MAX_REFUND_DUE"
        | "FORBIDDEN_CONSECUTIVE_REQUEST"
        | "FORBIDDEN_REQUEST"
        | "INCORRECT_BASIC_AUTH_FORMAT"
        | "INVALID_PASSWORD"
        | "NOT_AVAILABLE_BANK"
        | "NOT_CANCELABLE_AMOUNT"
        | "NOT_CANCELABLE_PAYMENT"
        | "REJECT_ACCOUNT_PAYMENT"
        | "REJECT_CARD_COMPANY"
        | "REJECT_CARD_PAYMENT"
        | "REJECT_TOSSPAY_INVALID_ACCOUNT" => 403,
        "NOT_FOUND_PAYMENT" | "NOT_FOUND_PAYMENT_SESSION" => 404,
        "IDEMPOTENT_REQUEST_PROCESSING" => 409,
        "TOO_MANY_REQUESTS" => 429,
        "FAILED_INTERNAL_SYSTEM_PROCESSING"
        | "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"
        | "UNKNOWN_PAYMENT_ERROR" => 500,
        _ => 400,
    }
}
