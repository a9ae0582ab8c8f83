//! Appends of one record each to a log in a cluster, beside the bare client that sends the same
//! records to the same servers and waits for the same acknowledgements. They take turns, because
//! machines are shared and noisy: only the ratio tells something.
//!
//! `BOXOFFICE_TEST_FLUVIO_BIN=... cargo bench -p boxoffice-log --features fluvio --bench cluster`

#![allow(clippy::unwrap_used, reason = "the servers of the tests end at the first surprise")]

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use boxoffice_log::fluvio::{FluvioConfig, FluvioLog, FluvioUrl};
use boxoffice_log::{Durability, Log as _, TopicPartition};
use boxoffice_topics::PartitionId;
use bytes::Bytes;
use fluvio::{
    Fluvio, FluvioClusterConfig, RecordKey, TopicProducerConfigBuilder, TopicProducerPool,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

#[path = "../tests/fluvio/servers.rs"]
#[allow(dead_code, reason = "what the tests of the log need more")]
mod servers;

/// A typical intent.
const RECORD_BYTES: usize = 200;
const RUN: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
const PARTITIONS: u16 = 4;
/// Appends a second, when latency is measured.
const PACE: u32 = 2_000;

type Failure = Box<dyn Error + Send + Sync>;

/// Somebody who appends one record to one partition, and waits until it is acknowledged.
#[derive(Clone)]
enum Appender {
    Boxoffice(FluvioLog),
    Bare(Arc<[TopicProducerPool]>),
}

impl Appender {
    async fn append(&self, partition: u16, record: &Bytes) -> Result<(), Failure> {
        match self {
            Self::Boxoffice(log) => {
                let to = PartitionId::new(partition).map(TopicPartition::intents);
                let to = to.ok_or("a partition")?;
                log.append(to, vec![record.clone()], Durability::Synced).await?;
            }
            Self::Bare(producers) => {
                let producer = &producers[usize::from(partition)];
                producer.send(RecordKey::NULL, record.to_vec()).await?.wait().await?;
            }
        }
        Ok(())
    }

    /// Acknowledged records in a second, of so many tasks that append one after another.
    async fn throughput(&self, tasks: usize) -> Result<f64, Failure> {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut running = JoinSet::new();
        let begin = Instant::now();
        for task in 0..tasks {
            let (appender, stop, count) = (self.clone(), Arc::clone(&stop), Arc::clone(&count));
            let (partition, record) = ((task % usize::from(PARTITIONS)) as u16, record());
            running.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    appender.append(partition, &record).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Failure>(())
            });
        }
        tokio::time::sleep(RUN).await;
        stop.store(true, Ordering::Relaxed);
        while let Some(ended) = running.join_next().await {
            ended??;
        }
        Ok(count.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
    }

    /// The latencies of appends that begin when they are due, whatever becomes of those before.
    async fn latencies(&self) -> Result<Vec<Duration>, Failure> {
        let mut due = tokio::time::interval(Duration::from_secs(1) / PACE);
        due.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut running, record) = (JoinSet::new(), record());
        for turn in 0..RUN.as_secs() * u64::from(PACE) {
            let due_at = due.tick().await;
            let (appender, record) = (self.clone(), record.clone());
            running.spawn(async move {
                appender.append((turn % u64::from(PARTITIONS)) as u16, &record).await?;
                Ok::<_, Failure>(due_at.elapsed())
            });
        }
        let mut latencies = Vec::new();
        while let Some(ended) = running.join_next().await {
            latencies.push(ended??);
        }
        latencies.sort_unstable();
        Ok(latencies)
    }
}

fn record() -> Bytes {
    Bytes::from(vec![0xb0; RECORD_BYTES])
}

/// The bare client, as it is used for low latency: no linger, one producer for each partition.
async fn bare(endpoint: &str, topic: &str) -> Result<(Fluvio, Appender), Failure> {
    let client = Fluvio::connect_with_config(&FluvioClusterConfig::new(endpoint)).await?;
    let mut producers = Vec::new();
    for partition in 0..PARTITIONS {
        let config = TopicProducerConfigBuilder::default()
            .linger(Duration::ZERO)
            .set_specific_partitioner(u32::from(partition))
            .build()?;
        producers.push(client.topic_producer_with_config(topic, config).await?);
    }
    Ok((client, Appender::Bare(producers.into())))
}

async fn log(endpoint: &str, prefix: &str) -> Result<FluvioLog, Failure> {
    let url: FluvioUrl = format!("fluvio://{endpoint}/{prefix}").parse()?;
    let partitions = std::num::NonZeroU16::new(PARTITIONS).ok_or("partitions")?;
    Ok(FluvioLog::create(&FluvioConfig::new(&url, partitions)).await?)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn percentile(latencies: &[Duration], percent: usize) -> f64 {
    latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)].as_secs_f64() * 1_000.0
}

async fn measure() -> Result<(), Failure> {
    let Some(cluster) = servers::Cluster::start(2).await else { return Ok(()) };
    let own = log(&cluster.endpoint, "own").await?;
    // The same settings of topics; what the bare client writes is no log.
    drop(log(&cluster.endpoint, "bare").await?);
    let (_client, bare) = bare(&cluster.endpoint, "bare-intents").await?;
    let own = Appender::Boxoffice(own);
    let mut out = std::io::stdout().lock();
    writeln!(out, "tasks  bare records/s  boxoffice records/s  ratio")?;
    for tasks in [4, 16, 64, 256, 1024] {
        let (mut of_bare, mut of_own) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            of_bare.push(bare.throughput(tasks).await?);
            of_own.push(own.throughput(tasks).await?);
        }
        let (of_bare, of_own) = (median(of_bare), median(of_own));
        writeln!(out, "{tasks:5}  {of_bare:14.0}  {of_own:19.0}  {:5.2}", of_own / of_bare)?;
    }
    writeln!(out, "latency at {PACE} appends/s: p50 ms, p99 ms")?;
    for (name, appender) in
        [("bare", &bare), ("boxoffice", &own), ("bare", &bare), ("boxoffice", &own)]
    {
        let latencies = appender.latencies().await?;
        let (median, tail) = (percentile(&latencies, 50), percentile(&latencies, 99));
        writeln!(out, "{name:9}  {median:6.2}  {tail:6.2}")?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}
