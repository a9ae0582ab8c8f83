//! `POST /v1/intents`: one intent. The hot path of the house.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::response::IntoResponse as _;
use boxoffice_topics::{AccountId, IntentKey};

use super::answer::{Answer, answer, ask};
use crate::config::duration;
use crate::http::auth::Caller;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Services};
use crate::http::{body, headers, metric_definitions};
use crate::json::{AcceptedJson, DecidedJson, IntentRequest};

/// Ask for something
///
/// The intent is accepted when it is on stable storage, and from then on it gets exactly one
/// reply. Send an `Idempotency-Key` and the same request again is answered as it was the first
/// time. `Prefer: wait=0` returns when the intent is accepted.
#[utoipa::path(
    post, path = "/v1/intents", tag = "intents", operation_id = "submit_intent",
    security(("bearer" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Quoted string, for instance \"7f3c\""),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: seconds to wait for the outcome, 5 when absent"),
        ("traceparent" = Option<String>, Header, description = "W3C trace context, kept with the intent"),
    ),
    request_body = IntentRequest<'static>,
    responses(
        (status = 200, body = DecidedJson, description = "Decided"),
        (status = 202, body = AcceptedJson, description = "Accepted; look at the Location later"),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json", description = "Refused, or not understood"),
        (status = 503, body = ProblemJson, content_type = "application/problem+json", description = "Come back after Retry-After"),
    )
)]
pub async fn submit(State(app): State<App>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let response = match handle(&app, request).await {
        Ok(answer) => answer.into_response(&app),
        Err(problem) => problem.into_response(),
    };
    metric_definitions::intent_answered(started.elapsed());
    response
}

async fn handle(app: &Services, request: Request) -> Result<Answer, Problem> {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(&parts, app).map_err(Problem::close)?;
    headers::require_content_type(&parts.headers, &["application/json"])?;
    let idempotency_key = headers::idempotency_key(&parts.headers)?;
    let wait = headers::wait(&parts.headers, app.wait_max());
    let limits = &app.limits;
    let timeout = duration(limits.body_timeout_ms);
    let body = body::read(body, limits.body_bytes_max.get(), timeout).await?;
    let key = intent_key(app, caller.account, idempotency_key.as_deref());
    let traceparent = headers::traceparent(&parts.headers);
    let asked = ask(app, caller, &body, key, traceparent, wait)?;
    Ok(answer(app, asked).await)
}

/// The keyed hash of the client's key, or a random one.
pub(super) fn intent_key(app: &Services, account: AccountId, key: Option<&str>) -> IntentKey {
    match key {
        Some(key) => app.names.intent_key(account, key),
        None => IntentKey::from_u128(rand::random()),
    }
}
