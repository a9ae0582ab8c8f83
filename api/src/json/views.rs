//! Answers and the things that can be looked at.

use boxoffice_core::{EndedHold, Hold, HoldEnd, Performance, SaleState, SeatState};
use boxoffice_topics::{
    IntentId, Outcome, ScalingOutcome, SeatNumber, SectionKind, SectionNumber, SettlementOutcome,
    Step, Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::definition::DefinitionJson;
use super::inventory::StayJson;
use super::outcome::OutcomeJson;
use super::refund::{CancellationJson, RefundTermsJson};
use super::scene::{Scene, SectionQuantityOut};
use super::values::{MoneyJson, moment};

/// An intent and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecidedJson {
    /// The intent's name.
    #[schema(example = "1018-2-77")]
    pub id: String,
    /// Its partition.
    pub partition: u16,
    /// Its offset.
    pub offset: u64,
    /// `decided`.
    pub status: &'static str,
    /// It was decided before, under the same idempotency key; these are the outcomes of then.
    pub repeated: bool,
    /// The reply, then what follows from it. What keys tell each other, and what is posted for
    /// settlement, is left out.
    pub outcomes: Vec<OutcomeJson>,
}

impl DecidedJson {
    /// A step in its scene.
    #[must_use]
    pub fn of(id: IntentId, step: &Step, repeated: bool, scene: Scene<'_>) -> Self {
        let is_inner = |it: &&Outcome| {
            matches!(
                it,
                Outcome::MessageSent { .. }
                    | Outcome::MessageReceived { .. }
                    | Outcome::Settlement(SettlementOutcome::Posted { .. })
                    | Outcome::Scaling(ScalingOutcome::PostReceived { .. })
            )
        };
        let shown = step.outcomes.iter().filter(|it| !is_inner(it));
        Self {
            id: id.to_string(),
            partition: id.partition().number(),
            offset: id.offset().number(),
            status: "decided",
            repeated,
            outcomes: shown.map(|it| OutcomeJson::of(it, scene)).collect(),
        }
    }
}

/// An intent that is durable and not decided yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AcceptedJson {
    /// The intent's name.
    #[schema(example = "1018-2-77")]
    pub id: String,
    /// Its partition.
    pub partition: u16,
    /// Its offset.
    pub offset: u64,
    /// `accepted`.
    pub status: &'static str,
}

impl AcceptedJson {
    /// The intent of this name.
    #[must_use]
    pub fn of(id: IntentId) -> Self {
        Self {
            id: id.to_string(),
            partition: id.partition().number(),
            offset: id.offset().number(),
            status: "accepted",
        }
    }
}

/// What happened to an account, in one step of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventJson {
    /// The partition.
    pub partition: u16,
    /// The offset.
    pub offset: u64,
    /// When.
    pub at: String,
    /// The outcomes that concern the account.
    pub outcomes: Vec<OutcomeJson>,
}

/// One line of the list of performances.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformanceSummaryJson {
    /// Its id.
    pub id: String,
    /// What is shown.
    pub name: String,
    /// Where.
    pub venue: String,
    /// When it begins.
    pub starts_at: String,
    /// `scheduled`, `open` or `closed`.
    pub sale_state: &'static str,
    /// Places that can be had.
    pub remaining: u32,
}

/// A page of performances.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformancePageJson {
    /// In the order of creation, partition by partition.
    pub performances: Vec<PerformanceSummaryJson>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A performance with its seat map.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformanceJson {
    /// Its id.
    pub id: String,
    /// `scheduled`, `open` or `closed`.
    pub sale_state: &'static str,
    /// Places that can be had.
    pub remaining: u32,
    /// The terms under which orders are confirmed now: those of the definition, or later ones.
    pub current_refund_terms: RefundTermsJson,
    /// How far the refunds are; absent when it will be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation: Option<CancellationJson>,
    /// What the promoter said of it.
    #[serde(flatten)]
    pub definition: DefinitionJson,
}

const fn sale_name(state: SaleState) -> &'static str {
    match state {
        SaleState::Scheduled => "scheduled",
        SaleState::Open => "open",
        SaleState::Closed => "closed",
    }
}

fn sections(performance: &Performance) -> impl Iterator<Item = SectionNumber> + use<> {
    let count = u16::try_from(performance.definition().sections.len()).unwrap_or(u16::MAX);
    (0..count).map(SectionNumber)
}

fn remaining(performance: &Performance) -> u32 {
    sections(performance).map(|section| performance.remaining(section)).sum()
}

impl PerformanceSummaryJson {
    /// A performance at a moment.
    #[must_use]
    pub fn of(performance: &Performance, now: Timestamp) -> Self {
        let definition = performance.definition();
        Self {
            id: definition.performance.to_string(),
            name: definition.name.clone(),
            venue: definition.venue.clone(),
            starts_at: moment(definition.starts_at).0.to_string(),
            sale_state: sale_name(performance.sale_state(now)),
            remaining: remaining(performance),
        }
    }
}

impl PerformanceJson {
    /// A performance at a moment.
    #[must_use]
    pub fn of(performance: &Performance, now: Timestamp) -> Self {
        Self {
            id: performance.id().to_string(),
            sale_state: sale_name(performance.sale_state(now)),
            remaining: remaining(performance),
            current_refund_terms: performance.refund_terms().into(),
            cancellation: CancellationJson::of(performance),
            // What is taken of the money is between promoter and platform.
            definition: DefinitionJson {
                settlement_terms: None,
                ..performance.definition().into()
            },
        }
    }
}

/// Which places can be had.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AvailabilityJson {
    /// Of which performance.
    pub performance: String,
    /// `scheduled`, `open` or `closed`.
    pub sale_state: &'static str,
    /// Section by section, in the order of the definition.
    pub sections: Vec<SectionAvailabilityJson>,
}

/// Which places can be had in one section.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SectionAvailabilityJson {
    /// The section.
    pub code: String,
    /// Places that can be had.
    pub remaining: u32,
    /// Row by row, in the order of the definition; none in general admission.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowAvailabilityJson>,
}

/// Which seats can be had in one row.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowAvailabilityJson {
    /// The row.
    pub label: String,
    /// One letter per seat from the left: `f` free, `h` held, `s` sold, `u` set aside for
    /// others.
    #[schema(example = "ffhhssff")]
    pub seats: String,
}

impl AvailabilityJson {
    /// A performance at a moment.
    #[must_use]
    pub fn of(performance: &Performance, now: Timestamp) -> Self {
        // Seats are numbered in the order of the definition, so one counter walks them all.
        let mut next_seat = 0;
        let definition = performance.definition();
        let rows = |section: &boxoffice_topics::Section, next_seat: &mut u32| {
            let row = |row: &boxoffice_topics::Row| {
                let first = *next_seat;
                *next_seat += u32::from(row.seats);
                let letters = (first..*next_seat).map(|seat| letter(performance, seat));
                RowAvailabilityJson { label: row.label.clone(), seats: letters.collect() }
            };
            match &section.kind {
                SectionKind::Reserved { rows } => rows.iter().map(row).collect(),
                SectionKind::GeneralAdmission { .. } => Vec::new(),
            }
        };
        let sections = definition.sections.iter().zip(sections(performance));
        let sections = sections.map(|(section, number)| SectionAvailabilityJson {
            code: section.code.clone(),
            remaining: performance.remaining(number),
            rows: rows(section, &mut next_seat),
        });
        Self {
            performance: performance.id().to_string(),
            sale_state: sale_name(performance.sale_state(now)),
            sections: sections.collect(),
        }
    }
}

fn letter(performance: &Performance, seat: u32) -> char {
    match performance.seat_state(SeatNumber(seat)) {
        Some(SeatState::Free) => 'f',
        Some(SeatState::Held) => 'h',
        Some(SeatState::SetAside) => 'u',
        Some(SeatState::Sold) | None => 's',
    }
}

/// A hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldJson {
    /// Its id.
    pub id: String,
    /// `live`, `being_ordered`, `ordered`, `released` or `expired`.
    pub state: &'static str,
    /// The order that it became, or that waits for a coupon or for points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What is held, while it lives.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveHoldJson>,
}

/// What is held.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveHoldJson {
    /// Of which performance.
    pub performance: String,
    /// Labels of the seats.
    pub seats: Vec<String>,
    /// Places of general admission.
    pub sections: Vec<SectionQuantityOut>,
    /// The stay that it is, when it is nights of rooms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stay: Option<StayJson>,
    /// What ordering it would cost, before booking fees.
    pub total: MoneyJson,
    /// When it ends by itself.
    pub expires_at: String,
    /// How often it can still be renewed.
    pub renewals_left: u8,
}

impl HoldJson {
    /// A hold that lives.
    #[must_use]
    pub fn live(hold: &Hold, scene: Scene<'_>) -> Self {
        let live = LiveHoldJson {
            performance: hold.performance.to_string(),
            seats: scene.seats(hold.performance, &hold.places),
            sections: scene.sections(hold.performance, &hold.places),
            stay: scene.stay(hold.performance, &hold.places),
            total: hold.total.into(),
            expires_at: moment(hold.expires_at).0.to_string(),
            renewals_left: hold.renewals_left,
        };
        let order = hold.order.map(|order| order.to_string());
        let state = if order.is_some() { "being_ordered" } else { "live" };
        Self { id: hold.id.to_string(), state, order, live: Some(live) }
    }

    /// A hold that ended.
    #[must_use]
    pub fn ended(hold: &EndedHold) -> Self {
        let (state, order) = match hold.end {
            HoldEnd::Ordered(order) => ("ordered", Some(order.to_string())),
            HoldEnd::Released => ("released", None),
            HoldEnd::Expired => ("expired", None),
        };
        Self { id: hold.hold.to_string(), state, order, live: None }
    }
}
