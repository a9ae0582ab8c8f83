//! Whatever is lost with the power, the next process comes to the same outcomes.

use std::sync::Arc;

use boxoffice_log::{Durability, Log};
use boxoffice_topics::{Offset, Step};
use bytes::Bytes;

use super::lying::{Lie, LyingLog};
use super::world::{
    Node, after_genesis, intents, is_held, log_with, new_log, outcomes, published_steps, quiet,
    recover_in, script, settle,
};
use crate::Error;
use crate::replay;

/// Appends a hold and looks what comes out of the partition before the hold is durable.
async fn release_before_durability(lie: Lie) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let mut node = Node::start(&LyingLog { log: log.clone(), lie }, folder.path(), quiet()).await;
    let records = script();
    node.ask(&records[..2]).await;
    settle().await;
    log.hold_back();
    let (writer, batch) = (node.log.clone(), vec![records[2].clone()]);
    let appending =
        tokio::spawn(async move { writer.append(intents(), batch, Durability::Synced).await });
    settle().await;
    assert_eq!(log.records(intents()).len(), 4, "written");
    if appending.is_finished() {
        return Err("not durable, and acknowledged".to_owned());
    }
    if node.released.try_recv().is_ok() {
        return Err("not durable, and released".to_owned());
    }
    if log.records(outcomes()).len() != 3 {
        return Err("not durable, and published".to_owned());
    }
    log.let_through();
    assert!(is_held(&node.released.recv().await.unwrap()));
    appending.await.unwrap().unwrap();
    let finished = node.finish().await;
    assert_eq!(finished.next, Offset::new(4));
    assert_eq!(log.records(outcomes()).len(), 4);
    Ok(())
}

#[tokio::test]
async fn nothing_is_released_before_its_intent_is_durable() {
    release_before_durability(Lie::Nothing).await.unwrap();
}

#[tokio::test]
async fn a_log_that_lies_about_durability_is_found_by_the_same_check() {
    let early = release_before_durability(Lie::WaitDurable).await;
    assert_eq!(early, Err("not durable, and released".to_owned()));
    let early = release_before_durability(Lie::Append).await;
    assert_eq!(early, Err("not durable, and acknowledged".to_owned()));
}

/// Where the power goes.
#[derive(Clone, Copy, Debug)]
struct Crash {
    /// Records that were asked and answered.
    before: usize,
    /// Whether the next one is lost before it was durable. If not, it is durable and nothing
    /// has come of it.
    is_lost: bool,
}

/// The outcomes of the script without a crash.
async fn undisturbed(records: &[Bytes]) -> Vec<Bytes> {
    let (log, folder) = (new_log(), tempfile::tempdir().unwrap());
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    node.ask(records).await;
    node.finish().await;
    after_genesis(&log, outcomes())
}

/// Runs the script with a crash in it, and says what is not as it would have been without.
async fn crash_in_the_script(crash: Crash, lie: Lie, expected: &[Bytes]) -> Result<(), String> {
    let records = script();
    let folder = tempfile::tempdir().unwrap();
    let lying = LyingLog { log: new_log(), lie };
    let mut node = Node::start(&lying, folder.path(), quiet()).await;
    let mut acknowledged = node.ask(&records[..crash.before]).await.len();
    if crash.is_lost {
        lying.log.hold_back();
        let (writer, batch) = (lying.clone(), vec![records[crash.before].clone()]);
        let appending =
            tokio::spawn(async move { writer.append(intents(), batch, Durability::Synced).await });
        settle().await;
        acknowledged += usize::from(appending.is_finished());
    }
    let mut released = Vec::new();
    while let Ok(step) = node.released.try_recv() {
        released.push(step);
    }
    let log = lying.log.crash();
    assert!(matches!(node.failed().await, Error::Log(_)));
    nothing_promised_is_lost(after_genesis(&log, intents()).len(), acknowledged, &released)?;
    let mut next = crash.before;
    if !crash.is_lost {
        let batch = vec![records[next].clone()];
        log.append(intents(), batch, Durability::Synced).await.unwrap();
        next += 1;
    }
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    if node.released.try_recv().is_ok() {
        return Err("what was decided is released again".to_owned());
    }
    let steps = node.ask(&records[next..]).await;
    let offsets: Vec<u64> = steps.iter().map(|step| step.offset.number()).collect();
    if !offsets.iter().copied().eq(next as u64 + 1..=records.len() as u64) {
        return Err(format!("each step is released once, not {offsets:?}"));
    }
    node.finish().await;
    if after_genesis(&log, outcomes()) != expected {
        return Err("other outcomes than without the crash".to_owned());
    }
    Ok(())
}

/// Whoever was told of something finds it again.
fn nothing_promised_is_lost(
    kept: usize,
    acknowledged: usize,
    released: &[Arc<Step>],
) -> Result<(), String> {
    if kept < acknowledged {
        return Err(format!("{acknowledged} were acknowledged, {kept} are there"));
    }
    match released.iter().find(|step| step.offset.number() > kept as u64) {
        Some(step) => Err(format!("{} was released and is gone", step.offset)),
        None => Ok(()),
    }
}

#[tokio::test]
async fn a_crash_at_any_point_leads_to_the_same_outcomes() {
    let records = script();
    let expected = undisturbed(&records).await;
    assert_eq!(expected.len(), records.len());
    for before in 0..records.len() {
        for is_lost in [true, false] {
            let crash = Crash { before, is_lost };
            let found = crash_in_the_script(crash, Lie::Nothing, &expected).await;
            found.unwrap_or_else(|error| panic!("{crash:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn a_crash_of_a_log_that_lied_is_found_at_every_point() {
    let records = script();
    let expected = undisturbed(&records).await;
    for before in 0..records.len() {
        for lie in [Lie::Append, Lie::WaitDurable] {
            let crash = Crash { before, is_lost: true };
            crash_in_the_script(crash, lie, &expected).await.unwrap_err();
        }
    }
}

#[tokio::test]
async fn another_outcome_than_before_the_crash_is_found() {
    let mut expected = undisturbed(&script()).await;
    expected.swap(2, 3);
    let crash = Crash { before: 4, is_lost: false };
    let found = crash_in_the_script(crash, Lie::Nothing, &expected).await;
    assert_eq!(found, Err("other outcomes than without the crash".to_owned()));
}

#[tokio::test]
async fn what_was_not_published_is_published_by_recovery() {
    let records = script();
    let log = log_with(&records, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let recovered = recover_in(&log, folder.path()).await.unwrap();
    assert_eq!((recovered.decided, recovered.published), (8, 8));
    assert_eq!(recovered.next(), Offset::new(9));
    let again = recover_in(&log, folder.path()).await.unwrap();
    assert_eq!((again.decided, again.published, again.chain), (8, 0, recovered.chain));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_halt() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    let steps = node.ask(&script()).await;
    assert!(steps[4].outcomes.is_empty() && steps[4].intent.is_none());
    assert_eq!(steps[4].now, steps[3].now);
    assert!(steps[5].reply().is_some());
    node.finish().await;
    let report = replay::verify(&log, super::world::partition(), |_| ()).await.unwrap();
    assert!(report.is_identical(), "{report:?}");
    assert_eq!((report.records, report.quarantined, report.unpublished), (8, 1, 0));
    assert_eq!(published_steps(&log).len(), 8);
}

#[tokio::test]
async fn a_log_that_fails_stops_the_partition() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let node = Node::start(&log, folder.path(), quiet()).await;
    log.stop("the disk has gone");
    let error = node.failed().await;
    assert_eq!(error.to_string(), "the log failed: the log has stopped: the disk has gone");
    assert!(!error.is_retriable());
}
