//! What there is one of for each partition: its appender, its owner, its messenger. Partitions come
//! while the node runs, so all of them are looked after in one place.

use std::sync::Arc;

use boxoffice_core::State;
use boxoffice_ingest::{Appenders, Ingest};
use boxoffice_log::{AnyLog, Log as _};
use boxoffice_processors::{
    Checkpoints, Finished, Partition, Recovered, Release, SystemClock, recover,
};
use boxoffice_topics::{PartitionId, Step};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use super::messengers::Messengers;
use super::{Answers, NodeError, until};
use crate::views::{Views, Waiter};

/// Asks for so many partitions in all.
#[derive(Debug)]
pub struct Grow {
    /// How many.
    pub partitions: u16,
    /// Told when they are there, or why they are not.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// Shows the steps of one partition.
struct Releases {
    views: Arc<Views>,
    partition: PartitionId,
}

impl Release for Releases {
    fn release(&mut self, steps: Vec<Arc<Step>>) {
        self.views.release(self.partition, &steps);
    }
}

/// Those who work for partitions.
pub(super) struct Crew {
    log: AnyLog,
    views: Arc<Views>,
    ingest: Ingest<Arc<Waiter>>,
    answers: Arc<Answers>,
    checkpoints: Checkpoints,
    appenders: Appenders,
    messengers: Messengers,
    stop_partitions: watch::Sender<bool>,
    partitions: JoinSet<Result<Finished, NodeError>>,
    grow: mpsc::Receiver<Grow>,
}

impl Crew {
    /// Those who will work for the partitions of the log, and whoever asks them for more of them.
    pub(super) fn new(
        log: &AnyLog,
        views: &Arc<Views>,
        (ingest, appenders): (&Ingest<Arc<Waiter>>, Appenders),
        answers: Arc<Answers>,
        checkpoints: Checkpoints,
    ) -> (Self, mpsc::Sender<Grow>) {
        let (sender, grow) = mpsc::channel(1);
        let crew = Self {
            log: log.clone(),
            views: Arc::clone(views),
            ingest: ingest.clone(),
            answers,
            checkpoints,
            appenders,
            messengers: Messengers::start(log, views),
            stop_partitions: watch::Sender::new(false),
            partitions: JoinSet::new(),
            grow,
        };
        (crew, sender)
    }

    /// Starts the owners of recovered partitions, and looks after everybody until it is told to stop.
    pub(super) fn start(
        mut self,
        recovered: Vec<Recovered>,
    ) -> (watch::Sender<bool>, JoinHandle<Result<(), NodeError>>) {
        recovered.into_iter().for_each(|recovered| self.spawn(recovered));
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(self.run(stopped)))
    }

    /// Starts the owner of a recovered partition, which the views show.
    fn spawn(&mut self, recovered: Recovered) {
        let partition = recovered.state.partition();
        let owner = Partition::new(
            self.log.clone(),
            recovered,
            self.checkpoints.clone(),
            boxoffice_processors::Config::default(),
            Releases { views: Arc::clone(&self.views), partition },
            SystemClock,
        );
        let stopped = until(self.stop_partitions.subscribe());
        self.partitions.spawn(async move {
            owner.run(stopped).await.map_err(|error| NodeError::Partition { partition, error })
        });
    }

    /// Works until `stop`; then appends what is queued, and decides and publishes it.
    ///
    /// # Errors
    /// When a part that selling needs has failed: the process must end.
    async fn run(mut self, stop: watch::Receiver<bool>) -> Result<(), NodeError> {
        let mut stop = std::pin::pin!(until(stop));
        loop {
            tokio::select! {
                biased;
                () = stop.as_mut() => return self.shut_down().await,
                error = self.appenders.failed() => return Err(error.into()),
                Some(ended) = self.partitions.join_next() => {
                    settled(ended)?;
                    return Err(NodeError::Ended("a partition"));
                }
                moved = self.messengers.attend() => {
                    moved?;
                    self.messengers.restart().await?;
                }
                Some(Grow { partitions, done }) = self.grow.recv() => {
                    let grown = self.grow_to(partitions).await;
                    // A failure of the log is noticed by everybody else, too.
                    done.send(grown.map_err(|error| error.to_string())).unwrap_or_default();
                }
            }
        }
    }

    /// Adds partitions, which begin without any slot.
    async fn grow_to(&mut self, partitions: u16) -> Result<(), NodeError> {
        self.log.grow(partitions).await?;
        let known = self.views.partitions().count();
        for partition in (0..self.log.partitions()).filter_map(PartitionId::new).skip(known) {
            self.log.own(partition).await?;
            let recovered = recover(&self.log, partition, &self.checkpoints, |_| ()).await;
            let recovered = recovered.map_err(|error| NodeError::Partition { partition, error })?;
            let state: State = recovered.state.clone();
            self.views.add(state);
            self.spawn(recovered);
        }
        let config = boxoffice_ingest::Config::default();
        self.ingest.grow(&mut self.appenders, &self.log, &config, &self.answers);
        self.messengers.restart().await
    }

    async fn shut_down(mut self) -> Result<(), NodeError> {
        let mut result = self.appenders.shut_down().await.map_err(NodeError::from);
        result = result.and(self.messengers.stop().await);
        self.stop_partitions.send_replace(true);
        while let Some(ended) = self.partitions.join_next().await {
            result = result.and(settled(ended).map(|_| ()));
        }
        result
    }
}

fn settled(ended: Result<Result<Finished, NodeError>, JoinError>) -> Result<Finished, NodeError> {
    ended.unwrap_or(Err(NodeError::Ended("a partition")))
}
