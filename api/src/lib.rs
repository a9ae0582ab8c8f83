//! The outermost layer of boxoffice: HTTP, the command line, and the composition of a node.
//!
//! Everything is wired together here and nowhere else. What is decided is none of this crate's
//! business: it asks, waits, shows, and converts JSON to and from the vocabulary of the log.

mod causes;
pub mod cli;
pub mod config;
pub mod explain;
pub mod health;
pub mod http;
pub mod json;
pub mod log_store;
mod metric_definitions;
pub mod node;
pub mod rehearse;
pub mod roles;
pub mod scaling;
pub mod tickets;
pub mod views;
