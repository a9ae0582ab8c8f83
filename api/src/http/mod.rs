//! HTTP: the accept loop, who may ask what, and one file per route.

pub mod auth;
pub mod body;
mod connection;
mod docs;
mod headers;
pub(crate) mod metric_definitions;
pub mod openapi;
pub mod problem;
pub mod rate_limit;
pub mod router;
pub mod routes;
pub mod server;
