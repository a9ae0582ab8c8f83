//! `GET /v1/intents/{id}/explanation`: why an intent was decided as it was.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use boxoffice_log::{Log as _, LogReader as _, TopicPartition};
use boxoffice_topics::envelope::intent_from_record;
use boxoffice_topics::{IntentId, Offset, PartitionId, Step};

use super::answer::{answered, step_at};
use crate::explain::{
    Decided, Evidence, ExplanationJson, Finding, Search, Subject, Tally, Waited, asked_intent,
};
use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment, Services};
use crate::http::routes::json;
use crate::views::Found;

/// Why an intent was decided so
///
/// By which rule, with its figures, and, where records stood in the way, when they were decided and
/// whether they were yours: the last one about the same thing, or all that counted toward a limit. Of
/// an order that had to wait it is said what became of it. Nobody else is named. Only who asked can see it, and operators. What is older than the
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
    let evidence = find_evidence(&app, &decided);
    Ok(json(&decided.explain(&evidence)))
}

/// Looks for everything about an intent in the steps in memory.
fn find_evidence(app: &Services, decided: &Decided<'_>) -> Evidence {
    let (partition, offset) = (decided.id.partition(), decided.id.offset());
    let (subject, mut tally) = {
        let look = app.views.look_at(partition);
        (decided.subject(look.state()), decided.tally(look.state()))
    };
    let search = match &subject {
        Some(subject) => search(app, partition, offset, subject),
        None => Search::Nothing,
    };
    if let Some(tally) = &mut tally {
        count(app, partition, offset, tally);
    }
    let mut waited = decided.waits();
    if let Some(waited) = &mut waited {
        follow(app, partition, offset, waited);
    }
    Evidence { subject, search, tally, waited }
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

/// The steps in memory before an offset, the oldest first, and whether these are all.
fn steps_before(app: &Services, partition: PartitionId, end: Offset) -> (Vec<Arc<Step>>, bool) {
    let step = |number| match app.views.find(partition, Offset::new(number)) {
        Found::Recent(step) => Some(step),
        Found::InTheLog | Found::NotYet => None,
    };
    let mut steps: Vec<_> = (1..end.number()).rev().map_while(step).collect();
    steps.reverse();
    let is_all = u64::try_from(steps.len()).is_ok_and(|count| count + 1 >= end.number());
    (steps, is_all)
}

fn count(app: &Services, partition: PartitionId, before: Offset, tally: &mut Tally) {
    let (steps, is_all) = steps_before(app, partition, before);
    steps.iter().for_each(|step| tally.fold(step));
    if is_all {
        tally.complete();
    }
}

/// Follows an order to its end, and into the wallet that refused it.
fn follow(app: &Services, partition: PartitionId, from: Offset, waited: &mut Waited) {
    for number in from.number().. {
        let Found::Recent(step) = app.views.find(partition, Offset::new(number)) else { return };
        if waited.follow(&step) {
            break;
        }
    }
    let Some(mut tale) = waited.wallet_to_look_into() else { return };
    let (home, end) = {
        let look = app.views.look(tale.slot());
        (look.state().partition(), look.state().next_offset())
    };
    let (steps, is_all) = steps_before(app, home, end);
    let has_refused = steps.iter().any(|step| tale.fold(step));
    if has_refused && is_all {
        tale.complete();
    }
    waited.looked_into(home, tale);
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
