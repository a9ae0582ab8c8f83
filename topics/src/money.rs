//! Money: checked integer minor units and an ISO 4217 currency.
//!
//! There are no floats and no silent wrap: an operation that cannot be exact returns `None`.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// An ISO 4217 currency, kept as its three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Currency(#[cbor(n(0), with = "minicbor::bytes")] [u8; 3]);

impl Currency {
    /// Korean won, which has no minor unit: one minor unit is one won.
    pub const KRW: Self = Self(*b"KRW");

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits after the decimal point (KRW 0, USD 2, KWD 3).
    #[must_use]
    pub fn exponent(&self) -> u16 {
        iso_currency::Currency::from_code(self.code()).and_then(|c| c.exponent()).unwrap_or(0)
    }
}

/// The text is not the code of an ISO 4217 currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO 4217 currency code")]
pub struct CurrencyUnknown(String);

impl FromStr for Currency {
    type Err = CurrencyUnknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || CurrencyUnknown(text.chars().take(8).collect());
        iso_currency::Currency::from_code(text).ok_or_else(unknown)?;
        text.as_bytes().try_into().map(Self).map_err(|_| unknown())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in the minor unit of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Money {
    /// Minor units: won for KRW, cents for USD.
    #[n(0)]
    pub minor: i64,
    /// The currency of the amount.
    #[n(1)]
    pub currency: Currency,
}

impl Money {
    /// The largest amount that boxoffice accepts in one price or order, in minor units. It
    /// leaves room to add a million of them in an `i64`.
    pub const MINOR_MAX: i64 = 1_000_000_000_000;

    /// An amount.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing of a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The sum; `None` on overflow or when the currencies differ.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        (self.currency == other.currency)
            .then(|| self.minor.checked_add(other.minor))
            .flatten()
            .map(|minor| Self { minor, ..self })
    }

    /// The difference; `None` on overflow or when the currencies differ.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        (self.currency == other.currency)
            .then(|| self.minor.checked_sub(other.minor))
            .flatten()
            .map(|minor| Self { minor, ..self })
    }

    /// The product; `None` on overflow.
    #[must_use]
    pub fn checked_mul(self, factor: u32) -> Option<Self> {
        self.minor.checked_mul(i64::from(factor)).map(|minor| Self { minor, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = usize::from(self.currency.exponent());
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let sign = if self.minor < 0 { "-" } else { "" };
        let point = if exponent == 0 { "" } else { "." };
        write!(f, "{} {sign}{whole}{point}{fraction}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_uses_the_exponent_of_the_currency() {
        let usd: Currency = "USD".parse().unwrap();
        assert_eq!(Money::new(99_000, Currency::KRW).to_string(), "KRW 99000");
        assert_eq!(Money::new(5, usd).to_string(), "USD 0.05");
        assert_eq!(Money::new(-12_345, usd).to_string(), "USD -123.45");
    }

    #[test]
    fn currencies_do_not_mix_and_nothing_wraps() {
        let usd: Currency = "USD".parse().unwrap();
        assert_eq!(Money::new(1, usd).checked_add(Money::new(1, Currency::KRW)), None);
        assert_eq!(Money::new(i64::MAX, usd).checked_add(Money::new(1, usd)), None);
        assert_eq!(Money::new(i64::MAX, usd).checked_mul(2), None);
        assert!("ZZZ".parse::<Currency>().is_err());
        assert!("usd".parse::<Currency>().is_err());
    }
}
