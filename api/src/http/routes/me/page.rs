//! Pages of a buyer's orders by place in the log: an order never changes its place, so no page
//! misses one or shows one twice, whatever is bought in between.

use boxoffice_core::Order;
use boxoffice_topics::{AccountId, OrderId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::problem::Problem;
use crate::http::router::Services;
use crate::json::Scene;

const LIMIT_DEFAULT: usize = 50;
pub(super) const LIMIT_MAX: usize = 500;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many orders, up to 500; 50 when absent.
    limit: Option<usize>,
}

impl Page {
    pub(super) const fn is_first(&self) -> bool {
        self.after.is_none()
    }
}

/// Shows a page of orders, and says where the next one begins.
pub(super) fn page<T>(
    app: &Services,
    account: AccountId,
    page: &Page,
    mut show: impl FnMut(&Order, Scene<'_>) -> T,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let malformed = |_| Problem::malformed("cursor_malformed", "pass `next` of the page before");
    let after: Option<OrderId> =
        page.after.as_deref().map(str::parse).transpose().map_err(malformed)?;
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let mut ids: Vec<OrderId> = Vec::new();
    for look in app.views.looks() {
        ids.extend(look.state().orders_of(account).map(|order| order.id));
    }
    // Partition by partition, by where they were asked for: that stays when slots move.
    let place = |id: &OrderId| (id.0.partition(), id.0.offset());
    ids.sort_unstable_by_key(place);
    ids.dedup();
    let mut shown = Vec::new();
    let mut last = None;
    for id in ids.iter().filter(|id| after.is_none_or(|after| place(id) > place(&after))) {
        if shown.len() == limit {
            return Ok((shown, last));
        }
        let look = app.views.look(id.0.slot());
        let Some(order) = look.state().order(*id) else { continue };
        shown.push(show(order, look.scene()));
        last = Some(id.to_string());
    }
    Ok((shown, None))
}
