//! `GET /v1/me/coupons`: the buyer's coupons.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::{AccountId, CouponId, PerformanceId};

use crate::http::auth::Buyer;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Services};
use crate::http::routes::json;
use crate::json::{CouponJson, CouponListJson};

/// My coupons
///
/// Those that can still be used, and those that an order has. A coupon of a campaign that spans
/// performances is here as soon as one of them knows of it.
#[utoipa::path(
    get, path = "/v1/me/coupons", tag = "buyer", operation_id = "list_coupons",
    security(("bearer" = [])),
    responses(
        (status = 200, body = CouponListJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn coupons(State(app): State<App>, Buyer(account): Buyer) -> Result<Response, Problem> {
    let known = known_coupons(&app, account);
    let show = |(id, performances): (&CouponId, &Vec<PerformanceId>)| {
        let look = app.views.look(id.0.slot());
        let coupon = look.state().coupon(*id)?;
        let campaign = look.state().campaign(coupon.campaign)?;
        let is_over = coupon.uses_left == 0 && coupon.reserved == 0;
        (!is_over).then(|| CouponJson::of(coupon, campaign, performances)).flatten()
    };
    Ok(json(&CouponListJson { coupons: known.iter().filter_map(show).collect() }))
}

/// The coupons that performances know the account to have.
fn known_coupons(app: &Services, account: AccountId) -> BTreeMap<CouponId, Vec<PerformanceId>> {
    let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for look in app.views.looks() {
        for performance in look.state().performances().map(|performance| performance.id()) {
            for (coupon, _) in look.state().coupons_of(performance, account) {
                known.entry(coupon).or_default().push(performance);
            }
        }
    }
    known
}
