//! Appends of one record each by many tasks at once, against the bare floor of the same disk:
//! one thread that writes as many bytes as a commit has and syncs them.
//!
//! `cargo bench -p boxoffice-log --bench append [-- DIRECTORY]`

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use boxoffice_log::journal::{Journal, JournalConfig, verify};
use boxoffice_log::{Durability, Log, TopicPartition};
use boxoffice_topics::PartitionId;
use bytes::Bytes;

/// A typical intent.
const RECORD_BYTES: usize = 200;
/// Long enough for several segments at full speed.
const RUN: Duration = Duration::from_secs(3);
const PARTITIONS: u16 = 4;

struct Measured {
    commits_per_second: f64,
    records_per_second: f64,
    commit_bytes: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    let base = match directory {
        Some(directory) => tempfile::tempdir_in(directory)?,
        None => tempfile::tempdir()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "appenders  per append  commits/s  records/s  bytes/commit  floor commits/s  ratio"
    )?;
    for (appenders, per_append) in [(1, 1), (4, 1), (16, 1), (64, 1), (256, 1), (1024, 1), (4, 256)]
    {
        let dir = base.path().join(format!("{appenders}-{per_append}"));
        let measured = runtime.block_on(append(&dir, appenders, per_append))?;
        let floor = floor(base.path(), measured.commit_bytes)?;
        writeln!(
            out,
            "{appenders:9}  {per_append:10}  {:9.0}  {:9.0}  {:12}  {floor:15.0}  {:5.2}",
            measured.commits_per_second,
            measured.records_per_second,
            measured.commit_bytes,
            measured.commits_per_second / floor,
        )?;
    }
    Ok(())
}

async fn append(dir: &Path, appenders: u16, per_append: usize) -> Result<Measured, Box<dyn Error>> {
    let partitions = PARTITIONS.try_into()?;
    let log = Journal::open(&JournalConfig::new(dir, partitions))?;
    let record = Bytes::from(vec![0x5a; RECORD_BYTES]);
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..appenders)
        .map(|appender| {
            let (log, record, stop) = (log.clone(), record.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let partition = PartitionId::new(appender % PARTITIONS).expect("a partition");
                let to = TopicPartition::intents(partition);
                let mut records = 0;
                while !stop.load(Ordering::Relaxed) {
                    let batch = vec![record.clone(); per_append];
                    log.append(to, batch, Durability::Synced).await.expect("appended");
                    records += per_append;
                }
                records
            })
        })
        .collect();
    tokio::time::sleep(RUN).await;
    stop.store(true, Ordering::Relaxed);
    let mut records = 0;
    for task in tasks {
        records += task.await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    log.close()?;
    let commits = verify(dir)?.blocks as f64;
    let frame_bytes = 20 + per_append * (4 + RECORD_BYTES);
    let block = 40.0 + records as f64 / per_append as f64 * frame_bytes as f64 / commits;
    Ok(Measured {
        commits_per_second: commits / seconds,
        records_per_second: records as f64 / seconds,
        commit_bytes: (block as usize).next_multiple_of(512),
    })
}

/// Commits each second of a thread that does nothing else, into zeros that are already there.
fn floor(dir: &Path, commit_bytes: usize) -> Result<f64, Box<dyn Error>> {
    const LENGTH: u64 = 64 << 20;
    let path = dir.join("floor");
    let file = File::create(&path)?;
    file.write_all_at(&vec![0; LENGTH as usize], 0)?;
    file.sync_all()?;
    let bytes = vec![0x5a; commit_bytes];
    let (mut commits, mut position) = (0, 0);
    let started = Instant::now();
    while started.elapsed() < RUN / 3 {
        if position + commit_bytes as u64 > LENGTH {
            position = 0;
        }
        file.write_all_at(&bytes, position)?;
        file.sync_data()?;
        position += commit_bytes as u64;
        commits += 1;
    }
    Ok(f64::from(commits) / started.elapsed().as_secs_f64())
}
