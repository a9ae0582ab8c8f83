//! `GET /v1/topics/{topic}/partitions/{partition}/stream`: records as they come.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use boxoffice_topics::Offset;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use utoipa::IntoParams;

use super::show::{next, open, topic_partition};
use crate::http::auth::{Operator, Session};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params, Segments};
use crate::http::routes::events::stream::{stopped, while_good};

const HEARTBEAT: Duration = Duration::from_secs(10);

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Start {
    /// Offset of the first record; 0 when absent. `Last-Event-ID` wins.
    from: Option<u64>,
}

/// Records of a topic, as they come
///
/// Server-sent events named `record`; the id is the offset. Send it back as `Last-Event-ID` to go
/// on with the next record. When the token is good no more, the last thing that comes is a comment
/// with the reason, for instance `: token_expired`, and the stream ends.
#[utoipa::path(
    get, path = "/v1/topics/{topic}/partitions/{partition}/stream", tag = "topics",
    operation_id = "stream_records",
    security(("bearer" = [])),
    params(
        ("topic" = String, Path, description = "`intents` or `outcomes`"),
        ("partition" = u16, Path),
        Start,
        ("Last-Event-ID" = Option<u64>, Header),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", description = "A record in each event"),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn stream(
    State(app): State<App>,
    Operator: Operator,
    session: Session,
    Segments((topic, partition)): Segments<(String, String)>,
    Params(start): Params<Start>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let of = topic_partition(&app, &topic, &partition)?;
    let from = match headers.get("last-event-id") {
        None => Offset::new(start.from.unwrap_or(0)),
        Some(last) => {
            let last = last.to_str().ok().and_then(|text| text.parse().ok());
            let last = last.ok_or_else(|| {
                Problem::malformed("last_event_id_malformed", "send the offset of a record")
            })?;
            Offset::new(last).next()
        }
    };
    let reader = open(&app, of, from).await?;
    let stop = stopped(&app);
    let batches = stream::unfold((app, reader), move |(app, mut reader)| async move {
        // What went wrong is in the log; the consumer comes back and is told.
        let records = next(&app, of, &mut reader).await.ok()?;
        Some((stream::iter(records), (app, reader)))
    });
    let events = batches.flatten().map(|(offset, record)| {
        Event::default().event("record").id(offset.to_string()).data(record.to_string())
    });
    let events = while_good(session, events).map(Ok::<_, Infallible>).take_until(stop);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}
