//! `GET /v1/partitions`: who has what, and how much is asked of it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use boxoffice_log::{Log as _, TopicPartition};
use boxoffice_processors::ownership::{Holder, Kind, Owner, holders};
use boxoffice_topics::{Offset, PartitionId, Slot};
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
    /// The process that decides; absent where one process does everything, and while nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerJson>,
    /// Slots that it has.
    slots: usize,
    performances: usize,
    /// The offset after the last released step.
    next_offset: u64,
    /// Intents in the log that are not decided, as far as this process knows.
    undecided: u64,
    /// Records that Postgres has not got yet; absent without a database, and where another process
    /// writes the rows.
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

/// The process that decides a partition.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnerJson {
    /// What it is called.
    name: String,
    /// Grows by one with each change of owner.
    epoch: u64,
    /// It was heard of within the length of its lease.
    is_alive: bool,
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
    /// The moves since it began.
    moves: MovesJson,
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

impl ScalingJson {
    fn of(status: Status, moves: &[Move]) -> Self {
        let state = match (&status.failed, status.to) {
            (Some(_), _) => "failed",
            (None, None) => "idle",
            (None, Some(_)) if status.is_running() => "moving",
            (None, Some(_)) => "done",
        };
        Self {
            state,
            to: status.to,
            slots_left: status.slots_left,
            error: status.failed,
            moves: MovesJson::of(moves),
        }
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
    Ok(json(&document(&app).await))
}

pub(super) async fn document(app: &Services) -> PartitionsJson {
    let mut owners = owners(app).await;
    let map = app.views.map();
    let mut slots = vec![0; app.views.partitions().count()];
    for slot in (0..boxoffice_topics::partition::SLOTS).filter_map(Slot::new) {
        if let Some(count) = slots.get_mut(usize::from(map.partition_of(slot).number())) {
            *count += 1;
        }
    }
    let mut partitions = Vec::with_capacity(slots.len());
    for (partition, slots) in app.views.partitions().zip(slots) {
        // A log that has stopped says so elsewhere.
        let end = app.log.end(TopicPartition::intents(partition)).await.unwrap_or(Offset::ZERO);
        let owner = owners.remove(&partition.number());
        partitions.push(load(app, partition, slots, end, owner));
    }
    let (status, moves) = (app.scaling.status(), app.views.moves());
    PartitionsJson {
        partitions,
        moves: MovesJson::of(&moves.over()),
        scaling: ScalingJson::of(status.clone(), &moves.since(status.moves_before)),
    }
}

/// Who decides what, where several processes do.
async fn owners(app: &Services) -> BTreeMap<u16, OwnerJson> {
    let Some(database) = &app.owners else { return BTreeMap::new() };
    let holders = holders(database, app.views.log_id()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "owners are not known now");
        Vec::new()
    });
    let decide = holders.into_iter().filter(|holder| holder.kind == Kind::Processor);
    let owned = decide.filter_map(|Holder { number, epoch, owner, .. }| {
        let Owner { name, is_alive, .. } = owner?;
        Some((number, OwnerJson { name, epoch, is_alive }))
    });
    owned.collect()
}

fn load(
    app: &Services,
    partition: PartitionId,
    slots: usize,
    end: Offset,
    owner: Option<OwnerJson>,
) -> PartitionLoadJson {
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
        owner,
        slots,
        performances: state.performances().len(),
        next_offset,
        undecided: end.number().saturating_sub(next_offset),
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
