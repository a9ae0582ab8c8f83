//! `GET /v1/me/orders`: the buyer's orders.

use axum::extract::State;
use axum::response::Response;

use super::page::{Page, page};
use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params};
use crate::http::routes::json;
use crate::json::{OrderJson, OrderPageJson};

/// My orders
#[utoipa::path(
    get, path = "/v1/me/orders", tag = "buyer", operation_id = "list_orders",
    security(("bearer" = [])),
    params(Page),
    responses(
        (status = 200, body = OrderPageJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn orders(
    State(app): State<App>,
    Buyer(account): Buyer,
    Params(which): Params<Page>,
) -> Result<Response, Problem> {
    let (orders, next) = page(&app, account, &which, OrderJson::of)?;
    Ok(json(&OrderPageJson { orders, next }))
}
