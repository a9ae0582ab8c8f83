//! Points: what is asked about them, and what an account has.

use boxoffice_core::{Lot, Wallet};
use boxoffice_topics::{Currency, Intent, PerformanceId, PointsIntent, PointsRule, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::Tag;
use super::values::{MoneyJson, Parsed, Text, moment, stamp};
use crate::http::auth::{Names, SUBJECT_BYTES_MAX};
use crate::http::problem::Problem;

/// What orders of one performance earn, and how long points last that come back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointsRuleJson {
    /// The share of what was paid in money that comes back as points, of 10,000.
    #[schema(example = 100)]
    pub earned_basis_points: u16,
    /// Days for which points that were earned last.
    #[schema(example = 365)]
    pub earned_days: u16,
    /// Days for which points last that come back with a refund.
    #[schema(example = 30)]
    pub restored_days: u16,
}

impl From<PointsRule> for PointsRuleJson {
    fn from(rule: PointsRule) -> Self {
        let PointsRule { earned_basis_points, earned_days, restored_days } = rule;
        Self { earned_basis_points, earned_days, restored_days }
    }
}

impl From<PointsRuleJson> for PointsRule {
    fn from(rule: PointsRuleJson) -> Self {
        let PointsRuleJson { earned_basis_points, earned_days, restored_days } = rule;
        Self { earned_basis_points, earned_days, restored_days }
    }
}

/// Says what orders of a performance earn.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPointsRule {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// The rule from now on.
    pub rule: PointsRuleJson,
}

/// Gives points away.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantPoints<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// To whom: the `sub` of the buyer's token. Only its keyed hash is kept.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 256, example = "alice")]
    pub subject: Text<'a>,
    /// How many: a point is one minor unit.
    pub amount: MoneyJson,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Parsed<jiff::Timestamp>,
}

impl SetPointsRule {
    pub(super) fn to_intent(&self) -> Intent<'static> {
        let (performance, rule) = (self.performance.0, self.rule.into());
        Intent::Points(PointsIntent::SetPointsRule { performance, rule })
    }
}

impl GrantPoints<'_> {
    pub(super) fn to_intent(&self, names: &Names) -> Result<Intent<'static>, Problem> {
        let subject = self.subject.as_str();
        if !(1..=SUBJECT_BYTES_MAX).contains(&subject.len()) {
            let detail = format!("must be 1 to {SUBJECT_BYTES_MAX} bytes");
            return Err(Problem::invalid("body_invalid", detail).path("subject"));
        }
        Ok(Intent::Points(PointsIntent::GrantPoints {
            account: names.account(subject),
            amount: self.amount.into(),
            expires_at: stamp(self.expires_at, "expires_at")?,
        }))
    }
}

/// The points of a buyer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WalletJson {
    /// Currency by currency.
    pub balances: Vec<BalanceJson>,
    /// Points that came together, the oldest first: those are spent first.
    pub lots: Vec<LotJson>,
}

/// Points of one currency.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BalanceJson {
    /// What can be spent.
    pub balance: MoneyJson,
    /// What is kept for orders, in minor units.
    pub reserved_minor: i64,
    /// What the next points pay before they can be spent, in minor units.
    pub owed_minor: i64,
}

/// Points that came together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LotJson {
    /// Its id.
    #[schema(example = "1018-2-90")]
    pub id: String,
    /// What can be spent.
    pub amount: MoneyJson,
    /// What is kept for orders, in minor units.
    pub reserved_minor: i64,
    /// When it expires.
    pub expires_at: String,
}

impl WalletJson {
    /// A wallet in these currencies at a moment.
    #[must_use]
    pub fn of(
        wallet: Option<&Wallet>,
        currencies: impl IntoIterator<Item = Currency>,
        now: Timestamp,
    ) -> Self {
        let Some(wallet) = wallet else { return Self { balances: Vec::new(), lots: Vec::new() } };
        let balance = |currency| BalanceJson {
            balance: wallet.balance(currency, now).into(),
            reserved_minor: reserved(wallet, currency),
            owed_minor: wallet.owes(currency),
        };
        Self {
            balances: currencies.into_iter().map(balance).collect(),
            lots: wallet.lots().iter().map(LotJson::from).collect(),
        }
    }
}

fn reserved(wallet: &Wallet, currency: Currency) -> i64 {
    let lots = wallet.lots().iter().filter(|lot| lot.free.currency == currency);
    lots.map(|lot| lot.reserved_minor).sum()
}

impl From<&Lot> for LotJson {
    fn from(lot: &Lot) -> Self {
        Self {
            id: lot.id.to_string(),
            amount: lot.free.into(),
            reserved_minor: lot.reserved_minor,
            expires_at: moment(lot.expires_at).0.to_string(),
        }
    }
}
