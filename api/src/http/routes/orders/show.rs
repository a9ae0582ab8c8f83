//! `GET /v1/orders/{id}`: one order of the buyer's own.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::OrderId;

use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::json;
use crate::json::OrderJson;

/// An order
///
/// One that waits for a coupon or for points is `reserving`; if it is not placed, it is gone and
/// its hold lives on.
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "buyer", operation_id = "show_order",
    security(("bearer" = [])),
    params(("id" = String, Path, example = "1018-2-80")),
    responses(
        (status = 200, body = OrderJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<App>,
    Buyer(account): Buyer,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("order_unknown");
    let id: OrderId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(id.0.slot());
        let placed = look.state().order(id).filter(|order| order.account == account);
        let reserving = look.state().reserving_order(id).filter(|order| order.account == account);
        match (placed, reserving) {
            (Some(order), _) => OrderJson::of(order, look.scene()),
            (None, Some(order)) => OrderJson::reserving(order, look.scene()),
            (None, None) => return Err(unknown()),
        }
    };
    Ok(json(&document))
}
