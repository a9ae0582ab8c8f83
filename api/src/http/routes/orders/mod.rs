//! Orders.

pub mod show;
