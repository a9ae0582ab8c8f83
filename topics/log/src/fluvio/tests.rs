//! What counts of a topic, without a cluster.

use boxoffice_topics::LogId;
use bytes::Bytes;

use super::fold::{Broken, Fold, Folded};
use super::frame::{self, Header, Unreadable, WriterId};
use super::state::{PartitionState, Shared};
use super::{FluvioConfig, FluvioUrl};
use crate::fluvio::follower::Cursor;

mod sessions;

const LOG: LogId = LogId::from_u128(0xb0c5);
const FIRST: WriterId = WriterId { session: 1, attempt: 1 };
const SECOND: WriterId = WriterId { session: 2, attempt: 1 };

fn records(count: u8) -> Vec<Bytes> {
    (0..count).map(|number| Bytes::from(vec![number; usize::from(number)])).collect()
}

fn block(fold: &Fold, log_id: LogId, writer: WriterId, count: u8) -> Vec<u8> {
    frame::seal(&fold.next_block(log_id, writer, u32::from(count)), &records(count))
}

/// A partition with a fence and a block of three records.
fn begun() -> Fold {
    let mut fold = Fold::default();
    assert!(matches!(fold.take(&frame::fence(FIRST)), Ok(Folded::Word)));
    let first = block(&fold, LOG, FIRST, 3);
    assert!(matches!(fold.take(&first), Ok(Folded::Block(Header { first: 0, count: 3, .. }, 0))));
    fold
}

fn assert_passed_over(fold: &Fold, bytes: &[u8]) {
    let before = format!("{fold:?}");
    let mut fold = fold.clone();
    assert!(matches!(fold.take(bytes), Ok(Folded::Repeated)));
    assert_eq!(format!("{fold:?}"), before, "it changes nothing");
}

#[test]
fn a_block_gives_back_its_records() {
    let fold = begun();
    let bytes = Bytes::from(block(&fold, LOG, FIRST, 5));
    let header = frame::open(&bytes).unwrap();
    assert_eq!((header.first, header.count), (3, 5));
    assert_eq!(frame::records(&bytes, &header), records(5));
}

#[test]
fn a_block_that_comes_twice_counts_once() {
    let mut fold = begun();
    let bytes = block(&fold, LOG, FIRST, 2);
    assert!(matches!(fold.take(&bytes), Ok(Folded::Block(..))));
    assert_eq!(fold.next, 5);
    assert_passed_over(&fold, &bytes);
}

#[test]
fn a_writer_that_was_replaced_writes_in_vain() {
    let mut fold = begun();
    let late = block(&fold, LOG, FIRST, 1);
    fold.take(&frame::fence(SECOND)).unwrap();
    assert_passed_over(&fold, &late);
    let current = block(&fold, LOG, SECOND, 1);
    assert!(matches!(fold.take(&current), Ok(Folded::Block(..))));
}

#[test]
fn a_block_of_an_earlier_attempt_comes_too_late() {
    let again = WriterId { attempt: 2, ..FIRST };
    let mut fold = begun();
    let late = block(&fold, LOG, FIRST, 1);
    fold.take(&frame::fence(again)).unwrap();
    assert_passed_over(&fold, &late);
    assert_passed_over(&fold, &frame::fence(FIRST));
}

#[test]
fn a_hole_is_an_error() {
    let mut ahead = begun();
    let missing = block(&ahead, LOG, FIRST, 4);
    ahead.take(&missing).unwrap();
    let bytes = block(&ahead, LOG, FIRST, 1);
    assert_eq!(begun().take(&bytes).unwrap_err(), Broken::Hole { expected: 3, found: 7 });
}

#[test]
fn another_log_is_an_error() {
    let other = LogId::from_u128(7);
    let bytes = block(&begun(), other, FIRST, 1);
    let error = begun().take(&bytes).unwrap_err();
    assert_eq!(error, Broken::OtherLog { expected: LOG, found: other });
}

#[test]
fn another_history_is_an_error() {
    let mut other = Fold::default();
    other.take(&frame::fence(FIRST)).unwrap();
    let header = other.next_block(LOG, FIRST, 3);
    let changed = [Bytes::from_static(b"x"), Bytes::from_static(b"y"), Bytes::from_static(b"z")];
    other.take(&frame::seal(&header, &changed)).unwrap();
    let bytes = block(&other, LOG, FIRST, 1);
    assert_eq!(begun().take(&bytes).unwrap_err(), Broken::OtherHistory);
}

#[test]
fn what_boxoffice_did_not_write_is_told_and_passed_over() {
    let whole = block(&begun(), LOG, FIRST, 3);
    let changed = |at: usize, by: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= by;
        bytes
    };
    let cases = [
        (b"".to_vec(), Unreadable::Foreign),
        (b"hello, world".to_vec(), Unreadable::Foreign),
        (vec![0xff; 4 << 20], Unreadable::Foreign),
        (changed(3, 3), Unreadable::Version(2)),
        (changed(80, 1), Unreadable::Checksum),
        (whole[..whole.len() - 1].to_vec(), Unreadable::Checksum),
        (whole[..40].to_vec(), Unreadable::Content),
    ];
    for (bytes, expected) in cases {
        let mut fold = begun();
        let taken = fold.take(&bytes);
        assert!(matches!(taken, Ok(Folded::Unreadable(reason)) if reason == expected), "{taken:?}");
        assert!(matches!(fold.take(&whole), Ok(Folded::Block(..))), "the log goes on");
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    let header = Header { count: u32::MAX, ..begun().next_block(LOG, FIRST, 0) };
    assert_eq!(frame::open(&frame::seal(&header, &[])).unwrap_err(), Unreadable::Content);
    let header = Header { count: 1, ..header };
    assert_eq!(frame::open(&frame::seal(&header, &records(2))).unwrap_err(), Unreadable::Content);
}

#[test]
fn a_reader_begins_at_the_last_place_before_what_it_wants() {
    let state = PartitionState::new();
    let at = |position, next| {
        let mut cursor = Cursor { position, ..Cursor::default() };
        cursor.fold.next = next;
        cursor
    };
    for cursor in [at(1, 1), at(5_000, 6_000), at(5_001, 6_001), at(9_001, 20_000)] {
        state.publish(&cursor);
    }
    for (offset, position) in [(0, 0), (5_999, 0), (6_000, 5_000), (19_999, 5_000), (20_000, 9_001)]
    {
        assert_eq!(state.near(offset).position, position, "offset {offset}");
    }
}

#[test]
fn an_address_names_a_controller_and_topics() {
    let url: FluvioUrl = "fluvio://10.0.0.7:9003".parse().unwrap();
    assert_eq!((&*url.endpoint, &*url.prefix), ("10.0.0.7:9003", "boxoffice"));
    let url: FluvioUrl = "fluvio://sc:9003/city-hall".parse().unwrap();
    assert_eq!((&*url.endpoint, &*url.prefix), ("sc:9003", "city-hall"));
    let wrong = ["", "fluvio://", "fluvio://host", "fluvio://:1", "fluvio://h:x", "kafka://h:1"];
    for text in
        wrong.into_iter().chain(["fluvio://h:1/Upper", "fluvio://h:1/a/b", "fluvio://h:1/-a"])
    {
        assert!(text.parse::<FluvioUrl>().is_err(), "{text}");
    }
}

#[test]
fn the_first_reason_to_stop_is_kept() {
    let url = "fluvio://localhost:1".parse().unwrap();
    let config = FluvioConfig::new(&url, std::num::NonZeroU16::MIN);
    let shared = Shared::new(std::sync::Arc::new(config));
    assert!(shared.check().is_ok());
    for reason in ["first", "second"] {
        shared.stop(&crate::LogError::Diverged(reason.into()));
    }
    assert!(shared.gone().to_string().contains("first"));
}
