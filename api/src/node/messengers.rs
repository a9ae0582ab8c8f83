//! The messengers of a node: one for each partition, since any of them may send. A message that is
//! not brought is a promise that is not kept, so one that fails is the failure of the node.

use boxoffice_core::State;
use boxoffice_log::AnyLog;
use boxoffice_processors::{Messenger, SystemClock, messages_begin};
use boxoffice_topics::{Offset, PartitionId, PartitionMap};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::{NodeError, until};

/// A partition that sends, and the first of its outcomes that may have something to bring.
pub(super) type Route = (PartitionId, Offset);

/// Where the messengers of recovered partitions begin: how far each receiver has come is in its
/// state.
pub(super) fn routes(states: &[State], map: &PartitionMap) -> Vec<Route> {
    let route = |state: &State| (state.partition(), messages_begin(state, states, map));
    states.iter().map(route).collect()
}

/// The running messengers.
#[derive(Debug)]
pub(super) struct Messengers {
    stop: watch::Sender<bool>,
    running: JoinSet<Result<(), NodeError>>,
}

impl Messengers {
    pub(super) fn start(log: &AnyLog, map: &PartitionMap, routes: Vec<Route>) -> Self {
        let (stop, _) = watch::channel(false);
        let mut running = JoinSet::new();
        for (partition, begin) in routes {
            let messenger = Messenger::new(log.clone(), SystemClock, map.clone(), partition, begin);
            let stopped = until(stop.subscribe());
            running.spawn(async move {
                let ended = messenger.run(stopped).await;
                ended.map_err(|error| NodeError::Messages { partition, error })
            });
        }
        Self { stop, running }
    }

    /// Returns when one has failed. Dropping the future loses nothing.
    pub(super) async fn failed(&mut self) -> NodeError {
        match self.running.join_next().await.map(settled) {
            Some(Err(error)) => error,
            Some(Ok(())) | None => NodeError::Ended("a messenger"),
        }
    }

    /// What is not brought yet is brought after the next start.
    pub(super) async fn stop(mut self) -> Result<(), NodeError> {
        self.stop.send_replace(true);
        let mut result = Ok(());
        while let Some(ended) = self.running.join_next().await {
            result = result.and(settled(ended));
        }
        result
    }
}

fn settled(ended: Result<Result<(), NodeError>, JoinError>) -> Result<(), NodeError> {
    ended.unwrap_or(Err(NodeError::Ended("a messenger")))
}
