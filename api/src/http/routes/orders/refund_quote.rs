//! `GET /v1/orders/{id}/refund-quote`: what would come back of an order, or of some of its tickets.

use axum::extract::State;
use axum::response::Response;
use boxoffice_core::WantedTickets;
use boxoffice_topics::OrderId;
use boxoffice_topics::refund::TicketNumbers;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params, Segment};
use crate::http::routes::{json, now};
use crate::json::RefundQuoteJson;

/// Which tickets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Numbers of tickets, joined by commas; all that are left when absent.
    #[param(example = "1,2")]
    tickets: Option<String>,
}

/// What would come back
///
/// By the terms under which the order was confirmed, or by those of now if they leave more. Exactly
/// this comes back when it is asked for before `holds_until` and nobody changed the terms.
#[utoipa::path(
    get, path = "/v1/orders/{id}/refund-quote", tag = "buyer", operation_id = "show_refund_quote",
    security(("bearer" = [])),
    params(("id" = String, Path, example = "1018-2-80"), Wanted),
    responses(
        (status = 200, body = RefundQuoteJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn refund_quote(
    State(app): State<App>,
    Buyer(account): Buyer,
    Segment(id): Segment,
    Params(wanted): Params<Wanted>,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("order_unknown");
    let id: OrderId = id.parse().map_err(|_| unknown())?;
    let numbers = wanted.tickets.as_deref().map(numbers).transpose()?;
    let wanted = match &numbers {
        Some(numbers) => WantedTickets::Named { numbers, places: &[] },
        None => WantedTickets::All,
    };
    let document = {
        let look = app.views.look(id.0.slot());
        let state = look.state();
        let order = state.order(id).filter(|order| order.account == account);
        let order = order.ok_or_else(unknown)?;
        // An order is decided about by the clock of its log, which may be ahead.
        let quote = state.refund_quote(order, &wanted, now().max(state.now()));
        RefundQuoteJson::of(id, &quote.map_err(Problem::would_be_refused)?)
    };
    Ok(json(&document))
}

fn numbers(text: &str) -> Result<TicketNumbers, Problem> {
    let invalid = || {
        let detail = format!("must be 1 to {} numbers", TicketNumbers::new().capacity());
        Problem::invalid("query_invalid", detail).path("tickets")
    };
    let mut numbers = TicketNumbers::new();
    for number in text.split(',') {
        let number = number.parse().map_err(|_| invalid())?;
        numbers.try_push(number).map_err(|_| invalid())?;
    }
    Ok(numbers)
}
