//! How the parts of a node are, for those who watch it.

use std::sync::OnceLock;

use boxoffice_log::{Log as _, TopicPartition};
use boxoffice_sinks::payments::ExecutorHandle;
use boxoffice_sinks::runner::{Phase, Status};
use boxoffice_topics::PartitionId;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::http::router::Services;
use crate::metric_definitions;

/// Upper bounds in seconds: from an in-memory answer to the longest wait.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Who to ask how things are.
#[derive(Debug)]
pub struct Health {
    sink: Option<watch::Receiver<Status>>,
    results: Option<watch::Receiver<Status>>,
    executor: ExecutorHandle,
    recorder: PrometheusHandle,
}

/// Whether a node sells.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadinessJson {
    /// It accepts intents and decides them, and its database is of no other log.
    ready: bool,
    /// `open` or why it is not.
    log: String,
    /// Released steps of every partition.
    partitions: Vec<PartitionJson>,
    /// The rows in Postgres; absent without a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    postgres: Option<SinkJson>,
    /// The topics for consumers; absent when they are not written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<SinkJson>,
    /// Payments and refunds without a result.
    payments_pending: usize,
    /// Those among them that were asked for and whose truth is unknown.
    payments_unknown: usize,
}

/// How far a partition is.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartitionJson {
    /// Its number.
    partition: u16,
    /// The offset after the last released step.
    released_end: u64,
}

/// How a sink is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SinkJson {
    /// `starting`, `following`, `retrying` or `stopped`.
    state: &'static str,
    /// What is wrong, when something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Records that are not yet written.
    lag_records: u64,
    /// The next offset of every partition: what is before it is written.
    next_offsets: Vec<u64>,
}

impl Health {
    /// The health of these parts.
    #[must_use]
    pub fn new(
        sink: Option<watch::Receiver<Status>>,
        results: Option<watch::Receiver<Status>>,
        executor: ExecutorHandle,
        recorder: PrometheusHandle,
    ) -> Self {
        Self { sink, results, executor, recorder }
    }

    /// The payment executor.
    #[must_use]
    pub const fn executor(&self) -> &ExecutorHandle {
        &self.executor
    }

    /// Every metric, as text.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.recorder.run_upkeep();
        self.recorder.render()
    }

    /// Records of a partition that Postgres has not got; `None` without a database.
    #[must_use]
    pub fn postgres_lag(&self, partition: PartitionId, end: u64) -> Option<u64> {
        let status = self.sink.as_ref()?.borrow();
        let next = status.next_offsets.get(usize::from(partition.number()));
        Some(end.saturating_sub(next.map_or(0, |next| next.number())))
    }

    /// Whether the node sells.
    pub async fn readiness(&self, app: &Services) -> ReadinessJson {
        let mut log = None;
        let mut partitions = Vec::new();
        for partition in app.views.partitions() {
            if let Err(error) = app.log.end(TopicPartition::intents(partition)).await {
                log = Some(error.to_string());
            }
            let released_end = app.views.released_end(partition).number();
            partitions.push(PartitionJson { partition: partition.number(), released_end });
        }
        let stopping = *app.stop.borrow();
        // A database that is away comes back; one with another log's rows means that another log
        // has sold these seats, and somebody must look first.
        let misled = self.sink.as_ref().is_some_and(|status| status.borrow().is_other_log);
        ReadinessJson {
            ready: log.is_none() && !stopping && !misled,
            log: log.unwrap_or_else(|| if stopping { "closing" } else { "open" }.to_owned()),
            partitions,
            postgres: self.sink.as_ref().map(|status| SinkJson::from(&*status.borrow())),
            results: self.results.as_ref().map(|status| SinkJson::from(&*status.borrow())),
            payments_pending: self.executor.pending(),
            payments_unknown: self.executor.unknown().len(),
        }
    }
}

impl ReadinessJson {
    /// Whether it sells.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }
}

impl From<&Status> for SinkJson {
    fn from(status: &Status) -> Self {
        let (state, error) = match &status.phase {
            Phase::Starting => ("starting", None),
            Phase::Following => ("following", None),
            Phase::Retrying(error_type) => ("retrying", Some((*error_type).to_owned())),
            Phase::Stopped(reason) => ("stopped", reason.clone()),
        };
        let next_offsets = status.next_offsets.iter().map(|offset| offset.number()).collect();
        Self { state, error, lag_records: status.lag_records, next_offsets }
    }
}

/// The recorder of this process: metrics are global, nodes of a test share it.
pub fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS);
    let recorder = builder.unwrap_or_default().build_recorder();
    let handle = recorder.handle();
    // Somebody else's recorder stays where it is; this one then has nothing to show.
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed");
    }
    metric_definitions::describe();
    handle
}
