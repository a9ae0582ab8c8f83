//! Follows the orders of a log and prints what confirmed orders came to, performance by performance.
//!
//! ```sh
//! cargo run -p boxoffice-tests --example orders -- 127.0.0.1:9003 boxoffice-orders 4 orders.json
//! ```
//!
//! Each partition has its position and its sums in one file, which is replaced as a whole: however
//! often the program is ended and started again, it counts each order once.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

mod rule;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fluvio::consumer::{ConsumerConfigExtBuilder, RetryMode};
use fluvio::{Fluvio, FluvioClusterConfig, Offset};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use self::rule::{Name, Verdict, judge};

/// More than a segment of the topic (16 MiB) and one write (9 MiB): the client of this version loses
/// records where a fetch ends in the middle of a segment.
const FETCH_BYTES: i32 = 26 << 20;
/// The wait before a stream is opened again.
const PAUSE: Duration = Duration::from_secs(1);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How far one partition is read, and what it came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The next offset in Fluvio.
    next: i64,
    /// The name of the last record that was taken.
    last: Option<String>,
    /// Minor units of each performance and currency.
    revenue: BTreeMap<String, i64>,
}

impl Progress {
    /// Takes a record when it is the next one, and says whether it counts as revenue.
    fn take(&mut self, record: &Value) -> Result<bool, Failure> {
        match judge(self.last.as_deref().and_then(Name::parse).as_ref(), record) {
            Verdict::Drop => return Ok(false),
            Verdict::Stop => return Err(format!("after {:?} came {record}", self.last).into()),
            Verdict::Take(name) => self.last = Some(name.to_string()),
        }
        if record["type"] != "order_confirmed" {
            return Ok(false);
        }
        let (total, performance) = (&record["total"], &record["performance"]);
        let minor = total["minor"].as_i64().ok_or("an order without a total")?;
        let of = format!("{performance} in {}", total["currency"]).replace('"', "");
        let sum = self.revenue.entry(of).or_default();
        *sum = sum.checked_add(minor).ok_or("more money than there is")?;
        Ok(true)
    }
}

/// Reads one partition for ever, from an offset on.
async fn follow(endpoint: String, topic: String, partition: u32, from: i64, to: Sender) {
    let mut next = from;
    loop {
        // Whatever went wrong: another client goes on where this one was.
        if let Err(error) = read(&endpoint, &topic, partition, &mut next, &to).await {
            println!("partition {partition}: {error}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

type Sender = mpsc::Sender<(u32, i64, Value)>;

async fn read(
    endpoint: &str,
    topic: &str,
    partition: u32,
    next: &mut i64,
    to: &Sender,
) -> Result<(), Failure> {
    let client = Fluvio::connect_with_config(&FluvioClusterConfig::new(endpoint)).await?;
    let settings = ConsumerConfigExtBuilder::default()
        .topic(topic)
        .partition(partition)
        .offset_start(Offset::absolute(*next)?)
        .max_bytes(FETCH_BYTES)
        .retry_mode(RetryMode::Disabled)
        .build()?;
    let mut records = client.consumer_with_config(settings).await?;
    while let Some(record) = records.next().await {
        let record = record?;
        if record.offset() != *next {
            return Err(format!("{} came instead of {next}", record.offset()).into());
        }
        *next += 1;
        to.send((partition, *next, serde_json::from_slice(record.value())?)).await?;
    }
    Ok(())
}

fn save(file: &Path, progress: &BTreeMap<u32, Progress>) -> Result<(), Failure> {
    let beside = file.with_extension("new");
    std::fs::write(&beside, serde_json::to_vec(progress)?)?;
    Ok(std::fs::rename(beside, file)?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, topic, partitions, file] = &arguments[..] else {
        return Err("usage: orders HOST:PORT TOPIC PARTITIONS FILE".into());
    };
    let file = PathBuf::from(file);
    let mut progress: BTreeMap<u32, Progress> = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => BTreeMap::new(),
    };
    let (to, mut records) = mpsc::channel(1024);
    for partition in 0..partitions.parse()? {
        let from = progress.entry(partition).or_default().next;
        tokio::spawn(follow(endpoint.clone(), topic.clone(), partition, from, to.clone()));
    }
    while let Some((partition, next, record)) = records.recv().await {
        let of = progress.entry(partition).or_default();
        let counts = of.take(&record)?;
        of.next = next;
        save(&file, &progress)?;
        if counts {
            println!("partition {partition}: {:?}", progress[&partition].revenue);
        }
    }
    Ok(())
}
