//! `GET /v1/ticket-keys`: what codes of tickets are verified with.

use axum::extract::State;
use axum::response::Response;

use crate::http::router::App;
use crate::http::routes::json;
use crate::tickets::TicketKeySetJson;

/// The keys of tickets
///
/// A JSON Web Key Set. With it a scanner verifies codes without a connection; `docs/WIRE.md` says
/// what a code is made of.
#[utoipa::path(
    get, path = "/v1/ticket-keys", tag = "performances", operation_id = "list_ticket_keys",
    responses((status = 200, body = TicketKeySetJson))
)]
pub async fn keys(State(app): State<App>) -> Response {
    json(&app.ticket_keys.published())
}
