//! A partition that somebody else decides: its state, by the outcomes that its owner publishes.
//!
//! A step is published when its intent is durable, so what is read here may be shown at once.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use boxoffice_core::{State, apply};
use boxoffice_log::{Batch, Log, LogReader, TopicPartition};
use boxoffice_topics::envelope::{ChainHash, Envelope, EnvelopeError, StepHeader};
use boxoffice_topics::{LogId, Offset, PartitionId, Step};

use crate::checkpoint::{Checkpoints, Snapshot};
use crate::error::Error;
use crate::partition::{Finished, Release};
use crate::records::{check_genesis, expect_offset};
use crate::recover::{Ends, Progress, newest_snapshot};

/// A partition that was followed to its end of a moment ago.
pub struct Followed<L: Log> {
    /// Everything that is known. Whoever builds views starts them from here.
    pub state: State,
    /// The next offset of the snapshot that it began with.
    pub snapshot: Option<Offset>,
    /// Goes on from there.
    pub follower: Follower<L>,
}

impl<L: Log> std::fmt::Debug for Followed<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Followed").field("follower", &self.follower).finish_non_exhaustive()
    }
}

/// Follows a partition: hands out each step after those that its state knows.
pub struct Follower<L: Log> {
    reader: L::Reader,
    steps: Steps,
}

impl<L: Log> std::fmt::Debug for Follower<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// Follows a partition up to the end of its outcomes, as it is when this begins, or a little
/// further. Nothing is written, and the owner does not notice.
///
/// # Errors
/// When the log has failed, or the outcomes are not one chain of steps of this log.
pub async fn follow<L: Log>(
    log: &L,
    partition: PartitionId,
    checkpoints: &Checkpoints,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Followed<L>, Error> {
    let outcomes = TopicPartition::outcomes(partition);
    check_genesis(log, outcomes).await?;
    let places = checkpoints.newest_first(log.log_id(), partition).await;
    // In this order: outcomes are never ahead of their intents.
    let end = log.end(outcomes).await?;
    let intents = log.end(TopicPartition::intents(partition)).await?;
    let ends = Ends { intents, outcomes: end };
    let found = newest_snapshot(log, partition, &places, ends).await?;
    let snapshot = found.as_ref().map(|snapshot| snapshot.state.next_offset());
    let Snapshot { mut state, chain } =
        found.unwrap_or_else(|| Snapshot::of_nothing(log.log_id(), partition));
    let mut steps = Steps { log_id: log.log_id(), outcomes, next: state.next_offset(), chain };
    let mut reader = log.read(outcomes, steps.next).await?;
    while steps.next < end {
        for step in steps.read(&reader.next().await?)? {
            apply(&mut state, &step);
        }
        Progress { partition, next: steps.next.min(end), end }.tell(&mut progress);
    }
    Ok(Followed { state, snapshot, follower: Follower { reader, steps } })
}

impl<L: Log> Follower<L> {
    /// Releases every step as it is published, until `shutdown`.
    ///
    /// # Errors
    /// As [`follow`]. What was released before is right.
    pub async fn run(
        mut self,
        mut release: impl Release,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Finished, Error> {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = shutdown.as_mut() => {
                    return Ok(Finished { next: self.steps.next, chain: self.steps.chain });
                }
                batch = self.reader.next() => release.release(self.steps.read(&batch?)?),
            }
        }
    }
}

/// The chain of steps, as far as it was read.
#[derive(Debug)]
struct Steps {
    log_id: LogId,
    outcomes: TopicPartition,
    next: Offset,
    chain: ChainHash,
}

impl Steps {
    fn read(&mut self, batch: &Batch) -> Result<Vec<Arc<Step>>, Error> {
        batch.iter().map(|(offset, record)| self.read_step(offset, record)).collect()
    }

    fn read_step(&mut self, offset: Offset, record: &[u8]) -> Result<Arc<Step>, Error> {
        let topic = self.outcomes;
        expect_offset(topic, self.next, offset)?;
        let (header, step, chain) =
            self.decode(record).map_err(|error| Error::Unreadable { topic, offset, error })?;
        if header.log_id != self.log_id {
            let (expected, found) = (self.log_id, header.log_id);
            return Err(Error::OtherLog { topic, offset, expected, found });
        }
        expect_offset(topic, offset, header.input)?;
        expect_offset(topic, offset, step.offset)?;
        if header.chain != chain {
            let (expected, found) = (chain, header.chain);
            return Err(Error::ChainBroken { topic, offset, expected, found });
        }
        (self.next, self.chain) = (offset.next(), chain);
        Ok(Arc::new(step))
    }

    /// A step, and the hash that it should have.
    fn decode(&self, record: &[u8]) -> Result<(StepHeader, Step, ChainHash), EnvelopeError> {
        let envelope = Envelope::open(record)?;
        let chain = self.chain.extended_by(envelope.payload);
        Ok((envelope.step_header()?, envelope.step()?, chain))
    }
}
