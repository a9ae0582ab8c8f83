//! Follows one partition for a caller that may stop waiting at any time: a task reads ahead.

use std::sync::Arc;

use boxoffice_topics::{LogId, Offset};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::fold::Fold;
use super::follower::Follower;
use super::state::Shared;
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
        log_id: LogId,
        of: TopicPartition,
        index: usize,
        at: Offset,
    ) -> Self {
        let state = shared.state(index);
        let (mut cursor, written) = (state.near(at.number()), state.written.subscribe());
        if cursor.position == 0 {
            cursor.fold = Fold::of_log(log_id);
        }
        let follower = Follower::new(Arc::clone(&shared.config), of, cursor, written);
        let (sender, blocks) = mpsc::channel(AHEAD_BLOCKS);
        let task = tokio::spawn(read_ahead(follower, at.number(), sender));
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

async fn read_ahead(
    mut follower: Follower,
    mut next: u64,
    blocks: mpsc::Sender<Result<Batch, LogError>>,
) {
    loop {
        let block = match follower.next().await {
            Ok(followed) => followed.into_records(),
            Err(error) => return blocks.send(Err(error)).await.unwrap_or_default(),
        };
        let Some((first, mut records)) = block else { continue };
        // The place that reading began at may be before the first record that is wanted.
        let skipped = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        if skipped >= records.len() {
            continue;
        }
        records.drain(..skipped);
        let batch = Batch { first: Offset::new(next), records };
        next = batch.end().number();
        if blocks.send(Ok(batch)).await.is_err() {
            return;
        }
    }
}
