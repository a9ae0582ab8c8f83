//! One file per route: what it takes, what it answers, how it is documented.

pub mod campaigns;
pub mod events;
pub mod holds;
pub mod intents;
pub mod me;
pub mod orders;
pub mod partitions;
pub mod performances;
pub mod settlements;
pub mod system;
pub mod tickets;
pub mod topics;
pub mod webhooks;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use boxoffice_topics::Timestamp;
use serde::Serialize;

/// What stands open is shown by the clock on the wall; what is decided is decided by log time.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// A document as an answer. What it shows changes with every step, so nobody may keep it.
pub(crate) fn json<T: Serialize>(document: &T) -> Response {
    let mut body = Vec::with_capacity(512);
    if let Err(error) = serde_json::to_writer(&mut body, document) {
        unreachable!("memory takes every byte and no document of ours fails: {error}");
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}
