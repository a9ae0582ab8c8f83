//! Durable bytes that changed are named by file and byte, never skipped.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use boxoffice_log::journal::disk::simulated::SimulatedDisk;
use boxoffice_log::journal::{Journal, JournalConfig, repair_on, verify_on};
use boxoffice_log::{Durability, Log, LogError, LogReader};
use boxoffice_topics::{Genesis, LogId, Offset};

use crate::support::{GENESIS, assert_in_order, config, intents, open, outcomes, record};

fn segment(number: u32) -> String {
    format!("segment-{number:010}")
}

/// Appends one block for each number.
async fn append(log: &Journal, numbers: std::ops::Range<u64>) {
    let of = intents(0);
    for number in numbers {
        log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
    }
}

/// Files of a log that was not closed, with records of one partition in three segments.
async fn files() -> BTreeMap<String, Vec<u8>> {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    append(&log, 1..150).await;
    let names = (0..3).map(segment);
    names.map(|name| (name.clone(), disk.bytes(&name).unwrap())).collect()
}

fn disk_with(files: &BTreeMap<String, Vec<u8>>) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    for (name, bytes) in files {
        disk.put(name, bytes.clone());
    }
    disk
}

#[tokio::test]
async fn a_flipped_byte_in_the_middle_is_refused_with_its_place() {
    let whole = files().await;
    for number in 0..2 {
        let used = whole[&segment(number)].iter().rposition(|byte| *byte != 0).unwrap();
        for position in (512..used).step_by(131) {
            let mut files = whole.clone();
            files.get_mut(&segment(number)).unwrap()[position] ^= 0x10;
            let disk = disk_with(&files);
            match open(&disk) {
                Err(LogError::Damaged { file, position: found, .. }) => {
                    assert_eq!(file, Path::new("simulated").join(segment(number)));
                    assert!(found as usize <= position && position < found as usize + 4096);
                }
                other => panic!("byte {position} of segment {number}: {other:?}"),
            }
            let report = verify_on(&disk).unwrap();
            assert_eq!(
                report.damage.map(|damage| damage.file.ends_with(segment(number))),
                Some(true)
            );
        }
    }
}

#[tokio::test]
async fn a_flipped_byte_in_the_last_block_is_a_torn_tail_unless_the_log_was_closed() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    append(&log, 1..9).await;
    let mut bytes = disk.bytes(&segment(0)).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last] ^= 1;
    let torn = SimulatedDisk::new();
    torn.put(&segment(0), bytes);
    let report = verify_on(&torn).unwrap();
    assert!(report.damage.is_none() && report.torn_tail.is_some());
    assert_eq!(assert_in_order(&open(&torn).unwrap(), intents(0)).await, 8);

    log.close().unwrap();
    let mut bytes = disk.bytes(&segment(0)).unwrap();
    bytes[last] ^= 1;
    disk.put(&segment(0), bytes);
    assert!(matches!(open(&disk), Err(LogError::Damaged { .. })));
}

#[tokio::test]
async fn a_missing_segment_is_damage() {
    for missing in 0..3 {
        let mut files = files().await;
        files.remove(&segment(missing));
        match open(&disk_with(&files)) {
            Err(LogError::Damaged { file, reason, .. }) => {
                assert!(file.ends_with(segment(missing)), "{file:?}");
                assert_eq!(&*reason, "the segment is missing");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_segment_that_was_cut_short_is_damage() {
    for length in [0, 100, 512, 1_024, 20_000] {
        let mut files = files().await;
        files.get_mut(&segment(1)).unwrap().truncate(length);
        match open(&disk_with(&files)) {
            Err(LogError::Damaged { file, .. }) => assert!(file.ends_with(segment(1))),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_segment_of_another_log_is_a_mismatch() {
    let mut files = files().await;
    let other = SimulatedDisk::new();
    let genesis = Genesis { log_id: LogId::from_u128(1), ..GENESIS };
    let config = JournalConfig { genesis: Some(genesis), ..config() };
    let log = Journal::open_on(Arc::new(other.clone()), &config).unwrap();
    append(&log, 1..150).await;
    files.insert(segment(1), other.bytes(&segment(1)).unwrap());
    assert!(matches!(open(&disk_with(&files)), Err(LogError::Mismatch(_))));
    // Under the name of another segment.
    let mut files = self::files().await;
    files.insert(segment(1), files[&segment(2)].clone());
    assert!(matches!(open(&disk_with(&files)), Err(LogError::Mismatch(_))));
}

#[tokio::test]
async fn another_number_of_partitions_is_a_mismatch_that_says_both() {
    let disk = SimulatedDisk::new();
    drop(open(&disk).unwrap());
    let config = JournalConfig { partitions: 8.try_into().unwrap(), ..config() };
    match Journal::open_on(Arc::new(disk), &config) {
        Err(LogError::Mismatch(reason)) => {
            assert_eq!(&*reason, "the log was made with 3 partitions, and 8 were asked for")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn damage_under_a_running_reader_is_an_error_at_its_place() {
    let disk = SimulatedDisk::new();
    let config = JournalConfig { recent_bytes: 0, ..config() };
    let log = Journal::open_on(Arc::new(disk.clone()), &config).unwrap();
    append(&log, 1..20).await;
    let mut bytes = disk.bytes(&segment(0)).unwrap();
    bytes[2_048] ^= 1;
    disk.put(&segment(0), bytes);
    let mut reader = log.read(intents(0), Offset::ZERO).await.unwrap();
    assert!(matches!(reader.next().await, Err(LogError::Damaged { .. })));
}

#[tokio::test]
async fn verify_counts_what_is_there() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    append(&log, 1..4).await;
    let of = outcomes(1);
    log.append(of, vec![record(of, 1), record(of, 2)], Durability::Synced).await.unwrap();
    assert!(matches!(verify_on(&disk), Err(LogError::Locked(_))));
    log.close().unwrap();
    let report = verify_on(&disk).unwrap();
    assert_eq!((report.log_id, report.partitions, report.segments), (GENESIS.log_id, 3, 1));
    assert_eq!(report.blocks, 6, "genesis, four appends, the mark of closing");
    let count = |of| report.records.iter().find(|(found, _)| *found == of).unwrap().1;
    assert_eq!((count(intents(0)), count(of), count(intents(2))), (4, 3, 1));
    assert_eq!((report.torn_tail, report.damage), (None, None));
    assert!(matches!(verify_on(&SimulatedDisk::new()), Err(LogError::Mismatch(_))));
}

#[tokio::test]
async fn repair_cuts_at_the_damage_and_nowhere_else() {
    let whole = files().await;
    for (number, position) in [(0, 4_096), (1, 600), (1, 0), (2, 3)] {
        let mut files = whole.clone();
        files.get_mut(&segment(number)).unwrap()[position] ^= 0x10;
        let disk = disk_with(&files);
        let report = repair_on(&disk).unwrap();
        let kept = report.records.iter().find(|(of, _)| *of == intents(0)).unwrap().1;
        let log = open(&disk).unwrap();
        assert_eq!(assert_in_order(&log, intents(0)).await, kept);
        append(&log, kept..kept + 100).await;
        assert_eq!(assert_in_order(&log, intents(0)).await, kept + 100);
    }
    let disk = disk_with(&whole);
    assert_eq!(repair_on(&disk).unwrap(), verify_on(&disk).unwrap());
    assert_eq!(disk.operations(), 0);
}
