//! The waiting room of a performance: who waits, who is inside, who is next.
//!
//! ```text
//! join -> waiting -> admitted -> inside -> out: bought, left, or time ran out
//!            |  ^        (by ticks, at the rate and below the cap)
//!            |  +-- seen: a heartbeat, a refresh, a return before the place is passed
//!            +----> missed: silent for longer than the grace time when the turn came
//! ```
//!
//! There is no opening of a room: it admits whenever the sale is open, and with a lottery not
//! before the draw. Admission happens at ticks and nowhere else; a hold needs it, and nothing
//! that follows a hold does.
//!
//! - INV-20: nobody is called before anybody who waits ahead, and each join is called once.
//! - INV-21: an admission never brings more buyers inside than the cap.
//! - INV-22: admissions never exceed rate and burst.

mod admit;
mod ask;
mod change;
mod lottery;
mod pace;
mod queue;
mod saved;
mod sessions;
mod silence;
mod view;

#[cfg(test)]
mod tests;

use boxoffice_topics::{Timestamp, WaitingRoomRules};

pub(crate) use admit::admit;
pub(crate) use ask::{ask, end_sessions_of_buyers};
pub use lottery::Lottery;
use pace::Pace;
use queue::Queue;
pub(crate) use saved::SavedWaitingRoom;
use sessions::Sessions;
pub use view::{Standing, Wait};

/// The waiting room of one performance.
#[derive(Clone, Debug)]
pub struct WaitingRoom {
    /// None: the room is off, and everybody goes through. Places are kept for when it is on.
    rules: Option<WaitingRoomRules>,
    lottery: Lottery,
    queue: Queue,
    sessions: Sessions,
    pace: Pace,
    /// Silence before this is nobody's fault.
    resumed_at: Timestamp,
    /// When a tick has something to do here, as it is listed in the state.
    pub(crate) due: Option<Timestamp>,
}
