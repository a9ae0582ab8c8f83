//! `GET /v1/performances/{id}/waiting-room`: how long the row is, and where a buyer stands in it.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::{PerformanceId, Slot};

use crate::http::auth::{Role, Visitor};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::{json, now};
use crate::json::WaitingRoomJson;

/// The waiting room
///
/// Everybody sees its rules, its size and what is published of its lottery. With a buyer's token
/// it also says where the buyer stands, and when to look again: looking earlier shows nothing
/// new. Looking is no sign of life; `heartbeat` is.
#[utoipa::path(
    get, path = "/v1/performances/{id}/waiting-room", tag = "performances",
    operation_id = "show_waiting_room",
    security((), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = WaitingRoomJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn waiting_room(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("performance_unknown");
    let id: PerformanceId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(Slot::of(id));
        let performance = look.state().performance(id).ok_or_else(unknown)?;
        let buyer = caller.filter(|caller| caller.role == Role::Buyer);
        let standing = buyer.map(|buyer| performance.standing(buyer.account, now()).into());
        WaitingRoomJson { standing, ..WaitingRoomJson::of(performance, look.state().partition()) }
    };
    Ok(json(&document))
}
