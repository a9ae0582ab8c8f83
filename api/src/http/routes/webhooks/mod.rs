//! What payment providers tell us by themselves.

pub mod toss;
