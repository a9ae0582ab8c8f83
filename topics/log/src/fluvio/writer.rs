//! The one task that writes to a partition for this process: it takes what is queued, sends it as
//! one block, waits for the answer and gives it on. The next block gathers meanwhile.
//!
//! Many processes write intents side by side, each as a session of its own. Outcomes have one
//! writer, which whoever owns the partition takes over from the one before.
//!
//! After an error it does not know whether the block is there, or will come there. It makes a new
//! client, says that a new attempt begins, and reads up to there: what is before it counts, and
//! what comes after it from before is passed over by every reader. So a block is written again
//! only when it is certain that the first one does not count.

use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_topics::Genesis;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::connect::Away;
use super::frame::{self, Header, WriterId};
use super::queue::{Append, Queue, Request, Work, answer, refuse};
use super::state::{PartitionState, Shared};
use super::tail::{Tail, Trouble};
use crate::{LogError, Topic, TopicPartition};

/// The wait after an error: a cluster that comes back needs some seconds at most.
const PAUSE: Duration = Duration::from_millis(200);

/// Something to do at the end of a partition other than to append records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errand {
    /// Find out what is there.
    Look,
    /// Write the first record, unless there is one.
    Begin(Genesis),
    /// Say that so many partitions have begun.
    Announce(u16),
    /// Become the only one who writes here.
    Own,
    /// Write here no more.
    Disown,
}

/// The writer of one partition.
pub(super) struct Writer {
    shared: Arc<Shared>,
    of: TopicPartition,
    id: WriterId,
    tail: Tail,
    /// The last attempt has begun in the topic, and nothing of it is in doubt.
    begun: bool,
    /// This process writes alone here, as far as it knows.
    owns: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, of: TopicPartition, state: Arc<PartitionState>) -> Self {
        let id = WriterId { session: shared.session, attempt: 0 };
        let tail = Tail::new(Arc::clone(&shared), of, state);
        Self { shared, of, id, tail, begun: false, owns: false }
    }

    /// Writes until everybody has gone, or until the log stops.
    pub(super) async fn run(mut self, requests: mpsc::Receiver<Request>) {
        let mut queue = Queue::new(requests);
        let mut stopped = self.shared.stop.subscribe();
        loop {
            let work = tokio::select! {
                work = queue.gather() => work,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            match work {
                None => return,
                Some(Work::Append(batch)) => self.append(batch, &mut queue).await,
                Some(Work::Errand(errand, reply)) => {
                    let done = self.run_errand(errand).await.map(|()| self.tail.fold().clone());
                    self.stop_after(done.as_ref().err());
                    // A caller that went away does not undo it.
                    reply.send(done).unwrap_or_default();
                }
            }
        }
    }

    /// Stops the log after an error that is not of this partition alone, before anybody is told.
    fn stop_after(&self, error: Option<&LogError>) {
        match error {
            None | Some(LogError::Away(_) | LogError::Mismatch(_) | LogError::Replaced(_)) => {}
            Some(error) => self.shared.stop(error),
        }
    }

    async fn append(&mut self, batch: Vec<Append>, queue: &mut Queue) {
        match self.commit(&batch, queue).await {
            Ok(first) => answer(batch, first),
            Err(error) => {
                self.stop_after(Some(&error));
                refuse(batch, &self.shared.stopped().unwrap_or(error));
            }
        }
    }

    /// Writes a batch and returns the offset of its first record.
    async fn commit(&mut self, batch: &[Append], queue: &mut Queue) -> Result<u64, LogError> {
        let records: Vec<Bytes> =
            batch.iter().flat_map(|append| append.records.iter().cloned()).collect();
        if records.is_empty() {
            // Others may have written since, or taken over what is owned here.
            self.run_errand(Errand::Look).await?;
            return Ok(self.tail.fold().next);
        }
        if self.of.topic == Topic::Outcomes && !self.owns {
            let reason = format!("{} is not owned", self.of);
            return Err(LogError::Mismatch(Arc::from(reason)));
        }
        let started = Instant::now();
        let first = self.write(&records, queue).await?;
        self.tail.metrics.commit_seconds.record(started.elapsed());
        self.tail.metrics.batch_records.record(records.len() as f64);
        Ok(first)
    }

    /// Writes records as the next block, however often the cluster goes away meanwhile, and
    /// returns where they are.
    async fn write(&mut self, records: &[Bytes], queue: &mut Queue) -> Result<u64, LogError> {
        let since = Instant::now();
        self.tail.take_landed();
        loop {
            match self.try_write(records).await {
                Ok(first) => return Ok(first),
                Err(Trouble::Stop(error)) => return Err(error),
                Err(Trouble::Away(reason)) => self.wait(reason, since, queue).await?,
            }
        }
    }

    /// Bears with a cluster that is away. What waits in the queue is refused before long: nothing
    /// of it was sent.
    async fn wait(
        &mut self,
        reason: Away,
        since: Instant,
        queue: &mut Queue,
    ) -> Result<(), LogError> {
        self.give_up_client(&reason);
        let (config, outage) = (&self.shared.config, since.elapsed());
        if outage >= config.outage_max {
            let reason = format!("{}: the cluster was away for {outage:?}: {reason}", self.of);
            return Err(LogError::Stopped(Arc::from(reason)));
        }
        if outage >= config.patience {
            queue.refuse(&LogError::Away(Arc::from(reason)));
        }
        self.shared.check()?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    fn give_up_client(&mut self, reason: &str) {
        self.begun = false;
        self.tail.disconnect();
        self.tail.metrics.reconnects.increment(1);
        tracing::warn!(of = %self.of, reason, "the cluster is away");
    }

    async fn try_write(&mut self, records: &[Bytes]) -> Result<u64, Trouble> {
        if !self.begun {
            self.begin_attempt().await?;
        }
        if let Some(first) = self.tail.take_landed() {
            // The block was there before this attempt began.
            return Ok(first);
        }
        let header = self.next_header(records)?;
        self.tail.put_block(frame::seal(&header, records)).await?;
        match self.tail.take_landed() {
            Some(first) => Ok(first),
            None => Err(self.next_header(records).map_or_else(|why| why, |_| self.in_vain())),
        }
    }

    /// Makes a new client and says that a new attempt begins. From then on nothing of before comes
    /// into the log any more.
    async fn begin_attempt(&mut self) -> Result<(), Trouble> {
        self.tail.disconnect();
        self.id.attempt += 1;
        let word = match self.of.topic {
            Topic::Intents => frame::session(self.id),
            Topic::Outcomes => frame::renewal(self.id),
        };
        self.tail.put(word).await?;
        self.begun = true;
        Ok(())
    }

    /// The header of the next block.
    fn next_header(&self, records: &[Bytes]) -> Result<Header, Trouble> {
        // Bounded by the bytes of an append, which are far fewer.
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let fold = self.tail.fold();
        match (self.of.topic, fold.log_id) {
            (Topic::Outcomes, Some(log_id)) if fold.is_alone(self.id) => {
                Ok(fold.next_block(log_id, self.id, count))
            }
            (Topic::Outcomes, _) => Err(LogError::Replaced(self.of).into()),
            (Topic::Intents, _) => fold.next_of_session(self.id, count).ok_or_else(|| {
                // Many others began to write since.
                Trouble::Away(format!("the session was forgotten in {}", self.of))
            }),
        }
    }

    fn in_vain(&self) -> Trouble {
        let reason = format!("{}: a block was acknowledged and does not count", self.of);
        LogError::Diverged(Arc::from(reason)).into()
    }

    /// Does something that can be done again, for as long as an append would wait.
    ///
    /// # Errors
    /// [`LogError::Away`] when the cluster did not answer.
    async fn run_errand(&mut self, errand: Errand) -> Result<(), LogError> {
        let since = Instant::now();
        loop {
            match self.try_errand(errand).await {
                Ok(()) => return Ok(()),
                Err(Trouble::Stop(error)) => return Err(error),
                Err(Trouble::Away(reason)) => {
                    self.give_up_client(&reason);
                    if since.elapsed() >= self.shared.config.patience {
                        return Err(LogError::Away(Arc::from(reason)));
                    }
                    self.shared.check()?;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_errand(&mut self, errand: Errand) -> Result<(), Trouble> {
        match errand {
            Errand::Look => self.look().await,
            Errand::Begin(genesis) => self.tail.put(frame::genesis(self.id, &genesis)).await,
            Errand::Announce(number) => self.tail.put(frame::partitions(self.id, number)).await,
            Errand::Own => self.own().await,
            Errand::Disown => {
                (self.begun, self.owns) = (false, false);
                self.tail.disconnect();
                Ok(())
            }
        }
    }

    /// Who does not write here yet begins with a client of its own.
    async fn look(&mut self) -> Result<(), Trouble> {
        self.tail.put(frame::mark(self.id)).await?;
        if !self.begun {
            self.tail.disconnect();
        }
        Ok(())
    }

    async fn own(&mut self) -> Result<(), Trouble> {
        self.tail.disconnect();
        self.id.attempt += 1;
        self.tail.put(frame::fence(self.id)).await?;
        (self.begun, self.owns) = (true, true);
        Ok(())
    }
}
