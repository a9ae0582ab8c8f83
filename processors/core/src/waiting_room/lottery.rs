//! Where the lottery of a room stands.

use boxoffice_topics::{
    AccountId, EntrantsDigest, JoinNumber, LotteryRules, LotterySeed, Timestamp,
};
use minicbor::{Decode, Encode};

/// Where the lottery of a room stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Lottery {
    /// There is none: the order of joining counts.
    #[n(0)]
    None,
    /// Who joins now will be drawn.
    #[n(1)]
    Open {
        /// Its rules.
        #[n(0)]
        rules: LotteryRules,
        /// The joins below this number will be drawn: all so far, unless entries have ended and
        /// no tick has said so yet.
        #[n(1)]
        entrants: u32,
        /// The hash over all of them.
        #[n(2)]
        digest: EntrantsDigest,
    },
    /// Who joins now is behind those who will be drawn. Nobody is admitted.
    #[n(2)]
    Closed {
        /// Its rules.
        #[n(0)]
        rules: LotteryRules,
        /// The joins below this number will be drawn.
        #[n(1)]
        entrants: u32,
        /// The hash over all of them.
        #[n(2)]
        digest: EntrantsDigest,
        /// Until when the seed is awaited.
        #[n(3)]
        draw_by: Timestamp,
    },
    /// The order is known.
    #[n(3)]
    Drawn {
        /// Its rules.
        #[n(0)]
        rules: LotteryRules,
        /// The joins below this number were drawn.
        #[n(1)]
        entrants: u32,
        /// The hash over all of them.
        #[n(2)]
        digest: EntrantsDigest,
        /// The seed, unless it did not come in time.
        #[n(3)]
        seed: Option<LotterySeed>,
    },
}

impl Lottery {
    /// Its rules, when there is one.
    #[must_use]
    pub fn rules(&self) -> Option<LotteryRules> {
        match self {
            Self::None => None,
            Self::Open { rules, .. } | Self::Closed { rules, .. } | Self::Drawn { rules, .. } => {
                Some(*rules)
            }
        }
    }

    /// Somebody joins while entries have not ended.
    pub(super) fn enter(&mut self, joined: JoinNumber, account: AccountId) {
        if let Self::Open { entrants, digest, .. } = self
            && joined.0 == *entrants
        {
            *digest = digest.extended_by(account);
            *entrants = entrants.saturating_add(1);
        }
    }

    /// Whether the order is known of everybody who has joined.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Self::None | Self::Drawn { .. } => true,
            Self::Open { .. } | Self::Closed { .. } => false,
        }
    }
}
