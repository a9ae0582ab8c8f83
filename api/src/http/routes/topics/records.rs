//! `GET /v1/topics/{topic}/partitions/{partition}/records`: a page of records.

use axum::extract::State;
use axum::response::Response;
use boxoffice_log::{Durability, Log as _, LogError, Topic, TopicPartition};
use boxoffice_topics::Offset;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::show::{next, open, topic_partition, unreadable};
use crate::http::auth::Operator;
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Params, Segments, Services};
use crate::http::routes::json;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Offset of the first record; 0 when absent.
    from: Option<u64>,
    /// At most so many, up to 1,000; 100 when absent.
    limit: Option<usize>,
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordPageJson {
    /// Side by side in the partition.
    #[schema(value_type = Vec<Object>)]
    records: Vec<Value>,
    /// Offset of the record after the last one: pass it as `from`.
    next: u64,
    /// The end of the partition, when the page was read.
    end: u64,
}

/// Records of a topic
///
/// For operators and consumers. An intent is shown when it is durable.
#[utoipa::path(
    get, path = "/v1/topics/{topic}/partitions/{partition}/records", tag = "topics",
    operation_id = "list_records",
    security(("bearer" = [])),
    params(
        ("topic" = String, Path, description = "`intents` or `outcomes`"),
        ("partition" = u16, Path),
        Page,
    ),
    responses(
        (status = 200, body = RecordPageJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn records(
    State(app): State<App>,
    Operator: Operator,
    Segments((topic, partition)): Segments<(String, String)>,
    Params(page): Params<Page>,
) -> Result<Response, Problem> {
    let of = topic_partition(&app, &topic, &partition)?;
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let mut at = Offset::new(page.from.unwrap_or(0));
    let end = end(&app, of).await.map_err(|error| unreadable(of, &error))?;
    let mut reader = open(&app, of, at).await?;
    let mut records = Vec::new();
    while at < end && records.len() < limit {
        for (offset, record) in next(&app, of, &mut reader).await? {
            if records.len() == limit {
                break;
            }
            records.push(record);
            at = offset.next();
        }
    }
    Ok(json(&RecordPageJson { records, next: at.number(), end: end.number() }))
}

/// The end of a partition. Other processes append intents too, and what of them is published already
/// must be there: without records, an append says where the end is for certain.
async fn end(app: &Services, of: TopicPartition) -> Result<Offset, LogError> {
    match of.topic {
        Topic::Intents => app.log.append(of, Vec::new(), Durability::Written).await,
        Topic::Outcomes => app.log.end(of).await,
    }
}
