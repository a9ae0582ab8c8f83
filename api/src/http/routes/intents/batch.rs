//! `POST /v1/intents/batch`: a stream of intents, one per line, and a stream of answers.
//!
//! Memory is bounded by the lines in flight: when they are many, no more of the body is read, and
//! TCP tells the client to wait.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse as _;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::StreamExt as _;
use tokio::time::Sleep;

use super::answer::{Answer, answer, ask};
use super::submit::intent_key;
use crate::config::duration;
use crate::http::auth::Caller;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Services};
use crate::http::{body, headers};

/// Answers that are sent in one piece when they are there together.
const ANSWERS_PER_PIECE: usize = 64;

/// Ask for many things
///
/// One intent per line (newline-delimited JSON); one answer per line, in the same order, each
/// what `POST /v1/intents` would have answered. The first answers come while the rest is still
/// being sent. With an `Idempotency-Key` every line has a key of its own, made of that key and
/// the number of the line.
#[utoipa::path(
    post, path = "/v1/intents/batch", tag = "intents", operation_id = "submit_intents",
    security(("bearer" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Quoted string, for instance \"7f3c\""),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: seconds to wait for each outcome, 5 when absent"),
    ),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson", description = "One answer or problem per line"),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn batch(State(app): State<App>, request: Request) -> Response<Body> {
    match stream(app, request) {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// What every line of a batch shares.
struct Common {
    caller: Caller,
    idempotency_key: Option<String>,
    traceparent: Option<String>,
    wait: Duration,
}

fn stream(app: App, request: Request) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(&parts, &app).map_err(Problem::close)?;
    let accepted = ["application/x-ndjson", "application/jsonl", "application/json-lines"];
    headers::require_content_type(&parts.headers, &accepted)?;
    let common = Arc::new(Common {
        caller,
        idempotency_key: headers::idempotency_key(&parts.headers)?,
        traceparent: headers::traceparent(&parts.headers).map(str::to_owned),
        wait: headers::wait(&parts.headers, app.wait_max()),
    });
    let limits = &app.limits;
    body::refuse_oversized(&body, limits.batch_bytes_max.get())?;
    let in_flight = limits.batch_in_flight_max.get();
    let lines = Lines {
        body: body.into_data_stream(),
        buffer: BytesMut::new(),
        bytes_left: limits.batch_bytes_max.get(),
        line_bytes_max: limits.body_bytes_max.get(),
        batch_bytes_max: limits.batch_bytes_max.get(),
        timeout: duration(limits.body_timeout_ms),
        patience: None,
        ended: false,
    };
    let answers = lines
        .enumerate()
        .map(move |(number, line)| {
            // Queued here, not when the answer is awaited: intents keep the order of the lines.
            let asked = line.and_then(|line| ask_line(&app, &common, number, &line));
            let app = Arc::clone(&app);
            async move {
                let answer = match asked {
                    Ok(asked) => answer(&app, asked).await,
                    Err(problem) => Answer::Problem(problem),
                };
                let mut text = Vec::with_capacity(512);
                answer.write_to(&app, &mut text);
                text.push(b'\n');
                text
            }
        })
        .buffered(in_flight)
        .ready_chunks(ANSWERS_PER_PIECE)
        .map(|answers| Ok::<_, std::convert::Infallible>(Bytes::from(answers.concat())));
    let mut response = Response::new(Body::from_stream(answers));
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, ndjson);
    Ok(response)
}

fn ask_line(
    app: &Services,
    common: &Common,
    number: usize,
    line: &[u8],
) -> Result<super::answer::Asked, Problem> {
    let line_key = common.idempotency_key.as_ref().map(|key| format!("{key}\n{number}"));
    let key = intent_key(app, common.caller.account, line_key.as_deref());
    ask(app, common.caller, line, key, common.traceparent.as_deref(), common.wait)
}

/// The lines of a body. The first problem with the body itself is the last line.
struct Lines {
    body: BodyDataStream,
    buffer: BytesMut,
    bytes_left: usize,
    line_bytes_max: usize,
    batch_bytes_max: usize,
    timeout: Duration,
    patience: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Lines {
    fn fail(&mut self, problem: Problem) -> Poll<Option<Result<Bytes, Problem>>> {
        self.ended = true;
        self.buffer.clear();
        Poll::Ready(Some(Err(problem)))
    }

    /// A line that is complete.
    fn take_line(&mut self) -> Option<Bytes> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let line = self.buffer.split_to(end).freeze();
        self.buffer.advance(1);
        Some(line)
    }
}

impl Stream for Lines {
    type Item = Result<Bytes, Problem>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(line) = self.take_line() {
                return Poll::Ready(Some(Ok(line)));
            }
            if self.ended {
                let rest = self.buffer.split().freeze();
                return Poll::Ready((!rest.is_empty()).then_some(Ok(rest)));
            }
            if self.buffer.len() > self.line_bytes_max {
                let limit = self.line_bytes_max;
                return self.fail(Problem::body_too_large(limit));
            }
            match self.body.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.patience = None;
                    let Some(left) = self.bytes_left.checked_sub(piece.len()) else {
                        let limit = self.batch_bytes_max;
                        return self.fail(Problem::body_too_large(limit));
                    };
                    self.bytes_left = left;
                    self.buffer.extend_from_slice(&piece);
                }
                Poll::Ready(Some(Err(_))) => {
                    return self
                        .fail(Problem::malformed("body_incomplete", "the body ended early"));
                }
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => {
                    let timeout = self.timeout;
                    let patience =
                        self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
                    if patience.as_mut().poll(context).is_ready() {
                        return self.fail(body::timed_out());
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}
