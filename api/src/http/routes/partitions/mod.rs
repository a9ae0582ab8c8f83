//! Where the work is done, and how it is spread.

pub mod list;
pub mod scale;
