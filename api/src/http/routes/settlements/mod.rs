//! Settlements.

mod csv;
mod period;
pub mod show;
