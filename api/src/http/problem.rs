//! Every error that a client sees: one RFC 9457 problem document with a stable `code`.
//!
//! Internals are logged where they happen and never shown. This module knows no route.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use boxoffice_topics::ticket::TicketUse;
use boxoffice_topics::{IntentId, Refusal, RefusalCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::TicketUseJson;

/// The media type of problems.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// When somebody is let into a waiting room whose every place is taken: nobody knows, and a
/// million who try each second would be an attack.
const FULL_ROOM_SECONDS: u16 = 60;

/// An error as clients see it (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemJson {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    kind: Cow<'static, str>,
    /// The code in words.
    title: Cow<'static, str>,
    /// The HTTP status.
    #[serde(serialize_with = "status_number")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
    /// Stable, for programs to branch on.
    code: Cow<'static, str>,
    /// Path of the offending field in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The intent that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Its partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u16>,
    /// Its offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// Which item of the intent's list was refused, from zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u16>,
    /// The intent was decided before, under the same idempotency key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
    /// Seconds to wait before the next try; what the header Retry-After says, for the lines of a
    /// batch, which have no headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u16>,
    /// Where and when somebody came in with the ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<TicketUseJson>,
}

/// An error on its way to a client. It is boxed because almost every result could be one.
#[derive(Clone, Debug)]
pub struct Problem(Box<Answer>);

#[derive(Clone, Debug)]
struct Answer {
    document: ProblemJson,
    headers: Headers,
}

/// The headers that some problems carry.
#[derive(Clone, Copy, Debug, Default)]
struct Headers {
    challenge: Option<&'static str>,
    close: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn status_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem with this status and code. The title is the code in words.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str) -> Self {
        let mut kind = String::with_capacity(10 + code.len());
        kind.push_str("/problems/");
        kind.push_str(code);
        let document = ProblemJson {
            kind: kind.into(),
            title: in_words(code).into(),
            status,
            detail: None,
            code: code.into(),
            path: None,
            id: None,
            partition: None,
            offset: None,
            item: None,
            repeated: false,
            retry_after_seconds: None,
            used: None,
        };
        Self(Box::new(Answer { document, headers: Headers::default() }))
    }

    /// Says what is wrong with this request.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.document.detail = Some(detail.into());
        self
    }

    /// Names the field of the body.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.0.document.path = Some(path.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after_seconds(mut self, seconds: u16) -> Self {
        self.0.document.retry_after_seconds = Some(seconds);
        self
    }

    /// Says where and when a ticket was used.
    #[must_use]
    pub fn used(mut self, before: &TicketUse) -> Self {
        self.0.document.used = Some(before.into());
        self
    }

    /// Ends the connection after the answer: the rest of the body is not worth reading.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.0.headers.close = true;
        self
    }

    /// A refused intent.
    #[must_use]
    pub fn refused(id: IntentId, refusal: Refusal, repeated: bool) -> Self {
        let mut problem = Self::new(refusal_status(refusal.code), refusal.code.as_str());
        if let Some(item) = refusal.item {
            problem.0.document.detail = Some(format!("item {item} of the list").into());
        }
        if refusal.code == RefusalCode::WaitingRoomFull {
            problem.0.document.retry_after_seconds = Some(FULL_ROOM_SECONDS);
        }
        problem.0.document.id = Some(id.to_string());
        problem.0.document.partition = Some(id.partition().number());
        problem.0.document.offset = Some(id.offset().number());
        problem.0.document.item = refusal.item;
        problem.0.document.repeated = repeated;
        problem
    }

    /// What an intent would be refused with.
    #[must_use]
    pub fn would_be_refused(refusal: Refusal) -> Self {
        let mut problem = Self::new(refusal_status(refusal.code), refusal.code.as_str());
        problem.0.document.item = refusal.item;
        problem
    }

    /// 400 for a request whose syntax is wrong.
    #[must_use]
    pub fn malformed(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code).detail(detail)
    }

    /// 422 for a request that is well formed and cannot be meant.
    #[must_use]
    pub fn invalid(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code).detail(detail)
    }

    /// 401, with the challenge that RFC 6750 asks for.
    #[must_use]
    pub fn unauthorized(code: &'static str, detail: &'static str) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, code).detail(detail);
        problem.0.headers.challenge = Some(match code {
            "token_missing" => r#"Bearer realm="boxoffice""#,
            _ => r#"Bearer realm="boxoffice", error="invalid_token""#,
        });
        problem
    }

    /// 403 for a role that may not do this.
    #[must_use]
    pub fn forbidden(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "role_not_allowed").detail(detail)
    }

    /// 404 for a thing that does not exist, or that the caller may not know of.
    #[must_use]
    pub fn not_found(code: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code)
    }

    /// 500 for what is our fault. The reason is in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error")
    }

    /// 503 for what another try may find gone.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code).detail(detail).retry_after_seconds(1)
    }

    /// 413, known before the body was read.
    #[must_use]
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
            .detail(format!("the body may have {limit} bytes"))
            .close()
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.document.status
    }

    /// Writes the document at the end of `buffer`.
    pub fn write_to(&self, buffer: &mut Vec<u8>) {
        if let Err(error) = serde_json::to_writer(buffer, &self.0.document) {
            unreachable!("memory takes every byte and every field is a text or a number: {error}");
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut body = Vec::with_capacity(256);
        self.write_to(&mut body);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.document.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.0.headers.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self.0.headers.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The status of a refusal. Refusals are answers to a well-formed intent: mostly conflicts with
/// what is so.
#[must_use]
pub const fn refusal_status(code: RefusalCode) -> StatusCode {
    match code {
        RefusalCode::PerformanceUnknown
        | RefusalCode::SeatUnknown
        | RefusalCode::SectionUnknown
        | RefusalCode::PriceLevelUnknown
        | RefusalCode::HoldUnknown
        | RefusalCode::OrderUnknown
        | RefusalCode::PaymentUnknown
        | RefusalCode::CampaignUnknown
        | RefusalCode::CouponUnknown
        | RefusalCode::TicketUnknown
        | RefusalCode::ChannelUnknown
        | RefusalCode::RoomTypeUnknown
        | RefusalCode::NightUnknown
        | RefusalCode::RowUnknown => StatusCode::NOT_FOUND,
        RefusalCode::HoldOwnedByAnother
        | RefusalCode::OrderOwnedByAnother
        | RefusalCode::CouponOwnedByAnother
        | RefusalCode::TicketOwnedByAnother
        | RefusalCode::CouponCodeWrong
        | RefusalCode::ChannelCodeWrong => StatusCode::FORBIDDEN,
        RefusalCode::IdempotencyKeyReused
        | RefusalCode::SeatRepeated
        | RefusalCode::QuantityOutOfRange
        | RefusalCode::DefinitionInvalid
        | RefusalCode::WaitingRoomRulesInvalid
        | RefusalCode::SeedMismatch
        | RefusalCode::CampaignInvalid
        | RefusalCode::PointsInvalid
        | RefusalCode::TicketRulesInvalid
        | RefusalCode::TransferToSelf
        | RefusalCode::RefundTermsInvalid
        | RefusalCode::SettlementTermsInvalid
        | RefusalCode::MoveInvalid
        | RefusalCode::PostInvalid
        | RefusalCode::TicketRepeated => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalCode::WaitingRoomFull | RefusalCode::SlotsMoving => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::CONFLICT,
    }
}

/// `seat_already_held` as `Seat already held`.
fn in_words(code: &str) -> String {
    let mut words = String::with_capacity(code.len());
    for (index, letter) in code.chars().enumerate() {
        let written = match letter {
            '_' => words.write_char(' '),
            _ if index == 0 => words.write_char(letter.to_ascii_uppercase()),
            _ => words.write_char(letter),
        };
        debug_assert!(written.is_ok(), "a string takes every character");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unknown_is_404_and_every_foreign_thing_is_403() {
        for code in RefusalCode::ALL {
            let (status, name) = (refusal_status(*code), code.as_str());
            assert_eq!(name.ends_with("_unknown"), status == StatusCode::NOT_FOUND, "{name}");
            let is_foreign = name.ends_with("_owned_by_another") || name.ends_with("_code_wrong");
            assert_eq!(is_foreign, status == StatusCode::FORBIDDEN, "{name}");
            assert!(!name.ends_with("_invalid") || status == StatusCode::UNPROCESSABLE_ENTITY);
        }
    }

    #[test]
    fn the_title_is_the_code_in_words() {
        assert_eq!(in_words("seat_already_held"), "Seat already held");
    }
}
