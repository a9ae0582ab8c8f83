//! What is mine.

pub mod coupons;
pub mod orders;
mod page;
pub mod points;
pub mod tickets;
