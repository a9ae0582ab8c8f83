//! The lottery of a waiting room, computed from what docs/WIRE.md publishes and by none of the
//! code that draws.

use blake3::{Hash, Hasher};
use uuid::Uuid;

/// Bytes of the stream for each draw.
const DRAW_BYTES: usize = 8;

/// BLAKE3 of a seed in hexadecimal digits: what it was sealed with.
pub(super) fn commitment(seed: &str) -> Option<String> {
    let seed = Hash::from_hex(seed).ok()?;
    Some(blake3::hash(seed.as_bytes()).to_hex().to_string())
}

/// The chained hash over a performance, its commitment, and everybody who joined, in order.
pub(super) fn digest<'a>(
    performance: &str,
    commitment: &str,
    accounts: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let commitment = Hash::from_hex(commitment).ok()?;
    let mut hasher = Hasher::new();
    hasher.update(Uuid::parse_str(performance).ok()?.as_bytes()).update(commitment.as_bytes());
    let mut digest = hasher.finalize();
    for account in accounts {
        let mut hasher = Hasher::new();
        hasher.update(digest.as_bytes()).update(Uuid::parse_str(account).ok()?.as_bytes());
        digest = hasher.finalize();
    }
    Some(digest.to_hex().to_string())
}

/// The joins in the order of their draws.
pub(super) fn order(seed: &str, digest: &str, entrants: usize) -> Option<Vec<u32>> {
    let (seed, digest) = (Hash::from_hex(seed).ok()?, Hash::from_hex(digest).ok()?);
    let mut hasher = Hasher::new();
    let mut stream = hasher.update(seed.as_bytes()).update(digest.as_bytes()).finalize_xof();
    let mut bytes = vec![0; entrants * DRAW_BYTES];
    stream.fill(&mut bytes);
    let (draws, _) = bytes.as_chunks::<DRAW_BYTES>();
    let mut order: Vec<(u64, u32)> =
        draws.iter().copied().map(u64::from_le_bytes).zip(0..).collect();
    order.sort_unstable();
    Some(order.into_iter().map(|(_, number)| number).collect())
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::lottery::draw;
    use boxoffice_topics::{AccountId, EntrantsDigest, LotterySeed, PerformanceId};

    use super::*;

    #[test]
    fn the_published_formula_gives_what_is_drawn() {
        let seed = LotterySeed::from_bytes([7; 32]);
        let performance = PerformanceId::from_u128(5);
        let accounts: Vec<AccountId> = (0..100).map(AccountId::from_u128).collect();
        let first = EntrantsDigest::new(performance, &seed.commitment());
        let theirs = accounts.iter().fold(first, |digest, it| digest.extended_by(*it));
        let sealed = commitment(&seed.to_string()).expect("a seed");
        assert_eq!(sealed, seed.commitment().to_string());
        let names: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        let ours = digest(&performance.to_string(), &sealed, names.iter().map(String::as_str));
        assert_eq!(ours, Some(theirs.to_string()));
        let ours = order(&seed.to_string(), &theirs.to_string(), 100);
        assert_eq!(ours, Some(draw(Some(&seed), &theirs, 100)));
    }

    #[test]
    fn what_is_no_seed_draws_nothing() {
        assert_eq!((commitment("07"), order("07", "07", 1)), (None, None));
        assert_eq!(digest("p", "07", std::iter::empty()), None);
    }
}
