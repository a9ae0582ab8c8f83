//! `GET /v1/campaigns/{id}`: one campaign, without the code that opens it.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::CampaignId;

use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::{json, now};
use crate::json::CampaignViewJson;

/// A coupon campaign
///
/// What a coupon is good for, and how many are out. The code that opens it is never shown.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", tag = "performances", operation_id = "show_campaign",
    params(("id" = String, Path, example = "1018-2-70")),
    responses(
        (status = 200, body = CampaignViewJson),
        (status = 404, body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn show(State(app): State<App>, Segment(id): Segment) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("campaign_unknown");
    let id: CampaignId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(id.0.slot());
        CampaignViewJson::of(look.state().campaign(id).ok_or_else(unknown)?, now())
    };
    Ok(json(&document))
}
