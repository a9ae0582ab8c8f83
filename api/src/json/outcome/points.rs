//! Outcomes of wallets.

use boxoffice_topics::PointsOutcome;
use boxoffice_topics::points::PointsSource;
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::points::PointsRuleJson;
use crate::json::values::{MoneyJson, moment};

/// One fact about points.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PointsOutcomeJson {
    /// Orders of a performance earn points by another rule.
    PointsRuleSet {
        /// Which performance.
        performance: String,
        /// The rule.
        rule: PointsRuleJson,
    },
    /// Points came into a wallet.
    PointsCredited {
        /// The lot.
        lot: String,
        /// How many came.
        amount: MoneyJson,
        /// How many of them paid what the wallet owed.
        debt_paid_minor: i64,
        /// When the rest expires.
        expires_at: String,
        /// `granted`, `earned` or `restored`.
        source: &'static str,
        /// The order that earned them, or that they had paid.
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<String>,
    },
    /// Points are kept for an order.
    PointsReserved {
        /// For which order.
        order: String,
        /// How many.
        amount: MoneyJson,
    },
    /// The order is confirmed: the points that were kept for it are gone.
    PointsSpent {
        /// For which order.
        order: String,
        /// How many.
        amount: MoneyJson,
    },
    /// The order died: the points that were kept for it are back in their lots.
    PointsReleased {
        /// By which order.
        order: String,
        /// How many.
        amount: MoneyJson,
        /// How many of them paid what the wallet owed.
        debt_paid_minor: i64,
    },
    /// The order was refunded: what it earned is taken back.
    PointsTakenBack {
        /// What which order earned.
        order: String,
        /// How many.
        amount: MoneyJson,
        /// How many were gone already: the next points that come pay them.
        debt_minor: i64,
    },
    /// Time ran out for what is left of a lot.
    PointsExpired {
        /// The lot.
        lot: String,
        /// How many.
        amount: MoneyJson,
    },
}

impl From<&PointsOutcome> for PointsOutcomeJson {
    fn from(outcome: &PointsOutcome) -> Self {
        match outcome {
            PointsOutcome::RuleSet { performance, rule } => {
                Self::PointsRuleSet { performance: performance.to_string(), rule: (*rule).into() }
            }
            PointsOutcome::Credited {
                lot, amount, debt_paid_minor, expires_at, source, ..
            } => {
                let (source, order) = source_name(*source);
                Self::PointsCredited {
                    lot: lot.to_string(),
                    amount: (*amount).into(),
                    debt_paid_minor: *debt_paid_minor,
                    expires_at: moment(*expires_at).0.to_string(),
                    source,
                    order,
                }
            }
            PointsOutcome::Reserved { order, amount, .. } => {
                Self::PointsReserved { order: order.to_string(), amount: (*amount).into() }
            }
            PointsOutcome::Committed { order, amount, .. } => {
                Self::PointsSpent { order: order.to_string(), amount: (*amount).into() }
            }
            PointsOutcome::Released { order, amount, debt_paid_minor, .. } => {
                Self::PointsReleased {
                    order: order.to_string(),
                    amount: (*amount).into(),
                    debt_paid_minor: *debt_paid_minor,
                }
            }
            PointsOutcome::TakenBack { order, amount, debt_minor, .. } => Self::PointsTakenBack {
                order: order.to_string(),
                amount: (*amount).into(),
                debt_minor: *debt_minor,
            },
            PointsOutcome::Expired { lot, amount, .. } => {
                Self::PointsExpired { lot: lot.to_string(), amount: (*amount).into() }
            }
        }
    }
}

fn source_name(source: PointsSource) -> (&'static str, Option<String>) {
    match source {
        PointsSource::Granted => ("granted", None),
        PointsSource::Earned(order) => ("earned", Some(order.to_string())),
        PointsSource::Restored(order) => ("restored", Some(order.to_string())),
    }
}
