//! The loop, recovery and replay over a log in memory that can crash.

mod crashes;
mod differences;
mod lying;
mod messages;
mod snapshots;
mod ticking;
mod world;
