//! The decision logic: who gets which seat, and why.
//!
//! [`decide`] looks at a [`State`] and one record and says what follows; [`apply`] makes it so.
//! Both are pure functions of the log: there is no clock, no randomness, no float, no I/O and no
//! iteration over a hash map in this crate. Time is the greatest stamp seen so far, ids are
//! places in the log, and expiry is a record like every other.
//!
//! Invariants, asserted in release and checked from outside by the tests:
//!
//! - INV-1: a seat has at most one owner: nobody, a hold, or an order.
//! - INV-2: general admission never gives out more places than there are.
//! - INV-3: an account never holds and owns more seats than the performance allows.
//! - INV-4: a hold ends exactly once; an order whose payment is unknown does not end.
//! - INV-5: offsets are dense and log time never runs backwards.
//! - INV-6: a message has its effect once, however often it comes.
//! - INV-7: a campaign never issues more coupons than it has, nor more to an account than one may
//!   have; a coupon is in no more orders than it has uses.
//! - INV-8: every point of a lot is free, reserved, or gone, and gone once.
//! - INV-40: no more of a payment goes back than was taken.
//! - INV-41: a ticket goes back once.
//! - INV-20: who waits is called in the order of places, and each join once.
//! - INV-21: an admission never brings more buyers inside than the cap.
//! - INV-22: admissions never exceed rate and burst.
//! - INV-50: no seat is set aside for two channels, and none is sold to whoever has not the code.
//! - INV-51: free, held, sold and set aside are all the places that there are.
//! - INV-60: a ticket has exactly one holder, and counts toward the limit of that account.
//! - INV-61: nobody comes in with a ticket while somebody is inside with it.
//! - INV-70: the lines of a posting sum to zero.
//! - INV-71: of each order, provider cash is what was captured less what was given back.
//! - INV-80: a slot is decided in one partition at a time.
//! - INV-81: an intent for a slot that has left is answered once, where the slot is.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::iter_over_hash_type,
        clippy::wildcard_enum_match_arm
    )
)]

mod apply;
mod channels;
mod coupon;
mod decide;
mod hold;
mod messages;
mod order;
mod payment;
mod performance;
mod points;
mod refund;
mod reserving;
mod sale;
mod scaling;
mod settle;
mod settlement;
mod snapshot;
mod state;
mod stay;
mod table;
mod tick;
mod ticket;
mod timers;
mod waiting_room;
mod window;

#[cfg(test)]
mod defects;
#[cfg(test)]
mod tables;

pub use apply::apply;
pub use channels::{Channel, ChannelCounts};
pub use coupon::{Campaign, Coupon};
pub use decide::{Record, decide};
pub use hold::{EndedHold, Hold, HoldEnd};
pub use messages::SentTo;
pub use order::{Order, OrderState};
pub use payment::{Payment, PaymentState, PendingEffect, Refund, RefundState};
pub use performance::{Performance, SaleState, SeatState};
pub use points::{Lot, Wallet};
pub use refund::{Cancellation, RefundQuote, WantedTickets};
pub use scaling::{Departure, PostsSent};
pub use settlement::{Ledger, LedgerEntry};
pub use snapshot::SnapshotError;
pub use state::State;
pub use stay::Stay;
pub use ticket::{GateCounts, HeldTicket, Offer, Ticket, TicketUses};
pub use waiting_room::{Lottery, Standing, Wait, WaitingRoom};
