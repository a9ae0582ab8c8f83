//! What each Toss error code means, in one place.
//!
//! A code that is not listed means nothing, and so does every answer of a failing server: the
//! truth is then asked for, never guessed.

use crate::payments::provider::{Fault, FaultKind, provider_code};

/// What an error answer says about the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The request was refused and moved nothing.
    Final,
    /// Only a query can tell.
    Query(FaultKind),
}

/// Codes that say nothing final about the money.
const QUERY: &[&str] = &[
    "ALREADY_CANCELED_PAYMENT",
    "ALREADY_PROCESSED_PAYMENT",
    "CARD_PROCESSING_ERROR",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
    "FORBIDDEN_CONSECUTIVE_REQUEST",
    "PROVIDER_ERROR",
    "UNKNOWN_PAYMENT_ERROR",
];

/// Codes of a request that was refused for good.
const FINAL: &[&str] = &[
    "BELOW_MINIMUM_AMOUNT",
    "EXCEED_MAX_AMOUNT",
    "EXCEED_MAX_AUTH_COUNT",
    "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
    "EXCEED_MAX_ONE_DAY_AMOUNT",
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
    "EXCEED_MAX_PAYMENT_AMOUNT",
    "EXCEED_MAX_REFUND_DUE",
    "FDS_ERROR",
    "INVALID_ACCOUNT_INFO_RE_REGISTER",
    "INVALID_AUTHORIZE_AUTH",
    "INVALID_CARD_EXPIRATION",
    "INVALID_CARD_INSTALLMENT_PLAN",
    "INVALID_CARD_LOST_OR_STOLEN",
    "INVALID_CARD_NUMBER",
    "INVALID_PASSWORD",
    "INVALID_REJECT_CARD",
    "INVALID_STOPPED_CARD",
    "NOT_ALLOWED_POINT_USE",
    "NOT_AVAILABLE_BANK",
    "NOT_AVAILABLE_PAYMENT",
    "NOT_CANCELABLE_AMOUNT",
    "NOT_CANCELABLE_PAYMENT",
    NOT_FOUND_PAYMENT,
    "NOT_FOUND_PAYMENT_SESSION",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
    "REJECT_ACCOUNT_PAYMENT",
    "REJECT_CARD_COMPANY",
    "REJECT_CARD_PAYMENT",
    "REJECT_TOSSPAY_INVALID_ACCOUNT",
    "RESTRICTED_TRANSFER_ACCOUNT",
];

/// Codes that blame the shop, not the buyer: somebody must act, and nobody was declined.
const MISCONFIGURED: &[&str] = &[
    "FORBIDDEN_REQUEST",
    "INCORRECT_BASIC_AUTH_FORMAT",
    "INVALID_API_KEY",
    "INVALID_IDEMPOTENCY_KEY",
    "UNAUTHORIZED_KEY",
];

/// The code by which a query says that there is no such payment.
pub const NOT_FOUND_PAYMENT: &str = "NOT_FOUND_PAYMENT";
/// The code of a request whose twin is still being worked on.
pub const IDEMPOTENT_REQUEST_PROCESSING: &str = "IDEMPOTENT_REQUEST_PROCESSING";

/// What an answer with this status and this code says.
#[must_use]
pub fn meaning(status: u16, code: &str) -> Meaning {
    if MISCONFIGURED.contains(&code) || status == 401 {
        Meaning::Query(FaultKind::Misconfigured)
    } else if status == 429 {
        Meaning::Query(FaultKind::RateLimited)
    } else if code == IDEMPOTENT_REQUEST_PROCESSING {
        Meaning::Query(FaultKind::InFlight)
    } else if QUERY.contains(&code) {
        Meaning::Query(FaultKind::Undecided)
    } else if status >= 500 {
        Meaning::Query(FaultKind::ServerError)
    } else if FINAL.contains(&code) && (400..500).contains(&status) {
        Meaning::Final
    } else {
        Meaning::Query(FaultKind::UnlistedCode)
    }
}

/// The fault of an error answer that is not final.
#[must_use]
pub fn fault(kind: FaultKind, code: &str) -> Fault {
    Fault { kind, code: provider_code(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_means_what_the_provider_says() {
        use FaultKind::{
            InFlight, Misconfigured, RateLimited, ServerError, Undecided, UnlistedCode,
        };
        let table = [
            (400, "ALREADY_PROCESSED_PAYMENT", Meaning::Query(Undecided)),
            (409, "IDEMPOTENT_REQUEST_PROCESSING", Meaning::Query(InFlight)),
            (400, "PROVIDER_ERROR", Meaning::Query(Undecided)),
            (400, "CARD_PROCESSING_ERROR", Meaning::Query(Undecided)),
            (500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", Meaning::Query(Undecided)),
            (500, "FAILED_INTERNAL_SYSTEM_PROCESSING", Meaning::Query(Undecided)),
            (500, "UNKNOWN_PAYMENT_ERROR", Meaning::Query(Undecided)),
            (400, "ALREADY_CANCELED_PAYMENT", Meaning::Query(Undecided)),
            (403, "FORBIDDEN_CONSECUTIVE_REQUEST", Meaning::Query(Undecided)),
            (429, "TOO_MANY_REQUESTS", Meaning::Query(RateLimited)),
            (429, "REJECT_CARD_PAYMENT", Meaning::Query(RateLimited)),
            (403, "REJECT_CARD_PAYMENT", Meaning::Final),
            (403, "REJECT_ACCOUNT_PAYMENT", Meaning::Final),
            (403, "REJECT_CARD_COMPANY", Meaning::Final),
            (400, "INVALID_CARD_EXPIRATION", Meaning::Final),
            (400, "EXCEED_MAX_AMOUNT", Meaning::Final),
            (404, "NOT_FOUND_PAYMENT_SESSION", Meaning::Final),
            (404, "NOT_FOUND_PAYMENT", Meaning::Final),
            (403, "FDS_ERROR", Meaning::Final),
            (400, "NOT_AVAILABLE_PAYMENT", Meaning::Final),
            (403, "NOT_AVAILABLE_BANK", Meaning::Final),
            (403, "NOT_CANCELABLE_AMOUNT", Meaning::Final),
            (403, "NOT_CANCELABLE_PAYMENT", Meaning::Final),
            (403, "EXCEED_MAX_REFUND_DUE", Meaning::Final),
            (500, "REJECT_CARD_PAYMENT", Meaning::Query(ServerError)),
            (200, "REJECT_CARD_PAYMENT", Meaning::Query(UnlistedCode)),
            (401, "UNAUTHORIZED_KEY", Meaning::Query(Misconfigured)),
            (401, "", Meaning::Query(Misconfigured)),
            (400, "INVALID_API_KEY", Meaning::Query(Misconfigured)),
            (403, "INCORRECT_BASIC_AUTH_FORMAT", Meaning::Query(Misconfigured)),
            (403, "FORBIDDEN_REQUEST", Meaning::Query(Misconfigured)),
            (400, "INVALID_IDEMPOTENCY_KEY", Meaning::Query(Misconfigured)),
            (400, "SOMETHING_NEW", Meaning::Query(UnlistedCode)),
            (400, "INVALID_REQUEST", Meaning::Query(UnlistedCode)),
            (404, "", Meaning::Query(UnlistedCode)),
            (503, "", Meaning::Query(ServerError)),
        ];
        for (status, code, expected) in table {
            assert_eq!(meaning(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn no_code_is_on_two_lists() {
        let mut codes: Vec<_> = [QUERY, FINAL, MISCONFIGURED].concat();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
