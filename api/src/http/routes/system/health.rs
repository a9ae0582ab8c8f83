//! `GET /healthz`: the process answers.

/// The process answers
#[utoipa::path(
    get, path = "/healthz", tag = "system", operation_id = "show_health",
    responses((status = 200, body = String, description = "It answers"))
)]
pub async fn healthz() -> &'static str {
    "ok\n"
}
