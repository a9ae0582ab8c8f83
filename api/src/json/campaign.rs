//! Campaigns as promoters write them and everybody reads them, and the coupons of a buyer. The
//! code that opens a campaign is written and never read back.

use boxoffice_core::{Campaign, Coupon};
use boxoffice_topics::coupon::{
    CampaignScope, CouponReduction, CouponTerms, Issuer, SPANNED_PERFORMANCES_MAX,
};
use boxoffice_topics::definition::PRICE_LEVELS_MAX;
use boxoffice_topics::{
    CampaignDefinition, CampaignId, CouponIntent, Currency, Intent, IntentKey, PerformanceId, Slot,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::{Tag, bounded};
use super::values::{Parsed, Text, moment, stamp};
use crate::http::problem::Problem;

/// Code of what is wrong with a campaign.
const INVALID: &str = "campaign_invalid";

/// A campaign as a promoter defines it: for one `performance`, or for several `performances`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignDefinitionJson {
    /// What it is called.
    #[schema(example = "Early bird")]
    pub name: String,
    /// The performance that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub performance: Option<Parsed<PerformanceId>>,
    /// The performances that it spans.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::<_, _, SPANNED_PERFORMANCES_MAX>"
    )]
    #[schema(value_type = Vec<uuid::Uuid>, max_items = 64)]
    pub performances: Vec<Parsed<PerformanceId>>,
    /// What a buyer must know to claim; `null` for a public campaign. It is never shown again.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, max_length = 64)]
    pub code: Option<String>,
    /// Coupons are claimed from this moment on.
    #[schema(value_type = String, format = DateTime)]
    pub opens_at: Parsed<jiff::Timestamp>,
    /// Coupons are no longer claimed from this moment on.
    #[schema(value_type = String, format = DateTime)]
    pub closes_at: Parsed<jiff::Timestamp>,
    /// How many coupons there are.
    #[schema(example = 1_000)]
    pub quantity: u32,
    /// How many of them one account may claim.
    #[schema(example = 1)]
    pub account_limit: u16,
    /// What a coupon is good for.
    pub terms: TermsJson,
}

/// What a coupon is good for. A coupon keeps the terms under which it was issued.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsJson {
    /// How much it takes off.
    pub reduction: ReductionJson,
    /// ISO 4217 code of every amount here.
    #[schema(value_type = String, example = "KRW")]
    pub currency: Parsed<Currency>,
    /// The least that an order must cost before any discount.
    #[serde(default)]
    #[schema(example = 100_000)]
    pub minimum_spend_minor: i64,
    /// Codes of the price levels that it reduces; empty for all.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::<_, _, PRICE_LEVELS_MAX>"
    )]
    pub price_levels: Vec<String>,
    /// Who bears the discount.
    pub issuer: IssuerJson,
    /// How many orders it may reduce.
    #[schema(example = 1)]
    pub uses: u16,
    /// It is worth nothing from this moment on.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Parsed<jiff::Timestamp>,
    /// Whether its owner has it back when an order that it reduced is refunded.
    pub returned_on_refund: bool,
}

/// How much a coupon takes off the places that it is for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReductionJson {
    /// An amount, and never more than the places cost.
    Fixed {
        /// In minor units.
        amount_minor: i64,
    },
    /// A share of what the places cost, rounded down to a minor unit.
    Percent {
        /// The share, of 10,000.
        basis_points: u16,
        /// Never more than this, in minor units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap_minor: Option<i64>,
    },
}

/// Who bears a discount.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssuerJson {
    /// Who runs the shop.
    Platform,
    /// Who puts the performance on sale.
    Promoter,
}

/// Makes a coupon campaign.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCampaign {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// All of it.
    pub definition: CampaignDefinitionJson,
}

/// Changes a coupon campaign.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCampaign {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which.
    #[schema(value_type = String, example = "1018-2-70")]
    pub campaign: Parsed<CampaignId>,
    /// All of it, as it shall be. Performances and currency stay.
    pub definition: CampaignDefinitionJson,
}

/// Claims a coupon.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimCoupon<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which campaign.
    #[schema(value_type = String, example = "1018-2-70")]
    pub campaign: Parsed<CampaignId>,
    /// What the buyer knows, when the campaign asks for it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub code: Option<Text<'a>>,
}

impl CreateCampaign {
    /// A campaign that spans performances lives at a slot that its key chooses, so that the same
    /// request sent again finds the first one.
    pub(super) fn to_intent(&self, key: IntentKey) -> Result<Intent<'static>, Problem> {
        let definition = Box::new(self.definition.to_definition(slot_of(key))?);
        Ok(Intent::Coupon(CouponIntent::CreateCampaign { definition }))
    }
}

impl ChangeCampaign {
    pub(super) fn to_intent(&self) -> Result<Intent<'static>, Problem> {
        let campaign = self.campaign.0;
        let definition = Box::new(self.definition.to_definition(campaign.0.slot())?);
        Ok(Intent::Coupon(CouponIntent::ChangeCampaign { campaign, definition }))
    }
}

impl ClaimCoupon<'_> {
    pub(super) fn to_intent(&self) -> Intent<'_> {
        let (campaign, code) = (self.campaign.0, self.code.as_ref().map(Text::as_str));
        Intent::Coupon(CouponIntent::ClaimCoupon { campaign, code })
    }
}

/// Keys are hashes or random: any of their bits spread.
fn slot_of(key: IntentKey) -> Slot {
    let [.., high, low] = key.to_bytes();
    let number = u16::from_be_bytes([high, low]) % boxoffice_topics::partition::SLOTS;
    Slot::new(number).unwrap_or_else(|| unreachable!("the rest is below the number of slots"))
}

impl CampaignDefinitionJson {
    fn to_definition(&self, slot: Slot) -> Result<CampaignDefinition, Problem> {
        let definition = CampaignDefinition {
            name: self.name.clone(),
            scope: self.scope(slot)?,
            code: self.code.clone(),
            opens_at: stamp(self.opens_at, "definition.opens_at")?,
            closes_at: stamp(self.closes_at, "definition.closes_at")?,
            quantity: self.quantity,
            account_limit: self.account_limit,
            terms: self.terms.to_terms()?,
        };
        definition.validate().map_err(|error| {
            let path = format!("definition.{}", path_of(&error.field));
            Problem::invalid(INVALID, error.reason).path(path)
        })?;
        Ok(definition)
    }

    /// The order of the performances means nothing, so it is always the same one.
    fn scope(&self, slot: Slot) -> Result<CampaignScope, Problem> {
        match (self.performance, self.performances.as_slice()) {
            (Some(performance), []) => {
                Ok(CampaignScope::Performance { performance: performance.0 })
            }
            (None, [_, ..]) => {
                let mut performances: Vec<_> = self.performances.iter().map(|it| it.0).collect();
                performances.sort_unstable();
                Ok(CampaignScope::Performances { slot, performances })
            }
            _ => {
                let detail = "a campaign has one `performance`, or several `performances`";
                Err(Problem::invalid(INVALID, detail).path("definition"))
            }
        }
    }
}

/// The log names a field after what it is, a document also after its unit.
fn path_of(field: &str) -> String {
    match field {
        "terms.reduction.amount" | "terms.reduction.cap" | "terms.minimum_spend" => {
            format!("{field}_minor")
        }
        _ => field.strip_prefix("scope.").unwrap_or(field).to_owned(),
    }
}

impl TermsJson {
    fn to_terms(&self) -> Result<CouponTerms, Problem> {
        Ok(CouponTerms {
            reduction: match self.reduction {
                ReductionJson::Fixed { amount_minor } => CouponReduction::Fixed { amount_minor },
                ReductionJson::Percent { basis_points, cap_minor } => {
                    CouponReduction::Percent { basis_points, cap_minor }
                }
            },
            currency: self.currency.0,
            minimum_spend_minor: self.minimum_spend_minor,
            price_levels: self.price_levels.clone(),
            issuer: match self.issuer {
                IssuerJson::Platform => Issuer::Platform,
                IssuerJson::Promoter => Issuer::Promoter,
            },
            uses: self.uses,
            expires_at: stamp(self.expires_at, "definition.terms.expires_at")?,
            returned_on_refund: self.returned_on_refund,
        })
    }
}

impl From<&CouponTerms> for TermsJson {
    fn from(terms: &CouponTerms) -> Self {
        Self {
            reduction: match terms.reduction {
                CouponReduction::Fixed { amount_minor } => ReductionJson::Fixed { amount_minor },
                CouponReduction::Percent { basis_points, cap_minor } => {
                    ReductionJson::Percent { basis_points, cap_minor }
                }
            },
            currency: Parsed(terms.currency),
            minimum_spend_minor: terms.minimum_spend_minor,
            price_levels: terms.price_levels.clone(),
            issuer: terms.issuer.into(),
            uses: terms.uses,
            expires_at: shown(terms.expires_at),
            returned_on_refund: terms.returned_on_refund,
        }
    }
}

impl From<Issuer> for IssuerJson {
    fn from(issuer: Issuer) -> Self {
        match issuer {
            Issuer::Platform => Self::Platform,
            Issuer::Promoter => Self::Promoter,
        }
    }
}

fn shown(at: Timestamp) -> Parsed<jiff::Timestamp> {
    Parsed(moment(at).0)
}

/// A campaign as everybody reads it: without its code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CampaignJson {
    /// What it is called.
    pub name: String,
    /// The performances that it is for.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub performances: Vec<Parsed<PerformanceId>>,
    /// It spans them, however many they are: an order asks it before it takes a coupon.
    pub spans: bool,
    /// Whoever claims must know a code.
    pub needs_code: bool,
    /// Coupons are claimed from this moment on.
    #[schema(value_type = String, format = DateTime)]
    pub opens_at: Parsed<jiff::Timestamp>,
    /// Coupons are no longer claimed from this moment on.
    #[schema(value_type = String, format = DateTime)]
    pub closes_at: Parsed<jiff::Timestamp>,
    /// How many coupons there are.
    pub quantity: u32,
    /// How many of them one account may claim.
    pub account_limit: u16,
    /// What a coupon is good for.
    pub terms: TermsJson,
}

impl From<&CampaignDefinition> for CampaignJson {
    fn from(definition: &CampaignDefinition) -> Self {
        let scope = &definition.scope;
        let performances = scope.home().into_iter().chain(scope.told().iter().copied());
        Self {
            name: definition.name.clone(),
            performances: performances.map(Parsed).collect(),
            spans: scope.home().is_none(),
            needs_code: definition.code.is_some(),
            opens_at: shown(definition.opens_at),
            closes_at: shown(definition.closes_at),
            quantity: definition.quantity,
            account_limit: definition.account_limit,
            terms: (&definition.terms).into(),
        }
    }
}

/// A campaign and how much of it is left.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CampaignViewJson {
    /// Its id.
    #[schema(example = "1018-2-70")]
    pub id: String,
    /// `scheduled`, `open`, `paused` or `ended`.
    pub state: &'static str,
    /// How many coupons are out.
    pub issued: u32,
    /// What the promoter said of it.
    #[serde(flatten)]
    pub definition: CampaignJson,
}

impl CampaignViewJson {
    /// A campaign at a moment.
    #[must_use]
    pub fn of(campaign: &Campaign, now: Timestamp) -> Self {
        let definition = campaign.definition();
        let state = if now >= definition.closes_at.min(definition.terms.expires_at) {
            "ended"
        } else if campaign.is_paused() {
            "paused"
        } else if now < definition.opens_at {
            "scheduled"
        } else {
            "open"
        };
        let issued = campaign.issued();
        Self { id: campaign.id().to_string(), state, issued, definition: definition.into() }
    }
}

/// A coupon that can still be used, or that an order has.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CouponJson {
    /// Its id.
    #[schema(example = "1018-2-71")]
    pub id: String,
    /// Its campaign.
    #[schema(example = "1018-2-70")]
    pub campaign: String,
    /// What the campaign is called.
    pub name: String,
    /// The performances where it can be used now.
    pub performances: Vec<String>,
    /// Orders that it can still reduce.
    pub uses_left: u16,
    /// Orders that have it and are not confirmed yet.
    pub reserved: u16,
    /// What it is good for.
    pub terms: TermsJson,
}

impl CouponJson {
    /// A coupon, and the performances that know of it.
    #[must_use]
    pub fn of(
        coupon: &Coupon,
        campaign: &Campaign,
        performances: &[PerformanceId],
    ) -> Option<Self> {
        Some(Self {
            id: coupon.id.to_string(),
            campaign: campaign.id().to_string(),
            name: campaign.definition().name.clone(),
            performances: performances.iter().map(ToString::to_string).collect(),
            uses_left: coupon.uses_left,
            reserved: coupon.reserved,
            terms: campaign.terms(coupon.version)?.into(),
        })
    }
}

/// The coupons of a buyer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CouponListJson {
    /// The oldest first, partition by partition.
    pub coupons: Vec<CouponJson>,
}
