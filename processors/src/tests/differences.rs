//! What was published and what is decided now must be the same.

use boxoffice_topics::envelope::{ChainHash, Envelope, PREFIX_BYTES, step_to_record};
use boxoffice_topics::{LogId, Offset, Step};
use bytes::Bytes;

use super::world::{
    Node, log_with, new_log, partition, published_steps, quiet, recover_in, script,
};
use crate::{Error, replay};

pub(super) async fn published() -> Vec<Step> {
    let (log, folder) = (new_log(), tempfile::tempdir().unwrap());
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    node.ask(&script()).await;
    node.finish().await;
    published_steps(&log)
}

pub(super) fn encode(log_id: LogId, steps: &[Step]) -> Vec<Bytes> {
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
    let mut records = encode(LogId::from_u128(0xb0), &published().await);
    let (honest, other) = (records[7].clone(), records[6].clone());
    let header = Envelope::open(&honest).unwrap().header;
    let payload = Envelope::open(&other).unwrap().payload;
    let mut forged = [&honest[..PREFIX_BYTES], header, payload].concat();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&forged[..8]), &forged[PREFIX_BYTES..]);
    forged[8..12].copy_from_slice(&checksum.to_le_bytes());
    records[7] = forged.into();
    let log = log_with(&script(), &records).await;
    let error = recover_in(&log, tempfile::tempdir().unwrap().path()).await.unwrap_err();
    let Error::Diverged { offset, published, decided, .. } = error else { panic!("{error}") };
    assert_eq!(offset, Offset::new(8));
    assert_ne!(published, decided);
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
