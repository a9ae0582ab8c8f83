//! `GET /v1/me/tickets`: what the buyer owns.

use axum::extract::State;
use axum::response::Response;

use super::page::{Page, page};
use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params};
use crate::http::routes::json;
use crate::json::TicketPageJson;

/// My tickets
///
/// Paged by order, so a page can be short or empty while there is a next one.
#[utoipa::path(
    get, path = "/v1/me/tickets", tag = "buyer", operation_id = "list_tickets",
    security(("bearer" = [])),
    params(Page),
    responses(
        (status = 200, body = TicketPageJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn tickets(
    State(app): State<App>,
    Buyer(account): Buyer,
    Params(which): Params<Page>,
) -> Result<Response, Problem> {
    let (tickets, next) = page(&app, account, &which, |order, scene| scene.tickets_of(order))?;
    let tickets = tickets.into_iter().flatten().collect();
    Ok(json(&TicketPageJson { tickets, next }))
}
