//! Nodes that share a log through a real PostgreSQL: who owns what, and how it changes hands.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::collections::BTreeMap;

use boxoffice_processors::SharedDatabase;
use boxoffice_processors::ownership::{Change, Holder, Kind, Leases, LossReason, holders};
use boxoffice_tests::services::{Database, Postgres};
use boxoffice_topics::LogId;
use tokio::sync::watch;

mod support;

use support::{LOG_ID, Node, all_owned, leases, outlast_a_lease, shares, start, terms, until};

async fn open(database: &Database) -> SharedDatabase {
    SharedDatabase::open(database.url()).await.unwrap()
}

/// The name of each owner, by number; `-` when there is none.
async fn owners(database: &SharedDatabase) -> Vec<String> {
    let name = |holder: Holder| holder.owner.map_or_else(|| "-".to_owned(), |owner| owner.name);
    holders(database, LOG_ID).await.unwrap().into_iter().map(name).collect()
}

/// That every number went from owner to owner, and its epoch grew by one each time.
fn assert_epochs_have_no_gap(nodes: &[Node]) {
    let mut epochs: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
    for node in nodes {
        for change in node.told.borrow().iter() {
            if let Change::Gained { number, epoch } = *change {
                epochs.entry(number).or_default().push(epoch);
            }
        }
    }
    for (number, mut gained) in epochs {
        gained.sort_unstable();
        assert!(gained.iter().copied().eq(1..=gained.len() as u64), "{number}: {gained:?}");
    }
}

#[tokio::test]
async fn numbers_are_shared_fairly_however_many_nodes_there_are() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let numbers = watch::Sender::new(8);
    let mut nodes = start(&database, Kind::Processor, &["a"], &numbers);
    until("the first one has all", || shares(&nodes) == [8]).await;
    nodes.extend(start(&database, Kind::Processor, &["b", "c"], &numbers));
    until("three share eight", || shares(&nodes) == [2, 3, 3]).await;
    // One node more than fits into shares that are rounded up: it gets something all the same.
    numbers.send_replace(9);
    nodes.extend(start(&database, Kind::Processor, &["d"], &numbers));
    until("four share nine", || shares(&nodes) == [2, 2, 2, 3]).await;
    let owned: Vec<u16> = all_owned(&nodes).into_iter().map(|(number, _)| number).collect();
    assert!(owned.into_iter().eq(0..9), "each number has one owner");
    assert_epochs_have_no_gap(&nodes);
    let by_database: Vec<(u16, u64)> = holders(&database, LOG_ID)
        .await
        .unwrap()
        .iter()
        .map(|holder| (holder.number, holder.epoch))
        .collect();
    assert_eq!(by_database, all_owned(&nodes));
}

#[tokio::test]
async fn a_node_that_dies_is_replaced_and_one_that_leaves_at_once() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let numbers = watch::Sender::new(8);
    let mut nodes = start(&database, Kind::Processor, &["a", "b", "c"], &numbers);
    until("three share eight", || shares(&nodes) == [2, 3, 3]).await;
    nodes.pop().unwrap().die().await;
    assert!(owners(&database).await.contains(&"c".to_owned()), "nobody knows yet");
    until("two have replaced the third", || shares(&nodes) == [4, 4]).await;
    let mut staying = nodes.remove(0).pause().await;
    nodes.pop().unwrap().leave().await;
    let left = owners(&database).await;
    assert!(left.iter().filter(|name| *name == "-").count() == 4, "free at once: {left:?}");
    let Change::Gained { epoch, .. } = staying.changed(8).await else { panic!("not gained") };
    assert!(epoch > 1);
    staying.leave().await.unwrap();
    assert_eq!(owners(&database).await, ["-"; 8]);
}

#[tokio::test]
async fn a_node_that_stood_still_finds_its_leases_lost() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let numbers = watch::Sender::new(4);
    let nodes = start(&database, Kind::Processor, &["a", "b"], &numbers);
    until("two share four", || shares(&nodes) == [2, 2]).await;
    let [first, second] = <[Node; 2]>::try_from(nodes).ok().unwrap();
    let had = first.owned.borrow().clone();
    let mut paused = first.pause().await;
    let nodes = [second];
    until("the other one has all", || shares(&nodes) == [4]).await;
    for &number in had.keys() {
        let lost = Change::Lost { number, why: LossReason::Expired };
        assert_eq!(paused.changed(4).await, lost);
    }
    // It still works for these, so that all it can be given are the other ones.
    nodes.into_iter().next().unwrap().leave().await;
    for number in (0..4).filter(|number| !had.contains_key(number)) {
        let Change::Gained { number: gained, .. } = paused.changed(4).await else { panic!() };
        assert_eq!(gained, number);
    }
    let more = tokio::time::timeout(terms().lease(), paused.changed(4)).await;
    assert!(more.is_err(), "{more:?}");
    let owners = owners(&database).await;
    assert!(had.keys().all(|number| owners[usize::from(*number)] == "-"), "{owners:?}");
    had.keys().for_each(|number| paused.give_back(*number));
    for (number, epoch) in had {
        let regained = Change::Gained { number, epoch: epoch + 2 };
        assert_eq!(paused.changed(4).await, regained, "the other one was between");
    }
}

#[tokio::test]
async fn what_is_to_be_given_up_stays_with_its_owner_until_it_gives_it_back() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let mut first = leases(&database, Kind::Processor, "a");
    for number in 0..2 {
        assert_eq!(first.changed(2).await, Change::Gained { number, epoch: 1 });
    }
    let numbers = watch::Sender::new(2);
    let second = start(&database, Kind::Processor, &["b"], &numbers);
    let lost = Change::Lost { number: 1, why: LossReason::Share };
    assert_eq!(first.changed(2).await, lost);
    // Turns of both go by.
    let more = tokio::time::timeout(terms().lease(), first.changed(2)).await;
    assert!(more.is_err(), "{more:?}");
    assert_eq!(owners(&database).await, ["a", "a"]);
    assert_eq!(second[0].count(), 0);
    let holder = holders(&database, LOG_ID).await.unwrap().pop().unwrap();
    assert!(holder.owner.is_some_and(|owner| owner.is_leaving && owner.is_alive));
    first.give_back(1);
    tokio::select! {
        change = first.changed(2) => panic!("{change:?}"),
        () = until("the other one has it", || second[0].count() == 1) => {}
    }
    assert_eq!(all_owned(&second), [(1, 2)]);
}

#[tokio::test]
async fn what_ended_by_itself_is_given_back_and_begun_again() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let mut node = leases(&database, Kind::Processor, "a");
    assert_eq!(node.changed(1).await, Change::Gained { number: 0, epoch: 1 });
    node.give_back(0);
    assert_eq!(node.changed(1).await, Change::Gained { number: 0, epoch: 2 });
    node.give_back(7);
    assert_eq!(node.changed(2).await, Change::Gained { number: 1, epoch: 1 });
}

#[tokio::test]
async fn one_of_the_sinks_works_and_the_others_stand_by() {
    let database = Database::fresh().await;
    let database = open(&database).await;
    let one = watch::Sender::new(1);
    let mut nodes = start(&database, Kind::Sinks, &["a", "b", "c"], &one);
    let partitions = watch::Sender::new(2);
    let processors = start(&database, Kind::Processor, &["a"], &partitions);
    until("one has it", || shares(&nodes) == [0, 0, 1]).await;
    until("kinds are shared each for itself", || shares(&processors) == [2]).await;
    let at = nodes.iter().position(|node| node.count() == 1).unwrap();
    nodes.remove(at).leave().await;
    until("another one has it", || shares(&nodes) == [0, 1]).await;
    let of_other_log = LogId::from_u128(0xb1);
    let mut other = Leases::new(&database, of_other_log, Kind::Sinks, "a", terms());
    assert_eq!(other.changed(1).await, Change::Gained { number: 0, epoch: 1 });
    let kinds = [Kind::Processor, Kind::Processor, Kind::Sinks];
    assert!(holders(&database, LOG_ID).await.unwrap().iter().map(|it| it.kind).eq(kinds));
}

#[tokio::test]
async fn while_the_database_is_away_nothing_changes_hands() {
    let mut server = Postgres::start_own().await.unwrap();
    let database = open(&server.database().await.unwrap()).await;
    let numbers = watch::Sender::new(6);
    let mut nodes = start(&database, Kind::Processor, &["a", "b", "c"], &numbers);
    until("three share six", || shares(&nodes) == [2, 2, 2]).await;
    let before = all_owned(&nodes);
    let told: Vec<usize> = nodes.iter().map(|node| node.told.borrow().len()).collect();
    server.kill().await.unwrap();
    outlast_a_lease().await;
    server.start_again().await.unwrap();
    outlast_a_lease().await;
    assert_eq!(all_owned(&nodes), before);
    assert!(nodes.iter().map(|node| node.told.borrow().len()).eq(told), "nobody was told anything");
    nodes.pop().unwrap().die().await;
    until("turns are taken again", || shares(&nodes) == [3, 3]).await;
    let left = nodes.pop().unwrap().pause().await;
    server.kill().await.unwrap();
    assert!(left.leave().await.unwrap_err().is_retriable());
}

#[tokio::test]
async fn processes_that_start_together_make_the_schema_once() {
    let database = Database::fresh().await;
    let opening = (0..8).map(|_| {
        let url = database.url().to_owned();
        tokio::spawn(async move { SharedDatabase::open(&url).await })
    });
    for opened in opening.collect::<Vec<_>>() {
        let opened = opened.await.unwrap().unwrap();
        assert_eq!(holders(&opened, LOG_ID).await.unwrap(), []);
    }
}
