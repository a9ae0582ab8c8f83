//! What a process does. One that does everything is a whole boxoffice; several that share a log in
//! a cluster and a Postgres divide the work.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Roles {
    /// Answers buyers, promoters and operators over HTTP.
    pub api: bool,
    /// Decides: owns its share of the partitions.
    pub processor: bool,
    /// Writes rows and talks to the payment provider, when it is its turn.
    pub sinks: bool,
}

/// The text names no roles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RolesUnknown {
    /// One of them is none.
    #[error("`{0}` is not a role: expected api, processor or sinks")]
    Other(String),
    /// There is none.
    #[error("a process needs a role: api, processor or sinks")]
    None,
}

impl Roles {
    /// Everything.
    pub const ALL: Self = Self { api: true, processor: true, sinks: true };

    /// Whether this process needs no other.
    #[must_use]
    pub fn are_all(self) -> bool {
        self == Self::ALL
    }

    fn parse<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, RolesUnknown> {
        let mut roles = Self { api: false, processor: false, sinks: false };
        for name in names {
            match name.trim() {
                "api" => roles.api = true,
                "processor" => roles.processor = true,
                "sinks" => roles.sinks = true,
                other => return Err(RolesUnknown::Other(other.chars().take(32).collect())),
            }
        }
        if roles.api || roles.processor || roles.sinks {
            return Ok(roles);
        }
        Err(RolesUnknown::None)
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [(self.api, "api"), (self.processor, "processor"), (self.sinks, "sinks")];
        let names: Vec<_> = named.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Roles {
    type Err = RolesUnknown;

    fn from_str(text: &str) -> Result<Self, RolesUnknown> {
        Self::parse(text.split(',').filter(|name| !name.trim().is_empty()))
    }
}

impl TryFrom<Vec<String>> for Roles {
    type Error = RolesUnknown;

    fn try_from(names: Vec<String>) -> Result<Self, RolesUnknown> {
        Self::parse(names.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_and_every_name_is_known() {
        let roles: Roles = "sinks, api".parse().unwrap();
        assert_eq!(roles, Roles { api: true, processor: false, sinks: true });
        assert_eq!(roles.to_string(), "api,sinks");
        assert!("api,processor,sinks".parse::<Roles>().unwrap().are_all());
        assert_eq!("".parse::<Roles>(), Err(RolesUnknown::None));
        assert_eq!("api,sink".parse::<Roles>(), Err(RolesUnknown::Other("sink".to_owned())));
    }
}
