//! Where outcomes are written as rows, as the configuration names it.

use serde::Deserialize;

/// Where outcomes are written as rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Database {
    /// PostgreSQL inside this process, under the data directory.
    Embedded,
    /// Nowhere.
    None,
    /// A PostgreSQL server.
    Url(String),
}

/// The text names no database.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a database: expected `embedded`, `none` or `postgres://...`")]
pub struct DatabaseUnknown(String);

impl TryFrom<String> for Database {
    type Error = DatabaseUnknown;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "embedded" => Ok(Self::Embedded),
            "none" => Ok(Self::None),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Url(text))
            }
            // Only the scheme is repeated: the rest of a mistyped URL may hold a password.
            other => {
                let scheme = other.split(':').next().unwrap_or_default();
                Err(DatabaseUnknown(scheme.chars().take(32).collect()))
            }
        }
    }
}

impl std::str::FromStr for Database {
    type Err = DatabaseUnknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}
