//! Tickets: what a place of a confirmed order is worth at the door, and who holds it.
//!
//! A ticket is named by its order and its number in it, and lives as long as its order is
//! confirmed. Codes, keys and signatures are no part of the log: they are made of what is here.
//! Variant and field numbers are part of the log and never change their meaning.

mod intent;
mod outcome;

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use minicbor::{Decode, Encode};

use crate::codec;
use crate::definition::{DefinitionInvalid, HOLD_TTL_MS_MAX, check_count};
use crate::ids::{IdMalformed, OrderId};
use crate::time::Timestamp;

pub use intent::{Scan, TicketIntent};
pub use outcome::{OfferEnd, TicketOutcome};

/// Bytes of a gate's name: it is kept with every ticket that went through it.
pub const GATE_BYTES_MAX: usize = 32;
/// The longest time that a ticket admits after the beginning: a month, as long as any festival.
pub const ADMITS_AFTER_START_MS_MAX: u32 = 31 * 86_400_000;
/// The earliest that transfers may close before the beginning: as above.
pub const TRANSFERS_CLOSE_BEFORE_MS_MAX: u32 = 31 * 86_400_000;
/// The shortest time for an answer to an offer: a minute, to read the message and sign in.
pub const OFFER_TTL_MS_MIN: u32 = 60_000;
/// The longest: a week, because the ticket admits nobody else meanwhile.
pub const OFFER_TTL_MS_MAX: u32 = 7 * HOLD_TTL_MS_MAX;

/// The name of a gate.
pub type Gate = ArrayString<GATE_BYTES_MAX>;

/// A ticket: its order and its number in it, from one. It reads as `1018-2-80.1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct TicketId {
    /// The order.
    #[n(0)]
    pub order: OrderId,
    /// The number of the place in it, from one: seats first, then section by section.
    #[n(1)]
    pub number: u16,
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.order, self.number)
    }
}

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketId({self})")
    }
}

impl FromStr for TicketId {
    type Err = IdMalformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (order, number) = text.split_once('.')?;
            let ticket = Self { order: order.parse().ok()?, number: number.parse().ok()? };
            // One name has one spelling.
            (ticket.number > 0 && ticket.number.to_string() == number).then_some(ticket)
        };
        parse().ok_or(IdMalformed("ticket (expected order.number)"))
    }
}

/// What may be done with the tickets of one performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TicketRules {
    /// How often a ticket may change hands; zero: never.
    #[n(0)]
    pub transfers_max: u8,
    /// Transfers close this many milliseconds before the performance begins.
    #[n(1)]
    pub transfers_close_before_ms: u32,
    /// How long an offer waits for its answer, in milliseconds.
    #[n(2)]
    pub offer_ttl_ms: u32,
    /// Whether who went out may come in again.
    #[n(3)]
    pub reentry: bool,
    /// How long after the beginning a ticket still admits, in milliseconds.
    #[n(4)]
    pub admits_after_start_ms: u32,
}

impl TicketRules {
    /// The rules of a performance whose promoter has said nothing: a ticket stays with its buyer
    /// and admits once, until a day after the beginning.
    pub const UNSAID: Self = Self {
        transfers_max: 0,
        transfers_close_before_ms: 0,
        offer_ttl_ms: OFFER_TTL_MS_MIN,
        reentry: false,
        admits_after_start_ms: 86_400_000,
    };

    /// Checks everything that the rest of the system relies on.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    pub fn validate(&self) -> Result<(), DefinitionInvalid> {
        let limits = [
            (
                "transfers_close_before_ms",
                self.transfers_close_before_ms,
                0,
                TRANSFERS_CLOSE_BEFORE_MS_MAX,
            ),
            ("offer_ttl_ms", self.offer_ttl_ms, OFFER_TTL_MS_MIN, OFFER_TTL_MS_MAX),
            ("admits_after_start_ms", self.admits_after_start_ms, 0, ADMITS_AFTER_START_MS_MAX),
        ];
        limits.into_iter().try_for_each(|(field, value, min, max)| {
            check_count(field, value as usize, min as usize, max as usize)
        })
    }
}

/// Where and when a ticket was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TicketUse {
    /// The gate.
    #[n(0)]
    #[cbor(with = "codec::text")]
    pub gate: Gate,
    /// The moment, by the scanner's clock when it had no connection, else by log time.
    #[n(1)]
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_has_one_spelling() {
        let ticket: TicketId = "1018-2-80.1".parse().unwrap();
        assert_eq!((ticket.number, ticket.to_string().as_str()), (1, "1018-2-80.1"));
        for text in
            ["1018-2-80", "1018-2-80.0", "1018-2-80.01", "1018-2-80.+1", "x.1", "1-2-3.70000"]
        {
            assert!(text.parse::<TicketId>().is_err(), "{text}");
        }
    }

    #[test]
    fn rules_say_what_is_wrong_with_them() {
        assert_eq!(TicketRules::UNSAID.validate(), Ok(()));
        let wrong = |rules: TicketRules| rules.validate().unwrap_err().field;
        assert_eq!(
            wrong(TicketRules { offer_ttl_ms: 59_999, ..TicketRules::UNSAID }),
            "offer_ttl_ms"
        );
        let admits_after_start_ms = ADMITS_AFTER_START_MS_MAX + 1;
        let late = TicketRules { admits_after_start_ms, ..TicketRules::UNSAID };
        assert_eq!(wrong(late), "admits_after_start_ms");
    }
}
