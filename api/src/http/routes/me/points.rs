//! `GET /v1/me/points`: the buyer's wallet.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::{AccountId, Currency, Slot};

use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Services};
use crate::http::routes::{json, now};
use crate::json::WalletJson;

/// My points
///
/// What can be spent, what orders keep, what is owed, and when which points expire.
#[utoipa::path(
    get, path = "/v1/me/points", tag = "buyer", operation_id = "show_points",
    security(("bearer" = [])),
    responses(
        (status = 200, body = WalletJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn points(State(app): State<App>, Buyer(account): Buyer) -> Result<Response, Problem> {
    let mut currencies = ordered_in(&app, account);
    let document = {
        let look = app.views.look(Slot::of_account(account));
        let wallet = look.state().wallet(account);
        currencies.extend(wallet.into_iter().flat_map(|it| it.lots()).map(|lot| lot.free.currency));
        WalletJson::of(wallet, currencies, now())
    };
    Ok(json(&document))
}

/// A wallet without a lot can owe what an order earned, in the currency of that order.
fn ordered_in(app: &Services, account: AccountId) -> BTreeSet<Currency> {
    let mut currencies = BTreeSet::new();
    for look in app.views.looks() {
        currencies.extend(look.state().orders_of(account).map(|order| order.total.currency));
    }
    currencies
}
