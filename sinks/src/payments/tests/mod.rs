//! The executor, the adapter and the sandbox together, over real HTTP.

mod adapter;
mod follow;
mod hints;
mod outcomes;
mod sandbox;
mod world;
