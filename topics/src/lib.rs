//! The vocabulary of boxoffice and its bytes: ids, money, time, intents, outcomes, and how a
//! key finds its partition.
//!
//! Everything that is written to the log or read from it is defined here, and only here. This
//! crate knows no clock, no runtime, no storage and no HTTP: every edge converts.

pub mod codec;
pub mod coupon;
pub mod definition;
pub mod effect;
pub mod envelope;
pub mod ids;
pub mod intent;
pub mod inventory;
pub mod lottery;
pub mod message;
pub mod money;
pub mod outcome;
pub mod partition;
pub mod points;
pub mod reductions;
pub mod refund;
pub mod refusal;
pub mod routes;
pub mod scaling;
pub mod settlement;
pub mod step;
pub mod ticket;
pub mod time;
pub mod waiting_room;

pub use coupon::{CampaignDefinition, CouponIntent, CouponOutcome};
pub use definition::{PerformanceDefinition, PriceLevel, Row, SaleRules, Section, SectionKind};
pub use envelope::{Envelope, Genesis, Header, RecordKind};
pub use ids::{
    AccountId, CampaignId, CodeHash, CouponId, HoldId, IntentId, IntentKey, LogId, LotId, Offset,
    OrderId, PartitionId, PaymentId, PerformanceId, ScanId, SeatNumber, SectionNumber, TransferId,
};
pub use intent::Intent;
pub use inventory::{InventoryIntent, InventoryOutcome};
pub use lottery::{EntrantsDigest, LotteryCommitment, LotterySeed};
pub use message::Message;
pub use money::{Currency, Money};
pub use outcome::{Outcome, Places};
pub use partition::{PartitionMap, Slot};
pub use points::{PointsIntent, PointsOutcome, PointsRule};
pub use reductions::Reductions;
pub use refund::{RefundIntent, RefundLadder, RefundLine, RefundOutcome, RefundTerms};
pub use refusal::{Refusal, RefusalCode};
pub use routes::Routes;
pub use scaling::{ScalingIntent, ScalingOutcome};
pub use settlement::{
    LedgerAccount, LedgerLine, Posting, PostingKind, SettlementIntent, SettlementOutcome,
    SettlementTerms,
};
pub use step::Step;
pub use ticket::{TicketId, TicketIntent, TicketOutcome, TicketRules};
pub use time::Timestamp;
pub use waiting_room::{
    JoinNumber, LotteryRules, WaitingRoomIntent, WaitingRoomOutcome, WaitingRoomRules,
};
