//! Waits until the house is quiet: every hold and order has ended, every payment is known, the
//! provider's books and the log agree, the rows are written.

use std::time::{Duration, Instant};

use super::books::Books;
use super::client::GaveUp;
use super::reading::Reading;
use super::shop::Shop;
use super::trace::Trace;
use crate::http::auth::Names;

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Follows the log until nothing is open, at most for `patience`; the audit says what was still
/// open then. Returns the provider's books as of the end.
pub(super) async fn until_quiet(
    shop: &Shop,
    names: Option<&Names>,
    reading: &mut Reading,
    patience: Duration,
) -> Result<Books, GaveUp> {
    let began = Instant::now();
    loop {
        let late_money_has_come = shop.late_money.has_come();
        reading.catch_up(shop, names).await?;
        let Reading { trace, model, .. } = &*reading;
        let books = Books::read(&shop.client.books().await?, model);
        let quiet = late_money_has_come
            && trace.undecided() == 0
            && model.open_ends().is_empty()
            && books.agree_with(model)
            && rows_are_written(shop, trace).await?;
        if quiet || began.elapsed() > patience {
            return Ok(books);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the rows of the database have caught up, where there is one.
async fn rows_are_written(shop: &Shop, trace: &Trace) -> Result<bool, GaveUp> {
    let readiness = shop.client.get(trace.token(), "/readyz").await?;
    Ok(readiness["postgres"].is_null() || readiness["postgres"]["lag_records"] == 0)
}
