//! Holds.

pub mod show;
