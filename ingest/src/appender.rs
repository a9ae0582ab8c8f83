//! The log's half of ingest: one task per partition, one batch in flight.

use std::future::Future;
use std::sync::Arc;

use boxoffice_log::{Durability, Log, LogError, TopicPartition};
use boxoffice_topics::{Offset, PartitionId};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use crate::config::Config;
use crate::metric_definitions::AppendMetrics;

/// Gets the tokens back, a batch at a time. Runs in the appending task: it must not block.
pub trait Acceptance<T>: Send + Sync + 'static {
    /// The intents of these tokens are durable, side by side from `first` on. Their steps may
    /// have been released before this is called.
    fn accepted(&self, partition: PartitionId, first: Offset, tokens: Vec<T>);

    /// The intents of these tokens were not accepted. When the error is not retriable it is
    /// unknown whether they are in the log, and ingest accepts nothing more.
    fn refused(&self, error: &LogError, tokens: Vec<T>);
}

/// An encoded intent on its way to the log.
pub(crate) struct Queued<T> {
    pub(crate) record: Bytes,
    pub(crate) token: T,
}

/// The appending tasks of all partitions.
#[derive(Debug)]
pub struct Appenders {
    tasks: JoinSet<Result<(), LogError>>,
    stop: watch::Sender<bool>,
}

impl Appenders {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: watch::Sender::new(false) }
    }

    pub(crate) fn spawn<L: Log, T: Send + 'static>(
        &mut self,
        partition: PartitionId,
        log: L,
        queue: mpsc::Receiver<Queued<T>>,
        config: &Config,
        acceptance: Arc<impl Acceptance<T>>,
    ) {
        let appender = Appender {
            log,
            partition,
            batch_records_max: config.batch_records_max.get(),
            batch_bytes_max: config.batch_bytes_max.get(),
            waiting: Vec::new(),
            acceptance,
            metrics: AppendMetrics::new(partition),
        };
        self.tasks.spawn(appender.run(queue, self.stop.subscribe()));
    }

    /// Returns when the log of any partition has failed: the process must stop. Dropping the
    /// future loses nothing.
    pub async fn failed(&mut self) -> LogError {
        loop {
            match self.tasks.join_next().await.map(settled) {
                Some(Ok(())) => (),
                Some(Err(error)) => return error,
                None => std::future::pending().await,
            }
        }
    }

    /// Accepts nothing more, appends what is queued and returns when every token is back.
    ///
    /// # Errors
    /// The first log error, when there is one.
    pub async fn shut_down(mut self) -> Result<(), LogError> {
        self.stop.send_replace(true);
        let mut result = Ok(());
        while let Some(joined) = self.tasks.join_next().await {
            result = result.and(settled(joined));
        }
        result
    }
}

/// A panic in a task is a broken invariant: it goes on in who waits for the task.
fn settled(joined: Result<Result<(), LogError>, JoinError>) -> Result<(), LogError> {
    joined.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_cancelled) => Ok(()),
    })
}

struct Appender<L, T, A> {
    log: L,
    partition: PartitionId,
    batch_records_max: usize,
    batch_bytes_max: usize,
    /// Taken from the queue; more than fits into one batch when records are large.
    waiting: Vec<Queued<T>>,
    acceptance: Arc<A>,
    metrics: AppendMetrics,
}

impl<L: Log, T: Send, A: Acceptance<T>> Appender<L, T, A> {
    async fn run(
        mut self,
        mut queue: mpsc::Receiver<Queued<T>>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), LogError> {
        let mut stopping = std::pin::pin!(async move { stop.wait_for(|stop| *stop).await.is_ok() });
        loop {
            if self.waiting.is_empty() && !self.take(&mut queue, stopping.as_mut()).await {
                return Ok(());
            }
            self.metrics.queue_records(queue.len() + self.waiting.len());
            let Err(error) = self.append_one_batch().await else {
                continue;
            };
            if error.is_retriable() {
                tracing::warn!(partition = %self.partition, %error, "intents refused");
                continue;
            }
            tracing::error!(partition = %self.partition, %error, "ingest stopped");
            self.refuse_the_rest(queue, &error).await;
            return Err(error);
        }
    }

    /// Takes what is queued and waits for it when there is nothing. `false` when there will be
    /// nothing more.
    async fn take(
        &mut self,
        queue: &mut mpsc::Receiver<Queued<T>>,
        stopping: std::pin::Pin<&mut impl Future<Output = bool>>,
    ) -> bool {
        if !queue.is_closed() {
            tokio::select! {
                biased;
                _ = stopping => queue.close(),
                taken = queue.recv_many(&mut self.waiting, self.batch_records_max) => {
                    return taken > 0;
                }
            }
        }
        queue.recv_many(&mut self.waiting, self.batch_records_max).await > 0
    }

    async fn append_one_batch(&mut self) -> Result<(), LogError> {
        let (records, tokens) = self.next_batch();
        let count = records.len();
        let to = TopicPartition::intents(self.partition);
        let appended = self.log.append(to, records, Durability::Synced).await;
        match &appended {
            Ok(first) => {
                self.metrics.accepted(count);
                self.acceptance.accepted(self.partition, *first, tokens);
            }
            Err(error) => {
                self.metrics.refused(error, count);
                self.acceptance.refused(error, tokens);
            }
        }
        appended.map(|_| ())
    }

    /// The first records that wait, as many as one batch may carry.
    fn next_batch(&mut self) -> (Vec<Bytes>, Vec<T>) {
        let mut bytes = 0;
        let fitting = self.waiting.iter().take_while(|queued| {
            bytes += queued.record.len();
            bytes <= self.batch_bytes_max
        });
        let count = fitting.count().max(1).min(self.waiting.len());
        self.waiting.drain(..count).map(|queued| (queued.record, queued.token)).unzip()
    }

    async fn refuse_the_rest(&mut self, mut queue: mpsc::Receiver<Queued<T>>, error: &LogError) {
        queue.close();
        while queue.recv_many(&mut self.waiting, self.batch_records_max).await > 0 {}
        let tokens: Vec<T> = self.waiting.drain(..).map(|queued| queued.token).collect();
        self.metrics.refused(error, tokens.len());
        self.acceptance.refused(error, tokens);
    }
}
