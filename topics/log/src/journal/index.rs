//! Where the records of one partition are: an entry now and then, enough to start reading near.

use super::segment::Location;

/// Blocks between two entries of one partition, at most: what a reader passes over to find its
/// first record. With 16 bytes an entry the index is far below a thousandth of the log.
const SPACING_BYTES: u64 = 256 * 1024;

/// The sparse index of one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    entries: Vec<(u64, Location)>,
}

impl Index {
    /// Takes note of a block that has records from `first` on. Blocks come in order.
    pub(crate) fn note(&mut self, first: u64, location: Location) {
        let near = self.entries.last().is_some_and(|(_, last)| {
            last.segment == location.segment && location.position - last.position < SPACING_BYTES
        });
        if !near {
            self.entries.push((first, location));
        }
    }

    /// A block at or before the one with this record.
    pub(crate) fn near(&self, offset: u64) -> Option<Location> {
        let after = self.entries.partition_point(|(first, _)| *first <= offset);
        Some(self.entries.get(after.checked_sub(1)?)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_near_and_never_after() {
        let mut index = Index::default();
        assert_eq!(index.near(0), None);
        for block in 0..100 {
            let location = Location { segment: 0, position: 512 + block * 100_000 };
            index.note(block * 10, location);
        }
        for offset in 0..1000 {
            let at = 512 + (offset / 10) * 100_000;
            let near = index.near(offset).unwrap().position;
            assert!(near <= at && at - near < SPACING_BYTES, "{offset}: {near} for {at}");
        }
    }
}
