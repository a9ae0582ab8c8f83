//! `GET /v1/performances/{id}/check-ins`: what went through which gate.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::{PerformanceId, Slot};

use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::json;
use crate::json::CheckInsJson;

/// What went through the gates
///
/// For promoters, operators and gates.
#[utoipa::path(
    get, path = "/v1/performances/{id}/check-ins", tag = "performances",
    operation_id = "show_check_ins",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = CheckInsJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn check_ins(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    caller.require_one_of(&[Role::Promoter, Role::Operator, Role::Gate])?;
    let unknown = || Problem::not_found("performance_unknown");
    let id: PerformanceId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(Slot::of(id));
        look.state().performance(id).ok_or_else(unknown)?;
        CheckInsJson::of(id, look.state())
    };
    Ok(json(&document))
}
