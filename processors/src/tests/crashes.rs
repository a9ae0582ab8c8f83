//! Whatever is lost with the power, the next process comes to the same outcomes.

use boxoffice_log::{Durability, Log};
use boxoffice_topics::Offset;

use super::world::{
    Node, after_genesis, intents, is_held, log_with, new_log, outcomes, published_steps, quiet,
    recover_in, script, settle,
};
use crate::Error;
use crate::replay;

#[tokio::test]
async fn nothing_is_released_before_its_intent_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    let records = script();
    node.ask(&records[..2]).await;
    settle().await;
    log.hold_back();
    let (writer, batch) = (log.clone(), vec![records[2].clone()]);
    let appending =
        tokio::spawn(async move { writer.append(intents(), batch, Durability::Synced).await });
    settle().await;
    assert_eq!(log.records(intents()).len(), 4, "written");
    assert!(node.released.try_recv().is_err(), "not durable, so not released");
    assert_eq!(log.records(outcomes()).len(), 3, "not durable, so not published");
    log.let_through();
    assert!(is_held(&node.released.recv().await.unwrap()));
    appending.await.unwrap().unwrap();
    let finished = node.finish().await;
    assert_eq!(finished.next, Offset::new(4));
    assert_eq!(log.records(outcomes()).len(), 4);
}

#[tokio::test]
async fn a_crash_at_any_point_leads_to_the_same_outcomes() {
    let records = script();
    let expected = {
        let (log, folder) = (new_log(), tempfile::tempdir().unwrap());
        let mut node = Node::start(&log, folder.path(), quiet()).await;
        node.ask(&records).await;
        node.finish().await;
        after_genesis(&log, outcomes())
    };
    assert_eq!(expected.len(), records.len());
    for before in 0..records.len() {
        // Lost before it was durable; durable and not decided; durable, and published or not.
        for lost in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let log = new_log();
            let mut node = Node::start(&log, folder.path(), quiet()).await;
            node.ask(&records[..before]).await;
            if lost {
                log.hold_back();
                let (writer, batch) = (log.clone(), vec![records[before].clone()]);
                tokio::spawn(
                    async move { writer.append(intents(), batch, Durability::Synced).await },
                );
                settle().await;
            }
            let log = log.crash();
            assert!(matches!(node.failed().await, Error::Log(_)));
            let mut next = before;
            if !lost {
                let batch = vec![records[before].clone()];
                log.append(intents(), batch, Durability::Synced).await.unwrap();
                next += 1;
            }
            let mut node = Node::start(&log, folder.path(), quiet()).await;
            assert!(node.released.try_recv().is_err(), "what was decided is not released again");
            let steps = node.ask(&records[next..]).await;
            let offsets: Vec<u64> = steps.iter().map(|step| step.offset.number()).collect();
            let expected_offsets: Vec<u64> = (next as u64 + 1..=records.len() as u64).collect();
            assert_eq!(offsets, expected_offsets, "each step is released once");
            node.finish().await;
            assert_eq!(after_genesis(&log, outcomes()), expected, "{before} {lost}");
        }
    }
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
