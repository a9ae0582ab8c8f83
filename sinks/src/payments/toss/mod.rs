//! The Toss Payments core API, version 2022-11-16, over HTTP.
//!
//! `error_code` says what each error code means, `wire` has the bodies, `client` sends. Nothing
//! here retries: an answer is read once and handed on.

mod client;
pub mod error_code;
mod wire;

pub use client::{SecretKey, TossClient, TossConfig, TossConfigError};
