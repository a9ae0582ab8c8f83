//! What a log in a cluster keeps through the faults of the cluster and of its client. The rules of
//! every log are kept in the tests of the journal.

#![cfg(feature = "fluvio")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod cluster;
mod data_servers;
mod faults;
mod foreign;
mod growth;
mod rules;
mod servers;
mod sharing;
#[allow(dead_code, reason = "what the tests of the journal need more")]
#[path = "../journal/support.rs"]
mod support;
mod topics;
