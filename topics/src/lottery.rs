//! The lottery among those who join before a sale: a pure function of what is public, so that
//! anybody can compute the order again.
//!
//! ```text
//! commitment = BLAKE3(seed)                        published before anybody joins
//! digest(0)  = BLAKE3(performance || commitment)
//! digest(n)  = BLAKE3(digest(n-1) || account)      one for each join, in order; the last is
//!                                                  published when entries end
//! stream     = BLAKE3(seed || digest), extended    published with the seed; without a seed in
//!                                                  time, BLAKE3(digest), extended
//! draw(k)    = bytes 8k .. 8k+8 of the stream, little endian
//! order      = joins by ascending draw, equal draws by join
//! ```
//!
//! The seed alone decides nothing: it is mixed with everybody who joined, so that whoever knows
//! it early cannot choose a lucky moment to join.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::ids::{AccountId, IdMalformed, PerformanceId};

/// 32 bytes, written as 64 hexadecimal digits.
macro_rules! thirty_two_bytes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

        impl $name {
            /// From the bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdMalformed;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let malformed = IdMalformed(concat!(stringify!($name), " (expected 64 hex digits)"));
                blake3::Hash::from_hex(text).map(|hash| Self(hash.into())).map_err(|_| malformed)
            }
        }
    )*};
}

thirty_two_bytes! {
    /// 32 random bytes that a promoter keeps secret until entries have ended.
    LotterySeed;
    /// The BLAKE3 of a seed: it seals the seed without showing it.
    LotteryCommitment;
    /// The chained BLAKE3 over everybody who joined.
    EntrantsDigest;
}

impl LotterySeed {
    /// What seals this seed.
    #[must_use]
    pub fn commitment(&self) -> LotteryCommitment {
        LotteryCommitment(blake3::hash(&self.0).into())
    }
}

impl EntrantsDigest {
    /// The digest before the first join.
    #[must_use]
    pub fn new(performance: PerformanceId, commitment: &LotteryCommitment) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&performance.to_bytes()).update(&commitment.0);
        Self(hasher.finalize().into())
    }

    /// The digest after one more join.
    #[must_use]
    pub fn extended_by(&self, account: AccountId) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(&account.to_bytes());
        Self(hasher.finalize().into())
    }
}

/// The joins 0 to `entrants - 1` in the order of their draws.
#[must_use]
pub fn draw(seed: Option<&LotterySeed>, digest: &EntrantsDigest, entrants: u32) -> Vec<u32> {
    let mut hasher = blake3::Hasher::new();
    if let Some(seed) = seed {
        hasher.update(&seed.0);
    }
    let mut stream = hasher.update(&digest.0).finalize_xof();
    // One chunk of the stream at a time: what a million draws need is a vector of numbers.
    let mut chunk = [0; 8 * DRAWS_AT_ONCE];
    let mut draws = Vec::with_capacity(entrants as usize);
    while draws.len() < entrants as usize {
        stream.fill(&mut chunk);
        let missing = entrants as usize - draws.len();
        let (words, _) = chunk.as_chunks::<8>();
        draws.extend(words.iter().take(missing).map(|word| u64::from_le_bytes(*word)));
    }
    let mut order: Vec<u32> = (0..entrants).collect();
    order.sort_unstable_by_key(|&join| (draws[join as usize], join));
    order
}

/// Draws that are read from the stream at once: enough for the hash to use wide registers.
const DRAWS_AT_ONCE: usize = 512;

/// What was published about a lottery, against which the order is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Of which performance.
    pub performance: PerformanceId,
    /// Before anybody joined.
    pub commitment: LotteryCommitment,
    /// When entries ended.
    pub digest: EntrantsDigest,
    /// At the draw; `None` when the draw was made without it.
    pub seed: Option<LotterySeed>,
}

/// A lottery that is not what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LotteryForged {
    /// The seed is not the one that was sealed.
    #[error("the seed is not the one that was committed to")]
    Seed,
    /// The joins are not those that were sealed when entries ended.
    #[error("the entrants are not those whose digest was published")]
    Entrants,
}

impl Published {
    /// Computes the order again: the accounts of the joins, first join first, come out in the
    /// order in which they are admitted.
    ///
    /// # Errors
    /// When the seed or the joins are not what was published.
    pub fn verify(&self, joins: &[AccountId]) -> Result<Vec<AccountId>, LotteryForged> {
        if self.seed.is_some_and(|seed| seed.commitment() != self.commitment) {
            return Err(LotteryForged::Seed);
        }
        let digest = joins
            .iter()
            .fold(EntrantsDigest::new(self.performance, &self.commitment), |digest, account| {
                digest.extended_by(*account)
            });
        let entrants = u32::try_from(joins.len()).map_err(|_| LotteryForged::Entrants)?;
        if digest != self.digest {
            return Err(LotteryForged::Entrants);
        }
        let order = draw(self.seed.as_ref(), &digest, entrants);
        Ok(order.into_iter().map(|join| joins[join as usize]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> LotterySeed {
        LotterySeed::from_bytes([7; 32])
    }

    fn joins(count: u128) -> Vec<AccountId> {
        (0..count).map(AccountId::from_u128).collect()
    }

    fn published(joins: &[AccountId]) -> Published {
        let (performance, commitment) = (PerformanceId::from_u128(1), seed().commitment());
        let first = EntrantsDigest::new(performance, &commitment);
        let digest = joins.iter().fold(first, |digest, account| digest.extended_by(*account));
        Published { performance, commitment, digest, seed: Some(seed()) }
    }

    /// The pinned order: whoever writes a verifier in another language compares with this.
    #[test]
    fn the_order_never_changes() {
        let published = published(&joins(8));
        assert_eq!(
            published.commitment.to_string(),
            "ebaf85b465a09de21b398fb112c1500f2cbe658c42f379e0c0f18d24b819f637"
        );
        assert_eq!(draw(Some(&seed()), &published.digest, 8), [7, 6, 3, 0, 5, 2, 1, 4]);
        assert_eq!(draw(None, &published.digest, 8), [0, 4, 3, 2, 5, 6, 1, 7]);
    }

    #[test]
    fn a_draw_is_eight_bytes_of_the_stream() {
        let published = published(&joins(2_000));
        let mut hasher = blake3::Hasher::new();
        hasher.update(seed().as_bytes()).update(published.digest.as_bytes());
        let mut stream = hasher.finalize_xof();
        let mut draws = [[0; 8]; 2_000];
        draws.iter_mut().for_each(|draw| stream.fill(draw));
        let order = draw(published.seed.as_ref(), &published.digest, 2_000);
        let draw_of = |join: &u32| u64::from_le_bytes(draws[*join as usize]);
        assert!(order.is_sorted_by_key(|join| (draw_of(join), *join)));
        let mut everybody = order;
        everybody.sort_unstable();
        assert!(everybody.into_iter().eq(0..2_000));
    }

    #[test]
    fn another_seed_and_other_entrants_are_noticed() {
        let joins = joins(100);
        let published = published(&joins);
        let order = published.verify(&joins).unwrap();
        assert_ne!(order, joins);
        assert_eq!(published.verify(&joins[1..]), Err(LotteryForged::Entrants));
        let mut swapped = joins.clone();
        swapped.swap(3, 4);
        assert_eq!(published.verify(&swapped), Err(LotteryForged::Entrants));
        let other = Published { seed: Some(LotterySeed::from_bytes([8; 32])), ..published };
        assert_eq!(other.verify(&joins), Err(LotteryForged::Seed));
        let without = Published { seed: None, ..published };
        assert_ne!(without.verify(&joins).unwrap(), order);
    }

    #[test]
    fn a_seed_is_written_as_hexadecimal_digits() {
        let text = seed().to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse(), Ok(seed()));
        assert!("07".parse::<LotterySeed>().is_err());
    }
}
