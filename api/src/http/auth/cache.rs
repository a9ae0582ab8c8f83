//! Verified tokens by the hash of their text, because a signature check on every request would
//! cost more than the rest of it.

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

#[derive(Clone, Copy, Debug)]
struct Verified {
    caller: Caller,
    expires_at_seconds: i64,
}

impl Verified {
    const fn alive(&self, now_seconds: i64) -> bool {
        now_seconds <= self.expires_at_seconds.saturating_add(LEEWAY_SECONDS)
    }
}

impl Cache {
    pub(super) fn digest(token: &str) -> Digest {
        blake3::hash(token.as_bytes()).into()
    }

    fn shard(&self, digest: &Digest) -> &RwLock<HashMap<Digest, Verified>> {
        &self.shards[usize::from(digest[0]) % SHARDS]
    }

    pub(super) fn get(&self, digest: &Digest, now_seconds: i64) -> Option<Caller> {
        let tokens = self.shard(digest).read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(digest).filter(|token| token.alive(now_seconds)).map(|token| token.caller)
    }

    pub(super) fn put(
        &self,
        digest: Digest,
        caller: Caller,
        expires_at_seconds: i64,
        now_seconds: i64,
    ) {
        let mut tokens = self.shard(&digest).write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= SHARD_TOKENS_MAX {
            tokens.retain(|_, token| token.alive(now_seconds));
        }
        // A full shard of live tokens starts again: each costs one more signature check.
        if tokens.len() >= SHARD_TOKENS_MAX {
            tokens.clear();
        }
        tokens.insert(digest, Verified { caller, expires_at_seconds });
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::AccountId;

    use super::super::Role;
    use super::*;

    const CALLER: Caller = Caller { account: AccountId::from_u128(1), role: Role::Buyer };

    #[test]
    fn a_cached_token_ends_when_it_expires() {
        let cache = Cache::default();
        let digest = Cache::digest("token");
        cache.put(digest, CALLER, 100, 0);
        assert_eq!(cache.get(&digest, 100 + LEEWAY_SECONDS), Some(CALLER));
        assert_eq!(cache.get(&digest, 101 + LEEWAY_SECONDS), None);
        assert_eq!(cache.get(&Cache::digest("another"), 0), None);
    }

    #[test]
    fn the_cache_never_grows_beyond_its_limit() {
        let cache = Cache::default();
        for number in 0..=SHARD_TOKENS_MAX * 2 {
            let mut digest = [0; 32];
            digest[8..16].copy_from_slice(&(number as u64).to_le_bytes());
            cache.put(digest, CALLER, 100, 0);
        }
        assert!(cache.shards[0].read().unwrap().len() <= SHARD_TOKENS_MAX);
    }
}
