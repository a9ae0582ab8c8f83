//! Stays, channels and companion seats: what is asked, and what a promoter sees.

use boxoffice_core::{Channel, Performance, Stay};
use boxoffice_topics::inventory::{CHANNEL_CODE_BYTES_MAX, ChannelRules, SELECTORS_MAX, Selector};
use boxoffice_topics::{CodeHash, Intent, InventoryIntent, PerformanceId};
use jiff::civil;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::{Tag, bounded};
use super::shapes::{civil_date, date_of};
use super::values::{Parsed, Shown, Text, moment, stamp};
use crate::http::auth::Names;
use crate::http::problem::Problem;

/// Rooms of one type for some nights, each of them or none, for a while.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldStay<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// Code of the type of room.
    #[serde(borrow)]
    #[schema(value_type = String, example = "DELUXE")]
    pub room_type: Text<'a>,
    /// The first night, on whose date one checks in.
    #[schema(value_type = String, format = Date)]
    pub from: Parsed<civil::Date>,
    /// How many nights, at most 16.
    #[schema(example = 2)]
    pub nights: u16,
    /// How many rooms; nights times rooms are at most 16.
    #[serde(default = "one")]
    #[schema(default = 1)]
    pub rooms: u16,
    /// Code of a channel, for rooms that are set aside.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub code: Option<Text<'a>>,
}

const fn one() -> u16 {
    1
}

/// Makes a channel, or changes its rules. The code is kept as a keyed hash and never shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetChannel<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// Short name of the channel.
    #[serde(borrow)]
    #[schema(value_type = String, example = "FANCLUB")]
    pub channel: Text<'a>,
    /// What buyers must know to buy its places.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64)]
    pub code: Text<'a>,
    /// Holds and orders that the code can have at a time; any number when absent. One that ends
    /// unsold or is refunded gives its use back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_max: Option<u32>,
    /// From then on its places are everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub releases_at: Option<Parsed<jiff::Timestamp>>,
}

/// What is set aside or released. A refusal counts its items in this order: seats, rows,
/// sections, places.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectionJson<'a> {
    /// Labels of seats.
    #[serde(borrow, default, deserialize_with = "bounded::<_, _, SELECTORS_MAX>")]
    #[schema(value_type = Vec<String>, example = json!(["A-12-7"]))]
    pub seats: Vec<Text<'a>>,
    /// Whole rows.
    #[serde(borrow, default, deserialize_with = "bounded::<_, _, SELECTORS_MAX>")]
    #[schema(value_type = Vec<String>, example = json!(["A-12"]))]
    pub rows: Vec<Text<'a>>,
    /// Whole sections.
    #[serde(borrow, default, deserialize_with = "bounded::<_, _, SELECTORS_MAX>")]
    #[schema(value_type = Vec<String>, example = json!(["B"]))]
    pub sections: Vec<Text<'a>>,
    /// Numbers of places in general-admission sections.
    #[serde(borrow, default, deserialize_with = "bounded::<_, _, SELECTORS_MAX>")]
    #[schema(value_type = Vec<SectionPlacesJson>)]
    pub places: Vec<SectionPlacesJson<'a>>,
}

/// A number of places in a general-admission section.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionPlacesJson<'a> {
    /// Code of the section.
    #[serde(borrow)]
    #[schema(value_type = String, example = "FLOOR")]
    pub section: Text<'a>,
    /// How many.
    #[schema(example = 200)]
    pub quantity: u32,
}

/// Sets free places aside for a channel, all of them or none.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAside<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// Short name of the channel.
    #[serde(borrow)]
    #[schema(value_type = String, example = "FANCLUB")]
    pub channel: Text<'a>,
    /// Which places.
    #[serde(borrow)]
    #[schema(value_type = SelectionJson)]
    pub what: SelectionJson<'a>,
}

/// Gives places of a channel back to everybody.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseChannel<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// Short name of the channel.
    #[serde(borrow)]
    #[schema(value_type = String, example = "FANCLUB")]
    pub channel: Text<'a>,
    /// Which places; all that the channel has when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SelectionJson>)]
    pub what: Option<SelectionJson<'a>>,
}

/// Sells companion seats like any other from now on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseCompanions {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
}

/// The hash of a code that a buyer or a promoter wrote.
pub(super) fn hash_of(
    code: Option<&Text<'_>>,
    performance: Parsed<PerformanceId>,
    names: &Names,
) -> Result<Option<CodeHash>, Problem> {
    let Some(code) = code.map(Text::as_str) else { return Ok(None) };
    if !(1..=CHANNEL_CODE_BYTES_MAX).contains(&code.len()) {
        let detail = format!("must be 1 to {CHANNEL_CODE_BYTES_MAX} bytes");
        return Err(Problem::invalid("body_invalid", detail).path("code"));
    }
    Ok(Some(names.code(performance.0, code)))
}

impl HoldStay<'_> {
    pub(super) fn to_intent(&self, names: &Names) -> Result<Intent<'_>, Problem> {
        Ok(Intent::HoldStay {
            performance: self.performance.0,
            room_type: self.room_type.as_str(),
            from: date_of(self.from.0),
            nights: self.nights,
            rooms: self.rooms,
            code: hash_of(self.code.as_ref(), self.performance, names)?,
        })
    }
}

impl SetChannel<'_> {
    pub(super) fn to_intent(&self, names: &Names) -> Result<Intent<'_>, Problem> {
        let code = hash_of(Some(&self.code), self.performance, names)?;
        let rules = ChannelRules {
            code: code.unwrap_or_default(),
            uses_max: self.uses_max,
            releases_at: self.releases_at.map(|at| stamp(at, "releases_at")).transpose()?,
        };
        let (performance, channel) = (self.performance.0, self.channel.as_str());
        Ok(Intent::Inventory(InventoryIntent::SetChannel { performance, channel, rules }))
    }
}

impl SelectionJson<'_> {
    fn selectors(&self) -> Vec<Selector<'_>> {
        let seats = self.seats.iter().map(|seat| Selector::Seat(seat.as_str()));
        let rows = self.rows.iter().map(|row| Selector::Row(row.as_str()));
        let sections = self.sections.iter().map(|section| Selector::Section(section.as_str()));
        let places = self.places.iter().map(|places| Selector::Places {
            section: places.section.as_str(),
            quantity: places.quantity,
        });
        seats.chain(rows).chain(sections).chain(places).collect()
    }
}

impl SetAside<'_> {
    pub(super) fn to_intent(&self) -> Intent<'_> {
        let (performance, channel) = (self.performance.0, self.channel.as_str());
        let items = self.what.selectors();
        Intent::Inventory(InventoryIntent::SetAside { performance, channel, items })
    }
}

impl ReleaseChannel<'_> {
    pub(super) fn to_intent(&self) -> Intent<'_> {
        let (performance, channel) = (self.performance.0, self.channel.as_str());
        Intent::Inventory(match self.what.as_ref().map(SelectionJson::selectors) {
            Some(items) => InventoryIntent::Release { performance, channel, items },
            None => InventoryIntent::ReleaseAll { performance, channel },
        })
    }
}

impl ReleaseCompanions {
    pub(super) const fn to_intent(&self) -> Intent<'static> {
        let performance = self.performance.0;
        Intent::Inventory(InventoryIntent::ReleaseCompanions { performance })
    }
}

/// Nights one after the other.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StayJson {
    /// Code of the type of room.
    #[schema(example = "DELUXE")]
    pub room_type: String,
    /// The date of the first night.
    #[schema(value_type = String, format = Date)]
    pub check_in: Shown<civil::Date>,
    /// The day after the last night.
    #[schema(value_type = String, format = Date)]
    pub check_out: Shown<civil::Date>,
    /// How many rooms.
    pub rooms: u16,
}

impl From<Stay<'_>> for StayJson {
    fn from(stay: Stay<'_>) -> Self {
        Self {
            room_type: stay.room_type.to_owned(),
            check_in: Shown(civil_date(stay.check_in)),
            check_out: Shown(civil_date(stay.check_out)),
            rooms: stay.rooms,
        }
    }
}

/// The channels of a performance, in the order in which they were made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelListJson {
    /// Of which performance.
    pub performance: String,
    /// Each of them.
    pub channels: Vec<ChannelJson>,
}

/// One channel, without its code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelJson {
    /// Its short name.
    pub channel: String,
    /// Holds and orders that its code can have at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses_max: Option<u32>,
    /// Holds and orders that its code has.
    pub uses: u32,
    /// When its places become everybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub releases_at: Option<String>,
    /// All of it was given back, and nothing was set aside since.
    pub released: bool,
    /// Places that are set aside and that nobody has.
    pub free: u32,
    /// Places that are held, or ordered and not yet paid.
    pub held: u32,
    /// Places that are sold.
    pub sold: u32,
}

impl ChannelListJson {
    /// The channels of a performance.
    #[must_use]
    pub fn of(performance: &Performance) -> Self {
        let channels = performance.channels().map(|channel| ChannelJson::of(performance, channel));
        Self { performance: performance.id().to_string(), channels: channels.collect() }
    }
}

impl ChannelJson {
    fn of(performance: &Performance, channel: &Channel) -> Self {
        let counts = performance.channel_counts(channel);
        let rules = channel.rules();
        Self {
            channel: channel.code().to_owned(),
            uses_max: rules.uses_max,
            uses: channel.uses(),
            releases_at: rules.releases_at.map(|at| moment(at).0.to_string()),
            released: channel.is_released(),
            free: counts.free,
            held: counts.held,
            sold: counts.sold,
        }
    }
}
