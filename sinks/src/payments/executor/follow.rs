//! Follows one partition of the outcomes topic for effects that are asked for or settled.
//!
//! Accepts exactly the next step, drops what it has seen, and stops at a hole or at another
//! log's records: an effect that is skipped would be money that nobody takes or gives back.

use std::collections::BTreeSet;

use boxoffice_log::{Log, LogReader, TopicPartition};
use boxoffice_topics::envelope::{Envelope, RecordKind, step_from_record};
use boxoffice_topics::{Offset, PartitionId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ExecutorError;
use crate::payments::effect::{Change, changes};

/// Where to begin in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowFrom {
    /// Which partition of the outcomes topic.
    pub partition: PartitionId,
    /// The first input whose step the given effects do not include: the recovered state's next
    /// offset. The topic may end before it.
    pub offset: Offset,
}

/// Follows partitions side by side, also those that come later.
pub(super) struct Followers<L> {
    log: L,
    sender: mpsc::Sender<Change>,
    followed: BTreeSet<PartitionId>,
    pub(super) tasks: JoinSet<Result<(), ExecutorError>>,
}

impl<L: Log> Followers<L> {
    pub(super) fn new(log: L, sender: mpsc::Sender<Change>) -> Self {
        Self { log, sender, followed: BTreeSet::new(), tasks: JoinSet::new() }
    }

    /// Follows a partition, unless that is done already.
    pub(super) fn add(&mut self, from: FollowFrom) {
        if self.followed.insert(from.partition) {
            self.tasks.spawn(follow(self.log.clone(), from, self.sender.clone()));
        }
    }

    /// Follows a partition from its beginning, unless it is followed already.
    pub(super) fn add_new(&mut self, partition: PartitionId) {
        self.add(FollowFrom { partition, offset: Offset::ZERO });
    }
}

/// Sends every change, in order, until the receiver is gone.
async fn follow<L: Log>(
    log: L,
    from: FollowFrom,
    sender: mpsc::Sender<Change>,
) -> Result<(), ExecutorError> {
    let FollowFrom { partition, offset } = from;
    let topic = TopicPartition::outcomes(partition);
    // Outcomes are derived data: after a crash the topic may be shorter than the state.
    let start = log.end(topic).await?.min(offset);
    let mut reader = log.read(topic, start).await?;
    // Offset zero holds the genesis record, which is no step.
    let mut expected = offset.max(Offset::ZERO.next());
    loop {
        let batch = reader.next().await?;
        for (offset, record) in batch.iter() {
            let unreadable = |error| ExecutorError::Unreadable { partition, offset, error };
            if Envelope::open(record).map_err(unreadable)?.kind == RecordKind::Genesis {
                continue;
            }
            let (header, step) = step_from_record(record).map_err(unreadable)?;
            if header.log_id != log.log_id() {
                return Err(ExecutorError::ForeignLog { partition, offset });
            }
            if header.input < expected {
                continue;
            }
            if header.input > expected {
                return Err(ExecutorError::Hole { partition, expected, found: header.input });
            }
            expected = header.input.next();
            for change in changes(partition, &step) {
                if sender.send(change).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}
