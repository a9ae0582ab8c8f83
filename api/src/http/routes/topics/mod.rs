//! The topics, for consumers and operators.

pub mod records;
mod show;
pub mod stream;
