//! How much is asked of a partition, and of which of its slots.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxoffice_topics::{Slot, Step};

/// What is counted together: long enough for a steady figure, short enough to see a rush begin.
const WINDOW: Duration = Duration::from_secs(5);

/// Steps of the last window, and of the one that is being counted.
#[derive(Debug)]
pub struct Activity {
    windows: Mutex<Windows>,
}

#[derive(Debug)]
struct Windows {
    began: Instant,
    counting: Window,
    last: Window,
}

#[derive(Debug, Default)]
struct Window {
    steps: u64,
    by_slot: HashMap<Slot, u64>,
}

impl Default for Activity {
    fn default() -> Self {
        let windows =
            Windows { began: Instant::now(), counting: Window::default(), last: Window::default() };
        Self { windows: Mutex::new(windows) }
    }
}

impl Activity {
    /// Counts steps. Those of ticks belong to no slot.
    pub(super) fn count(&self, steps: &[Arc<Step>]) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.turn(Instant::now());
        let counting = &mut windows.counting;
        counting.steps += steps.len() as u64;
        for intent in steps.iter().filter_map(|step| step.intent) {
            *counting.by_slot.entry(intent.slot()).or_insert(0) += 1;
        }
    }

    /// Steps in each second of the last window, rounded down.
    #[must_use]
    pub fn rate(&self) -> u64 {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.turn(Instant::now());
        windows.last.steps / WINDOW.as_secs()
    }

    /// The slots of which most was asked in the last window, with how often in each second.
    #[must_use]
    pub fn hottest(&self, count: usize) -> Vec<(Slot, u64)> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.turn(Instant::now());
        let mut slots: Vec<_> = windows.last.by_slot.iter().map(|(slot, n)| (*slot, *n)).collect();
        slots.sort_unstable_by_key(|(slot, steps)| (std::cmp::Reverse(*steps), *slot));
        slots.truncate(count);
        slots.into_iter().map(|(slot, steps)| (slot, steps / WINDOW.as_secs())).collect()
    }
}

impl Windows {
    fn turn(&mut self, now: Instant) {
        let age = now.duration_since(self.began);
        if age < WINDOW {
            return;
        }
        let counted = std::mem::take(&mut self.counting);
        // Whatever is older than a window says nothing of now.
        self.last = if age < 2 * WINDOW { counted } else { Window::default() };
        self.began = now;
    }
}
