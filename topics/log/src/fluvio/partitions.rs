//! The partitions of a log that is open: they only become more.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};

use boxoffice_topics::PartitionId;
use boxoffice_topics::partition::PARTITIONS_MAX;
use tokio::sync::{mpsc, oneshot};

use super::fold::Fold;
use super::queue::Request;
use super::state::{PartitionState, Shared};
use super::writer::{Errand, Writer};
use crate::{LogError, Topic, TopicPartition};

/// Appends that wait for a writer before callers wait: ingest has one batch in flight for each
/// partition, and ticks and messages come one at a time too.
const QUEUE_APPENDS: usize = 256;

/// One partition of one topic.
#[derive(Clone)]
pub(super) struct Partition {
    pub(super) of: TopicPartition,
    pub(super) state: Arc<PartitionState>,
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

impl Partition {
    /// Starts the task of a partition, which ends with its last handle.
    pub(super) fn start(shared: &Arc<Shared>, of: TopicPartition) -> Self {
        let state = Arc::new(PartitionState::new());
        let writer = Writer::new(Arc::clone(shared), of, Arc::clone(&state));
        let (requests, queue) = mpsc::channel(QUEUE_APPENDS);
        tokio::spawn(writer.run(queue));
        Self { of, state, shared: Arc::clone(shared), requests }
    }

    pub(super) async fn send(&self, request: Request) -> Result<(), LogError> {
        self.requests.send(request).await.map_err(|_| self.shared.gone())
    }

    /// Has something done at the end of the partition, and says what is known of it then.
    pub(super) async fn errand(&self, errand: Errand) -> Result<Fold, LogError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Errand(errand, reply)).await?;
        answer.await.unwrap_or_else(|_| Err(self.shared.gone()))
    }
}

/// Both topics.
pub(super) struct Partitions {
    count: AtomicU16,
    intents: Vec<OnceLock<Partition>>,
    outcomes: Vec<OnceLock<Partition>>,
    /// Held by whoever adds some.
    pub(super) growing: tokio::sync::Mutex<()>,
}

impl Partitions {
    pub(super) fn new() -> Self {
        let none = || (0..PARTITIONS_MAX).map(|_| OnceLock::new()).collect();
        Self {
            count: AtomicU16::new(0),
            intents: none(),
            outcomes: none(),
            growing: tokio::sync::Mutex::new(()),
        }
    }

    /// How many each topic has.
    pub(super) fn count(&self) -> u16 {
        self.count.load(Ordering::Acquire)
    }

    fn topic(&self, topic: Topic) -> &[OnceLock<Partition>] {
        match topic {
            Topic::Intents => &self.intents,
            Topic::Outcomes => &self.outcomes,
        }
    }

    pub(super) fn get(&self, of: TopicPartition) -> Result<&Partition, LogError> {
        let (partition, count) = (of.partition.number(), self.count());
        let slot = self.topic(of.topic).get(usize::from(partition));
        slot.filter(|_| partition < count).and_then(OnceLock::get).ok_or_else(|| {
            LogError::Mismatch(Arc::from(format!("there is no {of}: {count} partitions")))
        })
    }

    /// Adds partitions, which nobody sees before [`Partitions::set_count`].
    pub(super) fn add(&self, partitions: Vec<Partition>) {
        for partition in partitions {
            let slot = usize::from(partition.of.partition.number());
            self.topic(partition.of.topic)[slot].get_or_init(|| partition);
        }
    }

    pub(super) fn set_count(&self, count: u16) {
        self.count.store(count, Ordering::Release);
    }
}

/// Some partitions of both topics, in the order of lists.
pub(super) fn topic_partitions(
    partitions: std::ops::Range<u16>,
) -> impl Iterator<Item = TopicPartition> {
    Topic::ALL.into_iter().flat_map(move |topic| {
        let partitions = partitions.clone().filter_map(PartitionId::new);
        partitions.map(move |partition| TopicPartition { topic, partition })
    })
}
