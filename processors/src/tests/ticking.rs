//! Time passes by records.

use std::time::Duration;

use boxoffice_log::{Durability, Log};
use boxoffice_topics::{Offset, Outcome};
use bytes::Bytes;

use super::world::{
    HOLD_TTL_MS, Node, create, hold, hold_at, intents, is_held, new_log, open, outcomes, quiet,
    record, recover_in, settle,
};
use crate::Config;

#[tokio::test(start_paused = true)]
async fn a_hold_expires_by_a_tick_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    let steps =
        node.ask(&[record(0, 0, &create()), record(1, 0, &open()), record(2, 0, &hold())]).await;
    assert!(is_held(&steps[2]));
    node.clock.advance(HOLD_TTL_MS - 1);
    settle().await;
    assert_eq!(log.end(intents()).await.unwrap(), Offset::new(4), "nothing is due");
    node.clock.advance(1);
    let tick = node.released.recv().await.unwrap();
    assert_eq!((tick.offset, tick.intent), (Offset::new(4), None));
    let expired = tick.reply().unwrap();
    assert!(matches!(expired, Outcome::HoldExpired { hold, .. } if *hold == hold_at(3)));
    node.clock.advance(HOLD_TTL_MS);
    settle().await;
    assert_eq!(node.finish().await.next, Offset::new(5), "one tick was enough");
}

#[tokio::test(start_paused = true)]
async fn what_one_tick_cannot_end_needs_no_further_wait() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let config = Config { tick_interval: Duration::from_secs(40_000), ..quiet() };
    let mut node = Node::start(&log, folder.path(), config).await;
    let mut records = vec![record(0, 0, &create()), record(1, 0, &open())];
    records.extend((2..1_202).map(|account| record(account, 0, &hold())));
    let held = node.ask(&records).await.iter().filter(|step| is_held(step)).count();
    assert_eq!(held, 1_200);
    let began = tokio::time::Instant::now();
    node.clock.advance(HOLD_TTL_MS);
    let mut expired = 0;
    while expired < 1_200 {
        expired += node.released.recv().await.unwrap().outcomes.len();
    }
    assert_eq!(tokio::time::Instant::now(), began);
    node.finish().await;
}

#[tokio::test(start_paused = true)]
async fn ticks_come_again_when_the_disk_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    let records: Vec<Bytes> =
        vec![record(0, 0, &create()), record(1, 0, &open()), record(2, 0, &hold())];
    node.ask(&records).await;
    settle().await;
    log.set_full(true);
    node.clock.advance(HOLD_TTL_MS);
    settle().await;
    assert!(node.released.try_recv().is_err());
    log.set_full(false);
    assert_eq!(node.released.recv().await.unwrap().outcomes.len(), 1);
    node.finish().await;
}

#[tokio::test(start_paused = true)]
async fn steps_that_found_the_disk_full_are_published_in_order_when_it_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let log = new_log();
    let mut node = Node::start(&log, folder.path(), quiet()).await;
    for (number, intent) in [(0, create()), (1, open()), (2, hold())] {
        settle().await;
        let published = log.end(outcomes()).await.unwrap();
        log.hold_back();
        let (writer, batch) = (log.clone(), vec![record(number, 0, &intent)]);
        let appending =
            tokio::spawn(async move { writer.append(intents(), batch, Durability::Synced).await });
        settle().await;
        log.set_full(true);
        log.let_through();
        appending.await.unwrap().unwrap();
        node.released.recv().await.expect("a reply does not wait for room");
        settle().await;
        assert_eq!(log.end(outcomes()).await.unwrap(), published);
        log.set_full(false);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(log.end(outcomes()).await.unwrap(), published.next());
    }
    log.hold_back();
    let (writer, batch) = (log.clone(), vec![record(3, 0, &hold())]);
    tokio::spawn(async move { writer.append(intents(), batch, Durability::Synced).await });
    settle().await;
    log.set_full(true);
    log.let_through();
    node.released.recv().await.unwrap();
    assert_eq!(node.finish().await.next, Offset::new(5), "a full disk does not hold it up");
    log.set_full(false);
    let recovered = recover_in(&log, folder.path()).await.unwrap();
    assert_eq!((recovered.next(), recovered.published), (Offset::new(5), 1));
}
