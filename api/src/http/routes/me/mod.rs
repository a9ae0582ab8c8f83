//! What is mine.

mod page;
pub mod orders;
pub mod tickets;
