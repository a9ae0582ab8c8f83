//! Whatever a crash keeps of what was not synced: everything acknowledged is there, and what is
//! there is a beginning of what was appended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use boxoffice_log::journal::Journal;
use boxoffice_log::journal::disk::simulated::{Fault, SimulatedDisk};
use boxoffice_log::{Durability, Log, LogError, LogReader};
use boxoffice_topics::Offset;

use crate::lying::{Lie, open_lying};
use crate::support::{assert_in_order, config, in_order, intents, open, outcomes, record};

/// Crash images, each opened again.
const IMAGES: u64 = 400;
/// Crash images of each planted bug: one that is found in a few of these is found in the end.
const PLANTED_IMAGES: u64 = 100;
/// Appends of each of the writers that are crashed in the middle of their work.
const APPENDS: u64 = 250;

/// What is wrong on purpose, so that the checks show that they find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    Nothing,
    /// The disk below the log lies.
    Disk(Lie),
    /// The log acknowledges what is written and not synced.
    EarlyAnswer,
}

impl Planted {
    fn open(self, disk: &SimulatedDisk) -> Result<Journal, LogError> {
        match self {
            Self::Disk(lie) => open_lying(disk, lie),
            Self::Nothing | Self::EarlyAnswer => open(disk),
        }
    }

    /// What is asked for where an acknowledgement shall mean that the record is on the disk.
    const fn synced(self) -> Durability {
        match self {
            Self::EarlyAnswer => Durability::Written,
            Self::Nothing | Self::Disk(_) => Durability::Synced,
        }
    }
}

async fn append_some(log: &Journal, rounds: u64, from: u64) -> [u64; 3] {
    append_with(log, rounds, from, Planted::Nothing).await
}

/// Appends to three partitions and returns how much of each was acknowledged as synced.
async fn append_with(log: &Journal, rounds: u64, from: u64, planted: Planted) -> [u64; 3] {
    let mut acknowledged = [from; 3];
    for round in from..from + rounds {
        let places = [intents(0), intents(1), outcomes(0)];
        for (of, acknowledged) in places.into_iter().zip(&mut acknowledged) {
            let synced = of != outcomes(0) && round % 2 == 0;
            let durability = if synced { planted.synced() } else { Durability::Written };
            log.append(of, vec![record(of, round)], durability).await.unwrap();
            if synced {
                *acknowledged = round + 1;
            }
        }
    }
    acknowledged
}

async fn assert_kept(log: &Journal, acknowledged: [u64; 3]) -> [u64; 3] {
    kept(log, acknowledged).await.unwrap()
}

/// Where the partitions end, when everything acknowledged is there and in its place.
async fn kept(log: &Journal, acknowledged: [u64; 3]) -> Result<[u64; 3], String> {
    let mut ends = [0; 3];
    let places = [intents(0), intents(1), outcomes(0)];
    for ((of, acknowledged), end) in places.into_iter().zip(acknowledged).zip(&mut ends) {
        *end = in_order(log, of).await?;
        if *end < acknowledged {
            return Err(format!("{of}: {end} of {acknowledged}"));
        }
    }
    Ok(ends)
}

/// A log that lives, loses its power and is opened again, twice.
async fn two_crashes(seed: u64, planted: Planted) -> Result<(), String> {
    let text = |error: LogError| error.to_string();
    let disk = SimulatedDisk::new();
    let log = planted.open(&disk).map_err(text)?;
    let acknowledged = append_with(&log, 1 + seed % 90, 1, planted).await;
    let torn = disk.crash(seed);
    let log = open(&torn).map_err(text)?;
    let ends = kept(&log, acknowledged).await?;
    // What was found is durable, and the log goes on.
    let of = intents(0);
    log.wait_durable(of, Offset::new(ends[0])).await.map_err(text)?;
    let next = vec![record(of, ends[0])];
    let offset = log.append(of, next, Durability::Synced).await.map_err(text)?;
    if offset.number() != ends[0] {
        return Err(format!("{of} ends at {}, and goes on at {offset}", ends[0]));
    }
    let again = open(&torn.crash(seed + 1)).map_err(text)?;
    kept(&again, [ends[0] + 1, ends[1], ends[2]]).await.map(drop)
}

#[tokio::test]
async fn any_part_of_what_was_not_synced_may_be_lost() {
    for seed in 0..IMAGES {
        let found = two_crashes(seed, Planted::Nothing).await;
        found.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[tokio::test]
async fn a_disk_that_lies_and_an_early_answer_are_found_by_the_same_crashes() {
    let lies = [Lie::Sync, Lie::SyncDirectory, Lie::Write].map(Planted::Disk);
    for planted in lies.into_iter().chain([Planted::EarlyAnswer]) {
        let mut found = 0;
        for seed in 0..PLANTED_IMAGES {
            found += u64::from(two_crashes(seed, planted).await.is_err());
        }
        assert!(found > PLANTED_IMAGES / 10, "{planted:?} is found in {found} crashes");
    }
}

/// Three writers that are crashed in the middle of their work, again and again. What was
/// acknowledged before each crash must be in its image.
async fn crashes_in_the_middle_of_work(planted: Planted) -> Result<(), String> {
    let text = |error: LogError| error.to_string();
    let disk = SimulatedDisk::new();
    let log = planted.open(&disk).map_err(text)?;
    let acknowledged: Arc<[AtomicU64; 3]> = Arc::default();
    let writers: Vec<_> = (0..3u16)
        .map(|partition| {
            let (log, acknowledged) = (log.clone(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let of = intents(partition);
                for number in 1..=APPENDS {
                    let append = log.append(of, vec![record(of, number)], planted.synced());
                    append.await.unwrap();
                    acknowledged[usize::from(partition)].store(number + 1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for seed in 0..IMAGES / 8 {
        let before: Vec<u64> =
            acknowledged.iter().map(|number| number.load(Ordering::SeqCst)).collect();
        let image = open(&disk.crash(seed)).map_err(|error| format!("seed {seed}: {error}"))?;
        for (partition, before) in (0..3).zip(before) {
            let end = in_order(&image, intents(partition)).await?;
            if end < before {
                return Err(format!("seed {seed}: {end} of {before}"));
            }
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_the_middle_of_work_loses_nothing_acknowledged() {
    crashes_in_the_middle_of_work(Planted::Nothing).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_does_nothing_is_found_in_the_middle_of_work() {
    crashes_in_the_middle_of_work(Planted::Disk(Lie::Sync)).await.unwrap_err();
}

#[tokio::test]
async fn a_record_that_is_missing_repeated_or_foreign_is_found() {
    let of = intents(0);
    for numbers in [[1, 3], [1, 1], [2, 1]] {
        let log = open(&SimulatedDisk::new()).unwrap();
        for number in numbers {
            log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
        }
        in_order(&log, of).await.unwrap_err();
    }
    let log = open(&SimulatedDisk::new()).unwrap();
    log.append(of, vec![record(intents(1), 1)], Durability::Synced).await.unwrap();
    in_order(&log, of).await.unwrap_err();
}

#[tokio::test]
async fn the_tail_may_be_cut_at_any_byte() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    append_some(&log, 6, 1).await;
    let name = "segment-0000000000";
    let whole = disk.bytes(name).unwrap();
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut before = [0; 3];
    for cut in 1_536..=end {
        let mut bytes = whole.clone();
        bytes[cut..].fill(0);
        let torn = SimulatedDisk::new();
        torn.put(name, bytes);
        let log = open(&torn).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        let ends = assert_kept(&log, before).await;
        before = ends;
    }
    assert_eq!(before, [7; 3]);
}

#[tokio::test]
async fn recovery_may_crash_too() {
    for seed in 0..60 {
        let disk = SimulatedDisk::new();
        let log = open(&disk).unwrap();
        let acknowledged = append_some(&log, 10 + seed, 1).await;
        let torn = disk.crash(seed);
        for operation in 0.. {
            let half = torn.crash(seed);
            half.disturb(Some((operation, Fault::Io)));
            let opened = open(&half);
            let again = half.crash(operation);
            drop(opened);
            let log = open(&again).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_kept(&log, acknowledged).await;
            if half.operations() <= operation {
                break;
            }
        }
    }
}

#[tokio::test]
async fn making_a_log_may_crash_too() {
    for operation in 0..40 {
        for seed in 0..8 {
            let disk = SimulatedDisk::new();
            disk.disturb(Some((operation, Fault::Io)));
            drop(open(&disk));
            let log = open(&disk.crash(seed)).unwrap();
            assert_eq!(assert_in_order(&log, outcomes(2)).await, 1);
        }
    }
}

#[tokio::test]
async fn a_log_that_was_closed_is_found_whole() {
    let disk = SimulatedDisk::new();
    let mut from = 1;
    for _ in 0..5 {
        let log = open(&disk).unwrap();
        append_some(&log, 40, from).await;
        from += 40;
        let mut reader = log.read(intents(0), Offset::new(from)).await.unwrap();
        log.close().unwrap();
        log.close().unwrap();
        assert!(matches!(reader.next().await, Err(LogError::Stopped(_))));
        let after =
            log.append(intents(0), vec![record(intents(0), from)], Durability::Synced).await;
        assert!(matches!(after, Err(LogError::Stopped(_))));
        // Written records are synced by closing.
        let log = open(&disk.crash(from)).unwrap();
        assert_kept(&log, [from; 3]).await;
    }
}

#[tokio::test]
async fn the_last_handle_that_is_dropped_closes_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let config = boxoffice_log::journal::JournalConfig { dir: dir.path().into(), ..config() };
    let log = Journal::open(&config).unwrap();
    let clone = log.clone();
    drop(log);
    assert!(
        matches!(Journal::open(&config), Err(LogError::Locked(path)) if path == dir.path().join(""))
    );
    append_some(&clone, 5, 1).await;
    drop(clone);
    let log = Journal::open(&config).unwrap();
    assert_kept(&log, [6; 3]).await;
}
