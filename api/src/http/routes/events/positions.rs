//! Where a listener stands: the next offset of every partition, as `0:123,1:77`.

use std::fmt::Write as _;

use boxoffice_topics::{Offset, PartitionId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Positions(Vec<Offset>);

impl Positions {
    pub(super) const fn new(next_offsets: Vec<Offset>) -> Self {
        Self(next_offsets)
    }

    /// Reads positions. One that lies beyond the end is taken from `ends`. A partition that is not
    /// named has come since: it is listened to from its beginning.
    pub(super) fn parse(text: &str, ends: &Self) -> Option<Self> {
        let mut positions = ends.clone();
        positions.0.iter_mut().skip(text.split(',').count()).for_each(|it| *it = Offset::ZERO);
        for part in text.split(',') {
            let (partition, offset) = part.trim().split_once(':')?;
            let position = positions.0.get_mut(partition.parse::<usize>().ok()?)?;
            *position = Offset::new(offset.parse().ok()?).min(*position);
        }
        Some(positions)
    }

    pub(super) fn of(&self, partition: PartitionId) -> Offset {
        self.0.get(usize::from(partition.number())).copied().unwrap_or_default()
    }

    pub(super) fn advance(&mut self, partition: PartitionId, next: Offset) {
        let at = usize::from(partition.number());
        // A partition may come while somebody listens.
        if at >= self.0.len() {
            self.0.resize(at + 1, Offset::ZERO);
        }
        self.0[at] = next;
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for (partition, next) in self.0.iter().enumerate() {
            let comma = if partition == 0 { "" } else { "," };
            let written = write!(text, "{comma}{partition}:{next}");
            debug_assert!(written.is_ok(), "a string takes every character");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_were_written() {
        let ends = Positions::new(vec![Offset::new(9), Offset::new(5)]);
        let positions = Positions::new(vec![Offset::new(3), Offset::new(5)]);
        assert_eq!(positions.to_text(), "0:3,1:5");
        assert_eq!(Positions::parse("0:3,1:5", &ends), Some(positions));
        assert_eq!(Positions::parse("0:99,1:99", &ends), Some(ends.clone()));
        let came_since = Positions::new(vec![Offset::new(3), Offset::ZERO]);
        assert_eq!(Positions::parse("0:3", &ends), Some(came_since));
        for malformed in ["", "0", "2:1", "x:1", "0:-1"] {
            assert_eq!(Positions::parse(malformed, &ends), None, "{malformed}");
        }
    }
}
