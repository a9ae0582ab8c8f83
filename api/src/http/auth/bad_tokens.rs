//! How many bad tokens one address may show. Each costs a check of its signature, which is far
//! more than the rest of its request; a good one is remembered and costs nothing the next time.
//!
//! A bucket is a moment: every bad token moves it ahead, time catches up with it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::http::rate_limit::network;

/// Addresses that are remembered before those are looked for whose time is over.
const SWEEP_ADDRESSES_MIN: usize = 1_024;

#[derive(Debug)]
pub(super) struct BadTokens {
    /// `None` when there is no limit.
    quota: Option<Quota>,
    buckets: Mutex<Buckets>,
}

#[derive(Clone, Copy, Debug)]
struct Quota {
    /// Between two bad tokens of somebody who never stops.
    interval: Duration,
    /// How far ahead an address may be: all of the burst but its last token.
    ahead_max: Duration,
}

#[derive(Debug, Default)]
struct Buckets {
    by_address: HashMap<IpAddr, Instant>,
    sweep_at: usize,
}

impl BadTokens {
    pub(super) fn new(limits: &Limits) -> Self {
        let quota = (limits.address_bad_tokens_per_second != 0).then(|| {
            let interval = Duration::from_secs(1) / limits.address_bad_tokens_per_second;
            let ahead_max = interval * (limits.address_bad_tokens_burst.get() - 1);
            Quota { interval, ahead_max }
        });
        Self { quota, buckets: Mutex::default() }
    }

    /// Whether this address may show no other token that could be bad.
    pub(super) fn exhausted(&self, from: IpAddr, now: Instant) -> bool {
        let Some(quota) = self.quota else {
            return false;
        };
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = buckets.by_address.get(&network(from));
        ahead.is_some_and(|ahead| ahead.saturating_duration_since(now) > quota.ahead_max)
    }

    /// Counts a bad token of this address.
    pub(super) fn count(&self, from: IpAddr, now: Instant) {
        let Some(quota) = self.quota else {
            return;
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.by_address.len() >= buckets.sweep_at {
            buckets.by_address.retain(|_, ahead| *ahead > now);
            buckets.sweep_at = SWEEP_ADDRESSES_MIN.max(buckets.by_address.len() * 2);
        }
        let ahead = buckets.by_address.entry(network(from)).or_insert(now);
        *ahead = now.max(*ahead) + quota.interval;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn bad_tokens(per_second: u32, burst: u32) -> BadTokens {
        BadTokens::new(&Limits {
            address_bad_tokens_per_second: per_second,
            address_bad_tokens_burst: NonZeroU32::new(burst).unwrap(),
            ..Limits::default()
        })
    }

    #[test]
    fn a_burst_of_bad_tokens_exhausts_an_address_until_time_passes() {
        let (bad_tokens, start) = (bad_tokens(2, 3), Instant::now());
        let [from, other] = ["192.0.2.1", "192.0.2.2"].map(|it| it.parse().unwrap());
        for _ in 0..3 {
            assert!(!bad_tokens.exhausted(from, start));
            bad_tokens.count(from, start);
        }
        assert!(bad_tokens.exhausted(from, start));
        assert!(!bad_tokens.exhausted(other, start), "nobody pays for another");
        let later = start + Duration::from_millis(500);
        assert!(!bad_tokens.exhausted(from, later));
        bad_tokens.count(from, later);
        assert!(bad_tokens.exhausted(from, later));
        assert!(!bad_tokens.exhausted(from, start + Duration::from_secs(60)));
    }

    #[test]
    fn addresses_whose_time_is_over_are_forgotten() {
        let (bad_tokens, start) = (bad_tokens(1, 1), Instant::now());
        let show = |number: u32, now| bad_tokens.count(IpAddr::V4(number.into()), now);
        (0..5_000).for_each(|number| show(number, start));
        assert_eq!(bad_tokens.buckets.lock().unwrap().by_address.len(), 5_000);
        let later = start + Duration::from_secs(2);
        (10_000..20_000).for_each(|number| show(number, later));
        assert_eq!(bad_tokens.buckets.lock().unwrap().by_address.len(), 10_000);
    }

    #[test]
    fn zero_sets_no_limit() {
        let (bad_tokens, now) = (bad_tokens(0, 1), Instant::now());
        let from = "2001:db8::1".parse().unwrap();
        (0..10).for_each(|_| bad_tokens.count(from, now));
        assert!(!bad_tokens.exhausted(from, now));
    }
}
