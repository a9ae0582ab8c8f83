//! `GET /v1/performances/{id}/channels`: what is set aside, for promoters.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::{PerformanceId, Slot};

use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::json;
use crate::json::ChannelListJson;

/// The channels of a performance
///
/// For promoters and operators: for whom places are set aside, and where they are. The codes are
/// never shown.
#[utoipa::path(
    get, path = "/v1/performances/{id}/channels", tag = "performances",
    operation_id = "list_channels",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = ChannelListJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn channels(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    caller.require_one_of(&[Role::Promoter, Role::Operator])?;
    let unknown = || Problem::not_found("performance_unknown");
    let id: PerformanceId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(Slot::of(id));
        ChannelListJson::of(look.state().performance(id).ok_or_else(unknown)?)
    };
    Ok(json(&document))
}
