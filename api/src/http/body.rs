//! Reading request bodies: never more than allowed, never for longer than allowed.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;

use super::problem::Problem;

/// Reads a whole body.
///
/// # Errors
/// 413 before a byte is read when the length is known and too large, 413 at the limit when it is
/// not, 408 when the client is too slow, 400 when it goes away.
pub async fn read(body: Body, bytes_max: usize, timeout: Duration) -> Result<Bytes, Problem> {
    refuse_oversized(&body, bytes_max)?;
    let collecting = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(timeout, collecting).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::body_too_large(bytes_max)),
        Ok(Err(_)) => Err(Problem::malformed("body_incomplete", "the body ended early").close()),
        Err(_) => Err(timed_out()),
    }
}

/// Refuses a body whose length is known to be too large, without reading it.
///
/// # Errors
/// 413.
pub fn refuse_oversized(body: &Body, bytes_max: usize) -> Result<(), Problem> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Problem::body_too_large(bytes_max));
    }
    Ok(())
}

/// 408 for a client that takes too long.
#[must_use]
pub fn timed_out() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout")
        .detail("the body did not arrive in time")
        .close()
}
