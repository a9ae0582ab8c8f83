//! Intents that ask for places, as clients write them.

use boxoffice_topics::definition::{HOLD_SEATS_MAX, HOLD_SECTIONS_MAX};
use boxoffice_topics::intent::SectionQuantity;
use boxoffice_topics::{Intent, PerformanceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inventory::hash_of;
use super::parse::{Tag, bounded};
use super::values::{Parsed, Text};
use crate::http::auth::Names;
use crate::http::problem::Problem;

/// These seats, all of them or none, for a while.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldSeats<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// Labels of the seats.
    #[serde(borrow, deserialize_with = "bounded::<_, _, { HOLD_SEATS_MAX as usize }>")]
    #[schema(value_type = Vec<String>, max_items = 16, example = json!(["A-12-7", "A-12-8"]))]
    pub seats: Vec<Text<'a>>,
    /// Code of a channel, for places that are set aside.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub code: Option<Text<'a>>,
}

/// The best seats that are left, all of them or none, for a while.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldBestAvailable<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// How many seats.
    #[schema(example = 2)]
    pub quantity: u16,
    /// Only in this section.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub section: Option<Text<'a>>,
    /// Only at this price level.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub price_level: Option<Text<'a>>,
    /// Accessible seats, and no others; where they have companion seats, one accessible seat and
    /// its companions.
    #[serde(default)]
    pub accessible: bool,
    /// Code of a channel, for places that are set aside.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub code: Option<Text<'a>>,
}

/// Places in general-admission sections, all of them or none, for a while.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldGeneralAdmission<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// Where, and how many.
    #[serde(borrow, deserialize_with = "bounded::<_, _, HOLD_SECTIONS_MAX>")]
    #[schema(value_type = Vec<SectionQuantityJson>, max_items = 16)]
    pub sections: Vec<SectionQuantityJson<'a>>,
    /// Code of a channel, for places that are set aside.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub code: Option<Text<'a>>,
}

/// Places in one section.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionQuantityJson<'a> {
    /// Code of the section.
    #[serde(borrow)]
    #[schema(value_type = String, example = "FLOOR")]
    pub section: Text<'a>,
    /// How many.
    #[schema(example = 2)]
    pub quantity: u16,
}

impl HoldSeats<'_> {
    pub(super) fn to_intent(&self, names: &Names) -> Result<Intent<'_>, Problem> {
        Ok(Intent::HoldSeats {
            performance: self.performance.0,
            seats: self.seats.iter().map(Text::as_str).collect(),
            code: hash_of(self.code.as_ref(), self.performance, names)?,
        })
    }
}

impl HoldBestAvailable<'_> {
    pub(super) fn to_intent(&self, names: &Names) -> Result<Intent<'_>, Problem> {
        Ok(Intent::HoldBestAvailable {
            performance: self.performance.0,
            quantity: self.quantity,
            section: self.section.as_ref().map(Text::as_str),
            price_level: self.price_level.as_ref().map(Text::as_str),
            accessible: self.accessible,
            code: hash_of(self.code.as_ref(), self.performance, names)?,
        })
    }
}

impl HoldGeneralAdmission<'_> {
    pub(super) fn to_intent(&self, names: &Names) -> Result<Intent<'_>, Problem> {
        Ok(Intent::HoldGeneralAdmission {
            performance: self.performance.0,
            sections: self.sections.iter().map(SectionQuantityJson::borrowed).collect(),
            code: hash_of(self.code.as_ref(), self.performance, names)?,
        })
    }
}

impl<'a> SectionQuantityJson<'a> {
    fn borrowed(&'a self) -> SectionQuantity<'a> {
        SectionQuantity { section: self.section.as_str(), quantity: self.quantity }
    }
}
