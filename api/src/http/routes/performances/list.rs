//! `GET /v1/performances`: what there is.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params};
use crate::http::routes::{json, now};
use crate::json::{PerformancePageJson, PerformanceSummaryJson};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, up to 1,000; 100 when absent.
    limit: Option<usize>,
}

/// What there is
///
/// In the order of creation, partition by partition.
#[utoipa::path(
    get, path = "/v1/performances", tag = "performances", operation_id = "list_performances",
    params(Page),
    responses(
        (status = 200, body = PerformancePageJson),
        (status = 400, body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<App>, Params(page): Params<Page>) -> Result<Response, Problem> {
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let (first, mut skip) = page.after.as_deref().map_or(Ok((0, 0)), cursor)?;
    let now = now();
    let mut performances = Vec::new();
    let mut next = None;
    'page: for partition in app.views.partitions().skip(usize::from(first)) {
        let look = app.views.look_at(partition);
        for (index, performance) in look.state().performances().enumerate().skip(skip) {
            if performances.len() == limit {
                next = Some(format!("{partition}-{index}"));
                break 'page;
            }
            performances.push(PerformanceSummaryJson::of(performance, now));
        }
        skip = 0;
    }
    Ok(json(&PerformancePageJson { performances, next }))
}

/// Partition, and how many of its performances to skip: they are never removed or reordered.
fn cursor(after: &str) -> Result<(u16, usize), Problem> {
    let parts = after
        .split_once('-')
        .and_then(|(partition, index)| Some((partition.parse().ok()?, index.parse().ok()?)));
    parts.ok_or_else(|| Problem::malformed("cursor_malformed", "pass `next` of the page before"))
}
