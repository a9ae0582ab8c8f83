//! `POST /v1/partitions/scale`: spreads the slots over a number of partitions.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::list::{PartitionsJson, document};
use crate::config::duration;
use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::App;
use crate::http::routes::json;
use crate::http::{body, headers};
use crate::json::parse;
use crate::scaling::Scaling;

/// How far to scale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleJson {
    /// Partitions that slots shall be spread over.
    #[schema(example = 8)]
    to: u16,
}

/// Spread the work over more partitions, or fewer
///
/// Slots move while they sell: what is asked of one on its way is answered where it arrives.
/// Answers at once; `GET /v1/partitions` says how far it is. Asking again after a crash goes on.
/// For operators.
#[utoipa::path(
    post, path = "/v1/partitions/scale", tag = "operator", operation_id = "scale_partitions",
    security(("bearer" = [])),
    request_body = ScaleJson,
    responses(
        (status = 202, body = PartitionsJson, description = "It begins"),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
        (status = 503, body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn scale(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    Caller::of(&parts, &app)?.require(Role::Operator)?;
    headers::require_content_type(&parts.headers, &["application/json"])?;
    let limits = &app.limits;
    let timeout = duration(limits.body_timeout_ms);
    let body = body::read(body, limits.body_bytes_max.get(), timeout).await?;
    let ScaleJson { to } = parse(&body)?;
    if !Scaling::is_possible(to) {
        let most = boxoffice_topics::partition::PARTITIONS_MAX;
        return Err(Problem::invalid("body_invalid", format!("1 to {most} partitions")).path("to"));
    }
    let busy = |_| Problem::unavailable("scaling", "another scaling waits already");
    app.scaling.scale(to).map_err(busy)?;
    let mut response = json(&document(&app).await);
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}
