//! JSON at the edge. The types of the log and of the core are not serde types: every document
//! that a client sends or sees is spelled here, and converted explicitly.

mod campaign;
mod definition;
mod hold;
mod intent;
mod inventory;
mod message;
mod order;
mod outcome;
mod parse;
mod points;
mod record;
mod refund;
#[cfg(feature = "fluvio")]
mod result;
mod scene;
mod settlement;
mod shapes;
mod ticket;
mod values;
mod views;
mod waiting_room;

pub use campaign::{
    CampaignDefinitionJson, CampaignJson, CampaignViewJson, ChangeCampaign, ClaimCoupon,
    CouponJson, CouponListJson, CreateCampaign, IssuerJson, ReductionJson, TermsJson,
};
pub use definition::{
    DefinitionJson, PriceLevelJson, RowJson, SaleJson, SectionJson, SectionKindJson,
};
pub use hold::{HoldBestAvailable, HoldGeneralAdmission, HoldSeats, SectionQuantityJson};
pub use intent::{
    CancelOrder, CreatePerformance, IntentRequest, PauseCampaign, PayOrder, PlaceOrder,
    ReleaseHold, RenewHold, ResumeCampaign, SaleIntent,
};
pub use inventory::{
    ChannelJson, ChannelListJson, HoldStay, ReleaseChannel, ReleaseCompanions, SectionPlacesJson,
    SelectionJson, SetAside, SetChannel, StayJson,
};
pub use message::MessageJson;
pub use order::{
    CostJson, DiscountJson, OrderJson, OrderPageJson, PaymentJson, PaymentRefundJson,
    provider_order_id,
};
pub use outcome::{
    CouponOutcomeJson, InventoryOutcomeJson, MovedJson, OutcomeJson, PointsOutcomeJson,
    PostingJson, PostingLineJson, RefundOutcomeJson, SaleOutcomeJson, ScalingOutcomeJson,
    SeatRangeJson, SectionPlacesOut, SettlementOutcomeJson, TicketOutcomeJson,
    WaitingRoomOutcomeJson,
};
pub use parse::{parse, parse_intent};
pub use points::{BalanceJson, GrantPoints, LotJson, PointsRuleJson, SetPointsRule, WalletJson};
pub use record::{genesis_record, intent_record, step_record};
pub use refund::{
    CancelPerformance, CancellationJson, FreeRefundJson, RefundLadderJson, RefundQuoteJson,
    RefundStepJson, RefundTermsJson, RefundTickets, SetRefundTerms, TicketRefundJson,
};
#[cfg(feature = "fluvio")]
pub use result::ResultJson;
pub use scene::{Scene, SectionQuantityOut, TicketJson};
pub use settlement::{
    AccountTotalJson, PartyTotalJson, SetSettlementTerms, SettlementJson, SettlementLineJson,
    SettlementTermsJson, SettlementTotals,
};
pub use shapes::{NightPricesJson, RoomTypeJson, StaysJson, TableJson};
pub use ticket::{
    CheckInsJson, GateJson, HeldTicketJson, OfferTicket, ScanTicket, SetTicketRules,
    TicketOfferAnswer, TicketOfferJson, TicketPageJson, TicketRulesJson, TicketUseJson, code_of,
};
pub use values::{MoneyJson, Parsed, Shown, Text, moment};
pub use views::{
    AcceptedJson, AvailabilityJson, DecidedJson, EventJson, HoldJson, LiveHoldJson,
    PerformanceJson, PerformancePageJson, PerformanceSummaryJson, RowAvailabilityJson,
    SectionAvailabilityJson,
};
pub use waiting_room::{
    DrawLottery, LotteryJson, LotteryRulesJson, SetWaitingRoom, StandingJson, WaitingRoomJson,
    WaitingRoomRulesJson, WaitingRoomVisit,
};
