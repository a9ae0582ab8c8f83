//! Orders.

pub mod refund_quote;
pub mod show;
