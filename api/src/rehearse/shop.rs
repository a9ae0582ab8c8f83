//! What every buyer of a rehearsal shares: the house, the doors, the counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::afterwards::Guests;
use super::client::Client;
use super::habits::Extras;
use super::opening::RoomRules;
use super::venue::Venue;

/// The shared side of a visit.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) client: Client,
    pub(super) venue: Venue,
    /// Ids of the performances that are on sale.
    pub(super) performances: Vec<String>,
    /// How long a hold lasts.
    pub(super) hold_ttl: Duration,
    /// How long a placed order waits for its payment.
    pub(super) payment_window: Duration,
    /// Bounds how many people are inside at once, so that nobody's hold runs out while they
    /// wait for a free connection.
    pub(super) doors: Semaphore,
    pub(super) tally: Tally,
    /// What there is beside seats and money.
    pub(super) extras: Extras,
    /// The rules of every waiting room, when there are any.
    pub(super) room: Option<RoomRules>,
    /// The campaign whose coupons buyers claim.
    pub(super) campaign: Option<String>,
    /// Precedes every key and subject of this run.
    pub(super) run: String,
    /// When the first of those who came early was let in line.
    pub(super) gathered: Instant,
    pub(super) opened: Instant,
    /// When the last money that a provider takes late will have come.
    pub(super) late_money: LateMoney,
    /// Those who have tickets to show.
    pub(super) guests: Guests,
}

/// The moment by which every late capture has happened.
#[derive(Debug, Default)]
pub(super) struct LateMoney(Mutex<Option<Instant>>);

impl LateMoney {
    /// Money will come after this time.
    pub(super) fn expect_in(&self, time: Duration) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (*last).max(Some(Instant::now() + time));
    }

    /// Whether none is to come.
    pub(super) fn has_come(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|last| last <= Instant::now())
    }
}

/// Counters for the progress bar.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) intents: Counter,
    pub(super) held: Counter,
    pub(super) sold: Counter,
    pub(super) refused: Counter,
    pub(super) left: Counter,
}

/// Counts upwards.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Counts some more.
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The count.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
