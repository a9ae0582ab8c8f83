//! Follows one partition for a caller that may stop waiting at any time: a task reads ahead.

use std::sync::Arc;

use boxoffice_topics::{LogId, Offset};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::fold::Fold;
use super::follower::{Cursor, Follower};
use super::state::{PartitionState, Shared};
use crate::{Batch, LogError, LogReader, TopicPartition};

/// Blocks that are read ahead: the client reads a whole fetch ahead by itself.
const AHEAD_BLOCKS: usize = 16;

/// Reads one partition of a log in a cluster.
pub struct FluvioReader {
    shared: Arc<Shared>,
    blocks: mpsc::Receiver<Result<Batch, LogError>>,
    task: JoinHandle<()>,
}

impl FluvioReader {
    pub(super) fn new(
        shared: Arc<Shared>,
        state: Arc<PartitionState>,
        log_id: LogId,
        of: TopicPartition,
        at: Offset,
    ) -> Self {
        let (mut cursor, written) = (state.near(at.number()), state.written.subscribe());
        if cursor.position == 0 {
            cursor.fold = Fold::of_log(log_id);
        }
        let follower = Follower::new(Arc::clone(&shared.config), of, written);
        let (sender, blocks) = mpsc::channel(AHEAD_BLOCKS);
        let ahead = ReadAhead { follower, cursor, state, next: at.number() };
        let task = tokio::spawn(ahead.run(sender));
        Self { shared, blocks, task }
    }
}

impl Drop for FluvioReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl LogReader for FluvioReader {
    async fn next(&mut self) -> Result<Batch, LogError> {
        let mut stop = self.shared.stop.subscribe();
        tokio::select! {
            biased;
            block = self.blocks.recv() => block.unwrap_or_else(|| Err(self.shared.gone())),
            _ = stop.wait_for(|stopped| *stopped) => Err(self.shared.gone()),
        }
    }
}

/// What the task of a reader knows.
struct ReadAhead {
    follower: Follower,
    cursor: Cursor,
    state: Arc<PartitionState>,
    /// The offset of the next record for the caller.
    next: u64,
}

impl ReadAhead {
    /// Reads until nobody wants it any more. What it has read is known to everybody who asks for
    /// the end, before the caller gets it: the writer may be another process.
    async fn run(mut self, blocks: mpsc::Sender<Result<Batch, LogError>>) {
        loop {
            let block = match self.follower.next(&mut self.cursor).await {
                Ok(followed) => followed.into_records(),
                Err(error) => return blocks.send(Err(error)).await.unwrap_or_default(),
            };
            self.state.publish(&self.cursor);
            let Some(batch) = block.and_then(|(first, records)| self.wanted(first, records)) else {
                continue;
            };
            if blocks.send(Ok(batch)).await.is_err() {
                return;
            }
        }
    }

    /// The place that reading began at may be before the first record that is wanted.
    fn wanted(&mut self, first: u64, mut records: Vec<Bytes>) -> Option<Batch> {
        let skipped = usize::try_from(self.next.saturating_sub(first)).unwrap_or(usize::MAX);
        if skipped >= records.len() {
            return None;
        }
        records.drain(..skipped);
        let batch = Batch { first: Offset::new(self.next), records };
        self.next = batch.end().number();
        Some(batch)
    }
}
