//! The rules of a log, kept by every backend, and what the journal keeps through crashes, faults
//! and damage.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[cfg(feature = "fluvio")]
#[path = "../fluvio/cluster.rs"]
mod cluster;
mod conformance;
mod crash;
mod damage;
mod faults;
mod growth;
mod lying;
#[cfg(feature = "fluvio")]
#[path = "../fluvio/servers.rs"]
#[allow(dead_code, reason = "what the tests of faults need more")]
mod servers;
mod support;
