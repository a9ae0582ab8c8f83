//! For those who run the house.

pub mod health;
pub mod metrics;
pub mod ready;
