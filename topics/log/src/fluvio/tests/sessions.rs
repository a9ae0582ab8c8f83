//! Several processes that write to one partition.

use super::*;
use boxoffice_topics::{Genesis, Timestamp};

use crate::fluvio::fold::Extent;

const GENESIS: Genesis = Genesis { log_id: LOG, created_at: Timestamp::from_millis(1_000) };

fn later(writer: WriterId) -> WriterId {
    WriterId { attempt: writer.attempt + 1, ..writer }
}

/// A partition that has begun and has two sessions.
fn shared() -> Fold {
    let mut fold = Fold::default();
    let genesis = frame::genesis(FIRST, &GENESIS);
    assert!(matches!(fold.take(&genesis), Ok(Folded::Block(Header { count: 1, .. }, 0))));
    for writer in [FIRST, SECOND] {
        assert!(matches!(fold.take(&frame::session(writer)), Ok(Folded::Word)));
    }
    fold
}

/// The next block of a session.
fn block_of(fold: &Fold, writer: WriterId, count: u8) -> Vec<u8> {
    let header = fold.next_of_session(writer, u32::from(count)).expect("its attempt counts");
    frame::seal(&header, &records(count))
}

/// Takes a block that counts, and says where in the log it is.
fn taken(fold: &mut Fold, bytes: &[u8]) -> u64 {
    match fold.take(bytes) {
        Ok(Folded::Block(_, first)) => first,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_session_counts_its_own_records_and_the_log_counts_all() {
    let mut fold = shared();
    for (writer, count, first, own) in
        [(FIRST, 2, 1, 0), (SECOND, 3, 3, 0), (FIRST, 1, 6, 2), (SECOND, 1, 7, 3)]
    {
        let bytes = block_of(&fold, writer, count);
        assert_eq!(frame::open(&bytes).unwrap().first, own);
        assert_eq!(taken(&mut fold, &bytes), first);
    }
    assert_eq!(fold.next, 8);
}

#[test]
fn a_session_that_begins_again_replaces_itself_alone() {
    let mut fold = shared();
    let (late, other) = (block_of(&fold, FIRST, 1), block_of(&fold, SECOND, 1));
    let again = later(FIRST);
    assert!(matches!(fold.take(&frame::session(again)), Ok(Folded::Word)));
    assert_passed_over(&fold, &late);
    assert_passed_over(&fold, &frame::session(FIRST));
    assert!(fold.next_of_session(FIRST, 1).is_none());
    assert_eq!(taken(&mut fold, &other), 1);
    let next = block_of(&fold, again, 1);
    assert_eq!(taken(&mut fold, &next), 2);
}

#[test]
fn a_later_attempt_goes_on_where_its_session_stands() {
    let mut fold = shared();
    let before = block_of(&fold, FIRST, 4);
    taken(&mut fold, &before);
    fold.take(&frame::session(later(FIRST))).unwrap();
    assert_eq!(fold.next_of_session(later(FIRST), 1).unwrap().first, 4);
}

#[test]
fn a_block_of_a_session_that_comes_twice_counts_once() {
    let mut fold = shared();
    let bytes = block_of(&fold, FIRST, 2);
    taken(&mut fold, &bytes);
    let other = block_of(&fold, SECOND, 1);
    taken(&mut fold, &other);
    assert_passed_over(&fold, &bytes);
    assert_passed_over(&fold, &other);
}

#[test]
fn a_hole_in_a_session_is_an_error() {
    let mut ahead = shared();
    let missing = block_of(&ahead, FIRST, 4);
    ahead.take(&missing).unwrap();
    let bytes = block_of(&ahead, FIRST, 1);
    assert_eq!(shared().take(&bytes).unwrap_err(), Broken::Hole { expected: 0, found: 4 });
}

#[test]
fn another_history_of_a_session_is_an_error() {
    let (mut one, mut other) = (shared(), shared());
    let bytes = block_of(&one, FIRST, 1);
    one.take(&bytes).unwrap();
    let header = other.next_of_session(FIRST, 1).unwrap();
    other.take(&frame::seal(&header, &[Bytes::from_static(b"x")])).unwrap();
    let next = block_of(&other, FIRST, 1);
    assert_eq!(one.take(&next).unwrap_err(), Broken::OtherHistory);
}

#[test]
fn a_session_of_another_log_is_an_error() {
    let other = LogId::from_u128(7);
    let header = Header { log_id: other, ..shared().next_of_session(FIRST, 1).unwrap() };
    let error = shared().take(&frame::seal(&header, &records(1))).unwrap_err();
    assert_eq!(error, Broken::OtherLog { expected: LOG, found: other });
}

#[test]
fn who_has_not_begun_writes_in_vain() {
    let fold = shared();
    let stranger = WriterId { session: 3, attempt: 1 };
    assert!(fold.next_of_session(stranger, 1).is_none());
    let header = Header { writer: stranger, ..fold.next_of_session(FIRST, 1).unwrap() };
    assert_passed_over(&fold, &frame::seal(&header, &records(1)));
    // Nor does anybody write before the partition has begun.
    assert_passed_over(&Fold::of_log(LOG), &frame::session(FIRST));
}

#[test]
fn a_session_that_was_forgotten_begins_again() {
    let mut fold = shared();
    let bytes = block_of(&fold, SECOND, 3);
    taken(&mut fold, &bytes);
    let late = block_of(&fold, FIRST, 1);
    // SECOND wrote last, so FIRST is the first to go.
    for session in 3..=65 {
        fold.take(&frame::session(WriterId { session, attempt: 1 })).unwrap();
    }
    assert!(fold.next_of_session(SECOND, 1).is_some());
    assert_passed_over(&fold, &late);
    fold.take(&frame::session(later(FIRST))).unwrap();
    assert_passed_over(&fold, &late);
    let again = block_of(&fold, later(FIRST), 1);
    assert_eq!(taken(&mut fold, &again), 4);
}

#[test]
fn the_first_genesis_record_counts() {
    let mut fold = shared();
    let stranger = Genesis { log_id: LogId::from_u128(7), ..GENESIS };
    for again in [GENESIS, stranger] {
        assert_passed_over(&fold, &frame::genesis(SECOND, &again));
    }
    assert_eq!(fold.next, 1);
    let bytes = block_of(&fold, FIRST, 1);
    assert_eq!(taken(&mut fold, &bytes), 1);
    // Who knows the log finds another one at once.
    let error = Fold::of_log(LOG).take(&frame::genesis(FIRST, &stranger)).unwrap_err();
    assert_eq!(error, Broken::OtherLog { expected: LOG, found: stranger.log_id });
}

#[test]
fn who_writes_alone_renews_what_nobody_took() {
    let mut fold = begun();
    let late = block(&fold, LOG, FIRST, 1);
    assert!(matches!(fold.take(&frame::renewal(later(FIRST))), Ok(Folded::Word)));
    assert!(fold.is_alone(later(FIRST)));
    assert_passed_over(&fold, &late);
    fold.take(&frame::fence(SECOND)).unwrap();
    assert_passed_over(&fold, &frame::renewal(later(later(FIRST))));
    assert!(fold.is_alone(SECOND));
}

#[test]
fn a_mark_changes_nothing() {
    for mut fold in [Fold::default(), begun(), shared()] {
        let before = format!("{fold:?}");
        assert!(matches!(fold.take(&frame::mark(SECOND)), Ok(Folded::Word)));
        assert_eq!(format!("{fold:?}"), before);
    }
}

#[test]
fn the_first_announcement_says_what_was_dealt_and_the_largest_what_there_is() {
    let mut fold = shared();
    for number in [4, 9, 6] {
        assert!(matches!(fold.take(&frame::partitions(FIRST, number)), Ok(Folded::Word)));
    }
    assert_eq!(fold.extent, Some(Extent { dealt: 4, partitions: 9 }));
}

/// As logs were written when one process had each partition to itself.
#[test]
fn a_partition_that_one_process_had_is_shared_from_then_on() {
    let mut fold = begun();
    fold.take(&frame::fence(SECOND)).unwrap();
    let bytes = block(&fold, LOG, SECOND, 2);
    assert_eq!(taken(&mut fold, &bytes), 3);
    fold.take(&frame::session(FIRST)).unwrap();
    let bytes = block_of(&fold, FIRST, 1);
    assert_eq!(frame::open(&bytes).unwrap().first, 0);
    assert_eq!(taken(&mut fold, &bytes), 5);
}
