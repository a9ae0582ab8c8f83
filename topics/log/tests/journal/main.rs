//! The rules of a log, kept by every backend, and what the journal keeps through crashes, faults
//! and damage.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod conformance;
mod crash;
mod damage;
mod faults;
mod growth;
mod lying;
mod support;
