//! Asking for something.

mod answer;
pub mod batch;
pub mod explanation;
pub mod show;
pub mod submit;
