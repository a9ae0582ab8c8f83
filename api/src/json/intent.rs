//! Intents as clients write them: one tagged union, exactly the fields of each type.

use boxoffice_topics::coupon::CouponChoice;
use boxoffice_topics::{
    CampaignId, CouponId, CouponIntent, HoldId, Intent, IntentKey, OrderId, PerformanceId,
    WaitingRoomIntent,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::campaign::{ChangeCampaign, ClaimCoupon, CreateCampaign};
use super::definition::{DefinitionJson, PriceLevelJson, SaleJson, SectionJson};
use super::hold::{HoldBestAvailable, HoldGeneralAdmission, HoldSeats};
use super::inventory::{HoldStay, ReleaseChannel, ReleaseCompanions, SetAside, SetChannel};
use super::parse::Tag;
use super::points::{GrantPoints, SetPointsRule};
use super::refund::{CancelPerformance, RefundTermsJson, RefundTickets, SetRefundTerms};
use super::settlement::{SetSettlementTerms, SettlementTermsJson};
use super::shapes::StaysJson;
use super::ticket::{OfferTicket, ScanTicket, SetTicketRules, TicketOfferAnswer};
use super::values::{MoneyJson, Parsed, Text};
use super::waiting_room::{DrawLottery, SetWaitingRoom, WaitingRoomVisit};
use crate::http::auth::{Names, Role};
use crate::http::problem::Problem;
use crate::tickets::TicketKeys;

/// Longest name of a payment that a provider gives: Toss has up to 200 letters.
const PAYMENT_KEY_BYTES_MAX: usize = 200;

/// What somebody asks for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum IntentRequest<'a> {
    /// A buyer wants these seats, all of them or none.
    HoldSeats(HoldSeats<'a>),
    /// A buyer wants the best seats that are left.
    HoldBestAvailable(HoldBestAvailable<'a>),
    /// A buyer wants places in general-admission sections, all of them or none.
    HoldGeneralAdmission(HoldGeneralAdmission<'a>),
    /// A buyer wants the hold to last its full length again.
    RenewHold(RenewHold),
    /// A buyer gives the hold back.
    ReleaseHold(ReleaseHold),
    /// A buyer orders what is held.
    PlaceOrder(PlaceOrder<'a>),
    /// A buyer has authenticated a payment with the provider and wants it taken.
    PayOrder(PayOrder<'a>),
    /// A buyer gives the order up. What comes back of a confirmed one, its terms say.
    CancelOrder(CancelOrder),
    /// A promoter puts a performance into the house.
    CreatePerformance(Box<CreatePerformance>),
    /// A promoter opens the sale now.
    OpenSale(SaleIntent),
    /// A promoter closes the sale now.
    CloseSale(SaleIntent),
    /// A promoter sets or changes the rules of a waiting room, or turns it off.
    SetWaitingRoom(SetWaitingRoom),
    /// A promoter reveals the seed of a lottery.
    DrawLottery(DrawLottery),
    /// A buyer wants to wait. Who waits already keeps the place.
    JoinWaitingRoom(WaitingRoomVisit),
    /// A buyer who waits is still there.
    Heartbeat(WaitingRoomVisit),
    /// A buyer waits no longer, or goes out.
    LeaveWaitingRoom(WaitingRoomVisit),
    /// A promoter makes a coupon campaign.
    CreateCampaign(Box<CreateCampaign>),
    /// A promoter changes a campaign, also while it runs.
    ChangeCampaign(Box<ChangeCampaign>),
    /// A promoter stops the issue of coupons. Those that are out stay good.
    PauseCampaign(PauseCampaign),
    /// A promoter lets the issue go on.
    ResumeCampaign(ResumeCampaign),
    /// A buyer wants a coupon: first come, first served.
    ClaimCoupon(ClaimCoupon<'a>),
    /// A promoter says what orders of a performance earn.
    SetPointsRule(SetPointsRule),
    /// A promoter or an operator gives points away.
    GrantPoints(GrantPoints<'a>),
    /// A buyer wants rooms for some nights, each of them or none.
    HoldStay(HoldStay<'a>),
    /// A promoter makes a channel, or changes its rules.
    SetChannel(SetChannel<'a>),
    /// A promoter sets places aside for a channel.
    SetAside(SetAside<'a>),
    /// A promoter gives places of a channel back to everybody.
    ReleaseChannel(ReleaseChannel<'a>),
    /// A promoter sells companion seats like any other from now on.
    ReleaseCompanions(ReleaseCompanions),
    /// A promoter says what may be done with the tickets of a performance.
    SetTicketRules(SetTicketRules),
    /// A holder offers a ticket to another account.
    OfferTicket(OfferTicket<'a>),
    /// Who was offered a ticket takes it. It counts toward their limit of the performance.
    AcceptTicket(TicketOfferAnswer),
    /// A holder takes an offer back, or who was offered a ticket does not want it.
    EndTicketOffer(TicketOfferAnswer),
    /// Somebody comes in with a ticket. Each is accepted once; the refusal says where and when it
    /// was used before.
    CheckIn(ScanTicket<'a>),
    /// Somebody goes out, to come in again.
    CheckOut(ScanTicket<'a>),
    /// A buyer gives tickets of a confirmed order back.
    RefundTickets(RefundTickets<'a>),
    /// A promoter sells under other terms from now on. Orders keep theirs, unless these leave more.
    SetRefundTerms(SetRefundTerms),
    /// A promoter says that the performance will not be shown: everything goes back.
    CancelPerformance(CancelPerformance),
    /// A promoter or an operator says which fees are taken of orders from now on. Those that are
    /// sold keep theirs.
    SetSettlementTerms(SetSettlementTerms),
}

macro_rules! about_one_thing {
    ($($variant:ident $field:ident $id:ty, $what:literal;)*) => {$(
        /// Something about one thing that is there already.
        #[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $variant {
            #[serde(rename = "type", default, skip_serializing)]
            #[schema(ignore)]
            _kind: Tag,
            #[doc = $what]
            #[schema(value_type = String, example = "1018-2-77")]
            pub $field: Parsed<$id>,
        }
    )*};
}

about_one_thing! {
    RenewHold hold HoldId, "Which hold.";
    ReleaseHold hold HoldId, "Which hold.";
    CancelOrder order OrderId, "Which order.";
    PauseCampaign campaign CampaignId, "Which campaign.";
    ResumeCampaign campaign CampaignId, "Which campaign.";
}

/// A buyer orders what is held.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which hold.
    #[schema(value_type = String, example = "1018-2-77")]
    pub hold: Parsed<HoldId>,
    /// Which coupon it takes: `best`, `none`, or a coupon's id. The best one when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "best")]
    pub coupon: Option<Text<'a>>,
    /// The points that are spent on it at most; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 5_000)]
    pub points: Option<i64>,
}

/// A payment that the buyer has authenticated with the provider and wants to be taken.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayOrder<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which order.
    #[schema(value_type = String, example = "1018-2-80")]
    pub order: Parsed<OrderId>,
    /// What the buyer believes the order costs.
    pub amount: MoneyJson,
    /// The provider's name for the authenticated payment.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 200)]
    pub payment_key: Text<'a>,
}

/// A sale that opens or closes now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleIntent {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
}

/// A performance that is put into the house.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePerformance {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// The performance's own id; one is made when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub performance: Option<Parsed<PerformanceId>>,
    /// What is shown.
    pub name: String,
    /// Where.
    pub venue: String,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Parsed<jiff::Timestamp>,
    /// ISO 4217 code of every price.
    #[schema(value_type = String, example = "KRW")]
    pub currency: Parsed<boxoffice_topics::Currency>,
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
    /// The fees; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_terms: Option<SettlementTermsJson>,
}

impl IntentRequest<'_> {
    /// Every type, as clients write it.
    pub const TYPES: [&'static str; 38] = [
        "hold_seats",
        "hold_best_available",
        "hold_general_admission",
        "renew_hold",
        "release_hold",
        "place_order",
        "pay_order",
        "cancel_order",
        "create_performance",
        "open_sale",
        "close_sale",
        "set_waiting_room",
        "draw_lottery",
        "join_waiting_room",
        "heartbeat",
        "leave_waiting_room",
        "create_campaign",
        "change_campaign",
        "pause_campaign",
        "resume_campaign",
        "claim_coupon",
        "set_points_rule",
        "grant_points",
        "hold_stay",
        "set_channel",
        "set_aside",
        "release_channel",
        "release_companions",
        "set_ticket_rules",
        "offer_ticket",
        "accept_ticket",
        "end_ticket_offer",
        "check_in",
        "check_out",
        "refund_tickets",
        "set_refund_terms",
        "cancel_performance",
        "set_settlement_terms",
    ];

    /// Who may ask this.
    #[must_use]
    pub const fn roles(&self) -> &'static [Role] {
        match self {
            Self::CreatePerformance(_)
            | Self::OpenSale(_)
            | Self::CloseSale(_)
            | Self::SetWaitingRoom(_)
            | Self::DrawLottery(_)
            | Self::CreateCampaign(_)
            | Self::ChangeCampaign(_)
            | Self::PauseCampaign(_)
            | Self::ResumeCampaign(_)
            | Self::SetPointsRule(_)
            | Self::SetChannel(_)
            | Self::SetAside(_)
            | Self::ReleaseChannel(_)
            | Self::ReleaseCompanions(_)
            | Self::SetTicketRules(_)
            | Self::SetRefundTerms(_)
            | Self::CancelPerformance(_) => &[Role::Promoter],
            Self::CheckIn(_) | Self::CheckOut(_) => &[Role::Gate, Role::Promoter],
            Self::GrantPoints(_) | Self::SetSettlementTerms(_) => &[Role::Promoter, Role::Operator],
            Self::HoldSeats(_)
            | Self::HoldBestAvailable(_)
            | Self::HoldGeneralAdmission(_)
            | Self::RenewHold(_)
            | Self::ReleaseHold(_)
            | Self::PlaceOrder(_)
            | Self::PayOrder(_)
            | Self::CancelOrder(_)
            | Self::JoinWaitingRoom(_)
            | Self::Heartbeat(_)
            | Self::LeaveWaitingRoom(_)
            | Self::HoldStay(_)
            | Self::OfferTicket(_)
            | Self::AcceptTicket(_)
            | Self::EndTicketOffer(_)
            | Self::ClaimCoupon(_)
            | Self::RefundTickets(_) => &[Role::Buyer],
        }
    }

    /// The intent for the log. A performance without an id gets one from the intent's key, so
    /// that the same request sent again makes the same performance.
    ///
    /// # Errors
    /// 422 for what no partition could decide.
    pub fn to_intent(
        &self,
        key: IntentKey,
        names: &Names,
        ticket_keys: &TicketKeys,
    ) -> Result<Intent<'_>, Problem> {
        Ok(match self {
            Self::HoldSeats(hold) => hold.to_intent(names)?,
            Self::HoldBestAvailable(hold) => hold.to_intent(names)?,
            Self::HoldGeneralAdmission(hold) => hold.to_intent(names)?,
            Self::RenewHold(renew) => Intent::RenewHold { hold: renew.hold.0 },
            Self::ReleaseHold(release) => Intent::ReleaseHold { hold: release.hold.0 },
            Self::PlaceOrder(place) => place.to_intent()?,
            Self::PayOrder(pay) => Intent::PayOrder {
                order: pay.order.0,
                amount: pay.amount.into(),
                payment_key: payment_key(pay.payment_key.as_str())?,
            },
            Self::CancelOrder(cancel) => Intent::CancelOrder { order: cancel.order.0 },
            Self::CreatePerformance(create) => {
                let performance = create.performance.map_or_else(|| named_by(key), |id| id.0);
                let definition = create.definition().to_definition(performance)?;
                Intent::CreatePerformance { definition: Box::new(definition) }
            }
            Self::OpenSale(sale) => Intent::OpenSale { performance: sale.performance.0 },
            Self::CloseSale(sale) => Intent::CloseSale { performance: sale.performance.0 },
            Self::SetWaitingRoom(set) => set.to_intent()?,
            Self::DrawLottery(draw) => draw.to_intent(),
            Self::JoinWaitingRoom(WaitingRoomVisit { performance, .. }) => {
                Intent::WaitingRoom(WaitingRoomIntent::Join { performance: performance.0 })
            }
            Self::Heartbeat(WaitingRoomVisit { performance, .. }) => {
                Intent::WaitingRoom(WaitingRoomIntent::Heartbeat { performance: performance.0 })
            }
            Self::LeaveWaitingRoom(WaitingRoomVisit { performance, .. }) => {
                Intent::WaitingRoom(WaitingRoomIntent::Leave { performance: performance.0 })
            }
            Self::CreateCampaign(create) => create.to_intent(key)?,
            Self::ChangeCampaign(change) => change.to_intent()?,
            Self::PauseCampaign(PauseCampaign { campaign, .. }) => {
                Intent::Coupon(CouponIntent::PauseCampaign { campaign: campaign.0 })
            }
            Self::ResumeCampaign(ResumeCampaign { campaign, .. }) => {
                Intent::Coupon(CouponIntent::ResumeCampaign { campaign: campaign.0 })
            }
            Self::ClaimCoupon(claim) => claim.to_intent(),
            Self::SetPointsRule(set) => set.to_intent(),
            Self::GrantPoints(grant) => grant.to_intent(names)?,
            Self::HoldStay(hold) => hold.to_intent(names)?,
            Self::SetChannel(set) => set.to_intent(names)?,
            Self::SetAside(set) => set.to_intent(),
            Self::ReleaseChannel(release) => release.to_intent(),
            Self::ReleaseCompanions(release) => release.to_intent(),
            Self::SetTicketRules(set) => set.to_intent(),
            Self::OfferTicket(offer) => offer.to_intent(names)?,
            Self::AcceptTicket(answer) => answer.to_acceptance(),
            Self::EndTicketOffer(answer) => answer.to_end(),
            Self::CheckIn(scan) => scan.to_check_in(ticket_keys)?,
            Self::CheckOut(scan) => scan.to_check_out(ticket_keys)?,
            Self::RefundTickets(refund) => refund.to_intent(),
            Self::SetRefundTerms(set) => set.to_intent()?,
            Self::CancelPerformance(cancel) => cancel.to_intent(),
            Self::SetSettlementTerms(set) => set.to_intent()?,
        })
    }
}

impl PlaceOrder<'_> {
    fn to_intent(&self) -> Result<Intent<'static>, Problem> {
        let choice = self.coupon.as_ref().map(|coupon| match coupon.as_str() {
            "best" => Ok(CouponChoice::Best),
            "none" => Ok(CouponChoice::Nothing),
            id => id.parse::<CouponId>().map(CouponChoice::Named).map_err(|_| {
                let detail = "expected `best`, `none` or the id of a coupon";
                Problem::invalid("body_invalid", detail).path("coupon")
            }),
        });
        let (hold, points_minor) = (self.hold.0, self.points);
        Ok(Intent::PlaceOrder { hold, coupon: choice.transpose()?, points_minor })
    }
}

impl CreatePerformance {
    fn definition(&self) -> DefinitionJson {
        DefinitionJson {
            name: self.name.clone(),
            venue: self.venue.clone(),
            starts_at: self.starts_at,
            currency: self.currency,
            price_levels: self.price_levels.clone(),
            sections: self.sections.clone(),
            stays: self.stays.clone(),
            companions_released_at: self.companions_released_at,
            sale: self.sale,
            refund_terms: self.refund_terms.clone(),
            settlement_terms: self.settlement_terms,
        }
    }
}

/// A payment key goes into the path of a URL and into the log of the provider.
fn payment_key(key: &str) -> Result<&str, Problem> {
    let legible = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=:".contains(&byte);
    if (1..=PAYMENT_KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(legible) {
        return Ok(key);
    }
    let detail = format!("must be 1 to {PAYMENT_KEY_BYTES_MAX} letters, digits and any of `-_.=:`");
    Err(Problem::invalid("body_invalid", detail).path("payment_key"))
}

/// A version 8 UUID whose other bits are the key's.
fn named_by(key: IntentKey) -> PerformanceId {
    PerformanceId::from_bytes(
        uuid::Builder::from_custom_bytes(key.to_bytes()).into_uuid().into_bytes(),
    )
}
