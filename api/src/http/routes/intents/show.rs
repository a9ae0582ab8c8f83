//! `GET /v1/intents/{id}`: what became of an intent.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::response::IntoResponse as _;
use boxoffice_log::{Log as _, TopicPartition};
use boxoffice_topics::IntentId;

use super::answer::{Answer, look_up};
use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Segment, Services};
use crate::json::{AcceptedJson, DecidedJson};
use crate::views::Found;

/// What became of an intent
///
/// Only who asked can see it, and operators.
#[utoipa::path(
    get, path = "/v1/intents/{id}", tag = "intents", operation_id = "show_intent",
    security(("bearer" = [])),
    params(("id" = String, Path, example = "1018-2-77")),
    responses(
        (status = 200, body = DecidedJson, description = "Decided"),
        (status = 202, body = AcceptedJson, description = "Accepted and not decided yet"),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json", description = "Refused, or unknown"),
    )
)]
pub async fn show(State(app): State<App>, caller: Caller, Segment(id): Segment) -> Response<Body> {
    match find(&app, caller, &id).await {
        Ok(answer) => answer.into_response(&app),
        Err(problem) => problem.into_response(),
    }
}

async fn find(app: &Services, caller: Caller, id: &str) -> Result<Answer, Problem> {
    let unknown = || Problem::not_found("intent_unknown");
    let id: IntentId = id.parse().map_err(|_| unknown())?;
    match app.views.find_intent(id).ok_or_else(unknown)? {
        Found::NotYet => {
            let end = app.log.end(TopicPartition::intents(id.partition())).await;
            // What is written and not released is about to be: whose it is will be known then.
            match end {
                Ok(end) if id.offset() < end => Ok(Answer::Accepted(id)),
                Ok(_) => Err(unknown()),
                Err(_) => Err(Problem::unavailable("not_accepting", "the log has stopped")),
            }
        }
        Found::Recent(_) | Found::InTheLog if id.offset().number() == 0 => Err(unknown()),
        Found::Recent(_) | Found::InTheLog => {
            let answer = look_up(app, id).await;
            let theirs = match &answer {
                Answer::Decided { id, step, .. } => {
                    let seen = caller.role == Role::Operator || step.account == caller.account;
                    seen && step.intent == Some(*id)
                }
                Answer::Accepted(_) | Answer::Problem(_) => true,
            };
            if theirs { Ok(answer) } else { Err(unknown()) }
        }
    }
}
