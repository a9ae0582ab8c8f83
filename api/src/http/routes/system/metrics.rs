//! `GET /metrics`: the Prometheus text format.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::http::router::App;

/// Metrics
#[utoipa::path(
    get, path = "/metrics", tag = "system", operation_id = "show_metrics",
    responses((status = 200, body = String, content_type = "text/plain", description = "The Prometheus text format"))
)]
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    app.authenticator.measure();
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (headers, app.health.metrics())
}
