//! `GET /v1/performances/{id}`: one performance with its seat map.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::{PerformanceId, Slot};

use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::{json, now};
use crate::json::PerformanceJson;

/// A performance with its seat map
#[utoipa::path(
    get, path = "/v1/performances/{id}", tag = "performances", operation_id = "show_performance",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = PerformanceJson),
        (status = 404, body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn show(State(app): State<App>, Segment(id): Segment) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("performance_unknown");
    let id: PerformanceId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(Slot::of(id));
        PerformanceJson::of(look.state().performance(id).ok_or_else(unknown)?, now())
    };
    Ok(json(&document))
}
