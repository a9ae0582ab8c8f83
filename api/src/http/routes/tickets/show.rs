//! `GET /v1/tickets/{id}`: one ticket.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::TicketId;

use super::shown;
use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::json;
use crate::json::HeldTicketJson;

/// A ticket
///
/// Its holder sees it with the code for the gate; who bought it, and who is offered it, without.
#[utoipa::path(
    get, path = "/v1/tickets/{id}", tag = "buyer", operation_id = "show_ticket",
    security(("bearer" = [])),
    params(("id" = String, Path, example = "1018-2-80.1")),
    responses(
        (status = 200, body = HeldTicketJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<App>,
    Buyer(account): Buyer,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("ticket_unknown");
    let id: TicketId = id.parse().map_err(|_| unknown())?;
    let document = {
        let look = app.views.look(id.order.0.slot());
        let held = look.state().ticket(id).ok_or_else(unknown)?;
        let is_offered = held.offer().is_some_and(|offer| offer.to == account);
        if ![held.holder(), held.order.account].contains(&account) && !is_offered {
            return Err(unknown());
        }
        shown(&app, &look, id, account).ok_or_else(unknown)?
    };
    Ok(json(&document))
}
