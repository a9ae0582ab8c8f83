//! What was published and what is decided now must be the same.

use boxoffice_topics::envelope::{ChainHash, step_to_record};
use boxoffice_topics::{LogId, Offset, Step};
use bytes::Bytes;

use super::world::{
    Node, after_genesis, log_with, new_log, outcomes, partition, published_steps, quiet,
    recover_in, script,
};
use crate::{Error, replay};

async fn published() -> Vec<Step> {
    let (log, folder) = (new_log(), tempfile::tempdir().unwrap());
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    node.ask(&script()).await;
    node.finish().await;
    published_steps(&log)
}

fn encode(log_id: LogId, steps: &[Step]) -> Vec<Bytes> {
    let mut chain = ChainHash::of_log(log_id);
    let mut encode = |step| {
        let (record, after) = step_to_record(log_id, 3, chain, step, &mut Vec::new());
        chain = after;
        Bytes::from(record)
    };
    steps.iter().map(&mut encode).collect()
}

#[tokio::test]
async fn an_outcome_that_differs_stops_the_partition_with_both_hashes() {
    let mut steps = published().await;
    let log_id = LogId::from_u128(0xb0);
    let folder = tempfile::tempdir().unwrap();
    let log = log_with(&script(), &encode(log_id, &steps)).await;
    recover_in(&log, folder.path()).await.expect("another epoch is no difference");
    steps[3].outcomes.clear();
    let log = log_with(&script(), &encode(log_id, &steps)).await;
    let error = recover_in(&log, folder.path()).await.unwrap_err();
    let Error::Diverged { offset, published, decided, .. } = &error else { panic!("{error}") };
    assert_eq!(*offset, Offset::new(4));
    assert_ne!(published, decided);
    let text = error.to_string();
    assert!(text.contains(&published.to_string()) && text.contains(&decided.to_string()));

    let report = replay::verify(&log, partition(), |_| ()).await.unwrap();
    let difference = report.first_difference.unwrap();
    assert_eq!(difference.offset, Offset::new(4));
    assert_eq!(difference.reason, text);
    assert!(difference.published.contains("outcomes: []"), "{}", difference.published);
    assert!(difference.decided.contains("Held"), "{}", difference.decided);
}

#[tokio::test]
async fn a_payload_that_differs_under_the_right_hash_is_found() {
    let steps = published().await;
    let records = {
        let log = log_with(&script(), &[]).await;
        recover_in(&log, tempfile::tempdir().unwrap().path()).await.unwrap();
        after_genesis(&log, outcomes())
    };
    let mut forged = steps[7].clone();
    forged.outcomes.clear();
    let honest = encode(LogId::from_u128(0xb0), &steps);
    assert_eq!(honest.len(), records.len());
    // The hash before the last step with the payload of another step.
    let (_, before) = steps[..7].iter().fold(
        (Vec::new(), ChainHash::of_log(LogId::from_u128(0xb0))),
        |(_, chain), step| {
            step_to_record(LogId::from_u128(0xb0), 0, chain, step, &mut Vec::new())
        },
    );
    let (forged, _) =
        step_to_record(LogId::from_u128(0xb0), 0, before, &forged, &mut Vec::new());
    let mut published = records;
    published[7] = forged.into();
    let log = log_with(&script(), &published).await;
    let error = recover_in(&log, tempfile::tempdir().unwrap().path()).await.unwrap_err();
    assert!(matches!(error, Error::Diverged { offset, .. } if offset == Offset::new(8)));
}

#[tokio::test]
async fn outcomes_without_intents_stop_the_partition() {
    let records = encode(LogId::from_u128(0xb0), &published().await);
    let log = log_with(&script()[..6], &records).await;
    let folder = tempfile::tempdir().unwrap();
    let error = recover_in(&log, folder.path()).await.unwrap_err();
    let expected = "partition 0: outcomes end at 9, after the intents at 7";
    assert_eq!(error.to_string(), expected);
    let report = replay::verify(&log, partition(), |_| ()).await.unwrap();
    assert_eq!(report.first_difference.unwrap().offset, Offset::new(7));
}

#[tokio::test]
async fn outcomes_of_another_log_stop_the_partition() {
    let other = LogId::from_u128(0xbad);
    let log = log_with(&script(), &encode(other, &published().await)).await;
    let folder = tempfile::tempdir().unwrap();
    let error = recover_in(&log, folder.path()).await.unwrap_err();
    assert!(matches!(error, Error::OtherLog { found, .. } if found == other), "{error}");
}

#[tokio::test]
async fn a_replay_from_zero_is_identical() {
    let (log, folder) = (new_log(), tempfile::tempdir().unwrap());
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    node.ask(&script()).await;
    let finished = node.finish().await;
    let mut last = None;
    let report = replay::verify(&log, partition(), |progress| last = Some(progress)).await.unwrap();
    assert!(report.is_identical());
    assert_eq!(report.chain, finished.chain);
    assert_eq!(last.unwrap().next, finished.next);
}
