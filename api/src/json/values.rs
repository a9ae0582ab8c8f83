//! The small values of every document: texts, ids, money, moments.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use boxoffice_topics::{Money, Timestamp};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// A text that is borrowed from the body, unless it has escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        from.deserialize_str(Texts)
    }
}

/// A value that is written as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed<T>(pub T);

impl<T: fmt::Display> Serialize for Parsed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de, T> Deserialize<'de> for Parsed<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Parse<T>(PhantomData<T>);

        impl<T> Visitor<'_> for Parse<T>
        where
            T: FromStr,
            T::Err: fmt::Display,
        {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                text.parse().map_err(E::custom)
            }
        }

        from.deserialize_str(Parse(PhantomData)).map(Self)
    }
}

/// A value that is shown as a string and never read back here.
#[derive(Clone, Copy, Debug)]
pub struct Shown<T>(pub T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// An amount in the minor unit of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyJson {
    /// Minor units: won for KRW, cents for USD.
    #[schema(example = 198_000)]
    minor: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, example = "KRW")]
    currency: Parsed<boxoffice_topics::Currency>,
}

impl From<Money> for MoneyJson {
    fn from(money: Money) -> Self {
        Self { minor: money.minor, currency: Parsed(money.currency) }
    }
}

impl From<MoneyJson> for Money {
    fn from(money: MoneyJson) -> Self {
        Self::new(money.minor, money.currency.0)
    }
}

/// A moment of the log as RFC 3339.
#[must_use]
pub fn moment(timestamp: Timestamp) -> Shown<jiff::Timestamp> {
    Shown(jiff::Timestamp::from_millisecond(timestamp.as_millis()).unwrap_or_default())
}

/// A moment that a client wrote at this path, for the log: whole milliseconds from 1970 to 9999.
///
/// # Errors
/// 422 for a moment before 1970, which the log does not know.
pub(super) fn stamp(moment: Parsed<jiff::Timestamp>, path: &str) -> Result<Timestamp, Problem> {
    let stamp = Timestamp::from_millis(moment.0.as_millisecond());
    if stamp.as_millis() == moment.0.as_millisecond() {
        return Ok(stamp);
    }
    let detail = "must not be before 1970-01-01T00:00:00Z";
    Err(Problem::invalid("body_invalid", detail).path(path))
}
