//! `GET /v1/holds/{id}`: one hold of the buyer's own.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::HoldId;

use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::json;
use crate::json::HoldJson;

/// A hold
///
/// Holds that ended are remembered for a while.
#[utoipa::path(
    get, path = "/v1/holds/{id}", tag = "buyer", operation_id = "show_hold",
    security(("bearer" = [])),
    params(("id" = String, Path, example = "1018-2-77")),
    responses(
        (status = 200, body = HoldJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<App>,
    Buyer(account): Buyer,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("hold_unknown");
    let id: HoldId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(id.0.slot());
        let live = look.state().hold(id).filter(|hold| hold.account == account);
        let ended = look.state().ended_hold(id).filter(|hold| hold.account == account);
        match (live, ended) {
            (Some(hold), _) => HoldJson::live(hold, look.scene()),
            (None, Some(hold)) => HoldJson::ended(hold),
            // A foreign hold is as unknown as one that never was.
            (None, None) => return Err(unknown()),
        }
    };
    Ok(json(&document))
}
