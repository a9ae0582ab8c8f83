//! What a node owns as far as it knows, and what follows from what it is told. It knows no time and
//! no database.

use std::collections::BTreeMap;

use super::turn::Row;
use super::{Change, LossReason};

/// What a node does with something that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It is the owner under this epoch.
    Owns { epoch: u64 },
    /// It was told to end, and has not ended yet.
    Ends,
    /// It has ended, and the database does not know yet.
    Ended,
}

/// Everything that a node was given and has not been seen to be rid of.
#[derive(Debug, Default)]
pub(super) struct Held {
    numbers: BTreeMap<u16, Doing>,
}

impl Held {
    /// How many it owns.
    pub(super) fn owned(&self) -> usize {
        self.numbers.values().filter(|doing| matches!(doing, Doing::Owns { .. })).count()
    }

    /// What it has ended and the database does not know yet.
    pub(super) fn ended(&self) -> Vec<u16> {
        self.with(|doing| doing == Doing::Ended)
    }

    /// What it cannot be given now, because it still works for it.
    pub(super) fn busy(&self) -> Vec<u16> {
        self.with(|doing| doing != Doing::Ended)
    }

    fn with(&self, is_wanted: impl Fn(Doing) -> bool) -> Vec<u16> {
        let wanted = self.numbers.iter().filter(|(_, doing)| is_wanted(**doing));
        wanted.map(|(number, _)| *number).collect()
    }

    /// Its work for this number has ended.
    pub(super) fn give_back(&mut self, number: u16) {
        if let Some(doing) = self.numbers.get_mut(&number) {
            *doing = Doing::Ended;
        }
    }

    /// The database knows that these have ended.
    pub(super) fn forget(&mut self, ended: &[u16]) {
        self.numbers.retain(|number, _| !ended.contains(number));
    }

    /// Compares with everything that it owns by the database. What is lost comes first.
    pub(super) fn learn(&mut self, rows: &[Row]) -> Vec<Change> {
        let now: BTreeMap<u16, &Row> = rows.iter().map(|row| (row.number, row)).collect();
        let mut changes = Vec::new();
        for (&number, doing) in &mut self.numbers {
            let Doing::Owns { epoch } = *doing else { continue };
            let why = match now.get(&number) {
                Some(row) if row.epoch != epoch => LossReason::Expired,
                Some(row) if row.is_leaving => LossReason::Share,
                Some(_) => continue,
                None => LossReason::Expired,
            };
            *doing = Doing::Ends;
            changes.push(Change::Lost { number, why });
        }
        for Row { number, epoch, .. } in rows.iter().copied() {
            self.numbers.entry(number).or_insert_with(|| {
                changes.push(Change::Gained { number, epoch });
                Doing::Owns { epoch }
            });
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u16, epoch: u64, is_leaving: bool) -> Row {
        Row { number, epoch, is_leaving }
    }

    fn gained(number: u16, epoch: u64) -> Change {
        Change::Gained { number, epoch }
    }

    fn lost(number: u16, why: LossReason) -> Change {
        Change::Lost { number, why }
    }

    #[test]
    fn what_is_new_is_gained_once() {
        let mut held = Held::default();
        assert_eq!(held.learn(&[row(0, 1, false), row(3, 7, false)]), [gained(0, 1), gained(3, 7)]);
        assert_eq!(held.learn(&[row(0, 1, false), row(3, 7, false)]), []);
        assert_eq!((held.owned(), held.busy(), held.ended()), (2, vec![0, 3], vec![]));
    }

    #[test]
    fn what_is_lost_is_told_once_and_blocks_its_number_until_it_was_ended() {
        let mut held = Held::default();
        held.learn(&[row(0, 1, false), row(1, 1, false)]);
        let rows = [row(0, 1, true)];
        let expected = [lost(0, LossReason::Share), lost(1, LossReason::Expired)];
        assert_eq!(held.learn(&rows), expected);
        assert_eq!(held.learn(&rows), []);
        assert_eq!((held.owned(), held.busy(), held.ended()), (0, vec![0, 1], vec![]));
        held.give_back(0);
        assert_eq!((held.busy(), held.ended()), (vec![1], vec![0]));
        // The answer of a turn that began before.
        assert_eq!(held.learn(&rows), []);
        held.forget(&[0]);
        assert_eq!(held.learn(&[row(0, 3, false)]), [gained(0, 3)]);
    }

    #[test]
    fn another_epoch_of_ones_own_is_a_loss() {
        let mut held = Held::default();
        held.learn(&[row(0, 1, false)]);
        assert_eq!(held.learn(&[row(0, 3, false)]), [lost(0, LossReason::Expired)]);
    }

    #[test]
    fn what_was_never_held_is_not_given_back() {
        let mut held = Held::default();
        held.give_back(4);
        assert!(held.ended().is_empty());
    }
}
