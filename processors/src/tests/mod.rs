//! The loop, recovery and replay over a log in memory that can crash.

mod crashes;
mod differences;
mod following;
mod lying;
mod messages;
mod shared_snapshots;
mod snapshots;
mod ticking;
mod world;
