//! `GET /v1/partitions`: who has what, and how much is asked of it.

use axum::extract::State;
use axum::response::Response;
use boxoffice_topics::{PartitionId, Slot};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::{Caller, Role};
use crate::http::problem::{Problem, ProblemJson};
use crate::http::router::{App, Services};
use crate::http::routes::json;
use crate::scaling::Status;
use crate::views::Move;

/// Performances that are shown of each partition, the most wanted first.
const HOTTEST: usize = 3;

/// The partitions of a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartitionsJson {
    partitions: Vec<PartitionLoadJson>,
    scaling: ScalingJson,
    /// The moves that this process has seen.
    moves: MovesJson,
}

/// One partition.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartitionLoadJson {
    partition: u16,
    /// Slots that it has.
    slots: usize,
    performances: usize,
    /// The offset after the last released step.
    next_offset: u64,
    /// Records that Postgres has not got yet; absent without a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_records: Option<u64>,
    /// Records in a second, over the last five.
    rate: u64,
    /// Slots on their way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaving: Option<LeavingJson>,
    /// Slots on their way in.
    arriving: Vec<ArrivingJson>,
    /// The performances of which most was asked in the last five seconds.
    hottest: Vec<HotJson>,
}

/// Slots on their way out.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeavingJson {
    to: u16,
    slots: usize,
    /// Bytes of their state that are in the log.
    posted_bytes: u64,
    bytes: u64,
    /// Intents that wait for it.
    waiting: usize,
}

/// Slots on their way in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArrivingJson {
    from: u16,
    slots: usize,
}

/// A performance that much is asked of.
#[derive(Debug, Serialize, ToSchema)]
pub struct HotJson {
    performance: String,
    name: String,
    /// Records in a second of its slot.
    rate: u64,
}

/// What the coordinator is doing.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScalingJson {
    /// `idle`, `moving`, `done` or `failed`.
    state: &'static str,
    /// Over how many partitions slots are spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u16>,
    slots_left: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Moves that are over.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovesJson {
    count: usize,
    slots: usize,
    /// Moves of slots with performances.
    with_performances: usize,
    /// The median of how long the intents of those waited, in microseconds; zero without any.
    pause_median_us: u64,
    /// The longest of them, in microseconds.
    pause_max_us: u64,
    /// Bytes of the largest of them.
    bytes_max: u64,
}

impl From<Status> for ScalingJson {
    fn from(status: Status) -> Self {
        let state = match (&status.failed, status.to) {
            (Some(_), _) => "failed",
            (None, None) => "idle",
            (None, Some(_)) if status.is_running() => "moving",
            (None, Some(_)) => "done",
        };
        Self { state, to: status.to, slots_left: status.slots_left, error: status.failed }
    }
}

impl MovesJson {
    fn of(moves: &[Move]) -> Self {
        let busy = moves.iter().filter(|it| it.performances > 0);
        let mut pauses: Vec<u64> = busy
            .clone()
            .map(|it| u64::try_from(it.pause.as_micros()).unwrap_or(u64::MAX))
            .collect();
        pauses.sort_unstable();
        Self {
            count: moves.len(),
            slots: moves.iter().map(|it| it.slots).sum(),
            with_performances: pauses.len(),
            pause_median_us: pauses.get(pauses.len() / 2).copied().unwrap_or(0),
            pause_max_us: pauses.last().copied().unwrap_or(0),
            bytes_max: busy.map(|it| it.bytes).max().unwrap_or(0),
        }
    }
}

/// Who has what
///
/// Every partition with its slots, how far its sink is behind, how much is asked of it, and of
/// which performances; and how far a scaling is. For operators.
#[utoipa::path(
    get, path = "/v1/partitions", tag = "operator", operation_id = "list_partitions",
    security(("bearer" = [])),
    responses(
        (status = 200, body = PartitionsJson),
        (status = "4XX", body = ProblemJson, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.require(Role::Operator)?;
    Ok(json(&document(&app)))
}

pub(super) fn document(app: &Services) -> PartitionsJson {
    let map = app.views.map();
    let mut slots = vec![0; app.views.partitions().count()];
    for slot in (0..boxoffice_topics::partition::SLOTS).filter_map(Slot::new) {
        if let Some(count) = slots.get_mut(usize::from(map.partition_of(slot).number())) {
            *count += 1;
        }
    }
    let partitions = app.views.partitions().zip(slots);
    PartitionsJson {
        partitions: partitions.map(|(partition, slots)| load(app, partition, slots)).collect(),
        scaling: app.scaling.status().into(),
        moves: MovesJson::of(&app.views.moves().over()),
    }
}

fn load(app: &Services, partition: PartitionId, slots: usize) -> PartitionLoadJson {
    let next_offset = app.views.released_end(partition).number();
    let activity = app.views.activity(partition);
    let (rate, hot) = (activity.rate(), activity.hottest(HOTTEST));
    let look = app.views.look_at(partition);
    let state = look.state();
    let hottest = hot.into_iter().flat_map(|(slot, rate)| {
        let shows = state.performances().filter(move |show| Slot::of(show.id()) == slot);
        shows.map(move |show| HotJson {
            performance: show.id().to_string(),
            name: show.definition().name.to_string(),
            rate,
        })
    });
    PartitionLoadJson {
        partition: partition.number(),
        slots,
        performances: state.performances().len(),
        next_offset,
        lag_records: app.health.postgres_lag(partition, next_offset),
        rate,
        leaving: state.departure().map(|it| LeavingJson {
            to: it.to.number(),
            slots: it.slots.len(),
            posted_bytes: it.posted_bytes,
            bytes: it.bytes,
            waiting: it.waiting,
        }),
        arriving: state
            .arriving()
            .map(|(from, slots)| ArrivingJson { from: from.number(), slots: slots.len() })
            .collect(),
        hottest: hottest.collect(),
    }
}
