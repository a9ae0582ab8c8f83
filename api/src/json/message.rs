//! What keys tell each other, as operators read it.

use boxoffice_topics::Message;
use serde::Serialize;
use utoipa::ToSchema;

use super::campaign::TermsJson;
use super::values::{MoneyJson, moment};

/// What one key tells another: the fields that its `type` has.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct MessageJson {
    /// Which message.
    #[serde(rename = "type")]
    #[schema(example = "reserve_coupon")]
    pub kind: &'static str,
    /// The performance that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performance: Option<String>,
    /// The campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Number of the terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u16>,
    /// The terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<TermsJson>,
    /// The coupon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// The order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Whose coupon or wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// How many points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<MoneyJson>,
    /// Why not: the code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Until when the points last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

impl From<&Message> for MessageJson {
    fn from(message: &Message) -> Self {
        let mut json = Self { kind: message.name(), ..Self::default() };
        match message {
            Message::CampaignAnnounced { performance, campaign, version, terms } => {
                json.performance = Some(performance.to_string());
                json.campaign = Some(campaign.to_string());
                json.version = Some(*version);
                json.terms = Some((&**terms).into());
            }
            Message::CouponGranted { performance, campaign, version, coupon, account } => {
                json.performance = Some(performance.to_string());
                json.campaign = Some(campaign.to_string());
                json.version = Some(*version);
                json.coupon = Some(coupon.to_string());
                json.account = Some(account.to_string());
            }
            Message::CouponSpent { performance, coupon } => {
                json.performance = Some(performance.to_string());
                json.coupon = Some(coupon.to_string());
            }
            Message::ReserveCoupon { coupon, order, account } => {
                json.coupon = Some(coupon.to_string());
                json.order = Some(order.to_string());
                json.account = Some(account.to_string());
            }
            Message::CouponReserved { order, coupon }
            | Message::CommitCoupon { coupon, order }
            | Message::ReleaseCoupon { coupon, order }
            | Message::ReturnCoupon { coupon, order } => {
                json.coupon = Some(coupon.to_string());
                json.order = Some(order.to_string());
            }
            Message::CouponRefused { order, coupon, code } => {
                json.coupon = Some(coupon.to_string());
                json.order = Some(order.to_string());
                json.code = Some(code.as_str());
            }
            _ => json.about_points(message),
        }
        json
    }
}

impl MessageJson {
    fn about_points(&mut self, message: &Message) {
        match message {
            Message::ReservePoints { account, order, amount }
            | Message::TakeBackPoints { account, order, amount } => {
                self.account = Some(account.to_string());
                self.order = Some(order.to_string());
                self.amount = Some((*amount).into());
            }
            Message::EarnPoints { account, order, amount, expires_at }
            | Message::RestorePoints { account, order, amount, expires_at } => {
                self.account = Some(account.to_string());
                self.order = Some(order.to_string());
                self.amount = Some((*amount).into());
                self.expires_at = Some(moment(*expires_at).0.to_string());
            }
            Message::PointsReserved { order, account }
            | Message::CommitPoints { account, order }
            | Message::ReleasePoints { account, order } => {
                self.account = Some(account.to_string());
                self.order = Some(order.to_string());
            }
            Message::PointsRefused { order, code } => {
                self.order = Some(order.to_string());
                self.code = Some(code.as_str());
            }
            other => unreachable!("{} is not about points", other.name()),
        }
    }
}
