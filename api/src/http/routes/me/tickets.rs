//! `GET /v1/me/tickets`: what the buyer owns.

use axum::extract::State;
use axum::response::Response;
use boxoffice_core::OrderState;
use boxoffice_topics::{AccountId, TicketId};

use super::page::{LIMIT_MAX, Page, page};
use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params, Services};
use crate::http::routes::json;
use crate::http::routes::tickets::shown;
use crate::json::{HeldTicketJson, TicketPageJson};

/// My tickets
///
/// With the codes that are shown at the gate. Paged by order, so a page can be short or empty
/// while there is a next one. Tickets that came from others, and offers of others, are on the
/// first page, 500 of each at most.
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
    let (ids, next) = page(&app, account, &which, |order, scene| {
        let count = match order.state {
            OrderState::Confirmed => u16::try_from(order.places.count()).unwrap_or(u16::MAX),
            _ => 0,
        };
        let ids = (1..=count).map(|number| TicketId { order: order.id, number });
        let is_theirs =
            |id: &TicketId| scene.state.ticket(*id).is_some_and(|held| held.holder() == account);
        ids.filter(is_theirs).collect::<Vec<_>>()
    })?;
    let (received, offered) =
        if which.is_first() { of_others(&app, account) } else { Default::default() };
    let document = TicketPageJson {
        tickets: documents(&app, account, ids.concat()),
        received: documents(&app, account, received),
        offered: documents(&app, account, offered),
        next,
    };
    Ok(json(&document))
}

/// Tickets that came from other accounts, and tickets that they offer.
fn of_others(app: &Services, account: AccountId) -> (Vec<TicketId>, Vec<TicketId>) {
    let (mut received, mut offered) = (Vec::new(), Vec::new());
    for look in app.views.looks() {
        received.extend(look.state().tickets_received(account).take(LIMIT_MAX));
        offered.extend(look.state().tickets_offered_to(account).take(LIMIT_MAX));
    }
    received.truncate(LIMIT_MAX);
    offered.truncate(LIMIT_MAX);
    (received, offered)
}

/// The tickets as their holder sees them. One that is void by now is left out.
fn documents(app: &Services, account: AccountId, ids: Vec<TicketId>) -> Vec<HeldTicketJson> {
    let document = |id: TicketId| {
        let look = app.views.look(id.order.0.slot());
        shown(app, &look, id, account).filter(|document| document.state != "void")
    };
    ids.into_iter().filter_map(document).collect()
}
