//! Records as documents, and which topic a path means.

use boxoffice_log::{AnyReader, Batch, Log as _, LogError, LogReader as _, Topic, TopicPartition};
use boxoffice_topics::envelope::{EnvelopeError, intent_from_record, step_from_record};
use boxoffice_topics::{Envelope, Genesis, Offset, RecordKind};
use bytes::Bytes;
use serde_json::Value;

use crate::http::problem::Problem;
use crate::http::router::Services;
use crate::json::{genesis_record, intent_record, step_record};

pub(super) fn topic_partition(
    app: &Services,
    topic: &str,
    partition: &str,
) -> Result<TopicPartition, Problem> {
    let unknown = || Problem::not_found("partition_unknown");
    let topic = Topic::ALL.into_iter().find(|it| it.name() == topic).ok_or_else(unknown)?;
    let number = partition.parse().map_err(|_| unknown())?;
    let partition = app.views.partition(number).ok_or_else(unknown)?;
    Ok(TopicPartition { topic, partition })
}

/// Opens a reader.
pub(super) async fn open(
    app: &Services,
    from: TopicPartition,
    at: Offset,
) -> Result<AnyReader, Problem> {
    app.log.read(from, at).await.map_err(|error| match error {
        LogError::OutOfRange { end, .. } => {
            Problem::invalid("offset_out_of_range", format!("the topic ends at {end}"))
        }
        error => unreadable(from, &error),
    })
}

/// The next records that are durable, as documents.
pub(super) async fn next(
    app: &Services,
    from: TopicPartition,
    reader: &mut AnyReader,
) -> Result<Vec<(Offset, Value)>, Problem> {
    let batch = reader.next().await.map_err(|error| unreadable(from, &error))?;
    documents(app, from, &batch).await
}

async fn documents(
    app: &Services,
    from: TopicPartition,
    batch: &Batch,
) -> Result<Vec<(Offset, Value)>, Problem> {
    // An intent that could still be lost is nobody's business. Outcomes are published only when
    // their intents are durable.
    if from.topic == Topic::Intents {
        let durable = app.log.wait_durable(from, batch.end()).await;
        durable.map_err(|error| unreadable(from, &error))?;
    }
    let show = |(offset, record): (Offset, &Bytes)| {
        document(app, from, offset, record).map(|document| (offset, document))
    };
    batch.iter().map(show).collect::<Result<_, _>>().map_err(|error| unreadable(from, &error))
}

fn document(
    app: &Services,
    from: TopicPartition,
    offset: Offset,
    record: &[u8],
) -> Result<Value, EnvelopeError> {
    Ok(match Envelope::open(record)?.kind {
        RecordKind::Genesis => genesis_record(from, offset, &Genesis::from_record(record)?),
        RecordKind::Intent => {
            let (header, intent) = intent_from_record(record)?;
            intent_record(from, offset, &header, &intent)
        }
        RecordKind::Step => {
            let (header, step) = step_from_record(record)?;
            let look = app.views.look_for(from.partition, &step);
            step_record(from, offset, &header, &step, look.scene())
        }
    })
}

pub(super) fn unreadable(from: TopicPartition, error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(topic = %from, error = %error, "read a topic");
    Problem::internal()
}
