//! Brings messages from key to key: follows the outcomes of one partition, and appends each
//! message that they send to the partition of the key that it is for, the same one included.
//!
//! It promises two things: every message is brought at least once, and those from one partition
//! to another in the order of their names. It keeps nothing of its own: how far each receiver has
//! come is in the receiver's state (decision 10).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use boxoffice_core::State;
use boxoffice_log::{Batch, Durability, Log, LogError, LogReader, TopicPartition};
use boxoffice_topics::envelope::{Envelope, EnvelopeError, RecordKind, intent_to_record};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    AccountId, Header, Intent, IntentKey, Message, Offset, Outcome, PartitionId, PartitionMap,
    Timestamp,
};
use bytes::Bytes;
use futures_util::future::try_join_all;

use crate::clock::Clock;
use crate::error::Error;
use crate::metric_definitions::MessengerMetrics;
use crate::records::expect_offset;

/// Messages in one append: with the largest of them far below what an append may be.
const APPEND_MESSAGES_MAX: usize = 256;
/// The wait before a full disk is tried again.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// The messenger of one partition that sends.
#[derive(Debug)]
pub struct Messenger<L, C> {
    log: L,
    clock: C,
    map: PartitionMap,
    from: PartitionId,
    next: Offset,
    metrics: MessengerMetrics,
}

/// Messages that one partition gets, encoded, in order.
type Mail = BTreeMap<PartitionId, Vec<Bytes>>;

impl<L: Log, C: Clock> Messenger<L, C> {
    /// The messenger of a partition whose outcomes before `begin` need not be looked at.
    #[must_use]
    pub fn new(log: L, clock: C, map: PartitionMap, from: PartitionId, begin: Offset) -> Self {
        Self { log, clock, map, from, next: begin, metrics: MessengerMetrics::new(from) }
    }

    /// Runs until `shutdown`. What has not been brought by then is brought after the next start.
    ///
    /// # Errors
    /// When the log fails or holds something that is no step: the process must stop.
    pub async fn run(mut self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let outcomes = TopicPartition::outcomes(self.from);
        let mut reader = self.log.read(outcomes, self.next).await?;
        let mut shutdown = pin!(shutdown);
        loop {
            // Giving up in the middle is safe: nothing is appended after what is in doubt.
            tokio::select! {
                biased;
                () = shutdown.as_mut() => return Ok(()),
                batch = reader.next() => {
                    let mail = self.collect(outcomes, &batch?)?;
                    tokio::select! {
                        () = shutdown.as_mut() => return Ok(()),
                        brought = self.bring(mail) => brought?,
                    }
                }
            }
        }
    }

    /// Every message of a batch, by the partition that gets it.
    fn collect(&mut self, outcomes: TopicPartition, batch: &Batch) -> Result<Mail, Error> {
        let now = self.clock.now();
        let mut mail = Mail::new();
        for (offset, record) in batch.iter() {
            expect_offset(outcomes, self.next, offset)?;
            self.next = offset.next();
            let unreadable = |error| Error::Unreadable { topic: outcomes, offset, error };
            for (name, message) in self.messages(offset, record).map_err(unreadable)? {
                let to = self.map.partition_of(message.slot());
                mail.entry(to).or_default().push(deliver(now, name, message));
            }
        }
        Ok(mail)
    }

    fn messages(
        &self,
        offset: Offset,
        record: &[u8],
    ) -> Result<Vec<(EffectName, Message)>, EnvelopeError> {
        let envelope = Envelope::open(record)?;
        if envelope.kind == RecordKind::Genesis {
            return Ok(Vec::new());
        }
        let sent =
            (0..).zip(envelope.step()?.outcomes).filter_map(|(index, outcome)| match outcome {
                Outcome::MessageSent { message } => {
                    Some((EffectName::new(self.from, offset, index), message))
                }
                _ => None,
            });
        Ok(sent.collect())
    }

    /// Appends to all receivers side by side, and to each of them in order.
    async fn bring(&self, mail: Mail) -> Result<(), LogError> {
        let brought = mail.into_iter().map(|(to, messages)| self.bring_to(to, messages));
        try_join_all(brought).await.map(drop)
    }

    async fn bring_to(&self, to: PartitionId, messages: Vec<Bytes>) -> Result<(), LogError> {
        for some in messages.chunks(APPEND_MESSAGES_MAX) {
            self.append(TopicPartition::intents(to), some).await?;
            self.metrics.brought(some.len());
        }
        Ok(())
    }

    async fn append(&self, to: TopicPartition, messages: &[Bytes]) -> Result<(), LogError> {
        loop {
            match self.log.append(to, messages.to_vec(), Durability::Synced).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_retriable() => {
                    tracing::warn!(from = %self.from, %to, %error, "messages not brought yet");
                    tokio::time::sleep(FULL_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// A control record, like a tick: it has no account and no key.
fn deliver(now: Timestamp, from: EffectName, message: Message) -> Bytes {
    let (account, key) = (AccountId::default(), IntentKey::default());
    let header = Header { recorded_at: now, account, key, fingerprint: 0, traceparent: None };
    intent_to_record(&header, &Intent::Deliver { from, message }).into()
}

/// Where the messenger of a partition begins: at the first of its outcomes with a message that
/// its receiver has not had, or after all of them. `states` are those of every partition; one that
/// is not among them counts as having had nothing.
#[must_use]
pub fn messages_begin(from: &State, states: &[State], map: &PartitionMap) -> Offset {
    let missing = from.sent_messages().filter_map(|sent| {
        let receiver = map.partition_of(sent.slot);
        let receiver = states.iter().find(|state| state.partition() == receiver);
        let mut received = receiver.into_iter().flat_map(State::received_messages);
        let had = received.find(|had| had.partition() == from.partition());
        match had {
            Some(had) if had >= sent.latest => None,
            // There may be more in the step of the last one.
            Some(had) => Some(had.offset().max(sent.first.offset())),
            None => Some(sent.first.offset()),
        }
    });
    missing.min().unwrap_or_else(|| from.next_offset())
}
