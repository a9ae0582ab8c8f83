//! Codes of tickets: signed with Ed25519, so that a scanner needs no connection and no secret.
//!
//! The core knows no key and no code. A code says which ticket it is of, and how often that had
//! changed hands; whether it admits is decided by the log.

mod base45;
mod code;
mod keys;
mod published;

pub use code::{CodeError, TicketCode};
pub use keys::{Before, KeysError, TicketKeys};
pub use published::{PublicKeys, TicketKeyJson, TicketKeySetJson};
