//! Who follows a partition sees what its owner sees.

use std::sync::Arc;

use boxoffice_core::apply;
use boxoffice_log::memory::MemoryLog;
use boxoffice_log::{Durability, Log};
use boxoffice_topics::{LogId, Offset, Step};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::differences::{encode, published};
use super::world::{
    Node, Released, after_genesis, log_with, new_log, outcomes, partition, quiet, recover_in,
    script, settle,
};
use crate::{Checkpoints, Error, Finished, Followed, Follower, follow};

async fn follow_in(
    log: &MemoryLog,
    folder: &std::path::Path,
) -> Result<Followed<MemoryLog>, Error> {
    follow(log, partition(), &Checkpoints::new(folder), |_| ()).await
}

/// A follower that goes on.
struct Watcher {
    released: mpsc::Receiver<Arc<Step>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Finished, Error>>,
}

impl Watcher {
    fn start(follower: Follower<MemoryLog>) -> Self {
        let (sender, released) = mpsc::channel(4_096);
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(follower.run(Released(sender), stopped));
        Self { released, stop, task }
    }
}

#[tokio::test]
async fn a_follower_beside_an_owner_has_its_state_and_its_steps() {
    let (log, folder) = (new_log(), tempfile::tempdir().unwrap());
    let records = script();
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    node.ask(&records[..3]).await;
    settle().await;
    let Followed { mut state, snapshot, follower } = follow_in(&log, folder.path()).await.unwrap();
    assert_eq!((snapshot, state.next_offset()), (None, Offset::new(4)));
    let mut watcher = Watcher::start(follower);
    for step in node.ask(&records[3..]).await {
        let seen = watcher.released.recv().await.unwrap();
        assert_eq!(seen, step);
        apply(&mut state, &seen);
    }
    let finished = node.finish().await;
    watcher.stop.send(()).unwrap();
    assert_eq!(watcher.task.await.unwrap().unwrap(), finished);
    let recovered = recover_in(&log, folder.path()).await.unwrap();
    assert!(state.to_snapshot() == recovered.state.to_snapshot());
}

#[tokio::test]
async fn a_follower_begins_with_the_newest_snapshot_that_fits() {
    let (log, folder) = (new_log(), tempfile::tempdir().unwrap());
    let records = script();
    for part in [&records[..3], &records[3..6]] {
        let mut node = Node::start(&log, folder.path(), quiet()).await;
        node.ask(part).await;
        node.finish().await;
    }
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    node.ask(&records[6..]).await;
    settle().await;
    let followed = follow_in(&log, folder.path()).await.unwrap();
    assert_eq!(followed.snapshot, Some(Offset::new(7)));
    let nothing = tempfile::tempdir().unwrap();
    let from_zero = follow_in(&log, nothing.path()).await.unwrap();
    assert_eq!(from_zero.snapshot, None);
    assert!(followed.state.to_snapshot() == from_zero.state.to_snapshot());
    node.finish().await;
    // The steps that the newer two snapshots know have not come out yet.
    let (asked, published) =
        (after_genesis(&log, super::world::intents()), after_genesis(&log, outcomes()));
    let behind = log_with(&asked, &published[..4]).await;
    let followed = follow_in(&behind, folder.path()).await.unwrap();
    assert_eq!((followed.snapshot, followed.state.next_offset()), (None, Offset::new(5)));
}

/// What a follower says that begins with these records, and one that has them come one by one.
async fn both_ways(records: &[Bytes]) -> [Error; 2] {
    let nothing = tempfile::tempdir().unwrap();
    let log = log_with(&script(), records).await;
    let at_once = follow_in(&log, nothing.path()).await.unwrap_err();
    let log = log_with(&script(), &[]).await;
    let followed = follow_in(&log, nothing.path()).await.unwrap();
    let watcher = Watcher::start(followed.follower);
    for record in records {
        log.append(outcomes(), vec![record.clone()], Durability::Written).await.unwrap();
    }
    let later = watcher.task.await.unwrap().unwrap_err();
    assert_eq!(at_once.to_string(), later.to_string());
    [at_once, later]
}

#[tokio::test]
async fn what_is_not_one_chain_of_steps_of_the_log_is_an_error() {
    let (steps, log_id) = (published().await, LogId::from_u128(0xb0));
    let right = encode(log_id, &steps);
    let mut hole = right.clone();
    hole.remove(3);
    for error in both_ways(&hole).await {
        let Error::OffsetUnexpected { expected, found, .. } = error else { panic!("{error}") };
        assert_eq!((expected, found), (Offset::new(4), Offset::new(5)));
    }
    let mut other_steps = steps.clone();
    other_steps[1].outcomes.clear();
    let mut other_chain = right.clone();
    other_chain[4..].clone_from_slice(&encode(log_id, &other_steps)[4..]);
    for error in both_ways(&other_chain).await {
        let Error::ChainBroken { offset, expected, found, .. } = &error else { panic!("{error}") };
        assert_eq!(*offset, Offset::new(5));
        assert!(error.to_string().ends_with(&expected.to_string()));
        assert!(error.to_string().contains(&found.to_string()));
    }
    let foreign = encode(LogId::from_u128(0xb1), &steps);
    for error in both_ways(&foreign).await {
        assert!(matches!(error, Error::OtherLog { .. }), "{error}");
    }
    let mut unreadable = right;
    unreadable[2] = Bytes::from_static(b"not a step");
    for error in both_ways(&unreadable).await {
        let Error::Unreadable { offset, .. } = error else { panic!("{error}") };
        assert_eq!(offset, Offset::new(3));
    }
}
