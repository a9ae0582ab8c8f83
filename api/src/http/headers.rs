//! The few request headers that mean something here.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, header};

use super::problem::Problem;

/// Longest idempotency key.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long an answer waits for its step when the client does not say.
const WAIT_DEFAULT: Duration = Duration::from_secs(5);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Refuses every content type but these.
///
/// # Errors
/// 415.
pub(super) fn require_content_type(headers: &HeaderMap, accepted: &[&str]) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).map(str::trim);
    if essence.is_some_and(|it| accepted.iter().any(|one| it.eq_ignore_ascii_case(one))) {
        return Ok(());
    }
    let status = axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let detail = format!("send Content-Type: {}", accepted.join(" or "));
    Err(Problem::new(status, "content_type_unsupported").detail(detail).close())
}

/// How long the client is willing to wait (RFC 7240), at most `longest`.
pub(super) fn wait(headers: &HeaderMap, longest: Duration) -> Duration {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let wait = preferences
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse().ok())
        .map_or(WAIT_DEFAULT, Duration::from_secs);
    wait.min(longest)
}

/// The caller's `traceparent`, for the record.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let legible = value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    legible.then_some(value)
}

/// The `Idempotency-Key`, a string in the sense of RFC 8941.
///
/// # Errors
/// 400 when there is one and it is not such a string.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(structured_string);
    match key {
        Some(key) if values.next().is_none() => Ok(Some(key)),
        _ => Err(Problem::malformed(
            "idempotency_key_malformed",
            "send one string of 1 to 255 printable ASCII characters in double quotes",
        )),
    }
}

fn structured_string(value: &str) -> Option<String> {
    let inner = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    let mut key = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        key.push(match letter {
            '\\' => letters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
            '"' => return None,
            ' '..='~' => letter,
            _ => return None,
        });
    }
    (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_a_quoted_string() {
        assert_eq!(structured_string(r#""7f3c""#).as_deref(), Some("7f3c"));
        assert_eq!(structured_string(r#""a\"b\\""#).as_deref(), Some(r#"a"b\"#));
        for malformed in ["", "7f3c", "\"", r#""""#, r#""a"b""#, r#""a\n""#, "\"\u{e9}\""] {
            assert_eq!(structured_string(malformed), None, "{malformed}");
        }
        assert_eq!(structured_string(&format!("\"{}\"", "k".repeat(256))), None);
    }

    #[test]
    fn the_client_says_how_long_it_waits() {
        let longest = Duration::from_secs(30);
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, value.parse().unwrap());
            wait(&headers, longest).as_secs()
        };
        assert_eq!(wait(&HeaderMap::new(), longest), WAIT_DEFAULT);
        assert_eq!([of("wait=0"), of("respond-async, wait=10"), of("wait=999")], [0, 10, 30]);
        assert_eq!(of("wait=soon"), 5);
    }
}
