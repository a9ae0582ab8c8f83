//! What the tests stand on: servers from outside, the real binary as a process, and a client.
//!
//! It knows the binary, its HTTP and nothing of the crates inside, so every crate may use it in
//! its own tests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

pub mod client;
pub mod guard;
pub mod house;
pub mod load;
pub mod server;
pub mod services;
