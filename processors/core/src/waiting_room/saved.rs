//! A room in a snapshot: what cannot be derived.

use boxoffice_topics::{AccountId, Timestamp, WaitingRoomRules};
use minicbor::{Decode, Encode};

use super::queue::SavedQueue;
use super::{Lottery, Pace, Queue, WaitingRoom};

/// A room in a snapshot.
#[derive(Encode, Decode)]
pub(crate) struct SavedWaitingRoom {
    #[n(0)]
    rules: Option<WaitingRoomRules>,
    #[n(1)]
    lottery: Lottery,
    #[n(2)]
    queue: SavedQueue,
    #[n(3)]
    sessions: Vec<Session>,
    #[n(4)]
    pace: Pace,
    #[n(5)]
    resumed_at: Timestamp,
    /// Also what could be derived from the rest at the moment at which it was listed, and cannot
    /// later: the sale may have closed by then.
    #[n(6)]
    due: Option<Timestamp>,
}

#[derive(Encode, Decode)]
struct Session {
    #[n(0)]
    ends_at: Timestamp,
    #[n(1)]
    account: AccountId,
}

impl WaitingRoom {
    pub(crate) fn save(&self) -> SavedWaitingRoom {
        let sessions = self.sessions.iter();
        SavedWaitingRoom {
            rules: self.rules,
            lottery: self.lottery,
            queue: self.queue.save(),
            sessions: sessions.map(|(ends_at, account)| Session { ends_at, account }).collect(),
            pace: self.pace,
            resumed_at: self.resumed_at,
            due: self.due,
        }
    }

    /// The room again. Who restores it lists it by when it is due.
    pub(crate) fn restore(saved: SavedWaitingRoom) -> Self {
        let head = saved.queue.head();
        let mut queue = Queue::restore(saved.queue);
        if let Lottery::Drawn { entrants, digest, seed, .. } = saved.lottery
            && head < entrants
        {
            queue.shuffle(seed.as_ref(), &digest, entrants);
        }
        queue.resume(head);
        let mut room = Self { queue, ..Self::new(0, Timestamp::default()) };
        room.rules = saved.rules;
        room.lottery = saved.lottery;
        room.pace = saved.pace;
        room.resumed_at = saved.resumed_at;
        room.due = saved.due;
        for session in saved.sessions {
            room.sessions.open(session.account, session.ends_at);
        }
        room
    }
}
