//! `GET /v1/intents/{id}/explanation`: why an intent was decided as it was.

use axum::extract::State;
use axum::response::Response;
use boxoffice_log::{Log as _, LogReader as _, TopicPartition};
use boxoffice_topics::envelope::intent_from_record;
use boxoffice_topics::{IntentId, Offset, PartitionId};

use super::answer::{answered, step_at};
use crate::explain::{Decided, ExplanationJson, Finding, Search, Subject, asked_intent};
use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment, Services};
use crate::http::routes::json;
use crate::views::Found;

/// Why an intent was decided so
///
/// By which rule, and, where one record stood in the way, when that was decided and whether it was
/// yours. Nobody else is named. Only who asked can see it, and operators. What is older than the
/// steps that the node has in memory is found by `boxoffice explain` on the log.
#[utoipa::path(
    get, path = "/v1/intents/{id}/explanation", tag = "intents", operation_id = "explain_intent",
    security(("bearer" = [])),
    params(("id" = String, Path, example = "1018-2-77")),
    responses(
        (status = 200, body = ExplanationJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn explanation(
    State(app): State<App>,
    caller: Caller,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("intent_unknown");
    let id: IntentId = id.parse().map_err(|_| unknown())?;
    let (partition, offset) = (id.partition(), id.offset());
    let is_there = match app.views.find_intent(id).ok_or_else(unknown)? {
        Found::Recent(_) | Found::InTheLog => offset != Offset::ZERO,
        Found::NotYet => false,
    };
    if !is_there {
        return Err(unknown());
    }
    let step = step_at(&app, partition, offset).await?;
    let is_theirs = caller.role == Role::Operator || step.account == caller.account;
    if !is_theirs || step.intent != Some(id) {
        return Err(unknown());
    }
    let (id, step) = answered(&app, id, step).await?.ok_or_else(unknown)?;
    let (partition, offset) = (id.partition(), id.offset());
    let record = read_intent(&app, partition, offset).await?;
    let (_, intent) = intent_from_record(&record).map_err(|_| Problem::internal())?;
    let intent = asked_intent(&intent).map_err(|_| Problem::internal())?;
    let decided = Decided { id, intent: &intent, step: &step };
    let subject = decided.subject(app.views.look(id.slot()).state());
    let search = match &subject {
        Some(subject) => search(&app, partition, offset, subject),
        None => Search::Nothing,
    };
    Ok(json(&decided.explain(subject.as_ref(), &search)))
}

/// Looks back from an intent through the steps in memory.
fn search(app: &Services, partition: PartitionId, from: Offset, subject: &Subject) -> Search {
    for number in (1..from.number()).rev() {
        let Found::Recent(step) = app.views.find(partition, Offset::new(number)) else {
            return Search::GaveUp;
        };
        if let Some(found) = Finding::in_step(&step, subject) {
            return Search::Found(found);
        }
    }
    Search::Nothing
}

async fn read_intent(
    app: &Services,
    partition: PartitionId,
    offset: Offset,
) -> Result<bytes::Bytes, Problem> {
    let unreadable = |error: boxoffice_log::LogError| {
        tracing::error!(partition = %partition, offset = %offset, error = %error, "read an intent back");
        Problem::internal()
    };
    let intents = TopicPartition::intents(partition);
    let mut reader = app.log.read(intents, offset).await.map_err(unreadable)?;
    let batch = reader.next().await.map_err(unreadable)?;
    let record = batch.iter().find(|(at, _)| *at == offset).map(|(_, record)| record);
    record.map(|record| bytes::Bytes::copy_from_slice(record)).ok_or_else(Problem::internal)
}
