//! A performance as promoters write it and everybody reads it.

use std::num::NonZeroU32;

use boxoffice_topics::definition::{
    CODE_BYTES_MAX, HOLD_TTL_MS_MAX, PRICE_LEVELS_MAX, ROW_SEATS_MAX, ROWS_MAX, SECTIONS_MAX,
};
use boxoffice_topics::inventory::{Shapes, Stays};
use boxoffice_topics::{
    Currency, PerformanceDefinition, PerformanceId, PriceLevel, Row, SaleRules, Section,
    SectionKind, SettlementTerms,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::bounded;
use super::refund::RefundTermsJson;
use super::settlement::SettlementTermsJson;
use super::shapes::{StaysJson, TableJson, sold, table};
use super::values::{Parsed, moment, stamp};
use crate::http::problem::Problem;

/// What is shown where and when, at which prices, under which rules.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionJson {
    /// What is shown.
    pub name: String,
    /// Where.
    pub venue: String,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Parsed<jiff::Timestamp>,
    /// ISO 4217 code of every price.
    #[schema(value_type = String, example = "KRW")]
    pub currency: Parsed<Currency>,
    /// What seats cost.
    pub price_levels: Vec<PriceLevelJson>,
    /// The inventory; may be absent when there are `stays`.
    #[serde(default)]
    pub sections: Vec<SectionJson>,
    /// Rooms that are sold by the night, behind the sections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<StaysJson>,
    /// From then on companion seats are seats like any other; when a promoter says so, when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub companions_released_at: Option<Parsed<jiff::Timestamp>>,
    /// The rules of sale.
    pub sale: SaleJson,
    /// What a booking costs beside its places, and what comes back when tickets go back. Without
    /// them nothing and everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_terms: Option<RefundTermsJson>,
    /// The fees; none when absent. Only promoters and operators see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_terms: Option<SettlementTermsJson>,
}

/// One price.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceLevelJson {
    /// Short name.
    #[schema(example = "R")]
    pub code: String,
    /// Price of one place in minor units.
    #[schema(example = 165_000)]
    pub price_minor: i64,
}

/// How a section is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SectionKindJson {
    /// Numbered seats in `rows`.
    Reserved,
    /// `capacity` equal places at one `price_level`.
    GeneralAdmission,
}

/// A part of the house: `rows` when reserved, `capacity` and `price_level` when not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionJson {
    /// Short name: the first part of a seat's label.
    #[schema(example = "A")]
    pub code: String,
    /// How it is sold.
    pub kind: SectionKindJson,
    /// Rows of a reserved section, the best first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowJson>>,
    /// Places of a general-admission section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Price level of a general-admission section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_level: Option<String>,
}

/// Seats side by side.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RowJson {
    /// The second part of a seat's label.
    #[schema(example = "12")]
    pub label: String,
    /// Number of the leftmost seat.
    #[serde(default = "one")]
    #[schema(default = 1)]
    pub first_seat: u16,
    /// How many.
    #[schema(example = 30)]
    pub seats: u16,
    /// What they cost.
    #[schema(example = "R")]
    pub price_level: String,
    /// Numbers of the accessible seats, ascending.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::<_, _, { ROW_SEATS_MAX as usize }>"
    )]
    pub accessible: Vec<u16>,
    /// Numbers of the companion seats, ascending: they are sold with an accessible seat beside
    /// them.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::<_, _, { ROW_SEATS_MAX as usize }>"
    )]
    pub companions: Vec<u16>,
    /// The row is a table: all of its seats are sold together, at most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableJson>,
}

const fn one() -> u16 {
    1
}

/// The rules of sale.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleJson {
    /// The sale opens by itself at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opens_at: Option<Parsed<jiff::Timestamp>>,
    /// The sale closes by itself at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closes_at: Option<Parsed<jiff::Timestamp>>,
    /// How long a hold lasts.
    #[schema(value_type = u32, example = 300)]
    pub hold_ttl_seconds: NonZeroU32,
    /// How often a hold may be renewed.
    #[schema(example = 1)]
    pub hold_renewals_max: u8,
    /// How long a placed order waits for its payment.
    #[schema(value_type = u32, example = 600)]
    pub payment_window_seconds: NonZeroU32,
    /// Seats that one account may hold and own together.
    #[schema(example = 4)]
    pub account_seats_max: u16,
}

impl DefinitionJson {
    /// The definition for the log.
    ///
    /// # Errors
    /// 422 with the path of what cannot be put on sale.
    pub fn to_definition(
        &self,
        performance: PerformanceId,
    ) -> Result<PerformanceDefinition, Problem> {
        if self.price_levels.len() > PRICE_LEVELS_MAX || self.sections.len() > SECTIONS_MAX {
            let detail =
                format!("at most {PRICE_LEVELS_MAX} price levels, {SECTIONS_MAX} sections");
            return Err(Problem::invalid("definition_invalid", detail));
        }
        let price_levels = self
            .price_levels
            .iter()
            .map(|level| PriceLevel { code: level.code.clone(), price_minor: level.price_minor })
            .collect();
        let mut sections = self
            .sections
            .iter()
            .enumerate()
            .map(|(index, section)| self.section(section, &format!("sections[{index}]")))
            .collect::<Result<_, _>>()?;
        let stays = self.stays.as_ref();
        let stays = stays.map(|it| it.expand(&mut sections, |code, path| self.level(code, path)));
        let shapes = self.shapes(stays.transpose()?)?;
        let definition = PerformanceDefinition {
            performance,
            name: self.name.clone(),
            venue: self.venue.clone(),
            starts_at: stamp(self.starts_at, "starts_at")?,
            currency: self.currency.0,
            price_levels,
            sections,
            sale: self.sale.to_rules()?,
            shapes,
            refund_terms: self.refund_terms.as_ref().map(|terms| Box::new(terms.into())),
            settlement_terms: Some(self.settlement_terms.map(Into::into).unwrap_or_default()),
        };
        definition.validate().map_err(|error| {
            Problem::invalid("definition_invalid", error.reason).path(error.field)
        })?;
        Ok(definition)
    }

    fn section(&self, section: &SectionJson, path: &str) -> Result<Section, Problem> {
        let kind = match (section.kind, &section.rows, section.capacity, &section.price_level) {
            (SectionKindJson::Reserved, Some(rows), None, None) if rows.len() <= ROWS_MAX => {
                let rows = rows.iter().enumerate().map(|(index, row)| {
                    let level =
                        self.level(&row.price_level, &format!("{path}.rows[{index}].price_level"))?;
                    Ok(Row {
                        label: row.label.clone(),
                        first_seat: row.first_seat,
                        seats: row.seats,
                        price_level: level,
                        accessible: row.accessible.clone(),
                        sold: sold(row.table, &row.companions, &format!("{path}.rows[{index}]"))?,
                    })
                });
                SectionKind::Reserved { rows: rows.collect::<Result<_, Problem>>()? }
            }
            (SectionKindJson::GeneralAdmission, None, Some(capacity), Some(level)) => {
                let price_level = self.level(level, &format!("{path}.price_level"))?;
                SectionKind::GeneralAdmission { capacity, price_level }
            }
            _ => {
                let detail = "a reserved section has `rows`; a general_admission section has \
                              `capacity` and `price_level`";
                return Err(Problem::invalid("definition_invalid", detail).path(path));
            }
        };
        Ok(Section { code: section.code.clone(), kind })
    }

    fn shapes(&self, stays: Option<Stays>) -> Result<Option<Box<Shapes>>, Problem> {
        let released_at = self.companions_released_at;
        let shapes = Shapes {
            companions_released_at: released_at
                .map(|at| stamp(at, "companions_released_at"))
                .transpose()?,
            stays,
        };
        Ok((shapes != Shapes::default()).then(|| Box::new(shapes)))
    }

    fn level(&self, code: &str, path: &str) -> Result<u16, Problem> {
        let index = self.price_levels.iter().position(|level| level.code == code);
        index.and_then(|index| u16::try_from(index).ok()).ok_or_else(|| {
            let shown: String = code.chars().take(CODE_BYTES_MAX).collect();
            Problem::invalid("definition_invalid", format!("no price level has the code `{shown}`"))
                .path(path)
        })
    }
}

impl SaleJson {
    fn to_rules(self) -> Result<SaleRules, Problem> {
        let milliseconds = |seconds: NonZeroU32, field: &str| {
            seconds.get().checked_mul(1_000).filter(|ms| *ms <= HOLD_TTL_MS_MAX).ok_or_else(|| {
                let limit = HOLD_TTL_MS_MAX / 1_000;
                Problem::invalid("definition_invalid", format!("must be 1 to {limit}"))
                    .path(format!("sale.{field}"))
            })
        };
        Ok(SaleRules {
            opens_at: self.opens_at.map(|at| stamp(at, "sale.opens_at")).transpose()?,
            closes_at: self.closes_at.map(|at| stamp(at, "sale.closes_at")).transpose()?,
            hold_ttl_ms: milliseconds(self.hold_ttl_seconds, "hold_ttl_seconds")?,
            hold_renewals_max: self.hold_renewals_max,
            payment_window_ms: milliseconds(self.payment_window_seconds, "payment_window_seconds")?,
            account_seats_max: self.account_seats_max,
        })
    }
}

impl From<&PerformanceDefinition> for DefinitionJson {
    fn from(definition: &PerformanceDefinition) -> Self {
        let code = |level: u16| {
            let level = definition.price_levels.get(usize::from(level));
            level.map_or_else(String::new, |level| level.code.clone())
        };
        let shapes = definition.shapes.as_deref();
        let stays = shapes.and_then(|shapes| shapes.stays.as_ref());
        let is_night = |section: &usize| {
            stays.is_some_and(|it| {
                it.room_types.iter().any(|room| room.sections().contains(section))
            })
        };
        let sections = definition.sections.iter().enumerate();
        let sections = sections.filter(|(index, _)| !is_night(index)).map(|(_, section)| section);
        let sections = sections.map(|section| match &section.kind {
            SectionKind::Reserved { rows } => SectionJson {
                code: section.code.clone(),
                kind: SectionKindJson::Reserved,
                rows: Some(rows.iter().map(|row| row_json(row, code(row.price_level))).collect()),
                capacity: None,
                price_level: None,
            },
            SectionKind::GeneralAdmission { capacity, price_level } => SectionJson {
                code: section.code.clone(),
                kind: SectionKindJson::GeneralAdmission,
                rows: None,
                capacity: Some(*capacity),
                price_level: Some(code(*price_level)),
            },
        });
        let price_levels = definition.price_levels.iter().map(|level| PriceLevelJson {
            code: level.code.clone(),
            price_minor: level.price_minor,
        });
        Self {
            name: definition.name.clone(),
            venue: definition.venue.clone(),
            starts_at: Parsed(moment(definition.starts_at).0),
            currency: Parsed(definition.currency),
            price_levels: price_levels.collect(),
            sections: sections.collect(),
            stays: StaysJson::of(definition),
            companions_released_at: shapes
                .and_then(|shapes| shapes.companions_released_at)
                .map(|at| Parsed(moment(at).0)),
            sale: SaleJson::from(&definition.sale),
            refund_terms: definition.refund_terms.as_deref().map(RefundTermsJson::from),
            settlement_terms: definition
                .settlement_terms
                .filter(|terms| *terms != SettlementTerms::default())
                .map(SettlementTermsJson::from),
        }
    }
}

impl From<&SaleRules> for SaleJson {
    fn from(sale: &SaleRules) -> Self {
        let seconds = |ms: u32| NonZeroU32::new(ms / 1_000).unwrap_or(NonZeroU32::MIN);
        Self {
            opens_at: sale.opens_at.map(|at| Parsed(moment(at).0)),
            closes_at: sale.closes_at.map(|at| Parsed(moment(at).0)),
            hold_ttl_seconds: seconds(sale.hold_ttl_ms),
            hold_renewals_max: sale.hold_renewals_max,
            payment_window_seconds: seconds(sale.payment_window_ms),
            account_seats_max: sale.account_seats_max,
        }
    }
}

fn row_json(row: &Row, price_level: String) -> RowJson {
    RowJson {
        label: row.label.clone(),
        first_seat: row.first_seat,
        seats: row.seats,
        price_level,
        accessible: row.accessible.clone(),
        companions: row.companions().to_vec(),
        table: table(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_survives_the_way_through_the_log() {
        let text = r#"{"name":"Hamlet","venue":"Globe","starts_at":"2026-12-01T19:00:00Z",
            "currency":"KRW","price_levels":[{"code":"R","price_minor":165000}],
            "sections":[{"code":"A","kind":"reserved","rows":[{"label":"12","first_seat":3,
            "seats":30,"price_level":"R","accessible":[3]}]},
            {"code":"FLOOR","kind":"general_admission","capacity":2000,"price_level":"R"}],
            "sale":{"hold_ttl_seconds":300,"hold_renewals_max":1,"payment_window_seconds":600,
            "account_seats_max":4}}"#;
        let json: DefinitionJson = serde_json::from_str(text).unwrap();
        let definition = json.to_definition(PerformanceId::from_u128(1)).unwrap();
        let again = serde_json::to_value(DefinitionJson::from(&definition)).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(text).unwrap());
    }
}
