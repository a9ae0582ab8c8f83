//! JSON at the edge. The types of the log and of the core are not serde types: every document
//! that a client sends or sees is spelled here, and converted explicitly.

mod definition;
mod intent;
mod outcome;
mod parse;
mod record;
mod scene;
mod values;
mod views;

pub use definition::{
    DefinitionJson, PriceLevelJson, RowJson, SaleJson, SectionJson, SectionKindJson,
};
pub use intent::{
    CancelOrder, CreatePerformance, HoldBestAvailable, HoldGeneralAdmission, HoldSeats,
    IntentRequest, PayOrder, PlaceOrder, ReleaseHold, RenewHold, SaleIntent, SectionQuantityJson,
};
pub use outcome::OutcomeJson;
pub use parse::{parse, parse_intent};
pub use record::{genesis_record, intent_record, step_record};
pub use scene::{Scene, SectionQuantityOut, TicketJson};
pub use values::{MoneyJson, Parsed, Shown, Text, moment};
pub use views::{
    AcceptedJson, AvailabilityJson, DecidedJson, EventJson, HoldJson, LiveHoldJson, OrderJson,
    OrderPageJson, PaymentJson, PerformanceJson, PerformancePageJson, PerformanceSummaryJson,
    RowAvailabilityJson, SectionAvailabilityJson, TicketPageJson, provider_order_id,
};
