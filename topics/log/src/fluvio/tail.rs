//! The end of one partition, as one process knows it: it sends frames there, and reads up to them.

use std::sync::Arc;
use std::time::Duration;

use super::connect::Away;
use super::fold::{Fold, Folded};
use super::follower::{Cursor, Follower};

use super::sender::Sender;
use super::state::{PartitionState, Shared, raise};
use crate::metric_definitions::WriterMetrics;
use crate::{LogError, TopicPartition};

/// How long reading up to a frame may go without a record.
const CATCH_UP_STALL: Duration = Duration::from_secs(10);

/// What did not work.
pub(super) enum Trouble {
    /// The cluster; it may later.
    Away(Away),
    /// The log, or this partition of it.
    Stop(LogError),
}

impl From<Away> for Trouble {
    fn from(reason: Away) -> Self {
        Self::Away(reason)
    }
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        Self::Stop(error)
    }
}

/// The end of one partition.
pub(super) struct Tail {
    shared: Arc<Shared>,
    of: TopicPartition,
    state: Arc<PartitionState>,
    cursor: Cursor,
    follower: Follower,
    sender: Option<Sender>,
    /// Where the block of this session is that was read last.
    landed: Option<u64>,
    pub(super) metrics: WriterMetrics,
}

impl Tail {
    pub(super) fn new(shared: Arc<Shared>, of: TopicPartition, state: Arc<PartitionState>) -> Self {
        let written = state.written.subscribe();
        Self {
            follower: Follower::new(Arc::clone(&shared.config), of, written),
            shared,
            of,
            state,
            cursor: Cursor::default(),
            sender: None,
            landed: None,
            metrics: WriterMetrics::register(),
        }
    }

    pub(super) fn fold(&self) -> &Fold {
        &self.cursor.fold
    }

    /// Forgets which block was read last, and says where it was.
    pub(super) fn take_landed(&mut self) -> Option<u64> {
        self.landed.take()
    }

    /// Gives the clients up after an error, which would stay in them.
    pub(super) fn disconnect(&mut self) {
        self.sender = None;
        self.follower.close();
    }

    /// Sends a frame without records and reads up to it: what is before it is known then. Nobody
    /// needs the stream after that for a long time.
    pub(super) async fn put(&mut self, frame: Vec<u8>) -> Result<(), Trouble> {
        let position = self.send(frame).await?;
        self.catch_up(position).await?;
        self.follower.close();
        Ok(())
    }

    /// Sends a block. It is known then where it is in the log, unless it does not count.
    pub(super) async fn put_block(&mut self, block: Vec<u8>) -> Result<(), Trouble> {
        let mut after = self.cursor.clone();
        let folded = after.take(self.of, &block)?;
        self.metrics.written_bytes.increment(block.len() as u64);
        let position = self.send(block).await?;
        if position != self.cursor.position {
            // Others write here too: the stream stays open, because it will be so again.
            return self.catch_up(position).await;
        }
        self.cursor = after;
        self.follower.close_behind(self.cursor.position);
        self.read(&folded);
        Ok(())
    }

    async fn send(&mut self, frame: Vec<u8>) -> Result<u64, Trouble> {
        let sender = match self.sender.take() {
            Some(sender) => sender,
            None => Sender::open(&self.shared.config, self.of).await?,
        };
        let position = sender.send(frame).await?;
        self.sender = Some(sender);
        Ok(position)
    }

    /// Reads up to a record that is known to be there.
    async fn catch_up(&mut self, last: u64) -> Result<(), Trouble> {
        if last < self.cursor.position {
            let (of, position) = (self.of, self.cursor.position);
            let reason = format!("{of} came back with {last} records of {position}");
            return Err(LogError::Diverged(Arc::from(reason)).into());
        }
        raise(&self.state.written, last + 1);
        while self.cursor.position <= last {
            let position = self.cursor.position;
            let next = self.follower.next(&mut self.cursor);
            let followed = tokio::time::timeout(CATCH_UP_STALL, next).await;
            let followed = followed.map_err(|_| format!("record {position} did not come"))??;
            self.read(&followed.folded);
        }
        Ok(())
    }

    /// The cursor went over a record.
    fn read(&mut self, folded: &Folded) {
        match folded {
            Folded::Block(header, first) if header.writer.session == self.shared.session => {
                self.landed = Some(*first);
            }
            Folded::Unreadable(reason) => {
                let position = self.cursor.position - 1;
                self.metrics.quarantined.increment(1);
                tracing::error!(of = %self.of, position, %reason, "record quarantined");
            }
            Folded::Block(..) | Folded::Word | Folded::Repeated => {}
        }
        self.state.publish(&self.cursor);
    }
}
