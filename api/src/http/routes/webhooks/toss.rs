//! `POST /v1/webhooks/toss`: the provider says that a payment has changed.
//!
//! The message is not signed and nothing in it is believed: it only makes the executor ask the
//! provider about a payment that the log knows.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use boxoffice_sinks::payments::HintError;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::config::duration;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::App;
use crate::http::{body, headers};
use crate::json::parse;

/// The part of a message that names a payment. The provider adds fields as it likes.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TossMessage {
    /// What the message is about.
    data: TossPayment,
}

/// A payment by the provider's names.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TossPayment {
    /// The provider's name of the payment.
    payment_key: String,
    /// Our name of the order at the provider.
    order_id: String,
}

/// A payment has changed
///
/// Answered when what the provider says is in the log; before that the provider sends it again.
#[utoipa::path(
    post, path = "/v1/webhooks/toss", tag = "system", operation_id = "take_toss_webhook",
    request_body = TossMessage,
    responses(
        (status = 200, description = "Taken note of"),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
        (status = 503, body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn toss(State(app): State<App>, request: Request) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    headers::require_content_type(&parts.headers, &["application/json"])?;
    let limits = &app.limits;
    let timeout = duration(limits.body_timeout_ms);
    let body = body::read(body, limits.body_bytes_max.get(), timeout).await?;
    let TossMessage { data } = parse(&body)?;
    let Some(executor) = app.health.executor() else {
        return Err(Problem::unavailable(
            "executor_elsewhere",
            "another process talks to the provider now",
        ));
    };
    match executor.hint(&data.payment_key, &data.order_id).await {
        // A stranger learns nothing from the answer about a payment that we do not know.
        Ok(_) => Ok(StatusCode::OK),
        Err(HintError::Busy) => {
            Err(Problem::unavailable("too_many_webhooks", "too many webhooks wait"))
        }
        Err(HintError::Provider(_)) => {
            Err(Problem::unavailable("provider_unavailable", "the provider could not be asked"))
        }
        Err(HintError::Stopped) => {
            Err(Problem::unavailable("not_accepting", "this node is shutting down"))
        }
    }
}
