//! Everybody who waits, in the order of their turns.
//!
//! A join gets the next number; its place is that number, unless a lottery has shuffled the
//! first ones. A place is passed when somebody at it or behind it was called, and never before:
//! until then whoever left may come back to it. So places ahead only get fewer, and an account
//! has one place at most.
//!
//! A waiter costs 32 bytes, 5 to 11.5 in the index of accounts, and 8 more when drawn in a
//! lottery.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use boxoffice_topics::{AccountId, EntrantsDigest, JoinNumber, LotterySeed, Timestamp, lottery};
use hashbrown::HashTable;
use minicbor::{Decode, Encode};
use rustc_hash::FxBuildHasher;

/// Places in one room, passed ones excepted: at less than 64 bytes each, 256 MB.
pub(crate) const PLACES_MAX: u32 = 1 << 22;
/// Waiters of one chunk. They lie in chunks so that growing copies nothing and what is passed
/// can be given back.
const CHUNK: u32 = 1 << 12;

/// Whether somebody is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Presence {
    #[n(0)]
    Waiting,
    /// Left, and may come back until the place is passed.
    #[n(1)]
    Left,
    /// The turn has come and gone.
    #[n(2)]
    Passed,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) struct Waiter {
    #[n(0)]
    pub(super) account: AccountId,
    /// The last sign of life. Nobody looks at it before the waiter's turn.
    #[n(1)]
    pub(super) seen_at: Timestamp,
    #[n(2)]
    pub(super) presence: Presence,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// The first number that is kept: a multiple of [`CHUNK`].
    first: u32,
    chunks: VecDeque<Vec<Waiter>>,
    /// The number that joins next.
    next: u32,
    /// The first place that is not passed.
    head: u32,
    waiting: u32,
    /// Numbers of those whose place is not passed, by account.
    numbers: HashTable<u32>,
    /// After a draw, and until all who were drawn are passed: the number at each place, and the
    /// place of each number.
    drawn: Vec<u32>,
    places: Vec<u32>,
}

impl Queue {
    /// How many wait.
    pub(super) fn waiting(&self) -> u32 {
        self.waiting
    }

    /// The number that joins next.
    pub(super) fn next(&self) -> JoinNumber {
        JoinNumber(self.next)
    }

    pub(super) fn is_full(&self) -> bool {
        self.next.saturating_sub(self.first) >= PLACES_MAX || self.next == u32::MAX
    }

    /// The number of an account whose place is not passed, with what is known of it.
    pub(super) fn find(&self, account: AccountId) -> Option<(JoinNumber, &Waiter)> {
        let is_it = |&number: &u32| self.get(number).is_some_and(|it| it.account == account);
        let number = *self.numbers.find(hash(account), is_it)?;
        self.get(number).map(|waiter| (JoinNumber(number), waiter))
    }

    /// Places that are passed.
    pub(super) fn passed(&self) -> u32 {
        self.head
    }

    /// Places ahead: as many are called before, at most.
    pub(super) fn ahead(&self, number: JoinNumber) -> u32 {
        self.place_of(number.0).saturating_sub(self.head)
    }

    /// Those who wait, in the order of their turns. A line of people who left, which may be long, is
    /// not looked through behind the last of them.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = (JoinNumber, &Waiter)> {
        let called = (self.head..self.next).map(|place| self.number_at(place));
        let known = called.filter_map(|number| Some((JoinNumber(number), self.get(number)?)));
        let in_turn = known.filter(|(_, waiter)| waiter.presence == Presence::Waiting);
        in_turn.take(usize::try_from(self.waiting).unwrap_or(usize::MAX))
    }

    /// Adds an account that has no place.
    pub(super) fn push(&mut self, account: AccountId, seen_at: Timestamp) {
        let waiter = Waiter { account, seen_at, presence: Presence::Waiting };
        let number = self.next;
        self.append(waiter);
        self.index(account, number);
        self.waiting = self.waiting.saturating_add(1);
    }

    /// A sign of life, also of one who had left.
    pub(super) fn see(&mut self, number: JoinNumber, at: Timestamp) {
        if self.waiter_mut(number).presence == Presence::Left {
            self.waiting = self.waiting.saturating_add(1);
        }
        let waiter = self.waiter_mut(number);
        assert!(waiter.presence != Presence::Passed, "INV-20: a passed place is taken again");
        waiter.presence = Presence::Waiting;
        waiter.seen_at = at;
    }

    /// The account keeps its place, and is not called.
    pub(super) fn leave(&mut self, number: JoinNumber) {
        let waiter = self.waiter_mut(number);
        assert!(waiter.presence == Presence::Waiting, "INV-20: somebody leaves who did not wait");
        waiter.presence = Presence::Left;
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Calls the first who waits: every place up to theirs is passed.
    pub(super) fn call(&mut self, number: JoinNumber) {
        let place = self.place_of(number.0);
        assert!(place >= self.head, "INV-20: {number} is called after its turn");
        while self.head <= place {
            let passed = self.number_at(self.head);
            let waiter = self.waiter_mut(JoinNumber(passed));
            let expected = if passed == number.0 { Presence::Waiting } else { Presence::Left };
            assert!(waiter.presence == expected, "INV-20: {number} is called before {passed}");
            waiter.presence = Presence::Passed;
            let account = waiter.account;
            if let Ok(found) = self.numbers.find_entry(hash(account), |&it| it == passed) {
                found.remove();
            }
            self.head = self.head.saturating_add(1);
        }
        self.waiting = self.waiting.saturating_sub(1);
        self.give_back();
    }

    /// Brings the first `entrants` joins into the order of their draws. Nobody was called yet.
    pub(super) fn shuffle(
        &mut self,
        seed: Option<&LotterySeed>,
        digest: &EntrantsDigest,
        entrants: u32,
    ) {
        assert!(self.head == 0 && entrants <= self.next, "INV-20: a draw after the first call");
        self.drawn = lottery::draw(seed, digest, entrants);
        self.places = vec![0; self.drawn.len()];
        for (place, number) in (0..).zip(&self.drawn) {
            match usize::try_from(*number).ok().and_then(|number| self.places.get_mut(number)) {
                Some(of_number) => *of_number = place,
                None => unreachable!("a draw is of the entrants"),
            }
        }
    }

    fn number_at(&self, place: u32) -> u32 {
        usize::try_from(place).ok().and_then(|at| self.drawn.get(at)).copied().unwrap_or(place)
    }

    fn place_of(&self, number: u32) -> u32 {
        usize::try_from(number).ok().and_then(|at| self.places.get(at)).copied().unwrap_or(number)
    }

    fn get(&self, number: u32) -> Option<&Waiter> {
        let (chunk, row) = slot(number.checked_sub(self.first)?);
        self.chunks.get(chunk)?.get(row)
    }

    fn waiter_mut(&mut self, number: JoinNumber) -> &mut Waiter {
        let slot = number.0.checked_sub(self.first).map(slot);
        slot.and_then(|(chunk, row)| self.chunks.get_mut(chunk)?.get_mut(row))
            .unwrap_or_else(|| panic!("an outcome names join {number}, which is not there"))
    }

    fn append(&mut self, waiter: Waiter) {
        let (_, row) = slot(self.next.saturating_sub(self.first));
        match self.chunks.back_mut() {
            Some(last) if row > 0 => last.push(waiter),
            Some(_) | None => {
                let mut chunk =
                    Vec::with_capacity(slot(CHUNK.saturating_sub(1)).1.saturating_add(1));
                chunk.push(waiter);
                self.chunks.push_back(chunk);
            }
        }
        self.next = self.next.saturating_add(1);
    }

    fn index(&mut self, account: AccountId, number: u32) {
        let Self { numbers, chunks, first, .. } = self;
        let hash_of = |&number: &u32| {
            let (chunk, row) = slot(number.saturating_sub(*first));
            let waiter = chunks.get(chunk).and_then(|chunk| chunk.get(row));
            waiter.map_or(0, |waiter| hash(waiter.account))
        };
        numbers.insert_unique(hash(account), number, hash_of);
    }

    /// Gives back what nobody can ask for any more.
    fn give_back(&mut self) {
        let drawn = u32::try_from(self.drawn.len()).unwrap_or(u32::MAX);
        // Those who were drawn are called in any order of their numbers.
        if self.head < drawn {
            return;
        }
        if drawn > 0 {
            (self.drawn, self.places) = (Vec::new(), Vec::new());
        }
        while self.first.saturating_add(CHUNK) <= self.head {
            self.chunks.pop_front();
            self.first = self.first.saturating_add(CHUNK);
        }
    }
}

/// What cannot be derived from anything else.
#[derive(Encode, Decode)]
pub(super) struct SavedQueue {
    #[n(0)]
    first: u32,
    #[n(1)]
    head: u32,
    #[n(2)]
    waiters: Vec<Waiter>,
}

impl Queue {
    pub(super) fn save(&self) -> SavedQueue {
        let waiters = self.chunks.iter().flatten().copied().collect();
        SavedQueue { first: self.first, head: self.head, waiters }
    }

    /// The queue before its draw, if there was one: see [`Queue::resume`].
    pub(super) fn restore(saved: SavedQueue) -> Self {
        let mut queue = Self { first: saved.first, next: saved.first, ..Self::default() };
        for waiter in saved.waiters {
            let number = queue.next;
            queue.append(waiter);
            if waiter.presence != Presence::Passed {
                queue.index(waiter.account, number);
            }
            if waiter.presence == Presence::Waiting {
                queue.waiting = queue.waiting.saturating_add(1);
            }
        }
        queue
    }

    /// Goes on where the saved queue stood, when its draw is made again.
    pub(super) fn resume(&mut self, head: u32) {
        self.head = head;
        self.give_back();
    }
}

impl SavedQueue {
    pub(super) fn head(&self) -> u32 {
        self.head
    }
}

/// Chunk and row of the how many-th waiter that is kept.
fn slot(index: u32) -> (usize, usize) {
    let fits = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    (fits(index / CHUNK), fits(index % CHUNK))
}

fn hash(account: AccountId) -> u64 {
    FxBuildHasher.hash_one(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Timestamp = Timestamp::from_millis(1);

    fn account(number: u32) -> AccountId {
        // Accounts are hashes: their bits are spread.
        AccountId::from_u128(
            u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        )
    }

    fn queue(waiters: u32) -> Queue {
        let mut queue = Queue::default();
        (0..waiters).for_each(|number| queue.push(account(number), SOON));
        queue
    }

    fn bytes(queue: &Queue) -> usize {
        let rows: usize =
            queue.chunks.iter().map(|chunk| chunk.capacity() * size_of::<Waiter>()).sum();
        let chunks = queue.chunks.capacity() * size_of::<Vec<Waiter>>();
        let drawn = (queue.drawn.capacity() + queue.places.capacity()) * size_of::<u32>();
        rows + chunks + drawn + queue.numbers.allocation_size()
    }

    /// Also when the index has just doubled, and while it doubles: it is half as large before.
    #[test]
    fn a_waiter_costs_at_most_64_bytes() {
        let mut queue = Queue::default();
        for count in 1..=2_000_000_usize {
            let before = queue.numbers.allocation_size();
            queue.push(account(count as u32), SOON);
            let grows = queue.numbers.allocation_size() != before;
            if count > 10_000 && (grows || count % 100_000 == 0) {
                let doubling = if grows { before } else { 0 };
                let drawn = count * 8;
                let bytes = bytes(&queue) + drawn + doubling;
                assert!(bytes <= count * 64, "{count} waiters: {bytes} bytes");
            }
        }
        let digest = EntrantsDigest::from_bytes([1; 32]);
        queue.shuffle(None, &digest, 1_000_000);
        assert!(bytes(&queue) <= 2_000_000 * 64);
    }

    #[test]
    fn what_is_passed_is_given_back() {
        let mut queue = queue(100_000);
        queue.shuffle(None, &EntrantsDigest::from_bytes([1; 32]), 50_000);
        while queue.waiting() > 10 {
            let (first, _) = queue.in_turn().next().unwrap();
            queue.call(first);
        }
        assert_eq!(queue.chunks.len(), 1);
        assert!(queue.drawn.capacity() + queue.places.capacity() == 0);
        let (number, _) = queue.find(account(99_995)).unwrap();
        assert_eq!(queue.ahead(number), 5);
        assert!(queue.find(account(0)).is_none());
    }

    /// The upper bound of `take`: zero means that nothing is looked at.
    #[test]
    fn who_has_left_is_not_looked_at_when_nobody_waits() {
        let mut queue = queue(10_000);
        assert_eq!(queue.in_turn().size_hint().1, Some(10_000));
        (0..10_000).for_each(|number| queue.leave(JoinNumber(number)));
        assert_eq!(queue.in_turn().size_hint(), (0, Some(0)));
        queue.see(JoinNumber(3), SOON);
        let mut in_turn = queue.in_turn();
        assert!(in_turn.next().is_some_and(|(number, _)| number == JoinNumber(3)));
        assert_eq!(in_turn.size_hint(), (0, Some(0)));
    }

    #[test]
    fn who_left_has_the_place_until_it_is_passed() {
        let mut queue = queue(4);
        queue.leave(JoinNumber(0));
        queue.leave(JoinNumber(1));
        assert_eq!((queue.waiting(), queue.ahead(JoinNumber(3))), (2, 3));
        queue.see(JoinNumber(1), SOON);
        assert!(queue.in_turn().map(|(number, _)| number.0).eq([1, 2, 3]));
        queue.call(JoinNumber(1));
        assert!(queue.find(account(0)).is_none());
        assert_eq!((queue.waiting(), queue.ahead(JoinNumber(3))), (2, 1));
    }
}
