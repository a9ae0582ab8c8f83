//! Several processes on one log: intents that all of them append, outcomes that one of them owns.

use std::time::Duration;

use boxoffice_log::fluvio::{FluvioConfig, FluvioLog};
use boxoffice_log::{Durability, Log, LogError, LogReader};
use boxoffice_topics::{Offset, PartitionId};

use rustix::process::Signal;

use crate::faults::{assert_once, end_reaches, producer};
use crate::servers::Cluster;
use crate::support::{assert_in_order, intents, outcomes, read_from, record};

const FIRST: PartitionId = PartitionId::new(0).expect("the first");

/// What another process has of the log.
async fn beside(config: &FluvioConfig) -> FluvioLog {
    FluvioLog::open(config).await.unwrap()
}

/// Appends a record and says where it is.
async fn append(log: &FluvioLog, partition: u16, number: u64) -> u64 {
    let of = intents(partition);
    log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap().number()
}

async fn append_outcome(log: &FluvioLog, number: u64) -> Result<Offset, LogError> {
    let of = outcomes(0);
    log.append(of, vec![record(of, number)], Durability::Synced).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_append_intents_side_by_side() {
    let Some(cluster) = Cluster::any().await else { return };
    let (first, config) = (cluster.log().await, cluster.config());
    let second = beside(&config).await;
    let mut producers = Vec::new();
    for (task, log) in [&first, &second, &first, &second, &first, &second].into_iter().enumerate() {
        producers.push(producer(log, task as u64, 100));
    }
    assert_once(&first, producers).await;
    let third = beside(&config).await;
    let expected = read_from(&first, intents(0), 0).await;
    for log in [&second, &third] {
        log.append(intents(0), Vec::new(), Durability::Synced).await.unwrap();
        assert!(read_from(log, intents(0), 0).await == expected, "all agree on every offset");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_lose_and_repeat_nothing_when_the_server_is_killed_or_stalls() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let write_timeout = Duration::from_millis(500);
    let config = FluvioConfig { write_timeout, ..cluster.config() };
    let first = FluvioLog::create(&config).await.unwrap();
    let second = beside(&config).await;
    let mut producers = Vec::new();
    for (task, log) in [&first, &second, &first, &second].into_iter().enumerate() {
        producers.push(producer(log, task as u64, 300));
    }
    end_reaches(&first, 200).await;
    cluster.kill_data(0);
    cluster.start_data(0);
    end_reaches(&second, 500).await;
    cluster.signal_data(Signal::STOP);
    // Past the timeout: the writes are in doubt, and come into the topic when the server goes on.
    tokio::time::sleep(write_timeout * 3).await;
    cluster.signal_data(Signal::CONT);
    assert_once(&first, producers).await;
    let third = beside(&config).await;
    let expected = read_from(&first, intents(0), 0).await;
    assert!(read_from(&third, intents(0), 0).await == expected, "all agree on every offset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_outcomes_over_replaces_their_writer_and_nothing_else() {
    let Some(cluster) = Cluster::any().await else { return };
    let (first, config) = (cluster.log().await, cluster.config());
    append_outcome(&first, 1).await.unwrap();
    let second = beside(&config).await;
    second.own(FIRST).await.unwrap();
    assert_eq!(append_outcome(&second, 2).await.unwrap(), Offset::new(2));
    for _ in 0..2 {
        // It comes into the topic, and everybody passes it over.
        let late = append_outcome(&first, 9).await;
        assert!(matches!(late, Err(LogError::Replaced(of)) if of == outcomes(0)), "{late:?}");
    }
    assert_eq!(append_outcome(&second, 3).await.unwrap(), Offset::new(3));
    for log in [&first, &second, &beside(&config).await] {
        log.append(outcomes(0), Vec::new(), Durability::Synced).await.unwrap();
        assert_eq!(assert_in_order(log, outcomes(0)).await, 4);
    }
    // The log of the one that was replaced goes on.
    let of = outcomes(1);
    first.append(of, vec![record(of, 1)], Durability::Synced).await.unwrap();
    assert_eq!(append(&first, 0, 1).await, 1);
    first.own(FIRST).await.unwrap();
    assert_eq!(append_outcome(&first, 4).await.unwrap(), Offset::new(4));
    assert!(matches!(append_outcome(&second, 9).await, Err(LogError::Replaced(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_owns_nothing_appends_no_outcomes() {
    let Some(cluster) = Cluster::any().await else { return };
    let log = FluvioLog::create(&cluster.config()).await.unwrap();
    assert!(matches!(append_outcome(&log, 1).await, Err(LogError::Mismatch(_))));
    log.own(FIRST).await.unwrap();
    append_outcome(&log, 1).await.unwrap();
    log.disown(FIRST).await.unwrap();
    assert!(matches!(append_outcome(&log, 2).await, Err(LogError::Mismatch(_))));
    log.own(FIRST).await.unwrap();
    append_outcome(&log, 2).await.unwrap();
    assert_eq!(assert_in_order(&log, outcomes(0)).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_replaced_takes_nothing_back_when_its_write_is_in_doubt() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let write_timeout = Duration::from_millis(500);
    let config = FluvioConfig { write_timeout, ..cluster.config() };
    let first = FluvioLog::create(&config).await.unwrap();
    first.own(FIRST).await.unwrap();
    append_outcome(&first, 1).await.unwrap();
    let second = beside(&config).await;
    second.own(FIRST).await.unwrap();
    cluster.signal_data(Signal::STOP);
    let in_doubt = tokio::spawn({
        let first = first.clone();
        async move { append_outcome(&first, 9).await }
    });
    // Past the timeout: it has to find out what became of its block and of its partition.
    tokio::time::sleep(write_timeout * 3).await;
    cluster.signal_data(Signal::CONT);
    assert!(matches!(in_doubt.await.unwrap(), Err(LogError::Replaced(_))));
    append_outcome(&second, 2).await.unwrap();
    assert_eq!(assert_in_order(&second, outcomes(0)).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_reads_takes_nothing_over_and_follows_everybody() {
    let Some(cluster) = Cluster::any().await else { return };
    let (first, config) = (cluster.log().await, cluster.config());
    let (second, reading) = (beside(&config).await, beside(&config).await);
    let mut asked = reading.read(intents(0), Offset::new(1)).await.unwrap();
    let mut decided = reading.read(outcomes(0), Offset::new(1)).await.unwrap();
    for round in 0..20 {
        append(&first, 0, 2 * round + 1).await;
        append(&second, 0, 2 * round + 2).await;
        append_outcome(&first, round + 1).await.unwrap();
    }
    for (reader, of, end) in [(&mut asked, intents(0), 41), (&mut decided, outcomes(0), 21)] {
        let mut next = Offset::new(1);
        while next < Offset::new(end) {
            let batch = reader.next().await.unwrap();
            assert_eq!(batch.first, next);
            for (offset, found) in batch.iter() {
                assert_eq!(*found, record(of, offset.number()));
            }
            next = batch.end();
            // What was read is acknowledged.
            assert!(reading.end(of).await.unwrap() >= next);
            reading.wait_durable(of, next).await.unwrap();
            reading.read(of, next).await.unwrap();
        }
    }
    append_outcome(&first, 21).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_without_records_finds_what_others_wrote() {
    let Some(cluster) = Cluster::any().await else { return };
    let (first, config) = (cluster.log().await, cluster.config());
    let second = beside(&config).await;
    append(&first, 0, 1).await;
    append_outcome(&first, 1).await.unwrap();
    for of in [intents(0), outcomes(0)] {
        assert_eq!(second.end(of).await.unwrap(), Offset::new(1), "nobody has looked");
        let end = second.append(of, Vec::new(), Durability::Synced).await.unwrap();
        assert_eq!((end, second.end(of).await.unwrap()), (Offset::new(2), Offset::new(2)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_are_certain_for_who_owns_a_partition() {
    let Some(cluster) = Cluster::any().await else { return };
    let (first, config) = (cluster.log().await, cluster.config());
    let second = beside(&config).await;
    let appending = tokio::spawn({
        let first = first.clone();
        async move {
            // Each step follows its intent, as it does in a processor.
            for number in 1.. {
                append(&first, 0, number).await;
                match append_outcome(&first, number).await {
                    Ok(_) => {}
                    Err(LogError::Replaced(_)) => return number,
                    Err(error) => panic!("{error}"),
                }
            }
            0
        }
    });
    end_reaches(&first, 20).await;
    second.own(FIRST).await.unwrap();
    let asked = second.end(intents(0)).await.unwrap();
    let decided = second.end(outcomes(0)).await.unwrap();
    let last = appending.await.unwrap();
    assert!(decided == Offset::new(last), "all that was acknowledged: {decided} of {last}");
    assert!(asked >= decided, "{asked} intents, {decided} outcomes");
    assert_eq!(append_outcome(&second, last).await.unwrap(), decided);
    assert_eq!(assert_in_order(&second, outcomes(0)).await, last + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_come_and_go() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = cluster.config();
    let log = FluvioLog::create(&config).await.unwrap();
    append(&log, 0, 1).await;
    // More than are remembered: the first one begins again.
    for number in 2..70 {
        let other = beside(&config).await;
        assert_eq!(append(&other, 0, number).await, number);
    }
    for number in 70..73 {
        assert_eq!(append(&log, 0, number).await, number);
    }
    assert_eq!(assert_in_order(&beside(&config).await, intents(0)).await, 73);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_alone_for_long_finds_what_came_between() {
    let Some(cluster) = Cluster::any().await else { return };
    let config = cluster.config();
    let log = FluvioLog::create(&config).await.unwrap();
    let other = beside(&config).await;
    let mut next = 1;
    // Fewer and more records than a stream may be behind.
    for alone in [1, 10, 200] {
        assert_eq!(append(&other, 0, next).await, next);
        for number in next + 1..=next + alone {
            assert_eq!(append(&log, 0, number).await, number);
        }
        next += alone + 1;
    }
    assert_eq!(assert_in_order(&log, intents(0)).await, next);
}
