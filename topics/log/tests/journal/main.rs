//! The rules of a log, kept by every backend, and what the journal keeps through crashes, faults
//! and damage.

mod conformance;
mod crash;
mod damage;
mod faults;
mod support;
