//! `GET /v1/performances/{id}/availability`: which places can be had, with a strong ETag.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use boxoffice_core::{Performance, SaleState};
use boxoffice_topics::{PartitionId, PerformanceId, Slot, Timestamp};

use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment};
use crate::http::routes::{json, now};
use crate::json::AvailabilityJson;

/// Which places can be had
///
/// Ask again with `If-None-Match`: nothing is sent while nothing has changed.
#[utoipa::path(
    get, path = "/v1/performances/{id}/availability", tag = "performances",
    operation_id = "show_availability",
    params(
        ("id" = uuid::Uuid, Path),
        ("If-None-Match" = Option<String>, Header, description = "ETag of the answer that is at hand"),
    ),
    responses(
        (status = 200, body = AvailabilityJson, headers(("ETag" = String))),
        (status = 304, description = "Nothing has changed"),
        (status = 404, body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn availability(
    State(app): State<App>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let unknown = || Problem::not_found("performance_unknown");
    let id: PerformanceId = id.parse().map_err(|_| unknown())?;
    let now = now();
    let (tag, document) = {
        let look = app.views.look(Slot::of(id));
        let performance = look.state().performance(id).ok_or_else(unknown)?;
        let tag = tag(look.state().partition(), performance, now);
        let fresh = matches(&headers, &tag);
        (tag, (!fresh).then(|| AvailabilityJson::of(performance, now)))
    };
    let mut response = match document {
        Some(document) => json(&document),
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Where in the log availability last changed, and whether it sells: the answer is a function of
/// nothing else.
fn tag(partition: PartitionId, performance: &Performance, now: Timestamp) -> String {
    let sale = match performance.sale_state(now) {
        SaleState::Scheduled => 'w',
        SaleState::Open => 'o',
        SaleState::Closed => 'c',
    };
    format!("\"{partition}-{}-{sale}\"", performance.changed_at())
}

fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let tags = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    // If-None-Match compares weakly (RFC 9110, 13.1.2).
    tags.map(|it| it.trim()).any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}
