//! Brings messages from key to key, and posts from partition to partition: follows the outcomes of
//! one partition, and appends each message that they send to the partition of the key that it is
//! for, the same one included.
//!
//! It promises two things: every message is brought at least once, and those from one partition
//! to another in the order of their names. It keeps nothing of its own: how far each receiver has
//! come is in the receiver's state (decision 10). When slots have moved, it is ended and another
//! one begins where the marks of the slots say: what was sent to the old owner may still be on its
//! way to the new one, and nothing may pass it (decision 21).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use boxoffice_core::{PostsSent, SentTo, State};
use boxoffice_log::{Batch, Durability, Log, LogError, LogReader, TopicPartition};
use boxoffice_topics::envelope::{Envelope, EnvelopeError, RecordKind, intent_to_record};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::{
    AccountId, Header, Intent, IntentKey, Offset, Outcome, PartitionId, PartitionMap,
    ScalingIntent, ScalingOutcome, Timestamp,
};
use bytes::Bytes;
use futures_util::future::try_join_all;

use crate::clock::Clock;
use crate::error::Error;
use crate::metric_definitions::MessengerMetrics;
use crate::records::expect_offset;

/// Messages in one append.
const APPEND_MESSAGES_MAX: usize = 256;
/// Bytes of messages in one append, far below what an append may be: an intent that is forwarded is
/// as large as any.
const APPEND_BYTES_MAX: usize = 2 << 20;
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
        // Steps are released before they are published, and only what is released is known to be
        // received.
        self.next = self.next.min(self.log.end(outcomes).await?);
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
            for (to, intent) in self.messages(offset, record).map_err(unreadable)? {
                mail.entry(to).or_default().push(control_record(now, &intent));
            }
        }
        Ok(mail)
    }

    fn messages(
        &self,
        offset: Offset,
        record: &[u8],
    ) -> Result<Vec<(PartitionId, Intent<'static>)>, EnvelopeError> {
        let envelope = Envelope::open(record)?;
        if envelope.kind == RecordKind::Genesis {
            return Ok(Vec::new());
        }
        let sent =
            (0..).zip(envelope.step()?.outcomes).filter_map(|(index, outcome)| match outcome {
                Outcome::MessageSent { message } => {
                    let from = EffectName::new(self.from, offset, index);
                    let to = self.map.partition_of(message.slot());
                    Some((to, Intent::Deliver { from, message }))
                }
                Outcome::Scaling(ScalingOutcome::Posted { to, post }) => {
                    let from = EffectName::new(self.from, offset, index);
                    Some((to, Intent::Scaling(ScalingIntent::Bring { from, post })))
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
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            let (some, later) = rest.split_at(fitting(rest));
            self.append(TopicPartition::intents(to), some).await?;
            self.metrics.brought(some.len());
            rest = later;
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

/// How many of these fit into one append, at least one.
fn fitting(messages: &[Bytes]) -> usize {
    let mut bytes = 0;
    let fits = |message: &&Bytes| {
        bytes += message.len();
        bytes <= APPEND_BYTES_MAX
    };
    messages.iter().take(APPEND_MESSAGES_MAX).take_while(fits).count().max(1)
}

/// A control record, like a tick: it has no account and no key.
fn control_record(now: Timestamp, intent: &Intent<'_>) -> Bytes {
    let (account, key) = (AccountId::default(), IntentKey::default());
    let header = Header { recorded_at: now, account, key, fingerprint: 0, traceparent: None };
    intent_to_record(&header, intent).into()
}

/// Where the messenger of a partition begins: at the first of its outcomes with a message or a post
/// that its receiver has not had, or after all of them. `states` are those of every partition; one
/// that is not among them counts as having had nothing.
#[must_use]
pub fn messages_begin(from: &State, states: &[&State]) -> Offset {
    let sender = from.partition();
    let message = |sent: SentTo| {
        // A slot that has left keeps its marks of then, so the latest mark is that of its owner.
        let marks = states.iter().map(|state| state.last_message(sender, sent.slot));
        missing_from(sent.first, sent.latest, marks.max().flatten())
    };
    let post = |sent: PostsSent| {
        let receiver = states.iter().find(|state| state.partition() == sent.to);
        let mark = receiver.and_then(|state| state.last_post_from(sender));
        missing_from(sent.first, sent.latest, mark)
    };
    let messages = from.sent_messages().filter_map(message);
    let missing = messages.chain(from.sent_posts().filter_map(post)).min();
    missing.unwrap_or_else(|| from.next_offset())
}

/// The offset of the first outcome that may not have come, of those from `first` to `latest`.
fn missing_from(first: EffectName, latest: EffectName, had: Option<EffectName>) -> Option<Offset> {
    match had {
        Some(had) if had >= latest => None,
        // There may be more in the step of the last one.
        Some(had) => Some(had.offset().max(first.offset())),
        None => Some(first.offset()),
    }
}
