//! What is mine.

pub mod orders;
mod page;
pub mod tickets;
