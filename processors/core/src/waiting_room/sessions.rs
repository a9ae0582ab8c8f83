//! Everybody who is inside, and until when.

use std::collections::BTreeSet;

use boxoffice_topics::{AccountId, Timestamp};
use rustc_hash::FxHashMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    ends_of: FxHashMap<AccountId, Timestamp>,
    /// The same, the first to end first.
    by_end: BTreeSet<(Timestamp, AccountId)>,
}

impl Sessions {
    /// How many are inside.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.by_end.len()).unwrap_or(u32::MAX)
    }

    /// When a session ends, which may be over and not yet ended.
    pub(super) fn end_of(&self, account: AccountId) -> Option<Timestamp> {
        self.ends_of.get(&account).copied()
    }

    pub(super) fn first_end(&self) -> Option<Timestamp> {
        self.by_end.first().map(|(end, _)| *end)
    }

    /// The first to end first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Timestamp, AccountId)> {
        self.by_end.iter().copied()
    }

    pub(super) fn open(&mut self, account: AccountId, ends_at: Timestamp) {
        let before = self.ends_of.insert(account, ends_at);
        assert!(before.is_none(), "INV-20: somebody who is inside is admitted");
        self.by_end.insert((ends_at, account));
    }

    pub(super) fn close(&mut self, account: AccountId) {
        let end = self.ends_of.remove(&account);
        let was_there = end.is_some_and(|end| self.by_end.remove(&(end, account)));
        assert!(was_there, "a session ends twice");
    }
}
