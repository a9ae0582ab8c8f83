//! The loop, recovery and replay over a log in memory that can crash.

mod crashes;
mod differences;
<<<<<<< HEAD
mod messages;
=======
mod lying;
>>>>>>> main
mod snapshots;
mod ticking;
mod world;
