//! A disk that fails or is full: nothing is acknowledged on a guess, nothing refused is found.

use boxoffice_log::journal::disk::simulated::{Fault, SimulatedDisk};
use boxoffice_log::journal::{Journal, verify_on};
use boxoffice_log::{Durability, Log, LogError, LogReader};
use boxoffice_topics::Offset;
use bytes::Bytes;

use crate::lying::{Lie, open_lying};
use crate::support::{assert_in_order, intents, open, outcomes, record, try_read_from};

/// What became of one append.
#[derive(Debug, PartialEq)]
enum Answer {
    Acknowledged(Offset),
    Refused,
    Unknown,
}

/// Appends blocks until the log has gone through two segments, and returns what each became.
async fn script(log: &Journal) -> Vec<(Bytes, Answer)> {
    let of = intents(0);
    let mut answers = Vec::new();
    for number in 0..40 {
        let record = Bytes::from(vec![number as u8 + 1; 1_500]);
        let answer = match log.append(of, vec![record.clone()], Durability::Synced).await {
            Ok(offset) => Answer::Acknowledged(offset),
            Err(LogError::Full) => Answer::Refused,
            Err(LogError::Stopped(_)) => Answer::Unknown,
            Err(other) => panic!("{other:?}"),
        };
        let stopped = answers.iter().any(|(_, before)| *before == Answer::Unknown);
        assert!(!stopped || answer == Answer::Unknown, "nothing is acknowledged after a failure");
        answers.push((record, answer));
    }
    answers
}

/// A log whose operation with this number fails. Returns whether there was such an operation.
async fn fail_once(fault: Fault, operation: u64, lie: Option<Lie>) -> Result<bool, String> {
    let disk = SimulatedDisk::new();
    let log = match lie {
        None => open(&disk),
        Some(lie) => open_lying(&disk, lie),
    };
    let log = log.unwrap();
    let before = disk.operations();
    disk.disturb(Some((before + operation, fault)));
    let answers = script(&log).await;
    let durable_before = log.wait_durable(intents(0), Offset::new(1)).await;
    durable_before.expect("the genesis record was durable before");
    let disturbed = disk.operations() > before + operation;
    for image in [disk.crash(operation), disk.copy()] {
        answers_hold(&image, &answers).await?;
    }
    let is_acknowledged = |(_, answer): &(_, Answer)| matches!(answer, Answer::Acknowledged(_));
    if fault == Fault::Short && !answers.iter().all(is_acknowledged) {
        return Err("a short write is no failure".to_owned());
    }
    Ok(disturbed)
}

#[tokio::test]
async fn no_failing_operation_leads_to_a_false_acknowledgement() {
    for fault in [Fault::Io, Fault::Full, Fault::Short] {
        for operation in 0.. {
            let held = fail_once(fault, operation, None).await;
            if !held.unwrap_or_else(|error| panic!("{fault:?} {operation}: {error}")) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_failure_that_nobody_is_told_of_is_found_by_the_same_check() {
    let mut found = 0;
    for operation in 0.. {
        match fail_once(Fault::Io, operation, Some(Lie::Success)).await {
            Ok(true) => (),
            Ok(false) => break,
            Err(_) => found += 1,
        }
    }
    assert!(found > 0, "a failure that is hidden loses nothing");
}

/// Every answer is true of the image.
async fn answers_hold(image: &SimulatedDisk, answers: &[(Bytes, Answer)]) -> Result<(), String> {
    let log = open(image).map_err(|error| error.to_string())?;
    let found = try_read_from(&log, intents(0), 0).await?;
    for (record, answer) in answers {
        match answer {
            Answer::Acknowledged(offset) => {
                if found.get(offset.number() as usize) != Some(record) {
                    return Err(format!("lost {offset}"));
                }
            }
            Answer::Refused if found.contains(record) => {
                return Err("refused, yet there".to_owned());
            }
            Answer::Refused | Answer::Unknown => (),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_sync_stops_the_log_for_good() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    let of = intents(0);
    log.append(of, vec![record(of, 1)], Durability::Synced).await.unwrap();
    let mut reader = log.read(of, Offset::new(1)).await.unwrap();
    disk.disturb(Some((disk.operations() + 1, Fault::Io)));
    let failed = log.append(of, vec![record(of, 2)], Durability::Synced).await;
    assert!(matches!(failed, Err(LogError::Stopped(_))), "{failed:?}");
    disk.disturb(None);
    for durability in [Durability::Synced, Durability::Written] {
        let later = log.append(of, vec![record(of, 2)], durability).await;
        assert!(matches!(later, Err(LogError::Stopped(_))), "{later:?}");
    }
    assert!(matches!(log.end(of).await, Err(LogError::Stopped(_))));
    log.wait_durable(of, Offset::new(2)).await.unwrap();
    assert!(matches!(log.wait_durable(of, Offset::new(3)).await, Err(LogError::Stopped(_))));
    assert_eq!(reader.next().await.unwrap().records, [record(of, 1)]);
    assert!(matches!(reader.next().await, Err(LogError::Stopped(_))));
    assert!(matches!(log.close(), Err(LogError::Stopped(_))));
    drop(log);
    assert_eq!(assert_in_order(&open(&disk.crash(1)).unwrap(), of).await, 2);
}

#[tokio::test]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    disk.limit(Some(70_000));
    let of = intents(0);
    let mut next = 1;
    loop {
        match log.append(of, vec![record(of, next)], Durability::Synced).await {
            Ok(offset) => assert_eq!(offset.number(), next),
            Err(error) => {
                assert!(matches!(error, LogError::Full) && error.is_retriable());
                break;
            }
        }
        next += 1;
    }
    // What needs no room goes on.
    log.wait_durable(of, Offset::new(next)).await.unwrap();
    assert_eq!(log.append(of, Vec::new(), Durability::Synced).await.unwrap().number(), next);
    assert_eq!(assert_in_order(&log, of).await, next);
    let again = log.append(outcomes(0), vec![record(outcomes(0), 1)], Durability::Written).await;
    assert!(matches!(again, Err(LogError::Full)));
    assert_eq!(assert_in_order(&open(&disk.crash(3)).unwrap(), of).await, next);

    disk.limit(None);
    for number in next..next + 100 {
        let offset = log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
        assert_eq!(offset.number(), number);
    }
    drop(log);
    assert_eq!(assert_in_order(&open(&disk).unwrap(), of).await, next + 100);
}

#[tokio::test]
async fn readers_see_records_before_the_sync_and_nobody_is_answered() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    let of = intents(1);
    let mut reader = log.read(of, Offset::new(1)).await.unwrap();
    disk.hold_syncs();
    let append = tokio::spawn({
        let log = log.clone();
        async move { log.append(of, vec![record(of, 1)], Durability::Synced).await }
    });
    let durable = tokio::spawn({
        let log = log.clone();
        async move { log.wait_durable(of, Offset::new(2)).await }
    });
    assert_eq!(reader.next().await.unwrap().records, [record(of, 1)]);
    disk.wait_for_held_sync();
    tokio::task::yield_now().await;
    assert!(!append.is_finished() && !durable.is_finished());
    disk.let_syncs_go();
    append.await.unwrap().unwrap();
    durable.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_comes_during_a_sync_is_one_block() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    let append = |partition, number| {
        let (log, of) = (log.clone(), intents(partition));
        tokio::spawn(async move {
            log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
        })
    };
    disk.hold_syncs();
    let first = append(0, 1);
    tokio::task::yield_now().await;
    disk.wait_for_held_sync();
    let others: Vec<_> = (0..50).map(|number| append(number % 3, 1)).collect();
    tokio::task::yield_now().await;
    disk.let_syncs_go();
    first.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    log.close().unwrap();
    let blocks = verify_on(&disk).unwrap().blocks;
    assert_eq!(blocks, 4, "genesis, the first, all the others, the mark of closing");
}

#[tokio::test]
async fn an_append_that_nobody_waits_for_is_kept() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    let of = intents(0);
    disk.hold_syncs();
    let append = tokio::spawn({
        let log = log.clone();
        async move { log.append(of, vec![record(of, 1)], Durability::Synced).await }
    });
    tokio::task::yield_now().await;
    disk.wait_for_held_sync();
    append.abort();
    disk.let_syncs_go();
    log.wait_durable(of, Offset::new(2)).await.unwrap();
    assert_eq!(assert_in_order(&log, of).await, 2);
}

#[tokio::test]
async fn an_append_that_can_never_fit_is_refused() {
    let disk = SimulatedDisk::new();
    let log = open(&disk).unwrap();
    let huge = vec![Bytes::from(vec![1; 8_192])];
    let refused = log.append(intents(0), huge, Durability::Synced).await;
    assert!(matches!(refused, Err(LogError::TooLarge { limit: 8_192, .. })), "{refused:?}");
}
