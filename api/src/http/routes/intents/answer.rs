//! From a body to the log, and from a step to an answer: what one intent and a batch share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use boxoffice_ingest::{Draft, SubmitError};
use boxoffice_log::LogError;
use boxoffice_topics::{
    IntentId, IntentKey, Offset, Outcome, PartitionId, Refusal, Slot, Step, TicketOutcome,
};

use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::http::router::Services;
use crate::json::{AcceptedJson, DecidedJson, parse_intent};
use crate::views::{Answered, Found, Progress, Waiter, read_step};

/// An intent on its way.
pub(super) struct Asked {
    slot: Slot,
    partition: PartitionId,
    waiter: Arc<Waiter>,
    wait: Duration,
}

/// What became of it.
pub(super) enum Answer {
    Decided { id: IntentId, step: Arc<Step>, repeated: bool },
    Accepted(IntentId),
    Problem(Problem),
}

/// Checks an intent and queues it for its partition. Never waits.
pub(super) fn ask(
    app: &Services,
    caller: Caller,
    body: &[u8],
    key: IntentKey,
    traceparent: Option<&str>,
    wait: Duration,
) -> Result<Asked, Problem> {
    let request = parse_intent(body)?;
    caller.require_one_of(request.roles())?;
    let intent = request.to_intent(key, &app.names, &app.ticket_keys)?;
    let (slot, partition) = app.ingest.route(&intent).ok_or_else(Problem::internal)?;
    let waiter =
        Arc::new(if wait.is_zero() { Waiter::for_acceptance() } else { Waiter::default() });
    let draft = Draft { account: caller.account, key, traceparent, intent: &intent };
    app.ingest.submit(partition, draft, Arc::clone(&waiter)).map_err(not_queued)?;
    Ok(Asked { slot, partition, waiter, wait })
}

/// Waits for the step, as long as the client is willing to.
pub(super) async fn answer(app: &Services, asked: Asked) -> Answer {
    let Asked { slot, partition, waiter, wait } = asked;
    // Who does not wait for the step waits for the disk all the same: only what is durable is
    // accepted.
    let patience = if wait.is_zero() { app.wait_max() } else { wait };
    let progress = tokio::time::timeout(patience, waiter.wait()).await;
    let id = |offset| IntentId::new(slot, partition, offset);
    match progress.unwrap_or_else(|_| waiter.progress()) {
        // Whether the step was already there is chance: who does not wait gets one kind of answer.
        Progress::Decided(step) if wait.is_zero() => Answer::Accepted(id(step.offset)),
        // One that was forwarded is named where it was decided.
        Progress::Decided(step) => decided(app, step.intent.unwrap_or(id(step.offset)), step).await,
        Progress::DecidedLongAgo(offset) if wait.is_zero() => Answer::Accepted(id(offset)),
        Progress::DecidedLongAgo(offset) => look_up(app, id(offset)).await,
        Progress::Accepted(offset) => Answer::Accepted(id(offset)),
        Progress::Refused(error) => Answer::Problem(not_accepted(&error)),
        Progress::Queued => Answer::Problem(Problem::unavailable(
            "acceptance_unknown",
            "the disk is slow and the intent may still be accepted: send it again with the same \
             Idempotency-Key",
        )),
    }
}

/// The answer to an intent by its name, whose step was released.
pub(super) async fn look_up(app: &Services, id: IntentId) -> Answer {
    match step_at(app, id.partition(), id.offset()).await {
        Ok(step) => decided(app, id, step).await,
        Err(problem) => Answer::Problem(problem),
    }
}

pub(super) async fn step_at(
    app: &Services,
    partition: PartitionId,
    offset: Offset,
) -> Result<Arc<Step>, Problem> {
    if let Found::Recent(step) = app.views.find(partition, offset) {
        return Ok(step);
    }
    read_step(&app.log, partition, offset).await.map(Arc::new).map_err(|error| {
        tracing::error!(partition = %partition, offset = %offset, error = %error, "read a step back");
        Problem::internal()
    })
}

async fn decided(app: &Services, id: IntentId, step: Arc<Step>) -> Answer {
    let (id, step) = match answered(app, id, step).await {
        Ok(Some(answered)) => answered,
        Ok(None) => return Answer::Accepted(id),
        Err(problem) => return Answer::Problem(problem),
    };
    let Some(Outcome::Repeated { original }) = step.reply() else {
        return Answer::Decided { id, step, repeated: false };
    };
    let original = *original;
    match step_at(app, original.partition(), original.offset()).await {
        Ok(step) => Answer::Decided { id: original, step, repeated: true },
        Err(problem) => Answer::Problem(problem),
    }
}

/// The step that answers an intent, which is another one when the intent was forwarded; `None`
/// when it is not answered yet.
pub(super) async fn answered(
    app: &Services,
    id: IntentId,
    step: Arc<Step>,
) -> Result<Option<(IntentId, Arc<Step>)>, Problem> {
    let Some(to) = step.answered_in() else {
        return Ok(Some((id, step)));
    };
    let Some(Answered { partition, offset, step }) = app.views.answer_of(id, to) else {
        return Ok(None);
    };
    let step = match step {
        Some(step) => step,
        None => step_at(app, partition, offset).await?,
    };
    Ok(Some((IntentId::new(id.slot(), partition, offset), step)))
}

/// A refused intent. A ticket that was used says where and when.
fn refused(id: IntentId, refusal: Refusal, repeated: bool, step: &Step) -> Problem {
    let problem = Problem::refused(id, refusal, repeated);
    match step.outcomes.get(1) {
        Some(Outcome::Ticket(TicketOutcome::UsedAgain { before, .. })) => problem.used(before),
        _ => problem,
    }
}

fn not_queued(error: SubmitError) -> Problem {
    match error {
        SubmitError::Invalid(error) => {
            Problem::invalid("body_invalid", error.reason).path(error.field)
        }
        SubmitError::Busy { retry_after } => {
            let seconds = u16::try_from(retry_after.as_secs()).unwrap_or(u16::MAX).max(1);
            Problem::unavailable("too_many_intents", "more intents wait than the disk can take")
                .retry_after_seconds(seconds)
        }
        SubmitError::Stopped => {
            Problem::unavailable("not_accepting", "this node accepts no more intents")
        }
        SubmitError::PartitionUnknown(partition) => {
            tracing::error!(partition = %partition, "an intent was routed nowhere");
            Problem::internal()
        }
    }
}

fn not_accepted(error: &LogError) -> Problem {
    match error {
        LogError::Full => Problem::unavailable("disk_full", "the disk is full; nothing was lost"),
        LogError::Away(_) => {
            Problem::unavailable("log_away", "the log does not answer; nothing was lost")
        }
        _ => Problem::unavailable(
            "acceptance_unknown",
            "the log has stopped: send the intent again with the same Idempotency-Key",
        ),
    }
}

impl Answer {
    /// Writes the document at the end of a buffer.
    pub(super) fn write_to(&self, app: &Services, buffer: &mut Vec<u8>) -> StatusCode {
        match self {
            Self::Decided { id, step, repeated } => {
                if let Some(Outcome::Refused { refusal }) = step.reply() {
                    let problem = refused(*id, *refusal, *repeated, step);
                    problem.write_to(buffer);
                    return problem.status();
                }
                let look = app.views.look(id.slot());
                write(buffer, &DecidedJson::of(*id, step, *repeated, look.scene()));
                StatusCode::OK
            }
            Self::Accepted(id) => {
                write(buffer, &AcceptedJson::of(*id));
                StatusCode::ACCEPTED
            }
            Self::Problem(problem) => {
                problem.write_to(buffer);
                problem.status()
            }
        }
    }

    /// The answer to one request.
    pub(super) fn into_response(self, app: &Services) -> Response<Body> {
        if let Self::Problem(problem) = self {
            return problem.into_response();
        }
        if let Self::Decided { id, step, repeated } = &self
            && let Some(Outcome::Refused { refusal }) = step.reply()
        {
            return refused(*id, *refusal, *repeated, step).into_response();
        }
        let mut body = Vec::with_capacity(512);
        let status = self.write_to(app, &mut body);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Self::Accepted(id) = &self
            && let Ok(location) = HeaderValue::try_from(format!("/v1/intents/{id}"))
        {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

fn write<T: serde::Serialize>(buffer: &mut Vec<u8>, document: &T) {
    if let Err(error) = serde_json::to_writer(buffer, document) {
        unreachable!("memory takes every byte and no document of ours fails: {error}");
    }
}
