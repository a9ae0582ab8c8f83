//! Outcomes about channels and companion seats.

use boxoffice_core::Channel;
use boxoffice_topics::inventory::{ChannelNumber, SeatRange, SectionPlaces};
use boxoffice_topics::{InventoryOutcome, PerformanceId, SeatNumber};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::scene::Scene;
use crate::json::values::moment;

/// One fact about channels or companion seats.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InventoryOutcomeJson {
    /// A channel exists, or has other rules.
    ChannelSet {
        /// Of which performance.
        performance: String,
        /// Its short name.
        channel: String,
        /// Holds and orders that its code can have at a time.
        #[serde(skip_serializing_if = "Option::is_none")]
        uses_max: Option<u32>,
        /// When its places become everybody's.
        #[serde(skip_serializing_if = "Option::is_none")]
        releases_at: Option<String>,
    },
    /// Places are set aside for a channel.
    SetAside {
        /// Which, of what.
        #[serde(flatten)]
        moved: MovedJson,
    },
    /// Places of a channel are everybody's again.
    ChannelReleased {
        /// Which, of what.
        #[serde(flatten)]
        moved: MovedJson,
        /// Whether it was all that was left.
        all: bool,
    },
    /// Companion seats are seats like any other.
    CompanionsReleased {
        /// Of which performance.
        performance: String,
    },
}

/// Places that went to a channel, or came back from it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MovedJson {
    /// Of which performance.
    performance: String,
    /// The channel's short name.
    channel: String,
    /// Numbered seats.
    seats: Vec<SeatRangeJson>,
    /// Places of general admission.
    places: Vec<SectionPlacesOut>,
}

/// Seats that follow each other in the order of the seat map.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeatRangeJson {
    /// Label of the first of them.
    #[schema(example = "A-12-1")]
    first: String,
    /// Label of the last of them.
    #[schema(example = "A-12-30")]
    last: String,
    /// How many.
    seats: u32,
}

/// A number of places in one section.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SectionPlacesOut {
    /// Code of the section.
    section: String,
    /// How many.
    quantity: u32,
}

impl InventoryOutcomeJson {
    /// An outcome in its scene.
    pub(super) fn of(outcome: &InventoryOutcome, scene: Scene<'_>) -> Self {
        match outcome {
            InventoryOutcome::ChannelSet { performance, code, rules, .. } => Self::ChannelSet {
                performance: performance.to_string(),
                channel: code.clone(),
                uses_max: rules.uses_max,
                releases_at: rules.releases_at.map(|at| moment(at).0.to_string()),
            },
            InventoryOutcome::SetAside { performance, channel, seats, places } => {
                Self::SetAside { moved: moved(scene, *performance, *channel, seats, places) }
            }
            InventoryOutcome::Released { performance, channel, seats, places, is_all } => {
                let moved = moved(scene, *performance, *channel, seats, places);
                Self::ChannelReleased { moved, all: *is_all }
            }
            InventoryOutcome::CompanionsReleased { performance } => {
                Self::CompanionsReleased { performance: performance.to_string() }
            }
        }
    }
}

fn moved(
    scene: Scene<'_>,
    id: PerformanceId,
    channel: ChannelNumber,
    seats: &[SeatRange],
    places: &[SectionPlaces],
) -> MovedJson {
    let performance = scene.state.performance(id);
    let channel = performance.and_then(|it| it.channels().nth(channel.0.into()));
    let label = |seat| performance.map_or_else(String::new, |it| it.seat_label(seat));
    let seats = seats.iter().map(|range| SeatRangeJson {
        first: label(range.first),
        last: label(SeatNumber(range.end().saturating_sub(1))),
        seats: range.seats,
    });
    let places = places.iter().map(|places| SectionPlacesOut {
        section: performance.map_or("", |it| it.section_code(places.section)).to_owned(),
        quantity: places.quantity,
    });
    MovedJson {
        performance: id.to_string(),
        channel: channel.map_or("", Channel::code).to_owned(),
        seats: seats.collect(),
        places: places.collect(),
    }
}
