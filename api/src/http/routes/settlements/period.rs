//! What part of a ledger is meant, and where in it a page begins.

use std::str::FromStr;

use boxoffice_core::{Ledger, LedgerEntry};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{LedgerLine, Timestamp};

use crate::http::problem::Problem;

/// A period of log time: from a moment on, until before another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Period {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

impl Period {
    pub(super) fn parse(from: Option<&str>, to: Option<&str>) -> Result<Self, Problem> {
        let from = from.map(|text| stamp("from", text)).transpose()?;
        let to = to.map(|text| stamp("to", text)).transpose()?;
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            return Err(invalid("to", "must not be before `from`"));
        }
        Ok(Self { from, to })
    }

    /// What was posted before the period and in it.
    pub(super) fn of(self, ledger: &Ledger) -> (&[LedgerEntry], &[LedgerEntry]) {
        let before = self.from.map_or(0, |from| ledger.split_at(from).0.len());
        let end = self.to.map_or(ledger.entries().len(), |to| ledger.split_at(to).0.len());
        let (before, rest) = ledger.entries().split_at(before);
        (before, &rest[..end - before.len()])
    }
}

/// The log counts whole milliseconds: what is at or after a moment is at or after the next whole one.
fn stamp(path: &'static str, text: &str) -> Result<Timestamp, Problem> {
    let moment = text.parse::<jiff::Timestamp>().map_err(|_| {
        invalid(path, "must be a moment such as 2026-12-01T00:00:00Z; `+` is sent as `%2B`")
    })?;
    let is_whole = moment.subsec_nanosecond() % 1_000_000 == 0;
    let millis = moment.as_millisecond() + i64::from(!is_whole);
    if millis < 0 || jiff::Timestamp::from_millisecond(millis).is_err() {
        return Err(invalid(path, "must be in the years 1970 to 9999"));
    }
    Ok(Timestamp::from_millis(millis))
}

pub(super) fn invalid(path: &'static str, detail: &'static str) -> Problem {
    Problem::invalid("query_invalid", detail).path(path)
}

/// The name of a line: the outcome that caused it, and its number from one.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineName {
    outcome: EffectName,
    line: u16,
}

impl LineName {
    pub(super) const fn new(outcome: EffectName, line: u16) -> Self {
        Self { outcome, line }
    }
}

impl FromStr for LineName {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let malformed = || Problem::malformed("cursor_malformed", "pass `next` of the page before");
        let (outcome, line) = text.rsplit_once('.').ok_or_else(malformed)?;
        let outcome = outcome.parse().map_err(|_| malformed())?;
        let line = line.parse().map_err(|_| malformed())?;
        Ok(Self { outcome, line })
    }
}

/// The lines of entries after a line, each with its number; none when there is no such line. A
/// performance may have moved between partitions, so names need not grow along its ledger.
pub(super) fn lines_after(
    entries: &[LedgerEntry],
    after: Option<LineName>,
) -> impl Iterator<Item = (&LedgerEntry, u16, LedgerLine)> {
    let is_cited = move |entry: &LedgerEntry| after.is_some_and(|it| it.outcome == entry.name);
    let first = after.map_or(Some(0), |_| entries.iter().position(is_cited));
    let entries = first.and_then(|first| entries.get(first..)).unwrap_or_default();
    let lines = entries.iter().flat_map(|entry| {
        (1..).zip(entry.lines.iter().copied()).map(move |(number, line)| (entry, number, line))
    });
    lines.skip_while(move |(entry, number, _)| {
        is_cited(entry) && after.is_some_and(|after| *number <= after.line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_counts_whole_milliseconds_from_the_next_one_on() {
        let stamp = |text| stamp("from", text).unwrap().as_millis();
        assert_eq!(stamp("1970-01-01T00:00:01Z"), 1_000);
        assert_eq!(stamp("1970-01-01T09:00:01.0015+09:00"), 1_002);
    }

    #[test]
    fn a_period_is_within_what_can_be_written() {
        for text in ["1969-12-31T23:59:59Z", "9999-12-30T22:00:00.999999999Z"] {
            assert!(super::stamp("to", text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_name_of_a_line_has_four_numbers() {
        assert!("0-9-1.3".parse::<LineName>().is_ok());
        for text in ["0-9-1", "0-9.1", "0-9-1.", "0-9-1.x", ""] {
            assert!(text.parse::<LineName>().is_err(), "{text}");
        }
    }
}
