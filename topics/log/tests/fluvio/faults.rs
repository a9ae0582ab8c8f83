//! Servers that are killed, stalled, away, or come back with less than they had.

use std::fs::OpenOptions;
use std::time::Duration;

use boxoffice_log::fluvio::{FluvioConfig, FluvioLog};
use boxoffice_log::{Durability, Log, LogError, LogReader, Topic};
use boxoffice_topics::Offset;
use bytes::Bytes;
use rustix::process::Signal;
use tokio::task::JoinHandle;

use crate::servers::Cluster;
use crate::support::{assert_in_order, intents, read_from, record};

/// Appends records in order until it has appended so many, and says where each came to be.
pub(crate) fn producer(log: &FluvioLog, task: u64, count: u64) -> JoinHandle<Vec<(Offset, Bytes)>> {
    let log = log.clone();
    tokio::spawn(async move {
        let mut places = Vec::new();
        for number in 0..count {
            let bytes = Bytes::from(format!("{task}-{number}"));
            loop {
                match log.append(intents(0), vec![bytes.clone()], Durability::Synced).await {
                    Ok(first) => break places.push((first, bytes)),
                    // Nothing was appended.
                    Err(LogError::Away(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        places
    })
}

/// Every record is where its producer was told, and nothing else is there.
pub(crate) async fn assert_once(log: &FluvioLog, producers: Vec<JoinHandle<Vec<(Offset, Bytes)>>>) {
    let mut places = Vec::new();
    for producer in producers {
        places.extend(producer.await.unwrap());
    }
    places.sort();
    // Somebody else may have written last.
    log.append(intents(0), Vec::new(), Durability::Synced).await.unwrap();
    let found = read_from(log, intents(0), 1).await;
    let found: Vec<(Offset, Bytes)> = (1..).map(Offset::new).zip(found).collect();
    assert!(found == places, "{} records are found, of {} others", found.len(), places.len());
}

pub(crate) async fn end_reaches(log: &FluvioLog, end: u64) {
    while log.end(intents(0)).await.unwrap() < Offset::new(end) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_and_repeats_nothing() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let log = cluster.log().await;
    let producers: Vec<_> = (0..8).map(|task| producer(&log, task, 400)).collect();
    for kill in 1..4 {
        end_reaches(&log, kill * 500).await;
        cluster.kill_data(0);
        cluster.start_data(0);
    }
    assert_once(&log, producers).await;
    log.close().unwrap();
    let log = FluvioLog::open(&cluster.config()).await.unwrap();
    assert_eq!(log.end(intents(0)).await.unwrap(), Offset::new(1 + 8 * 400));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stalls_gets_every_record_once() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let write_timeout = Duration::from_millis(500);
    let config = FluvioConfig { write_timeout, ..cluster.config() };
    let log = FluvioLog::create(&config).await.unwrap();
    let producers: Vec<_> = (0..4).map(|task| producer(&log, task, 300)).collect();
    for stall in 1..3 {
        end_reaches(&log, stall * 300).await;
        cluster.signal_data(Signal::STOP);
        // Past the timeout: the write is in doubt, and comes into the topic when the server goes on.
        tokio::time::sleep(write_timeout * 3).await;
        cluster.signal_data(Signal::CONT);
    }
    assert_once(&log, producers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_goes_on_when_the_server_is_back() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let (log, of) = (cluster.log().await, intents(0));
    let mut reader = log.read(of, Offset::new(1)).await.unwrap();
    let mut next = Offset::new(1);
    for round in 0..3 {
        for number in 1..=50 {
            let number = round * 50 + number;
            log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
        }
        while next < log.end(of).await.unwrap() {
            let batch = reader.next().await.unwrap();
            assert_eq!(batch.first, next);
            batch
                .iter()
                .for_each(|(offset, found)| assert_eq!(*found, record(of, offset.number())));
            next = batch.end();
        }
        cluster.kill_data(0);
        cluster.start_data(0);
    }
    assert_eq!(next, Offset::new(151));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_is_right_while_a_server_starts() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let log = cluster.log().await;
    let payload = Bytes::from(vec![3; 50_000]);
    for _ in 0..400 {
        log.append(intents(0), vec![payload.clone()], Durability::Synced).await.unwrap();
    }
    log.close().unwrap();
    cluster.kill_data(0);
    cluster.start_data(0);
    let config = FluvioConfig { patience: Duration::from_secs(30), ..cluster.config() };
    let log = FluvioLog::open(&config).await.unwrap();
    assert_eq!(log.end(intents(0)).await.unwrap(), Offset::new(401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_is_restarted_stops_nobody() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let (log, of) = (cluster.log().await, intents(0));
    log.append(of, vec![record(of, 1)], Durability::Synced).await.unwrap();
    cluster.kill_controller();
    log.append(of, vec![record(of, 2)], Durability::Synced).await.unwrap();
    cluster.start_controller().await;
    log.append(of, vec![record(of, 3)], Durability::Synced).await.unwrap();
    // What a client knew of the cluster before is of no use any more.
    cluster.kill_data(0);
    cluster.start_data(0);
    log.append(of, vec![record(of, 4)], Durability::Synced).await.unwrap();
    assert_eq!(assert_in_order(&log, of).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_were_not_sent_are_refused_while_the_cluster_is_away() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let config = FluvioConfig { patience: Duration::ZERO, ..cluster.config() };
    let (log, of) = (FluvioLog::create(&config).await.unwrap(), intents(0));
    cluster.kill_data(0);
    let in_doubt = tokio::spawn({
        let log = log.clone();
        async move { log.append(of, vec![record(of, 1)], Durability::Synced).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = log.append(of, vec![record(of, 2)], Durability::Synced).await.unwrap_err();
    assert!(matches!(refused, LogError::Away(_)) && refused.is_retriable(), "{refused}");
    cluster.start_data(0);
    assert_eq!(in_doubt.await.unwrap().unwrap(), Offset::new(1));
    assert_eq!(assert_in_order(&log, of).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_that_lasts_stops_the_log() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let config = FluvioConfig { outage_max: Duration::from_millis(300), ..cluster.config() };
    let (log, of) = (FluvioLog::create(&config).await.unwrap(), intents(0));
    cluster.kill_data(0);
    let stopped = log.append(of, vec![record(of, 1)], Durability::Synced).await.unwrap_err();
    assert!(matches!(stopped, LogError::Stopped(_)), "{stopped}");
    assert!(log.end(of).await.is_err());
    assert!(log.wait_durable(of, Offset::new(2)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_not_there_is_told_by_its_address() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let config = FluvioConfig { patience: Duration::ZERO, ..cluster.config() };
    cluster.kill_controller();
    let error = FluvioLog::open(&config).await.unwrap_err();
    assert!(matches!(error, LogError::Away(_)), "{error:?}");
    assert!(error.to_string().contains(&config.endpoint), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_comes_back_shorter_stops() {
    let Some(mut cluster) = Cluster::own().await else { return };
    let (log, config, of) = (cluster.log().await, cluster.config(), intents(0));
    let folder = format!("{}-0", config.topic_name(Topic::Intents));
    let file = cluster.data_dir(0).join(folder).join("00000000000000000000.log");
    let mut bytes = 0;
    for number in 1..10 {
        if number == 6 {
            bytes = std::fs::metadata(&file).unwrap().len();
        }
        log.append(of, vec![record(of, number)], Durability::Synced).await.unwrap();
    }
    // What a loss of power does to a server that does not sync.
    cluster.kill_data(0);
    OpenOptions::new().write(true).open(&file).unwrap().set_len(bytes).unwrap();
    cluster.start_data(0);
    let stopped = log.append(of, vec![record(of, 10)], Durability::Synced).await.unwrap_err();
    let LogError::Stopped(reason) = stopped else { panic!("{stopped}") };
    assert!(reason.contains("came back with"), "{reason}");
}
