//! How many requests one client may send: GCRA, which is a bucket that fills at a steady rate and
//! overflows at the burst. The headers are those of draft-ietf-httpapi-ratelimit-headers-10.
//!
//! A client is an account, or the address of who has no valid token. Clients that were quiet for
//! as long as their bucket takes to fill cost no memory after the next sweep.

use std::fmt::Write as _;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayString;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use boxoffice_topics::AccountId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio_util::task::AbortOnDropHandle;

use super::metric_definitions;
use super::problem::Problem;
use crate::config::Limits;

/// A bucket takes some 50 bytes, so a client for each of 20,000 connections a second is 10 MB.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
/// When a bucket has more than before: a rate is one request per second at least, and the headers
/// know no fractions.
const RESET_SECONDS: u16 = 1;
/// A policy's name in quotes, ten digits and the rest of the item.
const ITEM_BYTES_MAX: usize = 48;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of every client.
#[derive(Debug)]
pub struct RateLimits {
    policies: Arc<Policies>,
    _sweeping: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Policies {
    account: Option<Policy<AccountId>>,
    address: Option<Policy<IpAddr>>,
}

/// Equal buckets, one for each client of a kind.
#[derive(Debug)]
struct Policy<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    name: &'static str,
    /// The value of `RateLimit-Policy`.
    header: HeaderValue,
    buckets: RateLimiter<K, DashMapStateStore<K>, C, StateInformationMiddleware>,
}

/// A request that was counted.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    name: &'static str,
    policy: &'a HeaderValue,
    /// Requests that the client may still send; `None` when this one was too many.
    remaining: Option<u32>,
}

impl RateLimits {
    /// The limits that the configuration asks for.
    #[must_use]
    pub fn start(limits: &Limits) -> Self {
        let (accounts, addresses) =
            (limits.account_requests_per_second, limits.address_requests_per_second);
        let policies = Arc::new(Policies {
            account: policy("account", accounts, limits.account_requests_burst),
            address: policy("address", addresses, limits.address_requests_burst),
        });
        let sweeping = tokio::spawn(sweep(Arc::clone(&policies)));
        Self { policies, _sweeping: AbortOnDropHandle::new(sweeping) }
    }

    /// Counts a request; nothing when there is no limit for such a client.
    pub(super) fn count(&self, account: Option<AccountId>, address: IpAddr) -> Option<Counted<'_>> {
        match account {
            Some(account) => Some(self.policies.account.as_ref()?.count(&account)),
            None => Some(self.policies.address.as_ref()?.count(&network(address))),
        }
    }
}

/// Whether requests for this path are counted. Webhooks come from few addresses in the name of all
/// buyers, and have a bound of their own.
pub(super) fn counts(path: &str) -> bool {
    path.starts_with("/v1/") && !path.starts_with("/v1/webhooks/")
}

/// A rate of zero sets no limit.
fn policy<K: Hash + Eq + Clone>(
    name: &'static str,
    per_second: u32,
    burst: NonZeroU32,
) -> Option<Policy<K>> {
    let per_second = NonZeroU32::new(per_second)?;
    Some(Policy::new(name, per_second, burst, DefaultClock::default()))
}

impl<K: Hash + Eq + Clone, C: Clock> Policy<K, C> {
    fn new(name: &'static str, per_second: NonZeroU32, burst: NonZeroU32, clock: C) -> Self {
        let window_seconds = burst.get().div_ceil(per_second.get());
        let header = item(format_args!("\"{name}\";q={burst};w={window_seconds}"));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let buckets = RateLimiter::dashmap_with_clock(quota, clock).with_middleware();
        Self { name, header, buckets }
    }

    fn count(&self, client: &K) -> Counted<'_> {
        let state = self.buckets.check_key(client);
        let remaining = state.ok().map(|state| state.remaining_burst_capacity());
        if remaining.is_none() {
            metric_definitions::rate_limited(self.name);
        }
        Counted { name: self.name, policy: &self.header, remaining }
    }

    fn sweep(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

impl Counted<'_> {
    /// The answer, when this request was too many.
    pub(super) fn problem(&self) -> Option<Problem> {
        let refuse = || {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests")
                .detail("send fewer requests; RateLimit-Policy says how many")
                .retry_after_seconds(RESET_SECONDS)
        };
        self.remaining.is_none().then(refuse)
    }

    /// Says in an answer what is left.
    pub(super) fn write_to(&self, headers: &mut HeaderMap) {
        let Self { name, policy, remaining } = self;
        let remaining = remaining.unwrap_or(0);
        let limit = item(format_args!("\"{name}\";r={remaining};t={RESET_SECONDS}"));
        headers.insert(RATE_LIMIT_POLICY, (*policy).clone());
        headers.insert(RATE_LIMIT, limit);
    }
}

/// How long a client of ours waits after this answer: after a 429 as long as it is told to. A 503
/// is another thing, which every client has its own patience for.
pub(crate) fn pause(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let told = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let seconds = told.unwrap_or(RESET_SECONDS);
    (status == StatusCode::TOO_MANY_REQUESTS).then(|| Duration::from_secs(seconds.into()))
}

/// An item of a structured field.
fn item(text: std::fmt::Arguments<'_>) -> HeaderValue {
    let mut item = ArrayString::<ITEM_BYTES_MAX>::new();
    let fits = item.write_fmt(text);
    assert!(fits.is_ok(), "a name has up to seven letters, a number up to ten digits");
    match HeaderValue::from_str(&item) {
        Ok(value) => value,
        Err(error) => unreachable!("names and numbers are printable: {error}"),
    }
}

/// Whoever has an address of IPv6 has its whole /64 network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

async fn sweep(policies: Arc<Policies>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        policies.account.iter().for_each(Policy::sweep);
        policies.address.iter().for_each(Policy::sweep);
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    /// Five at once, two more in each second.
    fn policy(clock: &FakeRelativeClock) -> Policy<&'static str, FakeRelativeClock> {
        let [rate, burst] = [2, 5].map(|number| NonZeroU32::new(number).unwrap());
        Policy::new("account", rate, burst, clock.clone())
    }

    fn headers(counted: &Counted<'_>) -> [String; 2] {
        let mut headers = HeaderMap::new();
        counted.write_to(&mut headers);
        [RATE_LIMIT_POLICY, RATE_LIMIT].map(|name| headers[name].to_str().unwrap().to_owned())
    }

    #[test]
    fn requests_count_down_to_a_refusal_and_time_gives_them_back() {
        let clock = FakeRelativeClock::default();
        let policy = policy(&clock);
        let ask = |client| headers(&policy.count(client))[1].clone();
        let left = |number: u32| format!("\"account\";r={number};t=1");
        assert_eq!([ask(&"a"), ask(&"a"), ask(&"a")], [left(4), left(3), left(2)]);
        assert_eq!([ask(&"a"), ask(&"a")], [left(1), left(0)]);
        let refused = policy.count(&"a");
        assert_eq!(refused.problem().unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(headers(&refused), ["\"account\";q=5;w=3".to_owned(), left(0)]);
        // Nobody pays for another.
        assert_eq!(ask(&"b"), left(4));
        // What was refused cost nothing.
        clock.advance(Duration::from_millis(499));
        assert!(policy.count(&"a").problem().is_some());
        clock.advance(Duration::from_millis(1));
        assert!(policy.count(&"a").problem().is_none());
        assert!(policy.count(&"a").problem().is_some());
        clock.advance(Duration::from_secs(1));
        assert_eq!([ask(&"a"), ask(&"a")], [left(1), left(0)]);
        clock.advance(Duration::from_secs(60));
        assert_eq!(ask(&"a"), left(4));
    }

    #[test]
    fn clients_that_were_quiet_are_swept_out() {
        let clock = FakeRelativeClock::default();
        let policy = policy(&clock);
        policy.count(&"a");
        policy.sweep();
        assert_eq!(policy.buckets.len(), 1);
        clock.advance(Duration::from_secs(2));
        policy.count(&"b");
        policy.sweep();
        assert_eq!(policy.buckets.len(), 1);
        assert_eq!(policy.count(&"b").remaining, Some(3));
    }

    #[test]
    fn the_largest_policy_fits() {
        let [rate, burst] = [1, u32::MAX].map(|number| NonZeroU32::new(number).unwrap());
        let policy = Policy::new("account", rate, burst, FakeRelativeClock::default());
        let counted = policy.count(&"a");
        let expected = ["\"account\";q=4294967295;w=4294967295", "\"account\";r=4294967294;t=1"];
        assert_eq!(headers(&counted), expected);
    }

    #[test]
    fn an_address_stands_for_its_network() {
        let of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn a_client_waits_as_long_as_it_is_told() {
        let mut headers = HeaderMap::new();
        assert_eq!(pause(StatusCode::OK, &headers), None);
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        assert_eq!(pause(StatusCode::SERVICE_UNAVAILABLE, &headers), None);
        let told = pause(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!(told, Some(Duration::from_secs(7)));
    }

    #[test]
    fn only_the_api_is_counted() {
        assert!(counts("/v1/intents") && counts("/v1/nowhere"));
        for free in ["/healthz", "/readyz", "/metrics", "/docs/", "/v1/webhooks/toss"] {
            assert!(!counts(free), "{free}");
        }
    }
}
