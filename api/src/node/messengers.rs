//! The messengers of a node: one for each partition that it owns, since any of them may send. A message that is
//! not brought is a promise that is not kept, so one that fails is the failure of the node.

use std::collections::BTreeSet;
use std::sync::Arc;

use boxoffice_core::State;
use boxoffice_log::AnyLog;
use boxoffice_processors::{Messenger, SystemClock, messages_begin};
use boxoffice_topics::PartitionId;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::{NodeError, until};
use crate::views::{Look, Views};

/// The running messengers.
#[derive(Debug)]
pub(super) struct Messengers {
    log: AnyLog,
    views: Arc<Views>,
    moved: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    running: JoinSet<Result<(), NodeError>>,
}

impl Messengers {
    /// None yet.
    pub(super) fn new(log: &AnyLog, views: &Arc<Views>) -> Self {
        Self {
            log: log.clone(),
            views: Arc::clone(views),
            moved: views.moved(),
            stop: watch::Sender::new(false),
            running: JoinSet::new(),
        }
    }

    /// Each begins where the receivers' states say. Slots are where they are now.
    fn spawn_all(&mut self, owned: &BTreeSet<PartitionId>) {
        self.stop = watch::Sender::new(false);
        let map = self.views.map();
        let looks: Vec<Look<'_>> =
            self.views.partitions().map(|partition| self.views.look_at(partition)).collect();
        let states: Vec<&State> = looks.iter().map(Look::state).collect();
        for state in states.iter().filter(|state| owned.contains(&state.partition())) {
            let partition = state.partition();
            let begin = messages_begin(state, &states);
            let (log, map) = (self.log.clone(), map.clone());
            let messenger = Messenger::new(log, SystemClock, map, partition, begin);
            let stopped = until(self.stop.subscribe());
            self.running.spawn(async move {
                let ended = messenger.run(stopped).await;
                ended.map_err(|error| NodeError::Messages { partition, error })
            });
        }
    }

    /// Returns when slots have moved, or with the error of one that has failed. Dropping the future
    /// loses nothing.
    pub(super) async fn attend(&mut self) -> Result<(), NodeError> {
        tokio::select! {
            Some(ended) = self.running.join_next() => {
                settled(ended).and(Err(NodeError::Ended("a messenger")))
            }
            // The views are kept here, so the sender lives.
            _ = self.moved.changed() => Ok(()),
        }
    }

    /// Ends them, and starts those of these partitions on the ways of now. What was sent on the old
    /// ways and is not received is sent on the new ones: nothing may pass it.
    pub(super) async fn restart(&mut self, owned: &BTreeSet<PartitionId>) -> Result<(), NodeError> {
        self.end().await?;
        self.spawn_all(owned);
        Ok(())
    }

    async fn end(&mut self) -> Result<(), NodeError> {
        self.stop.send_replace(true);
        let mut result = Ok(());
        while let Some(ended) = self.running.join_next().await {
            result = result.and(settled(ended));
        }
        result
    }

    /// What is not brought yet is brought after the next start.
    pub(super) async fn stop(mut self) -> Result<(), NodeError> {
        self.end().await
    }
}

fn settled(ended: Result<Result<(), NodeError>, JoinError>) -> Result<(), NodeError> {
    ended.unwrap_or(Err(NodeError::Ended("a messenger")))
}
