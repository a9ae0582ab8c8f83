//! `GET /readyz`: the node sells.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::health::ReadinessJson;
use crate::http::router::App;
use crate::http::routes::json;

/// The node sells
///
/// 503 when it does not. A database that is away is shown and does not stop sales.
#[utoipa::path(
    get, path = "/readyz", tag = "system", operation_id = "show_readiness",
    responses(
        (status = 200, body = ReadinessJson, description = "It sells"),
        (status = 503, body = ReadinessJson, description = "It does not sell, and why"),
    )
)]
pub async fn readyz(State(app): State<App>) -> Response {
    let readiness = app.health.readiness(&app).await;
    let status =
        if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = json(&readiness).into_response();
    *response.status_mut() = status;
    response
}
