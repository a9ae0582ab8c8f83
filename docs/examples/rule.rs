//! Which records of a result topic count: docs/WIRE.md, "Result topics". One partition at a time.

use std::fmt;

use serde_json::Value;

/// The name of a record, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// The log and the partition.
    of: String,
    /// The step and the outcome in it.
    at: (u64, u16),
}

impl Name {
    /// Reads `LOG-PARTITION-OFFSET-INDEX`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, '-');
        let index = parts.next()?.parse().ok()?;
        let offset = parts.next()?.parse().ok()?;
        Some(Self { of: parts.next()?.to_owned(), at: (offset, index) })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.of, self.at.0, self.at.1)
    }
}

/// What to do with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one: its name is the last one from now on.
    Take(Name),
    /// It came before.
    Drop,
    /// Something is missing before it, or it is of another log: nothing may be taken any more.
    Stop,
}

/// Compares a record with the last one that was taken; `None` before the first.
pub(crate) fn judge(last: Option<&Name>, record: &Value) -> Verdict {
    let name = |field: &str| record[field].as_str().and_then(Name::parse);
    let Some(id) = name("id") else { return Verdict::Stop };
    if name("after").as_ref() == last {
        return Verdict::Take(id);
    }
    match last {
        Some(last) if last.of == id.of && id.at <= last.at => Verdict::Drop,
        _ => Verdict::Stop,
    }
}
