//! A set of seats as ranges: ascending, apart, and never two that touch.

use boxoffice_topics::SeatNumber;
use boxoffice_topics::inventory::SeatRange;

use crate::performance::RowLayout;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeatRanges(Vec<SeatRange>);

impl SeatRanges {
    pub(crate) fn as_slice(&self) -> &[SeatRange] {
        &self.0
    }

    pub(crate) fn into_vec(self) -> Vec<SeatRange> {
        self.0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = SeatNumber> {
        self.0.iter().flat_map(|range| range.iter())
    }

    pub(crate) fn contains(&self, seat: SeatNumber) -> bool {
        self.touching(SeatRange { first: seat, seats: 1 }).next().is_some()
    }

    pub(crate) fn overlaps(&self, range: SeatRange) -> bool {
        self.touching(range).next().is_some()
    }

    /// What is in both.
    pub(crate) fn within(&self, range: SeatRange) -> impl Iterator<Item = SeatRange> {
        self.touching(range)
            .map(move |own| between(own.first.0.max(range.first.0), own.end().min(range.end())))
    }

    /// The seats of a row that are in the set, one bit each.
    pub(crate) fn bits_of(&self, row: &RowLayout) -> u128 {
        self.within(row.range()).fold(0, |bits, range| bits | row.bits_within(range))
    }

    /// Adds a range that the set has nothing of.
    pub(crate) fn add(&mut self, range: SeatRange) {
        assert!(!self.overlaps(range), "INV-50: {range:?} is set aside twice");
        let at = self.0.partition_point(|own| own.first < range.first);
        self.0.insert(at, range);
        let joined =
            self.0.iter().fold(Vec::<SeatRange>::with_capacity(self.0.len()), |mut all, next| {
                match all.last_mut() {
                    Some(last) if last.end() == next.first.0 => {
                        last.seats = last.seats.saturating_add(next.seats);
                    }
                    Some(_) | None => all.push(*next),
                }
                all
            });
        self.0 = joined;
    }

    /// Takes a range out.
    pub(crate) fn remove(&mut self, range: SeatRange) {
        let parts = |own: &SeatRange| {
            let before = between(own.first.0, own.end().min(range.first.0));
            let after = between(own.first.0.max(range.end()), own.end());
            [before, after].into_iter().filter(|part| part.seats > 0)
        };
        self.0 = self.0.iter().flat_map(parts).collect();
    }

    fn touching(&self, range: SeatRange) -> impl Iterator<Item = SeatRange> {
        let from = self.0.partition_point(|own| own.end() <= range.first.0);
        let rest = self.0.get(from..).unwrap_or(&[]);
        rest.iter().copied().take_while(move |own| own.first.0 < range.end())
    }
}

impl FromIterator<SeatRange> for SeatRanges {
    fn from_iter<I: IntoIterator<Item = SeatRange>>(ranges: I) -> Self {
        let mut set = Self::default();
        ranges.into_iter().for_each(|range| set.add(range));
        set
    }
}

fn between(first: u32, end: u32) -> SeatRange {
    SeatRange { first: SeatNumber(first), seats: end.saturating_sub(first) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_a_set_of_seats(asks in proptest::collection::vec((any::<bool>(), 0..40_u32, 1..8_u32), 1..40)) {
            let (mut set, mut model) = (SeatRanges::default(), BTreeSet::new());
            for (adds, first, seats) in asks {
                let range = SeatRange { first: SeatNumber(first), seats };
                prop_assert_eq!(set.overlaps(range), range.iter().any(|seat| model.contains(&seat)));
                if !adds {
                    set.remove(range);
                    model.retain(|seat| !range.iter().any(|gone| gone == *seat));
                } else if !set.overlaps(range) {
                    set.add(range);
                    model.extend(range.iter());
                }
                prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                let apart = set.as_slice().windows(2).all(|pair| pair[0].end() < pair[1].first.0);
                prop_assert!(apart, "ranges touch");
            }
        }
    }
}
