//! `GET /v1/events`: what happens to the buyer, as it happens (server-sent events).

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::Semaphore;

use super::feed::Feed;
use super::positions::Positions;
use crate::http::auth::{Buyer, Session};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Services};
use crate::json::EventJson;
use crate::views::Subscribers;

/// Below the 15 seconds after which proxies give up on a silent stream.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// When a listener that was cut off comes back.
const RETRY: Duration = Duration::from_secs(1);
/// Listeners that read back at once what they missed.
const READING_BACK_MAX: usize = 16;

static READING_BACK: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(READING_BACK_MAX)));

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What happens to me
///
/// Server-sent events named `step`. The id of an event is the position after it; send it back as
/// `Last-Event-ID` and nothing is missed and nothing comes twice. A reader that is too slow is
/// cut off and resumes the same way. When the token is good no more, the last thing that comes is
/// a comment with the reason, for instance `: token_expired`, and the stream ends.
#[utoipa::path(
    get, path = "/v1/events", tag = "buyer", operation_id = "stream_events",
    security(("bearer" = [])),
    params(("Last-Event-ID" = Option<String>, Header, example = "0:12,1:7,2:80,3:1")),
    responses(
        (status = 200, body = EventJson, content_type = "text/event-stream", description = "What each event says"),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
        (status = 503, body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn stream(
    State(app): State<App>,
    Buyer(account): Buyer,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let too_many = || Problem::unavailable("too_many_listeners", "too many listen already");
    // From here on everything comes live; the ends that are read next are what does not.
    let subscription =
        Subscribers::subscribe(Arc::clone(&app.views), account).ok_or_else(too_many)?;
    let ends = app.views.partitions().map(|it| app.views.released_end(it)).collect();
    let ends = Positions::new(ends);
    let positions = resume_from(&headers, &ends)?;
    let turn =
        if positions == ends { None } else { Arc::clone(&READING_BACK).acquire_owned().await.ok() };
    let feed = Feed::new(Arc::clone(&app), subscription, positions, &ends, turn);
    let hello = Event::default().id(feed.id()).retry(RETRY).comment("listening");
    let events = stream::unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        let sent = Event::default().event("step").id(event.id).json_data(event.body);
        Some((sent.unwrap_or_default(), feed))
    });
    let events = while_good(session, stream::iter([hello]).chain(events));
    let events = events.map(Ok::<_, Infallible>).take_until(stopped(&app));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

/// The events that come while the token is good, then a comment that says why it is so no more.
pub(crate) fn while_good(
    session: Session,
    events: impl Stream<Item = Event> + Send + 'static,
) -> impl Stream<Item = Event> + Send + 'static {
    let events = events.boxed().take_until(session.ended().boxed());
    stream::unfold(Some(events), |events| async move {
        let mut events = events?;
        if let Some(event) = events.next().await {
            return Some((event, Some(events)));
        }
        let why = events.take_result()?;
        let goodbye = Event::default().comment(format!("{}: {}", why.code(), why.detail()));
        Some((goodbye, None))
    })
}

/// Returns when streams shall end.
pub(crate) fn stopped(app: &Services) -> impl Future<Output = ()> + Send + 'static + use<> {
    let mut stop = app.stop.clone();
    async move {
        // An error means that the node is gone, which is as good as a signal.
        if stop.wait_for(|stop| *stop).await.is_err() {
            tracing::debug!("the node ended without a signal");
        }
    }
}

fn resume_from(headers: &HeaderMap, ends: &Positions) -> Result<Positions, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(ends.clone());
    };
    value.to_str().ok().and_then(|text| Positions::parse(text, ends)).ok_or_else(|| {
        Problem::malformed("last_event_id_malformed", "send the id of an event of this stream")
    })
}
