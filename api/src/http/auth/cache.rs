//! Verified tokens by the hash of their text, because a signature check on every request would
//! cost more than the rest of it.
//!
//! A token is believed as long as the keys of its time are: when one of them is gone, the keys are
//! of the next generation, and every token is verified again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::Caller;
use super::tokens::LEEWAY_SECONDS;

/// Locks that readers share between them.
const SHARDS: usize = 16;
/// Tokens in one shard: 131,072 signed-in clients in all, about 13 MB.
const SHARD_TOKENS_MAX: usize = 8_192;

type Digest = [u8; 32];

#[derive(Debug, Default)]
pub(super) struct Cache {
    shards: [RwLock<HashMap<Digest, Verified>>; SHARDS],
}

/// What a token was good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verified {
    pub(super) caller: Caller,
    pub(super) expires_at_seconds: i64,
    /// Of the keys that verified it.
    pub(super) generation: u64,
}

/// When a token is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) seconds: i64,
    /// Of the keys that verify now.
    pub(super) generation: u64,
}

impl Verified {
    const fn alive(&self, now: Now) -> bool {
        self.generation == now.generation
            && now.seconds <= self.expires_at_seconds.saturating_add(LEEWAY_SECONDS)
    }
}

impl Cache {
    pub(super) fn digest(token: &str) -> Digest {
        blake3::hash(token.as_bytes()).into()
    }

    fn shard(&self, digest: &Digest) -> &RwLock<HashMap<Digest, Verified>> {
        &self.shards[usize::from(digest[0]) % SHARDS]
    }

    pub(super) fn get(&self, digest: &Digest, now: Now) -> Option<Caller> {
        let tokens = self.shard(digest).read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(digest).filter(|token| token.alive(now)).map(|token| token.caller)
    }

    pub(super) fn put(&self, digest: Digest, verified: Verified, now: Now) {
        let mut tokens = self.shard(&digest).write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= SHARD_TOKENS_MAX {
            tokens.retain(|_, token| token.alive(now));
        }
        // A full shard of live tokens starts again: each costs one more signature check.
        if tokens.len() >= SHARD_TOKENS_MAX {
            tokens.clear();
        }
        tokens.insert(digest, verified);
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::AccountId;

    use super::super::Role;
    use super::*;

    const CALLER: Caller = Caller { account: AccountId::from_u128(1), role: Role::Buyer };
    const VERIFIED: Verified = Verified { caller: CALLER, expires_at_seconds: 100, generation: 7 };

    const fn at(seconds: i64) -> Now {
        Now { seconds, generation: 7 }
    }

    #[test]
    fn a_cached_token_ends_when_it_expires() {
        let cache = Cache::default();
        let digest = Cache::digest("token");
        cache.put(digest, VERIFIED, at(0));
        assert_eq!(cache.get(&digest, at(100 + LEEWAY_SECONDS)), Some(CALLER));
        assert_eq!(cache.get(&digest, at(101 + LEEWAY_SECONDS)), None);
        assert_eq!(cache.get(&Cache::digest("another"), at(0)), None);
    }

    #[test]
    fn a_cached_token_ends_with_the_generation_of_its_keys() {
        let cache = Cache::default();
        let digest = Cache::digest("token");
        // Verified with the keys of before, and put in after they were replaced.
        cache.put(digest, Verified { generation: 6, ..VERIFIED }, at(0));
        assert_eq!(cache.get(&digest, at(0)), None);
        cache.put(digest, VERIFIED, at(0));
        assert_eq!(cache.get(&digest, at(0)), Some(CALLER));
        assert_eq!(cache.get(&digest, Now { generation: 8, ..at(0) }), None);
    }

    #[test]
    fn the_cache_never_grows_beyond_its_limit() {
        let cache = Cache::default();
        for number in 0..=SHARD_TOKENS_MAX * 2 {
            let mut digest = [0; 32];
            digest[8..16].copy_from_slice(&(number as u64).to_le_bytes());
            cache.put(digest, VERIFIED, at(0));
        }
        assert!(cache.shards[0].read().unwrap().len() <= SHARD_TOKENS_MAX);
    }
}
